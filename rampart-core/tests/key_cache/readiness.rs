//! An API that gets no requests before it is ready: who asks how the keys are, or warms up in vain, sets them going.

use crate::support::{
    FLOOR, MAX_STALE, SECOND, TTL, World, at_once, breathe, is_state, issuer, lasting, poll_once, quiet, seconds,
    unavailable, until,
};
use rampart_core::{JwksState, RampartAuth};
use rampart_issuer::{Endpoint, Fault};
use tokio::runtime::{Builder, Runtime};

async fn becomes_fresh(auth: &RampartAuth) {
    until("the keys", || auth.health().state == JwksState::Fresh).await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// F01.
#[tokio::test]
async fn f01_cold_set_becomes_fresh_by_being_asked_how_it_is() {
    let world = World::new().await;
    let auth = world.cold();
    for _ in 0..1000 {
        is_state(&auth, JwksState::Cold);
    }
    becomes_fresh(&auth).await;
    quiet().await;
    assert_eq!(world.fetches(), 1, "however many ask");
    at_once(&auth, &world.token()).unwrap();
}

/// F02: issuer and API start together, and the API is there first.
#[tokio::test]
async fn f02_warm_up_that_failed_goes_on_by_itself() {
    let world = World::new().await;
    let auth = world.cold();
    world.issuer.inject_times(Endpoint::Jwks, &Fault::status(503), 3);
    unavailable(auth.warm_up().await);
    for _ in 0..20 {
        // Time passes as the network allows: an attempt is over before the next is due.
        quiet().await;
        world.time.pass(SECOND).await;
    }
    quiet().await;
    assert_eq!(world.fetches(), 4, "three that failed, and the one that did not");
    at_once(&auth, &world.token()).unwrap();
}

/// F03: nobody has called for a night.
#[tokio::test]
async fn f03_dead_set_becomes_fresh_by_being_asked_how_it_is() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.time.pass(TTL + MAX_STALE).await;
    is_state(&auth, JwksState::Dead);
    becomes_fresh(&auth).await;
    quiet().await;
    assert_eq!(world.fetches(), 2);
    at_once(&auth, &world.token()).unwrap();
}

#[tokio::test]
async fn attempts_keep_to_the_back_off_and_are_no_more_for_being_asked() {
    let world = World::new().await;
    let auth = world.cold();
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    let mut seen = 0;
    for _ in 0..4 * 600 {
        is_state(&auth, JwksState::Cold);
        breathe().await;
        let fetches = world.fetches();
        assert!(fetches <= seen + 1, "{} attempts in {FLOOR:?}", fetches - seen);
        seen = fetches;
        world.time.pass(FLOOR).await;
    }
    // Once a minute on average from the seventh on: seven in the first minute or two, and then about twenty.
    assert!((8..100).contains(&seen), "{seen} attempts in ten minutes");

    world.issuer.clear_faults();
    world.time.pass(seconds(60)).await;
    becomes_fresh(&auth).await;
}

/// An issuer that asks for patience gets it.
#[tokio::test]
async fn retry_after_is_kept_to() {
    let world = World::new().await;
    let auth = world.cold();
    let headers = vec![("retry-after".to_owned(), "120".to_owned())];
    let busy = Fault::Respond { status: 503, headers, body: Vec::new() };
    world.issuer.inject_times(Endpoint::Jwks, &busy, 1);
    is_state(&auth, JwksState::Cold);
    world.fetched(1).await;
    until("the failure", || auth.health().last_error.is_some()).await;
    for _ in 0..119 {
        world.time.pass(SECOND).await;
        breathe().await;
    }
    is_state(&auth, JwksState::Cold);
    assert_eq!(world.fetches(), 1);
    world.time.pass(2 * SECOND).await;
    becomes_fresh(&auth).await;
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn keys_once_there_are_left_to_the_requests() {
    let world = World::new().await;
    let auth = world.cold();
    is_state(&auth, JwksState::Cold);
    becomes_fresh(&auth).await;
    for _ in 0..100 {
        world.time.pass(seconds(60)).await;
        breathe().await;
    }
    assert_eq!(world.fetches(), 1, "without a request, and with nobody asking");
}

#[tokio::test]
async fn request_shares_the_fetch_and_ends_the_wait() {
    let world = World::new().await;
    let auth = world.cold();
    world.issuer.inject_times(Endpoint::Jwks, &Fault::Delay(SECOND), 1);
    is_state(&auth, JwksState::Cold);
    world.fetched(1).await;
    let request = tokio::spawn({
        let (auth, token) = (auth.clone(), world.token());
        async move { auth.verify(&token).await }
    });
    quiet().await;
    world.time.pass(SECOND).await;
    request.await.unwrap().unwrap();
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn object_that_is_gone_asks_for_nothing() {
    let world = World::new().await;
    let auth = world.cold();
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    unavailable(auth.warm_up().await);
    is_state(&auth, JwksState::Cold);
    quiet().await;
    drop(auth);
    for _ in 0..300 {
        world.time.pass(SECOND).await;
        breathe().await;
    }
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn to_be_shown_sets_nothing_going() {
    let world = World::new().await;
    let auth = world.cold();
    assert!(format!("{auth:?}").contains("Cold"), "{auth:?}");
    quiet().await;
    assert_eq!(world.fetches(), 0);
}

#[test]
fn asked_without_a_runtime_it_says_how_the_keys_are() {
    let runtime = runtime();
    let issuer = runtime.block_on(issuer());
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let health = auth.health();
    assert_eq!((health.state, health.last_error), (JwksState::Cold, None));
    runtime.block_on(quiet());
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    // On one it does more.
    runtime.block_on(becomes_fresh(&auth));
}

#[test]
fn attempt_that_ended_with_its_runtime_is_followed_by_another() {
    let (first, second) = (runtime(), runtime());
    let world = second.block_on(World::new());
    let auth = world.cold();
    first.block_on(async { is_state(&auth, JwksState::Cold) });
    drop(first);
    second.block_on(async {
        is_state(&auth, JwksState::Cold);
        world.time.pass(2 * SECOND).await;
        becomes_fresh(&auth).await;
    });
    assert_eq!(world.fetches(), 1);
}

/// A program that enters its runtime for one call at a time.
#[test]
fn attempt_that_nobody_drives_does_not_keep_others_from_theirs() {
    let (frozen, other) = (runtime(), runtime());
    let world = other.block_on(World::new());
    let auth = world.cold();
    frozen.block_on(async { is_state(&auth, JwksState::Cold) });
    other.block_on(async {
        // Both tasks of it stand still on the other runtime.
        world.time.pass(2 * SECOND).await;
        becomes_fresh(&auth).await;
        at_once(&auth, &world.token()).unwrap();
    });
    frozen.block_on(quiet());
    assert_eq!(world.fetches(), 1, "what wakes up late finds nothing to do");
}

#[test]
fn call_itself_never_waits() {
    let runtime = runtime();
    let issuer = runtime.block_on(issuer());
    issuer.inject(Endpoint::Jwks, Fault::Hang);
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    // Nothing of the task runs in the call.
    runtime.block_on(async { poll_once(async { auth.health() }).unwrap() });
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    issuer.clear_faults();
    runtime.block_on(async { auth.verify(&lasting(&issuer)).await.unwrap() });
}
