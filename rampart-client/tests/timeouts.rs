//! How long a token may take: to connect, to answer, in all; and what the user can set.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, reason = "a test fails by a panic")]

mod common;

use std::time::Duration;

use common::{ByHand, TICK, TIMEOUT, Time, Waiting, World, any, is_transport, poll_once, quiet, seconds};
use rampart_client::RampartClient;
use rampart_issuer::{Endpoint, Fault};
use reqwest::ClientBuilder;
use tokio::net::{TcpSocket, TcpStream};

#[tokio::test]
async fn o24_exchange_is_bounded_in_time() {
    let world = World::new().await;
    let slow = Duration::from_millis(500);
    for fault in [Fault::Hang, Fault::HeadersThenHang, Fault::Drip(slow)] {
        let (asked, request) = (world.requests(), world.unused());
        world.issuer.inject_times(Endpoint::Token, &fault, 1);
        let mut waiting = world.waiting(&request);
        world.requested(asked + 1).await;
        world.time.pass(TIMEOUT - TICK).await;
        quiet().await;
        waiting.still_waits();
        world.time.pass(2 * TICK).await;
        is_transport(&waiting.outcome().await.unwrap_err(), "no complete answer within 5 s");
        world.at_once(&request).unwrap_err();
        assert_eq!(world.requests(), asked + 1, "{fault:?} was repeated");
    }
}

type SetUp = fn(ClientBuilder) -> ClientBuilder;

#[tokio::test]
async fn o24_timeouts_of_the_user_win_up_to_half_a_minute() {
    let time = Time::freeze();
    let cases: [(SetUp, Duration, &str); 6] = [
        (|client| client.timeout(seconds(20)), seconds(20), "no complete answer in time"),
        (|client| client.timeout(seconds(1)), seconds(1), "no complete answer in time"),
        (|client| client.read_timeout(seconds(3)), seconds(3), "no complete answer in time"),
        (|client| client.user_agent("mine"), TIMEOUT, "no complete answer in time"),
        (|client| client.timeout(seconds(30)), seconds(30), "no complete answer"),
        (|client| client.timeout(seconds(3600)), seconds(30), "no complete answer within 30 s"),
    ];
    for (set_up, limit, why) in cases {
        let hung = ByHand::start().await;
        let client =
            RampartClient::builder(hung.url(), "service", "service-secret").token_url(hung.url()).http_client(set_up);
        let client = client.build().unwrap();
        let mut waiting = Waiting::on(&client, &any());
        let held = hung.request().await;
        time.pass(limit - TICK).await;
        quiet().await;
        waiting.still_waits();
        time.pass(2 * TICK).await;
        is_transport(&waiting.outcome().await.unwrap_err(), why);
        drop(held);
        hung.is_left_alone().await;
    }
}

#[tokio::test]
async fn f48_server_that_takes_longer_than_five_seconds_can_be_used() {
    let (server, time) = (ByHand::start().await, Time::freeze());
    let client = RampartClient::builder(server.url(), "service", "service-secret")
        .token_url(server.url())
        .http_client(|client| client.timeout(seconds(30)))
        .build()
        .unwrap();
    let callers: Vec<_> = (0..3).map(|_| Waiting::on(&client, &any())).collect();
    let held = server.request().await;
    // Longer than a request without a time limit of its own may be silent.
    time.pass(seconds(25)).await;
    quiet().await;
    let late = Waiting::on(&client, &any());
    server.is_left_alone().await;
    held.token("the.token", 900).await;
    for caller in callers.into_iter().chain([late]) {
        assert_eq!(caller.outcome().await.unwrap().access_token.expose(), "the.token");
    }
}

/// A server that takes no connection, whose client is set up in this way, and how long it takes until that gives up.
async fn gives_up_connecting(set_up: Option<SetUp>, limit: Duration, time: &Time) {
    // Nobody accepts, and what the system accepts by itself is used up.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    for _ in 0..16 {
        let mut connection = Box::pin(TcpStream::connect(address));
        quiet().await;
        queue.push((poll_once(&mut connection), connection));
    }
    let url = format!("http://{address}");
    let builder = RampartClient::builder(&url, "service", "service-secret").token_url(&url);
    let client = match set_up {
        Some(set_up) => builder.http_client(set_up),
        None => builder,
    };
    let mut waiting = Waiting::on(&client.build().unwrap(), &any());
    quiet().await;
    time.pass(limit - TICK).await;
    waiting.still_waits();
    time.pass(2 * TICK).await;
    is_transport(&waiting.outcome().await.unwrap_err(), "the connection failed: none in time");
}

#[tokio::test]
async fn o24_connection_that_does_not_come_about_is_given_up_after_two_seconds() {
    let time = Time::freeze();
    gives_up_connecting(None, seconds(2), &time).await;
    gives_up_connecting(Some(|client| client.user_agent("mine")), seconds(2), &time).await;
    gives_up_connecting(Some(|client| client.connect_timeout(seconds(4))), seconds(4), &time).await;
}
