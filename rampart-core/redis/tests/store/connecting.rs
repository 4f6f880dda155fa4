//! Whom a store connects to, and whom not.

use std::time::Duration;

use rampart_core::{Followed, Snapshot, Spending, StoreHealth};
use rampart_redis::{ConnectError, RedisStore};

use crate::common::server::free_port;
use crate::common::{PREFIX, SECOND, Server, proof, proofs, spend, until, until_it_is};

async fn refused(url: &str) -> ConnectError {
    RedisStore::connect(url, PREFIX).await.unwrap_err()
}

fn is_refused_for(error: &ConnectError, why: &str) -> bool {
    matches!(error, ConnectError::Refused { .. }) && error.to_string().contains(why)
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named_with_the_remedy_and_without_a_secret() {
    let at = |url: &str| RedisStore::builder(url, PREFIX);
    let local = "redis://:hunter2@127.0.0.1:1";
    for (builder, field, remedy) in [
        (at("redis:hunter2"), "redis.url", "rediss://HOST:PORT"),
        (at("redis://:hunter2@redis.example.com"), "redis.url", "allow_plaintext"),
        (RedisStore::builder(local, ""), "redis.prefix", "my-api:"),
        (at(local).deadline(Duration::ZERO), "redis.deadline", "100 ms"),
        (at(local).deadline(SECOND * 11), "redis.deadline", "100 ms"),
        (at("rediss://:hunter2@r.example").certificate_authorities("hunter2"), "redis.certificate_authorities", "PEM"),
    ] {
        assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
        let error = builder.connect_in_background().unwrap_err();
        assert_eq!(error.field(), field);
        assert!(error.to_string().contains(remedy), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    // Allowed by name.
    at("redis://:hunter2@redis.example.com").allow_plaintext(true).connect_in_background().unwrap();
}

#[tokio::test]
async fn server_that_may_drop_what_it_was_told_is_refused_unless_allowed_by_name() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = Server::with(&["--maxmemory", "100mb", "--maxmemory-policy", policy]);
        let error = refused(&server.url()).await;
        assert!(is_refused_for(&error, policy) && is_refused_for(&error, "noeviction"), "{error}");
        let builder = RedisStore::builder(&server.url(), PREFIX).insecure_allow_eviction(true);
        let store = builder.connect().await.unwrap().spent_proofs();
        assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
        assert_eq!(spend(&store, proof(1)).await, Ok(Spending::Seen));
    }
}

#[tokio::test]
async fn replica_and_node_of_a_cluster_are_refused() {
    let primary = Server::start();
    let replica = Server::with(&["--replicaof", &format!("127.0.0.1 {}", primary.port)]);
    let error = refused(&replica.url()).await;
    assert!(is_refused_for(&error, "primary"), "{error}");
    let node = Server::with(&["--cluster-enabled", "yes"]);
    let error = refused(&node.url()).await;
    assert!(is_refused_for(&error, "cluster"), "{error}");
}

#[tokio::test]
async fn server_that_is_not_there_is_waited_for_where_that_is_wanted() {
    let port = free_port();
    let url = format!("redis://:hunter2@127.0.0.1:{port}");
    let error = refused(&url).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")) && !error.to_string().contains("hunter2"),
        "{error}"
    );

    let mut server = Server::start();
    server.kill();
    let store = RedisStore::builder(&server.url(), PREFIX).connect_in_background().unwrap().spent_proofs();
    assert_eq!(store.health(), StoreHealth::Unavailable);
    assert!(spend(&store, proof(1)).await.is_err());
    server.start_again();
    until_it_is(StoreHealth::Young, &store).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
}

#[tokio::test]
async fn wrong_password_is_told_without_it() {
    let server = Server::start();
    server.run(&["CONFIG", "SET", "requirepass", "correct"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}", server.port);
    for url in [url("hunter2"), server.url()] {
        let error = refused(&url).await;
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let store = RedisStore::connect(&url("correct"), PREFIX).await.unwrap();
    assert!(!format!("{store:?}").contains("correct"), "{store:?}");
    assert_eq!(spend(&store.spent_proofs(), proof(1)).await, Ok(Spending::New));
}

#[tokio::test]
async fn server_with_tls_is_known_by_its_certificate() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = certificate.cert.pem();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (cert, key) = (file("cert.pem", &pem), file("key.pem", &certificate.signing_key.serialize_pem()));
    let port = free_port();
    let server = Server::with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ]);
    let builder = |host: &str| RedisStore::builder(&format!("rediss://{host}:{port}"), PREFIX);
    let store = builder("localhost").certificate_authorities(pem.clone()).connect().await.unwrap().spent_proofs();
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    // A name that it is not made for; an authority that nobody knows; a server that speaks no TLS.
    let other_name = builder("127.0.0.1").certificate_authorities(pem.clone()).connect().await.unwrap_err();
    assert!(matches!(other_name, ConnectError::Unreachable { .. }), "{other_name}");
    let unknown = builder("localhost").connect().await.unwrap_err();
    assert!(matches!(unknown, ConnectError::Unreachable { .. }), "{unknown}");
    let plain = format!("rediss://localhost:{}", server.port);
    let plain = RedisStore::builder(&plain, PREFIX).certificate_authorities(pem).connect().await.unwrap_err();
    assert!(matches!(plain, ConnectError::Unreachable { .. }), "{plain}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn store_is_closed_with_its_last_handle() {
    let server = Server::start();
    let before = server.info("connected_clients");
    let store = RedisStore::connect(&server.url(), PREFIX).await.unwrap();
    let proofs_of_it = store.spent_proofs();
    drop(store);
    assert_eq!(spend(&proofs_of_it, proof(1)).await, Ok(Spending::New), "it is open as long as one of them is");
    drop(proofs_of_it);
    until("the connection is closed", async || server.info("connected_clients") == before).await;
    drop(proofs(&server).await);
}

/// What the README says that a user of the server needs, and no more.
#[tokio::test]
async fn user_with_few_rights_will_do() {
    let readme = include_str!("../../README.md");
    let rights = readme.split("ACL SETUSER api on >PASSWORD ").nth(1).unwrap().split('`').next().unwrap();
    let server = Server::start();
    let user: Vec<&str> = ["ACL", "SETUSER", "api", "on", ">hunter2"].into_iter().chain(rights.split(' ')).collect();
    server.run(&user);
    let url = format!("redis://api:hunter2@127.0.0.1:{}", server.port);
    let store = RedisStore::connect(&url, "my-api:").await.unwrap();
    assert_eq!(spend(&store.spent_proofs(), proof(1)).await, Ok(Spending::New));
    let log = store.revocation_log();
    log.publish(b"entry", std::time::SystemTime::now() + SECOND * 60).await.unwrap();
    log.publish(b"over", std::time::SystemTime::UNIX_EPOCH).await.unwrap();
    log.publish(b"last", std::time::SystemTime::now() + SECOND * 60).await.unwrap();
    log.mark_whole().await.unwrap();
    let Snapshot::Whole(place) = log.snapshot(&mut |_| {}).await.unwrap() else { panic!("unknown") };
    assert!(matches!(log.follow(&place, &mut |_| {}).await, Ok(Followed::Next(_))));
    let other = RedisStore::connect(&url, "other:").await.unwrap_err();
    assert!(matches!(other, ConnectError::Unreachable { .. }), "{other}");
    let mut own = redis::Client::open(url).unwrap().get_connection().unwrap();
    for forbidden in [&["FLUSHALL"][..], &["CONFIG", "GET", "*"], &["SHUTDOWN"], &["KEYS", "*"]] {
        let said: redis::RedisResult<()> = redis::cmd(forbidden[0]).arg(&forbidden[1..]).query(&mut own);
        assert_eq!(said.unwrap_err().code(), Some("NOPERM"), "{forbidden:?}");
    }
}
