//! Full verification of an access token: Rampart beside jwt-simple on BoringSSL. `cargo bench --features boringssl --bench verifiers_boringssl`.
#![allow(missing_docs, reason = "a program that measures: what goes wrong ends it")]

#[path = "../../../rampart-core/benches/common/mod.rs"]
mod common;
mod verifying;

use std::collections::HashSet;
use std::hint::black_box;

use common::rounds::Contender;
use common::subject::{Ground, Subject};
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey, Ed25519PublicKey,
    EdDSAPublicKeyLike, RS256PublicKey, RSAPublicKeyLike, VerificationOptions,
};
use rampart_issuer::{Algorithm, SigningKey};
use serde_json::{Map, Value};

fn main() {
    verifying::run("Verification beside jwt-simple on BoringSSL", std::convert::identity, &[jwt_simple]);
}

/// It has no key set: one key, made before, is all there is to choose from.
fn jwt_simple<'a>(ground: &'a Ground, subject: &'a Subject, key: &SigningKey) -> Option<Contender<'a>> {
    let jwk = key.public_jwk().to_string();
    let options = VerificationOptions {
        allowed_issuers: Some(HashSet::from([ground.issuer.url().to_owned()])),
        allowed_audiences: Some(HashSet::from([ground.issuer.audience().to_owned()])),
        ..VerificationOptions::default()
    };
    macro_rules! with {
        ($key:ty) => {{
            let key = <$key>::from_jwk(&jwk).unwrap();
            Contender::new("jwt-simple", move || {
                let options = Some(options.clone());
                black_box(key.verify_token::<Map<String, Value>>(black_box(&subject.token), options).unwrap());
            })
        }};
    }
    Some(match subject.algorithm {
        Algorithm::RS256 => with!(RS256PublicKey),
        Algorithm::ES256 => with!(ES256PublicKey),
        Algorithm::ES384 => with!(ES384PublicKey),
        Algorithm::EdDSA => with!(Ed25519PublicKey),
        _ => return None,
    })
}
