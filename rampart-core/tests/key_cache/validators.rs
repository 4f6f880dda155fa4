//! What the issuer says about caching: `max-age`, and validators with their 304.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{DUE, SECOND, TTL, World, at_once, failed, is_state, quiet, renewed, seconds, unavailable};
use rampart_core::JwksState;
use rampart_issuer::{Algorithm, Endpoint, Fault};

const MOMENT: Duration = Duration::from_nanos(1);

/// S23.
#[tokio::test]
async fn max_age_shortens_the_ttl_but_not_under_a_minute_and_never_lengthens_it() {
    let world = World::new().await;
    let cases = [
        (None, 600),
        (Some("max-age=0"), 60),
        (Some("max-age=59"), 60),
        (Some("max-age=61"), 61),
        (Some("public, max-age=90, must-revalidate"), 90),
        (Some("MAX-AGE=\"90\""), 90),
        (Some("max-age=120, max-age=90"), 90),
        (Some("max-age=600"), 600),
        (Some("max-age=86400"), 600),
        (Some("max-age=18446744073709551615"), 600),
        (Some("max-age=99999999999999999999"), 600),
        (Some("max-age=-1"), 600),
        (Some("max-age=+70"), 600),
        (Some("max-age=7e1"), 600),
        (Some("max-age="), 600),
        (Some("max-age"), 600),
        (Some("no-store"), 600),
        (Some("s-maxage=70"), 600),
        (Some(",,=,;"), 600),
    ];
    for (cache_control, ttl) in cases {
        world.issuer.cache_control(cache_control);
        let auth = world.warm().await;
        world.time.pass(seconds(ttl) - MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Fresh, "{cache_control:?} just before {ttl} s");
        world.time.pass(MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Stale, "{cache_control:?} at {ttl} s");
    }
}

#[tokio::test]
async fn s23_other_headers_about_age_change_nothing() {
    let world = World::new().await;
    for (name, value) in [
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("expires", "0"),
        ("expires", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("age", "99999999999999999999"),
        ("age", "600"),
        ("age", "-1"),
        ("pragma", "no-cache"),
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let body = world.issuer.jwks_json().into_bytes();
        world.issuer.inject(Endpoint::Jwks, Fault::Respond { status: 200, headers, body });
        let auth = world.warm().await;
        world.time.pass(crate::support::TTL - MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Fresh, "{name}: {value}");
        world.time.pass(MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Stale, "{name}: {value}");
    }
}

#[tokio::test]
async fn s23_cache_control_that_comes_twice_counts_once_and_within_its_bounds() {
    let world = World::new().await;
    for (values, ttl) in [
        (["max-age=90", "max-age=120"], 90),
        (["no-store", "max-age=0"], 60),
        (["max-age=0", "max-age=99999999999999999999"], 60),
    ] {
        let headers = values.map(|value| ("cache-control".to_owned(), value.to_owned())).into();
        let body = world.issuer.jwks_json().into_bytes();
        world.issuer.inject(Endpoint::Jwks, Fault::Respond { status: 200, headers, body });
        let auth = world.warm().await;
        world.time.pass(seconds(ttl) - MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Fresh, "{values:?}");
        world.time.pass(MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Stale, "{values:?}");
    }
}

#[tokio::test]
async fn max_age_of_nought_is_no_fetch_per_request() {
    let world = World::new().await;
    world.issuer.cache_control(Some("no-cache, no-store, max-age=0"));
    let (auth, token) = (world.warm().await, world.token());
    for _ in 0..41 {
        at_once(&auth, &token).unwrap();
        world.time.pass(SECOND).await;
    }
    quiet().await;
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn max_age_does_not_lengthen_a_ttl_of_less_than_a_minute() {
    let world = World::new().await;
    world.issuer.cache_control(Some("max-age=0"));
    let auth = world.builder().jwks_cache_ttl(seconds(10)).build().unwrap();
    auth.warm_up().await.unwrap();
    world.time.pass(seconds(10)).await;
    is_state(&auth, JwksState::Stale);
}

/// S24.
#[tokio::test]
async fn unchanged_set_is_renewed_by_a_304_and_cached_tokens_stay() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let claims = at_once(&auth, &token).unwrap();
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    renewed(&auth).await;
    let asked = world.issuer.recorded(Endpoint::Jwks);
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("if-none-match"), None);
    assert!(asked[1].header("if-none-match").is_some_and(|etag| etag.starts_with('"')));
    assert!(Arc::ptr_eq(&claims, &at_once(&auth, &token).unwrap()));

    // The validator is kept for the next time, and the age counts from the 304.
    world.time.pass(TTL - MOMENT).await;
    is_state(&auth, JwksState::Fresh);
    at_once(&auth, &token).unwrap();
    renewed(&auth).await;
    let asked = world.issuer.recorded(Endpoint::Jwks);
    assert_eq!(asked[1].header("if-none-match"), asked[2].header("if-none-match"));
}

/// RFC 9111 section 4.3.4: a 304 need not repeat what has been said.
#[tokio::test]
async fn a_304_without_cache_control_keeps_the_max_age_and_one_with_it_replaces_it() {
    let world = World::new().await;
    world.issuer.cache_control(Some("max-age=100"));
    let (auth, token) = (world.warm().await, world.token());
    let mut current = 100;
    for (cache_control, next) in [(None, 100), (None, 100), (Some("max-age=200"), 200), (None, 200)] {
        world.issuer.cache_control(cache_control);
        world.time.pass(seconds(current) - MOMENT).await;
        assert_eq!(auth.health().state, JwksState::Fresh, "just before {current} s");
        at_once(&auth, &token).unwrap();
        renewed(&auth).await;
        current = next;
    }
    world.time.pass(seconds(current)).await;
    assert_eq!(auth.health().state, JwksState::Stale, "at {current} s");
    assert!(world.issuer.recorded(Endpoint::Jwks).iter().skip(1).all(|asked| asked.header("if-none-match").is_some()));
}

#[tokio::test]
async fn changed_set_comes_with_a_new_validator() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.add_key(Algorithm::ES256).unwrap();
    for keys in [2, 2] {
        world.time.pass(DUE).await;
        at_once(&auth, &token).unwrap();
        renewed(&auth).await;
        assert_eq!(auth.health().keys, keys);
    }
    let asked = world.issuer.recorded(Endpoint::Jwks);
    assert_ne!(asked[1].header("if-none-match"), asked[2].header("if-none-match"));
}

#[tokio::test]
async fn issuer_without_validators_is_asked_without() {
    let world = World::new().await;
    world.issuer.use_etags(false);
    let (auth, token) = (world.warm().await, world.token());
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    renewed(&auth).await;
    assert_eq!(world.issuer.recorded(Endpoint::Jwks)[1].header("if-none-match"), None);
}

/// S01, S24.
#[tokio::test]
async fn a_304_that_was_not_asked_for_is_a_failure() {
    let world = World::new().await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(304));
    let cold = world.cold();
    unavailable(cold.verify(&world.token()).await);
    failed(&cold, "304").await;
    is_state(&cold, JwksState::Cold);

    world.issuer.clear_faults();
    world.issuer.use_etags(false);
    let warm = world.warm().await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(304));
    world.time.pass(DUE).await;
    at_once(&warm, &world.token()).unwrap();
    failed(&warm, "304").await;
    assert_eq!(warm.health().age, Some(DUE));
}

#[tokio::test]
async fn max_age_of_a_304_counts() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.cache_control(Some("max-age=60"));
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    renewed(&auth).await;
    world.time.pass(seconds(60)).await;
    is_state(&auth, JwksState::Stale);
}
