//! Sets of scopes and parameters: each keeps a token of its own, and there are not too many.
#![cfg(test)]

mod common;

use std::time::Duration;

use common::selective::{Answer, Selective};
use common::{
    ByHand, DUE, LONGEST_BACK_OFF, Outcome, SECOND, TICK, TIMEOUT, Time, Waiting, World, builder, is_rate_limited,
    poll_once, same, seconds, settle,
};
use rampart_client::{ClientError, TokenRequest};
use rampart_issuer::{Endpoint, Fault};

#[tokio::test]
async fn o27_clients_and_sets_keep_their_tokens_apart() {
    let world = World::new().await;
    let other = builder(&world.issuer).build().unwrap();
    let sets = [
        TokenRequest::default(),
        TokenRequest::new(["a"]),
        TokenRequest::new(["b"]),
        TokenRequest::new(["a", "b"]),
        TokenRequest::new(["a"]).parameter("audience", "x"),
        TokenRequest::new(["a"]).parameter("audience", "y"),
        TokenRequest::new(["a"]).parameter("resource", "x"),
    ];
    let mut tokens = Vec::new();
    for client in [&world.client, &other] {
        for set in &sets {
            tokens.push(client.token(set).await.unwrap());
        }
    }
    assert_eq!(world.requests(), 14);
    let mut again = Vec::new();
    for client in [world.client.clone(), other] {
        again.extend(sets.iter().map(|set| poll_once(client.token(set)).unwrap().unwrap()));
    }
    for (place, token) in tokens.iter().enumerate() {
        assert!(same(token, &again[place]));
        assert!(tokens.iter().skip(place + 1).all(|other| !same(token, other)));
    }
    // The failure of one set does not touch another.
    world.issuer.inject_times(Endpoint::Token, &Fault::status(500), 1);
    world.client.token(&TokenRequest::new(["failing"])).await.unwrap_err();
    world.at_once(&TokenRequest::new(["failing"])).unwrap_err();
    world.at_once(&sets[1]).unwrap();
    world.client.token(&TokenRequest::new(["working"])).await.unwrap();
}

fn numbered(number: usize) -> TokenRequest {
    TokenRequest::new([format!("scope-{number}")])
}

#[tokio::test]
async fn of_more_than_256_sets_those_idle_for_longest_are_forgotten() {
    let world = World::new().await;
    for number in 0..300 {
        world.client.token(&numbered(number)).await.unwrap();
        world.time.pass(TICK).await;
        // Always in use.
        world.client.token(&numbered(0)).await.unwrap();
        world.time.pass(TICK).await;
    }
    assert_eq!(world.requests(), 300);
    assert!(format!("{:?}", world.client).contains("sets: 256"), "{:?}", world.client);
    for number in (45..300).chain([0]) {
        world.at_once(&numbered(number)).unwrap();
    }
    for number in [1, 44] {
        world.waiting(&numbered(number)).outcome().await.unwrap();
    }
    assert_eq!(world.requests(), 302);
}

#[tokio::test]
async fn sets_that_wait_for_their_token_are_not_forgotten() {
    let world = World::new().await;
    world.issuer.inject(Endpoint::Token, Fault::Hang);
    let waiting: Vec<_> = (0..256).map(|number| world.waiting(&numbered(number))).collect();
    world.requested(256).await;
    assert_eq!(world.at_once(&numbered(256)).unwrap_err(), ClientError::TooManySets);
    let mut joined = world.waiting(&numbered(0));
    joined.still_waits();
    world.issuer.clear_faults();
    world.time.pass(TIMEOUT + TICK).await;
    for waiting in waiting {
        waiting.outcome().await.unwrap_err();
    }
    world.client.token(&numbered(256)).await.unwrap();
    assert_eq!(world.requests(), 257);
}

#[tokio::test]
async fn set_that_waits_after_a_failure_makes_no_room_for_those_that_work() {
    let world = World::new().await;
    let failing = TokenRequest::new(["failing"]);
    world.issuer.inject_times(Endpoint::Token, &Fault::json(400, r#"{"error":"invalid_scope"}"#), 1);
    world.client.token(&failing).await.unwrap_err();
    for number in 1..300 {
        world.client.token(&numbered(number)).await.unwrap();
    }
    assert!(format!("{:?}", world.client).contains("sets: 257"), "{:?}", world.client);
    // Asked for before all the others.
    world.at_once(&failing).unwrap_err();
    assert_eq!(world.requests(), 300);
}

#[tokio::test]
async fn sets_that_only_fail_push_out_none_that_works() {
    let time = Time::freeze();
    for failing in [256, 300] {
        let server = Selective::start();
        let client = server.client();
        let works = TokenRequest::new(["works"]);
        client.token(&works).await.unwrap();
        for number in 0..failing {
            server.answer(&format!("scope-{number}"), Answer::malformed());
        }
        for _ in 0..3 {
            for number in 0..failing {
                client.token(&numbered(number)).await.unwrap_err();
                poll_once(client.token(&works)).expect("its token was thrown away").unwrap();
            }
            time.pass(LONGEST_BACK_OFF).await;
        }
        assert_eq!(server.asked_for("works"), 1, "beside {failing} that fail");
        // Nor do they keep another from its first token.
        client.token(&TokenRequest::new(["late"])).await.unwrap();
        poll_once(client.token(&works)).expect("its token was thrown away").unwrap();
        let sets = format!("{client:?}");
        assert!(sets.contains("sets: 257"), "{sets}");
        server.calm().await;
    }
}

#[tokio::test]
async fn sets_that_get_their_token_late_push_out_only_those_idle_for_longest() {
    let world = World::new().await;
    world.issuer.inject_times(Endpoint::Token, &Fault::status(500), 100);
    for number in 0..300 {
        assert_eq!(world.client.token(&numbered(number)).await.is_ok(), number >= 100);
        world.time.pass(TICK).await;
    }
    world.time.pass(LONGEST_BACK_OFF).await;
    for number in 0..100 {
        world.client.token(&numbered(number)).await.unwrap();
        world.time.pass(TICK).await;
    }
    // They are counted when the next one is given its first token.
    world.client.token(&numbered(300)).await.unwrap();
    assert_eq!(world.requests(), 401);
    for number in (0..100).chain(145..301) {
        world.at_once(&numbered(number)).unwrap();
    }
    world.waiting(&numbered(144)).outcome().await.unwrap();
    assert_eq!(world.requests(), 402);
}

/// Asks for each of them once, whatever comes of it.
async fn round(world: &World, sets: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for number in 0..sets {
        outcomes.push(world.client.token(&numbered(number)).await);
    }
    outcomes
}

#[tokio::test]
async fn rate_limit_holds_for_all_sets_however_many() {
    let world = World::new().await;
    let served = TokenRequest::new(["served"]);
    let token = world.client.token(&served).await.unwrap();
    world.issuer.inject(Endpoint::Token, Fault::retry_after(429, "60"));
    for _ in 0..3 {
        for outcome in round(&world, 257).await {
            is_rate_limited(&outcome.unwrap_err(), 429, seconds(60));
            // Whoever has a token keeps it, even where it is refused elsewhere.
            world.client.invalidate(&token);
            assert!(same(&world.at_once(&served).unwrap(), &token));
        }
        world.time.pass(seconds(19)).await;
    }
    assert_eq!(world.requests(), 2);
    // Then one goes ahead, and the others only after it.
    world.time.pass(seconds(3) + TICK).await;
    world.issuer.clear_faults();
    world.issuer.inject(Endpoint::Token, Fault::Hang);
    let ahead = world.waiting(&numbered(1000));
    world.requested(3).await;
    for number in 0..10 {
        world.at_once(&numbered(number)).unwrap_err();
    }
    world.issuer.clear_faults();
    world.time.pass(TIMEOUT + TICK).await;
    let error = ahead.outcome().await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(_)), "{error:?}");
    for outcome in round(&world, 10).await {
        outcome.unwrap();
    }
    assert_eq!(world.requests(), 13);
}

#[tokio::test]
async fn renewals_wait_too_where_the_whole_client_has_to() {
    let world = World::new().await;
    let served = TokenRequest::new(["served"]);
    let token = world.client.token(&served).await.unwrap();
    world.time.pass(DUE).await;
    world.issuer.inject_times(Endpoint::Token, &Fault::retry_after(429, "60"), 1);
    world.client.token(&numbered(0)).await.unwrap_err();
    for _ in 0..59 {
        assert!(same(&world.at_once(&served).unwrap(), &token));
        settle().await;
        world.time.pass(SECOND).await;
    }
    assert_eq!(world.requests(), 2);
    world.time.pass(SECOND + TICK).await;
    world.renewed(&served, &token).await;
    assert_eq!(world.requests(), 3);
}

#[tokio::test]
async fn wrong_secret_is_tried_as_seldom_with_many_sets_as_with_one() {
    let world = World::new().await;
    world.issuer.inject(Endpoint::Token, Fault::json(401, r#"{"error":"invalid_client"}"#));
    for _ in 0..120 {
        for outcome in round(&world, 20).await {
            assert!(matches!(outcome, Err(ClientError::OAuth { status: 401, .. })), "{outcome:?}");
        }
        world.time.pass(SECOND).await;
    }
    // 1, 2, 4, 8, 16 and 30 s with jitter, in two minutes.
    let requests = world.requests();
    assert!((5..60).contains(&requests), "{requests} requests");
    world.issuer.clear_faults();
    world.time.pass(LONGEST_BACK_OFF + TICK).await;
    for outcome in round(&world, 20).await {
        outcome.unwrap();
    }
    assert_eq!(world.requests(), requests + 20);
}

#[tokio::test]
async fn wrong_secret_is_tried_as_seldom_where_the_tokens_of_many_sets_run_out_as_with_one() {
    let time = Time::freeze();
    let server = Selective::start();
    let client = server.client();
    let sets: Vec<_> = (0..60).map(|number| format!("scope-{number}")).collect();
    for set in &sets {
        server.answer(set, Answer::token(60));
        client.token(&TokenRequest::new([set])).await.unwrap();
    }
    server.calm().await;
    // The secret is changed at the server. The tokens are due at the age of 27 s at the soonest, and serve until 54 s.
    for set in &sets {
        server.answer(set, Answer::refused("invalid_client"));
    }
    time.pass(seconds(20)).await;
    let before = server.asked().len();
    for _ in 0..160 {
        for _ in 0..20 {
            for set in &sets {
                drop(poll_once(client.token(&TokenRequest::new([set]))));
            }
            server.calm().await;
        }
        time.pass(Duration::from_millis(250)).await;
    }
    // 1, 2, 4, 8 and 16 s with jitter, and one that was spared.
    let requests = server.asked().len() - before;
    assert!((4..25).contains(&requests), "{requests} requests");
    // With the right one again all get their tokens.
    for set in &sets {
        server.answer(set, Answer::token(60));
    }
    time.pass(LONGEST_BACK_OFF + TICK).await;
    for set in &sets {
        client.token(&TokenRequest::new([set])).await.unwrap();
    }
}

#[tokio::test]
async fn failures_at_the_same_time_are_one_failure() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = server.client();
    let mut under_way = Vec::new();
    for number in 0..20 {
        let waiting = Waiting::on(&client, &numbered(number));
        under_way.push((server.request().await, waiting));
    }
    time.pass(TICK).await;
    for (held, waiting) in under_way {
        held.answer("429 Too Many Requests", "").await;
        waiting.outcome().await.unwrap_err();
    }
    // As after the first failure, not the twentieth.
    time.pass(SECOND.checked_sub(TICK).unwrap()).await;
    poll_once(client.token(&numbered(20))).unwrap().unwrap_err();
    time.pass(2 * TICK).await;
    let waiting = Waiting::on(&client, &numbered(20));
    server.request().await.token("a.token", 900).await;
    waiting.outcome().await.unwrap();
}
