//! P3: RSA keys, which are accepted where the settings say so.

use std::sync::LazyLock;

use rampart_core::{Algorithm, Dpop};
use rampart_issuer::{DpopKey, ProofBuilder, SigningKey, base64url};
use serde_json::{Value, json};

use super::common::*;

const GOOD: &str = "user-1";
const BAD: &str = "401 invalid_dpop_proof";

static RSA: LazyLock<DpopKey> = LazyLock::new(|| DpopKey::generate_for(rampart_issuer::Algorithm::RS256).unwrap());

fn ground() -> Ground {
    let algorithms = [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256];
    Ground::new(Dpop::accepted().public_url(API).algorithms(algorithms))
}

/// What a request gets whose token is bound to a key, and whose proof of that key is changed.
fn by(ground: &Ground, key: &DpopKey, change: impl FnOnce(ProofBuilder) -> ProofBuilder) -> String {
    let token = ground.issuer.token().at(NOW).claim("sub", "user-1").bound_to(key).sign().unwrap();
    let proof = change(key.proof("GET", ORDERS).access_token(&token).at(NOW)).sign().unwrap();
    said(&ground.auth, &Request::new("DPoP", &token, [proof]))
}

fn of_bits(bits: usize) -> DpopKey {
    SigningKey::generate_sized(rampart_issuer::Algorithm::RS256, "client", bits).unwrap().into()
}

#[test]
fn dp10_rsa_keys_have_2048_to_4096_bits() {
    for ground in [ground(), ground().without_cache()] {
        assert_eq!(by(&ground, &RSA, |proof| proof), GOOD);
        assert_eq!(by(&ground, &RSA, |proof| proof.algorithm(rampart_issuer::Algorithm::PS256)), GOOD);
        // It must be asked for.
        assert_eq!(by(&ground, &RSA, |proof| proof.algorithm(rampart_issuer::Algorithm::RS384)), BAD);
    }
    for bits in [3072, 4096] {
        assert_eq!(by(&ground(), &of_bits(bits), |proof| proof), GOOD, "{bits} bits");
    }
}

/// The sender chooses the key, and with it what a signature costs: nothing is computed with one that is too large.
#[test]
fn dp10_rsa_keys_of_other_sizes_are_refused_before_any_signature() {
    let ground = ground();
    let modulus = |bits: usize| {
        let mut bytes = vec![0xd7; bits.div_ceil(8)];
        bytes[0] = match bits % 8 {
            0 => 0xd7,
            rest => (1 << rest) - 1,
        };
        json!(base64url(bytes))
    };
    let exponent = |bytes: &[u8]| json!(base64url(bytes));
    let of = |members: Value| {
        let mut jwk = RSA.public_jwk();
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    let leading_zero = {
        let n = RSA.public_jwk()["n"].as_str().unwrap().to_owned();
        let octets = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, n).unwrap();
        json!(base64url([[0].as_slice(), &octets].concat()))
    };
    for members in [
        json!({"n": modulus(1024)}),
        json!({"n": modulus(2047)}),
        json!({"n": modulus(4097)}),
        json!({"n": modulus(8192)}),
        json!({"n": modulus(16384)}),
        json!({"n": leading_zero}),
        json!({"n": ""}),
        json!({"n": null}),
        json!({"e": exponent(&[1])}),
        json!({"e": exponent(&[1, 0, 0])}),
        json!({"e": exponent(&[2])}),
        json!({"e": exponent(&[0, 1, 0, 1])}),
        json!({"e": exponent(&[0xff; 9])}),
        json!({"e": ""}),
        json!({"e": null}),
        json!({"kty": "EC"}),
        json!({"d": base64url([1; 256])}),
        json!({"p": "AQAB", "q": "AQAB", "dp": "AQAB"}),
    ] {
        let jwk = of(members.clone());
        // A token that is bound to that very key: only the key itself is wrong.
        let jkt = rampart_issuer::jwk_thumbprint(&jwk).unwrap_or_else(|| RSA.thumbprint());
        let token =
            ground.issuer.token().at(NOW).claim("sub", "user-1").claim("cnf", json!({"jkt": jkt})).sign().unwrap();
        let proof = RSA.proof("GET", ORDERS).access_token(&token).at(NOW).jwk(jwk).sign().unwrap();
        assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [proof])), BAD, "{members:.100}");
    }
}

#[test]
fn dp13_pkcs1_and_pss_signatures_have_one_form() {
    let ground = ground();
    let raw = |octets: fn(Vec<u8>) -> Vec<u8>| {
        by(&ground, &RSA, |proof| {
            let input = format!("{}.{}", base64url(proof.protected_header()), base64url(proof.payload()));
            let signature = RSA.signing_key().sign(input.as_bytes()).unwrap();
            proof.raw_signature(octets(signature))
        })
    };
    assert_eq!(raw(|signature| signature), GOOD);
    assert_eq!(raw(|signature| signature[1..].to_vec()), BAD);
    assert_eq!(raw(|signature| [&[0], signature.as_slice()].concat()), BAD);
    assert_eq!(raw(|signature| vec![0; signature.len()]), BAD);
    assert_eq!(raw(|signature| vec![0xff; signature.len()]), BAD);
    // Signed by one scheme, and named as the other.
    assert_eq!(by(&ground, &RSA, |proof| proof.header("alg", "PS256")), BAD);
    let named = |proof: ProofBuilder| proof.algorithm(rampart_issuer::Algorithm::PS256).header("alg", "RS256");
    assert_eq!(by(&ground, &RSA, named), BAD);
    assert_eq!(by(&ground, &RSA, |proof| proof.header("alg", "ES256")), BAD);
}
