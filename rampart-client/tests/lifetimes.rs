//! `expires_in` as servers write it, and how long a token serves.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, reason = "a test fails by a panic")]

mod common;

use std::time::{Duration, SystemTime};

use common::{ByHand, Held, SECOND, TICK, Time, Waiting, World, any, poll_once, quiet, same, seconds};
use rampart_client::ClientError;
use rampart_issuer::{Endpoint, Fault};
use serde_json::json;

/// The server's `expires_in` as it stands in the answer, or none, and the lifetime it means.
async fn lives(world: &World, expires_in: Option<&str>, lifetime: Duration) {
    let member = expires_in.map(|text| format!(r#","expires_in":{text}"#)).unwrap_or_default();
    let body = format!(r#"{{"access_token":"a.token","token_type":"Bearer"{member}}}"#);
    world.issuer.inject_times(Endpoint::Token, &Fault::body(body), 1);
    let (asked, request, before) = (world.requests(), world.unused(), SystemTime::now());
    let token = world.client.token(&request).await.unwrap();
    let after = SystemTime::now();
    assert!(
        (before + lifetime..=after + lifetime).contains(&token.expires_at),
        "{expires_in:?}: {:?}",
        token.expires_at
    );
    // It serves up to the last 10 s or tenth, and not a moment longer.
    let serves = lifetime - seconds(10).min(lifetime / 10);
    if serves < seconds(100_000_000) {
        world.issuer.inject(Endpoint::Token, Fault::Hang);
        world.time.pass(serves - TICK).await;
        assert!(same(&world.at_once(&request).unwrap(), &token), "{expires_in:?}");
        world.time.pass(TICK).await;
        drop(world.waiting(&request));
        // Not sooner than this after the last request.
        world.time.pass(SECOND).await;
        common::until("the renewal", || world.requests() == asked + 2).await;
        world.issuer.clear_faults();
    } else {
        world.time.pass(seconds(100_000_000)).await;
        assert!(same(&world.at_once(&request).unwrap(), &token), "{expires_in:?}");
        assert_eq!(world.requests(), asked + 1, "{expires_in:?}");
    }
}

#[tokio::test]
async fn o05_missing_lifetime_is_five_minutes() {
    let world = World::new().await;
    lives(&world, None, seconds(300)).await;
}

#[tokio::test]
async fn o06_lifetimes_may_be_numbers_fractions_or_strings() {
    let world = World::new().await;
    for text in ["3600", "\"3600\"", "3600.0", "3.6e3", "\"3600.0\"", "\" 3600 \"", "\"3.6e3\""] {
        lives(&world, Some(text), seconds(3600)).await;
    }
    lives(&world, Some("90.5"), Duration::from_millis(90_500)).await;
    lives(&world, Some("1"), SECOND).await;
}

#[tokio::test]
async fn o07_lifetimes_that_are_none_count_as_missing_and_huge_ones_are_clamped() {
    let world = World::new().await;
    for text in ["null", "\"abc\"", "\"\"", "true", "[900]", "{}", "\"nan\"", "\"1h\""] {
        lives(&world, Some(text), seconds(300)).await;
    }
    let ten_years = seconds(10 * 365 * 24 * 3600);
    let u64_max = u64::MAX.to_string();
    for text in [&*u64_max, "1e30", "1e999", "9223372036854775808", "\"inf\"", "\"1e400\""] {
        lives(&world, Some(text), ten_years).await;
    }
}

#[tokio::test]
async fn o07_token_without_a_lifetime_is_for_the_waiting_callers_and_fetches_do_not_loop() {
    let world = World::new().await;
    for text in ["0", "-1", "0.0", "-0.0", "\"0\"", "\"-1\"", "-1e30", "\"-inf\""] {
        world.issuer.reset_counts();
        let body = format!(r#"{{"access_token":"a.token","token_type":"Bearer","expires_in":{text}}}"#);
        world.issuer.inject(Endpoint::Token, Fault::body(body));
        let request = world.unused();
        for caller in common::outcomes(common::crowd(&world.client, &request, 100)).await {
            assert_eq!(caller.unwrap().access_token.expose(), "a.token", "{text}");
        }
        // Each second gives one request, however many ask.
        for asked in 2..5 {
            let crowd = common::crowd(&world.client, &request, 100);
            quiet().await;
            assert_eq!(world.requests(), asked - 1, "{text}");
            world.time.pass(SECOND + TICK).await;
            for caller in common::outcomes(crowd).await {
                assert_eq!(caller.unwrap().access_token.expose(), "a.token", "{text}");
            }
            assert_eq!(world.requests(), asked, "{text}");
        }
        world.issuer.clear_faults();
    }
}

#[tokio::test]
async fn o08_short_lifetimes_keep_half_of_them_and_are_not_renewed_by_every_call() {
    let world = World::new().await;
    // In milliseconds: the lifetime, when it may be renewed at the earliest and is at the latest, when it serves no more.
    let cases = [
        (1_000, 450, 1_000, 900),
        (2_000, 900, 1_000, 1_800),
        (10_000, 4_500, 5_000, 9_000),
        (30_000, 13_500, 15_000, 27_000),
        (60_000, 27_000, 30_000, 54_000),
        (100_000, 63_000, 70_000, 90_000),
        (150_000, 108_000, 120_000, 140_000),
        (900_000, 648_000, 720_000, 890_000),
        (3_600_000, 2_970_000, 3_300_000, 3_590_000),
    ];
    for (lifetime, not_before, due, serves) in cases {
        world.issuer.reset_counts();
        // No JWT, which would say how long it lives itself.
        let members = json!({"access_token": "a.token", "expires_in": f64::from(lifetime) / 1000.0});
        world.issuer.token_response(Some(members));
        let request = world.unused();
        let token = world.client.token(&request).await.unwrap();
        world.time.pass(Duration::from_millis(not_before) - TICK).await;
        for _ in 0..1000 {
            assert!(same(&world.at_once(&request).unwrap(), &token), "{lifetime}");
        }
        quiet().await;
        assert_eq!(world.requests(), 1, "{lifetime}: renewed before its time");
        world.issuer.inject(Endpoint::Token, Fault::Hang);
        if due < serves {
            world.time.pass(Duration::from_millis(due - not_before) + TICK).await;
            for _ in 0..1000 {
                assert!(same(&world.at_once(&request).unwrap(), &token), "{lifetime}");
            }
            world.requested(2).await;
        }
        world.issuer.clear_faults();
    }
}

#[tokio::test]
async fn exp_of_a_jwt_shortens_its_life_and_never_lengthens_it() {
    let world = World::new().await;
    for (exp, told, lives) in [(60, 3600, 60), (60, 30, 30), (3600, 900, 900), (-60, 900, 0)] {
        let token = world.issuer.token().expires_in(exp).sign().unwrap();
        world.issuer.token_response(Some(json!({"access_token": token, "expires_in": told})));
        let (asked, request, before) = (world.requests(), world.unused(), SystemTime::now());
        let token = world.client.token(&request).await.unwrap();
        let lifetime = token.expires_at.duration_since(before).unwrap_or_default();
        // The clocks of both show whole seconds.
        let seconds_lived = seconds(lives).saturating_sub(SECOND)..=seconds(lives + 1);
        assert!(seconds_lived.contains(&lifetime), "{exp} and {told}: {lifetime:?}");
        if lives == 0 {
            // For those who wait, and the next one asks anew.
            drop(world.waiting(&request));
            world.time.pass(SECOND + TICK).await;
            common::until("another request", || world.requests() == asked + 2).await;
            continue;
        }
        let last = seconds(10).min(seconds(lives) / 10);
        world.issuer.inject(Endpoint::Token, Fault::Hang);
        world.time.pass(seconds(lives) - last - SECOND).await;
        assert!(same(&world.at_once(&request).unwrap(), &token));
        world.time.pass(SECOND + TICK).await;
        drop(world.waiting(&request));
        world.issuer.clear_faults();
    }
}

/// A request that has been under way for this long.
async fn after(server: &ByHand, time: &Time, taken: Duration) -> Held {
    let held = server.request().await;
    time.pass(taken).await;
    held
}

#[tokio::test]
async fn token_whose_life_has_passed_when_it_comes_is_handed_to_nobody() {
    let time = Time::freeze();
    // It lives for five seconds, the last half of one excepted.
    for (taken, serves) in [(Duration::from_millis(4_500) - TICK, true), (Duration::from_millis(4_500), false)] {
        let server = ByHand::start().await;
        let client = server.client();
        let callers: Vec<_> = (0..10).map(|_| Waiting::on(&client, &any())).collect();
        after(&server, &time, taken).await.token("the.token", 5).await;
        for caller in callers {
            match caller.outcome().await {
                Ok(token) => assert!(serves, "{:?} was handed out after {taken:?}", token.access_token),
                Err(error) => {
                    assert!(!serves, "{error:?} after {taken:?}");
                    assert!(
                        matches!(error, ClientError::Spent { lifetime, .. } if lifetime == seconds(5)),
                        "{error:?}"
                    );
                    assert!(error.to_string().contains("it lives for 5s"), "{error}");
                }
            }
        }
        if serves {
            continue;
        }
        // A failure like any other: nobody asks again before the back-off is over.
        for _ in 0..100 {
            poll_once(client.token(&any())).unwrap().unwrap_err();
        }
        server.is_left_alone().await;
        time.pass(SECOND + TICK).await;
        let next = Waiting::on(&client, &any());
        server.request().await.token("a.token.in.time", 900).await;
        assert_eq!(next.outcome().await.unwrap().access_token.expose(), "a.token.in.time");
    }
}

#[tokio::test]
async fn token_without_a_lifetime_serves_those_who_wait_however_long_the_answer_took() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = server.client();
    let callers: Vec<_> = (0..10).map(|_| Waiting::on(&client, &any())).collect();
    after(&server, &time, seconds(4)).await.token("the.token", 0).await;
    for caller in callers {
        assert_eq!(caller.outcome().await.unwrap().access_token.expose(), "the.token");
    }
    let next = Waiting::on(&client, &any());
    server.request().await.token("another.token", 0).await;
    assert_eq!(next.outcome().await.unwrap().access_token.expose(), "another.token");
}

#[tokio::test]
async fn renewal_that_comes_too_late_for_its_token_leaves_the_old_one_in_place() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = server.client();
    let waiting = Waiting::on(&client, &any());
    server.request().await.token("the.old", 20).await;
    let old = waiting.outcome().await.unwrap();
    time.pass(seconds(10)).await;
    let at_once = || poll_once(client.token(&any())).expect("a caller waited that must not").unwrap();
    assert!(same(&at_once(), &old));
    after(&server, &time, seconds(4)).await.token("the.late", 2).await;
    quiet().await;
    assert!(same(&at_once(), &old));
    // It counts as a failure, so that another follows soon.
    time.pass(SECOND + TICK).await;
    assert!(same(&at_once(), &old));
    server.request().await.token("the.new", 900).await;
    common::until("the renewal", || at_once().access_token.expose() == "the.new").await;
}

#[tokio::test]
async fn caller_that_is_woken_too_late_gets_a_newer_token() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = server.client();
    let (prompt, late) = (Waiting::on(&client, &any()), Waiting::on(&client, &any()));
    server.request().await.token("the.old", 10).await;
    assert_eq!(prompt.outcome().await.unwrap().access_token.expose(), "the.old");
    time.pass(seconds(9)).await;
    let late = tokio::spawn(late.outcome());
    server.request().await.token("the.new", 10).await;
    assert_eq!(late.await.unwrap().unwrap().access_token.expose(), "the.new");
    server.is_left_alone().await;
}
