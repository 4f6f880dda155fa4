//! Issuers by all their names, and as a whole.

use rampart_core::{AuthError, Grants, Issuer, RampartAuth, Revocation, Revocations};

use crate::common::{AUDIENCE, Draft, EC, ISSUER, NOW, RSA, all_keys, at, jwk, key_set, quoted, ready};
use crate::ground::{Ground, named};
use crate::replicas::{Replica, a_moment};
use crate::store::Store;

const ALIAS: &str = "https://old.example/";
const OTHER: &str = "https://other.example/";

fn under(iss: &str, draft: Draft) -> Draft {
    draft.claim("iss", &quoted(iss))
}

const OF_EACH_KIND: [fn(&str) -> Revocation; 6] = [
    |iss| Revocation::token(iss, "token-1").into(),
    |iss| Revocation::session(iss, "session-1").into(),
    |iss| Revocation::subject(iss, "user-1").into(),
    |iss| Revocation::client(iss, "spa").into(),
    |iss| Revocation::issued_before(iss, NOW),
    |iss| Revocation::issuer(iss),
];

#[test]
fn is14_revocation_reaches_an_issuer_under_every_spelling() {
    for (number, revocation) in OF_EACH_KIND.into_iter().enumerate() {
        for named_as in [ISSUER, ALIAS] {
            let ground = Ground::with(|builder| builder.aliases([ALIAS]));
            let claims = ready(ground.cached.verify(&under(ALIAS, named()).sign())).unwrap();
            assert_eq!((&*claims.iss, claims.get("iss").unwrap()), (ISSUER, Some(ALIAS.to_owned())));
            assert_eq!(claims.user(), (ISSUER, "user-1"));
            ground.revoke(revocation(named_as));
            for iss in [ISSUER, ALIAS] {
                assert!(!ground.passes(&under(iss, named())), "{number}: revoked as {named_as}, shown as {iss}");
            }
        }
    }
}

/// Such as one of before the issuer got another name.
#[tokio::test(start_paused = true)]
async fn is14_revocation_by_a_replica_that_knows_one_spelling_reaches_the_others_where_they_are_known() {
    for (number, revocation) in OF_EACH_KIND.into_iter().enumerate() {
        let store = Store::new();
        let knows_one = Replica::start(&store).await;
        knows_one.revoke(revocation(ALIAS)).await;
        assert!(knows_one.passes(&named()), "{number}: it is somebody else");
        let knows_both = Replica::of(&store, |shared| shared, |builder| builder.aliases([OTHER, ALIAS])).await;
        for iss in [ISSUER, ALIAS, OTHER] {
            assert!(!knows_both.passes(&under(iss, named())), "{number}: shown as {iss}");
        }
        knows_one.ground.revocations.lift_issuer(ALIAS).await.unwrap();
        a_moment().await;
        assert_eq!(knows_both.passes(&named()), number == 5, "{number}");
    }
}

/// Each of two issuers has its own keys.
fn two(revocations: &Revocations) -> RampartAuth {
    RampartAuth::builder(ISSUER, AUDIENCE)
        .static_jwks(key_set([jwk(&EC)]))
        .issuer(Issuer::new(OTHER, AUDIENCE).static_jwks(key_set([jwk(&RSA)])).grants(Grants::everything()))
        .clock(|| at(std::time::Duration::from_secs(NOW)))
        .revocations(revocations.clone())
        .build()
        .unwrap()
}

#[test]
fn is19_same_names_at_another_issuer_are_somebody_elses() {
    let names = |draft: Draft| {
        draft.claim("jti", r#""token-1""#).claim("sid", r#""session-1""#).claim("client_id", r#""spa""#).sign()
    };
    let (first, second) = (names(Draft::by(&EC)), names(under(OTHER, Draft::by(&RSA))));
    let revocations: [Revocation; 6] = [
        Revocation::token(ISSUER, "token-1").into(),
        Revocation::session(ISSUER, "session-1").into(),
        Revocation::subject(ISSUER, "user-1").into(),
        Revocation::client(ISSUER, "spa").into(),
        Revocation::issued_before(ISSUER, NOW),
        Revocation::issuer(ISSUER),
    ];
    for revocation in revocations {
        let list = Revocations::new();
        let auth = two(&list);
        let sub = |token: &str| ready(auth.verify(token)).map(|claims| claims.sub.clone());
        assert_eq!((sub(&first), sub(&second)), (Ok("user-1".into()), Ok("user-1".into())));
        ready(list.revoke(revocation.clone())).unwrap();
        let both = (sub(&first), sub(&second));
        assert_eq!(both, (Err(AuthError::TokenRevoked), Ok("user-1".into())), "{revocation:?}");
    }
}

#[test]
fn rv33_closed_issuer_stays_closed_until_it_is_lifted_and_nothing_else_is_lifted_with_it() {
    let ground = Ground::new();
    ground.revoke(Revocation::issuer(ISSUER));
    ground.revoke(Revocation::token(ISSUER, "token-1"));
    ground.clock.set(NOW + 10 * 365 * 24 * 60 * 60);
    let later = |jti: &str| {
        let now = NOW + 10 * 365 * 24 * 60 * 60;
        named().claim("jti", &quoted(jti)).claim("iat", &now.to_string()).claim("exp", &(now + 60).to_string())
    };
    assert!(!ground.passes(&later("token-2")), "never forgotten");
    ground.clock.set(NOW);
    for _ in 0..2 {
        ground.lift(ISSUER);
        assert!(ground.passes(&named().claim("jti", r#""token-2""#)), "within the same second as well");
        assert!(!ground.passes(&named()));
        ground.revoke(Revocation::issuer(ISSUER));
        assert!(!ground.passes(&named().claim("jti", r#""token-2""#)));
    }
    ground.lift(OTHER);
    assert!(!ground.passes(&named().claim("jti", r#""token-2""#)));
}

#[test]
fn rv33_lifting_reaches_every_spelling() {
    for (closed, lifted) in [(ISSUER, ALIAS), (ALIAS, ISSUER)] {
        let ground = Ground::with(|builder| builder.aliases([ALIAS]));
        ground.revoke(Revocation::issuer(closed));
        assert!(!ground.passes(&named()) && !ground.passes(&under(ALIAS, named())));
        ground.lift(lifted);
        assert!(ground.passes(&named()) && ground.passes(&under(ALIAS, named())));
    }
}

/// A tenant that a resolver names, and that was closed.
#[test]
fn rv33_issuer_of_a_resolver_is_closed_too() {
    let list = Revocations::new();
    let auth = RampartAuth::builder_of(|iss: &str| {
        let is_ours = [ISSUER, OTHER].contains(&iss);
        is_ours.then(|| Issuer::new(iss, AUDIENCE).static_jwks(all_keys()).grants(Grants::everything()))
    })
    .clock(|| at(std::time::Duration::from_secs(NOW)))
    .revocations(list.clone())
    .build()
    .unwrap();
    let passes = |iss| ready(auth.verify(&under(iss, named()).sign())).is_ok();
    assert!(passes(ISSUER) && passes(OTHER));
    ready(list.revoke(Revocation::issuer(OTHER))).unwrap();
    assert!(passes(ISSUER) && !passes(OTHER));
    assert!(auth.forget_issuer(OTHER).unwrap());
    assert!(!passes(OTHER), "not by being asked for anew");
    ready(list.lift_issuer(OTHER)).unwrap();
    assert!(passes(OTHER));
}
