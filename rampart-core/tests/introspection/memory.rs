//! For how long an answer is believed.

use std::time::Duration;

use rampart_core::AuthError::{InvalidToken, TokenExpired};
use rampart_core::Introspection;

use crate::common::{Desk, INACTIVE, NOW, TOKEN, active, auth, down, error, is_unavailable, seconds, with, without};

/// IN09
#[tokio::test(start_paused = true)]
async fn answer_is_believed_for_its_time_and_no_longer_than_the_token_lives() {
    for (answer, believed) in [(active(), 30), (without(&["exp"]), 30), (with("exp", 253_402_300_799_u64), 30)] {
        let desk = Desk::saying(answer.clone());
        let auth = auth(Introspection::of(desk.clone()));
        assert!(auth.verify(TOKEN).await.is_ok());
        seconds(believed - 7).await;
        assert!(auth.verify(TOKEN).await.is_ok());
        assert_eq!(desk.asked(), 1, "{answer}");
        seconds(7).await;
        assert!(auth.verify(TOKEN).await.is_ok());
        assert_eq!(desk.asked(), 2, "{answer}");
    }
    let desk = Desk::saying(with("exp", NOW + 2));
    let auth = auth(Introspection::of(desk.clone()));
    assert!(auth.verify(TOKEN).await.is_ok());
    seconds(2).await;
    assert!(auth.verify(TOKEN).await.is_ok(), "within the tolerance");
    assert_eq!(desk.asked(), 2);
    seconds(5).await;
    assert_eq!(error(auth.verify(TOKEN).await), Some(TokenExpired), "whatever the issuer would say");
    assert_eq!(desk.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn token_of_which_no_end_was_said_is_asked_about_again_however_long_it_was_away() {
    for away in [36, 600, 3599, 3601] {
        for stale in [0, 60] {
            let desk = Desk::saying(without(&["exp"]));
            let auth = auth(Introspection::of(desk.clone()).serve_stale(Duration::from_secs(stale)));
            assert!(auth.verify(TOKEN).await.is_ok());
            seconds(away).await;
            assert!(auth.verify(TOKEN).await.is_ok(), "after {away} s");
            assert_eq!(desk.asked(), 2, "after {away} s");
            desk.say(TOKEN, down());
            seconds(away.max(61)).await;
            assert!(is_unavailable(&auth.verify(TOKEN).await), "after {away} s");
            desk.say(TOKEN, INACTIVE);
            seconds(away).await;
            assert_eq!(error(auth.verify(TOKEN).await), Some(InvalidToken), "after {away} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answer_is_renewed_in_the_background_before_it_ends() {
    let desk = Desk::saying(active());
    let auth = auth(Introspection::of(desk.clone()));
    assert!(auth.verify(TOKEN).await.is_ok());
    desk.say(TOKEN, INACTIVE);
    desk.take_time(Duration::from_millis(100));
    seconds(24).await;
    assert!(auth.verify(TOKEN).await.is_ok(), "nobody waits for it");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(desk.asked(), 2);
    assert_eq!(error(auth.verify(TOKEN).await), Some(InvalidToken));
}

#[tokio::test(start_paused = true)]
async fn renewal_that_fails_takes_nothing_away_and_is_not_made_again_at_once() {
    let desk = Desk::saying(active());
    let auth = auth(Introspection::of(desk.clone()));
    assert!(auth.verify(TOKEN).await.is_ok());
    desk.say(TOKEN, down());
    seconds(25).await;
    for _ in 0..10 {
        assert!(auth.verify(TOKEN).await.is_ok());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(desk.asked(), 2);
    seconds(5).await;
    assert!(is_unavailable(&auth.verify(TOKEN).await));
}

/// IN10
#[tokio::test(start_paused = true)]
async fn each_route_asks_for_its_own_of_what_is_remembered() {
    let desk = Desk::saying(with("scope", "foo"));
    let auth = auth(Introspection::of(desk.clone()));
    let claims = auth.verify(TOKEN).await.unwrap();
    assert!(claims.has_scope("foo"));
    let again = auth.verify(TOKEN).await.unwrap();
    assert!(!again.has_scope("bar"));
    assert_eq!(desk.asked(), 1);
}

/// IN11
#[tokio::test(start_paused = true)]
async fn each_object_asks_its_own_issuer_and_shares_nothing() {
    let (desk, other) = (Desk::saying(active()), Desk::saying(INACTIVE));
    let (first, second) = (auth(Introspection::of(desk.clone())), auth(Introspection::of(other.clone())));
    assert!(first.verify(TOKEN).await.is_ok());
    assert_eq!(error(second.verify(TOKEN).await), Some(InvalidToken));
    assert!(first.verify(TOKEN).await.is_ok());
    assert_eq!((desk.asked(), other.asked()), (1, 1));
}

/// As with the cache of verified tokens.
#[tokio::test(start_paused = true)]
async fn answer_vouches_for_no_token_that_looks_like_it() {
    let desk = Desk::default();
    let token = "0123456789abcdef0123456789abcdef0123456789a";
    desk.say(token, active());
    let auth = auth(Introspection::of(desk.clone()));
    assert!(auth.verify(token).await.is_ok());
    let changed = |at| token.chars().enumerate().map(move |(own, letter)| if own == at { 'X' } else { letter });
    let mut others: Vec<String> = (0..token.len()).map(|at| changed(at).collect()).collect();
    others.extend([token.chars().skip(1).collect(), token.chars().take(42).collect(), token.chars().rev().collect()]);
    others.extend([format!("{token}0"), format!("0{token}"), token.to_uppercase()]);
    for other in &others {
        assert_eq!(error(auth.verify(other).await), Some(InvalidToken), "{other}");
    }
    assert_eq!(desk.asked(), 1 + others.len());
    assert!(auth.verify(token).await.is_ok());
}

/// IN13
#[tokio::test(start_paused = true)]
async fn revoked_token_passes_for_half_a_minute_and_an_activated_one_waits_for_five_seconds() {
    let desk = Desk::saying(active());
    let auth = auth(Introspection::of(desk.clone()).cache_for(Duration::from_secs(30)));
    assert!(auth.verify(TOKEN).await.is_ok());
    seconds(1).await;
    desk.say(TOKEN, INACTIVE);
    assert!(auth.verify(TOKEN).await.is_ok());
    seconds(29).await;
    assert_eq!(error(auth.verify(TOKEN).await), Some(InvalidToken));
    desk.say(TOKEN, active());
    seconds(4).await;
    assert_eq!(error(auth.verify(TOKEN).await), Some(InvalidToken));
    seconds(1).await;
    assert!(auth.verify(TOKEN).await.is_ok());
    desk.say("other", down());
    assert!(is_unavailable(&auth.verify("other").await));
    desk.say("other", active());
    assert!(is_unavailable(&auth.verify("other").await), "never as one that is not active");
    seconds(5).await;
    assert!(auth.verify("other").await.is_ok());
}

/// IN18
#[tokio::test(start_paused = true)]
async fn token_that_was_active_a_moment_ago_goes_on_where_that_is_wanted() {
    let fails = down();
    let stale = |desk: &Desk| auth(Introspection::of(desk.clone()).serve_stale(Duration::from_secs(60)));
    let desk = Desk::saying(active());
    let auth = stale(&desk);
    assert!(auth.verify(TOKEN).await.is_ok());
    desk.say_otherwise(fails.clone());
    desk.say(TOKEN, fails.clone());
    seconds(40).await;
    for _ in 0..3 {
        assert!(auth.verify(TOKEN).await.is_ok());
    }
    assert_eq!(desk.asked(), 2, "and not with each request");
    assert!(is_unavailable(&auth.verify("never-seen").await));
    seconds(21).await;
    assert!(is_unavailable(&auth.verify(TOKEN).await));

    let desk = Desk::saying(with("exp", NOW + 35));
    let auth = stale(&desk);
    assert!(auth.verify(TOKEN).await.is_ok());
    desk.say(TOKEN, fails);
    seconds(34).await;
    assert!(auth.verify(TOKEN).await.is_ok());
    seconds(6).await;
    assert_eq!(error(auth.verify(TOKEN).await), Some(TokenExpired), "exp has passed meanwhile");

    let desk = Desk::saying(active());
    let strict = crate::common::auth(Introspection::of(desk.clone()));
    assert!(strict.verify(TOKEN).await.is_ok());
    desk.say(TOKEN, down());
    seconds(30).await;
    assert!(is_unavailable(&strict.verify(TOKEN).await), "by default nothing goes on");
}

/// As where a machine was suspended, whose clock of ages stands still meanwhile.
#[tokio::test(start_paused = true)]
async fn neither_clock_may_say_that_an_answer_is_too_old() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;
    let wall = Arc::new(AtomicU64::new(NOW));
    let time = Arc::clone(&wall);
    let desk = Desk::saying(active());
    let auth = crate::common::builder()
        .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(time.load(Ordering::Relaxed)))
        .introspection(Introspection::of(desk.clone()))
        .build()
        .unwrap();
    assert!(auth.verify(TOKEN).await.is_ok());
    desk.say(TOKEN, INACTIVE);
    wall.store(NOW + 29, Ordering::Relaxed);
    assert!(auth.verify(TOKEN).await.is_ok());
    wall.store(NOW + 30, Ordering::Relaxed);
    assert_eq!(error(auth.verify(TOKEN).await), Some(InvalidToken));
}
