//! Full verification of an access token: Rampart beside other libraries. `cargo bench --bench verifiers`.
#![allow(missing_docs, reason = "a program that measures: what goes wrong ends it")]

#[path = "../../../rampart-core/benches/common/mod.rs"]
mod common;
mod verifying;

use std::collections::HashMap;
use std::hint::black_box;

use aliri::jwt::{Audience, Audiences, CoreClaims, CoreValidator, Issuer as ExpectedIssuer, IssuerRef, SubjectRef};
use aliri::{Jwks, JwtRef, jwa};
use aliri_clock::UnixTime;
use common::rounds::Contender;
use common::subject::{Ground, Subject};
use josekit::jws::{JwsHeader, JwsVerifier};
use josekit::jwt::JwtPayloadValidator;
use jwt_authorizer::{Authorizer, JwtAuthorizer, Validation};
use rampart_issuer::{Algorithm, SigningKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use verifying::at_once;

fn main() {
    verifying::run("Verification beside other libraries", std::convert::identity, &[authorizer, aliri, josekit]);
}

/// Keys fetched by itself, and asked the way its layer asks it. It looks for the key by the token's `kid`.
fn authorizer<'a>(ground: &'a Ground, subject: &'a Subject, _: &SigningKey) -> Option<Contender<'a>> {
    if subject.algorithm == Algorithm::ES512 {
        return None;
    }
    let validation = Validation::new().iss(&[ground.issuer.url()]).aud(&[ground.issuer.audience()]).nbf(true);
    let builder = JwtAuthorizer::<Value>::from_jwks_url(&ground.issuer.jwks_url()).validation(validation);
    let (auth, first): (Authorizer<Value>, _) = ground.runtime.block_on(async {
        let auth = builder.build().await.unwrap();
        let first = auth.check_auth(&subject.token).await;
        (auth, first)
    });
    first.unwrap();
    Some(Contender::new("jwt-authorizer", move || {
        black_box(at_once(auth.check_auth(black_box(&subject.token))).unwrap());
    }))
}

/// What the validator of aliri looks at, and the rest.
#[derive(Deserialize)]
struct Claims {
    aud: Audiences,
    iss: ExpectedIssuer,
    exp: UnixTime,
    nbf: Option<UnixTime>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl CoreClaims for Claims {
    fn nbf(&self) -> Option<UnixTime> {
        self.nbf
    }

    fn exp(&self) -> Option<UnixTime> {
        Some(self.exp)
    }

    fn aud(&self) -> &Audiences {
        &self.aud
    }

    fn iss(&self) -> Option<&IssuerRef> {
        Some(&self.iss)
    }

    fn sub(&self) -> Option<&SubjectRef> {
        self.rest.get("sub").and_then(Value::as_str).map(SubjectRef::from_str)
    }
}

/// Its key set, and the two steps of its documentation: find the key by the header, verify.
fn aliri<'a>(ground: &'a Ground, subject: &'a Subject, key: &SigningKey) -> Option<Contender<'a>> {
    let algorithm = match subject.algorithm {
        Algorithm::RS256 => jwa::Algorithm::RS256,
        Algorithm::ES256 => jwa::Algorithm::ES256,
        Algorithm::ES384 => jwa::Algorithm::ES384,
        _ => return None,
    };
    let mut keys = Jwks::default();
    keys.add_key(serde_json::from_str(&key.public_jwk().to_string()).unwrap());
    let validator = CoreValidator::default()
        .add_approved_algorithm(algorithm)
        .add_allowed_audience(Audience::new(ground.issuer.audience().to_owned()))
        .require_issuer(ExpectedIssuer::new(ground.issuer.url().to_owned()))
        .check_expiration();
    Some(Contender::new("aliri", move || {
        use aliri::jwt::{CoreHeaders, HasAlgorithm};
        let token = JwtRef::from_str(black_box(&subject.token));
        let decomposed: aliri::jwt::Decomposed = token.decompose().unwrap();
        let key = keys.get_key_by_opt(decomposed.kid(), decomposed.alg()).unwrap();
        let verified: aliri::jwt::Validated<Claims> = decomposed.verify(key, &validator).unwrap();
        black_box(verified.claims().rest.len());
    }))
}

/// Verifiers made before, chosen by the token's `kid` as its documentation shows, and its payload validator.
fn josekit<'a>(ground: &'a Ground, subject: &'a Subject, key: &SigningKey) -> Option<Contender<'a>> {
    let jwk = josekit::jwk::Jwk::from_bytes(key.public_jwk().to_string()).unwrap();
    let verifier: Box<dyn JwsVerifier> = match subject.algorithm {
        Algorithm::RS256 => Box::new(josekit::jws::RS256.verifier_from_jwk(&jwk).unwrap()),
        Algorithm::ES256 => Box::new(josekit::jws::ES256.verifier_from_jwk(&jwk).unwrap()),
        Algorithm::ES384 => Box::new(josekit::jws::ES384.verifier_from_jwk(&jwk).unwrap()),
        Algorithm::ES512 => Box::new(josekit::jws::ES512.verifier_from_jwk(&jwk).unwrap()),
        Algorithm::EdDSA => Box::new(josekit::jws::EdDSA.verifier_from_jwk(&jwk).unwrap()),
        _ => return None,
    };
    let verifiers = HashMap::from([(key.kid().to_owned(), verifier)]);
    let mut validator = JwtPayloadValidator::new();
    validator.set_issuer(ground.issuer.url());
    validator.set_audience(ground.issuer.audience());
    Some(Contender::new("josekit", move || {
        let token = black_box(&subject.token);
        let choose = |header: &JwsHeader| Ok(header.key_id().and_then(|kid| verifiers.get(kid)).map(AsRef::as_ref));
        let (payload, _) = josekit::jwt::decode_with_verifier_selector(token, choose).unwrap();
        validator.validate(&payload).unwrap();
        black_box(payload);
    }))
}
