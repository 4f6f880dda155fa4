//! When a token is asked for, who waits for it, and which one is handed out.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::sync::Barrier;
use std::time::Duration;

use common::{
    ByHand, DUE, LONGEST_BACK_OFF, NOT_DUE, SECOND, SERVES, TICK, TIMEOUT, Time, Waiting, World, any, builder, crowd,
    issuer, outcomes, poll_once, quiet, same, seconds, settle, until,
};
use rampart_client::{ClientError, TokenRequest};
use rampart_issuer::{Endpoint, Fault};
use serde_json::json;
use tokio::runtime::Handle;

/// A fraction of the shortest back-off.
const STEP: Duration = Duration::from_millis(50);

/// Looks at every second of a span of time, at which a token must be at hand.
async fn each_second(world: &World, span: u64, mut look: impl FnMut(u64)) {
    for second in 0..span {
        world.at_once(&any()).unwrap();
        look(second);
        settle().await;
        world.time.pass(SECOND).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o18_crowd_on_an_empty_cache_makes_one_request() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    for (asked, size) in [(1, 100), (2, 1000)] {
        let request = any().parameter("audience", size.to_string());
        let tokens = outcomes(crowd(&client, &request, size)).await;
        let first = tokens[0].clone().unwrap();
        assert!(tokens.iter().all(|token| same(token.as_ref().unwrap(), &first)));
        assert_eq!(issuer.requests(Endpoint::Token), asked);
    }
}

#[tokio::test]
async fn o18_crowd_shares_one_error_too_and_asks_no_more_until_the_back_off_is_over() {
    let world = World::new().await;
    world.issuer.inject(Endpoint::Token, Fault::json(401, r#"{"error":"invalid_client"}"#));
    for outcome in outcomes(crowd(&world.client, &any(), 1000)).await {
        assert!(matches!(outcome, Err(ClientError::OAuth { status: 401, .. })), "{outcome:?}");
    }
    for _ in 0..1000 {
        world.at_once(&any()).unwrap_err();
    }
    quiet().await;
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn o19_token_that_is_due_is_handed_out_at_once_while_one_request_hangs() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.issuer.inject(Endpoint::Token, Fault::Hang);
    world.time.pass(NOT_DUE).await;
    assert!(same(&world.at_once(&any()).unwrap(), &old));
    quiet().await;
    assert_eq!(world.requests(), 1, "renewed before its time");

    world.time.pass(DUE - NOT_DUE).await;
    for _ in 0..1000 {
        assert!(same(&world.at_once(&any()).unwrap(), &old));
    }
    world.requested(2).await;
    for _ in 0..1000 {
        assert!(same(&world.at_once(&any()).unwrap(), &old));
    }
    quiet().await;
    assert_eq!(world.requests(), 2);
    // It is given up after its time; the next one succeeds, and its token is the one from then on.
    world.issuer.clear_faults();
    world.time.pass(TIMEOUT + TICK).await;
    settle().await;
    world.time.pass(SECOND + TICK).await;
    let new = world.renewed(&any(), &old).await;
    world.time.pass(NOT_DUE).await;
    assert!(same(&world.at_once(&any()).unwrap(), &new));
    assert_eq!(world.requests(), 3);
}

#[tokio::test]
async fn o19_threads_that_find_the_token_due_start_one_request() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.time.pass(DUE).await;
    let (runtime, together) = (Handle::current(), Barrier::new(8));
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let _runtime = runtime.enter();
                together.wait();
                for _ in 0..100 {
                    assert!(same(&world.at_once(&any()).unwrap(), &old));
                }
            });
        }
    });
    settle().await;
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn o20_failures_are_seen_only_after_the_token_has_expired() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.time.pass(DUE).await;
    world.issuer.inject(Endpoint::Token, Fault::status(500));
    each_second(&world, 170, |_| {}).await;
    // 1, 2, 4, 8, 16 and 30 s with jitter: never every second, and never none for longer than 30 s.
    let requests = world.requests();
    assert!((7..80).contains(&requests), "{requests} requests");
    // Now it serves no more.
    let error = match poll_once(world.client.token(&any())) {
        Some(outcome) => outcome.unwrap_err(),
        None => world.waiting(&any()).outcome().await.unwrap_err(),
    };
    assert!(matches!(error, ClientError::Malformed { status: 500, .. }), "{error:?}");
    world.at_once(&any()).unwrap_err();
    world.issuer.clear_faults();
    world.time.pass(LONGEST_BACK_OFF + TICK).await;
    let new = world.client.token(&any()).await.unwrap();
    assert!(!same(&new, &old));
}

#[tokio::test]
async fn outage_of_a_minute_within_the_life_of_a_token_is_invisible() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.time.pass(DUE).await;
    world.issuer.stop();
    each_second(&world, 60, |_| {}).await;
    assert!(same(&world.at_once(&any()).unwrap(), &old));
    settle().await;
    world.issuer.restart().unwrap();
    world.time.pass(LONGEST_BACK_OFF + TICK).await;
    world.renewed(&any(), &old).await;
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn server_that_asks_for_patience_gets_it_while_the_old_token_serves() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.time.pass(DUE).await;
    world.issuer.inject_times(Endpoint::Token, &Fault::retry_after(429, "120"), 1);
    world.at_once(&any()).unwrap();
    settle().await;
    assert_eq!(world.requests(), 2);
    each_second(&world, 119, |_| {}).await;
    assert_eq!(world.requests(), 2);
    world.time.pass(SECOND + TICK).await;
    world.renewed(&any(), &old).await;
    assert_eq!(world.requests(), 3);
}

#[tokio::test]
async fn back_off_without_a_token_doubles_to_thirty_seconds_and_no_call_shortens_it() {
    let world = World::new().await;
    world.issuer.inject(Endpoint::Token, Fault::json(401, r#"{"error":"invalid_client"}"#));
    let mut waits = Vec::new();
    for failures in 1..=12 {
        world.waiting(&any()).outcome().await.unwrap_err();
        assert_eq!(world.requests(), failures);
        // Callers are answered at once until one has to wait for the next request.
        let mut waited = seconds(0);
        while let Some(outcome) = poll_once(world.client.token(&any())) {
            outcome.unwrap_err();
            assert!(waited <= LONGEST_BACK_OFF, "no attempt after {waited:?}");
            waited += STEP;
            world.time.pass(STEP).await;
        }
        waits.push(waited);
        assert!(waited >= common::FLOOR, "after {failures} failures only {waited:?}");
        let ceiling = SECOND * (1 << (failures - 1).min(5));
        assert!(waited <= ceiling.min(LONGEST_BACK_OFF) + STEP, "after {failures} failures {waited:?}");
        // Also not within a second of the last request.
        world.time.pass(SECOND + TICK).await;
    }
    assert!(waits.iter().max().unwrap() > &seconds(2), "{waits:?}");
}

#[tokio::test]
async fn o21_callers_that_go_away_cancel_nothing() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = server.client();
    let callers: Vec<_> = (0..10).map(|_| Waiting::on(&client, &any())).collect();
    let held = server.request().await;
    drop(callers);
    let next = Waiting::on(&client, &any());
    let last = Waiting::on(&client, &any());
    drop(next);
    held.token("the.token", 900).await;
    assert_eq!(last.outcome().await.unwrap().access_token.expose(), "the.token");
    // Nor does the one for whom alone the request was made.
    drop(Waiting::on(&client, &TokenRequest::new(["other"])));
    server.request().await.token("another.token", 900).await;
    until("the other token", || {
        poll_once(client.token(&TokenRequest::new(["other"]))).is_some_and(|token| token.is_ok())
    })
    .await;
    server.is_left_alone().await;
    drop(time);
}

#[tokio::test]
async fn o22_hundred_refusals_of_a_token_make_one_request() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    let refused = |_| {
        let (client, old) = (world.client.clone(), old.clone());
        tokio::spawn(async move {
            client.invalidate(&old);
            client.token(&any()).await
        })
    };
    let tokens = outcomes((0..100).map(refused).collect()).await;
    let new = tokens[0].clone().unwrap();
    assert!(!same(&new, &old));
    assert!(tokens.iter().all(|token| same(token.as_ref().unwrap(), &new)));
    assert_eq!(world.requests(), 2);
    // Late news about the old one do not throw the new one away, however late.
    for _ in 0..3 {
        world.client.invalidate(&old);
        assert!(same(&world.at_once(&any()).unwrap(), &new));
        world.time.pass(seconds(11)).await;
    }
    assert_eq!(world.requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o22_hundred_refusals_on_several_threads_make_one_request() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    let old = client.token(&any()).await.unwrap();
    let refused = |_| {
        let (client, old) = (client.clone(), old.clone());
        tokio::spawn(async move {
            client.invalidate(&old);
            client.token(&any()).await
        })
    };
    for token in outcomes((0..100).map(refused).collect()).await {
        assert!(!same(&token.unwrap(), &old));
    }
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[tokio::test]
async fn o22_refusals_give_a_new_token_at_most_every_ten_seconds() {
    let world = World::new().await;
    let mut current = world.client.token(&any()).await.unwrap();
    for asked in 2..6 {
        world.client.invalidate(&current);
        current = world.waiting(&any()).outcome().await.unwrap();
        assert_eq!(world.requests(), asked);
        for wait in [seconds(0), seconds(5), seconds(5) - TICK] {
            world.time.pass(wait).await;
            world.client.invalidate(&current);
            assert!(same(&world.at_once(&any()).unwrap(), &current));
        }
        assert_eq!(world.requests(), asked);
        world.time.pass(2 * TICK).await;
    }
    // A set of its own: another one's refusals do not count.
    let other = TokenRequest::new(["other"]);
    let token = world.client.token(&other).await.unwrap();
    world.client.invalidate(&current);
    world.client.invalidate(&token);
    world.client.token(&any()).await.unwrap();
    world.client.token(&other).await.unwrap();
    assert_eq!(world.requests(), 8);
}

#[tokio::test]
async fn o22_refused_token_serves_on_where_no_other_can_be_had() {
    let world = World::new().await;
    for fault in [Fault::Reset, Fault::status(500), Fault::retry_after(429, "1"), Fault::json(400, r#"{"error":"x"}"#)]
    {
        let (request, before) = (world.unused(), world.requests());
        let old = world.client.token(&request).await.unwrap();
        world.issuer.inject(Endpoint::Token, fault);
        let refused = |_| {
            let (client, old, request) = (world.client.clone(), old.clone(), request.clone());
            tokio::spawn(async move {
                client.invalidate(&old);
                client.token(&request).await
            })
        };
        for outcome in outcomes((0..100).map(refused).collect()).await {
            assert!(same(&outcome.unwrap(), &old));
        }
        settle().await;
        let asked = world.requests() - before;
        assert!((2..=3).contains(&asked), "{asked} requests");
        // Without a wait, and without another request before the back-off is over, though it is refused again.
        for _ in 0..100 {
            world.client.invalidate(&old);
            assert!(same(&world.at_once(&request).unwrap(), &old));
        }
        settle().await;
        assert_eq!(world.requests() - before, asked);
        // A new one is got as soon as there is one, without a call that waits, and stays.
        world.issuer.clear_faults();
        world.time.pass(SECOND + TICK).await;
        let new = world.renewed(&request, &old).await;
        world.time.pass(seconds(100)).await;
        world.client.invalidate(&old);
        assert!(same(&world.at_once(&request).unwrap(), &new));
        settle().await;
        assert_eq!(world.requests() - before, asked + 1);
    }
}

#[tokio::test]
async fn o22_refused_token_is_not_put_back_once_it_serves_no_more() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.issuer.inject(Endpoint::Token, Fault::Hang);
    world.time.pass(SERVES - SECOND).await;
    world.client.invalidate(&old);
    let waiting = world.waiting(&any());
    world.requested(2).await;
    world.time.pass(TIMEOUT + TICK).await;
    waiting.outcome().await.unwrap_err();
    world.at_once(&any()).unwrap_err();
}

#[tokio::test]
async fn o22_token_of_the_server_that_stays_the_same_is_no_loop() {
    let world = World::new().await;
    world.issuer.token_response(Some(json!({"access_token": "the.same"})));
    let token = world.client.token(&any()).await.unwrap();
    for _ in 0..100 {
        world.client.invalidate(&token);
        world.client.token(&any()).await.unwrap();
    }
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn token_that_the_server_repeats_with_what_is_left_of_its_life_is_no_loop() {
    let world = World::new().await;
    let lives = |left: u64| world.issuer.token_response(Some(json!({"access_token": "the.same", "expires_in": left})));
    lives(100);
    world.client.token(&any()).await.unwrap();
    each_second(&world, 89, |second| {
        lives(99 - second);
        for _ in 0..100 {
            world.at_once(&any()).unwrap();
        }
    })
    .await;
    // Due after 70 s of 100, 15 of 30, and so on; never twice within a tenth of the life.
    assert!((2..=6).contains(&world.requests()), "{} requests", world.requests());
}

#[tokio::test]
async fn renewal_that_is_dead_on_arrival_does_not_push_out_a_token_that_lives() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.time.pass(DUE).await;
    world.issuer.token_response(Some(json!({"expires_in": 0})));
    let mut seen = 1;
    each_second(&world, 169, |_| {
        assert!(same(&world.at_once(&any()).unwrap(), &old));
        seen = world.requests();
    })
    .await;
    assert!((2..=4).contains(&seen), "{seen} requests");
}

#[tokio::test]
async fn no_token_is_handed_out_in_its_last_seconds() {
    let world = World::new().await;
    let old = world.client.token(&any()).await.unwrap();
    world.time.pass(SERVES).await;
    world.issuer.inject_times(Endpoint::Token, &Fault::Hang, 1);
    let mut waiting = world.waiting(&any());
    world.requested(2).await;
    waiting.still_waits();
    world.time.pass(TIMEOUT + TICK).await;
    let error = waiting.outcome().await.unwrap_err();
    assert!(error.to_string().contains("no complete answer within 5 s"), "{error}");
    world.time.pass(SECOND + TICK).await;
    assert!(!same(&world.client.token(&any()).await.unwrap(), &old));
}

#[tokio::test]
async fn o26_life_of_a_token_counts_from_the_start_of_the_request_whatever_the_servers_clock_says() {
    let time = Time::freeze();
    for date in ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "nonsense"] {
        let server = ByHand::start().await;
        let client = server.client();
        let waiting = Waiting::on(&client, &any());
        let held = server.request().await;
        time.pass(seconds(4)).await;
        let body = r#"{"access_token":"the.token","token_type":"Bearer","expires_in":20}"#;
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\ndate: {date}\r\nage: 1000000\r\ncontent-length: {length}\r\n\r\n");
        held.send(&format!("{head}{body}")).await;
        let token = waiting.outcome().await.unwrap();
        // Four of its 20 s have passed, and it serves up to the last two.
        time.pass(seconds(14) - TICK).await;
        assert!(same(&poll_once(client.token(&any())).unwrap().unwrap(), &token));
        let renewal = server.request().await;
        time.pass(TICK).await;
        let waiting = Waiting::on(&client, &any());
        renewal.token("another.token", 20).await;
        assert_eq!(waiting.outcome().await.unwrap().access_token.expose(), "another.token", "{date}");
    }
}
