//! How the cost of a verification grows: with the size of the token, the keys of the set, the threads, the guards of a request, the
//! issuers of an object, the tokens of strangers, the proofs of keys, what is revoked, how many proofs are remembered, and tokens that the
//! issuer is asked about.
//!
//!     cargo bench -p rampart-core --bench scale                   all parts, five minutes
//!     cargo bench -p rampart-core --bench scale -- size keys      some of: size keys threads guards issuers strangers proofs revocations
//!                                                                 replay introspection
//!     cargo bench -p rampart-core --bench scale -- introspection 300      with a flood of so many seconds
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_debug_implementations,
    unreachable_pub,
    reason = "a program that measures: what goes wrong ends it"
)]

mod common;

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use common::asked::Came;
use common::report::{Table, nanos, times};
use common::rounds::{Contender, Effort, race};
use common::subject::{Ground, verify};
use rampart_core::{Dpop, Grants, Insertion, Issuer, RampartAuth, RampartAuthBuilder, Spending, SpentProof};
use rampart_issuer::{Algorithm, Endpoint, SigningKey, TokenBuilder};

fn main() {
    let effort = |rounds, block| {
        if common::measuring() { Effort { rounds, block: Duration::from_millis(block) } } else { Effort::SMOKE }
    };
    if common::wants("size") {
        by_size(effort(201, 1)).print();
    }
    if common::wants("keys") {
        by_keys(effort(201, 1)).print();
    }
    if common::wants("threads") {
        by_threads(effort(25, 60)).print();
    }
    if common::wants("guards") {
        by_guards(effort(201, 1)).print();
    }
    if common::wants("issuers") {
        by_issuers(if common::measuring() { 1000 } else { 2 }).print();
    }
    if common::wants("strangers") {
        let rounds = if common::measuring() { 200 } else { 1 };
        by_strangers(rounds, Duration::from_millis(if common::measuring() { 300 } else { 1 })).print();
    }
    if common::wants("proofs") {
        by_proofs(effort(301, 2)).print();
    }
    if common::wants("revocations") {
        let most = if common::measuring() { 1_000_000 } else { 1000 };
        common::revocations::by_revocations(effort(301, 2), most).iter().for_each(Table::print);
    }
    if common::wants("replay") {
        by_live_proofs(if common::measuring() { 1_000_000 } else { 1000 }).print();
    }
    if common::wants("introspection") {
        by_what_is_asked(effort(301, 1)).print();
        let milliseconds = common::number().map_or(10_000, |seconds| seconds * 1000);
        by_flood(Duration::from_millis(if common::measuring() { milliseconds } else { 300 })).print();
    }
}

/// From the smallest token that passes to the longest that is read at all.
const SIZES: [usize; 7] = [300, 512, 1024, 2048, 4096, 8192, 16_384];

/// ES256, whose signature is short; the rest is a list of groups, as large tokens have them.
fn by_size(effort: Effort) -> Table {
    let columns = ["token bytes", "bare µs", "full µs", "full × bare", "cached µs", "SHA-256 µs", "cached × SHA-256"];
    let mut table = Table::new("By size of the token (ES256)", columns);
    let ground = Ground::new();
    let key = ground.issuer.key();
    for size in SIZES {
        let subject = ground.subject_of(&key, token_of(&ground, &key, size));
        let results = race(
            effort,
            &[
                Contender::new("bare", || subject.bare()),
                Contender::new("full", || subject.full()),
                Contender::new("cached", || subject.hit()),
                Contender::new("hash", || subject.sha256()),
            ],
        );
        table.row([
            subject.token.len().to_string(),
            nanos(results.nanos("bare")),
            nanos(results.nanos("full")),
            times(results.ratio("full", "bare")),
            nanos(results.nanos("cached")),
            nanos(results.nanos("hash")),
            times(results.ratio("cached", "hash")),
        ]);
    }
    table
}

/// The longest token of at most `size` bytes, or the smallest of all.
fn token_of(ground: &Ground, key: &SigningKey, size: usize) -> String {
    let bare = ["org_id", "preferred_username", "email", "email_verified", "given_name", "family_name", "roles"]
        .into_iter()
        .fold(ground.issuer.token().key(key), TokenBuilder::without)
        .sub("ada")
        .without_header("typ");
    let groups = |count: usize| -> Vec<String> { (0..count).map(|number| format!("group-{number:05}")).collect() };
    // A group takes 14 bytes, 19 once encoded.
    let mut count = size / 18;
    loop {
        let token = if count == 0 { bare.clone() } else { bare.clone().claim("groups", groups(count)) };
        let token = token.sign().unwrap();
        if token.len() <= size || count == 0 {
            return token;
        }
        count -= 1;
    }
}

/// Sets of up to 100 keys, which is all that is read of one.
fn by_keys(effort: Effort) -> Table {
    let columns = ["keys in the set", "of which fit", "token names its key", "full µs", "× one key"];
    let mut table = Table::new("By keys of the set (ES256)", columns);
    let ground = Ground::new();
    let key = ground.issuer.key();
    let with_kid = ground.token(&key, 0).sign().unwrap();
    let without_kid = ground.token(&key, 0).without_header("kid").sign().unwrap();
    // More than four that fit are not tried for a token that names none.
    let sets =
        [(1, 1, true), (10, 10, true), (100, 100, true), (1, 1, false), (2, 2, false), (4, 4, false), (100, 4, false)];
    let auths = sets.map(|(keys, fitting, _)| with_keys(&ground, &key, keys, fitting));
    let contenders: Vec<_> = (0..sets.len())
        .map(|index| {
            let (auth, token) = (&auths[index], if sets[index].2 { &with_kid } else { &without_kid });
            Contender::new(index.to_string(), move || verify(auth, token))
        })
        .collect();
    let results = race(effort, &contenders);
    for (index, (keys, fitting, named)) in sets.into_iter().enumerate() {
        let name = index.to_string();
        table.row([
            keys.to_string(),
            fitting.to_string(),
            if named { "yes" } else { "no" }.to_owned(),
            nanos(results.nanos(&name)),
            times(results.ratio(&name, "0")),
        ]);
    }
    table
}

/// Trusts so many keys, of which so many are for ES256, the right one last.
fn with_keys(ground: &Ground, key: &SigningKey, keys: usize, fitting: usize) -> RampartAuth {
    let other = |number: usize| {
        let algorithm = if number < keys - fitting { Algorithm::ES384 } else { Algorithm::ES256 };
        SigningKey::generate(algorithm, format!("other-{number}")).unwrap().public_jwk()
    };
    let mut set: Vec<_> = (0..keys - 1).map(other).collect();
    set.push(key.public_jwk());
    ground.issuer.set_jwks_body(Some(serde_json::json!({ "keys": set }).to_string()));
    let auth = ground.ready(ground.builder().token_cache_bytes(0));
    ground.issuer.set_jwks_body(None);
    auth
}

/// More threads than cores show whether anything collapses; they cannot be faster.
fn by_threads(effort: Effort) -> Table {
    let mut table = Table::new("By threads", ["work", "threads", "µs of all together", "throughput × one thread"]);
    let ground = Ground::new();
    let subject = ground.subject(Algorithm::RS256);
    let works: [(&str, &(dyn Fn() + Sync)); 5] = [
        ("cached, one token for all", &|| subject.hit()),
        ("the same and a guard of a handler", &|| subject.handler()),
        ("the same and a layer that asks for two scopes", &|| subject.layer()),
        ("full verification, RS256", &|| subject.full()),
        ("signature check alone, RS256", &|| subject.bare()),
    ];
    for (name, work) in works {
        let threads = [1, 2, 4, 8];
        let contenders = threads.map(|count| Contender::on_threads(count.to_string(), count, |_| work()));
        let results = race(effort, &contenders);
        for count in threads.map(|count| count.to_string()) {
            let (time, ratio) = (nanos(results.nanos(&count)), times(results.ratio("1", &count)));
            table.row([name.to_owned(), count, time, ratio]);
        }
    }
    table
}

/// A request with a cached token meets a layer and a guard, or more: the first verifies, the others find what it has kept.
fn by_guards(effort: Effort) -> Table {
    let columns = ["token bytes", "one guard µs", "two µs", "three µs", "two × one", "each further one, × SHA-256"];
    let mut table = Table::new("By guards of a request (cached, ES256)", columns);
    let ground = Ground::new();
    let key = ground.issuer.key();
    for size in SIZES {
        let subject = ground.subject_of(&key, token_of(&ground, &key, size));
        let results = race(
            effort,
            &[
                Contender::new("1", || subject.guards(1)),
                Contender::new("2", || subject.guards(2)),
                Contender::new("3", || subject.guards(3)),
                Contender::new("hash", || subject.sha256()),
            ],
        );
        let further = (results.nanos("3").median - results.nanos("1").median) / 2.0;
        table.row([
            subject.token.len().to_string(),
            nanos(results.nanos("1")),
            nanos(results.nanos("2")),
            nanos(results.nanos("3")),
            times(results.ratio("2", "1")),
            format!("{:.2}", further / results.nanos("hash").median),
        ]);
    }
    table
}

/// Issuers whose keys are to be fetched: what each costs before any token of its comes. How many there are makes no difference to a
/// verification: see `instructions`.
fn by_issuers(most: usize) -> Table {
    let columns = ["issuers", "HTTP clients", "to build, ms", "each, ms", "each, KiB resident"];
    let mut table = Table::new("By issuers", columns);
    let issuer =
        |number: usize| Issuer::new(format!("https://{number}.partners.example"), "my-api").grants(Grants::nothing());
    // What is given back now would hide what the next one takes.
    let mut kept = Vec::new();
    for (clients, count) in [("one", 1), ("one", most / 2), ("one", most), ("one each", most / 2), ("one each", most)] {
        let (before, started) = (common::resident_bytes(), Instant::now());
        let many = (1..count).map(issuer).fold(RampartAuth::builder_of(issuer(0)), RampartAuthBuilder::issuer);
        let auth = if clients == "one" { many } else { many.http_client(|client| client) }.build().unwrap();
        let (took, grown) = (started.elapsed(), common::resident_bytes() - before);
        let each = u32::try_from(count).unwrap();
        table.row([
            count.to_string(),
            clients.to_owned(),
            format!("{:.1}", took.as_secs_f64() * 1e3),
            format!("{:.3}", took.as_secs_f64() * 1e3 / f64::from(each)),
            (grown / 1024 / i64::from(each)).to_string(),
        ]);
        kept.push(auth);
    }
    table
}

/// What another thread does meanwhile.
const MEANWHILE: [&str; 3] = ["nothing", "SHA-256 of tokens", "tokens of invented issuers"];

/// A thread with good tokens, and another one with tokens whose issuers a resolver does not know, each of 1,000 bytes and none twice in a
/// thousand. What good tokens cost is counted in time of their own thread, so that a busy machine does not matter; two threads
/// that share a core's parts slow each other down whatever they do, which the SHA-256 shows.
fn by_strangers(rounds: usize, window: Duration) -> Table {
    let columns = ["the other thread", "its turns", "a cached token, ns", "× nothing", "× SHA-256"];
    let mut table = Table::new("By strangers (1,000 issuers and a resolver, RS256)", columns);
    let ground = Ground::new();
    let among = ground.among_many(Algorithm::RS256);
    let key = ground.issuer.key();
    let invented = |number: usize| {
        let iss = format!("https://{number:0>width$}.example", width = 1000 - "https://.example".len());
        ground.token(&key, 0).issuer(&iss).sign().unwrap()
    };
    let strangers: Vec<_> = (0..if common::measuring() { 1000 } else { 2 }).map(invented).collect();
    let (doing, turns) = (AtomicUsize::new(0), [0; 3].map(AtomicUsize::new));
    let (before, fetches) = (common::resident_bytes(), ground.issuer.requests(Endpoint::Jwks));
    let costs: [Vec<f64>; 3] = std::thread::scope(|scope| {
        scope.spawn(|| {
            for token in strangers.iter().cycle() {
                match doing.load(Ordering::Relaxed) {
                    0 => std::thread::sleep(Duration::from_millis(1)),
                    1 => {
                        black_box(digest(&SHA256, black_box(token).as_bytes()));
                    }
                    2 => among.refuse(token),
                    _ => return,
                }
                turns[doing.load(Ordering::Relaxed).min(2)].fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut costs = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            for (what, costs) in costs.iter_mut().enumerate() {
                doing.store(what, Ordering::Relaxed);
                costs.push(cost_within(window, || among.hit()));
            }
        }
        doing.store(usize::MAX, Ordering::Relaxed);
        costs
    });
    let medians = costs.map(|mut costs| {
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    });
    for (what, median) in medians.into_iter().enumerate() {
        table.row([
            MEANWHILE[what].to_owned(),
            turns[what].load(Ordering::Relaxed).to_string(),
            format!("{median:.0}"),
            format!("{:.3}", median / medians[0]),
            format!("{:.3}", median / medians[1]),
        ]);
    }
    let grown = (common::resident_bytes() - before) / 1024;
    let fetched = ground.issuer.requests(Endpoint::Jwks) - fetches;
    table.row([
        format!("memory grown by {grown} KiB, {fetched} fetches"),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ]);
    table
}

/// A request with a cached token and a proof of its key, beside the check of that proof's signature with a key that was prepared before; and
/// what an object that accepts proofs costs the tokens that need none.
fn by_proofs(effort: Effort) -> Table {
    let columns = ["request", "base", "base µs", "µs", "× base"];
    let mut table = Table::new("By proofs of keys (cached tokens)", columns);
    let ground = Ground::new();
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
        let bound = ground.bound(algorithm);
        let contenders = [
            Contender::new("bare", || bound.bare()),
            Contender::new("key", || bound.parse_key()),
            Contender::new("whole", || bound.cached()),
        ];
        let results = race(effort, &contenders);
        let name = algorithm.as_str();
        for (what, own) in [("with a proof", "whole"), ("none: preparing the key alone", "key")] {
            table.row([
                format!("{name}: {what}"),
                "the bare check".to_owned(),
                nanos(results.nanos("bare")),
                nanos(results.nanos(own)),
                times(results.ratio(own, "bare")),
            ]);
        }
    }
    let subject = ground.subject(Algorithm::RS256);
    let contenders =
        [Contender::new("without", || subject.guards(1)), Contender::new("accepting", || subject.accepting())];
    let results = race(effort, &contenders);
    table.row([
        "a bearer token, to an object that accepts proofs".to_owned(),
        "to one that does not".to_owned(),
        nanos(results.nanos("without")),
        nanos(results.nanos("accepting")),
        times(results.ratio("accepting", "without")),
    ]);
    table
}

/// The store in the process, filled with so many proofs of as many holders, the worst that can be, and of a few; over the minute that they live.
fn by_live_proofs(most: u64) -> Table {
    let columns =
        ["live proofs", "holders", "ns an insertion", "the last tenth", "shown again, ns", "bytes each, resident"];
    let mut table = Table::new("By live proofs (the store in the process)", columns);
    let one = Ground::new().bound(Algorithm::EdDSA).spent();
    // What is given back now would hide what the next one takes.
    let mut kept = Vec::new();
    for (count, holders) in [(most / 100, most / 100), (most / 10, most / 10), (most, 100), (most, most)] {
        let before = common::resident_bytes();
        let store = Dpop::__in_process(usize::try_from(most).unwrap());
        let says = |number: u64| match store.insert_new(&live(one, number, holders, count)) {
            Insertion::Done(Ok(said)) => said,
            other => panic!("{other:?}"),
        };
        let insert = |numbers: std::ops::Range<u64>| {
            let (many, start) = (numbers.end - numbers.start, Instant::now());
            numbers.for_each(|number| assert_eq!(says(number), Spending::New));
            start.elapsed().as_nanos() / u128::from(many)
        };
        let (first, last) = (insert(0..count / 10 * 9), insert(count / 10 * 9..count));
        let grown = common::resident_bytes() - before;
        let start = Instant::now();
        (0..count).step_by(10).for_each(|number| assert_eq!(says(number), Spending::Seen));
        let seen = start.elapsed().as_nanos() / u128::from(count / 10);
        table.row([
            count.to_string(),
            holders.to_string(),
            ((first * 9 + last) / 10).to_string(),
            last.to_string(),
            seen.to_string(),
            (grown / i64::try_from(count).unwrap()).to_string(),
        ]);
        kept.push(store);
    }
    table
}

/// One of so many: each with a hash of its own, as if a client had signed it, and made within the minute.
fn live(mut proof: SpentProof, number: u64, holders: u64, count: u64) -> SpentProof {
    // Of other numbers each word is another one, and no two numbers have one (SplitMix64).
    let word = |number: u64| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    let hashed = |number: u64| {
        let mut hash = [0; 32];
        hash.as_chunks_mut().0.iter_mut().zip(0..).for_each(|(to, at)| *to = word(number * 4 + at));
        hash
    };
    proof.holder = hashed(number % holders);
    proof.key = hashed(number + (1 << 40));
    proof.expires += Duration::from_secs(number * 60 / count);
    proof
}

/// Tokens about which the issuer was asked, and what it has said is remembered, beside a JWT that was verified before.
fn by_what_is_asked(effort: Effort) -> Table {
    let mut table = Table::new("By what is remembered of a token (RS256)", ["token", "µs", "× a cached JWT"]);
    let ground = Ground::new();
    let asked = ground.asked(Algorithm::RS256);
    let contenders = [
        Contender::new("a JWT that was verified", || asked.jwt()),
        Contender::new("an opaque token of its length", || asked.opaque()),
        Contender::new("one of 43 characters", || asked.short()),
        Contender::new("a JWT, and the issuer was asked as well", || asked.both()),
    ];
    let results = race(effort, &contenders);
    for contender in &contenders {
        let name = contender.name.as_str();
        table.row([name.to_owned(), nanos(results.nanos(name)), times(results.ratio(name, "a JWT that was verified"))]);
    }
    table
}

/// 1,000 requests a second of a hundred users who have been here before, and as many with tokens of strangers beside them; the issuer takes
/// 200 ms for an answer, over HTTP. Half of that time nobody else comes, for comparison.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn by_flood(time: Duration) -> Table {
    let columns = [
        "who",
        "seconds",
        "requests/s",
        "200",
        "503 /s",
        "most 503 in a second",
        "401 /s",
        "p99 ms",
        "p99.9 ms",
        "questions/s",
        "most in flight",
        "KiB grown",
    ];
    let mut table = Table::new("By strangers' opaque tokens (the issuer takes 200 ms)", columns);
    let ground = Ground::new();
    for (strangers, time) in [(false, time / 2), (true, time)] {
        let flood = ground.flood(time, strangers);
        let a_second = |count: u64| format!("{:.1}", count as f64 / flood.seconds);
        let mut row = |who: &str, came: &Came, most_unavailable: u32| {
            let [good, unavailable, refused] =
                [&came.good, &came.unavailable, &came.refused].map(|count| count.load(Ordering::Relaxed));
            let percent = good as f64 * 100.0 / came.all() as f64;
            let waited = |of_thousand| format!("{:.1}", came.waited(of_thousand).as_secs_f64() * 1e3);
            table.row([
                who.to_owned(),
                format!("{:.0}", flood.seconds),
                a_second(came.all()),
                format!("{percent:.3} %"),
                a_second(unavailable),
                most_unavailable.to_string(),
                a_second(refused),
                waited(990),
                waited(999),
                a_second(flood.questions as u64),
                flood.most_in_flight.to_string(),
                ((flood.resident[1] - flood.resident[0]) / 1024).to_string(),
            ]);
        };
        row(if strangers { "known users, beside strangers" } else { "known users alone" }, &flood.users, 0);
        if strangers {
            row("strangers", &flood.strangers, flood.most_unavailable);
        }
    }
    table
}

/// What one piece of work costs in nanoseconds of this thread's own time.
fn cost_within(window: Duration, work: impl Fn()) -> f64 {
    let (until, before, mut times) = (Instant::now() + window, own_time(), 0.0);
    while Instant::now() < until {
        (0..100).for_each(|_| work());
        times += 100.0;
    }
    (own_time() - before) / times
}

/// Nanoseconds for which this thread has run; zero where the system does not say.
fn own_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default()
}
