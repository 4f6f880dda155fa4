//! Verification beside its parts: the signature check alone, the hash alone; and beside `jsonwebtoken`.

use rampart_issuer::Algorithm;

use crate::common::report::{Table, nanos, times};
use crate::common::rounds::{Contender, Effort, Results, Spread, race};
use crate::common::subject::{ALGORITHMS, Ground, Subject};

const BARE: &str = "signature check alone";
const FULL: &str = "full verification";
const HIT: &str = "cached";
const HASH: &str = "SHA-256 of the token";
const PEER: &str = "jsonwebtoken::decode";

/// Ratios of one algorithm.
pub struct Measured {
    pub algorithm: Algorithm,
    pub full: Spread,
    pub hit: Spread,
    pub peer: Option<Spread>,
}

pub const COLUMNS: [&str; 10] = [
    "algorithm",
    "token bytes",
    "bare µs",
    "full µs",
    "× bare",
    "cached µs",
    "SHA-256 µs",
    "× SHA-256",
    "jsonwebtoken µs",
    "full × jsonwebtoken",
];

pub fn run(effort: Effort, ground: &Ground, table: &mut Table) -> Vec<Measured> {
    ALGORITHMS.map(|algorithm| one(effort, &ground.subject(algorithm), table)).into()
}

fn one(effort: Effort, subject: &Subject, table: &mut Table) -> Measured {
    let mut contenders = vec![
        Contender::new(BARE, || subject.bare()),
        Contender::new(FULL, || subject.full()),
        Contender::new(HIT, || subject.hit()),
        Contender::new(HASH, || subject.sha256()),
    ];
    if subject.is_known_to_jsonwebtoken() {
        contenders.push(Contender::new(PEER, || subject.jsonwebtoken()));
    }
    let results = race(effort, &contenders);
    let measured = Measured {
        algorithm: subject.algorithm,
        full: results.ratio(FULL, BARE),
        hit: results.ratio(HIT, HASH),
        peer: subject.is_known_to_jsonwebtoken().then(|| results.ratio(FULL, PEER)),
    };
    let missing = || "has none".to_owned();
    table.row([
        subject.algorithm.as_str().to_owned(),
        subject.token.len().to_string(),
        nanos(results.nanos(BARE)),
        nanos(results.nanos(FULL)),
        times(measured.full),
        nanos(results.nanos(HIT)),
        nanos(results.nanos(HASH)),
        times(measured.hit),
        measured.peer.map_or_else(missing, |_| nanos(results.nanos(PEER))),
        measured.peer.map_or_else(missing, times),
    ]);
    measured
}

/// How much more two threads do than one.
pub struct TwoThreads {
    pub hit: Spread,
    pub hit_one_token: Spread,
    pub full: Spread,
    /// What the machine itself gives: the signature check alone, which shares nothing.
    pub bare: Spread,
}

pub const THREAD_COLUMNS: [&str; 4] = ["work", "one thread µs", "two threads µs", "throughput of two"];

/// The work of one thread, which is told its number.
type Work<'a> = (&'a str, Box<dyn Fn(usize) + Sync + 'a>);

/// Two tokens, so that each thread has one of its own; and one token for both.
pub fn two_threads(effort: Effort, ground: &Ground, table: &mut Table) -> TwoThreads {
    let subject = ground.subject(Algorithm::RS256);
    let key = ground.issuer.add_key(Algorithm::RS256).unwrap();
    let tokens = [1, 2].map(|number| ground.token(&key, number).sign().unwrap());
    let warm = ground.ready(ground.builder());
    let cold = ground.ready(ground.builder().token_cache_bytes(0));
    let verify = crate::common::subject::verify;
    for token in &tokens {
        verify(&warm, token);
    }
    let works: [Work<'_>; 4] = [
        ("cached, a token for each thread", Box::new(|thread| verify(&warm, &tokens[thread]))),
        ("cached, one token for all", Box::new(|_| verify(&warm, &tokens[0]))),
        ("full verification, RS256", Box::new(|thread| verify(&cold, &tokens[thread]))),
        ("signature check alone, RS256", Box::new(|_| subject.bare())),
    ];
    let [hit, hit_one_token, full, bare] = works.each_ref().map(|(name, work)| {
        let contenders = [Contender::on_threads("one", 1, work), Contender::on_threads("two", 2, work)];
        let results: Results = race(effort, &contenders);
        let ratio = results.ratio("one", "two");
        table.row([(*name).to_owned(), nanos(results.nanos("one")), nanos(results.nanos("two")), times(ratio)]);
        ratio
    });
    TwoThreads { hit, hit_one_token, full, bare }
}
