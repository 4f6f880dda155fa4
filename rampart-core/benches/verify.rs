//! What a verification costs beside the bare signature check and `jsonwebtoken`: `cargo bench -p rampart-core --bench verify`.
//!
//! Each group holds one algorithm and one number of threads; compare within a group, for machines differ and drift. The
//! table of ratios in `BENCHMARKS.md` is made by another benchmark, which takes its contenders in turn.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::{Duration, Instant};

use common::bound::{Bound, Proof};
use common::rounds::Contender;
use common::subject::{ALGORITHMS, Ground, verify};
use criterion::{Criterion, criterion_group, criterion_main};
use rampart_issuer::Algorithm;

fn algorithms(criterion: &mut Criterion) {
    let ground = Ground::new();
    for algorithm in ALGORITHMS {
        let subject = ground.subject(algorithm);
        for threads in [1, 2] {
            let mut group = criterion.benchmark_group(format!("{}, {threads} threads", algorithm.as_str()));
            let mut add = |name: &str, work: &(dyn Fn() + Sync)| {
                let contender = Contender::on_threads(name, threads, |_| work());
                group.bench_function(name, |bencher| bencher.iter_custom(|times| contender.run(times)));
            };
            add("bare signature check", &|| subject.bare());
            add("full verification", &|| subject.full());
            add("cached", &|| subject.hit());
            add("SHA-256 of the token", &|| subject.sha256());
            if subject.is_known_to_jsonwebtoken() {
                add("jsonwebtoken", &|| subject.jsonwebtoken());
            }
            group.finish();
        }
    }
}

/// Each thread with a token of its own, so that they meet in the keys and in the cache, but not at one entry.
fn own_tokens(criterion: &mut Criterion) {
    let ground = Ground::new();
    let key = ground.issuer.add_key(Algorithm::RS256).unwrap();
    let tokens = [0, 1].map(|number| ground.token(&key, number).sign().unwrap());
    let auth = ground.ready(ground.builder());
    for token in &tokens {
        verify(&auth, token);
    }
    let mut group = criterion.benchmark_group("cached, a token for each thread");
    for threads in [1, 2] {
        let contender = Contender::on_threads("", threads, |thread| verify(&auth, &tokens[thread]));
        group.bench_function(threads.to_string(), |bencher| bencher.iter_custom(|times| contender.run(times)));
    }
    group.finish();
}

/// A request with a cached token and a proof of its key, beside the check of that proof's signature alone.
fn proofs(criterion: &mut Criterion) {
    let ground = Ground::new();
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
        let bound = ground.bound(algorithm);
        let mut group = criterion.benchmark_group(format!("{} proof", algorithm.as_str()));
        group.bench_function("bare signature check", |bencher| bencher.iter(|| bound.bare()));
        group.bench_function("preparing its key", |bencher| bencher.iter(|| bound.parse_key()));
        let mut add = |name: &str, work: fn(&Bound, &Proof)| {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    // Each is another one, and made before.
                    let proofs = bound.proofs(usize::try_from(times).unwrap());
                    let start = Instant::now();
                    for proof in &proofs {
                        work(&bound, proof);
                    }
                    start.elapsed()
                });
            });
        };
        add("cached token and proof, to a store that says new", Bound::judge);
        add("cached token and proof, to the store in the process", Bound::spend);
        group.finish();
    }
    let subject = ground.subject(Algorithm::RS256);
    let mut group = criterion.benchmark_group("cached bearer token");
    group.bench_function("without dpop", |bencher| bencher.iter(|| subject.guards(1)));
    group.bench_function("with dpop accepted", |bencher| bencher.iter(|| subject.accepting()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(30);
    targets = algorithms, own_tokens, proofs
}
criterion_main!(benches);
