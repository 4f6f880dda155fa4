//! Keys that come and go: replacement of the set, unknown key IDs and what they may cost, refreshes by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::indexing_slicing, clippy::string_slice, clippy::unchecked_time_subtraction, reason = "likewise")]

mod cache_support;

use std::sync::Arc;
use std::time::Duration;

use cache_support::{
    ByHand, DUE, MAX_STALE, Request, SECOND, TICK, TTL, World, at_once, crowd, failed, is_state, key_named, outliving,
    quiet, refused, renewed, seconds, unavailable, until, verdicts,
};
use rampart_core::{AuthError, JwksState};
use rampart_issuer::{Algorithm, Endpoint, Fault, base64url};
use serde_json::json;

const REFILL: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_nanos(1);

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
        assert!(!Arc::ptr_eq(&claims, &again), "{jwk}");
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

#[tokio::test]
async fn unknown_kids_have_a_bucket_of_two_fetches_that_refills_every_thirty_seconds() {
    let world = World::new().await;
    let auth = world.warm().await;
    let mut number = 0;
    let mut unknown = || {
        number += 1;
        world.token_of_nobody(&format!("unknown {number}"))
    };
    for fetches in [2, 3] {
        refused(Request::waiting(&auth, &unknown()).verdict().await);
        assert_eq!(world.fetches(), fetches);
    }
    for round in 0..3 {
        for _ in 0..20 {
            refused(auth.verify(&unknown()).await);
        }
        world.time.pass(REFILL - MOMENT).await;
        refused(auth.verify(&unknown()).await);
        quiet().await;
        assert_eq!(world.fetches(), 3 + round);
        world.time.pass(MOMENT).await;
        refused(Request::waiting(&auth, &unknown()).verdict().await);
        assert_eq!(world.fetches(), 4 + round);
    }
    // A quiet hour does not save up more than two.
    auth.refresh_keys().await.unwrap();
    world.time.pass(seconds(300)).await;
    let before = world.fetches();
    for _ in 0..20 {
        refused(auth.verify(&unknown()).await);
    }
    assert_eq!(world.fetches(), before + 2);
}

#[tokio::test]
async fn kid_that_was_not_found_is_remembered_until_the_refill_and_not_longer_for_being_asked() {
    let world = World::new().await;
    let auth = world.warm().await;
    let token = world.token_of_nobody("missing");
    refused(Request::waiting(&auth, &token).verdict().await);
    for _ in 0..29 {
        world.time.pass(SECOND).await;
        refused(auth.verify(&token).await);
    }
    quiet().await;
    assert_eq!(world.fetches(), 2);
    world.time.pass(SECOND).await;
    refused(Request::waiting(&auth, &token).verdict().await);
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn missing_kid_leaves_the_rest_of_the_bucket_to_others() {
    let world = World::new().await;
    let auth = world.warm().await;
    let missing = world.token_of_nobody("missing");
    for _ in 0..100 {
        refused(auth.verify(&missing).await);
    }
    assert_eq!(world.fetches(), 2);
    world.issuer.rotate().unwrap();
    auth.verify(&world.token()).await.unwrap();
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn missing_kids_are_forgotten_when_the_set_changes_and_only_then() {
    let world = World::new().await;
    let auth = world.warm().await;
    let missing = world.token_of_nobody("missing");
    refused(auth.verify(&missing).await);
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&missing).await);
    assert_eq!(world.fetches(), 3, "the set is the same, so nothing is forgotten");
    world.issuer.add_key(Algorithm::ES256).unwrap();
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&missing).await);
    assert_eq!(world.fetches(), 5);
}

#[tokio::test]
async fn current_set_is_asked_before_the_memory_of_missing_kids() {
    let world = World::new().await;
    let auth = world.warm().await;
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    world.issuer.use_key(&key);
    let token = world.token();
    refused(auth.verify(&token).await);
    world.issuer.publish(key);
    auth.refresh_keys().await.unwrap();
    at_once(&auth, &token).unwrap();
}

#[tokio::test]
async fn implausible_tokens_fetch_nothing_and_learn_nothing() {
    let world = World::new().await;
    let auth = world.warm().await;
    let base = || world.issuer.token().expires_in(1_000_000).kid("unknown");
    let now = world.time.unix();
    let implausible = [
        base().issuer("https://evil.example"),
        base().issuer(&format!("{}/", world.issuer.url())),
        base().without("iss"),
        base().claim("iss", 1),
        base().audience("another-api"),
        base().audience(json!([])),
        base().without("aud"),
        base().at(now - 1000).expires_in(900),
        base().at(now - 905).expires_in(900),
        base().claim("exp", 0),
        base().claim("exp", "never"),
        base().claim("exp", u64::MAX),
        base().without("exp"),
        base().raw_payload("not JSON"),
        base().raw_payload("[]"),
        base().raw_payload(""),
    ];
    for token in implausible {
        refused(at_once(&auth, &token.sign().unwrap()));
    }
    quiet().await;
    assert_eq!(world.fetches(), 1);
    // The bucket is still full.
    for kid in ["a", "b"] {
        refused(Request::waiting(&auth, &world.token_of_nobody(kid)).verdict().await);
    }
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn known_kid_never_fetches_and_neither_does_none() {
    let world = World::new().await;
    let auth = world.warm().await;
    let impostor = key_named(world.issuer.key().kid());
    let other_curve = rampart_issuer::SigningKey::generate(Algorithm::ES384, impostor.kid()).unwrap();
    for token in [
        world.issuer.token().key(&impostor),
        world.issuer.token().key(&other_curve),
        world.issuer.token().key(&impostor).without_header("kid"),
        world.issuer.token().key(&other_curve).without_header("kid"),
    ] {
        for _ in 0..10 {
            refused(at_once(&auth, &outliving(token.clone())));
        }
    }
    quiet().await;
    assert_eq!(world.fetches(), 1);
}

/// Tokens with kids of their own and signatures of nobody, cheap enough for ten thousand.
fn flood(world: &World, numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    let token = world.token();
    let payload = token.split('.').nth(1).unwrap().to_owned();
    let signature = base64url([7; 64]);
    numbers.map(move |number| {
        let header = base64url(format!(r#"{{"alg":"ES256","kid":"random-{number}"}}"#));
        format!("{header}.{payload}.{signature}")
    })
}

#[tokio::test]
async fn flood_of_random_kids_costs_four_fetches_a_minute_and_good_tokens_notice_nothing() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    for second in 0..60 {
        let attackers: Vec<_> = flood(&world, second * 200..(second + 1) * 200)
            .map(|token| {
                let auth = auth.clone();
                tokio::spawn(async move { auth.verify(&token).await })
            })
            .collect();
        at_once(&auth, &good).unwrap();
        tokio::task::yield_now().await;
        at_once(&auth, &good).unwrap();
        for verdict in verdicts(attackers).await {
            refused(verdict);
        }
        world.time.pass(SECOND).await;
    }
    let asked = world.fetches() - 1;
    assert!(asked <= 4, "{asked} fetches in a minute");

    // A key that is new after all this waits for one refill, no more.
    world.issuer.rotate().unwrap();
    world.time.pass(REFILL).await;
    auth.verify(&world.token()).await.unwrap();
}

#[tokio::test]
async fn flood_against_a_failing_issuer_is_bounded_too() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for second in 0..60 {
        for token in flood(&world, second * 20..(second + 1) * 20) {
            assert!(auth.verify(&token).await.is_err());
        }
        at_once(&auth, &good).unwrap();
        world.time.pass(SECOND).await;
    }
    let asked = world.fetches() - 1;
    assert!(asked <= 4, "{asked} fetches in a minute");
}

#[tokio::test]
async fn unknown_kid_is_401_where_the_issuer_has_spoken_and_503_where_it_has_not() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    refused(auth.verify(&world.token_of_nobody("a")).await);

    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    unavailable(auth.verify(&world.token_of_nobody("b")).await);
    assert_eq!(world.fetches(), 3);
    // In back-off at once, and without a fetch.
    world.time.pass(REFILL).await;
    unavailable(auth.verify(&world.token_of_nobody("c")).await);
    let asked = world.fetches();
    for kid in ["c", "d", "e"] {
        unavailable(auth.verify(&world.token_of_nobody(kid)).await);
    }
    assert_eq!(world.fetches(), asked);
    // What can be decided without new keys is decided.
    at_once(&auth, &good).unwrap();
    refused(at_once(&auth, &outliving(world.issuer.token().kid("f").audience("another-api"))));
    refused(at_once(&auth, &outliving(world.issuer.token().key(&key_named(world.issuer.key().kid())))));

    world.issuer.clear_faults();
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&world.token_of_nobody("g")).await);
}

#[tokio::test]
async fn failed_attempts_are_charged_to_the_bucket() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for kid in ["a", "b", "c", "d"] {
        unavailable(auth.verify(&world.token_of_nobody(kid)).await);
        // Past the back-off, before the refill.
        world.time.pass(seconds(2)).await;
    }
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn kid_that_could_not_be_asked_for_is_not_remembered_as_missing() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.issuer.rotate().unwrap();
    let token = world.token();
    world.issuer.inject_times(Endpoint::Jwks, &Fault::status(500), 1);
    unavailable(auth.verify(&token).await);
    world.time.pass(SECOND).await;
    auth.verify(&token).await.unwrap();
}

#[tokio::test]
async fn unknown_kid_waits_two_seconds_at_most() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut request = Request::waiting(&auth, &world.token_of_nobody("unknown"));
    world.fetched(2).await;
    world.time.pass(seconds(2) - TICK).await;
    request.still_waits();
    at_once(&auth, &good).unwrap();
    world.time.pass(2 * TICK).await;
    unavailable(request.verdict().await);
    at_once(&auth, &good).unwrap();
}

#[tokio::test]
async fn at_most_1024_requests_wait_for_an_unknown_kid() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    let token = world.token_of_nobody("unknown");
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let waiting: Vec<_> = (0..1024).map(|_| Request::waiting(&auth, &token)).collect();
    for _ in 0..100 {
        // Nothing is known yet of the key: the token may well be good.
        unavailable(at_once(&auth, &token));
    }
    at_once(&auth, &good).unwrap();
    world.fetched(2).await;
    // Who leaves makes room.
    let mut waiting = waiting;
    drop(waiting.pop());
    waiting.push(Request::waiting(&auth, &token));
    unavailable(at_once(&auth, &token));
    world.time.pass(seconds(2) + TICK).await;
    for request in waiting {
        unavailable(request.verdict().await);
    }
    let _room = Request::waiting(&auth, &token);
}

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
    refused(auth.verify(&world.token_of_nobody("c")).await);
    assert_eq!(world.fetches(), 8);
    auth.refresh_keys().await.unwrap();
    assert_eq!(world.fetches(), 9);
}

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

#[tokio::test]
async fn cold_request_with_an_unknown_kid_is_refused_once_the_keys_are_there() {
    let world = World::new().await;
    let auth = world.cold();
    assert_eq!(auth.verify(&world.token_of_nobody("unknown")).await.unwrap_err(), AuthError::InvalidToken);
    until("the keys", || auth.health().state == JwksState::Fresh).await;
    assert_eq!(world.fetches(), 1);
}
