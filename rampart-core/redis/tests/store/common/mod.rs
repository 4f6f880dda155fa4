//! What the tests share.

pub(crate) mod log;
pub(crate) mod proxy;
pub(crate) mod server;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rampart_core::{Insertion, ReplayStore, Spending, SpentProof, StoreHealth, Unavailable};
use rampart_redis::RedisStore;

pub(crate) use proxy::Proxy;
pub(crate) use server::{PATIENCE, Server};

pub(crate) const PREFIX: &str = "api:";
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// A hash that has a number in it.
pub(crate) fn hash(number: u64) -> [u8; 32] {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&number.to_le_bytes());
    hash
}

/// Made so many seconds from now: from 10 s on a store that has just been born can judge it.
pub(crate) fn proof_made(key: u64, from_now: u64) -> SpentProof {
    let now = now();
    let made_at = now + SECOND * u32::try_from(from_now).unwrap();
    SpentProof::new(hash(1), hash(key), made_at, made_at + SECOND * 61, now)
}

pub(crate) fn proof(key: u64) -> SpentProof {
    proof_made(key, 11)
}

/// For what is not about time: a machine may be busy.
pub(crate) async fn store_at(url: &str) -> RedisStore {
    RedisStore::builder(url, PREFIX).deadline(SECOND * 5).connect().await.unwrap()
}

pub(crate) async fn proofs(server: &Server) -> Arc<dyn ReplayStore> {
    store_at(&server.url()).await.spent_proofs()
}

/// With the deadline that there is by default.
pub(crate) async fn prompt_proofs(url: &str) -> Arc<dyn ReplayStore> {
    RedisStore::connect(url, PREFIX).await.unwrap().spent_proofs()
}

pub(crate) async fn spend(store: &Arc<dyn ReplayStore>, proof: SpentProof) -> Result<Spending, Unavailable> {
    match store.insert_new(&proof) {
        Insertion::Done(done) => done,
        Insertion::Pending(pending) => pending.await,
    }
}

/// What must come, and by itself.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "it never comes that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn until_it_is(health: StoreHealth, store: &Arc<dyn ReplayStore>) {
    until(&format!("the store is {health:?}"), async || store.health() == health).await;
}

/// Refused for now, within what a caller can bear. Where the machine is too busy to tell, it is asked again.
pub(crate) async fn is_unavailable_in_time(store: &Arc<dyn ReplayStore>, key: u64) {
    let mut took = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let said = spend(store, proof(key)).await;
        took.push(begun.elapsed());
        assert_eq!(said, Err(Unavailable::new(SECOND)));
        if took.last().is_some_and(|took| *took < Duration::from_millis(150)) {
            return;
        }
    }
    panic!("{took:?}");
}

pub(crate) fn is_too_young(said: Result<Spending, Unavailable>) -> bool {
    matches!(said, Ok(Spending::TooYoung { retry_after }) if (SECOND..=SECOND * 10).contains(&retry_after))
}

pub(crate) fn is_full(said: Result<Spending, Unavailable>) -> bool {
    matches!(said, Ok(Spending::Full { retry_after }) if retry_after >= SECOND)
}
