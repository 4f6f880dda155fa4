//! Instructions, counted by valgrind: the same on a busy machine and a quiet one, so that two commits can be compared exactly.
//!
//!     cargo bench -p rampart-core --bench instructions
//!
//! The program runs itself under `valgrind --tool=callgrind`, which counts what happens between entering and leaving
//! [`measured`]. Where there is no valgrind it says so, and runs each piece of work without counting.
//! `-- --run NAME TIMES` runs one piece of work and nothing else, for a profiler.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_debug_implementations,
    reason = "a program that measures: what goes wrong ends it"
)]

mod common;

use std::process::Command;

use common::asked::Asked;
use common::bound::Bound;
use common::subject::{Among, Ground, Subject};
use rampart_issuer::Algorithm;

type Work = (&'static str, Algorithm, fn(&Subject));
type WorkWithProofs = (&'static str, Algorithm, fn(&Bound));
type WorkOfAsked = (&'static str, fn(&Asked));
type WorkAmongMany = (&'static str, fn(&Among));

/// Tokens that the issuer was asked about, and what it has said is remembered; beside a JWT that was verified before.
const ASKED: [WorkOfAsked; 4] = [
    ("rs256-cached-beside", Asked::jwt),
    ("opaque-cached", Asked::opaque),
    ("opaque-cached-43-bytes", Asked::short),
    ("rs256-cached-every-token", Asked::both),
];

/// With a thousand issuers, and with a resolver that knows none.
const AMONG_MANY: [WorkAmongMany; 3] = [
    ("rs256-full-of-1000-issuers", Among::full),
    ("rs256-cached-of-1000-issuers", Among::hit),
    ("rs256-stranger", Among::stranger),
];

const WORKS: [Work; 11] = [
    ("rs256-full", Algorithm::RS256, Subject::full),
    ("rs256-bare", Algorithm::RS256, Subject::bare),
    ("rs256-cached", Algorithm::RS256, Subject::hit),
    ("rs256-guard", Algorithm::RS256, |subject| subject.guards(1)),
    ("rs256-guard-of-handler", Algorithm::RS256, Subject::handler),
    ("rs256-layer-of-two-scopes", Algorithm::RS256, Subject::layer),
    // The same request to an object that accepts proofs besides.
    ("rs256-guard-dpop-accepted", Algorithm::RS256, Subject::accepting),
    ("rs256-two-guards", Algorithm::RS256, |subject| subject.guards(2)),
    ("rs256-sha256", Algorithm::RS256, Subject::sha256),
    ("es256-full", Algorithm::ES256, Subject::full),
    ("es256-bare", Algorithm::ES256, Subject::bare),
];

/// A request with a cached token and a proof of its key, and the check of the proof's signature alone.
const WITH_PROOFS: [WorkWithProofs; 6] = [
    ("es256-proof", Algorithm::ES256, Bound::cached),
    ("es256-proof-bare", Algorithm::ES256, Bound::bare),
    ("es256-proof-key", Algorithm::ES256, Bound::parse_key),
    ("eddsa-proof", Algorithm::EdDSA, Bound::cached),
    ("eddsa-proof-bare", Algorithm::EdDSA, Bound::bare),
    ("eddsa-proof-key", Algorithm::EdDSA, Bound::parse_key),
];

/// Enough to even out what depends on addresses, such as the padding of a hash table.
const TIMES: u32 = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--run") {
        let (name, times) = (arguments[at + 1].as_str(), arguments[at + 2].parse().unwrap());
        if let Some((_, work)) = AMONG_MANY.into_iter().find(|(own, _)| *own == name) {
            return repeat(&Ground::new().among_many(Algorithm::RS256), work, times);
        }
        if let Some((_, work)) = ASKED.into_iter().find(|(own, _)| *own == name) {
            return repeat(&Ground::new().asked(Algorithm::RS256), work, times);
        }
        if let Some((_, algorithm, work)) = WITH_PROOFS.into_iter().find(|(own, ..)| *own == name) {
            return repeat(&Ground::new().bound(algorithm), work, times);
        }
        let (_, algorithm, work) = WORKS.into_iter().find(|(own, ..)| *own == name).unwrap();
        return repeat(&Ground::new().subject(algorithm), work, times);
    }
    if !common::measuring() {
        for (_, algorithm, work) in WORKS {
            repeat(&Ground::new().subject(algorithm), work, 1);
        }
        for (_, algorithm, work) in WITH_PROOFS {
            repeat(&Ground::new().bound(algorithm), work, 1);
        }
        for (_, work) in ASKED {
            repeat(&Ground::new().asked(Algorithm::RS256), work, 1);
        }
        for (_, work) in AMONG_MANY {
            repeat(&Ground::new().among_many(Algorithm::RS256), work, 1);
        }
        return;
    }
    println!("\n### Instructions\n\n| work | instructions |\n| --- | --- |");
    let names = WORKS.map(|(name, ..)| name).into_iter().chain(WITH_PROOFS.map(|(name, ..)| name));
    let names = names.chain(ASKED.map(|(name, _)| name));
    for name in names.chain(AMONG_MANY.map(|(name, _)| name)) {
        match count(name) {
            Some(instructions) => println!("| {name} | {instructions} |"),
            None => return println!("valgrind is not installed, or did not count: nothing was measured"),
        }
    }
}

fn repeat<S>(subject: &S, work: fn(&S), times: u32) {
    // What happens once is not counted: choice of the code for this processor, buffers of the thread.
    for _ in 0..10 {
        work(subject);
    }
    measured(subject, work, times);
}

#[inline(never)]
fn measured<S>(subject: &S, work: fn(&S), times: u32) {
    for _ in 0..times {
        work(subject);
    }
}

/// Instructions of one run.
fn count(name: &str) -> Option<u64> {
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*"])
        .arg(std::env::current_exe().unwrap())
        .args(["--run", name, &TIMES.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&valgrind.stderr).into_owned();
    let collected = report.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok())?;
    (collected > 0).then(|| collected / u64::from(TIMES))
}
