//! The token endpoint from the issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414).
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, reason = "a test fails by a panic")]

mod common;

use common::{
    LONGEST_WAIT, Outcome, SECOND, TICK, TIMEOUT, World, address, builder, crowd, is_rate_limited, is_transport,
    issuer, outcomes, quiet, seconds, until,
};
use rampart_client::{ClientError, RampartClient, RampartClientBuilder};
use rampart_http::{EndpointUrl, Member, Metadata, MetadataError};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;
use tokio::runtime::Builder;

fn discovering(issuer: &LocalIssuer) -> RampartClient {
    builder(issuer).discovery().build().unwrap()
}

fn metadata(issuer: &str, token_endpoint: &str) -> String {
    json!({"issuer": issuer, "token_endpoint": token_endpoint}).to_string()
}

#[tokio::test]
async fn discovery_asks_the_metadata_once_and_again_after_a_failure() {
    let world = World::with(RampartClientBuilder::discovery).await;
    let asked = || (world.issuer.requests(Endpoint::Discovery), world.requests());
    for expected in 1..4 {
        world.client.token(&world.unused()).await.unwrap();
        assert_eq!(asked(), (1, expected));
    }
    // The endpoint moves to another server.
    let other = issuer().await;
    let moved = other.token_url();
    world.issuer.set_discovery_body(Some(metadata(world.issuer.url(), &moved)));
    world.issuer.inject(Endpoint::Token, Fault::status(404));
    let request = world.unused();
    world.client.token(&request).await.unwrap_err();
    assert_eq!(asked(), (1, 4));
    world.time.pass(SECOND + TICK).await;
    world.client.token(&request).await.unwrap();
    assert_eq!(asked(), (2, 4));
    assert_eq!(other.requests(Endpoint::Token), 1);
}

/// The outcomes of calls for so many sets that nobody has asked for yet, all at the same time.
async fn at_the_same_time(world: &World, sets: usize) -> Vec<Outcome> {
    let calls = (0..sets).flat_map(|_| crowd(&world.client, &world.unused(), 2)).collect();
    outcomes(calls).await
}

#[tokio::test]
async fn sets_that_come_at_the_same_time_ask_the_metadata_once() {
    let world = World::with(RampartClientBuilder::discovery).await;
    let asked = || (world.issuer.requests(Endpoint::Discovery), world.requests());
    // They share its failure, and what it says.
    world.issuer.inject_times(Endpoint::Discovery, &Fault::status(500), 1);
    let told = "the issuer answered the request for its metadata with status 500";
    for outcome in at_the_same_time(&world, 50).await {
        assert_eq!(outcome.unwrap_err(), ClientError::Metadata(told.to_owned()));
    }
    assert_eq!(asked(), (1, 0));
    for outcome in at_the_same_time(&world, 50).await {
        outcome.unwrap();
    }
    assert_eq!(asked(), (2, 50));
}

#[tokio::test]
async fn request_for_the_metadata_that_hangs_is_waited_for_two_seconds() {
    let world = World::with(RampartClientBuilder::discovery).await;
    world.issuer.inject_times(Endpoint::Discovery, &Fault::Hang, 1);
    let first = world.waiting(&world.unused());
    until("a request", || world.issuer.requests(Endpoint::Discovery) == 1).await;
    let others = [world.waiting(&world.unused()), world.waiting(&world.unused())];
    world.time.pass(seconds(2) - TICK).await;
    quiet().await;
    assert_eq!(world.issuer.requests(Endpoint::Discovery), 1);
    world.time.pass(2 * TICK).await;
    for other in others {
        other.outcome().await.unwrap();
    }
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.requests()), (2, 2));
    world.time.pass(TIMEOUT).await;
    is_transport(&first.outcome().await.unwrap_err(), "the metadata of the issuer cannot be reached");
}

#[tokio::test]
async fn request_for_the_metadata_that_ends_with_its_runtime_is_made_by_another_set_at_once() {
    // Its clock stands still, so that no wait ends.
    let world = World::with(RampartClientBuilder::discovery).await;
    world.issuer.inject_times(Endpoint::Discovery, &Fault::Hang, 1);
    let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (client, set) = (world.client.clone(), world.unused());
    drop(elsewhere.spawn(async move { client.token(&set).await }));
    until("a request", || world.issuer.requests(Endpoint::Discovery) == 1).await;
    let mut other = world.waiting(&world.unused());
    quiet().await;
    other.still_waits();
    assert_eq!(world.issuer.requests(Endpoint::Discovery), 1);
    std::thread::spawn(move || elsewhere.shutdown_timeout(seconds(60))).join().unwrap();
    other.outcome().await.unwrap();
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.requests()), (2, 1));
}

/// Answers of a token endpoint, and whether they may be those of an address where there is none any more.
fn answers() -> Vec<(Fault, bool)> {
    vec![
        (Fault::json(400, r#"{"error":"invalid_scope"}"#), false),
        (Fault::json(401, r#"{"error":"invalid_client"}"#), false),
        (Fault::json(403, r#"{"error":"unauthorized_client"}"#), false),
        (Fault::json(500, r#"{"error":"server_error"}"#), false),
        (Fault::status(401), false),
        (Fault::retry_after(429, "1"), false),
        (Fault::retry_after(503, "1"), false),
        (Fault::body(r#"{"access_token":"a.token","token_type":"DPoP"}"#), false),
        (Fault::status(404), true),
        (Fault::status(405), true),
        (Fault::json(404, r#"{"status":404,"error":"Not Found"}"#), true),
        (Fault::json(410, r#"{"error":"gone"}"#), true),
        (Fault::redirect(308, "https://auth.example.com/token"), true),
        (Fault::status(502), true),
        (Fault::Garbage, true),
    ]
}

#[tokio::test]
async fn set_that_is_refused_takes_the_token_endpoint_from_no_other() {
    let world = World::with(RampartClientBuilder::discovery).await;
    world.client.token(&world.unused()).await.unwrap();
    // The metadata cannot be had any more, but where it is really needed.
    world.issuer.inject(Endpoint::Discovery, Fault::status(500));
    for (fault, may_have_moved) in answers() {
        let asked = world.issuer.requests(Endpoint::Discovery);
        world.answered(&fault).await.unwrap_err();
        world.time.pass(LONGEST_WAIT + TICK).await;
        let outcome = world.client.token(&world.unused()).await;
        assert_eq!(outcome.is_err(), may_have_moved, "{fault:?}: {outcome:?}");
        assert_eq!(world.issuer.requests(Endpoint::Discovery), asked + usize::from(may_have_moved), "{fault:?}");
        if may_have_moved {
            world.issuer.clear_faults();
            world.time.pass(LONGEST_WAIT + TICK).await;
            world.client.token(&world.unused()).await.unwrap();
            world.issuer.inject(Endpoint::Discovery, Fault::status(500));
        }
    }
}

#[tokio::test]
async fn discovery_trusts_only_metadata_of_exactly_this_issuer_with_an_https_endpoint() {
    let issuer = issuer().await;
    let (url, endpoint) = (issuer.url().to_owned(), issuer.token_url());
    let cases = [
        metadata(&format!("{url}/"), &endpoint),
        metadata(&url.replace("http", "HTTP"), &endpoint),
        metadata(&url.replace("127.0.0.1", "localhost"), &endpoint),
        metadata("https://auth.example.com", &endpoint),
        metadata("", &endpoint),
        json!({"token_endpoint": endpoint}).to_string(),
        json!({"issuer": [url], "token_endpoint": endpoint}).to_string(),
        json!({"issuer": url}).to_string(),
        json!({"issuer": url, "token_endpoint": 1}).to_string(),
        metadata(&url, "http://auth.example.com/oauth/token"),
        metadata(&url, "https://user:hunter2@auth.example.com/oauth/token"),
        metadata(&url, "https://auth.example.com/oauth/token#hunter2"),
        metadata(&url, "ftp://auth.example.com"),
        metadata(&url, "/oauth/token"),
        metadata(&url, ""),
        "[]".into(),
        "<html>".into(),
        String::new(),
    ];
    for body in cases {
        issuer.set_discovery_body(Some(body.clone()));
        let error = discovering(&issuer).client_credentials_token(&[]).await.unwrap_err();
        assert!(matches!(error, ClientError::Metadata(_)), "{body:?}: {error:?}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(issuer.requests(Endpoint::Token), 0);
    // The trailing slash of the configured issuer counts, although the address of its metadata ignores it.
    issuer.set_discovery_body(Some(metadata(&format!("{url}/"), &endpoint)));
    let slashed = RampartClient::builder(format!("{url}/"), "service", "service-secret").discovery().build().unwrap();
    slashed.client_credentials_token(&[]).await.unwrap();
}

#[tokio::test]
async fn discovery_has_the_limits_of_every_exchange() {
    let world = World::with(RampartClientBuilder::discovery).await;
    let answered = async |fault: &Fault| {
        world.issuer.inject_times(Endpoint::Discovery, fault, 1);
        let error = world.client.token(&world.unused()).await.unwrap_err();
        assert_eq!(world.requests(), 0);
        error
    };
    for fault in [Fault::status(500), Fault::status(403), Fault::redirect(302, &world.issuer.token_url())] {
        assert!(matches!(answered(&fault).await, ClientError::Metadata(_)));
    }
    let told = answered(&Fault::redirect(301, "https://auth.example.com/a?b=hunter2")).await.to_string();
    assert!(told.contains("a redirect to https://auth.example.com/a,") && told.contains("token_url(..)"), "F23 {told}");
    assert!(!told.contains("hunter2"), "{told}");
    for fault in [Fault::Oversize(10 * 1024 * 1024), Fault::Garbage, Fault::ContentEncoding("gzip".into())] {
        is_transport(&answered(&fault).await, "");
    }
    // Both requests share the five seconds.
    world.issuer.inject(Endpoint::Token, Fault::Hang);
    let asked = world.issuer.requests(Endpoint::Discovery);
    world.issuer.inject_times(Endpoint::Discovery, &Fault::HeadersThenHang, 1);
    let waiting = world.waiting(&world.unused());
    until("the metadata", || world.issuer.requests(Endpoint::Discovery) > asked).await;
    world.time.pass(TIMEOUT + TICK).await;
    is_transport(&waiting.outcome().await.unwrap_err(), "no complete answer within 5 s");
}

/// F64.
#[tokio::test]
async fn metadata_of_rfc_8414_is_found_where_that_of_openid_connect_is_not_there() {
    let world = World::with(RampartClientBuilder::discovery).await;
    let asked = || [Endpoint::Discovery, Endpoint::OAuthMetadata, Endpoint::Token].map(|at| world.issuer.requests(at));
    let nowhere = |status| {
        let url = format!("{}/.well-known", world.issuer.url());
        let told = format!(
            "the issuer has no metadata: status {status} at {url}/openid-configuration, status 410 at {url}/oauth-authorization-server; give token_url(..)"
        );
        ClientError::Metadata(told)
    };
    for status in [404, 410] {
        world.issuer.inject(Endpoint::Discovery, Fault::status(status));
        world.issuer.inject_times(Endpoint::OAuthMetadata, &Fault::status(410), 1);
        assert_eq!(world.client.token(&world.unused()).await.unwrap_err(), nowhere(status));
        world.client.token(&world.unused()).await.unwrap();
        assert_eq!(asked(), [2, 2, 1]);
        // Another answer ends the search.
        world.answered(&Fault::status(404)).await.unwrap_err();
        world.issuer.inject(Endpoint::Discovery, Fault::status(500));
        world.client.token(&world.unused()).await.unwrap_err();
        assert_eq!(asked(), [3, 2, 2]);
        world.issuer.reset_counts();
    }
}

#[tokio::test]
async fn metadata_makes_the_client_wait_where_the_server_limits_the_rate_and_nowhere_else() {
    let world = World::with(RampartClientBuilder::discovery).await;
    let limits = [
        (Fault::retry_after(503, "20"), 503, seconds(20)),
        (Fault::retry_after(429, "20"), 429, seconds(20)),
        (Fault::status(429), 429, SECOND),
    ];
    for (fault, status, wait) in limits {
        let asked = world.issuer.requests(Endpoint::Discovery);
        world.issuer.inject_times(Endpoint::Discovery, &fault, 1);
        let error = world.client.token(&world.unused()).await.unwrap_err();
        is_rate_limited(&error, status, wait);
        let told = format!(
            "the issuer, asked for its metadata, limits the rate (status {status}); retry in {} s",
            wait.as_secs()
        );
        assert_eq!(error.to_string(), told);
        // All sets wait: each would ask for the metadata.
        assert_eq!(world.at_once(&world.unused()).unwrap_err(), error);
        assert_eq!(world.issuer.requests(Endpoint::Discovery), asked + 1);
        world.time.pass(LONGEST_WAIT + TICK).await;
    }
    for status in [403, 408, 500, 502, 504] {
        let asked = world.issuer.requests(Endpoint::Discovery);
        world.issuer.inject_times(Endpoint::Discovery, &Fault::retry_after(status, "300"), 2);
        // None of them waits for another, and each no longer than after any failure.
        for _ in 0..2 {
            let error = world.client.token(&world.unused()).await.unwrap_err();
            let told = format!("the issuer answered the request for its metadata with status {status}");
            assert_eq!(error, ClientError::Metadata(told));
        }
        assert_eq!(world.issuer.requests(Endpoint::Discovery), asked + 2);
    }
    assert_eq!(world.requests(), 0);
    world.client.token(&world.unused()).await.unwrap();
    // A limit of the token endpoint is said to be one of it.
    let error = world.answered(&Fault::status(429)).await.unwrap_err();
    assert_eq!(error.to_string(), "the token endpoint limits the rate (status 429); retry in 1 s");
}

#[tokio::test]
async fn error_says_whether_the_metadata_or_the_token_endpoint_cannot_be_reached() {
    let world = World::with(RampartClientBuilder::discovery).await;
    world.issuer.inject_times(Endpoint::Discovery, &Fault::Hang, 1);
    let waiting = world.waiting(&world.unused());
    until("a request", || world.issuer.requests(Endpoint::Discovery) == 1).await;
    world.time.pass(TIMEOUT + TICK).await;
    let error = waiting.outcome().await.unwrap_err().to_string();
    assert_eq!(error, "the metadata of the issuer cannot be reached: no complete answer within 5 s");
    world.issuer.inject_times(Endpoint::Token, &Fault::Hang, 1);
    let waiting = world.waiting(&world.unused());
    world.requested(1).await;
    world.time.pass(TIMEOUT + TICK).await;
    let error = waiting.outcome().await.unwrap_err().to_string();
    assert_eq!(error, "the token endpoint cannot be reached: no complete answer within 5 s");
}

#[tokio::test]
async fn discovery_elsewhere_cannot_send_the_secret_to_this_machine_over_http() {
    let issuer = issuer().await;
    let elsewhere = "https://auth.example.com";
    let told = metadata(elsewhere, &issuer.token_url());
    let source = EndpointUrl::parse("source", elsewhere, false).unwrap();
    let refused = Metadata::read(&told, elsewhere).unwrap().address(Member::TokenEndpoint, &source, true);
    assert!(matches!(refused, Err(MetadataError::Unusable(_))), "{refused:?}");

    // With permission it can.
    let elsewhere = format!("http://auth.test:{}", issuer.port());
    issuer.set_discovery_body(Some(metadata(&elsewhere, &issuer.token_url())));
    let address = address(&issuer);
    let client = RampartClient::builder(elsewhere, "service", "service-secret")
        .allow_http(true)
        .discovery()
        .http_client(move |http| http.no_proxy().resolve("auth.test", address))
        .build()
        .unwrap();
    client.client_credentials_token(&[]).await.unwrap();
}
