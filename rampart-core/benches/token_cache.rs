//! Many tokens at once: what the token cache keeps of them, what that takes in memory, and what it saves.
//!
//!     cargo bench -p rampart-core --bench token_cache             all parts, a few minutes
//!     cargo bench -p rampart-core --bench token_cache -- memory   some of: memory tokens
//!
//! Every allocation of the program is counted, in number and size, as the code asks for it; what the allocator adds of its own
//! shows in the growth of the process alone (`resident`, on Linux).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_debug_implementations,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a program that measures: what goes wrong ends it"
)]

mod common;

use std::time::Instant;

use allocation_counter::measure;
use common::report::{Table, times};
use common::rounds::Spread;
use common::subject::{Ground, verify};
use fastrand::Rng;
use rampart_core::RampartAuth;

fn main() {
    let measuring = common::measuring();
    let count = if common::wants("tokens") { 1_000_000 } else { 100_000 };
    let all = sign(if measuring { count } else { 100 });
    if common::wants("memory") {
        memory(&all).print();
    }
    if common::wants("tokens") {
        hit_rates(&all, if measuring { 100_000 } else { 160 }).print();
    }
}

/// Distinct tokens of one key, all of them good.
struct Population {
    ground: Ground,
    tokens: Vec<String>,
}

/// ES256: it signs fast.
fn sign(count: usize) -> Population {
    let ground = Ground::new();
    let key = ground.issuer.key();
    let tokens = (0..count).map(|number| ground.token(&key, number).sign().unwrap()).collect();
    Population { ground, tokens }
}

/// What a cache says of itself.
struct Own {
    tokens: usize,
    bytes: usize,
}

impl Own {
    fn of(auth: &RampartAuth) -> Self {
        let text = format!("{auth:?}");
        let (_, cache) = text.split_once("TokenCache {").expect("a token cache");
        let number = |name: &str| {
            let (_, rest) = cache.split_once(name).unwrap();
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        };
        Self { tokens: number("tokens: "), bytes: number("bytes: ") }
    }
}

/// Heap of a cache through which many distinct tokens have gone, one after the other.
fn memory(all: &Population) -> Table {
    let columns = [
        "limit MiB",
        "tokens that came",
        "tokens kept",
        "heap MiB",
        "heap, share of the limit",
        "resident MiB",
        "own estimate MiB",
        "bytes a token",
        "blocks a token",
    ];
    let mut kept = Vec::new();
    let mut table = Table::new("Memory of the token cache", columns);
    for (limit, count) in [(64, 10_000), (16, 10_000), (16, 100_000), (1, 100_000)] {
        let tokens = &all.tokens[..count.min(all.tokens.len())];
        let bytes = limit << 20;
        let jwks = all.ground.issuer.jwks_json();
        let build = |bytes| {
            let mut auth = None;
            let builder = all.ground.builder().static_jwks(&jwks).token_cache_bytes(bytes);
            let used = measure(|| auth = Some(builder.build().unwrap()));
            (auth.unwrap(), used.bytes_current)
        };
        let before = common::resident_bytes();
        let ((auth, with), (_uncached, without)) = (build(bytes), build(0));
        let filled = measure(|| tokens.iter().for_each(|token| verify(&auth, token)));
        let own = Own::of(&auth);
        let heap = with - without + filled.bytes_current;
        table.row([
            limit.to_string(),
            tokens.len().to_string(),
            own.tokens.to_string(),
            mebibytes(heap),
            format!("{:.2}", float(heap) / float(bytes as i64)),
            mebibytes(common::resident_bytes() - before),
            mebibytes(own.bytes as i64),
            format!("{:.0}", float(filled.bytes_current) / float(own.tokens as i64)),
            format!("{:.1}", float(filled.count_current) / float(own.tokens as i64)),
        ]);
        // What is given back now would hide what the next one takes.
        kept.push(auth);
    }
    table
}

/// Requests with tokens picked at random, after as many that only fill the cache.
fn hit_rates(all: &Population, requests: usize) -> Table {
    let columns = ["tokens in use", "picked", "hit rate", "µs a request", "without a cache µs", "× without"];
    let mut table = Table::new("Token cache of 16 MiB, by tokens in use (ES256)", columns);
    for count in [1, 100, 10_000, 20_000, 50_000, 100_000, 1_000_000] {
        let tokens = &all.tokens[..count.min(all.tokens.len())];
        for (name, pick) in PICKS {
            let auth = all.ground.ready(all.ground.builder());
            let uncached = all.ground.ready(all.ground.builder().token_cache_bytes(0));
            let mut rng = Rng::with_seed(7);
            let mut picks =
                |number| -> Vec<&String> { (0..number).map(|_| &tokens[pick(&mut rng, tokens.len())]).collect() };
            for token in picks(requests) {
                verify(&auth, token);
            }
            // A hit allocates nothing, so that it can be told.
            let is_hit = |token: &&String| measure(|| verify(&auth, token)).count_total == 0;
            let hits = picks(requests).into_iter().filter(is_hit).count();
            // In turn, a share of the requests each, so that a drift of the machine meets both.
            let (mut cached, mut without) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                cached.push(micros_each(&auth, &picks(requests / ROUNDS)));
                without.push(micros_each(&uncached, &picks(requests / ROUNDS / 8)));
            }
            let ratio = Spread::of(cached.iter().zip(&without).map(|(cached, without)| cached / without).collect());
            table.row([
                tokens.len().to_string(),
                name.to_owned(),
                format!("{:.1} %", 100.0 * float(hits as i64) / float(requests as i64)),
                format!("{:.2}", Spread::of(cached).median),
                format!("{:.2}", Spread::of(without).median),
                times(ratio),
            ]);
        }
    }
    table
}

const ROUNDS: usize = 20;

fn micros_each(auth: &RampartAuth, tokens: &[&String]) -> f64 {
    let start = Instant::now();
    for token in tokens {
        verify(auth, token);
    }
    start.elapsed().as_secs_f64() * 1e6 / float(tokens.len() as i64)
}

type Pick = fn(&mut Rng, usize) -> usize;

/// Alike, which is the worst case for any cache; and by rank, the second half as often as the first and so on (Zipf's law).
const PICKS: [(&str, Pick); 2] = [
    ("alike", |rng, count| rng.usize(..count)),
    ("by Zipf's law", |rng, count| (float(count as i64).powf(rng.f64()) as usize - 1).min(count - 1)),
];

fn float(number: i64) -> f64 {
    number as f64
}

fn mebibytes(bytes: i64) -> String {
    format!("{:.1}", float(bytes) / float(1 << 20))
}
