//! What becomes of proofs when the server's memory runs short.

use rampart_core::{Spending, StoreHealth};
use rampart_redis::RedisStore;
use tokio::task::JoinSet;

use crate::common::log::Log;
use crate::common::{PREFIX, SECOND, Server, is_full, is_too_young, proof, proof_made, proofs, spend, until};

fn limit(server: &Server, bytes: u64) {
    server.run(&["CONFIG", "SET", "maxmemory", &bytes.to_string()]);
}

#[tokio::test]
async fn proofs_stop_at_nine_tenths_of_the_memory_and_go_on_once_there_is_room() {
    let server = Server::start();
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    server.run(&["SETRANGE", "ballast", &(20_u64 << 20).to_string(), "x"]);
    limit(&server, server.info("used_memory") / 92 * 100);
    until("memory that is used is noticed", async || store.health() == StoreHealth::Unavailable).await;
    assert!(is_full(spend(&store, proof(2)).await));
    server.run(&["DEL", "ballast"]);
    until("room is noticed", async || store.health() == StoreHealth::Young).await;
    assert_eq!(spend(&store, proof(2)).await, Ok(Spending::New));
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::Seen), "what was spent stays so");
}

#[tokio::test]
async fn server_without_any_room_is_full_at_once() {
    let server = Server::start();
    let store = proofs(&server).await;
    limit(&server, 1 << 20);
    assert!(is_full(spend(&store, proof(1)).await));
    limit(&server, 0);
    until("room is noticed", async || spend(&store, proof(1)).await == Ok(Spending::New)).await;
}

/// However fast they come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flood_of_proofs_leaves_room_for_what_must_not_be_refused() {
    let server = Server::start();
    let limit_bytes = server.info("used_memory") + (16 << 20);
    limit(&server, limit_bytes);
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let builder = RedisStore::builder(&server.url(), PREFIX).deadline(SECOND * 5);
        replicas.push(builder.connect().await.unwrap().spent_proofs());
    }
    let mut flood = JoinSet::new();
    for (number, replica) in (0..192).zip(replicas.iter().cloned().cycle()) {
        flood.spawn(async move {
            for key in 0..100_000 {
                match spend(&replica, proof(number * 100_000 + key)).await {
                    Ok(Spending::New) => {}
                    said => {
                        assert!(is_full(said), "{said:?}");
                        break;
                    }
                }
            }
        });
    }
    flood.join_all().await;
    let used = server.info("used_memory");
    assert!(used < limit_bytes / 100 * 97, "{used} of {limit_bytes}");
    assert!(used > limit_bytes / 100 * 75, "{used} of {limit_bytes}");
    // Of other keys there is still something to be written.
    server.run(&["SET", "another", &"x".repeat(100_000)]);
}

/// DP52: nobody may have looked in between.
#[tokio::test]
async fn server_that_has_dropped_something_begins_anew() {
    let server = Server::start();
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    let mut drop_some = redis::pipe();
    drop_some.cmd("CONFIG").arg(&["SET", "maxmemory-policy", "allkeys-random"]);
    drop_some.cmd("SETRANGE").arg(&["ballast", "20000000", "x"]);
    drop_some.cmd("CONFIG").arg(&["SET", "maxmemory", "10mb"]);
    drop_some.cmd("SET").arg(&["another", "one"]);
    drop_some.cmd("CONFIG").arg(&["SET", "maxmemory", "0"]);
    drop_some.cmd("CONFIG").arg(&["SET", "maxmemory-policy", "noeviction"]);
    drop_some.exec(&mut server.connection()).unwrap();
    assert!(server.info("evicted_keys") > 0);
    until("what was dropped is noticed", async || is_too_young(spend(&store, proof_made(2, 9)).await)).await;
    until("it goes on", async || matches!(spend(&store, proof(3)).await, Ok(Spending::New | Spending::Seen))).await;
}

#[tokio::test]
async fn server_that_gets_another_policy_is_not_used_until_it_has_the_right_one() {
    let (log, _guard) = Log::listen();
    let mut server = Server::start();
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    server.run(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    until("another policy is noticed", async || spend(&store, proof(2)).await.is_err()).await;
    assert_eq!(store.health(), StoreHealth::Unavailable);
    assert!(
        log.has("ERROR", &["Redis cannot be used", "allkeys-lru", "maxmemory-policy noeviction"]),
        "{}",
        log.text()
    );
    server.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    until("the right one is noticed", async || spend(&store, proof(1)).await == Ok(Spending::Seen)).await;
    // The same where it comes back with another one.
    server.kill();
    server.start_again_with(&["--maxmemory-policy", "volatile-ttl"]);
    until("it has come back", async || log.has("ERROR", &["Redis cannot be used", "volatile-ttl"])).await;
    assert!(spend(&store, proof(3)).await.is_err());
}
