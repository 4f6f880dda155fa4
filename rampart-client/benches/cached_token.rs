//! What a call costs where a token is at hand: `cargo bench -p rampart-client --bench cached_token`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use rampart_client::{RampartClient, TokenRequest};
use rampart_issuer::{Algorithm, LocalIssuer};

/// Polls a call that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("there should be a token already"),
    }
}

fn cached_token(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    let client = RampartClient::builder(issuer.url(), "service", "service-secret").build().unwrap();
    let scopes = ["users:read", "users:write"];
    let request = TokenRequest::new(scopes);
    runtime.block_on(client.client_credentials_token(&scopes)).unwrap();
    let mut group = criterion.benchmark_group("cached token");
    group.bench_function("client_credentials_token, two scopes", |bencher| {
        bencher.iter(|| at_once(client.client_credentials_token(black_box(&scopes))).unwrap());
    });
    group.bench_function("token, of a request made before", |bencher| {
        bencher.iter(|| at_once(client.token(black_box(&request))).unwrap());
    });
    group.finish();
}

criterion_group!(benches, cached_token);
criterion_main!(benches);
