//! What the tests share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::dangerous::insecure_decode;
use rampart_issuer::{Algorithm, LocalIssuer};
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use serde_json::{Value, json};

/// Only a failing test waits as long as that.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future.into_future()).await.expect("in time")
}

/// An issuer whose keys are quick to make.
pub async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap()
}

pub fn client() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build().unwrap()
}

pub async fn get(url: &str) -> Response {
    client().get(url).send().await.unwrap()
}

pub fn discovery_url(issuer: &LocalIssuer) -> String {
    format!("{}/.well-known/openid-configuration", issuer.url())
}

/// A question of the client that every issuer knows.
pub fn asking(issuer: &LocalIssuer, token: &str) -> RequestBuilder {
    let form = [("token", token), ("token_type_hint", "access_token")];
    client().post(issuer.introspection_url()).basic_auth("service", Some("service-secret")).form(&form)
}

pub async fn asked(issuer: &LocalIssuer, token: &str) -> Response {
    asking(issuer, token).send().await.unwrap()
}

/// The answer, which must be a good one.
pub async fn said(issuer: &LocalIssuer, token: &str) -> Value {
    let answer = asked(issuer, token).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.unwrap()
}

/// Header and claims, whoever has signed them.
pub fn parts(jwt: &str) -> (Value, Value) {
    let jwt = insecure_decode::<Value>(jwt).unwrap();
    (serde_json::to_value(jwt.header).unwrap(), jwt.claims)
}

pub fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn inactive() -> Value {
    json!({"active": false})
}
