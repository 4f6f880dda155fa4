//! Refreshes by hand, and sets without a key.

use std::sync::Arc;

use crate::support::{
    ByHand, DUE, MAX_STALE, Request, TICK, TTL, World, at_once, failed, is_state, outliving, quiet, refused, seconds,
    unavailable,
};
use rampart_core::JwksState;
use rampart_issuer::{Endpoint, Fault};

#[tokio::test]
async fn refresh_by_hand_goes_past_the_back_off() {
    let world = World::new().await;
    let auth = world.cold();
    world.issuer.inject(Endpoint::Jwks, Fault::retry_after(503, "300"));
    unavailable(auth.warm_up().await);
    for attempts in 2..5 {
        unavailable(auth.refresh_keys().await);
        assert_eq!(world.fetches(), attempts);
    }
    world.issuer.clear_faults();
    auth.refresh_keys().await.unwrap();
    at_once(&auth, &world.token()).unwrap();
    assert_eq!(auth.health().last_error, None);
}

#[tokio::test]
async fn refresh_by_hand_goes_past_an_empty_bucket_and_takes_nothing_from_it() {
    let world = World::new().await;
    let auth = world.warm().await;
    for _ in 0..5 {
        auth.refresh_keys().await.unwrap();
    }
    for kid in ["a", "b"] {
        refused(Request::waiting(&auth, &world.token_of_nobody(kid)).verdict().await);
    }
    assert_eq!(world.fetches(), 8);
    unavailable(auth.verify(&world.token_of_nobody("c")).await);
    assert_eq!(world.fetches(), 8);
    auth.refresh_keys().await.unwrap();
    assert_eq!(world.fetches(), 9);
}

/// S08, S12.
#[tokio::test]
async fn refresh_by_hand_takes_an_empty_set_and_then_no_token_passes() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let without_kid = outliving(world.issuer.token().without_header("kid"));
    for empty in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#] {
        for token in [&token, &without_kid] {
            at_once(&auth, token).unwrap();
        }
        world.issuer.set_jwks_body(Some(empty.into()));
        auth.refresh_keys().await.unwrap();
        let health = auth.health();
        assert_eq!((health.state, health.keys, health.last_error), (JwksState::Fresh, 0, None));
        for token in [&token, &without_kid] {
            refused(auth.verify(token).await);
        }
        world.issuer.set_jwks_body(None);
        auth.refresh_keys().await.unwrap();
    }
}

/// S08.
#[tokio::test]
async fn set_of_other_algorithms_taken_by_hand_is_taken_again_and_counts_no_keys() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.issuer.set_jwks_body(Some(
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#.into(),
    ));
    auth.refresh_keys().await.unwrap();
    for _ in 0..2 {
        let health = auth.health();
        assert_eq!((health.state, health.keys, health.last_error), (JwksState::Fresh, 0, None));
        refused(auth.verify(&world.token()).await);
        world.time.pass(DUE).await;
        let _ = auth.verify(&world.token()).await;
        quiet().await;
    }
}

/// S11, S13.
#[tokio::test]
async fn no_cache_on_the_way_may_answer_for_the_issuer() {
    let world = World::new().await;
    let auth = world.warm().await;
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&world.token_of_nobody("unknown")).await);
    let asked = world.issuer.recorded(Endpoint::Jwks);
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.header("cache-control") == Some("no-cache")), "{asked:?}");
}

/// S08, S12.
#[tokio::test]
async fn empty_set_that_nobody_asked_for_is_a_failed_fetch() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.set_jwks_body(Some(r#"{"keys":[]}"#.into()));
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    failed(&auth, "no usable key").await;
    for _ in 0..100 {
        at_once(&auth, &token).unwrap();
    }
    quiet().await;
    assert_eq!(world.fetches(), 2, "the back-off holds here too");
    world.time.pass(TTL + MAX_STALE - DUE).await;
    is_state(&auth, JwksState::Dead);
    unavailable(auth.verify(&token).await);
}

#[tokio::test]
async fn refresh_by_hand_that_fails_keeps_the_old_keys() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let claims = at_once(&auth, &token).unwrap();
    for fault in [Fault::status(500), Fault::body("{}"), Fault::Garbage] {
        world.issuer.inject(Endpoint::Jwks, fault);
        unavailable(auth.refresh_keys().await);
        assert!(Arc::ptr_eq(&claims, &at_once(&auth, &token).unwrap()));
        assert!(auth.health().last_error.is_some());
    }
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let asked = world.fetches();
    let refresh = tokio::spawn({
        let auth = auth.clone();
        async move { auth.refresh_keys().await }
    });
    world.fetched(asked + 1).await;
    at_once(&auth, &token).unwrap();
    world.time.pass(seconds(5) + TICK).await;
    unavailable(refresh.await.unwrap());
    at_once(&auth, &token).unwrap();
}

#[tokio::test]
async fn refresh_by_hand_wants_the_set_itself_as_it_is_now() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).build().unwrap();
    let token = world.token();
    let first = Request::waiting(&auth, &token);
    let set = world.issuer.jwks_json();
    let with_etag =
        format!("HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{set}", set.len());
    server.request().await.send(&with_etag).await;
    first.verdict().await.unwrap();

    // A fetch that began before the revocation may bring the old set: its outcome is not enough.
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    let before = server.request().await;
    assert!(before.head.contains("if-none-match: \"1\""));
    let refresh = tokio::spawn({
        let auth = auth.clone();
        async move { auth.refresh_keys().await }
    });
    quiet().await;
    before.send(&with_etag).await;
    let ours = server.request().await;
    assert!(!ours.head.contains("if-none-match"));
    assert!(!refresh.is_finished());
    ours.answer(r#"{"keys":[]}"#).await;
    refresh.await.unwrap().unwrap();
    assert_eq!(auth.health().keys, 0);
    server.is_left_alone().await;
}
