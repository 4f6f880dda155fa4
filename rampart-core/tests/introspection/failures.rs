//! An issuer that cannot be asked.

use std::time::Duration;

use rampart_core::AuthError::InvalidToken;
use rampart_core::{AuthError, Introspection, IntrospectionError};

use crate::common::{Desk, INACTIVE, TOKEN, active, auth, down, error, is_unavailable, seconds};

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
