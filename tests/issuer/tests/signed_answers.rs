//! Signed answers of the introspection endpoint (RFC 9701), good and wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use rampart_issuer::{Algorithm, LocalIssuer, SigningKey, TokenBuilder};
use serde_json::{Value, json};
use support::{asking, inactive, issuer, names, now, parts, said};

const SIGNED: &str = "application/token-introspection+jwt";

/// The JWT that is answered to whoever asks for one.
async fn signed(issuer: &LocalIssuer, token: &str) -> String {
    let answer = asking(issuer, token).header("accept", SIGNED).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-type"]), (200, &SIGNED.parse().unwrap()));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn signed_answers_are_for_who_asks_for_them() {
    let issuer = issuer().await;
    let token = issuer.opaque().issue();
    let jwt = signed(&issuer, &token).await;
    let (header, claims) = parts(&jwt);
    assert_eq!(header, json!({"typ": "token-introspection+jwt", "alg": "ES256", "kid": "es256-1"}));
    assert_eq!(names(&claims), ["iss", "aud", "iat", "token_introspection"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer.url()), &json!("service")));
    assert!((now() - 60..=now()).contains(&claims["iat"].as_u64().unwrap()));
    assert_eq!(claims["token_introspection"], said(&issuer, &token).await);
    let key = serde_json::from_value(issuer.public_jwk("es256-1").unwrap()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["service"]);
    validation.set_required_spec_claims(&["iss", "aud"]);
    jsonwebtoken::decode::<Value>(&jwt, &DecodingKey::from_jwk(&key).unwrap(), &validation).unwrap();

    assert_eq!(parts(&signed(&issuer, "unknown").await).1["token_introspection"], inactive());
    for (accept, kind) in [
        ("application/json, Application/Token-Introspection+JWT;q=0.9", SIGNED),
        ("application/json", "application/json"),
        ("application/jwt", "application/json"),
        ("*/*", "application/json"),
    ] {
        let answer = asking(&issuer, &token).header("accept", accept).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], kind, "{accept}");
    }
    issuer.sign_answers(false);
    let answer = asking(&issuer, &token).header("accept", SIGNED).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.json::<Value>().await.unwrap()["active"], true);
}

#[tokio::test]
async fn signed_answers_can_be_wrong_in_any_one_thing() {
    let issuer = issuer().await;
    let token = issuer.opaque().issue();
    let changed = async |change: fn(TokenBuilder) -> TokenBuilder| {
        issuer.change_signed_answers(change);
        signed(&issuer, &token).await
    };
    let other = async |change| parts(&changed(change).await);
    assert_eq!(other(|answer| answer.header("typ", "JWT")).await.0["typ"], "JWT");
    assert_eq!(other(|answer| answer.without_header("typ")).await.0.get("typ"), None);
    assert_eq!(other(|answer| answer.audience("x")).await.1["aud"], "x");
    assert_eq!(other(|answer| answer.issuer("x")).await.1["iss"], "x");
    assert_eq!(other(|answer| answer.without("iat")).await.1.get("iat"), None);
    assert_eq!(other(|answer| answer.issued_at(1000)).await.1["iat"], 1000);
    let outside = other(|answer| answer.without("token_introspection").claim("active", true)).await.1;
    assert_eq!(names(&outside), ["iss", "aud", "iat", "active"]);

    let unsigned = changed(|answer| answer.header("alg", "none").raw_signature([])).await;
    assert!(unsigned.ends_with('.'), "{unsigned}");
    let stranger = SigningKey::generate(Algorithm::RS256, "es256-1").unwrap();
    issuer.change_signed_answers(move |answer| answer.key(&stranger));
    assert_eq!(parts(&signed(&issuer, &token).await).0["alg"], "RS256");
    issuer.change_signed_answers(|answer| answer.algorithm(Algorithm::RS256));
    assert_eq!(asking(&issuer, &token).header("accept", SIGNED).send().await.unwrap().status(), 500);

    issuer.change_signed_answers(|answer| answer);
    let twice = issuer.opaque().raw_answer(r#"{"active":true,"#).issue();
    let jwt = signed(&issuer, &twice).await;
    let payload = jwt.split('.').nth(1).unwrap();
    let expected = format!(r#"{{"iss":"{}","aud":"service","iat":"#, issuer.url());
    let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert!(
        decoded.starts_with(&expected) && decoded.ends_with(r#","token_introspection":{"active":true,}"#),
        "{decoded}"
    );
}
