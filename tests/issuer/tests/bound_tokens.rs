//! The token endpoint, where a client proves a key with DPoP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::dangerous::insecure_decode;
use rampart_issuer::{Algorithm, DpopKey, LocalIssuer, ProofBuilder, SigningKey, base64url};
use reqwest::Response;
use serde_json::{Value, json};
use support::{client, discovery_url, get, issuer};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn key() -> DpopKey {
    DpopKey::generate().unwrap()
}

fn proof(issuer: &LocalIssuer, key: &DpopKey) -> ProofBuilder {
    key.proof("POST", &issuer.token_url())
}

async fn ask_with<'p>(issuer: &LocalIssuer, secret: &str, proofs: impl IntoIterator<Item = &'p str>) -> Response {
    let request = client()
        .post(issuer.token_url())
        .form(&[("grant_type", "client_credentials")])
        .basic_auth("service", Some(secret));
    proofs.into_iter().fold(request, |request, proof| request.header("DPoP", proof)).send().await.unwrap()
}

async fn ask(issuer: &LocalIssuer, proofs: &[&str]) -> Response {
    ask_with(issuer, "service-secret", proofs.iter().copied()).await
}

/// Asserts that the token is bound to this key.
async fn granted(issuer: &LocalIssuer, proof: &ProofBuilder, key: &DpopKey) {
    let answer = ask(issuer, &[&proof.sign().unwrap()]).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("DPoP"), &json!(900)));
    let claims = insecure_decode::<Value>(body["access_token"].as_str().unwrap()).unwrap().claims;
    assert_eq!(claims["cnf"], json!({"jkt": key.thumbprint()}));
    let names: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(names, ["iss", "sub", "aud", "exp", "iat", "client_id", "jti", "cnf"]);
}

async fn refused(answer: Response, error: &str, description: &str) {
    assert_eq!(answer.status(), 400, "{description}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(!answer.headers().contains_key("www-authenticate"));
    let body: Value = answer.json().await.unwrap();
    let expected = (&json!(error), &json!(description), &json!(400));
    assert_eq!((&body["error"], &body["error_description"], &body["status"]), expected);
}

async fn invalid(issuer: &LocalIssuer, proof: &str, description: &str) {
    refused(ask(issuer, &[proof]).await, "invalid_dpop_proof", description).await;
}

#[tokio::test]
async fn token_is_bound_to_the_key_that_is_proven_whatever_its_algorithm() {
    let issuer = issuer().await;
    let metadata: Value = get(&discovery_url(&issuer)).await.json().await.unwrap();
    let algorithms = json!(["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"]);
    assert_eq!(metadata["dpop_signing_alg_values_supported"], algorithms, "RFC 9449 section 5.1");
    let accepted: Vec<_> = algorithms.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for &algorithm in Algorithm::ALL {
        let key = DpopKey::generate_for(algorithm).unwrap();
        let proof = proof(&issuer, &key);
        if accepted.contains(&algorithm.as_str()) {
            granted(&issuer, &proof, &key).await;
            let why = "The DPoP proof is not signed by its jwk";
            invalid(&issuer, &proof.tampered().sign().unwrap(), why).await;
        } else {
            let why = "The DPoP proof is signed with an algorithm that is not accepted";
            invalid(&issuer, &proof.sign().unwrap(), why).await;
        }
    }
}

#[tokio::test]
async fn without_a_proof_the_token_is_bound_to_nothing() {
    let issuer = issuer().await;
    let body: Value = ask(&issuer, &[]).await.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer");
    let claims = insecure_decode::<Value>(body["access_token"].as_str().unwrap()).unwrap().claims;
    assert_eq!(claims.get("cnf"), None);
}

#[tokio::test]
async fn proof_with_one_thing_wrong_is_refused_by_its_name() {
    let issuer = issuer().await;
    let [key, other] = [(); 2].map(|()| key());
    let good = || proof(&issuer, &key);
    let private =
        json!({"kty": "EC", "crv": "P-256", "x": key.public_jwk()["x"], "y": key.public_jwk()["y"], "d": "AA"});
    let p384 = DpopKey::generate_for(Algorithm::ES384).unwrap();
    let secret = json!({"kty": "oct", "k": base64url("secret")});
    let no_jwt = "The DPoP proof is no JWT";
    let algorithm = "The DPoP proof is signed with an algorithm that is not accepted";
    let wrong_key = "The jwk of the DPoP proof is no key for its algorithm";
    let signature = "The DPoP proof is not signed by its jwk";
    let method = "The DPoP proof is for another method";
    let url = "The DPoP proof is for another URL";
    let time = "The DPoP proof is too old, or made in the future";
    let id = "The DPoP proof has no jti, or a long one";
    let typ = "The type of the DPoP proof is not dpop+jwt";
    for (proof, description) in [
        (good().header("typ", "JWT"), typ),
        (good().without_header("typ"), typ),
        (good().header("alg", "none").raw_signature([]), algorithm),
        (good().header("alg", "HS256"), algorithm),
        (good().without_header("alg"), algorithm),
        (good().without_header("jwk"), "The DPoP proof has no jwk"),
        (good().jwk(private), "The jwk of the DPoP proof is a private key"),
        (good().jwk(secret), "The jwk of the DPoP proof is a private key"),
        (good().jwk(p384.public_jwk()), wrong_key),
        (good().jwk("text"), wrong_key),
        (good().jwk(json!({"kty": "EC", "crv": "P-256", "x": "AA"})), wrong_key),
        (good().jwk(json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"})), signature),
        (good().jwk(other.public_jwk()), signature),
        (good().signed_by(&other), signature),
        (good().signed_by(&p384), signature),
        (good().raw_signature([]), signature),
        (good().claim("htm", "GET"), method),
        (good().claim("htm", "post"), method),
        (good().without("htm"), method),
        (good().claim("htu", issuer.url()), url),
        (good().claim("htu", issuer.token_url() + "/"), url),
        (good().without("htu"), url),
        (good().at(now() - 70), time),
        (good().at(now() + 30), time),
        (good().claim("iat", now().to_string()), time),
        (good().without("iat"), time),
        (good().without("jti"), id),
        (good().jti(""), id),
        (good().jti(&"x".repeat(129)), id),
        (good().claim("jti", 1), id),
        (good().raw_payload("[]"), no_jwt),
        (good().raw_header("text"), no_jwt),
    ] {
        invalid(&issuer, &proof.sign().unwrap(), description).await;
    }
    let signed = good().sign().unwrap();
    for text in ["", "a.b", &format!("{signed}."), &STANDARD.encode(&signed)] {
        invalid(&issuer, text, no_jwt).await;
    }
    let two = ask(&issuer, &[&signed, &good().sign().unwrap()]).await;
    refused(two, "invalid_dpop_proof", "There is more than one DPoP proof").await;

    // And each of them good, where nothing else is wrong.
    for proof in [
        good().at(now() - 50),
        good().at(now() + 5),
        good().jti(&"x".repeat(128)),
        good().claim("htu", issuer.token_url() + "?a=b#c"),
        good().claim("more", json!({})).header("kid", "mine").nonce("not asked for"),
    ] {
        granted(&issuer, &proof, &key).await;
    }
    let large = DpopKey::from(SigningKey::generate_sized(Algorithm::PS256, "large", 4096).unwrap());
    granted(&issuer, &self::proof(&issuer, &large), &large).await;
}

#[tokio::test]
async fn proof_is_good_once_and_only_a_good_request_uses_it_up() {
    let issuer = issuer().await;
    let [key, other] = [(); 2].map(|()| key());
    let proof = proof(&issuer, &key).jti("one");
    let signed = proof.sign().unwrap();
    let answer = ask_with(&issuer, "wrong", [&*signed]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["www-authenticate"].as_bytes()),
        (401, &b"Basic realm=\"rampart\""[..])
    );
    invalid(&issuer, &proof.clone().tampered().sign().unwrap(), "The DPoP proof is not signed by its jwk").await;
    granted(&issuer, &proof, &key).await;
    let used = "The DPoP proof has been used before";
    invalid(&issuer, &signed, used).await;
    // Signed again, and with another time: the ID is the same.
    invalid(&issuer, &proof.clone().at(now() - 10).sign().unwrap(), used).await;
    granted(&issuer, &self::proof(&issuer, &other).jti("one"), &other).await;
    granted(&issuer, &proof.jti("two"), &key).await;
}

#[tokio::test]
async fn nonce_that_is_wanted_is_told_and_then_needed() {
    let issuer = issuer().await;
    let key = key();
    let nonce = |answer: &Response| answer.headers().get("dpop-nonce").map(|nonce| nonce.to_str().unwrap().to_owned());
    assert_eq!(nonce(&ask(&issuer, &[&proof(&issuer, &key).sign().unwrap()]).await), None);

    let why = "The DPoP proof needs the nonce of this server";
    for (told, earlier) in [("n-1", None), ("n-2", Some("n-1"))] {
        issuer.dpop_nonce(Some(told));
        let with_earlier = proof(&issuer, &key).jti(told);
        let with_earlier = earlier.iter().fold(with_earlier, |proof, nonce| proof.nonce(nonce));
        let answer = ask(&issuer, &[&with_earlier.sign().unwrap()]).await;
        assert_eq!(nonce(&answer).as_deref(), Some(told));
        refused(answer, "use_dpop_nonce", why).await;
        let answer = ask(&issuer, &[&with_earlier.nonce(told).sign().unwrap()]).await;
        assert_eq!((answer.status().as_u16(), nonce(&answer).as_deref()), (200, Some(told)), "the jti was not used up");
    }
    let of_wrong_type = proof(&issuer, &key).claim("nonce", 2).sign().unwrap();
    refused(ask(&issuer, &[&of_wrong_type]).await, "use_dpop_nonce", why).await;
    let body: Value = ask(&issuer, &[]).await.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer", "it is for proofs");

    issuer.dpop_nonce(None);
    granted(&issuer, &proof(&issuer, &key), &key).await;
}
