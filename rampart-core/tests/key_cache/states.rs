//! The ages of a key set: cold, fresh, due, stale, dead; who waits in which of them, and what renews it.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{
    DUE, FLOOR, MAX_STALE, NOT_DUE, Request, SECOND, TICK, TTL, World, at_once, breathe, failed, is_state, outliving,
    poll_once, quiet, refused, renewed, seconds, unavailable, until,
};
use rampart_core::{JwksState, RampartAuth};
use rampart_issuer::{Endpoint, Fault};

const MOMENT: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn cold_set_fetches_nothing_until_the_first_request() {
    let world = World::new().await;
    let auth = world.cold();
    quiet().await;
    assert_eq!(world.fetches(), 0);
    let health = auth.health();
    assert_eq!((health.state, health.age, health.keys, health.last_error), (JwksState::Cold, None, 0, None));

    auth.verify(&world.token()).await.unwrap();
    let health = auth.health();
    assert_eq!(
        (health.state, health.age, health.keys, health.last_error),
        (JwksState::Fresh, Some(Duration::ZERO), 1, None)
    );
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn malformed_token_is_refused_by_a_cold_set_without_a_fetch() {
    let world = World::new().await;
    let auth = world.cold();
    for token in ["", "x", "a.b.c", "..", &world.token()[1..]] {
        refused(at_once(&auth, token));
    }
    quiet().await;
    assert_eq!(world.fetches(), 0);
}

/// S11.
#[tokio::test]
async fn set_is_fresh_until_its_ttl_then_stale_and_dead_after_max_stale() {
    let world = World::new().await;
    let auth = world.warm().await;
    let states = [
        (TTL - MOMENT, JwksState::Fresh),
        (MOMENT, JwksState::Stale),
        (MAX_STALE - MOMENT, JwksState::Stale),
        (MOMENT, JwksState::Dead),
    ];
    let mut age = Duration::ZERO;
    for (passed, state) in states {
        world.time.pass(passed).await;
        age += passed;
        let health = auth.health();
        assert_eq!((health.state, health.age, health.keys), (state, Some(age), 1));
        if state != JwksState::Dead {
            quiet().await;
        }
        assert_eq!(world.fetches(), 1, "keys that may serve were fetched anew for the asking");
    }
}

#[tokio::test]
async fn own_ttl_and_max_stale_decide() {
    let world = World::new().await;
    let auth = world.builder().jwks_cache_ttl(seconds(10)).max_stale(Duration::ZERO).build().unwrap();
    auth.warm_up().await.unwrap();
    world.time.pass(seconds(10) - MOMENT).await;
    is_state(&auth, JwksState::Fresh);
    world.time.pass(MOMENT).await;
    is_state(&auth, JwksState::Dead);
}

#[tokio::test]
async fn longest_durations_do_not_overflow() {
    let world = World::new().await;
    let auth = world.builder().jwks_cache_ttl(Duration::MAX).max_stale(Duration::MAX).build().unwrap();
    auth.warm_up().await.unwrap();
    world.time.pass(seconds(365 * 24 * 3600)).await;
    is_state(&auth, JwksState::Fresh);
}

#[tokio::test]
async fn no_refresh_begins_before_eighty_per_cent_of_the_ttl() {
    let world = World::new().await;
    let auths = [world.warm().await, world.warm().await, world.warm().await];
    world.time.pass(NOT_DUE).await;
    for auth in &auths {
        at_once(auth, &world.token()).unwrap();
    }
    quiet().await;
    assert_eq!(world.fetches(), auths.len());
}

#[tokio::test]
async fn refresh_times_of_many_processes_are_spread() {
    let world = World::new().await;
    let mut auths = Vec::new();
    for _ in 0..40 {
        auths.push(world.warm().await);
    }
    world.time.pass(seconds(510)).await;
    for auth in &auths {
        at_once(auth, &world.token()).unwrap();
    }
    quiet().await;
    let early = world.fetches() - auths.len();
    // All or none of 40 by chance: one in 2^39.
    assert!(0 < early && early < auths.len(), "{early} of {} asked in the first half", auths.len());
}

#[tokio::test]
async fn refresh_in_the_background_delays_nobody_and_is_one() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let first = at_once(&auth, &token).unwrap();
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    world.time.pass(DUE).await;
    for _ in 0..100 {
        let again = at_once(&auth, &token).unwrap();
        assert!(Arc::ptr_eq(&first, &again), "a cached token starts the refresh too");
    }
    world.fetched(2).await;
    at_once(&auth, &world.token()).unwrap();
    quiet().await;
    assert_eq!(world.fetches(), 2);

    world.time.pass(seconds(5) + TICK).await;
    failed(&auth, "within 5 s").await;
    at_once(&auth, &token).unwrap();
    is_state(&auth, JwksState::Fresh);
}

#[tokio::test]
async fn successful_refresh_renews_the_age() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    for round in 2..6 {
        world.time.pass(DUE).await;
        at_once(&auth, &token).unwrap();
        renewed(&auth).await;
        assert_eq!(world.fetches(), round);
    }
    world.time.pass(NOT_DUE).await;
    is_state(&auth, JwksState::Fresh);
}

#[tokio::test]
async fn first_request_after_an_idle_period_joins_the_fetch() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    auth.verify(&token).await.unwrap();
    world.issuer.rotate().unwrap();
    world.time.pass(TTL).await;
    is_state(&auth, JwksState::Stale);
    // The old key must not serve although it is there: nobody has asked since it expired. Cached or not makes no difference.
    let old = Request::waiting(&auth, &token);
    let new = Request::waiting(&auth, &world.token());
    new.verdict().await.unwrap();
    refused(old.verdict().await);
    is_state(&auth, JwksState::Fresh);
}

#[tokio::test]
async fn stale_keys_serve_after_an_attempt_that_failed() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    world.time.pass(TTL).await;
    Request::waiting(&auth, &token).verdict().await.unwrap();
    assert_eq!(world.fetches(), 2);
    is_state(&auth, JwksState::Stale);
    for _ in 0..100 {
        at_once(&auth, &token).unwrap();
    }
    quiet().await;
    assert_eq!(world.fetches(), 2, "in back-off there is no fetch");

    world.issuer.inject(Endpoint::Jwks, Fault::status(502));
    world.time.pass(SECOND).await;
    for _ in 0..100 {
        at_once(&auth, &token).unwrap();
    }
    failed(&auth, "502").await;
    assert_eq!(world.fetches(), 3, "after the back-off there is one, and nobody waits for it");
}

#[tokio::test]
async fn stale_keys_serve_after_an_attempt_that_timed_out() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    world.time.pass(TTL).await;
    let mut request = Request::waiting(&auth, &token);
    world.fetched(2).await;
    world.time.pass(seconds(5) - TICK).await;
    request.still_waits();
    world.time.pass(2 * TICK).await;
    request.verdict().await.unwrap();
    at_once(&auth, &token).unwrap();
}

#[tokio::test]
async fn failure_before_the_expiry_does_not_keep_stale_keys_from_serving_after_a_time_out() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    failed(&auth, "500").await;
    // Nobody comes until long after the expiry; the failure of then says nothing about now.
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    world.time.pass(seconds(1000)).await;
    let request = Request::waiting(&auth, &token);
    world.fetched(3).await;
    world.time.pass(seconds(5) + TICK).await;
    request.verdict().await.unwrap();
    at_once(&auth, &token).unwrap();
}

#[tokio::test]
async fn one_attempt_that_times_out_is_one_failure() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    world.time.pass(TTL).await;
    let request = Request::waiting(&auth, &token);
    world.fetched(2).await;
    world.time.pass(seconds(5) + TICK).await;
    request.verdict().await.unwrap();
    quiet().await;
    // The first back-off is a second at most.
    world.issuer.clear_faults();
    world.time.pass(SECOND).await;
    at_once(&auth, &token).unwrap();
    renewed(&auth).await;
}

/// S21.
#[tokio::test]
async fn issuer_that_is_down_goes_unnoticed_until_max_stale_has_passed() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let other = outliving(world.issuer.token().sub("somebody else"));
    world.issuer.stop();
    for age in 1..TTL.as_secs() + MAX_STALE.as_secs() {
        world.time.pass(SECOND).await;
        assert!(at_once(&auth, &token).is_ok(), "refused at the age of {age} s");
    }
    is_state(&auth, JwksState::Stale);
    world.time.pass(SECOND).await;
    is_state(&auth, JwksState::Dead);
    unavailable(auth.verify(&token).await);
    unavailable(auth.verify(&other).await);
    assert!(auth.health().last_error.is_some());

    world.issuer.restart().unwrap();
    world.time.pass(seconds(60)).await;
    auth.verify(&token).await.unwrap();
    is_state(&auth, JwksState::Fresh);
}

/// S21.
#[tokio::test]
async fn expiry_under_load_makes_nobody_wait_for_an_issuer_that_hangs() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut time_outs = 0;
    // Steps short enough for a time-out to be noticed when it comes; whatever is ready has run before the next.
    let step = Duration::from_millis(500);
    for steps in 1..3000 {
        breathe().await;
        world.time.pass(step).await;
        breathe().await;
        let age = step * steps;
        assert!(poll_once(auth.verify(&token)).is_some_and(|verdict| verdict.is_ok()), "waited at the age of {age:?}");
        let error = auth.health().last_error;
        assert!(error.as_ref().is_none_or(|error| error.contains("within 5 s")), "at the age of {age:?}: {error:?}");
        assert!(age < TTL || error.is_some(), "stale keys serve at the age of {age:?} without a failure");
        time_outs += usize::from(error.is_some());
    }
    is_state(&auth, JwksState::Stale);
    assert!(time_outs > 1800, "{time_outs}");
}

/// S21.
#[tokio::test]
async fn dead_set_behaves_as_a_cold_one_for_cached_tokens_too() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    let claims = auth.verify(&token).await.unwrap();
    world.time.pass(TTL + MAX_STALE).await;
    is_state(&auth, JwksState::Dead);
    let request = Request::waiting(&auth, &token);
    let again = request.verdict().await.unwrap();
    assert!(Arc::ptr_eq(&claims, &again), "the key came back as it was");
    assert_eq!(world.fetches(), 2);

    world.time.pass(TTL + MAX_STALE).await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    unavailable(Request::waiting(&auth, &token).verdict().await);
    for _ in 0..100 {
        unavailable(at_once(&auth, &token));
    }
    assert_eq!(world.fetches(), 3, "in back-off there is no fetch");
    is_state(&auth, JwksState::Dead);
}

#[tokio::test]
async fn dead_set_waits_five_seconds_for_an_issuer_that_hangs() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    auth.verify(&token).await.unwrap();
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    world.time.pass(TTL + MAX_STALE).await;
    let mut request = Request::waiting(&auth, &token);
    world.fetched(2).await;
    world.time.pass(seconds(5) - TICK).await;
    request.still_waits();
    world.time.pass(2 * TICK).await;
    unavailable(request.verdict().await);
}

/// S25.
#[tokio::test]
async fn gap_of_the_wall_clock_triggers_one_refresh_and_nothing_more() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.time.wall_ahead(seconds(8 * 3600));
    let health = auth.health();
    assert_eq!((health.state, health.age), (JwksState::Fresh, Some(Duration::ZERO)));
    at_once(&auth, &token).unwrap();
    world.fetched(2).await;
    until("the refresh", || world.issuer.recorded(Endpoint::Jwks).len() == 2).await;
    quiet().await;
    for _ in 0..100 {
        at_once(&auth, &token).unwrap();
    }
    quiet().await;
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn gap_of_the_wall_clock_with_the_issuer_down_is_no_flood_and_no_outage() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    world.time.wall_ahead(seconds(8 * 3600));
    at_once(&auth, &token).unwrap();
    failed(&auth, "500").await;
    for _ in 0..100 {
        at_once(&auth, &token).unwrap();
    }
    quiet().await;
    assert_eq!(world.fetches(), 2);
}

/// D08, S25.
#[tokio::test]
async fn small_corrections_and_steps_back_of_the_wall_clock_change_nothing() {
    let world = World::new().await;
    let auth = world.warm().await;
    let token = outliving(world.issuer.token().at(world.time.unix() - 7200));
    world.time.wall_ahead(seconds(10));
    at_once(&auth, &token).unwrap();
    world.time.wall_back(seconds(3600));
    at_once(&auth, &token).unwrap();
    quiet().await;
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn warm_up_fetches_once_and_only_where_it_is_needed() {
    let world = World::new().await;
    let auth = world.cold();
    auth.warm_up().await.unwrap();
    poll_once(auth.warm_up()).expect("fresh keys are there at once").unwrap();
    at_once(&auth, &world.token()).unwrap();
    assert_eq!(world.fetches(), 1);

    world.time.pass(TTL).await;
    auth.warm_up().await.unwrap();
    assert_eq!(world.fetches(), 2);
}

/// S20.
#[tokio::test]
async fn warm_up_that_fails_is_not_fatal() {
    let world = World::new().await;
    world.issuer.stop();
    let auth = world.cold();
    unavailable(auth.warm_up().await);
    unavailable(poll_once(auth.warm_up()).expect("in back-off the answer is there at once"));
    world.time.pass(FLOOR).await;
    world.issuer.restart().unwrap();
    world.time.pass(SECOND).await;
    auth.verify(&world.token()).await.unwrap();
}

#[tokio::test]
async fn fixed_keys_are_never_fetched_and_never_old() {
    let world = World::new().await;
    let auth = RampartAuth::builder(world.issuer.url(), world.issuer.audience())
        .static_jwks(world.issuer.jwks_json())
        .clock(world.time.clock())
        .build()
        .unwrap();
    auth.warm_up().await.unwrap();
    auth.refresh_keys().await.unwrap();
    world.time.pass(seconds(500_000)).await;
    at_once(&auth, &world.token()).unwrap();
    refused(at_once(&auth, &world.token_of_nobody("unknown")));
    quiet().await;
    let health = auth.health();
    assert_eq!((health.state, health.age, health.keys, health.last_error), (JwksState::Static, None, 1, None));
    assert_eq!(world.fetches(), 0);
}
