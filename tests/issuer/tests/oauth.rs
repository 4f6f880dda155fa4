//! The token endpoint: the client credentials grant.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::collections::HashSet;
use std::time::Duration;

use jsonwebtoken::dangerous::insecure_decode;
use rampart_issuer::{Algorithm, DpopKey, Endpoint, LocalIssuer, SigningKey, TokenBuilder};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use support::{client, issuer, names, said};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const BY_JWT: (&str, &str) = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
const ID: (&str, &str) = ("client_id", "service");
const SECRET: (&str, &str) = ("client_secret", "service-secret");

fn asking(issuer: &LocalIssuer, form: &[(&str, &str)]) -> RequestBuilder {
    client().post(issuer.token_url()).form(form)
}

fn by_basic(issuer: &LocalIssuer, form: &[(&str, &str)]) -> RequestBuilder {
    asking(issuer, form).basic_auth("service", Some("service-secret"))
}

/// The answer, and the claims of its token.
async fn granted(request: RequestBuilder) -> (Value, Value) {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.unwrap();
    let claims = insecure_decode::<Value>(body["access_token"].as_str().unwrap()).unwrap().claims;
    (body, claims)
}

async fn refused(request: RequestBuilder, status: u16, error: &str) {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
    assert_eq!(challenge, (status == 401).then_some("Basic realm=\"rampart\""));
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    let members: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["error", "error_description", "status", "request_id"]);
    assert_eq!((&body["error"], &body["status"], &body["request_id"]), (&json!(error), &json!(status), &json!(id)));
}

#[tokio::test]
async fn a_client_gets_a_token_for_itself_by_basic_or_in_the_body() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).client("other", "o").start().await.unwrap();
    let in_body = asking(&issuer, &[GRANT, ID, SECRET]);
    let mixed_case = asking(&issuer, &[GRANT]).header("authorization", "bAsIc c2VydmljZTpzZXJ2aWNlLXNlY3JldA==");
    let mut ids = HashSet::new();
    for request in [by_basic(&issuer, &[GRANT]), in_body, mixed_case] {
        let (body, claims) = granted(request).await;
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["access_token", "token_type", "expires_in"]);
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(900)));
        let names: Vec<_> = claims.as_object().unwrap().keys().collect();
        assert_eq!(names, ["iss", "sub", "aud", "exp", "iat", "client_id", "jti"]);
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("service"), &json!("service")));
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer.url()), &json!(["task-api"])));
        assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()), "no two tokens are alike");
    }
    let (_, claims) = granted(asking(&issuer, &[GRANT]).basic_auth("other", Some("o"))).await;
    assert_eq!(claims["sub"], "other");
}

#[tokio::test]
async fn both_parts_of_basic_are_form_urlencoded_unless_told_otherwise() {
    let (id, secret) = ("1PpG/Q 1", "z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=");
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).client(id, secret).start().await.unwrap();
    let encoded = concat!(
        "Basic MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhi",
        "TCUyQndmRlR0MXJGdyUzRA=="
    );
    let vector = || asking(&issuer, &[GRANT]).header("authorization", encoded);
    let raw = || asking(&issuer, &[GRANT]).basic_auth(id, Some(secret));
    let (_, claims) = granted(vector()).await;
    assert_eq!(claims["client_id"], id);
    refused(raw(), 401, "invalid_client").await;
    issuer.decode_basic(false);
    granted(raw()).await;
    refused(vector(), 401, "invalid_client").await;
}

#[tokio::test]
async fn wrong_credentials_are_401_with_a_challenge() {
    let issuer = issuer().await;
    let wrong = [
        asking(&issuer, &[GRANT]),
        asking(&issuer, &[GRANT, ID]),
        asking(&issuer, &[GRANT, ID, ("client_secret", "service-secret ")]),
        asking(&issuer, &[GRANT]).basic_auth("service", Some("wrong")),
        asking(&issuer, &[GRANT]).basic_auth("service", Some("service-secret=x")),
        asking(&issuer, &[GRANT]).basic_auth("nobody", Some("service-secret")),
        asking(&issuer, &[GRANT]).basic_auth("service", None::<&str>),
        asking(&issuer, &[GRANT]).header("authorization", "Basic ???"),
        asking(&issuer, &[GRANT]).bearer_auth("service-secret"),
    ];
    for request in wrong {
        refused(request, 401, "invalid_client").await;
    }
}

#[tokio::test]
async fn wrong_requests_are_400() {
    let issuer = issuer().await;
    let ask = |form: &[(&str, &str)]| by_basic(&issuer, form);
    refused(ask(&[("grant_type", "password")]), 400, "unsupported_grant_type").await;
    refused(ask(&[("scope", "a")]), 400, "invalid_request").await;
    refused(ask(&[GRANT, GRANT]), 400, "invalid_request").await;
    refused(ask(&[GRANT, ("scope", "a"), ("scope", "b")]), 400, "invalid_request").await;
    refused(ask(&[GRANT, ID, SECRET]), 400, "invalid_request").await;
    refused(ask(&[GRANT]).json(&json!({"grant_type": "client_credentials"})), 400, "invalid_request").await;
    granted(ask(&[GRANT, ID])).await;
}

#[tokio::test]
async fn scope_and_audience_are_those_asked_for() {
    let issuer = issuer().await;
    let (body, claims) = granted(by_basic(&issuer, &[GRANT, ("scope", "users:read a+b")])).await;
    assert_eq!((&body["scope"], &claims["scope"]), (&json!("users:read a+b"), &json!("users:read a+b")));
    assert!(issuer.recorded(Endpoint::Token)[0].body.ends_with("&scope=users%3Aread+a%2Bb"));
    let (body, claims) = granted(by_basic(&issuer, &[GRANT, ("scope", "")])).await;
    assert_eq!((body.get("scope"), claims.get("scope")), (None, None));

    let form = [GRANT, ("resource", "https://r/1"), ("audience", "a"), ("resource", "https://r/2")];
    let (_, claims) = granted(by_basic(&issuer, &form)).await;
    assert_eq!(claims["aud"], json!(["a", "https://r/1", "https://r/2"]));
}

#[tokio::test]
async fn lifetime_and_answer_can_be_set() {
    let issuer = issuer().await;
    issuer.token_lifetime(Duration::from_secs(7));
    let (body, claims) = granted(by_basic(&issuer, &[GRANT])).await;
    assert_eq!(body["expires_in"], 7);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 7);
    issuer.token_lifetime(Duration::MAX);
    granted(by_basic(&issuer, &[GRANT])).await;

    issuer.token_lifetime(Duration::ZERO);
    issuer.token_response(Some(json!({"expires_in": "60", "token_type": null, "refresh_token": "r"})));
    let (body, claims) = granted(by_basic(&issuer, &[GRANT, ("scope", "a")])).await;
    assert_eq!(claims["exp"], claims["iat"]);
    let mut members = body;
    members.as_object_mut().unwrap().remove("access_token");
    assert_eq!(members, json!({"expires_in": "60", "scope": "a", "refresh_token": "r"}));
    issuer.token_response(None);
    assert_eq!(granted(by_basic(&issuer, &[GRANT])).await.0["token_type"], "Bearer");
}

#[tokio::test]
async fn a_client_may_sign_an_assertion() {
    let issuer = issuer().await;
    let key = SigningKey::generate(Algorithm::ES384, "robot-key").unwrap();
    issuer.client_jwk("robot", key.public_jwk());
    let assertion = |issuer: &LocalIssuer| {
        let url = issuer.token_url();
        issuer.token().key(&key).issuer("robot").sub("robot").audience(url)
    };
    let ask = |assertion: TokenBuilder, more: &[(&str, &str)]| {
        let jwt = assertion.sign().unwrap();
        asking(&issuer, &[&[GRANT, BY_JWT, ("client_assertion", &*jwt)], more].concat())
    };
    let good = assertion(&issuer);
    let (_, claims) = granted(ask(good.clone(), &[])).await;
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("robot"), &json!("robot")));
    granted(ask(good.clone().audience(issuer.url()), &[("client_id", "robot")])).await;

    let wrong = [
        good.clone().key(&SigningKey::generate(Algorithm::ES384, "robot-key").unwrap()),
        good.clone().issuer("service"),
        good.clone().sub("service"),
        good.clone().audience("https://elsewhere"),
        good.clone().at(1000),
        good.clone().without("exp"),
    ];
    for assertion in wrong {
        refused(ask(assertion, &[]), 401, "invalid_client").await;
    }
    refused(ask(good.clone(), &[ID]), 401, "invalid_client").await;
    refused(ask(good.clone(), &[ID, SECRET]), 400, "invalid_request").await;
    refused(ask(good.clone(), &[]).basic_auth("robot", Some("")), 400, "invalid_request").await;
    let jwt = good.sign().unwrap();
    refused(asking(&issuer, &[GRANT, ("client_assertion", &*jwt)]), 400, "invalid_request").await;
    refused(asking(&issuer, &[GRANT, ("client_id", "robot"), ("client_secret", "")]), 401, "invalid_client").await;
}

#[tokio::test]
async fn an_opaque_token_is_for_who_asks_for_one() {
    let issuer = issuer().await;
    let ask = |format| {
        let form = [GRANT, ("scope", "a b"), ("audience", "orders-api"), ("token_format", format)];
        by_basic(&issuer, &form)
    };
    for format in ["jwt", ""] {
        assert_eq!(granted(ask(format)).await.1["scope"], "a b", "{format}");
    }
    let answer = ask("opaque").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(900), &json!("a b"))
    );
    let token = body["access_token"].as_str().unwrap();
    assert!(token.len() == 43 && !token.contains('.'), "{token}");
    let told = said(&issuer, token).await;
    assert_eq!(names(&told), ["active", "iss", "sub", "aud", "exp", "iat", "client_id", "scope", "jti", "token_type"]);
    assert_eq!([&told["iss"], &told["sub"], &told["client_id"]], [issuer.url(), "service", "service"]);
    assert_eq!(
        (&told["aud"], &told["scope"], &told["token_type"]),
        (&json!(["orders-api"]), &json!("a b"), &json!("Bearer"))
    );
    refused(ask("OPAQUE"), 400, "invalid_request").await;

    let key = DpopKey::generate().unwrap();
    let proof = key.proof("POST", &issuer.token_url()).sign().unwrap();
    let body: Value = ask("opaque").header("dpop", proof).send().await.unwrap().json().await.unwrap();
    let told = said(&issuer, body["access_token"].as_str().unwrap()).await;
    assert_eq!((&body["token_type"], &told["token_type"]), (&json!("DPoP"), &json!("DPoP")));
    assert_eq!(told["cnf"], json!({"jkt": key.thumbprint()}));
}
