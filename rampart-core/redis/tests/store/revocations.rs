//! What one replica has revoked reaches all others, and what may be lost is never taken for nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rampart_core::{Followed, LogError, Place, RevocationLog, Snapshot};
use rampart_redis::RedisStore;

use crate::common::log::Log;
use crate::common::{PREFIX, Proxy, SECOND, Server, is_full, proof, spend, store_at, until};

const HOUR: Duration = Duration::from_secs(3600);
const STREAM: &str = "api:revocations:stream";

type Store = Arc<dyn RevocationLog>;
type Entries = BTreeSet<String>;

async fn store(server: &Server) -> Store {
    store_at(&server.url()).await.revocation_log()
}

async fn publish(store: &Store, entry: &str) -> Result<(), LogError> {
    store.publish(entry.as_bytes(), SystemTime::now() + HOUR).await
}

async fn snapshot(store: &Store) -> (Snapshot, Entries) {
    let mut entries = Entries::new();
    let snapshot = store.snapshot(&mut |entry| _ = entries.insert(String::from_utf8_lossy(entry).into_owned())).await;
    (snapshot.unwrap(), entries)
}

/// From where to follow a store that is whole, and what is in it.
async fn whole(store: &Store) -> (Place, Entries) {
    match snapshot(store).await {
        (Snapshot::Whole(place), entries) => (place, entries),
        unknown => panic!("{unknown:?}"),
    }
}

async fn try_follow(store: &Store, after: &Place) -> Result<(Followed, Vec<String>), LogError> {
    let mut entries = Vec::new();
    let followed = store.follow(after, &mut |entry| entries.push(String::from_utf8_lossy(entry).into_owned())).await?;
    Ok((followed, entries))
}

async fn follow(store: &Store, after: &Place) -> (Followed, Vec<String>) {
    try_follow(store, after).await.unwrap()
}

/// What is told after a place until this entry is, and where that is.
async fn follow_to(store: &Store, mut after: Place, last: &str) -> (Place, Vec<String>) {
    let mut told = Vec::new();
    while told.last().is_none_or(|told| told != last) {
        let (followed, entries) = follow(store, &after).await;
        let Followed::Next(next) = followed else { panic!("{followed:?} after {told:?}") };
        told.extend(entries);
        after = next;
    }
    (after, told)
}

fn entries<const N: usize>(entries: [&str; N]) -> Entries {
    entries.map(String::from).into()
}

#[tokio::test]
async fn what_one_replica_publishes_all_others_are_told() {
    let server = Server::start();
    let [one, two, three] = [store(&server).await, store(&server).await, store(&server).await];
    one.mark_whole().await.unwrap();
    let (at_two, _) = whole(&two).await;
    let (at_three, _) = whole(&three).await;
    let waiting = {
        let two = Arc::clone(&two);
        tokio::spawn(async move { follow_to(&two, at_two, "a").await })
    };
    publish(&one, "a").await.unwrap();
    let (at_two, told) = waiting.await.unwrap();
    assert_eq!(told, ["a"]);
    publish(&two, "b").await.unwrap();
    publish(&one, "c").await.unwrap();
    assert_eq!(follow_to(&two, at_two, "c").await.1, ["b", "c"]);
    assert_eq!(follow_to(&three, at_three, "c").await.1, ["a", "b", "c"]);
    assert_eq!(whole(&store(&server).await).await.1, entries(["a", "b", "c"]));
}

#[tokio::test]
async fn store_without_the_mark_is_unknown_and_tells_what_it_has() {
    let server = Server::start();
    let store = store(&server).await;
    assert_eq!(snapshot(&store).await, (Snapshot::Unknown, entries([])));
    publish(&store, "a").await.unwrap();
    assert_eq!(snapshot(&store).await, (Snapshot::Unknown, entries(["a"])));
    store.mark_whole().await.unwrap();
    let (place, told) = whole(&store).await;
    assert_eq!(told, entries(["a"]));
    // Whoever says so again changes nothing.
    store.mark_whole().await.unwrap();
    assert_eq!(whole(&store).await.0, place);
}

#[tokio::test]
async fn store_with_nothing_to_tell_says_within_a_second_that_it_is_there() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    let (place, _) = whole(&store).await;
    for _ in 0..2 {
        let begun = Instant::now();
        assert_eq!(follow(&store, &place).await, (Followed::Next(place.clone()), vec![]));
        assert!((SECOND / 2..SECOND * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn entry_is_told_again_only_where_it_stays_for_longer() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    let (place, _) = whole(&store).await;
    let now = SystemTime::now();
    for (entry, hours) in [("a", 2), ("a", 2), ("a", 1), ("b", 1), ("a", 3), ("z", 1)] {
        store.publish(entry.as_bytes(), now + HOUR * hours).await.unwrap();
    }
    assert_eq!(follow_to(&store, place, "z").await.1, ["a", "b", "a", "z"]);
    assert_eq!(whole(&store).await.1, entries(["a", "b", "z"]));
    let until: u128 = server.ask(&["ZSCORE", "api:revocations", "a"]);
    assert_eq!(until, (now + HOUR * 3).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis());
}

#[tokio::test]
async fn any_number_of_entries_is_read_and_followed() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    let (place, _) = whole(&store).await;
    let all: Vec<String> = (0..3_000).map(|number| format!("{number:04}")).collect();
    for entry in &all {
        publish(&store, entry).await.unwrap();
    }
    assert_eq!(follow_to(&store, place, "2999").await.1, all);
    assert_eq!(whole(&store).await.1, all.into_iter().collect());
}

/// A list that forgets too early lets somebody in; one that never forgets fills the memory.
#[tokio::test]
async fn entry_goes_an_hour_after_its_time_whatever_the_clock_of_a_replica_says() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    let now = SystemTime::now();
    for number in 0..150 {
        store.publish(format!("over {number}").as_bytes(), now - HOUR * 2).await.unwrap();
    }
    store.publish(b"of a slow clock", now - HOUR / 2).await.unwrap();
    for number in 0..3 {
        publish(&store, &format!("new {number}")).await.unwrap();
    }
    assert_eq!(whole(&store).await.1, entries(["of a slow clock", "new 0", "new 1", "new 2"]));
    // However short the stream is.
    server.run(&["XTRIM", STREAM, "MAXLEN", "0"]);
    assert_eq!(whole(&store).await.1.len(), 4);
}

#[tokio::test]
async fn store_that_was_emptied_is_lost_and_then_unknown() {
    for loss in [&["FLUSHALL"][..], &["DEL", "api:revocations:whole"], &["SET", "api:revocations:whole", "another 1"]] {
        let server = Server::start();
        let store = store(&server).await;
        store.mark_whole().await.unwrap();
        let (place, _) = whole(&store).await;
        publish(&store, "a").await.unwrap();
        let (place, _) = follow_to(&store, place, "a").await;
        server.run(loss);
        assert_eq!(follow(&store, &place).await.0, Followed::Lost, "{loss:?}");
        assert_eq!(snapshot(&store).await.0, Snapshot::Unknown, "{loss:?}");
        // Whoever knows fills it again.
        publish(&store, "a").await.unwrap();
        store.mark_whole().await.unwrap();
        let (now, told) = whole(&store).await;
        assert_eq!(told, entries(["a"]));
        assert!(matches!(follow(&store, &now).await.0, Followed::Next(_)));
        assert_eq!(follow(&store, &place).await.0, Followed::Lost, "for who was there before it is another one");
    }
}

/// While one waits for the next.
#[tokio::test]
async fn flush_is_noticed_within_a_second() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    let (place, _) = whole(&store).await;
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let begun = Instant::now();
            (follow(&store, &place).await.0, begun.elapsed())
        })
    };
    until("somebody waits", async || server.info("blocked_clients") == 1).await;
    server.run(&["FLUSHALL"]);
    let (followed, after) = waiting.await.unwrap();
    assert_eq!(followed, Followed::Lost);
    assert!(after < SECOND * 2, "{after:?}");
}

async fn follow_when_it_is_there(store: &Store, place: &Place) -> Followed {
    let mut followed = None;
    until("it is there again", async || {
        followed = try_follow(store, place).await.ok();
        followed.is_some()
    })
    .await;
    followed.unwrap().0
}

async fn publish_when_it_is_there(store: &Store, entry: &str) {
    until("it takes entries again", async || publish(store, entry).await.is_ok()).await;
}

#[tokio::test]
async fn server_that_comes_back_empty_is_lost_and_can_be_filled_again() {
    let mut server = Server::start();
    let [old, other] = [store(&server).await, store(&server).await];
    old.mark_whole().await.unwrap();
    let (place, _) = whole(&old).await;
    server.kill();
    assert!(try_follow(&old, &place).await.is_err());
    server.start_again();
    assert_eq!(follow_when_it_is_there(&old, &place).await, Followed::Lost);
    until("it can be read", async || other.snapshot(&mut |_| {}).await == Ok(Snapshot::Unknown)).await;
    for entry in ["a", "b"] {
        publish_when_it_is_there(&old, entry).await;
    }
    old.mark_whole().await.unwrap();
    assert_eq!(whole(&other).await.1, entries(["a", "b"]));
}

/// Who was there notices; who comes must not take the old file for all there is.
#[tokio::test]
async fn server_that_comes_back_with_an_old_file_is_lost_and_unknown() {
    let mut server = Server::start();
    let old = store(&server).await;
    old.mark_whole().await.unwrap();
    publish(&old, "a").await.unwrap();
    server.run(&["SAVE"]);
    publish(&old, "b").await.unwrap();
    let (place, _) = whole(&old).await;
    server.kill();
    server.start_again();
    let new = store(&server).await;
    assert_eq!(snapshot(&new).await, (Snapshot::Unknown, entries(["a"])));
    assert_eq!(follow_when_it_is_there(&old, &place).await, Followed::Lost);
    for entry in ["a", "b"] {
        publish_when_it_is_there(&old, entry).await;
    }
    old.mark_whole().await.unwrap();
    assert_eq!(whole(&new).await.1, entries(["a", "b"]));
}

/// It writes down everything from now on, but began with the old file. Nobody is there who knows more.
#[tokio::test]
async fn server_that_writes_down_all_it_is_told_since_it_came_back_with_an_old_file_is_unknown() {
    let mut server = Server::start();
    let old = store(&server).await;
    old.mark_whole().await.unwrap();
    publish(&old, "a").await.unwrap();
    server.run(&["SAVE"]);
    publish(&old, "b").await.unwrap();
    drop(old);
    server.kill();
    server.start_again();
    server.run(&["CONFIG", "SET", "appendonly", "yes"]);
    assert_eq!(snapshot(&store(&server).await).await, (Snapshot::Unknown, entries(["a"])));
}

/// What was whole then is written down from then on.
#[tokio::test]
async fn server_that_begins_to_write_down_all_it_is_told_is_whole_after_a_restart_and_not_once_it_stops() {
    let mut server = Server::start();
    let old = store(&server).await;
    old.mark_whole().await.unwrap();
    publish(&old, "a").await.unwrap();
    let (mut place, _) = whole(&old).await;
    let mark = |server: &Server| server.ask::<String>(&["GET", "api:revocations:whole"]);
    for (setting, ends) in [("yes", true), ("no", false), ("yes", true)] {
        server.run(&["CONFIG", "SET", "appendonly", setting]);
        until("the mark says so", async || {
            let (followed, _) = follow(&old, &place).await;
            let Followed::Next(next) = followed else { panic!("{followed:?}") };
            place = next;
            mark(&server).ends_with(" aof") == ends
        })
        .await;
    }
    until("it is written", async || server.info("aof_rewrite_in_progress") == 0).await;
    server.run(&["CONFIG", "SET", "appendfsync", "always"]);
    publish(&old, "b").await.unwrap();
    drop(old);
    server.kill();
    server.start_again_with(&["--appendonly", "yes"]);
    assert_eq!(whole(&store(&server).await).await.1, entries(["a", "b"]));
    // That it is the same in this life is said too.
    assert!(mark(&server).contains(&server.text("run_id")));
}

/// What is sealed by another key says nothing: a list that is whole for one is not for the other.
#[tokio::test]
async fn store_that_is_whole_is_unknown_to_who_has_another_state_key() {
    let server = Server::start();
    let with = async |key: Option<[u8; 32]>| {
        let builder = RedisStore::builder(&server.url(), PREFIX).deadline(SECOND * 5);
        let builder = key.map_or(RedisStore::builder(&server.url(), PREFIX), |key| builder.state_key(key));
        builder.connect().await.unwrap().revocation_log()
    };
    let keys = [None, Some([1; 32]), Some([2; 32])];
    for (number, key) in keys.into_iter().enumerate() {
        for known in &keys[..number] {
            assert!(matches!(snapshot(&with(*known).await).await.0, Snapshot::Whole(_)), "{known:?}");
        }
        let new = with(key).await;
        assert_eq!(snapshot(&new).await.0, Snapshot::Unknown, "{key:?}");
        new.mark_whole().await.unwrap();
    }
    for key in keys {
        assert!(
            matches!(snapshot(&with(key).await).await.0, Snapshot::Whole(_)),
            "{key:?}: neither takes it from another"
        );
    }
}

/// As where the server has dropped it for want of memory, while it had a policy that lets it.
#[tokio::test]
async fn set_that_was_deleted_is_lost_and_unknown_though_the_mark_is_there() {
    let server = Server::start();
    let old = store(&server).await;
    old.mark_whole().await.unwrap();
    for refill in [false, true] {
        for entry in ["a", "b"] {
            publish(&old, entry).await.unwrap();
        }
        let (place, _) = whole(&old).await;
        assert!(matches!(follow(&old, &place).await.0, Followed::Next(_)));
        server.run(&["DEL", "api:revocations"]);
        let mut left = Entries::new();
        if refill {
            // Who comes later does not make it what it was.
            publish(&old, "c").await.unwrap();
            left.insert("c".to_owned());
        }
        assert_eq!(snapshot(&store(&server).await).await, (Snapshot::Unknown, left.clone()));
        assert_eq!(follow(&old, &place).await.0, Followed::Lost);
        for entry in ["a", "b"] {
            publish(&old, entry).await.unwrap();
        }
        old.mark_whole().await.unwrap();
        left.extend(entries(["a", "b"]));
        assert_eq!(whole(&store(&server).await).await.1, left);
    }
}

/// It has lost nothing but a moment at most, and the API would have nobody to ask after a restart of everything.
#[tokio::test]
async fn server_that_writes_down_all_it_is_told_is_whole_after_a_restart() {
    let arguments = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut server = Server::with(&arguments);
    let old = store(&server).await;
    old.mark_whole().await.unwrap();
    publish(&old, "a").await.unwrap();
    let (place, _) = whole(&old).await;
    server.kill();
    server.start_again();
    let (now, told) = whole(&store(&server).await).await;
    assert_eq!(told, entries(["a"]));
    assert_ne!(now, place);
    // Who was there compares all the same.
    assert_eq!(follow_when_it_is_there(&old, &place).await, Followed::Lost);
}

#[tokio::test]
async fn server_that_takes_over_is_another_one() {
    let (first, second) = (Server::start(), Server::start());
    let old = store(&first).await;
    old.mark_whole().await.unwrap();
    publish(&old, "a").await.unwrap();
    second.run(&["REPLICAOF", "127.0.0.1", &first.port.to_string()]);
    until("it has copied the other", async || second.ask::<u64>(&["EXISTS", STREAM]) == 1).await;
    second.run(&["REPLICAOF", "NO", "ONE"]);
    publish(&old, "b").await.unwrap();
    let (place, _) = whole(&old).await;
    let new = store(&second).await;
    assert_eq!(follow(&new, &place).await.0, Followed::Lost);
    assert_eq!(snapshot(&new).await, (Snapshot::Unknown, entries(["a"])));
}

#[tokio::test]
async fn store_that_has_gone_back_is_lost() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    for entry in ["a", "b", "c"] {
        publish(&store, entry).await.unwrap();
    }
    let (place, _) = whole(&store).await;
    server.run(&["SET", "api:revocations:count", "1"]);
    assert_eq!(follow(&store, &place).await.0, Followed::Lost);
    // Others may have counted on until then.
    for entry in ["d", "e", "f"] {
        publish(&store, entry).await.unwrap();
    }
    assert_eq!(follow(&store, &place).await.0, Followed::Lost);
}

#[tokio::test]
async fn entries_that_were_dropped_before_they_were_told_are_a_gap() {
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    let (start, _) = whole(&store).await;
    publish(&store, "a").await.unwrap();
    let (at_a, _) = follow_to(&store, start.clone(), "a").await;
    // Nothing that comes after it is missing.
    server.run(&["XTRIM", STREAM, "MAXLEN", "0"]);
    assert_eq!(follow(&store, &at_a).await, (Followed::Next(at_a.clone()), vec![]));
    assert_eq!(follow(&store, &start).await.0, Followed::Gap, "of all that came");
    publish(&store, "b").await.unwrap();
    let (at_b, told) = follow_to(&store, at_a.clone(), "b").await;
    assert_eq!(told, ["b"]);
    for entry in ["c", "d", "e"] {
        publish(&store, entry).await.unwrap();
    }
    server.run(&["XTRIM", STREAM, "MAXLEN", "1"]);
    assert_eq!(follow(&store, &at_b).await.0, Followed::Gap, "of the first that came");
    // What was dropped there is still in force.
    let (place, told) = whole(&store).await;
    assert_eq!(told, entries(["a", "b", "c", "d", "e"]));
    assert_eq!(follow(&store, &place).await, (Followed::Next(place), vec![]));
}

#[tokio::test]
async fn store_that_was_flushed_while_it_was_filled_is_not_marked() {
    let server = Server::start();
    let store = store(&server).await;
    publish(&store, "a").await.unwrap();
    server.run(&["FLUSHALL"]);
    publish(&store, "b").await.unwrap();
    let error = store.mark_whole().await.unwrap_err();
    assert!(error.to_string().contains("filled again"), "{error}");
    assert_eq!(snapshot(&store).await, (Snapshot::Unknown, entries(["b"])));
    // Nor is one that had everything when it was read, so that there was nothing to tell it.
    server.run(&["FLUSHALL"]);
    assert!(store.mark_whole().await.is_err());
    assert_eq!(snapshot(&store).await, (Snapshot::Unknown, entries([])));
    for entry in ["a", "b"] {
        publish(&store, entry).await.unwrap();
    }
    store.mark_whole().await.unwrap();
    assert_eq!(whole(&store).await.1, entries(["a", "b"]));
}

#[tokio::test]
async fn server_that_was_restarted_while_it_was_filled_is_not_marked() {
    let mut server = Server::start();
    let store = store(&server).await;
    publish(&store, "a").await.unwrap();
    server.run(&["SAVE"]);
    publish(&store, "b").await.unwrap();
    server.kill();
    server.start_again();
    until("it can be used again", async || {
        let said = store.mark_whole().await;
        assert!(said.is_err());
        said.unwrap_err().to_string().contains("filled again")
    })
    .await;
}

#[tokio::test]
async fn entries_that_are_none_of_ours_stop_nobody() {
    let (log, _guard) = Log::listen();
    let server = Server::start();
    let store = store(&server).await;
    store.mark_whole().await.unwrap();
    publish(&store, "a").await.unwrap();
    let (place, _) = whole(&store).await;
    let huge = "x".repeat(10 << 20);
    server.run(&["XADD", STREAM, "*", "other", "1"]);
    server.run(&["XADD", STREAM, "*", "e", &huge]);
    server.run(&["XADD", STREAM, "*", &huge, "e"]);
    server.run(&["ZADD", "api:revocations", "1e300", &huge]);
    server.run(&["ZADD", "api:revocations", "inf", "forged"]);
    publish(&store, "b").await.unwrap();
    server.run(&["XADD", STREAM, "*", "e", "told, for it is read by others"]);
    publish(&store, "c").await.unwrap();
    let (place, told) = follow_to(&store, place, "c").await;
    assert_eq!(told, ["b", "told, for it is read by others", "c"]);
    assert_eq!(whole(&store).await.1, entries(["a", "b", "c", "forged"]));
    assert!(log.has("WARN", &["nobody of us has written", "entries=3"]), "{}", log.text());
    assert!(log.has("WARN", &["nobody of us has written", "entries=1"]), "{}", log.text());

    // An ID after which none can come; and a number of somebody's own.
    server.run(&["XADD", STREAM, "18446744073709551615-18446744073709551615", "e", "last"]);
    publish(&store, "d").await.unwrap();
    assert!(matches!(follow(&store, &place).await.0, Followed::Next(_) | Followed::Gap));
    let (place, told) = whole(&store).await;
    assert!(told.contains("d"));
    publish(&store, "e").await.unwrap();
    assert_eq!(follow_to(&store, place.clone(), "e").await.1, ["e"]);
    server.run(&["XADD", STREAM, "*", "n", "77", "e", "forged"]);
    assert_eq!(follow(&store, &place).await.0, Followed::Gap);
}

#[tokio::test]
async fn key_of_another_type_is_an_error_and_no_empty_list() {
    for key in ["api:revocations", STREAM] {
        let server = Server::start();
        let store = store(&server).await;
        store.mark_whole().await.unwrap();
        let (place, _) = whole(&store).await;
        server.run(&["SET", key, "x"]);
        let read = store.snapshot(&mut |_| {}).await;
        let followed = try_follow(&store, &place).await;
        assert!(read.is_err() && (key == "api:revocations" || followed.is_err()), "{read:?} {followed:?}");
    }
}

#[tokio::test]
async fn entry_that_nobody_could_read_is_not_taken() {
    let server = Server::start();
    let store = store(&server).await;
    let error = publish(&store, &"x".repeat((64 << 10) + 1)).await.unwrap_err();
    assert!(error.to_string().contains("65537 bytes"), "{error}");
    publish(&store, &"x".repeat(64 << 10)).await.unwrap();
    assert_eq!(snapshot(&store).await.1.len(), 1);
}

#[tokio::test]
async fn what_could_not_be_stored_is_an_error_in_time_that_tells_no_secret() {
    let mut server = Server::start();
    server.run(&["CONFIG", "SET", "requirepass", "hunter2"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}", server.port);
    let store = RedisStore::connect(&url, PREFIX).await.unwrap().revocation_log();
    store.mark_whole().await.unwrap();
    let (place, _) = whole(&store).await;
    server.pause();
    let begun = Instant::now();
    let error = publish(&store, "secret entry").await.unwrap_err();
    assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
    assert!(error.to_string().contains(&format!("127.0.0.1:{}", server.port)), "{error}");
    let begun = Instant::now();
    let followed = try_follow(&store, &place).await.unwrap_err();
    assert!(begun.elapsed() < SECOND * 5, "{:?}", begun.elapsed());
    server.resume();
    server.kill();
    let gone = publish(&store, "secret entry").await.unwrap_err();
    let read = store.snapshot(&mut |_| {}).await.unwrap_err();
    let marked = store.mark_whole().await.unwrap_err();
    for error in [error, followed, gone, read, marked] {
        assert!(!format!("{error:?} {store:?}").contains("secret"), "{error}");
        assert!(!format!("{error:?} {store:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn replica_that_is_cut_off_goes_on_from_where_it_was() {
    let server = Server::start();
    let proxy = Proxy::to(server.port).await;
    let [one, two] = [store(&server).await, store_at(&proxy.url()).await.revocation_log()];
    one.mark_whole().await.unwrap();
    let (place, _) = whole(&two).await;
    proxy.say_garbage();
    publish(&one, "a").await.unwrap();
    publish(&one, "b").await.unwrap();
    let mut told = Vec::new();
    until("it follows again", async || {
        let said = try_follow(&two, &place).await;
        said.is_ok_and(|(followed, entries)| {
            assert!(matches!(followed, Followed::Next(_)), "{followed:?}");
            told = entries;
            !told.is_empty()
        })
    })
    .await;
    assert_eq!(told, ["a", "b"]);
}

#[tokio::test]
async fn two_prefixes_on_one_server_do_not_meet() {
    let server = Server::start();
    let one = RedisStore::connect(&server.url(), "one:").await.unwrap().revocation_log();
    let two = RedisStore::connect(&server.url(), "two:").await.unwrap().revocation_log();
    one.mark_whole().await.unwrap();
    publish(&one, "a").await.unwrap();
    assert_eq!(snapshot(&two).await, (Snapshot::Unknown, entries([])));
    let keys: Vec<String> = server.ask(&["KEYS", "*"]);
    assert!(keys.iter().all(|key| key.starts_with("one:") || key == "two:birth"), "{keys:?}");
}

/// One memory for two uses: the one that anybody can fill leaves room for the other.
#[tokio::test]
async fn revocation_is_taken_where_proofs_are_not_any_more() {
    for megabytes in [3, 4, 8] {
        revocation_fits_in(megabytes << 20).await;
    }
}

/// Whatever the server's tables need in between.
async fn revocation_fits_in(bytes: u64) {
    let server = Server::start();
    let store = store_at(&server.url()).await;
    let (spent, log) = (store.spent_proofs(), store.revocation_log());
    log.mark_whole().await.unwrap();
    let (place, _) = whole(&log).await;
    server.run(&["CONFIG", "SET", "maxmemory", &(server.info("used_memory") + bytes).to_string()]);
    let mut key = 0;
    until("proofs are refused", async || {
        key += 1;
        is_full(spend(&spent, proof(key)).await) || {
            for _ in 0..500 {
                key += 1;
                let _ = spend(&spent, proof(key)).await;
            }
            false
        }
    })
    .await;
    let begun = Instant::now();
    publish(&log, "a").await.unwrap();
    assert_eq!(follow_to(&log, place, "a").await.1, ["a"]);
    assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn waiting_takes_one_connection_more_which_is_closed_with_the_store() {
    let server = Server::start();
    let before = server.info("connected_clients");
    let log = store(&server).await;
    log.mark_whole().await.unwrap();
    let (place, _) = whole(&log).await;
    assert_eq!(server.info("connected_clients"), before + 1);
    for _ in 0..2 {
        follow(&log, &place).await;
        assert_eq!(server.info("connected_clients"), before + 2);
    }
    // Whoever stops waiting leaves nothing behind.
    drop(tokio::time::timeout(SECOND / 20, follow(&log, &place)).await);
    until("it is closed", async || server.info("connected_clients") == before + 1).await;
    follow(&log, &place).await;
    drop(log);
    until("all are closed", async || server.info("connected_clients") == before).await;
}
