//! Tokens of strangers, in any number.

use std::time::Duration;

use rampart_core::{AuthError, Introspection};

use crate::common::{Desk, TOKEN, active, auth, seconds};

/// IN14
#[tokio::test(start_paused = true)]
async fn flood_of_strangers_does_not_reach_known_users() {
    let desk = Desk::default();
    let users: Vec<String> = (0..20).map(|user| format!("user-{user}")).collect();
    for user in &users {
        desk.say(user, active());
    }
    let auth = auth(Introspection::of(desk.clone()));
    for user in &users {
        assert!(auth.verify(user).await.is_ok());
    }
    desk.take_time(Duration::from_millis(200));
    let (mut unavailable, mut refused, mut waiting) = (0, 0, Vec::new());
    // A minute of a thousand a second: beyond the time for which an answer is believed.
    for tick in 0..600_u32 {
        for n in 0..100 {
            let (auth, token) = (auth.clone(), format!("stranger-{tick}-{n}"));
            waiting.push(tokio::spawn(async move { auth.verify(&token).await }));
        }
        for user in users.iter().skip(tick as usize % 20).take(2) {
            let (auth, user) = (auth.clone(), user.clone());
            let outcome = tokio::spawn(async move { auth.verify(&user).await.is_ok() });
            assert!(outcome.await.unwrap(), "at {tick}");
        }
        seconds(0).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for outcome in waiting {
        match outcome.await.unwrap() {
            Err(AuthError::StateUnavailable { .. }) => unavailable += 1,
            Err(AuthError::InvalidToken) => refused += 1,
            other => panic!("{:?}", other.map(|claims| claims.sub.clone())),
        }
    }
    assert!(desk.most_under_way() <= 64, "{}", desk.most_under_way());
    assert!((1..=800).contains(&unavailable), "ten a second: {unavailable}");
    assert!(refused >= 59_000, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn strangers_have_half_of_the_places() {
    let desk = Desk::default();
    desk.take_time(Duration::from_secs(1));
    let auth = auth(Introspection::of(desk.clone()));
    let strangers: Vec<_> = (0..1000)
        .map(|n| {
            let auth = auth.clone();
            tokio::spawn(async move { auth.verify(&format!("stranger-{n}")).await.err() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(desk.most_under_way(), 32);
    let mut unavailable = 0;
    for stranger in strangers {
        unavailable += usize::from(matches!(stranger.await.unwrap(), Some(AuthError::StateUnavailable { .. })));
    }
    assert_eq!(unavailable, 10, "of those beyond, ten a second are told to come again");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_active_pushes_out_nothing_that_is() {
    let desk = Desk::saying(active());
    let auth = auth(Introspection::of(desk.clone()).cache_bytes(64 * 1024));
    assert!(auth.verify(TOKEN).await.is_ok());
    for n in 0..20_000 {
        assert!(auth.verify(&format!("stranger-{n}")).await.is_err());
    }
    let before = desk.asked();
    assert!(auth.verify(TOKEN).await.is_ok());
    assert_eq!(desk.asked(), before);
}
