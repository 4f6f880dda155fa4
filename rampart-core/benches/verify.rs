//! What a verification costs beside the bare signature check and `jsonwebtoken`: `cargo bench -p rampart-core --bench verify`.
//!
//! Each group holds one algorithm; compare within a group, for machines differ and drift.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use rampart_core::{Algorithm as Alg, RampartAuth};
use rampart_issuer::{Algorithm, Issuer, SigningKey};
use serde_json::Value;

struct Subject {
    token: String,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
    key: ParsedPublicKey,
    cold: RampartAuth,
    warm: RampartAuth,
    jsonwebtoken: Option<(jsonwebtoken::DecodingKey, jsonwebtoken::Validation)>,
}

fn parsed(jwk: &Value, algorithm: Algorithm) -> ParsedPublicKey {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = || [&[4], bytes("x").as_slice(), bytes("y").as_slice()].concat();
    match algorithm {
        Algorithm::RS256 => RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .unwrap(),
        Algorithm::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point()).unwrap(),
        Algorithm::ES384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point()).unwrap(),
        Algorithm::ES512 => ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point()).unwrap(),
        _ => ParsedPublicKey::new(&ED25519, bytes("x")).unwrap(),
    }
}

fn subject(issuer: &Issuer, algorithm: Algorithm, number: usize) -> Subject {
    let key = SigningKey::generate(algorithm, "bench-key-2026-01").unwrap();
    let jwk = key.public_jwk();
    let token =
        issuer.token().key(&key).claim("jti", format!("{number:036}")).scope("tasks:read tasks:write").sign().unwrap();
    let (signing_input, signature) = token.rsplit_once('.').unwrap();
    let jwks = serde_json::json!({ "keys": [jwk] }).to_string();
    let auth = |bytes| {
        RampartAuth::builder(issuer.url(), issuer.audience())
            .static_jwks(&jwks)
            .algorithms([Alg::RS256, Alg::ES256, Alg::ES384, Alg::ES512, Alg::EdDSA])
            .token_cache_bytes(bytes)
            .build()
            .unwrap()
    };
    let jsonwebtoken = serde_json::from_value::<jsonwebtoken::jwk::Jwk>(jwk.clone()).ok().and_then(|jwk| {
        let name = serde_json::from_value(Value::from(algorithm.as_str())).ok()?;
        let mut validation = jsonwebtoken::Validation::new(name);
        validation.set_audience(&[issuer.audience()]);
        validation.set_issuer(&[issuer.url()]);
        Some((jsonwebtoken::DecodingKey::from_jwk(&jwk).ok()?, validation))
    });
    Subject {
        signing_input: signing_input.as_bytes().to_vec(),
        signature: URL_SAFE_NO_PAD.decode(signature).unwrap(),
        key: parsed(&jwk, algorithm),
        cold: auth(0),
        warm: auth(16 << 20),
        jsonwebtoken,
        token,
    }
}

/// Polls a verification that has nothing to wait for.
fn verify(auth: &RampartAuth, token: &str) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let future = std::pin::pin!(auth.verify(token));
    match future.poll(&mut context) {
        std::task::Poll::Ready(Ok(claims)) => drop(black_box(claims)),
        other => panic!("{other:?}"),
    }
}

/// The time that `threads` threads take together for `rounds` rounds each, divided by the number of threads: the same as
/// one thread's where nothing is shared.
fn together(threads: usize, rounds: u64, work: impl Fn(usize) + Sync) -> Duration {
    let barrier = std::sync::Barrier::new(threads);
    let longest = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    for _ in 0..rounds {
                        work(thread);
                    }
                    start.elapsed()
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
    });
    longest / u32::try_from(threads).unwrap()
}

fn algorithms(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(Issuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA] {
        let subject = subject(&issuer, algorithm, 0);
        let mut group = criterion.benchmark_group(algorithm.as_str());
        group.bench_function("bare signature check", |bencher| {
            bencher.iter(|| subject.key.verify_sig(black_box(&subject.signing_input), &subject.signature).unwrap());
        });
        group.bench_function("full verification", |bencher| {
            bencher.iter(|| verify(&subject.cold, black_box(&subject.token)));
        });
        if let Some((key, validation)) = &subject.jsonwebtoken {
            group.bench_function("jsonwebtoken", |bencher| {
                bencher.iter(|| jsonwebtoken::decode::<Value>(black_box(&subject.token), key, validation).unwrap());
            });
        }
        verify(&subject.warm, &subject.token);
        group.bench_function("SHA-256 of the token", |bencher| {
            bencher.iter(|| digest(&SHA256, black_box(subject.token.as_bytes())));
        });
        group.bench_function("cached", |bencher| bencher.iter(|| verify(&subject.warm, black_box(&subject.token))));
        group.finish();
    }
}

/// Keys fetched from the issuer, so that the read path is the real one; a token of its own for each thread, and one for all.
fn threads(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let issuer = runtime.block_on(Issuer::builder().algorithm(Algorithm::RS256).start()).unwrap();
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let uncached = RampartAuth::builder(issuer.url(), issuer.audience()).token_cache_bytes(0).build().unwrap();
    runtime.block_on(auth.warm_up()).unwrap();
    runtime.block_on(uncached.warm_up()).unwrap();
    let tokens: Arc<[String]> =
        (0..2).map(|thread| issuer.token().claim("jti", thread).scope("tasks:write").sign().unwrap()).collect();
    tokens.iter().for_each(|token| verify(&auth, token));
    let mut group = criterion.benchmark_group("threads");
    for count in [1, 2] {
        group.bench_function(format!("cached, own token, {count}"), |bencher| {
            bencher.iter_custom(|rounds| together(count, rounds, |thread| verify(&auth, &tokens[thread])));
        });
        group.bench_function(format!("cached, one token for all, {count}"), |bencher| {
            bencher.iter_custom(|rounds| together(count, rounds, |_| verify(&auth, &tokens[0])));
        });
        group.bench_function(format!("full RS256, {count}"), |bencher| {
            bencher.iter_custom(|rounds| together(count, rounds, |thread| verify(&uncached, &tokens[thread])));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(50);
    targets = algorithms, threads
}
criterion_main!(benches);
