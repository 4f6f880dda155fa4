//! When fetches fail or their callers vanish: single flight, back-off, recovery.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::support::{
    ByHand, FLOOR, Request, SECOND, TICK, TTL, World, at_once, crowd, failed, is_state, issuer, lasting, quiet,
    seconds, unavailable, until, verdicts,
};
use parking_lot::Mutex;
use rampart_core::{JwksState, RampartAuth};
use rampart_issuer::{Endpoint, Fault};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// S17.
#[tokio::test]
async fn thousand_first_requests_make_one_fetch_and_all_succeed() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    world.issuer.inject_times(Endpoint::Jwks, &Fault::Delay(Duration::from_millis(50)), 1);
    for verdict in verdicts(crowd(&auth, &token, 1000)).await {
        verdict.unwrap();
    }
    assert_eq!(world.fetches(), 1);
}

/// S17.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousand_first_requests_on_several_threads_make_one_fetch_and_all_succeed() {
    let issuer = issuer().await;
    let (auth, token) = (RampartAuth::new(issuer.url(), issuer.audience()).unwrap(), lasting(&issuer));
    issuer.inject_times(Endpoint::Jwks, &Fault::Delay(Duration::from_millis(50)), 1);
    for verdict in verdicts(crowd(&auth, &token, 1000)).await {
        verdict.unwrap();
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn thousand_first_requests_share_a_failure_too() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for verdict in verdicts(crowd(&auth, &token, 1000)).await {
        unavailable(verdict);
    }
    assert_eq!(world.fetches(), 1);
}

/// S18.
#[tokio::test]
async fn caller_that_goes_away_cancels_nothing() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).build().unwrap();
    let first = Request::waiting(&auth, &world.token());
    let second = Request::waiting(&auth, &world.token());
    let held = server.request().await;
    drop(first);
    held.answer(&world.issuer.jwks_json()).await;
    second.verdict().await.unwrap();
    server.is_left_alone().await;
}

/// S18.
#[tokio::test]
async fn fetch_goes_on_when_every_caller_has_gone() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).build().unwrap();
    let callers: Vec<_> = (0..10).map(|_| Request::waiting(&auth, &world.token())).collect();
    let held = server.request().await;
    drop(callers);
    quiet().await;
    held.answer(&world.issuer.jwks_json()).await;
    until("the keys", || auth.health().state == JwksState::Fresh).await;
    at_once(&auth, &world.token()).unwrap();
    server.is_left_alone().await;
}

/// S03.
#[tokio::test]
async fn cold_request_waits_five_seconds_and_then_gets_503() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut request = Request::waiting(&auth, &token);
    world.fetched(1).await;
    world.time.pass(seconds(5) - TICK).await;
    request.still_waits();
    world.time.pass(2 * TICK).await;
    unavailable(request.verdict().await);
    failed(&auth, "within 5 s").await;
    is_state(&auth, JwksState::Cold);
    unavailable(at_once(&auth, &token));
}

#[tokio::test]
async fn back_off_is_at_least_a_quarter_of_a_second_and_doubles_to_a_minute_at_most() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for failures in 1..12_usize {
        unavailable(auth.verify(&token).await);
        assert_eq!(world.fetches(), failures);
        let longest = seconds(1 << (failures - 1).min(6)).min(seconds(60));
        let retry_after = unavailable(at_once(&auth, &token));
        assert!(retry_after <= longest, "after {failures} failures: {retry_after:?}");
        world.time.pass(FLOOR - Duration::from_nanos(1)).await;
        for _ in 0..100 {
            unavailable(at_once(&auth, &token));
        }
        quiet().await;
        assert_eq!(world.fetches(), failures, "a fetch in back-off");
        world.time.pass(longest).await;
    }
}

/// S16.
#[tokio::test]
async fn failing_issuer_is_not_asked_once_per_request() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for _ in 0..1200 {
        unavailable(auth.verify(&token).await);
        world.time.pass(SECOND / 2).await;
    }
    // Ten minutes: never more than a minute apart, half a minute on average.
    let fetches = world.fetches();
    assert!((10..=60).contains(&fetches), "{fetches} fetches");
}

#[tokio::test]
async fn success_ends_the_back_off() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for _ in 0..8 {
        unavailable(auth.verify(&token).await);
        world.time.pass(seconds(60)).await;
    }
    world.issuer.clear_faults();
    auth.verify(&token).await.unwrap();
    assert_eq!(auth.health().last_error, None);

    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    world.time.pass(TTL).await;
    auth.verify(&token).await.unwrap();
    let asked = world.fetches();
    world.time.pass(SECOND).await;
    at_once(&auth, &token).unwrap();
    world.fetched(asked + 1).await;
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_five_minutes() {
    let world = World::new().await;
    for (status, value, wait) in [
        (503, "120", 120),
        (429, " 7 ", 7),
        (500, "300", 300),
        (503, "301", 300),
        (503, "999999999", 300),
        (503, "99999999999999999999999999", 300),
        (503, "Fri, 31 Dec 9999 23:59:59 GMT", 300),
    ] {
        let (auth, token) = (world.cold(), world.token());
        world.issuer.reset_counts();
        world.issuer.inject(Endpoint::Jwks, Fault::retry_after(status, value));
        assert_eq!(unavailable(auth.verify(&token).await), seconds(wait), "{value}");
        world.issuer.clear_faults();
        world.time.pass(seconds(wait) - Duration::from_nanos(1)).await;
        unavailable(at_once(&auth, &token));
        world.time.pass(Duration::from_nanos(1)).await;
        auth.verify(&token).await.unwrap();
        assert_eq!(world.fetches(), 2, "{value}");
    }
}

#[tokio::test]
async fn retry_after_that_says_nothing_changes_nothing() {
    let world = World::new().await;
    for value in ["0", "-1", "abc", "", "1.5", "1e9", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let (auth, token) = (world.cold(), world.token());
        world.issuer.inject(Endpoint::Jwks, Fault::retry_after(503, value));
        unavailable(auth.verify(&token).await);
        world.issuer.clear_faults();
        world.time.pass(FLOOR - Duration::from_nanos(1)).await;
        unavailable(at_once(&auth, &token));
        world.time.pass(SECOND - FLOOR + Duration::from_nanos(1)).await;
        auth.verify(&token).await.unwrap();
    }
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let world = World::new().await;
    let (auth, token) = (world.cold(), world.token());
    let date = httpdate::fmt_http_date(SystemTime::now() + seconds(200));
    world.issuer.inject(Endpoint::Jwks, Fault::retry_after(503, &date));
    let wait = unavailable(auth.verify(&token).await);
    assert!((seconds(150)..=seconds(200)).contains(&wait), "{wait:?}");
}

#[tokio::test]
async fn retry_after_holds_for_the_refresh_of_a_warm_set() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::retry_after(503, "60"));
    world.time.pass(crate::support::DUE).await;
    at_once(&auth, &token).unwrap();
    failed(&auth, "503").await;
    world.time.pass(seconds(59)).await;
    at_once(&auth, &token).unwrap();
    quiet().await;
    assert_eq!(world.fetches(), 2);
    world.time.pass(seconds(1)).await;
    at_once(&auth, &token).unwrap();
    world.fetched(3).await;
}

/// R5, S02, S20.
#[tokio::test]
async fn issuer_that_is_down_at_the_start_is_503_and_recovery_needs_nobody() {
    let world = World::new().await;
    world.issuer.stop();
    let (auth, token) = (world.cold(), world.token());
    unavailable(auth.verify(&token).await);
    unavailable(at_once(&auth, &token));
    failed(&auth, "connection failed").await;
    world.issuer.restart().unwrap();
    world.time.pass(SECOND).await;
    auth.verify(&token).await.unwrap();
    let health = auth.health();
    assert_eq!((health.state, health.last_error), (JwksState::Fresh, None));
}

/// A22, S30.
#[tokio::test]
async fn issuer_that_hangs_does_not_delay_another_one() {
    let (world, other) = (World::new().await, issuer().await);
    let hanging = world.cold();
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut stuck = Request::waiting(&hanging, &world.token());
    world.fetched(1).await;
    // The clocks stand still: whatever is answered now has waited for no timeout.
    let good = RampartAuth::builder(other.url(), other.audience()).clock(world.time.clock()).build().unwrap();
    good.verify(&lasting(&other)).await.unwrap();
    at_once(&good, &lasting(&other)).unwrap();
    stuck.still_waits();
    assert!(!hanging.is_same(&good));
    // Nor do they share keys.
    let foreign = other.token().issuer(world.issuer.url()).expires_in(1_000_000).sign().unwrap();
    assert!(good.verify(&foreign).await.is_err());
    world.time.pass(seconds(5) + TICK).await;
    unavailable(stuck.verdict().await);
}

/// Asks for the state of the keys whenever something is logged: it would hang if that were done under their lock.
struct Curious {
    auth: RampartAuth,
    seen: Arc<Mutex<Vec<JwksState>>>,
}

impl Subscriber for Curious {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "rampart"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.seen.lock().push(self.auth.health().state);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn log_is_written_after_the_lock_is_released() {
    let world = World::new().await;
    let (auth, seen) = (world.cold(), Arc::new(Mutex::new(Vec::new())));
    // Some subscriber for every thread first: tracing remembers of each callsite whether anybody listens, and asks, while there
    // is one subscriber in all, the thread that comes by first.
    crate::log::clear();
    let _log = tracing::subscriber::set_default(Curious { auth: auth.clone(), seen: Arc::clone(&seen) });
    world.issuer.inject_times(Endpoint::Jwks, &Fault::status(500), 1);
    unavailable(auth.verify(&world.token()).await);
    world.time.pass(seconds(2)).await;
    auth.verify(&world.token()).await.unwrap();
    let seen = seen.lock();
    assert_eq!(seen.first(), Some(&JwksState::Cold), "the failure");
    assert!(seen.len() > 1, "the keys that came");
}
