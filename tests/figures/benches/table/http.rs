//! The same route without auth, with auth and no token cache, and with auth and cached tokens, under the same load.

use std::time::Duration;

use rampart_issuer::{Algorithm, LocalIssuer};
use tokio::runtime::Runtime;

use crate::common::report::{Table, micros, times};
use crate::common::rounds::Spread;
use crate::load::{Fleet, Seen, request};
use crate::server::{Framework, Guard, SCOPE, Server};

const CONNECTIONS: usize = 16;
/// As long as real tokens live; nothing expires meanwhile.
const TTL: Duration = Duration::from_secs(3600);

/// What one kind of server has done in each round.
#[derive(Default)]
struct Record {
    rates: Vec<f64>,
    /// CPU time of a request, in microseconds.
    cpu: Vec<f64>,
    /// Share of one core that the server had.
    busy: Vec<f64>,
    seen: Seen,
}

/// Measured ratios of a framework: cached tokens against no auth.
pub struct Measured {
    pub framework: Framework,
    pub rate: Spread,
    /// CPU time of a request, by each way of guarding a route.
    pub cpu: Vec<(Guard, Spread)>,
}

pub struct Effort {
    pub rounds: usize,
    pub block: Duration,
    /// Requests of a connection in a block, at most.
    pub times: usize,
}

impl Effort {
    pub const MEASURE: Self = Self { rounds: 21, block: Duration::from_millis(400), times: usize::MAX };
    pub const SMOKE: Self = Self { rounds: 1, block: Duration::from_secs(10), times: 3 };
}

pub fn run(effort: &Effort, framework: Framework, table: &mut Table) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::RS256).start()).unwrap();
    let requests: Vec<_> = (0..CONNECTIONS)
        .map(|number| issuer.token().roles(["user"]).claim("jti", format!("{number:036}")).expires_in(24 * 3600))
        .map(|token| token.claim("scope", SCOPE).sign().unwrap())
        .map(|token| request(&token))
        .collect();
    let mut contenders: Vec<_> = Guard::of(framework)
        .map(|guard| (guard, Server::start(framework, guard, &issuer, TTL), Record::default()))
        .collect();
    for _ in 0..effort.rounds {
        for (_, server, record) in &mut contenders {
            record.measure(&runtime, server, &requests, effort);
        }
        // There and back; the records stay with their servers.
        contenders.reverse();
    }
    if effort.rounds % 2 == 1 {
        contenders.reverse();
    }
    let record_of = |wanted| &contenders.iter().find(|(guard, ..)| *guard == wanted).unwrap().2;
    let (open, warm) = (record_of(Guard::Open), record_of(Guard::Warm));
    for (guard, _, record) in &contenders {
        table.row([
            framework.name().to_owned(),
            guard.name().to_owned(),
            format!("{:.0}", Spread::of(record.rates.clone()).median),
            times(ratio(&record.rates, &open.rates)),
            micros(record.seen.percentile(500)),
            micros(record.seen.percentile(990)),
            format!("{:.2}", Spread::of(record.cpu.clone()).median),
            times(ratio(&record.cpu, &open.cpu)),
            format!("{:.0} %", 100.0 * Spread::of(record.busy.clone()).median),
        ]);
    }
    let is_cached = |guard| matches!(guard, Guard::Warm | Guard::Layer | Guard::Scopes);
    let cached = contenders.iter().filter(|(guard, ..)| is_cached(*guard));
    let cpu = cached.map(|(guard, _, record)| (*guard, ratio(&record.cpu, &open.cpu))).collect();
    Measured { framework, rate: ratio(&warm.rates, &open.rates), cpu }
}

pub const COLUMNS: [&str; 9] =
    ["framework", "route", "requests/s", "× no auth", "p50 µs", "p99 µs", "CPU µs/request", "× no auth", "server busy"];

fn ratio(own: &[f64], base: &[f64]) -> Spread {
    Spread::of(own.iter().zip(base).map(|(own, base)| own / base).collect())
}

impl Record {
    fn measure(&mut self, runtime: &Runtime, server: &Server, requests: &[Vec<u8>], effort: &Effort) {
        let (seen, cpu) = runtime.block_on(async {
            let fleet = Fleet::open(server.address, requests).await;
            let before = server.cpu_time();
            let seen = fleet.run(effort.block, effort.times).await;
            (seen, server.cpu_time().saturating_sub(before))
        });
        assert_eq!(seen.errors, 0, "every request has a good token");
        #[allow(clippy::cast_precision_loss)]
        self.cpu.push(cpu.as_secs_f64() * 1e6 / seen.good as f64);
        self.busy.push(cpu.as_secs_f64() / seen.took.as_secs_f64());
        self.rates.push(seen.rate());
        self.seen.add(seen);
    }
}
