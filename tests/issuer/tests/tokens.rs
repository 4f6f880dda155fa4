//! Tokens, checked by others than the code that signs them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use rampart_issuer::{Algorithm, LocalIssuer, SignError, SigningKey, TokenBuilder, base64url, compact};
use serde_json::{Value, json};
use support::issuer;

/// What a token of the server says of its user.
const PERSON: &str = "org_id preferred_username email email_verified given_name family_name";

fn octets(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn parts(token: &str) -> [Vec<u8>; 3] {
    let parts: Vec<_> = token.split('.').map(octets).collect();
    parts.try_into().unwrap()
}

fn member(jwk: &Value, name: &str) -> Vec<u8> {
    octets(jwk[name].as_str().unwrap())
}

/// Whether the token is good under this published key; what jsonwebtoken does not know goes to the primitives.
fn verifies(token: &str, algorithm: Algorithm, jwk: &Value, issuer: &LocalIssuer) -> bool {
    let primitive: (&'static dyn VerificationAlgorithm, _) = match algorithm {
        Algorithm::ES512 => (&ECDSA_P521_SHA512_FIXED, [vec![4], member(jwk, "x"), member(jwk, "y")].concat()),
        Algorithm::Ed25519 => (&ED25519, member(jwk, "x")),
        _ => {
            let mut validation = Validation::new(algorithm.as_str().parse().unwrap());
            validation.set_audience(&[issuer.audience()]);
            validation.set_issuer(&[issuer.url()]);
            let key = DecodingKey::from_jwk(&serde_json::from_value::<Jwk>(jwk.clone()).unwrap()).unwrap();
            return jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok();
        }
    };
    let (signing_input, signature) = token.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(primitive.0, primitive.1).verify(signing_input.as_bytes(), &octets(signature)).is_ok()
}

#[tokio::test]
async fn every_algorithm_verifies_under_its_published_key_only() {
    let issuer = issuer().await;
    for &algorithm in Algorithm::ALL {
        let key = issuer.add_key(algorithm).unwrap();
        issuer.use_key(&key);
        let token = issuer.token().sign().unwrap();
        let [header, ..] = parts(&token);
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({"alg": algorithm.as_str(), "kid": key.kid(), "typ": "JWT"}));

        let set: Value = serde_json::from_str(&issuer.jwks_json()).unwrap();
        let jwk = set["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == key.kid()).unwrap();
        assert_eq!((&jwk["alg"], &jwk["use"]), (&json!(algorithm.to_string()), &json!("sig")));
        assert!(verifies(&token, algorithm, jwk, &issuer), "{algorithm}");

        let other = SigningKey::generate(algorithm, key.kid()).unwrap();
        assert!(!verifies(&token, algorithm, &other.public_jwk(), &issuer), "{algorithm}");
    }
}

#[test]
fn rsa_keys_have_the_size_asked_for_and_no_leading_zeros() {
    for bits in [2048, 3072] {
        let key = SigningKey::generate_sized(Algorithm::PS256, "k", bits).unwrap();
        let modulus = octets(key.public_jwk()["n"].as_str().unwrap());
        assert_eq!((modulus.len() * 8, modulus[0] >> 7, key.sign(b"").unwrap().len() * 8), (bits, 1, bits));
    }
}

#[tokio::test]
async fn a_key_signs_with_any_algorithm_of_its_kind_and_no_other() {
    let issuer = LocalIssuer::start().await.unwrap();
    let key = issuer.key();
    let mut jwk = key.public_jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    for algorithm in [Algorithm::RS512, Algorithm::PS384] {
        let token = issuer.token().algorithm(algorithm).sign().unwrap();
        assert!(verifies(&token, algorithm, &jwk, &issuer), "{algorithm}");
    }
    let curve = SigningKey::generate(Algorithm::ES256, "c").unwrap();
    let edwards = SigningKey::generate(Algorithm::EdDSA, "e").unwrap();
    assert!(edwards.sign_with(Algorithm::Ed25519, b"").is_ok());
    let wrong = [(&key, Algorithm::ES256), (&curve, Algorithm::ES384), (&curve, Algorithm::RS256)];
    for (key, algorithm) in wrong.into_iter().chain([(&curve, Algorithm::EdDSA), (&edwards, Algorithm::ES256)]) {
        let error = key.sign_with(algorithm, b"").unwrap_err();
        assert!(matches!(error, SignError::WrongKey { .. }), "{error}");
        assert_eq!(error.to_string(), format!("a key of {} cannot sign with {algorithm}", key.algorithm()));
    }
    assert_eq!(format!("{curve:?}"), "SigningKey { kid: \"c\", algorithm: ES256, .. }");
}

/// Header and payload, in the order in which they stand.
fn shown(token: &TokenBuilder) -> (String, Value) {
    let [header, payload, _] = parts(&token.sign().unwrap());
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    (String::from_utf8(header).unwrap(), payload)
}

fn names(claims: &Value) -> String {
    claims.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_token_starts_out_as_the_server_makes_it_for_a_front_end() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (header, claims) = shown(&issuer.token());
    assert_eq!(header, r#"{"alg":"RS256","kid":"rs256-1","typ":"JWT"}"#);
    assert_eq!(names(&claims), format!("iss sub aud exp iat {PERSON}"));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer.url()), &json!(["task-api"])));
    assert_eq!(claims["email_verified"], true);
    let issued = claims["iat"].as_u64().unwrap();
    assert_eq!(claims["exp"].as_u64(), Some(issued + 900));
    assert!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - issued < 60);

    let (_, of_editor) = shown(&issuer.token().roles(["editor"]));
    assert_eq!(of_editor["roles"], json!(["editor"]));
    assert_eq!(names(&of_editor), format!("iss sub aud exp iat {PERSON} roles"));
    let nobody: [&str; 0] = [];
    let (_, of_nobody) = shown(&issuer.token().roles(["editor"]).roles(nobody));
    assert_eq!(names(&of_nobody), names(&claims), "no roles, no claim");

    let other = LocalIssuer::builder().algorithm(Algorithm::ES256).audience("shop").start().await.unwrap();
    let (header, claims) = shown(&other.token());
    assert_eq!((&*header, &claims["aud"]), (r#"{"alg":"ES256","kid":"es256-1","typ":"JWT"}"#, &json!(["shop"])));
}

#[tokio::test]
async fn direct_login_has_the_issuer_as_its_audience_and_nothing_else_changes() {
    let issuer = issuer().await;
    let code_flow = issuer.token().at(1000).roles(["editor"]);
    let (header, mut claims) = shown(&code_flow);
    claims["aud"] = json!([issuer.url()]);
    assert_eq!(shown(&code_flow.clone().direct_login()), (header, claims));
    let (_, elsewhere) = shown(&code_flow.issuer("https://login.example").direct_login());
    assert_eq!(elsewhere["aud"], json!(["https://login.example"]));
}

#[tokio::test]
async fn an_id_token_differs_from_its_access_token_by_at_hash_and_nonce_alone() {
    let issuer = LocalIssuer::start().await.unwrap();
    let access = issuer.token().sub("grace").audience(vec!["shop"]).roles(["editor"]).scope("a").at(1000);
    let access_token = access.sign().unwrap();
    let (header, mut claims) = shown(&access.without("roles").without("scope"));
    let hash = digest(&SHA256, access_token.as_bytes());
    claims["at_hash"] = json!(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
    assert_eq!(shown(&issuer.id_token(&access_token)), (header.clone(), claims.clone()));
    claims["nonce"] = json!("n-1");
    assert_eq!(shown(&issuer.id_token(&access_token).claim("nonce", "n-1")), (header, claims));

    // OpenID Connect Core 3.1.3.6: half of the hash that the algorithm uses.
    for (algorithm, octets) in [(Algorithm::PS384, 24), (Algorithm::ES512, 32), (Algorithm::EdDSA, 32)] {
        issuer.use_key(&issuer.add_key(algorithm).unwrap());
        let (_, claims) = shown(&issuer.id_token(&access_token));
        assert_eq!(member(&claims, "at_hash").len(), octets, "{algorithm}");
    }
    let (_, of_nonsense) = shown(&issuer.id_token("no token"));
    assert_eq!(names(&of_nonsense), "at_hash");
}

#[tokio::test]
async fn an_mfa_challenge_is_for_the_server_alone_and_good_for_five_minutes() {
    let issuer = issuer().await;
    let (header, claims) = shown(&issuer.mfa_challenge());
    assert_eq!(header, r#"{"alg":"ES256","kid":"es256-1","typ":"JWT"}"#);
    assert_eq!(names(&claims), "iss sub aud exp iat purpose");
    let expected = (&json!(issuer.url()), &json!(["rampart:mfa"]), &json!("mfa_challenge"));
    assert_eq!((&claims["iss"], &claims["aud"], &claims["purpose"]), expected);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
}

#[tokio::test]
async fn every_part_can_be_changed_or_left_out() {
    let issuer = issuer().await;
    let all = issuer.token().sub("s").email("e").name("n").org_id("o").roles(["a", "b"]).scope("x y").issuer("i");
    let all = all.audience("one").at(1000).issued_at(990).expires_in(-20).claim("big", u64::MAX).without("iss");
    let names = ["preferred_username", "email_verified", "given_name", "family_name"];
    let all = names.iter().fold(all, |token, name| token.without(name));
    let [header, payload, _] = parts(&all.kid("k").header("crit", ["b64"]).without_header("typ").sign().unwrap());
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap(), json!({"alg": "ES256", "kid": "k", "crit": ["b64"]}));
    let expected = json!({"sub": "s", "aud": "one", "org_id": "o", "email": "e", "name": "n", "roles": ["a", "b"],
        "scope": "x y", "iat": 990, "exp": 970, "big": u64::MAX});
    assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), expected);
}

#[tokio::test]
async fn raw_bytes_are_signed_as_they_are() {
    let issuer = issuer().await;
    let key = issuer.key();
    let (header, payload): (&[u8], &[u8]) = (b"{\"alg\":\"ES256\", \"alg\":\"none\"}", b"\xff\x00 no JSON");
    let built = issuer.token().raw_header(header).raw_payload(payload).sign().unwrap();
    for token in [built, compact(header, payload, &key, Algorithm::ES256).unwrap()] {
        let [own_header, own_payload, signature] = parts(&token);
        assert_eq!((&*own_header, &*own_payload, signature.len()), (header, payload, 64));
        let jwk: Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = DecodingKey::from_jwk(&jwk).unwrap();
        let alg = jsonwebtoken::Algorithm::ES256;
        assert!(jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, alg).unwrap());
    }
    assert!(compact(b"{}", b"", &key, Algorithm::RS256).is_err());
    assert_eq!(base64url(b"\xfb\xff\xfe\xff"), "-__-_w");
}

#[tokio::test]
async fn signature_can_be_tampered_with_replaced_or_left_empty() {
    let issuer = issuer().await;
    // EdDSA signs the same bytes in the same way each time.
    let key = issuer.add_key(Algorithm::EdDSA).unwrap();
    let token = issuer.token().key(&key);
    let good = parts(&token.sign().unwrap());
    let [header, payload, signature] = parts(&token.clone().tampered().sign().unwrap());
    assert_eq!((&header, &payload), (&good[0], &good[1]), "nothing else changes");
    let last = signature.len() - 1;
    assert_eq!((&signature[..last], signature[last]), (&good[2][..last], good[2][last] ^ 1));
    assert_eq!(parts(&token.clone().raw_signature(*b"forged").sign().unwrap())[2], b"forged");

    let none = token.header("alg", "none").raw_signature([]);
    let unsigned = none.sign().unwrap();
    assert!(unsigned.ends_with('.'), "{unsigned}");
    let [header, payload, _] = parts(&unsigned);
    assert_eq!((header, payload), (none.protected_header(), none.payload()));
    let (header, _) = shown(&none);
    assert_eq!(header, format!("{{\"alg\":\"none\",\"kid\":\"{}\",\"typ\":\"JWT\"}}", key.kid()));
}
