//! Sets of scopes and parameters: each keeps a token of its own, and there are not too many.
#![cfg(test)]

mod common;

use common::{TICK, TIMEOUT, World, builder, poll_once, same};
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
