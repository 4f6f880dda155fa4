//! What a verification costs beside the bare signature check and `jsonwebtoken`: `cargo bench -p rampart-core --bench verify`.
//!
//! Each group holds one algorithm and one number of threads; compare within a group, for machines differ and drift. The
//! table of ratios in `BENCHMARKS.md` is made by another benchmark, which takes its contenders in turn.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

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

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(30);
    targets = algorithms, own_tokens
}
criterion_main!(benches);
