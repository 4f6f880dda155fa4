//! What a store cannot know of it does not judge.

use std::time::Duration;

use rampart_core::{Spending, StoreHealth};

use crate::common::{
    Proxy, SECOND, Server, is_too_young, proof, proof_made, proofs, spend, store_at, until, until_it_is,
};

#[tokio::test]
async fn proofs_that_were_made_until_ten_seconds_after_the_birth_are_not_judged() {
    let server = Server::start();
    let store = proofs(&server).await;
    assert_eq!(store.health(), StoreHealth::Young);
    for made in [0, 1, 9] {
        assert!(is_too_young(spend(&store, proof_made(1, made)).await), "{made}");
    }
    assert_eq!(spend(&store, proof_made(1, 10)).await, Ok(Spending::New));
    // Nothing of those that were not judged was kept.
    assert_eq!(server.ask::<Vec<String>>(&["KEYS", "api:p:*"]).len(), 1);
}

/// Makes the store older than it is.
fn age(server: &Server, by: Duration) {
    let by = format!("-{}", by.as_millis());
    server.run(&["HINCRBY", "api:birth", "at", &by]);
}

#[tokio::test]
async fn store_that_is_old_enough_judges_proofs_of_now_for_whoever_comes() {
    let server = Server::start();
    proofs(&server).await;
    age(&server, SECOND * 8);
    let younger = proofs(&server).await;
    assert_eq!(younger.health(), StoreHealth::Young);
    let said = spend(&younger, proof_made(1, 0)).await;
    assert!(matches!(said, Ok(Spending::TooYoung { retry_after }) if retry_after <= SECOND * 2), "{said:?}");
    age(&server, SECOND * 62);
    let store = proofs(&server).await;
    assert_eq!(store.health(), StoreHealth::Ready);
    assert_eq!(spend(&store, proof_made(1, 0)).await, Ok(Spending::New));
    assert_eq!(spend(&store, proof_made(1, 0)).await, Ok(Spending::Seen));
}

/// What is true after the server has lost something: what was spent is not known, and so is nothing that may have been.
async fn has_begun_anew(store: &std::sync::Arc<dyn rampart_core::ReplayStore>, what: &str) {
    until(&format!("{what} is noticed"), async || is_too_young(spend(store, proof_made(1, 0)).await)).await;
    until_it_is(StoreHealth::Young, store).await;
    assert!(is_too_young(spend(store, proof_made(1, 0)).await), "{what}: what was spent before");
    assert!(is_too_young(spend(store, proof_made(99, 9)).await), "{what}: another one");
    assert_eq!(spend(store, proof_made(100, 11)).await, Ok(Spending::New), "{what}: one that comes later");
    assert_eq!(spend(store, proof_made(100, 11)).await, Ok(Spending::Seen), "{what}");
}

#[tokio::test]
async fn server_that_comes_back_empty_knows_nothing_of_what_was_spent() {
    let mut server = Server::start();
    proofs(&server).await;
    age(&server, SECOND * 70);
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof_made(1, 0)).await, Ok(Spending::New));
    server.kill();
    server.start_again();
    has_begun_anew(&store, "a restart").await;
}

#[tokio::test]
async fn flush_is_noticed_by_the_very_next_proof() {
    for flush in [&["FLUSHALL"][..], &["DEL", "api:birth"]] {
        let server = Server::start();
        proofs(&server).await;
        age(&server, SECOND * 70);
        let store = proofs(&server).await;
        assert_eq!(spend(&store, proof_made(1, 0)).await, Ok(Spending::New));
        server.run(flush);
        // At once, and not only when somebody looks.
        assert!(is_too_young(spend(&store, proof_made(1, 0)).await));
        has_begun_anew(&store, "a flush").await;
    }
}

/// Another replica has been quicker to see it.
#[tokio::test]
async fn birth_of_another_replica_is_no_old_one() {
    let server = Server::start();
    proofs(&server).await;
    age(&server, SECOND * 70);
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof_made(1, 0)).await, Ok(Spending::New));
    server.run(&["FLUSHALL"]);
    let quick = proofs(&server).await;
    assert!(is_too_young(spend(&store, proof_made(1, 0)).await));
    has_begun_anew(&store, "another birth").await;
    assert_eq!(spend(&quick, proof_made(100, 11)).await, Ok(Spending::Seen), "both are in one");
}

/// What was spent after the file was written is lost, and the birth is in the file.
#[tokio::test]
async fn server_that_comes_back_with_an_old_file_is_another_one() {
    let mut server = Server::start();
    proofs(&server).await;
    age(&server, SECOND * 70);
    let store = proofs(&server).await;
    server.run(&["SAVE"]);
    assert_eq!(spend(&store, proof_made(1, 0)).await, Ok(Spending::New));
    server.kill();
    server.start_again();
    assert_eq!(server.ask::<u64>(&["EXISTS", "api:birth"]), 1);
    has_begun_anew(&store, "an old file").await;
}

/// A replica of the server may lack its last writes: once it has taken over it is another one.
#[tokio::test]
async fn server_that_takes_over_is_another_one() {
    let (first, second) = (Server::start(), Server::start());
    let store = proofs(&first).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    second.run(&["REPLICAOF", "127.0.0.1", &first.port.to_string()]);
    until("it has copied the other", async || second.ask::<u64>(&["EXISTS", "api:birth"]) == 1).await;
    second.run(&["REPLICAOF", "NO", "ONE"]);
    let store = proofs(&second).await;
    assert_eq!(store.health(), StoreHealth::Young);
    assert!(is_too_young(spend(&store, proof_made(1, 0)).await));
}

/// Its replication has another ID then; nothing is lost.
#[tokio::test]
async fn replica_that_is_added_to_the_server_changes_nothing() {
    let (server, replica) = (Server::start(), Server::start());
    let store = proofs(&server).await;
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    replica.run(&["REPLICAOF", "127.0.0.1", &server.port.to_string()]);
    until("it has copied the other", async || replica.ask::<u64>(&["EXISTS", "api:birth"]) == 1).await;
    assert_eq!(spend(&proofs(&server).await, proof(1)).await, Ok(Spending::Seen));
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::Seen));
}

/// A connection that was lost is no store that was lost.
#[tokio::test]
async fn what_was_spent_stays_so_when_the_connection_is_cut() {
    let server = Server::start();
    let proxy = Proxy::to(server.port).await;
    let store = store_at(&proxy.url()).await.spent_proofs();
    assert_eq!(spend(&store, proof(1)).await, Ok(Spending::New));
    for key in 2..5 {
        server.run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        until("it has connected again", async || spend(&store, proof(key)).await == Ok(Spending::New)).await;
        assert_eq!(spend(&store, proof(1)).await, Ok(Spending::Seen));
    }
}
