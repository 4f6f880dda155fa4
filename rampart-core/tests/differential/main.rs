//! Rampart beside jsonwebtoken, which is set up as its documentation says for an API: issuer, audience, the required
//! claims, `nbf`, the same tolerance. One table of genuine and mutated tokens goes through both, for every algorithm that
//! both know (jsonwebtoken has no ES512, and not the name `Ed25519`). A row says what Rampart must answer and, where
//! jsonwebtoken answers otherwise, why; a difference that no row explains fails the test, and so does one that is gone.
//!
//! Both read the clock of the machine, so no row lies within seconds of a limit.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test fails by a panic")]
#![allow(clippy::unnecessary_wraps, reason = "a row may have no token for an algorithm")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/twin.rs"]
mod twin;

mod claims;
mod header;
mod payload;
mod serialization;
mod signature;

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::SystemTime;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use rampart_core::{Algorithm, RampartAuth};
use rampart_issuer::SigningKey;

use common::{AUDIENCE, Draft, EC, EC_384, ED, ISSUER, RSA, SignWith, all_keys, ready};

/// One way to make a token, and what becomes of it.
struct Row {
    name: &'static str,
    /// `None` where the algorithm has no such case.
    token: fn(&Signer) -> Option<String>,
    ours: Ours,
    theirs: Theirs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    Accepts,
    Refuses,
}

/// What jsonwebtoken makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theirs {
    Agrees,
    /// The opposite, for this reason.
    Differs(&'static str),
}

use Ours::{Accepts, Refuses};
use Theirs::{Agrees, Differs};

impl Row {
    const fn new(name: &'static str, ours: Ours, theirs: Theirs, token: fn(&Signer) -> Option<String>) -> Self {
        Self { name, token, ours, theirs }
    }
}

/// The key that signs, and how.
struct Signer {
    key: &'static SigningKey,
    algorithm: SignWith,
}

impl Signer {
    /// A good token in the making.
    fn draft(&self) -> Draft {
        let now = now();
        Draft::by(self.key)
            .with(self.algorithm)
            .claim("iat", &(now - 60).to_string())
            .claim("exp", &(now + 3600).to_string())
    }

    /// A genuine token over these very bytes.
    fn over(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        rampart_issuer::compact(header.as_ref(), payload.as_ref(), self.key, self.algorithm).unwrap()
    }

    /// Like [`over`](Self::over), with the header of a good token.
    fn over_payload(&self, payload: impl AsRef<[u8]>) -> Option<String> {
        Some(self.over(self.draft().header.to_json(), payload))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn signers() -> [Signer; 9] {
    use SignWith::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA].map(|algorithm| {
        let key: &'static SigningKey = match algorithm {
            ES256 => &EC,
            ES384 => &EC_384,
            EdDSA => &ED,
            _ => &RSA,
        };
        Signer { key, algorithm }
    })
}

static OURS: LazyLock<RampartAuth> = LazyLock::new(|| {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let algorithms = [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA];
    RampartAuth::builder(ISSUER, AUDIENCE).static_jwks(all_keys()).algorithms(algorithms).build().unwrap()
});

static THEIR_KEYS: LazyLock<JwkSet> = LazyLock::new(|| serde_json::from_str(&all_keys()).unwrap());

/// The key that the header names, or every key where it names none; the algorithms of that key's family.
fn they_accept(token: &str) -> bool {
    let Ok(header) = decode_header(token) else { return false };
    let keys = THEIR_KEYS.keys.iter().filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
    keys.filter_map(|key| DecodingKey::from_jwk(key).ok()).any(|key| {
        let mut validation = Validation::new_for_family(key.family());
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        decode::<serde_json::Value>(token, &key, &validation).is_ok()
    })
}

#[test]
fn every_difference_to_jsonwebtoken_is_explained() {
    let tables = [
        ("header", header::ROWS),
        ("serialization", serialization::ROWS),
        ("signature", signature::ROWS),
        ("payload", payload::ROWS),
        ("claims", claims::ROWS),
    ];
    let (mut compared, mut differing_rows, mut explained, mut wrong) = (0, 0, String::new(), String::new());
    for (table, row) in tables.into_iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row))) {
        let mut differing = Vec::new();
        for signer in signers() {
            let Some(token) = (row.token)(&signer) else { continue };
            let outcome = ready(OURS.verify(&token));
            let (ours, theirs) = (outcome.is_ok(), they_accept(&token));
            compared += 1;
            if ours != theirs {
                differing.push(signer.algorithm.as_str());
            }
            if ours != (row.ours == Accepts) {
                writeln!(wrong, "{table}, {}, {}: Rampart answers {outcome:?}", row.name, signer.algorithm).unwrap();
            }
            if (ours == theirs) != (row.theirs == Agrees) {
                let theirs = if theirs { "accepts" } else { "refuses" };
                writeln!(wrong, "{table}, {}, {}: jsonwebtoken {theirs} it", row.name, signer.algorithm).unwrap();
            }
        }
        if let (Differs(why), false) = (row.theirs, differing.is_empty()) {
            differing_rows += 1;
            writeln!(explained, "{table}, {}: Rampart {:?}: {why} ({})", row.name, row.ours, differing.join(" "))
                .unwrap();
        }
    }
    println!("{compared} tokens compared; {differing_rows} rows differ:\n{explained}");
    assert!(wrong.is_empty(), "not as the table says:\n{wrong}");
    assert!(compared > 1000, "the table has shrunk: {compared}");
}
