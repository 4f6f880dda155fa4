//! A server that fails, in every way: proofs are refused for now, in time, and pass again by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rampart_core::{ReplayStore, Spending, StoreHealth};
use rampart_redis::{ConnectError, RedisStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::common::log::Log;
use crate::common::{
    PREFIX, Proxy, SECOND, Server, is_too_young, is_unavailable_in_time, prompt_proofs, proof, proof_made, proofs,
    spend, store_at, until, until_it_is,
};

/// With a proof of its own for each attempt: one that was refused for now may have been spent.
async fn recovers(store: &Arc<dyn ReplayStore>) {
    static KEYS: AtomicU64 = AtomicU64::new(1_000_000);
    let mut key = 0;
    until("it recovers", async || {
        key = KEYS.fetch_add(1, Ordering::Relaxed);
        spend(store, proof(key)).await == Ok(Spending::New)
    })
    .await;
    until("it says so again", async || spend(store, proof(key)).await == Ok(Spending::Seen)).await;
}

#[tokio::test]
async fn server_that_is_gone_is_found_again() {
    let (log, _guard) = Log::listen();
    let mut server = Server::start();
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    server.kill();
    is_unavailable_in_time(&store, 2).await;
    until_it_is(StoreHealth::Unavailable, &store).await;
    is_unavailable_in_time(&store, 2).await;
    until("the log tells", async || log.has("WARN", &["Redis cannot be reached", "127.0.0.1"])).await;
    server.start_again();
    recovers(&store).await;
    assert!(log.has("INFO", &["Redis can be used"]), "{}", log.text());
}

#[tokio::test]
async fn server_that_hangs_holds_up_nobody() {
    let server = Server::start();
    let store = prompt_proofs(&server.url()).await;
    until("it is spent", async || spend(&store, proof(1)).await == Ok(Spending::Seen)).await;
    server.pause();
    // On the one thread that there is, something else goes on meanwhile.
    let ticks = Arc::new(AtomicU64::new(0));
    let ticking = Arc::clone(&ticks);
    let ticker = tokio::spawn(async move {
        loop {
            tokio::task::yield_now().await;
            ticking.fetch_add(1, Ordering::Relaxed);
        }
    });
    is_unavailable_in_time(&store, 2).await;
    assert!(ticks.load(Ordering::Relaxed) > 100, "{ticks:?}");
    ticker.abort();
    until_it_is(StoreHealth::Unavailable, &store).await;
    is_unavailable_in_time(&store, 2).await;
    server.resume();
    recovers(&store).await;
    until("it has lost nothing", async || spend(&store, proof(1)).await == Ok(Spending::Seen)).await;
}

#[tokio::test]
async fn answer_that_comes_too_late_is_none() {
    let server = Server::start();
    let proxy = Proxy::to(server.port).await;
    let store = prompt_proofs(&proxy.url()).await;
    for (delay, is_in_time) in [(20, true), (101, false), (20, true), (300, false), (0, true)] {
        proxy.delay(Duration::from_millis(delay));
        if is_in_time {
            recovers(&store).await;
        } else {
            is_unavailable_in_time(&store, 1000 + delay).await;
            is_unavailable_in_time(&store, 2000 + delay).await;
        }
    }
}

#[tokio::test]
async fn deadline_is_a_setting() {
    let server = Server::start();
    let proxy = Proxy::to(server.port).await;
    let builder = |deadline| RedisStore::builder(&proxy.url(), PREFIX).deadline(Duration::from_millis(deadline));
    let patient = builder(2000).connect().await.unwrap().spent_proofs();
    let hasty = builder(5).connect().await.unwrap().spent_proofs();
    proxy.delay(Duration::from_millis(200));
    assert_eq!(spend(&patient, proof(1)).await, Ok(Spending::New));
    let begun = Instant::now();
    assert!(spend(&hasty, proof(2)).await.is_err());
    assert!(begun.elapsed() < Duration::from_millis(190), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn server_that_says_anything_else_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let garbage: [&[u8]; 5] = [
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"\x00\xff\x00\xff\r\n",
            b"*100000000000\r\n$100000000000\r\n",
            b"$3\r\nabcdef\r\n",
            b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
        ];
        for garbage in garbage.into_iter().cycle() {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(garbage).await;
                let _ = stream.read(&mut [0; 1024]).await;
            });
        }
    });
    for _ in 0..5 {
        let begun = Instant::now();
        let error = RedisStore::connect(&format!("redis://127.0.0.1:{port}"), PREFIX).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable { .. } | ConnectError::Refused { .. }), "{error}");
        assert!(begun.elapsed() < SECOND * 4, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn garbage_in_the_middle_ends_the_connection_and_nothing_else() {
    let server = Server::start();
    let proxy = Proxy::to(server.port).await;
    let store = store_at(&proxy.url()).await.spent_proofs();
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    for _ in 0..3 {
        proxy.say_garbage();
        recovers(&store).await;
        assert_eq!(spend(&store, proof(1)).await, Ok(Spending::Seen));
    }
}

#[tokio::test]
async fn server_that_has_become_a_replica_is_not_used_and_another_one_afterwards() {
    let (primary, server) = (Server::start(), Server::start());
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    server.run(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    is_unavailable_in_time(&store, 2).await;
    until_it_is(StoreHealth::Unavailable, &store).await;
    server.run(&["REPLICAOF", "NO", "ONE"]);
    until("it is another one", async || is_too_young(spend(&store, proof_made(1, 0)).await)).await;
    recovers(&store).await;
}

#[tokio::test]
async fn server_that_is_still_loading_is_waited_for() {
    let mut server = Server::with(&["--rdbcompression", "no"]);
    let value = "x".repeat(2000);
    for key in 0..40 {
        server.run(&["SET", &format!("other:{key}"), &value]);
    }
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    server.run(&["SAVE"]);
    server.kill();
    // 40 keys at 50 ms each.
    server.spawn_again_with(&["--key-load-delay", "50000", "--loading-process-events-interval-bytes", "1024"]);
    let mut was_loading = false;
    until("it has loaded", async || {
        let said = spend(&store, proof(2)).await;
        was_loading |= server.try_ask::<String>(&["GET", "x"]).is_err_and(|error| error.code() == Some("LOADING"));
        said == Ok(Spending::New)
    })
    .await;
    assert!(was_loading, "it was too quick");
}
