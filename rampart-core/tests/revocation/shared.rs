//! What one replica revokes is revoked on all.

use std::time::Duration;

use rampart_core::{RampartAuthBuilder, Revocation, RevocationLog, RevocationState, Revocations};

use crate::common::{ISSUER, NOW, log};
use crate::ground::{Ground, named};
use crate::replicas::{Replica, a_moment, seconds, token};
use crate::store::Store;

#[tokio::test(start_paused = true)]
async fn rv33_what_one_replica_revokes_is_refused_by_all_and_by_one_that_comes_later() {
    let revocations: [Revocation; 7] = [
        Revocation::token(ISSUER, "token-1").until(NOW + 600).into(),
        Revocation::session(ISSUER, "session-1").into(),
        Revocation::subject(ISSUER, "user-1").into(),
        Revocation::client(ISSUER, "spa").into(),
        Revocation::issued_before(ISSUER, NOW),
        Revocation::session(ISSUER, "session-1").issued_before(NOW).into(),
        Revocation::issuer(ISSUER),
    ];
    for revocation in revocations {
        let store = Store::new();
        let replicas = [Replica::start(&store).await, Replica::start(&store).await, Replica::start(&store).await];
        assert!(replicas.iter().all(|replica| replica.passes(&named())));
        let [first, ..] = &replicas;
        first.revoke(revocation.clone()).await;
        assert!(!first.passes(&named()), "at once");
        a_moment().await;
        assert!(replicas.iter().all(|replica| !replica.passes(&named())), "{revocation:?}");
        let other = named().claim("iss", r#""https://other.example/""#);
        assert!(first.ground.ask(&other).is_err());
        assert!(!Replica::start(&store).await.passes(&named()), "{revocation:?}");
        assert_eq!(store.entries().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn rv33_issuer_is_lifted_on_all_replicas_whoever_closed_it() {
    let store = Store::new();
    let replicas = [Replica::start(&store).await, Replica::start(&store).await];
    let passes = || replicas.each_ref().map(|replica| replica.passes(&named()));
    for round in 0..3 {
        replicas[round % 2].revoke(Revocation::issuer(ISSUER)).await;
        a_moment().await;
        assert_eq!(passes(), [false; 2], "{round}");
        // Within the second in which it was closed, or by a clock that is behind.
        replicas[1].ground.clock.set(NOW - 300);
        replicas[1].ground.revocations.lift_issuer(ISSUER).await.unwrap();
        replicas[1].ground.clock.set(NOW);
        a_moment().await;
        assert_eq!(passes(), [true; 2], "{round}");
    }
    assert!(Replica::start(&store).await.passes(&named()));
}

#[tokio::test(start_paused = true)]
async fn rv09_entries_that_come_twice_and_in_any_order_say_the_same() {
    let store = Store::new();
    let (one, other) = (Replica::start(&store).await, Replica::start(&store).await);
    for bound in [NOW - 50, NOW - 30, NOW - 40] {
        one.revoke(Revocation::session(ISSUER, "session-1").issued_before(bound)).await;
    }
    one.revoke(Revocation::issuer("https://x.example")).await;
    one.ground.revocations.lift_issuer("https://x.example").await.unwrap();
    one.revoke(Revocation::issuer(ISSUER)).await;
    one.ground.revocations.lift_issuer(ISSUER).await.unwrap();
    store.repeat_backwards();
    a_moment().await;
    // From the start once more, and after a connection was cut in the middle.
    other.way.cut(true);
    seconds(2).await;
    store.repeat_backwards();
    other.way.cut(false);
    seconds(2).await;
    store.trim();
    store.repeat_backwards();
    seconds(2).await;
    let late = Replica::start(&store).await;
    for replica in [&one, &other, &late] {
        assert!(!replica.passes(&named().claim("iat", &(NOW - 30).to_string())));
        assert!(replica.passes(&named().claim("iat", &(NOW - 29).to_string())));
        assert_eq!(replica.ground.kept(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn rv15_replicas_whose_clocks_differ_forget_nothing_early() {
    const DAY: u64 = 24 * 60 * 60;
    for (slow, fast) in [(NOW - 600, NOW), (NOW, NOW + 600)] {
        let store = Store::new();
        let at = |time| Replica::at(&store, |shared| shared, |builder| builder, move |clock| clock.set(time));
        let (behind, ahead) = (at(slow).await, at(fast).await);
        behind.revoke(Revocation::token(ISSUER, "slow")).await;
        ahead.revoke(Revocation::token(ISSUER, "fast")).await;
        ahead.revoke(Revocation::subject(ISSUER, "user-2")).await;
        a_moment().await;
        // The last moment in which a token that was issued just then could pass, by the clock of each.
        let last = DAY + 4;
        for (replica, now) in [(&behind, slow), (&ahead, fast)] {
            replica.ground.clock.set(now + last);
            let exp = (now + DAY).to_string();
            for jti in ["slow", "fast"] {
                assert_eq!(replica.ground.kept(), 3);
                assert!(!replica.passes(&token(jti).claim("exp", &exp)), "{jti}");
            }
            let theirs = named().claim("sub", r#""user-2""#).claim("exp", &exp);
            assert!(!replica.passes(&theirs.claim("iat", &fast.to_string())));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rv07_longest_lifetime_of_all_replicas_counts() {
    const DAY: u64 = 24 * 60 * 60;
    let store = Store::new();
    let long = async || {
        let lifetime = Duration::from_secs(2 * DAY);
        Replica::of(&store, |shared| shared, move |builder| builder.max_token_lifetime(lifetime)).await
    };
    let (short, longer) = (Replica::start(&store).await, long().await);
    short.revoke(Revocation::token(ISSUER, "token-1")).await;
    let ends = |days: u64| NOW + days * DAY + 5 + 60 + 600;
    assert_eq!(store.latest_end(), ends(1));
    seconds(2).await;
    // Whose tokens live longer has told the store so, and the other replica.
    assert_eq!(store.latest_end(), ends(2));
    short.revoke(Revocation::token(ISSUER, "token-2")).await;
    assert_eq!((store.latest_end(), store.entries().len()), (ends(2), 3));
    seconds(5).await;
    assert_eq!(store.entries().len(), 3, "and is done with it");
    drop(longer);
    let later = long().await;
    for replica in [&short, &later] {
        replica.ground.clock.set(NOW + 2 * DAY);
        assert_eq!(replica.ground.kept(), 2);
    }
    let exp = (NOW + 2 * DAY).to_string();
    assert!(!later.passes(&token("token-1").claim("exp", &exp)) && !later.passes(&token("token-2").claim("exp", &exp)));
}

/// RV16: whoever can write to the store writes what he wants.
#[tokio::test(start_paused = true)]
async fn rv16_entries_that_are_none_are_skipped_with_a_line() {
    let store = Store::new();
    let replica = Replica::start(&store).await;
    let far = Replica::at(&store, |shared| shared, |builder| builder, |clock| clock.set(NOW + 3600)).await;
    far.revoke(Revocation::issued_before(ISSUER, NOW + 3600)).await;
    far.revoke(Revocation::issuer(ISSUER)).await;
    far.revoke(Revocation::client(ISSUER, "spa")).await;
    let mut entry = store.entries().pop().unwrap();
    // What it says is not what was said: another version, none, too long, not bytes of ours at all.
    entry[0] = 9;
    let garbage = [
        entry.clone(),
        entry[..20].to_vec(),
        vec![1; 10 << 20],
        b"\xff\xfe".to_vec(),
        Vec::new(),
        b"{\"iss\":1}".to_vec(),
    ];
    log::clear();
    for bytes in garbage {
        store.write(bytes);
        a_moment().await;
    }
    let lines: Vec<_> = log::take().into_iter().filter(|line| line.text.contains("was skipped")).collect();
    assert!(!lines.is_empty(), "{lines:?}");
    assert!(lines.len() < 6, "one a second: {lines:?}");
    assert!(replica.passes(&named()), "what would lock everybody out does not");
    assert_eq!((replica.ground.kept(), replica.state()), (0, RevocationState::Current));
    replica.revoke(Revocation::token(ISSUER, "token-1")).await;
    assert!(!replica.passes(&named()));
    assert!(!Replica::start(&store).await.passes(&named()), "what stands behind it is read");
}

/// The list is there before the object whose tokens live longer, and what it has is kept for as long as others need it.
#[tokio::test(start_paused = true)]
async fn rv07_list_that_was_read_before_anybody_said_how_long_tokens_live_is_kept_for_long_enough() {
    const DAY: u64 = 24 * 60 * 60;
    let store = Store::new();
    let (short, replica) = (Replica::start(&store).await, Replica::start(&store).await);
    short.revoke(Revocation::token(ISSUER, "token-1")).await;
    seconds(2).await;
    log::clear();
    let revocations = replica.ground.revocations.clone();
    let longer = Ground::of(revocations, |builder| builder.max_token_lifetime(Duration::from_secs(7 * DAY)));
    seconds(3).await;
    assert_eq!((store.entries().len(), store.latest_end()), (2, NOW + 7 * DAY + 5 + 60 + 600));
    assert!(!log::take().iter().any(|line| line.text.contains("had lost revocations")), "nothing was lost");
    // When those who revoked it, and their day, are gone.
    drop((short, replica, longer));
    let set_up = |builder: RampartAuthBuilder| builder.max_token_lifetime(Duration::from_secs(7 * DAY));
    let new = Replica::at(&store, |shared| shared, set_up, |clock| clock.set(NOW + 6 * DAY)).await;
    assert!(!new.passes(&named().claim("exp", &(NOW + 6 * DAY + 60).to_string())));
}

/// Who was signed out and then banned for longer than any token lives: both together are one entry, of a time that is yet to come.
#[tokio::test(start_paused = true)]
async fn rv07_ban_that_outlasts_all_tokens_reaches_all_replicas_whatever_was_revoked_before() {
    const DAY: u64 = 24 * 60 * 60;
    let store = Store::new();
    let (one, other) = (Replica::start(&store).await, Replica::start(&store).await);
    one.revoke(Revocation::subject(ISSUER, "user-1")).await;
    a_moment().await;
    let later = named().claim("iat", &(NOW + 30).to_string()).claim("exp", &(NOW + 3600).to_string());
    for replica in [&one, &other] {
        replica.ground.clock.set(NOW + 60);
        assert!(replica.passes(&later));
    }
    one.revoke(Revocation::subject(ISSUER, "user-1").until(NOW + 30 * DAY)).await;
    a_moment().await;
    let new = Replica::at(&store, |shared| shared, |builder| builder, |clock| clock.set(NOW + 60)).await;
    for replica in [&one, &other, &new] {
        assert!(!replica.passes(&later));
        replica.ground.clock.set(NOW + 30 * DAY);
        seconds(31).await;
        assert_eq!(replica.ground.kept(), 1);
    }
}

/// A machine whose clock is set once it is up.
#[tokio::test(start_paused = true)]
async fn rv15_what_lies_ahead_of_a_clock_that_is_behind_counts_once_that_is_set_right() {
    let store = Store::new();
    let right = Replica::start(&store).await;
    right.revoke(Revocation::subject(ISSUER, "user-1")).await;
    right.revoke(Revocation::issuer("https://closed.example")).await;
    let behind = Replica::at(&store, |shared| shared, |builder| builder, |clock| clock.set(NOW - 7200)).await;
    assert_eq!(behind.ground.kept(), 0);
    right.revoke(Revocation::subject(ISSUER, "user-2")).await;
    right.revoke(Revocation::token(ISSUER, "token-2")).await;
    seconds(5).await;
    assert_eq!(behind.ground.kept(), 1, "what names one token locks nobody else out");
    behind.ground.clock.set(NOW);
    seconds(2).await;
    let of = |user: &str, jti: &str| token(jti).claim("sub", &format!("{user:?}"));
    assert!(!behind.passes(&of("user-1", "token-1")) && !behind.passes(&of("user-2", "token-1")));
    assert!(!behind.passes(&of("user-3", "token-2")) && behind.passes(&of("user-3", "token-3")));
    assert_eq!(store.entries().len(), 4);
}

/// What has ended by a clock that is ahead has not once that is set right.
#[tokio::test(start_paused = true)]
async fn rv15_what_ended_by_a_clock_that_was_ahead_is_in_force_once_that_is_set_right() {
    const MONTH: u64 = 30 * 24 * 60 * 60;
    let store = Store::new();
    let right = Replica::start(&store).await;
    right.revoke(Revocation::token(ISSUER, "token-1")).await;
    right.revoke(Revocation::token(ISSUER, "token-2").until(NOW + 600)).await;
    let booted = Replica::at(&store, |shared| shared, |builder| builder, |clock| clock.set(NOW + MONTH)).await;
    let leapt = Replica::start(&store).await;
    leapt.ground.clock.set(NOW + MONTH);
    seconds(60).await;
    for replica in [&booted, &leapt] {
        assert_eq!(replica.ground.kept(), 0);
        replica.ground.clock.set(NOW);
    }
    seconds(2).await;
    for replica in [&booted, &leapt] {
        assert!(!replica.passes(&named()) && !replica.passes(&token("token-2")) && replica.passes(&token("token-3")));
    }
}

#[tokio::test(start_paused = true)]
async fn rv35_entry_without_the_seal_of_the_state_key_is_skipped() {
    let store = Store::new();
    let keyed = |key: u8| Replica::with(&store, move |shared| shared.state_key([key; 32]));
    let (own, stranger, bare) = (keyed(1).await, keyed(2).await, Replica::start(&store).await);
    log::clear();
    for replica in [&stranger, &bare] {
        replica.revoke(Revocation::issuer(ISSUER)).await;
        replica.revoke(Revocation::subject(ISSUER, "user-1")).await;
    }
    a_moment().await;
    assert!(own.passes(&named()) && !stranger.passes(&named()) && !bare.passes(&named()));
    assert!(log::take().iter().any(|line| line.text.contains("was skipped")));
    own.revoke(Revocation::token(ISSUER, "token-1")).await;
    a_moment().await;
    assert!(!own.passes(&named()) && !keyed(1).await.passes(&named()));
    assert!(keyed(1).await.passes(&token("token-2")));
}

/// What leaves the process names nobody.
#[tokio::test(start_paused = true)]
async fn entries_are_of_one_size_and_name_nobody() {
    for key in [None, Some([7; 32])] {
        let store = Store::new();
        let replica = Replica::with(&store, |shared| {
            key.map_or(shared.max_stale(Duration::from_secs(60)), |key| Revocations::over(store.way()).state_key(key))
        })
        .await;
        replica.revoke(Revocation::subject(ISSUER, "a")).await;
        replica.revoke(Revocation::subject(ISSUER, "a".repeat(10_000))).await;
        replica.revoke(Revocation::issuer(ISSUER)).await;
        let lengths: Vec<_> = store.entries().iter().map(Vec::len).collect();
        assert_eq!(lengths, [if key.is_some() { 50 } else { 34 }; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn list_is_followed_until_the_last_clone_is_gone() {
    let store = Store::new();
    let replica = Replica::start(&store).await;
    let clone = replica.ground.revocations.clone();
    drop(replica);
    let followed = async || {
        let before = store.followed();
        seconds(10).await;
        store.followed() - before
    };
    assert!(followed().await >= 8);
    drop(clone);
    a_moment().await;
    assert_eq!(followed().await, 0);
}

/// A runtime that ends takes its tasks with it.
#[test]
fn list_is_followed_on_by_the_next_runtime_that_finds_it_too_old() {
    let store = Store::new();
    let time = crate::replicas::ByHand::default();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let uptime = time.clone();
    let ground = runtime().block_on(async {
        let revocations = Revocations::over(store.way()).__uptime(move || uptime.now()).start().unwrap();
        revocations.loaded().await.unwrap();
        crate::ground::Ground::of(revocations, |builder| builder)
    });
    assert!(ground.passes(&named()));
    time.set(100);
    runtime().block_on(async {
        assert!(ground.ask(&named()).is_err());
        a_moment().await;
        assert!(ground.passes(&named()));
    });
}

#[test]
fn without_a_runtime_nothing_is_shared_and_the_error_says_why() {
    let error = Revocations::over(Store::new().way()).start().unwrap_err();
    assert_eq!(error.field(), "revocations");
    assert!(error.to_string().contains("runtime"), "{error}");
}

#[tokio::test]
async fn outage_that_is_shorter_than_a_heartbeat_is_no_setting() {
    for (millis, is_good) in [(0, false), (2999, false), (3000, true)] {
        let started = Revocations::over(Store::new().way()).max_stale(Duration::from_millis(millis)).start();
        assert_eq!(started.is_ok(), is_good, "{millis}");
        assert!(started.err().is_none_or(|error| error.field() == "max_stale"));
    }
}

#[test]
fn settings_show_no_key() {
    let shown = format!("{:?}", Revocations::over(Store::new().way()).state_key([77; 32]));
    assert!(shown.contains("has_state_key: true") && !shown.contains("77"), "{shown}");
}

/// A pointer to a log is one.
#[tokio::test(start_paused = true)]
async fn log_may_be_shared_with_whoever_looks_after_it() {
    let log: std::sync::Arc<dyn RevocationLog> = std::sync::Arc::new(Store::new().way());
    let revocations = Revocations::over(log).start().unwrap();
    assert_eq!(revocations.loaded().await, Ok(()));
}
