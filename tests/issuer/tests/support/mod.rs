//! What the tests share.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use rampart_issuer::{Algorithm, LocalIssuer};
use reqwest::{Client, Response, redirect::Policy};

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
