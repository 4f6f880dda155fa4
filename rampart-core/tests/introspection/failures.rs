//! An issuer that cannot be asked.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use rampart_core::AuthError::InvalidToken;
use rampart_core::{
    AuthError, Event, Introspecting, Introspection, IntrospectionError, Question, RampartAuth, TokenIntrospector,
};

use crate::common::{CLIENT, Desk, INACTIVE, TOKEN, active, auth, builder, down, error, is_unavailable, seconds};

/// How often the log says that the issuer refuses us.
fn counting_faults(desk: &Desk) -> (RampartAuth, Arc<AtomicUsize>) {
    let faults = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&faults);
    let builder = builder().introspection(Introspection::of(desk.clone())).on_event(move |event| {
        if matches!(event, Event::IntrospectionFailed { pause: Some(_), .. }) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    (builder.build().unwrap(), faults)
}

fn retry_after(outcome: crate::common::Outcome) -> u64 {
    match outcome {
        Err(AuthError::StateUnavailable { retry_after, .. }) => retry_after.as_secs(),
        other => panic!("{other:?}", other = other.map(|claims| claims.sub.clone())),
    }
}

/// IN16
#[tokio::test(start_paused = true)]
async fn refused_credentials_are_the_operators_fault_and_pause_for_all() {
    for refusal in
        [IntrospectionError::Unauthorized("401".into()), IntrospectionError::Misconfigured("no endpoint".into())]
    {
        let desk = Desk::saying(active());
        let auth = auth(Introspection::of(desk.clone()));
        desk.say("other", refusal.clone());
        assert_eq!(retry_after(auth.verify("other").await), 30, "never 401 to the caller");
        assert_eq!(retry_after(auth.verify(TOKEN).await), 30);
        assert_eq!(desk.asked(), 1, "{refusal}");
        seconds(30).await;
        assert!(auth.verify(TOKEN).await.is_ok());
    }
}

/// IN16
#[tokio::test(start_paused = true)]
async fn answer_that_is_none_concerns_its_token_alone() {
    for fault in [IntrospectionError::Unusable("403".into()), IntrospectionError::Unusable("HTML".into()), down()] {
        let desk = Desk::saying(active());
        let auth = auth(Introspection::of(desk.clone()));
        desk.say("../../etc/passwd", fault.clone());
        assert_eq!(retry_after(auth.verify("../../etc/passwd").await), 5, "{fault}");
        assert!(auth.verify(TOKEN).await.is_ok(), "{fault}");
        assert!(is_unavailable(&auth.verify("../../etc/passwd").await));
        assert_eq!(desk.asked(), 2, "{fault}");
        seconds(5).await;
        desk.say("../../etc/passwd", INACTIVE);
        assert_eq!(error(auth.verify("../../etc/passwd").await), Some(InvalidToken));
    }
}

/// IN17
#[tokio::test(start_paused = true)]
async fn issuer_says_when_to_come_again() {
    let busy = |seconds| IntrospectionError::Unavailable {
        why: "429".into(),
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let auth = auth(Introspection::of(Desk::saying(busy(7))));
    assert_eq!(retry_after(auth.verify(TOKEN).await), 7);
}

#[tokio::test(start_paused = true)]
async fn known_tokens_that_fail_in_a_row_leave_the_issuer_alone_for_a_moment() {
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = auth(Introspection::of(desk.clone()));
    for token in ["a", "b", "c", "d"] {
        assert!(auth.verify(token).await.is_ok());
    }
    seconds(30).await;
    desk.say_otherwise(down());
    for token in ["a", "b", "c"] {
        assert!(is_unavailable(&auth.verify(token).await));
    }
    assert_eq!(desk.asked(), 7);
    assert!(is_unavailable(&auth.verify("d").await));
    assert_eq!(desk.asked(), 7, "it was not asked about the fourth");
    desk.say_otherwise(active());
    seconds(6).await;
    assert!(auth.verify("d").await.is_ok(), "it recovers by itself");
}

#[tokio::test(start_paused = true)]
async fn request_waits_for_five_seconds_and_no_longer() {
    let desk = Desk::saying(active());
    desk.take_time(Duration::from_secs(20));
    let auth = auth(Introspection::of(desk.clone()));
    let start = tokio::time::Instant::now();
    assert!(is_unavailable(&auth.verify(TOKEN).await));
    assert_eq!(start.elapsed().as_secs(), 5);
    seconds(15).await;
    tokio::task::yield_now().await;
    assert!(auth.verify(TOKEN).await.is_ok(), "what came later is not lost");
    assert_eq!(desk.asked(), 1);
}

/// IN12
#[tokio::test(start_paused = true)]
async fn thousand_requests_make_one_question_whoever_goes_away() {
    let desk = Desk::saying(active());
    desk.take_time(Duration::from_millis(200));
    let auth = auth(Introspection::of(desk.clone()));
    let first = tokio::spawn({
        let auth = auth.clone();
        async move { auth.verify(TOKEN).await.is_ok() }
    });
    tokio::task::yield_now().await;
    let others: Vec<_> = (0..1000)
        .map(|_| {
            let auth = auth.clone();
            tokio::spawn(async move { auth.verify(TOKEN).await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    first.abort();
    for other in others {
        assert!(other.await.unwrap());
    }
    assert_eq!(desk.asked(), 1);
}

async fn all_at_once(auth: &RampartAuth, tokens: &[String]) -> Vec<crate::common::Outcome> {
    let asked: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (auth, token) = (auth.clone(), token.clone());
            tokio::spawn(async move { auth.verify(&token).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for asked in asked {
        outcomes.push(asked.await.unwrap());
    }
    outcomes
}

/// As where the issuer restarts while many ask.
#[tokio::test(start_paused = true)]
async fn many_that_fail_at_once_are_one_failure() {
    let desk = Desk::default();
    desk.say_otherwise(active());
    let (auth, pauses) = counting_faults(&desk);
    let tokens: Vec<_> = (0..60).map(|n| format!("user-{n}")).collect();
    for token in &tokens {
        assert!(auth.verify(token).await.is_ok());
    }
    seconds(30).await;
    desk.say_otherwise(down());
    desk.take_time(Duration::from_millis(100));
    assert!(all_at_once(&auth, &tokens).await.iter().all(is_unavailable));
    assert_eq!(pauses.load(Ordering::Relaxed), 1);
    desk.say_otherwise(active());
    seconds(6).await;
    assert!(all_at_once(&auth, &tokens).await.iter().all(Result::is_ok), "a moment later all is well");
}

/// IN16
#[tokio::test(start_paused = true)]
async fn credentials_that_are_refused_to_many_at_once_are_said_once() {
    let desk = Desk::default();
    desk.say_otherwise(IntrospectionError::Unauthorized("401".into()));
    desk.take_time(Duration::from_millis(100));
    let (auth, pauses) = counting_faults(&desk);
    let tokens: Vec<_> = (0..10).map(|n| format!("user-{n}")).collect();
    for outcome in all_at_once(&auth, &tokens).await {
        assert_eq!(retry_after(outcome), 30);
    }
    assert_eq!((desk.asked(), pauses.load(Ordering::Relaxed)), (10, 1));
}

/// Panics, or never answers.
#[derive(Debug)]
struct Broken {
    panics: bool,
    asked: Arc<AtomicUsize>,
    /// One for each question that is under way, and one more.
    under_way: Arc<()>,
}

impl TokenIntrospector for Broken {
    fn introspect<'a>(&'a self, _: Question<'a>) -> Introspecting<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "as the application has it");
        let under_way = Arc::clone(&self.under_way);
        Box::pin(async move {
            let answer = pending().await;
            drop(under_way);
            answer
        })
    }

    fn client_id(&self) -> &str {
        CLIENT
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_panics_fails_for_its_token_and_is_told_of() {
    let (asked, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let client = Broken { panics: true, asked: Arc::clone(&asked), under_way: Arc::default() };
    let counter = Arc::clone(&told);
    let builder = builder().introspection(Introspection::of(client)).on_event(move |event| {
        if matches!(event, Event::IntrospectionFailed { error, .. } if error.contains("panicked")) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let auth = builder.build().unwrap();
    for _ in 0..3 {
        assert_eq!(retry_after(auth.verify(TOKEN).await), 5);
    }
    assert_eq!((asked.load(Ordering::Relaxed), told.load(Ordering::Relaxed)), (1, 1));
    seconds(5).await;
    assert!(is_unavailable(&auth.verify(TOKEN).await));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn question_that_never_ends_is_given_up_and_leaves_nothing_behind() {
    let under_way = Arc::new(());
    let client = Broken { panics: false, asked: Arc::default(), under_way: Arc::clone(&under_way) };
    let auth = auth(Introspection::of(client));
    for _ in 0..5 {
        assert!(is_unavailable(&auth.verify(TOKEN).await));
        seconds(40).await;
    }
    assert_eq!(Arc::strong_count(&under_way), 3, "the test's, the client's, and one question");
}

/// As in a program that calls `block_on` for each request: what it spawns runs only while a request waits.
#[test]
fn questions_that_a_runtime_has_left_behind_are_in_nobodys_way() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let desk = Desk::default();
    desk.say_otherwise(active());
    let auth = runtime.block_on(async { auth(Introspection::of(desk.clone())) });
    let is_good = |token: &str| runtime.block_on(auth.verify(token)).is_ok();
    let pass = |seconds| {
        runtime.block_on(async {
            let mut advance = pin!(tokio::time::advance(Duration::from_secs(seconds)));
            poll_fn(|context| {
                let _ = advance.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
        });
    };
    let users: Vec<_> = (0..64).map(|n| format!("user-{n}")).collect();
    assert!(users.iter().all(|user| is_good(user)));
    pass(25);
    assert!(users.iter().all(|user| is_good(user)), "each is to be renewed");
    assert_eq!(desk.asked(), 64, "but nobody drives that");
    pass(10);
    assert!(is_good("another"));
}
