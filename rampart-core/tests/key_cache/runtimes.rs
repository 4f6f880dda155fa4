//! Fetches whose runtime ends, stops or never comes to run them: that says nothing about the issuer.

use std::time::Duration;

use crate::support::{
    ByHand, DUE, Request, SECOND, TICK, TTL, Time, Verdict, World, at_once, issuer, lasting, outliving, poll_once,
    quiet, refused, seconds, unavailable, until,
};
use rampart_core::{JwksState, RampartAuth};
use rampart_issuer::{Endpoint, Fault};
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A program without an `async fn main`: it enters its runtime for one call at a time, and what that call does not wait for
/// stands still until the next one.
struct Synchronous {
    // Dropped first: it is what keeps the runtime's clock from running.
    world: World,
    runtime: Runtime,
    age: Duration,
}

impl Synchronous {
    fn new() -> Self {
        let runtime = runtime();
        let world = runtime.block_on(World::new());
        Self { world, runtime, age: Duration::ZERO }
    }

    fn auth(&self, ttl: Duration, max_stale: Duration) -> RampartAuth {
        let auth = self.world.builder().jwks_cache_ttl(ttl).max_stale(max_stale).build().unwrap();
        self.runtime.block_on(auth.warm_up()).unwrap();
        auth
    }

    fn verify(&self, auth: &RampartAuth, token: &str) -> Verdict {
        self.runtime.block_on(auth.verify(token))
    }

    /// Time passes while the program does something else.
    fn pass(&mut self, time: Duration) {
        // The clock moves when this is polled first; a second poll would let other tasks run.
        self.runtime.block_on(async { poll_once(Box::pin(self.world.time.pass(time))) });
        self.age += time;
    }

    /// All that is queued may run now.
    fn wake(&self) {
        self.runtime.block_on(quiet());
    }
}

/// S11, S19.
#[test]
fn withdrawn_key_stops_at_the_ttl_in_a_program_that_drives_its_runtime_only_in_calls() {
    let mut program = Synchronous::new();
    let (auth, token) = (program.auth(seconds(65), seconds(50)), program.world.token());
    program.world.issuer.rotate().unwrap();
    while program.age < seconds(64) {
        program.pass(SECOND);
        program.verify(&auth, &token).unwrap_or_else(|error| panic!("refused at {:?}: {error}", program.age));
    }
    assert_eq!(program.world.fetches(), 1);
    program.pass(SECOND);
    refused(program.verify(&auth, &token));
    program.verify(&auth, &program.world.token()).unwrap();
    program.wake();
    assert_eq!(program.world.fetches(), 2, "fetches had piled up");
}

/// S11, S19.
#[test]
fn withdrawn_key_stops_at_the_first_call_after_the_ttl_where_calls_are_rare() {
    let mut program = Synchronous::new();
    let (auth, token) = (program.auth(seconds(20), seconds(3600)), program.world.token());
    program.pass(seconds(2));
    program.world.issuer.rotate().unwrap();
    program.verify(&auth, &token).unwrap();
    for _ in [10, 18] {
        program.pass(seconds(8));
        program.verify(&auth, &token).unwrap();
    }
    program.pass(seconds(8));
    refused(program.verify(&auth, &token));
    program.wake();
    assert_eq!(program.world.fetches(), 2);
    assert_eq!(auth.health().last_error, None);
}

/// S19.
#[test]
fn failure_counts_no_more_once_a_later_attempt_was_abandoned() {
    let mut program = Synchronous::new();
    let (auth, token) = (program.auth(seconds(20), seconds(3600)), program.world.token());
    program.world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    program.pass(seconds(20));
    program.verify(&auth, &token).unwrap();
    assert_eq!(program.world.fetches(), 2);

    // The issuer is back, without that key. The next call begins an attempt that nobody drives ..
    program.world.issuer.clear_faults();
    program.world.issuer.rotate().unwrap();
    program.pass(seconds(8));
    program.verify(&auth, &token).unwrap();
    assert_eq!(program.world.fetches(), 2);
    // .. so the one after it asks for itself.
    program.pass(seconds(8));
    assert!(auth.health().last_error.unwrap().contains("500"));
    refused(program.verify(&auth, &token));
    program.wake();
    assert_eq!(program.world.fetches(), 3);
}

/// S19.
#[test]
fn answer_that_came_while_nobody_drove_the_runtime_is_not_taken() {
    let mut program = Synchronous::new();
    let server = program.runtime.block_on(ByHand::start());
    let auth = program.world.builder().jwks_url(server.url()).build().unwrap();
    let token = program.world.token();
    let old_set = program.world.issuer.jwks_json();
    let held = program.runtime.block_on(async {
        let request = Request::waiting(&auth, &token);
        server.request().await.answer(&old_set).await;
        request.verdict().await.unwrap();
        program.world.time.pass(TTL).await;
        // The caller gives up on its request, and the program turns to something else.
        drop(Request::waiting(&auth, &token));
        server.request().await
    });
    program.world.issuer.rotate().unwrap();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| runtime().block_on(held.answer(&old_set)));
        program.pass(seconds(6));
        answer.join().unwrap();
    });
    let verdict = program.runtime.block_on(async {
        let request = Request::waiting(&auth, &token);
        let answer = async { server.request().await.answer(&program.world.issuer.jwks_json()).await };
        tokio::join!(request.verdict(), answer).0
    });
    refused(verdict);
    at_once(&auth, &program.world.token()).unwrap();
}

/// S19.
#[test]
fn fetch_that_waits_for_a_runtime_that_nobody_drives_is_made_by_who_needs_it() {
    let first = runtime();
    let issuer = first.block_on(issuer());
    let (auth, token) = (RampartAuth::new(issuer.url(), issuer.audience()).unwrap(), lasting(&issuer));
    // The caller gives up before the task has run.
    first.block_on(async { drop(Request::waiting(&auth, &token)) });
    runtime().block_on(async {
        let time = Time::freeze();
        let request = Request::waiting(&auth, &token);
        quiet().await;
        assert_eq!(issuer.requests(Endpoint::Jwks), 0);
        time.pass(SECOND + TICK).await;
        request.verdict().await.unwrap();
    });
    first.block_on(quiet());
    assert_eq!(issuer.requests(Endpoint::Jwks), 1, "the task that came too late asked again");
}

/// S19.
#[tokio::test]
async fn refresh_in_the_background_that_no_task_has_come_to_make_is_made_once() {
    let world = World::new().await;
    let (auth, token) = (world.warm().await, world.token());
    world.time.pass(DUE).await;
    // Many requests and much time, and no task of the runtime runs meanwhile.
    for _ in 0..30 {
        at_once(&auth, &token).unwrap();
        poll_once(Box::pin(world.time.pass(SECOND)));
    }
    quiet().await;
    assert_eq!(world.fetches(), 2);
    assert_eq!(auth.health().last_error, None);
}

/// S19.
#[test]
fn fetch_that_dies_with_its_runtime_is_reported_and_the_next_caller_starts_anew() {
    let first = runtime();
    let (issuer, auth, token) = first.block_on(async {
        let issuer = issuer().await;
        issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        let token = lasting(&issuer);
        let mut request = Request::waiting(&auth, &token);
        issuer.received(Endpoint::Jwks, 1).await;
        request.still_waits();
        (issuer, auth, token)
    });
    assert_eq!(auth.health().last_error, None);
    drop(first);
    assert!(auth.health().last_error.unwrap().contains("left behind"));

    runtime().block_on(async {
        let time = Time::freeze();
        time.pass(SECOND).await;
        auth.verify(&token).await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Jwks), 2);
    });
}

/// S19.
#[test]
fn waiter_on_another_runtime_starts_anew_when_the_fetch_dies() {
    let first = runtime();
    let (issuer, auth, token) = first.block_on(async {
        let issuer = issuer().await;
        issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        let token = lasting(&issuer);
        drop(Request::waiting(&auth, &token));
        issuer.received(Endpoint::Jwks, 1).await;
        (issuer, auth, token)
    });
    runtime().block_on(async {
        let _time = Time::freeze();
        let waiter = Request::waiting(&auth, &token);
        std::thread::spawn(move || drop(first)).join().unwrap();
        waiter.verdict().await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Jwks), 2);
    });
}

/// S19.
#[test]
fn search_for_an_unknown_kid_starts_anew_when_the_fetch_dies() {
    let (first, second) = (runtime(), runtime());
    let (issuer, auth) = second.block_on(async {
        let issuer = issuer().await;
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        auth.warm_up().await.unwrap();
        // The bucket of two fetches has one left.
        refused(auth.verify(&outliving(issuer.token().kid("unknown"))).await);
        (issuer, auth)
    });
    issuer.rotate().unwrap();
    let token = lasting(&issuer);
    issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
    first.block_on(async {
        drop(Request::waiting(&auth, &token));
        issuer.received(Endpoint::Jwks, 3).await;
    });
    second.block_on(async {
        let _time = Time::freeze();
        let waiter = Request::waiting(&auth, &token);
        std::thread::spawn(move || drop(first)).join().unwrap();
        waiter.verdict().await.unwrap();
    });
    assert_eq!(issuer.requests(Endpoint::Jwks), 4);
}

/// S19.
#[test]
fn runtime_that_nobody_drives_holds_nobody_up_for_long() {
    let first = runtime();
    let (issuer, auth, token) = first.block_on(async {
        let issuer = issuer().await;
        issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        let token = lasting(&issuer);
        drop(Request::waiting(&auth, &token));
        issuer.received(Endpoint::Jwks, 1).await;
        (issuer, auth, token)
    });
    runtime().block_on(async {
        let time = Time::freeze();
        let waiter = Request::waiting(&auth, &token);
        time.pass(seconds(5) + TICK).await;
        unavailable(waiter.verdict().await);
        time.pass(SECOND).await;
        auth.verify(&token).await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Jwks), 2);
    });
    // The old one wakes up at last, and changes nothing.
    first.block_on(async { tokio::task::yield_now().await });
    assert_eq!((auth.health().state, auth.health().last_error), (JwksState::Fresh, None));
}

/// A runtime that has made a fetch set out and then stands still, as where one handler blocks a worker. So much time has passed
/// on its clock, which is another than that of the runtime that goes on.
fn set_out_and_left(world: &World, age: Duration, begin: impl FnOnce()) -> (Time, Runtime) {
    let still = runtime();
    let time = still.block_on(async {
        let time = Time::freeze();
        time.pass(age).await;
        let before = world.fetches();
        begin();
        until("the fetch", || world.fetches() > before).await;
        time
    });
    (time, still)
}

/// S11, S19: that nobody drives a fetch says nothing about the issuer, so it never makes stale keys serve.
#[test]
fn withdrawn_key_is_not_served_for_a_fetch_whose_runtime_stands_still() {
    for timeout in [5, 30] {
        // Late enough for the clocks of both runtimes to agree that a knock is due.
        for joins_after in [seconds(2), seconds(4)] {
            let driven = runtime();
            let world = driven.block_on(World::new());
            let auth = world.builder().fetch_timeout(seconds(timeout)).build().unwrap();
            driven.block_on(auth.warm_up()).unwrap();
            let withdrawn = world.token();
            driven.block_on(world.time.pass(TTL));
            world.issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
            let _still = set_out_and_left(&world, TTL, || drop(Request::waiting(&auth, &withdrawn)));
            world.issuer.rotate().unwrap();
            driven.block_on(async {
                world.time.pass(joins_after).await;
                let waiting = tokio::spawn({
                    let auth = auth.clone();
                    async move { auth.verify(&withdrawn).await }
                });
                for _ in 0..18 {
                    quiet().await;
                    world.time.pass(SECOND / 4).await;
                }
                quiet().await;
                assert!(
                    waiting.is_finished(),
                    "{timeout} s, joined after {joins_after:?}: waits for the other runtime"
                );
                refused(waiting.await.unwrap());
                at_once(&auth, &world.token()).unwrap();
            });
            assert_eq!((world.fetches(), auth.health().last_error), (3, None));
        }
    }
}

/// S15, S19.
#[test]
fn search_whose_runtime_stands_still_is_made_by_the_next_who_comes() {
    let driven = runtime();
    let world = driven.block_on(World::new());
    let auth = driven.block_on(world.warm());
    world.issuer.rotate().unwrap();
    let token = world.token();
    world.issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
    let _still = set_out_and_left(&world, Duration::ZERO, || drop(Request::waiting(&auth, &token)));
    driven.block_on(async {
        world.time.pass(2 * SECOND).await;
        // Nobody knows yet, and so the first one is not refused.
        let waiting = tokio::spawn({
            let (auth, token) = (auth.clone(), token.clone());
            async move { auth.verify(&token).await }
        });
        for _ in 0..9 {
            quiet().await;
            world.time.pass(SECOND / 4).await;
        }
        unavailable(waiting.await.unwrap());
        world.time.pass(SECOND / 2).await;
        auth.verify(&token).await.unwrap();
    });
    assert_eq!(world.fetches(), 3);
}

/// S21: nobody may ask before the back-off is over, and an abandoned fetch changes nothing of that.
#[test]
fn stale_keys_serve_on_in_a_back_off_that_outlives_an_abandoned_refresh() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let auth = runtime.block_on(world.warm());
    let token = world.token();
    let headers = vec![("retry-after".to_owned(), "300".to_owned())];
    world.issuer.inject_times(Endpoint::Jwks, &Fault::Respond { status: 503, headers, body: Vec::new() }, 1);
    runtime.block_on(async {
        world.time.pass(TTL).await;
        auth.verify(&token).await.unwrap();
    });
    world.issuer.inject_times(Endpoint::Jwks, &Fault::Hang, 1);
    let short_lived = self::runtime();
    short_lived.block_on(async {
        let mut refresh = Box::pin(auth.refresh_keys());
        assert!(poll_once(&mut refresh).is_none());
        until("the fetch", || world.fetches() == 3).await;
    });
    drop(short_lived);
    runtime.block_on(async {
        for _ in 0..299 {
            at_once(&auth, &token).unwrap();
            world.time.pass(SECOND).await;
        }
        world.time.pass(SECOND).await;
        // Now one may be asked again, and it must be.
        let request = Request::waiting(&auth, &token);
        request.verdict().await.unwrap();
    });
    assert_eq!(world.fetches(), 4);
}

/// A program that makes a runtime for each call.
#[test]
fn refresh_that_is_due_is_not_begun_by_every_runtime_of_one_call() {
    let lasting = runtime();
    let world = lasting.block_on(World::new());
    let auth = lasting.block_on(world.warm());
    world.time.wall_ahead(DUE);
    for _ in 0..100 {
        runtime().block_on(async {
            at_once(&auth, &outliving(world.issuer.token().at(world.time.unix()))).unwrap();
            tokio::task::yield_now().await;
        });
    }
    assert!(world.fetches() <= 3, "{} fetches in a moment", world.fetches());
}

/// S19.
#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let (issuer, auth, token) = runtime().block_on(async {
        let issuer = issuer().await;
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        let token = lasting(&issuer);
        (issuer, auth, token)
    });
    unavailable(at_once(&auth, &token));
    unavailable(poll_once(auth.warm_up()).unwrap());
    unavailable(poll_once(auth.refresh_keys()).unwrap());
    // It is no failure of the issuer's: nobody who has a runtime is held up by it.
    assert_eq!(auth.health().last_error, None);
    runtime().block_on(async {
        let _time = Time::freeze();
        auth.verify(&token).await.unwrap();
    });
    // Keys that are there need no runtime.
    at_once(&auth, &token).unwrap();
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}

/// S19.
#[test]
fn request_on_a_runtime_that_shuts_down_gets_503_after_one_attempt() {
    crate::log::clear();
    let runtime = runtime();
    let issuer = runtime.block_on(issuer());
    let (auth, token) = (RampartAuth::new(issuer.url(), issuer.audience()).unwrap(), lasting(&issuer));
    let gone = self::runtime();
    let handle = gone.handle().clone();
    gone.shutdown_background();
    unavailable(handle.block_on(auth.verify(&token)));
    assert_eq!(crate::log::take().iter().filter(|record| record.text.contains("left behind")).count(), 1);
    runtime.block_on(auth.verify(&token)).unwrap();
}
