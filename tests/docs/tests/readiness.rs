//! The readiness recipe of the manual, as it is written there: an API that gets no requests with a token becomes ready.
#![cfg(test)]

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use tokio::net::TcpListener;

/// The code of the manual.
mod recipe {
    #![allow(clippy::missing_docs_in_private_items, reason = "as users write it")]
    include!("recipes/readiness.rs");

    pub(super) async fn as_it_is(auth: RampartAuth) -> Router {
        app(auth).await
    }

    /// Warming up is optional.
    pub(super) fn without_warm_up(auth: RampartAuth) -> Router {
        Router::new().route("/ready", get(ready)).with_state(auth)
    }
}

#[test]
fn manual_shows_what_is_tested_here() {
    let manual = include_str!("../../../rampart-core/src/manual/how_to.md");
    assert!(manual.contains(include_str!("recipes/readiness.rs")));
}

/// Tells a probe as an orchestrator makes it: the status, and nothing else.
async fn probe(address: SocketAddr) -> u16 {
    reqwest::get(format!("http://{address}/ready")).await.unwrap().status().as_u16()
}

async fn serve(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Probes until the API is ready; fails long after it should be.
async fn becomes_ready(address: SocketAddr) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while probe(address).await != 200 {
        assert!(Instant::now() < deadline, "the API does not become ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn with<F: Future<Output = axum::Router>>(app: impl FnOnce(rampart_axum::RampartAuth) -> F, failures: usize) {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.inject_times(Endpoint::Jwks, &Fault::status(503), failures);
    let auth = rampart_axum::RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    becomes_ready(serve(app(auth).await).await).await;
    assert_eq!(issuer.requests(Endpoint::Jwks), failures + 1);
}

/// F01.
#[tokio::test]
async fn f01_api_that_did_not_warm_up_becomes_ready_by_being_probed() {
    with(|auth| async { recipe::without_warm_up(auth) }, 0).await;
}

/// F02.
#[tokio::test]
async fn f02_api_that_started_before_its_issuer_becomes_ready() {
    with(recipe::as_it_is, 1).await;
}
