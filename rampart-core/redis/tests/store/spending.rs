//! A proof passes once, whichever replica it is shown to.

use std::sync::Arc;

use rampart_core::Spending;
use rampart_redis::RedisStore;
use tokio::task::JoinSet;

use crate::common::{PREFIX, SECOND, Server, is_too_young, proof, proof_made, proofs, spend, until};

#[tokio::test]
async fn proof_is_new_once_for_all_replicas() {
    let server = Server::start();
    let replicas = [proofs(&server).await, proofs(&server).await, proofs(&server).await];
    for (first, key) in (0..3).zip(10..) {
        assert_eq!(spend(&replicas[first], proof(key)).await, Ok(Spending::New));
        for replica in &replicas {
            assert_eq!(spend(replica, proof(key)).await, Ok(Spending::Seen));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_thousand_who_show_one_proof_at_once_one_is_told_that_it_is_new() {
    let server = Server::start();
    let replicas = [
        RedisStore::builder(&server.url(), PREFIX).deadline(SECOND * 10).connect().await.unwrap().spent_proofs(),
        RedisStore::builder(&server.url(), PREFIX).deadline(SECOND * 10).connect().await.unwrap().spent_proofs(),
    ];
    let mut asked = JoinSet::new();
    for number in 0..10_000 {
        let replica = Arc::clone(&replicas[number % 2]);
        asked.spawn(async move { spend(&replica, proof(1)).await });
    }
    let said = asked.join_all().await;
    assert_eq!(said.iter().filter(|said| **said == Ok(Spending::New)).count(), 1);
    assert_eq!(said.iter().filter(|said| **said == Ok(Spending::Seen)).count(), 9_999);
}

#[tokio::test]
async fn two_prefixes_on_one_server_do_not_meet() {
    let server = Server::start();
    let one = RedisStore::connect(&server.url(), "one:").await.unwrap().spent_proofs();
    let two = RedisStore::connect(&server.url(), "two:").await.unwrap().spent_proofs();
    for store in [&one, &two] {
        assert_eq!(spend(store, proof(1)).await, Ok(Spending::New));
        assert_eq!(spend(store, proof(1)).await, Ok(Spending::Seen));
    }
    let mut keys: Vec<String> = server.ask(&["KEYS", "*"]);
    keys.sort_unstable();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(keys[..2].iter().all(|key| key.starts_with("one:")) && keys[2..].iter().all(|key| key.starts_with("two:")));
}

#[tokio::test]
async fn entry_stays_for_a_minute_longer_than_its_proof_can_pass_and_then_goes() {
    let server = Server::start();
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    let keys: Vec<String> = server.ask(&["KEYS", "api:p:*"]);
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let left: u64 = server.ask(&["PTTL", key]);
    assert!((131_000..=132_000).contains(&left), "{left}");
    // What is kept without an end is one key for all.
    let birth: i64 = server.ask(&["PTTL", "api:birth"]);
    assert_eq!(birth, -1);
}

#[tokio::test]
async fn names_tell_nothing_to_who_lacks_the_key() {
    let server = Server::start();
    let builder = || RedisStore::builder(&server.url(), PREFIX);
    let one = builder().state_key([1; 32]).connect().await.unwrap().spent_proofs();
    assert_eq!(spend(&one, proof(1)).await, Ok(Spending::New));
    let same = builder().state_key([1; 32]).connect().await.unwrap().spent_proofs();
    assert_eq!(spend(&same, proof(1)).await, Ok(Spending::Seen));
    let keys: Vec<String> = server.ask(&["KEYS", "api:p:*"]);
    // Another one has another name for it, and would not know that it was spent: so whoever comes with another key begins anew, and
    // makes the others do so.
    let other = builder().connect().await.unwrap().spent_proofs();
    assert!(is_too_young(spend(&other, proof_made(1, 0)).await));
    until("a replica with another key is noticed", async || is_too_young(spend(&one, proof_made(2, 9)).await)).await;
    assert_eq!(spend(&other, proof(1)).await, Ok(Spending::New));
    let all: Vec<String> = server.ask(&["KEYS", "api:p:*"]);
    assert!(all.len() == keys.len() + 1 || all.len() == keys.len() + 2, "{all:?}");
}
