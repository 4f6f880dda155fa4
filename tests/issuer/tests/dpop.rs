//! Keys of clients and their proofs, checked by others than the code that makes them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm as Oracle, DecodingKey};
use rampart_issuer::{Algorithm, DpopKey, ProofBuilder, SigningKey, jwk_thumbprint};
use serde_json::{Value, json};
use support::issuer;

const URL: &str = "https://api.example/orders";

/// Header and claims.
fn shown(proof: &ProofBuilder) -> (Value, Value) {
    let proof = proof.sign().unwrap();
    let mut parts = proof.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (json(), json())
}

fn names(object: &Value) -> String {
    object.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Whether the signature is good under this key.
fn verifies(proof: &ProofBuilder, jwk: &Value, algorithm: Oracle) -> bool {
    let proof = proof.sign().unwrap();
    let (message, signature) = proof.rsplit_once('.').unwrap();
    let key = DecodingKey::from_jwk(&serde_json::from_value::<Jwk>(jwk.clone()).unwrap()).unwrap();
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap()
}

#[test]
fn thumbprints_are_those_of_the_standards() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    // RFC 7638 section 3.1, RFC 8037 appendix A.3, RFC 9449 sections 4.1 and 6.1.
    for (jwk, thumbprint) in [
        (
            json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
        (
            json!({"kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA", "crv": "P-256"}),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
        ),
    ] {
        assert_eq!(jwk_thumbprint(&jwk).as_deref(), Some(thumbprint));
    }
    for jwk in [json!(null), json!({}), json!({"kty": "AKP", "pub": "AA"}), json!({"kty": "RSA", "n": n, "e": 3})] {
        assert_eq!(jwk_thumbprint(&jwk), None, "{jwk}");
    }
}

#[test]
fn proof_starts_out_as_clients_make_it_for_every_algorithm() {
    for (algorithm, oracle, members) in [
        (Algorithm::ES256, Oracle::ES256, "kty crv x y"),
        (Algorithm::ES384, Oracle::ES384, "kty crv x y"),
        (Algorithm::EdDSA, Oracle::EdDSA, "kty crv x"),
        (Algorithm::Ed25519, Oracle::EdDSA, "kty crv x"),
        (Algorithm::RS256, Oracle::RS256, "kty n e"),
        (Algorithm::PS256, Oracle::PS256, "kty n e"),
    ] {
        let key = DpopKey::generate_for(algorithm).unwrap();
        let proof = key.proof("GET", URL);
        let (header, claims) = shown(&proof);
        assert_eq!(header, json!({"typ": "dpop+jwt", "alg": algorithm.as_str(), "jwk": key.public_jwk()}));
        assert_eq!(names(&header["jwk"]), members);
        assert_eq!(names(&claims), "jti htm htu iat");
        assert_eq!((&claims["htm"], &claims["htu"]), (&json!("GET"), &json!(URL)));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(now - claims["iat"].as_u64().unwrap() < 60);

        assert!(verifies(&proof, &header["jwk"], oracle), "{algorithm}");
        assert!(!verifies(&proof.clone().tampered(), &header["jwk"], oracle), "{algorithm}");
        let other = DpopKey::generate_for(algorithm).unwrap();
        assert_ne!(other.thumbprint(), key.thumbprint());
        assert!(!verifies(&proof, &other.public_jwk(), oracle), "{algorithm}");
    }
    assert_eq!(DpopKey::generate().unwrap().signing_key().algorithm(), Algorithm::ES256);
}

#[test]
fn every_proof_has_an_id_of_its_own_which_signing_again_keeps() {
    let key = DpopKey::generate().unwrap();
    let ids: HashSet<_> = (0..100)
        .map(|_| {
            let proof = key.proof("GET", URL);
            let id = shown(&proof).1["jti"].as_str().unwrap().to_owned();
            assert_eq!(shown(&proof.clone().at(1000)).1["jti"], json!(id));
            assert_eq!(URL_SAFE_NO_PAD.decode(&id).unwrap().len(), 16);
            id
        })
        .collect();
    assert_eq!(ids.len(), 100);
}

#[test]
fn access_token_nonce_time_and_id_go_where_they_belong() {
    let key = DpopKey::generate().unwrap();
    // RFC 9449 section 7.1.
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    let proof = key.proof("POST", URL).access_token(token).nonce("n-1").at(1_562_262_618).jti("e1j3V_bKic8-LAEB");
    let expected = json!({"jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URL, "iat": 1_562_262_618,
        "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "nonce": "n-1"});
    assert_eq!(shown(&proof).1, expected);
}

#[test]
fn htu_is_the_url_as_given_without_query_and_fragment() {
    let key = DpopKey::generate().unwrap();
    for (url, htu) in [
        ("https://api.example/orders?x=1", URL),
        ("https://api.example/orders#top", URL),
        ("https://api.example/orders?x=1#y?z", URL),
        ("https://api.example/orders#y?z", URL),
        ("HTTPS://api.example:443/a/../%6frders", "HTTPS://api.example:443/a/../%6frders"),
        ("", ""),
    ] {
        assert_eq!(shown(&key.proof("GET", url)).1["htu"], htu);
    }
    let with_query = key.proof("GET", URL).claim("htu", "https://api.example/orders?x=1");
    assert_eq!(shown(&with_query).1["htu"], "https://api.example/orders?x=1");
}

#[test]
fn one_thing_can_be_wrong_and_the_rest_stays() {
    let [key, stranger] = [(); 2].map(|()| DpopKey::generate().unwrap());
    let proof = key.proof("GET", URL).access_token("t");
    let good = shown(&proof);

    assert_eq!(shown(&proof.clone().signed_by(&stranger)), good);
    assert!(verifies(&proof.clone().signed_by(&stranger), &stranger.public_jwk(), Oracle::ES256));
    assert!(!verifies(&proof.clone().signed_by(&stranger), &key.public_jwk(), Oracle::ES256));
    // Even of another kind: `alg` still says ES256.
    let rsa = DpopKey::generate_for(Algorithm::PS256).unwrap();
    assert_eq!(shown(&proof.clone().signed_by(&rsa)), good);
    assert!(verifies(&proof.clone().signed_by(&rsa), &rsa.public_jwk(), Oracle::PS256));

    let (header, claims) = shown(&proof.clone().jwk(stranger.public_jwk()));
    assert_eq!((&header["jwk"], &claims), (&stranger.public_jwk(), &good.1));
    assert!(verifies(&proof.clone().jwk(stranger.public_jwk()), &key.public_jwk(), Oracle::ES256));
    assert_eq!(shown(&proof.clone().jwk(Value::Null)).0["jwk"], Value::Null);

    assert_eq!(names(&shown(&proof.clone().without_header("jwk")).0), "typ alg");
    assert_eq!(names(&shown(&proof.clone().without("ath")).1), "jti htm htu iat");
    assert_eq!(shown(&proof.clone().header("typ", 1)).0["typ"], 1);
    assert_eq!(shown(&proof.clone().claim("htm", ["GET"])).1["htm"], json!(["GET"]));
    assert!(proof.clone().header("alg", "none").raw_signature([]).sign().unwrap().ends_with('.'));

    let rsa = DpopKey::generate_for(Algorithm::RS256).unwrap();
    let by_pss = rsa.proof("GET", URL).algorithm(Algorithm::PS256);
    assert_eq!(shown(&by_pss).0["alg"], "PS256");
    assert!(verifies(&by_pss, &rsa.public_jwk(), Oracle::PS256));
    assert!(proof.algorithm(Algorithm::ES384).sign().is_err(), "no key of that kind");
}

#[test]
fn raw_header_and_payload_are_signed_as_they_are() {
    let key = DpopKey::generate().unwrap();
    let (header, payload) = (r#"{"alg":"ES256", "alg":"none"}"#, r#"{"htm":"GET","htm":"POST"}"#);
    let proof = key.proof("GET", URL).raw_header(header).raw_payload(payload);
    assert_eq!((proof.protected_header(), proof.payload()), (header.into(), payload.into()));
    let signed = proof.sign().unwrap();
    let parts: Vec<_> = signed.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    assert_eq!((&*parts[0], &*parts[1]), (header.as_bytes(), payload.as_bytes()));
    assert!(verifies(&proof, &key.public_jwk(), Oracle::ES256));
}

#[tokio::test]
async fn token_is_bound_by_the_thumbprint_beside_what_cnf_has_already() {
    let issuer = issuer().await;
    let key = DpopKey::generate().unwrap();
    let payload = |token: rampart_issuer::TokenBuilder| serde_json::from_slice::<Value>(&token.payload()).unwrap();
    let plain = issuer.token().at(1000);
    let mut expected = payload(plain.clone());
    expected["cnf"] = json!({"jkt": key.thumbprint()});
    assert_eq!(payload(plain.clone().bound_to(&key)), expected);
    assert_eq!(jwk_thumbprint(&key.public_jwk()), Some(key.thumbprint()));

    let both = plain.clone().claim("cnf", json!({"x5t#S256": "c", "jkt": "old"})).bound_to(&key);
    assert_eq!(payload(both)["cnf"], json!({"x5t#S256": "c", "jkt": key.thumbprint()}));
    assert_eq!(payload(plain.claim("cnf", "text").bound_to(&key)), expected);
}

#[test]
fn key_made_elsewhere_is_a_key_of_a_client_too() {
    let large = SigningKey::generate_sized(Algorithm::PS256, "large", 3072).unwrap();
    let key = DpopKey::from(large.clone());
    let (header, _) = shown(&key.proof("GET", URL));
    assert_eq!(names(&header["jwk"]), "kty n e", "without what the issuer publishes");
    assert_eq!(header["jwk"]["n"], large.public_jwk()["n"]);
    assert_eq!(Some(key.thumbprint()), jwk_thumbprint(&large.public_jwk()));
    assert_eq!(key.signing_key().kid(), "large");
}
