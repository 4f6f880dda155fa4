//! Callers that cannot wait, or ask twice: an error that says so in the log, and never a panic.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::support::{DUE, World, at_once, issuer, lasting, poll_once, quiet, unavailable};
use rampart_core::adapter::{Authorization, Pending, Verification};
use rampart_core::{AnyUser, AuthError, JwksState, RampartAuth};
use rampart_issuer::{Endpoint, LocalIssuer};
use tokio::runtime::{Builder, Runtime};

fn complete() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn incomplete() -> [(&'static str, Runtime); 6] {
    [
        ("no timers", Builder::new_current_thread().enable_io().build().unwrap()),
        ("no I/O", Builder::new_current_thread().enable_time().build().unwrap()),
        ("neither", Builder::new_current_thread().build().unwrap()),
        ("no timers, threads", Builder::new_multi_thread().worker_threads(1).enable_io().build().unwrap()),
        ("no I/O, threads", Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()),
        ("neither, threads", Builder::new_multi_thread().worker_threads(1).build().unwrap()),
    ]
}

fn authorization(token: &str) -> [String; 1] {
    [format!("Bearer {token}")]
}

async fn every_call_is_unavailable(auth: &RampartAuth, token: &str) {
    unavailable(auth.verify(token).await);
    unavailable(auth.authenticate(authorization(token)).await);
    unavailable(auth.authenticate_optional(authorization(token)).await);
    let fresh = match auth.verification(&Authorization::new(authorization(token))) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(pending) => pending.await,
    };
    assert_eq!(fresh.outcome().required::<AnyUser>().unwrap_err().status(), 503);
    unavailable(auth.verify_with(&Authorization::new(authorization(token))).await);
    unavailable(auth.warm_up().await);
    unavailable(auth.refresh_keys().await);
}

/// S19.
#[test]
fn runtime_without_timers_or_io_is_an_error_and_no_panic() {
    let complete = complete();
    let (issuer, token) = complete.block_on(async {
        let issuer = issuer().await;
        let token = lasting(&issuer);
        (issuer, token)
    });
    for (id, runtime) in incomplete() {
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        crate::log::clear();
        runtime.block_on(every_call_is_unavailable(&auth, &token));
        let logged = crate::log::take();
        assert!(logged.iter().any(|record| record.text.contains("enable_all()")), "{id}: {logged:?}");
        // In a task of such a runtime, too.
        let task = runtime.spawn({
            let (auth, token) = (auth.clone(), token.clone());
            async move { every_call_is_unavailable(&auth, &token).await }
        });
        runtime.block_on(task).unwrap_or_else(|error| panic!("{id}: {error}"));
        let health = auth.health();
        assert_eq!((health.state, health.last_error), (JwksState::Cold, None), "{id}: no failure of the issuer's");
        assert_eq!(issuer.requests(Endpoint::Jwks), 0, "{id}");

        complete.block_on(auth.verify(&token)).unwrap_or_else(|error| panic!("{id}: {error}"));
        // Keys that are there need neither.
        runtime.block_on(async { at_once(&auth, &token) }).unwrap_or_else(|error| panic!("{id}: {error}"));
        issuer.reset_counts();
    }
}

/// S19.
#[test]
fn refresh_that_is_due_on_an_incomplete_runtime_is_left_to_others() {
    let complete = complete();
    for (id, runtime) in incomplete() {
        let (world, auth, token) = complete.block_on(async {
            let world = World::new().await;
            let auth = world.warm().await;
            let token = world.token();
            (world, auth, token)
        });
        world.time.wall_ahead(DUE);
        runtime.block_on(async {
            at_once(&auth, &token).unwrap_or_else(|error| panic!("{id}: {error}"));
            tokio::task::yield_now().await;
        });
        assert_eq!((world.fetches(), auth.health().last_error), (1, None), "{id}");
        complete.block_on(async {
            at_once(&auth, &token).unwrap();
            world.fetched(2).await;
            tokio::time::resume();
        });
    }
}

/// The hook that an application sets for panics, or a subscriber behind it, may ask the object: nothing is locked meanwhile.
#[test]
fn panic_hook_may_ask_the_object_that_finds_out_about_its_runtime() {
    thread_local! {
        static ASKED: RefCell<Option<RampartAuth>> = const { RefCell::new(None) };
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let Some(auth) = ASKED.take() {
            drop(auth.health());
        }
        before(info);
    }));
    let complete = complete();
    let (world, auth, token) = complete.block_on(async {
        let world = World::new().await;
        let auth = world.warm().await;
        let token = world.token();
        (world, auth, token)
    });
    world.time.wall_ahead(DUE);
    let (done, end) = mpsc::channel();
    // By itself, as what is locked twice never ends.
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        ASKED.set(Some(auth.clone()));
        runtime.block_on(async { drop(poll_once(auth.verify(&token))) });
        done.send(ASKED.take().is_none()).unwrap();
    });
    assert!(end.recv_timeout(Duration::from_secs(60)).expect("deadlock"), "the hook was not called");
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
fn is_unavailable<T: std::fmt::Debug>(polled: Poll<Result<T, AuthError>>) {
    match polled {
        Poll::Ready(outcome) => drop(unavailable(outcome)),
        Poll::Pending => panic!("waits for ever"),
    }
}

fn pending(auth: &RampartAuth, header: &[String; 1]) -> Pending {
    match auth.verification(&Authorization::new(header)) {
        Verification::Pending(pending) => pending,
        Verification::Ready(_) => panic!("there are no keys yet"),
    }
}

#[tokio::test]
async fn future_that_is_polled_after_it_was_done_is_an_error_and_no_panic() {
    let world = World::new().await;
    let (warm, header) = (world.warm().await, authorization(&world.token()));
    crate::log::clear();
    let mut ready = warm.authenticate(&header);
    assert!(matches!(poll(&mut ready), Poll::Ready(Ok(_))));
    let mut optional = warm.authenticate_optional(&header);
    assert!(matches!(poll(&mut optional), Poll::Ready(Ok(Some(_)))));
    let mut taken = warm.authenticate_optional(&header);
    assert!(matches!(taken.now(), Some(Ok(Some(_)))));

    // Those that waited for keys: a future in a box of its own.
    let (mut waited, mut waited_optional, mut waited_verification) = {
        let auth = world.cold();
        (auth.authenticate(&header), auth.authenticate_optional(&header), pending(&auth, &header))
    };
    assert!(poll(&mut waited).is_pending(), "waits for keys");
    (&mut waited).await.unwrap();
    (&mut waited_optional).await.unwrap();
    (&mut waited_verification).await.outcome().required::<AnyUser>().unwrap();
    assert!(crate::log::take().iter().all(|record| !record.text.contains("asked for again")));

    for _ in 0..3 {
        is_unavailable(poll(&mut ready));
        is_unavailable(poll(&mut optional));
        is_unavailable(poll(&mut taken));
        assert!(taken.now().is_none());
        is_unavailable(poll(&mut waited));
        is_unavailable(poll(&mut waited_optional));
        let Poll::Ready(fresh) = poll(&mut waited_verification) else { panic!("waits for ever") };
        assert_eq!(fresh.outcome().required::<AnyUser>().unwrap_err().status(), 503);
        assert_eq!(fresh.outcome().optional::<AnyUser>().unwrap_err().status(), 503, "never as anonymous");
    }
    let logged = crate::log::take();
    assert_eq!(logged.iter().filter(|record| record.text.contains("asked for again")).count(), 18, "{logged:?}");
}

#[test]
fn future_whose_runtime_has_gone_is_an_error_and_no_panic() {
    let runtime = complete();
    let (issuer, mut waiting): (LocalIssuer, _) = runtime.block_on(async {
        let issuer = issuer().await;
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        issuer.inject(Endpoint::Jwks, rampart_issuer::Fault::Hang);
        let mut waiting = auth.authenticate(authorization(&lasting(&issuer)));
        assert!(poll(&mut waiting).is_pending());
        quiet().await;
        (issuer, waiting)
    });
    drop(runtime);
    unavailable(poll_once(&mut waiting).expect("waits for ever"));
    is_unavailable(poll(&mut waiting));
    drop(issuer);
}
