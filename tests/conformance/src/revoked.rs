//! An API of which some tokens, sessions, users, clients and issuers are revoked.

use rampart_core::{Grants, Issuer, Revocation, Revocations};
use rampart_issuer::LocalIssuer;

use crate::fixture::{ALIAS, NOW, builder};
use crate::sender::Pair;

/// An issuer with the keys of the healthy one, all of whose tokens are revoked.
pub const CLOSED: &str = "https://closed.example";
/// By this second the tokens are revoked of which not all are.
pub const BOUND: u64 = NOW - 300;

/// What is revoked. The names that end in `-old` are those of what is revoked by a name of the issuer that it had before.
async fn revoke(revocations: &Revocations, issuer: &str, partner: &str) {
    let all: [Revocation; 14] = [
        Revocation::token(issuer, "token-1").into(),
        Revocation::token(ALIAS, "token-old").into(),
        Revocation::session(issuer, "session-1").into(),
        Revocation::session(ALIAS, "session-old").into(),
        Revocation::subject(issuer, "bob").into(),
        Revocation::subject(ALIAS, "bob-old").into(),
        Revocation::subject(issuer, "client:robot").into(),
        Revocation::subject(issuer, "alice").into(),
        Revocation::subject_without_session(issuer, "carol").into(),
        Revocation::subject(issuer, "dave").issued_before(BOUND).into(),
        Revocation::client(issuer, "spa-1").into(),
        Revocation::client(ALIAS, "spa-old").into(),
        Revocation::issued_before(partner, BOUND),
        Revocation::issuer(CLOSED),
    ];
    for revocation in all {
        revocations.revoke(revocation).await.unwrap();
    }
}

/// The API, with and without the cache of verified tokens.
pub async fn apis(issuer: &LocalIssuer, partner: &LocalIssuer) -> Pair {
    let revocations = Revocations::new();
    let own = || {
        let others = [
            Issuer::new(partner.url(), "partner-api").grants(Grants::everything()),
            Issuer::new(CLOSED, issuer.audience()).static_jwks(issuer.jwks_json()).grants(Grants::everything()),
        ];
        let api = builder(issuer, issuer.audience())
            .aliases([ALIAS])
            .subject_claim("/client_id")
            .issued_at_optional(true)
            .revocations(revocations.clone());
        others.into_iter().fold(api, rampart_core::RampartAuthBuilder::issuer)
    };
    let pair = Pair { cached: own().build().unwrap(), uncached: own().token_cache_bytes(0).build().unwrap() };
    revoke(&revocations, issuer.url(), partner.url()).await;
    pair
}
