//! The token endpoint of an issuer of which nothing but itself is known.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, reason = "a test fails by a panic")]

mod common;

use common::keys::{ALGORITHMS, ClientKey};
use common::{LONGEST_WAIT, TICK, World, any, builder, is_malformed, issuer};
use rampart_client::{ClientError, RampartClientBuilder};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;

/// How often OpenID Connect's metadata, that of RFC 8414 and the token endpoint were asked.
fn asked(issuer: &LocalIssuer) -> [usize; 3] {
    [Endpoint::Discovery, Endpoint::OAuthMetadata, Endpoint::Token].map(|endpoint| issuer.requests(endpoint))
}

/// The metadata gives this token endpoint.
fn lead_to(issuer: &LocalIssuer, address: &str) {
    let metadata = json!({ "issuer": issuer.url(), "token_endpoint": address });
    issuer.set_discovery_body(Some(metadata.to_string()));
}

/// The address of the last request for a token, below the issuer's.
fn path(issuer: &LocalIssuer) -> String {
    issuer.recorded(Endpoint::Token).pop().unwrap().path
}

fn without_metadata(issuer: &LocalIssuer, status: u16) {
    for endpoint in [Endpoint::Discovery, Endpoint::OAuthMetadata] {
        issuer.inject(endpoint, Fault::status(status));
    }
}

#[tokio::test]
async fn cx26_client_that_knows_only_its_issuer_asks_the_metadata_first_and_without_credentials() {
    let key = ClientKey::generate(ALGORITHMS[1]);
    let ways: [&dyn Fn(RampartClientBuilder) -> RampartClientBuilder; 4] =
        [&|builder| builder, &|builder| builder.secret_in_body(), &|builder| builder.basic_raw(), &|builder| {
            builder.private_key_jwt(key.algorithm, key.pem.clone(), None)
        }];
    for (number, way) in ways.into_iter().enumerate() {
        let issuer = issuer().await;
        if number == 3 {
            issuer.client_jwk("service", key.jwk.clone());
        }
        // The local issuer knows itself in an assertion by its plain address.
        let query = if number == 3 { "" } else { "?realm=shop" };
        lead_to(&issuer, &format!("{}{query}", issuer.token_url()));
        let build = || way(builder(&issuer)).build().unwrap();
        // Where it fails, nothing else is asked.
        issuer.inject_times(Endpoint::Discovery, &Fault::status(500), 1);
        let error = build().token(&any()).await.unwrap_err();
        let told = "the issuer answered the request for its metadata with status 500";
        assert_eq!(error, ClientError::Metadata(told.into()));
        assert_eq!(asked(&issuer), [1, 0, 0]);
        build().token(&any()).await.unwrap();
        assert_eq!((asked(&issuer), path(&issuer)), ([2, 0, 1], format!("/oauth/token{query}")));
        for request in issuer.recorded(Endpoint::Discovery) {
            assert_eq!((&*request.method, &*request.path), ("GET", "/.well-known/openid-configuration"));
            assert_eq!((request.header("authorization"), &*request.body), (None, ""));
            let whole = format!("{request:?}");
            assert!(!whole.contains("service-secret") && !whole.contains("assertion"), "{whole}");
        }
    }
}

#[tokio::test]
async fn cx26_only_the_absence_of_metadata_leads_to_the_default_address() {
    for absent in [404, 410] {
        let issuer = issuer().await;
        without_metadata(&issuer, absent);
        let client = builder(&issuer).build().unwrap();
        client.token(&any()).await.unwrap();
        assert_eq!((asked(&issuer), &*path(&issuer)), ([1, 1, 1], "/oauth/token"));
    }
    let issuer = issuer().await;
    let foreign = json!({ "issuer": "https://evil.example", "token_endpoint": issuer.token_url() }).to_string();
    let faults = [204, 301, 302, 400, 401, 403, 405, 406, 408, 429, 500, 502, 503].map(Fault::status);
    let faults = faults.into_iter().chain([
        Fault::body(foreign),
        Fault::body("{}"),
        Fault::Garbage,
        Fault::CloseEarly,
        Fault::ContentEncoding("gzip".into()),
        Fault::redirect(302, &issuer.token_url()),
    ]);
    for fault in faults {
        // At the first address, and at the second where the first is not there.
        for (endpoint, seen) in [(Endpoint::Discovery, 0), (Endpoint::OAuthMetadata, 1)] {
            issuer.reset_counts();
            without_metadata(&issuer, 404);
            issuer.inject(endpoint, fault.clone());
            let error = builder(&issuer).build().unwrap().token(&any()).await.unwrap_err();
            assert!(error.to_string().contains("metadata"), "{fault:?}: {error}");
            assert_eq!((asked(&issuer)[1].min(1), asked(&issuer)[2]), (seen, 0), "{fault:?}: {error}");
        }
    }
}

#[tokio::test]
async fn cx26_token_endpoint_on_another_origin_gets_no_secret_unless_the_operator_says_so() {
    let (issuer, other) = (issuer().await, issuer().await);
    let localhost = issuer.token_url().replace("127.0.0.1", "localhost");
    let told = |url: &str| {
        ClientError::Metadata(format!(
            "the issuer's metadata gives the token endpoint {url}, on another origin than the issuer's, and the secret goes there; if that is right, give it with token_url(..), or use discovery()"
        ))
    };
    for url in [&other.token_url(), &localhost, "https://auth.example.com/token"] {
        lead_to(&issuer, &format!("{url}?key=hunter2"));
        let error = builder(&issuer).build().unwrap().token(&any()).await.unwrap_err();
        assert_eq!(error, told(url));
    }
    assert_eq!((asked(&issuer), asked(&other)), ([3, 0, 0], [0, 0, 0]));
    lead_to(&issuer, &other.token_url());
    builder(&issuer).discovery().build().unwrap().token(&any()).await.unwrap();
    builder(&issuer).token_url(other.token_url()).build().unwrap().token(&any()).await.unwrap();
    assert_eq!((asked(&issuer), asked(&other)), ([4, 0, 0], [0, 0, 2]));
}

/// F64.
#[tokio::test]
async fn metadata_of_rfc_8414_alone_is_found() {
    let issuer = issuer().await;
    lead_to(&issuer, &format!("{}?realm=shop", issuer.token_url()));
    issuer.inject(Endpoint::Discovery, Fault::status(404));
    builder(&issuer).build().unwrap().token(&any()).await.unwrap();
    assert_eq!((asked(&issuer), &*path(&issuer)), ([1, 1, 1], "/oauth/token?realm=shop"));
}

#[tokio::test]
async fn default_address_that_has_given_a_token_is_the_only_one() {
    let world = World::with(|builder| builder).await;
    without_metadata(&world.issuer, 404);
    // A refusal is no token: the metadata may still come.
    world.answered(&Fault::json(400, r#"{"error":"invalid_scope"}"#)).await.unwrap_err();
    world.client.token(&world.unused()).await.unwrap();
    assert_eq!(asked(&world.issuer), [2, 2, 2]);
    world.issuer.clear_faults();
    lead_to(&world.issuer, &format!("{}?realm=shop", world.issuer.token_url()));
    world.client.token(&world.unused()).await.unwrap();
    // Nor does its absence move anybody.
    is_malformed(&world.answered(&Fault::status(404)).await.unwrap_err(), 404, "the body is not JSON");
    world.time.pass(LONGEST_WAIT + TICK).await;
    world.client.token(&world.unused()).await.unwrap();
    assert_eq!((asked(&world.issuer), &*path(&world.issuer)), ([2, 2, 5], "/oauth/token"));
}

#[tokio::test]
async fn metadata_that_has_led_to_a_token_is_the_only_way() {
    let world = World::with(|builder| builder).await;
    lead_to(&world.issuer, &format!("{}?realm=shop", world.issuer.token_url()));
    world.client.token(&world.unused()).await.unwrap();
    world.answered(&Fault::status(404)).await.unwrap_err();
    assert_eq!(asked(&world.issuer), [1, 0, 2]);
    without_metadata(&world.issuer, 404);
    world.time.pass(LONGEST_WAIT + TICK).await;
    let error = world.client.token(&world.unused()).await.unwrap_err();
    let url = format!("{}/.well-known", world.issuer.url());
    let told = format!(
        "the issuer has no metadata: status 404 at {url}/openid-configuration, status 404 at {url}/oauth-authorization-server; give token_url(..)"
    );
    assert_eq!(error, ClientError::Metadata(told));
    assert_eq!(asked(&world.issuer), [2, 1, 2]);
}

#[tokio::test]
async fn nothing_at_either_place_is_told_with_the_remedy_and_looked_for_again() {
    let world = World::with(|builder| builder).await;
    without_metadata(&world.issuer, 404);
    let told = "nothing is at /oauth/token, and the issuer has no metadata that gives another address; give it with token_url()";
    for (round, fault) in
        [(1, Fault::status(404)), (2, Fault::status(405)), (3, Fault::json(410, r#"{"error":"Gone"}"#))]
    {
        let Fault::Respond { status, .. } = fault else { panic!("{fault:?}") };
        is_malformed(&world.answered(&fault).await.unwrap_err(), status, told);
        assert_eq!(asked(&world.issuer), [round; 3]);
    }
    // What is no absence is told as it is.
    is_malformed(&world.answered(&Fault::status(500)).await.unwrap_err(), 500, "the body is not JSON");
    world.issuer.clear_faults();
    lead_to(&world.issuer, &format!("{}?realm=shop", world.issuer.token_url()));
    world.time.pass(LONGEST_WAIT + TICK).await;
    world.client.token(&world.unused()).await.unwrap();
    assert_eq!(path(&world.issuer), "/oauth/token?realm=shop");
}

#[tokio::test]
async fn sets_that_come_at_the_same_time_look_for_the_endpoint_once() {
    let world = World::with(|builder| builder).await;
    without_metadata(&world.issuer, 404);
    let calls = (0..50).flat_map(|_| common::crowd(&world.client, &world.unused(), 2)).collect();
    for outcome in common::outcomes(calls).await {
        outcome.unwrap();
    }
    assert_eq!(asked(&world.issuer), [1, 1, 50]);
}
