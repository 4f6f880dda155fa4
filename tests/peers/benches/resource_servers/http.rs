//! The same axum route behind each of them, under the same load, the same bytes sent.

use std::time::Duration;

use rampart_issuer::{Algorithm, LocalIssuer};
use tokio::runtime::Runtime;

use crate::common::report::{Table, times};
use crate::common::rounds::Spread;
use crate::common::subject::Ground;
use crate::common::{measuring, number};
use crate::load::{Connection, Fleet, request};
use crate::servers::{Guard, Server};

const CONNECTIONS: usize = 16;
const ROUNDS: u64 = 15;

/// What one server has done in each round.
#[derive(Default)]
struct Record {
    rates: Vec<f64>,
    /// CPU time of a request, in microseconds.
    cpu: Vec<f64>,
}

pub fn run() {
    let columns = ["algorithm", "route", "requests/s", "CPU µs/request", "× no auth", "× Rampart's full verification"];
    let mut table = Table::new("HTTP: an axum route behind other resource servers", columns);
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let ground = Ground::new();
        let key = ground.issuer.add_key(algorithm).unwrap();
        let tokens: Vec<_> =
            (0..CONNECTIONS).map(|number| crate::rfc9068(ground.token(&key, number)).sign().unwrap()).collect();
        let records = measure(&ground.runtime, &ground.issuer, &tokens);
        for (guard, record) in Guard::ALL.iter().zip(&records) {
            let ratio = |base: usize| {
                times(Spread::of(record.cpu.iter().zip(&records[base].cpu).map(|(own, base)| own / base).collect()))
            };
            table.row([
                algorithm.as_str().to_owned(),
                guard.name().to_owned(),
                format!("{:.0}", Spread::of(record.rates.clone()).median),
                format!("{:.2}", Spread::of(record.cpu.clone()).median),
                ratio(0),
                ratio(1),
            ]);
        }
    }
    table.print();
}

fn measure(runtime: &Runtime, issuer: &LocalIssuer, tokens: &[String]) -> [Record; Guard::ALL.len()] {
    let rounds = if measuring() { number().unwrap_or(ROUNDS) } else { 1 };
    let (block, most) =
        if measuring() { (Duration::from_millis(300), usize::MAX) } else { (Duration::from_secs(10), 3) };
    let requests: Vec<_> = tokens.iter().map(|token| request(token)).collect();
    let servers = Guard::ALL.map(|guard| {
        let server = Server::start(guard, issuer);
        runtime.block_on(ready(guard, &server, &tokens[0]));
        server
    });
    let mut records = Guard::ALL.map(|_| Record::default());
    for round in 0..rounds {
        let mut order: Vec<_> = servers.iter().zip(&mut records).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (server, record) in order {
            let (seen, cpu) = runtime.block_on(async {
                let fleet = Fleet::open(server.address, &requests).await;
                let before = server.cpu_time();
                let seen = fleet.run(block, most).await;
                (seen, server.cpu_time().saturating_sub(before))
            });
            assert_eq!(seen.errors, 0, "every request has a good token");
            #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
            record.cpu.push(cpu.as_secs_f64() * 1e6 / seen.good as f64);
            record.rates.push(seen.rate());
        }
    }
    records
}

/// Waits for the keys, and sees that the route is guarded: by the same token with another signature.
async fn ready(guard: Guard, server: &Server, token: &str) {
    let mut connection = Connection::open(server.address).await.unwrap();
    let mut tries = 0;
    while connection.ask(&request(token)).await.unwrap() != 200 {
        tries += 1;
        assert!(tries < 500, "{guard:?} refuses a good token");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other: String = signature.chars().rev().collect();
    let refused = connection.ask(&request(&format!("{signed}.{other}"))).await.unwrap();
    assert_eq!(refused, if guard == Guard::Open { 200 } else { 401 }, "{guard:?}");
}
