//! Keys that come and go: the set is replaced as a whole, and a rotation goes unnoticed.

use std::sync::Arc;

use crate::support::{
    ByHand, DUE, Request, TICK, World, at_once, crowd, key_named, outliving, quiet, refused, renewed, seconds, verdicts,
};
use serde_json::json;

/// S11, T02.
#[tokio::test]
async fn set_is_replaced_as_a_whole_and_cached_tokens_stop_with_their_key() {
    let world = World::new().await;
    let (auth, old) = (world.warm().await, world.token());
    at_once(&auth, &old).unwrap();
    world.issuer.rotate().unwrap();
    let new = world.token();
    world.time.pass(DUE).await;
    at_once(&auth, &old).unwrap();
    renewed(&auth).await;
    at_once(&auth, &new).unwrap();
    assert_eq!(auth.health().keys, 1);
    refused(auth.verify(&old).await);
}

#[tokio::test]
async fn key_that_stays_carries_its_cached_tokens_over() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let own = world.issuer.public_jwk(world.issuer.key().kid()).unwrap();
    let claims = at_once(&auth, &token).unwrap();
    let other = key_named("other").public_jwk();
    let mut annotated = own.clone();
    annotated["x5t"] = json!("abc");
    for keys in [json!([own]), json!([other, own]), json!([own, other]), json!([annotated]), json!([other, own, other])]
    {
        world.issuer.set_jwks_body(Some(json!({ "keys": keys }).to_string()));
        auth.refresh_keys().await.unwrap();
        assert!(Arc::ptr_eq(&claims, &at_once(&auth, &token).unwrap()), "{keys}");
    }
}

/// T02.
#[tokio::test]
async fn key_whose_description_changes_is_another_key() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let own = world.issuer.public_jwk(world.issuer.key().kid()).unwrap();
    let without = |name: &str| {
        let mut jwk = own.clone();
        jwk.as_object_mut().unwrap().remove(name);
        jwk
    };
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = own.clone();
        jwk[name] = value;
        jwk
    };
    let publish = |jwk: serde_json::Value| world.issuer.set_jwks_body(Some(json!({ "keys": [jwk] }).to_string()));
    let mut claims = at_once(&auth, &token).unwrap();
    for jwk in [without("alg"), without("use"), with("key_ops", json!(["verify"]))] {
        publish(jwk.clone());
        auth.refresh_keys().await.unwrap();
        let again = at_once(&auth, &token).unwrap();
        assert!(claims.sub.as_ptr() != again.sub.as_ptr(), "{jwk}");
        claims = again;
    }
    // And where it may not verify such tokens any more, the cached ones stop.
    for jwk in [with("use", json!("enc")), with("key_ops", json!(["sign"])), with("alg", json!("ES384"))] {
        publish(own.clone());
        auth.refresh_keys().await.unwrap();
        at_once(&auth, &token).unwrap();
        publish(jwk.clone());
        auth.refresh_keys().await.unwrap();
        assert!(auth.verify(&token).await.is_err(), "{jwk}");
    }
}

/// S12.
#[tokio::test]
async fn key_replaced_under_the_same_kid_refuses_the_old_ones_cached_tokens() {
    let world = World::new().await;
    let (auth, old) = (world.warm().await, world.token());
    at_once(&auth, &old).unwrap();
    let replacement = key_named(world.issuer.key().kid());
    world.issuer.remove_key(replacement.kid());
    world.issuer.publish(replacement.clone());
    world.issuer.use_key(&replacement);
    auth.refresh_keys().await.unwrap();
    refused(at_once(&auth, &old));
    at_once(&auth, &world.token()).unwrap();
    quiet().await;
    assert_eq!(world.fetches(), 2);
}

/// F22: an issuer for development that was restarted signs with a new key under the ID of the old one.
#[tokio::test]
async fn new_key_under_a_known_kid_is_refused_with_the_way_out_in_the_log() {
    let world = World::new().await;
    let auth = world.warm().await;
    let replacement = key_named(world.issuer.key().kid());
    world.issuer.remove_key(replacement.kid());
    world.issuer.publish(replacement.clone());
    world.issuer.use_key(&replacement);
    world.time.pass(seconds(90)).await;
    let tokens = [world.token(), outliving(world.issuer.token().at(world.time.unix()).without_header("kid"))];
    for token in &tokens {
        crate::log::clear();
        refused(at_once(&auth, token));
        let logged = crate::log::take();
        assert_eq!((logged.len(), logged[0].rule.as_deref()), (1, Some("V5")), "{logged:?}");
        let text = &logged[0].text;
        assert!(text.contains(" keys_age_s=90 ") && text.contains("then call refresh_keys()"), "{text}");
        assert!(token.split('.').all(|part| !text.contains(part)), "{text}");
    }
    quiet().await;
    assert_eq!(world.fetches(), 1, "a forger could have the issuer asked at will");
    auth.refresh_keys().await.unwrap();
    for token in &tokens {
        at_once(&auth, token).unwrap();
    }
}

#[tokio::test]
async fn same_key_under_another_kid_is_another_key() {
    let world = World::new().await;
    let (auth, old) = (world.warm().await, world.token());
    at_once(&auth, &old).unwrap();
    let mut renamed = world.issuer.public_jwk(world.issuer.key().kid()).unwrap();
    renamed["kid"] = json!("renamed");
    world.issuer.set_jwks_body(Some(json!({ "keys": [renamed] }).to_string()));
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&old).await);
    at_once(&auth, &world.token_of_nobody("renamed")).unwrap();
}

/// S10.
#[tokio::test]
async fn new_key_is_fetched_by_its_first_token() {
    let world = World::new().await;
    let (auth, old) = (world.warm().await, world.token());
    world.issuer.rotate_keeping_old().unwrap();
    let new = world.token();
    Request::waiting(&auth, &new).verdict().await.unwrap();
    at_once(&auth, &new).unwrap();
    at_once(&auth, &old).unwrap();
    assert_eq!(world.fetches(), 2);
}

/// S10.
#[tokio::test]
async fn rotation_lets_all_concurrent_tokens_of_the_new_key_pass() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.issuer.rotate().unwrap();
    for verdict in verdicts(crowd(&auth, &world.token(), 500)).await {
        verdict.unwrap();
    }
    assert_eq!(world.fetches(), 2);
}

/// S10.
#[tokio::test]
async fn fetch_that_began_before_the_rotation_is_followed_by_one_more() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).build().unwrap();
    let old = world.token();
    let first = Request::waiting(&auth, &old);
    let set = world.issuer.jwks_json();
    server.request().await.answer(&set).await;
    first.verdict().await.unwrap();

    world.time.pass(DUE).await;
    at_once(&auth, &old).unwrap();
    let before = server.request().await;
    world.issuer.rotate().unwrap();
    let new = world.token();
    world.time.pass(TICK).await;
    let requests: Vec<_> = (0..50).map(|_| Request::waiting(&auth, &new)).collect();
    before.answer(&set).await;
    let all = async {
        for request in requests {
            request.verdict().await.unwrap();
        }
    };
    let serve = async {
        server.request().await.answer(&world.issuer.jwks_json()).await;
    };
    tokio::join!(all, serve);
    server.is_left_alone().await;
}

#[tokio::test]
async fn requests_that_join_a_fetch_in_flight_take_nothing_from_the_bucket() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).build().unwrap();
    let first = Request::waiting(&auth, &world.token());
    server.request().await.answer(&world.issuer.jwks_json()).await;
    first.verdict().await.unwrap();
    for round in 0..3 {
        world.time.pass(DUE).await;
        let _ = at_once(&auth, &outliving(world.issuer.token().without_header("kid")));
        let held = server.request().await;
        world.issuer.rotate().unwrap();
        let new = Request::waiting(&auth, &world.token());
        held.answer(&world.issuer.jwks_json()).await;
        new.verdict().await.unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
    server.is_left_alone().await;
}

/// S13.
#[tokio::test]
async fn old_and_new_set_alternating_do_not_make_keys_flap_faster_than_the_bucket() {
    let world = World::new().await;
    let (auth, old) = (world.warm().await, world.token());
    let set = world.issuer.jwks_json();
    world.issuer.rotate().unwrap();
    let new = world.token();
    let newer = world.issuer.jwks_json();
    for round in 0..10 {
        world.issuer.set_jwks_body(Some(if round % 2 == 0 { newer.clone() } else { set.clone() }));
        let _ = auth.verify(if round % 2 == 0 { &new } else { &old }).await;
    }
    assert_eq!(world.fetches(), 3);
    let passing = [&old, &new].into_iter().filter(|token| at_once(&auth, token).is_ok()).count();
    assert_eq!(passing, 1, "the newest successful fetch decides, whole");
}
