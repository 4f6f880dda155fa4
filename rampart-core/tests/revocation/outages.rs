//! What becomes of requests while the store is away, and of what it forgets.

use std::time::Duration;

use rampart_core::{
    AuthError, RampartAuthBuilder, Revocation, RevocationState, Revocations, RevokeError, SharedRevocations,
};
use tracing::Level;

use crate::common::{ISSUER, NOW, log};
use crate::ground::{Ground, named};
use crate::replicas::{ByHand, Replica, a_moment, seconds, token};
use crate::store::{Mode, Store};

const AWAY: [Mode; 2] = [Mode::Down, Mode::Hangs];

#[tokio::test(start_paused = true)]
async fn rv10_last_known_state_holds_for_a_minute_and_then_nothing_passes_until_the_store_is_back() {
    for mode in AWAY {
        let store = Store::new();
        let replica = Replica::start(&store).await;
        replica.revoke(Revocation::token(ISSUER, "token-1")).await;
        store.set(mode);
        log::clear();
        seconds(57).await;
        assert!(!replica.passes(&named()) && replica.passes(&token("token-2")), "{mode:?}");
        assert_eq!((replica.state(), replica.is_ready()), (RevocationState::Current, true));
        seconds(5).await;
        for _ in 0..3 {
            assert!(replica.is_undecided(&token("token-2")), "{mode:?}");
            assert!(!replica.passes(&named()), "what is known stays so");
        }
        let health = replica.ground.revocations.health();
        assert_eq!((health.state, replica.is_ready()), (RevocationState::Stale, false));
        assert!(health.age.unwrap() >= Duration::from_secs(60) && health.last_error.is_some(), "{health:?}");
        let rejection = replica.ground.cached.rejection(replica.ground.ask(&token("token-2")).unwrap_err());
        assert_eq!(rejection.status(), 503);
        assert!(rejection.headers().any(|header| header == ("retry-after", "1")));
        let lines = log::take();
        let told =
            |level, text: &str| lines.iter().filter(|line| line.level == level && line.text.contains(text)).count();
        assert_eq!(told(Level::WARN, "the shared store of revocations cannot be used"), 1, "{lines:?}");

        store.set(Mode::Up);
        seconds(2 + if mode == Mode::Hangs { 10 } else { 0 }).await;
        assert!(replica.passes(&token("token-2")) && !replica.passes(&named()), "by itself");
        let health = replica.ground.revocations.health();
        assert_eq!((health.state, health.last_error, replica.is_ready()), (RevocationState::Current, None, true));
        assert!(log::take().iter().any(|line| line.text.contains("can be used again")));
    }
}

#[tokio::test(start_paused = true)]
async fn rv10_replica_that_is_cut_off_is_the_only_one_that_answers_503() {
    let store = Store::new();
    let (cut, other) = (Replica::start(&store).await, Replica::start(&store).await);
    cut.way.cut(true);
    seconds(62).await;
    assert!(cut.is_undecided(&named()) && other.passes(&named()));
    other.revoke(Revocation::token(ISSUER, "token-1")).await;
    cut.way.cut(false);
    seconds(2).await;
    assert!(!cut.passes(&named()) && cut.passes(&token("token-2")));
}

/// Nobody says that the list is old: it is.
#[tokio::test(start_paused = true)]
async fn rv10_list_whose_task_gets_no_time_grows_old_as_well() {
    let (store, time) = (Store::new(), ByHand::default());
    let uptime = time.clone();
    let revocations = Revocations::over(store.way()).__uptime(move || uptime.now()).start().unwrap();
    revocations.loaded().await.unwrap();
    let ground = Ground::of(revocations, |builder| builder);
    assert!(ground.passes(&named()));
    time.set(59);
    assert!(ground.passes(&named()));
    // Without a pause in which the task could run.
    time.set(60);
    assert!(matches!(ground.ask(&named()), Err(AuthError::StateUnavailable { .. })));
    a_moment().await;
    seconds(2).await;
    assert!(ground.passes(&named()));
}

#[tokio::test(start_paused = true)]
async fn rv11_outages_that_are_ignored_let_all_pass_but_what_is_known() {
    let store = Store::new();
    let replica = Replica::with(&store, SharedRevocations::insecure_ignore_outages).await;
    replica.revoke(Revocation::token(ISSUER, "token-1")).await;
    log::clear();
    store.set(Mode::Down);
    seconds(70).await;
    let warnings = || {
        let lines = log::take();
        assert!(!lines.iter().any(|line| line.text.contains("503")), "nobody gets one: {lines:?}");
        lines.iter().filter(|line| line.text.contains("revoked tokens may pass") && line.level == Level::WARN).count()
    };
    for minute in 0..3 {
        for _ in 0..20 {
            assert!(replica.passes(&token("token-2")) && !replica.passes(&named()));
        }
        assert_eq!(warnings(), 1, "{minute}");
        assert!(replica.is_ready());
        assert_eq!(replica.state(), RevocationState::Stale);
        seconds(60).await;
    }
    store.set(Mode::Up);
    seconds(2).await;
    assert!(replica.passes(&token("token-2")));
    assert_eq!(warnings(), 0);
}

#[tokio::test(start_paused = true)]
async fn rv12_cold_replica_answers_503_until_it_has_read_the_list() {
    for mode in AWAY {
        let store = Store::new();
        Replica::start(&store).await.revoke(Revocation::token(ISSUER, "token-1")).await;
        store.set(mode);
        let replica = Replica::start(&store).await;
        assert!(replica.ground.revocations.loaded().await.is_err(), "for whoever would rather not start");
        assert!(replica.is_undecided(&named()) && replica.is_undecided(&token("token-2")), "{mode:?}");
        assert_eq!((replica.state(), replica.is_ready()), (RevocationState::Unknown, false));
        seconds(300).await;
        assert!(replica.is_undecided(&token("token-2")), "{mode:?}");
        store.set(Mode::Up);
        seconds(if mode == Mode::Hangs { 62 } else { 2 }).await;
        assert!(replica.passes(&token("token-2")) && !replica.passes(&named()), "{mode:?}");
        assert_eq!((replica.ground.revocations.loaded().await, replica.is_ready()), (Ok(()), true));
    }
}

#[tokio::test(start_paused = true)]
async fn rv13_store_that_has_forgotten_is_filled_again_by_whoever_knows() {
    let losses: [fn(&Store); 2] = [Store::restart_empty, Store::flush];
    for (number, lose) in losses.into_iter().enumerate() {
        let store = Store::new();
        let replicas = [Replica::start(&store).await, Replica::start(&store).await];
        replicas[0].revoke(Revocation::token(ISSUER, "token-1")).await;
        replicas[1].revoke(Revocation::issuer("https://closed.example")).await;
        replicas[1].revoke(Revocation::token(ISSUER, "token-3").until(NOW + 600)).await;
        a_moment().await;
        log::clear();
        lose(&store);
        seconds(2).await;
        assert!(store.is_whole(), "{number}");
        let lines = log::take();
        assert!(lines.iter().any(|line| line.text.contains("had lost revocations")), "{lines:?}");
        let new = Replica::start(&store).await;
        for replica in replicas.iter().chain([&new]) {
            assert!(!replica.passes(&named()) && !replica.passes(&token("token-3")), "{number}");
            assert!(replica.passes(&token("token-2")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rv13_store_that_comes_back_older_is_given_what_it_lacks() {
    let store = Store::new();
    let (one, other) = (Replica::start(&store).await, Replica::start(&store).await);
    one.revoke(Revocation::token(ISSUER, "token-1")).await;
    let fall_back = store.saved();
    one.revoke(Revocation::token(ISSUER, "token-2")).await;
    one.ground.revocations.lift_issuer(ISSUER).await.unwrap();
    a_moment().await;
    assert_eq!(store.entries().len(), 3);
    fall_back();
    assert_eq!(store.entries().len(), 1);
    seconds(2).await;
    let new = Replica::start(&store).await;
    for replica in [&one, &other, &new] {
        assert!(!replica.passes(&named()) && !replica.passes(&token("token-2")) && replica.passes(&token("token-3")));
    }
}

#[tokio::test(start_paused = true)]
async fn rv14_gap_is_noticed_and_the_list_read_again() {
    let store = Store::new();
    let (slow, other) = (Replica::start(&store).await, Replica::start(&store).await);
    slow.way.cut(true);
    seconds(2).await;
    other.revoke(Revocation::token(ISSUER, "token-1")).await;
    store.trim();
    assert!(slow.passes(&named()), "it cannot know");
    slow.way.cut(false);
    seconds(2).await;
    assert!(!slow.passes(&named()));
    assert_eq!(slow.state(), RevocationState::Current);
}

#[tokio::test(start_paused = true)]
async fn rv17_what_the_store_did_not_take_is_in_force_here_and_sent_when_it_is_back() {
    for mode in [Mode::Down, Mode::Hangs, Mode::TakesNothing] {
        let store = Store::new();
        let (one, other) = (Replica::start(&store).await, Replica::start(&store).await);
        store.set(mode);
        let error = one.try_to_revoke(Revocation::token(ISSUER, "token-1")).await.unwrap_err();
        assert!(matches!(error, RevokeError::NotStored(_)) && !error.is_refused(), "{mode:?}: {error}");
        let closed = one.try_to_revoke(Revocation::issuer("https://closed.example")).await;
        assert!(matches!(closed, Err(RevokeError::NotStored(_))));
        assert!(!one.passes(&named()), "{mode:?}");
        assert_eq!(one.ground.revocations.health().unsent, 2);
        store.set(Mode::Up);
        seconds(12).await;
        assert!(!other.passes(&named()) && !Replica::start(&store).await.passes(&named()), "{mode:?}");
        assert_eq!((one.ground.revocations.health().unsent, store.entries().len()), (0, 2), "{mode:?}");
    }
}

/// What was read whole is all there is, also where the store takes nothing that one has in return.
#[tokio::test(start_paused = true)]
async fn rv10_store_that_is_full_can_be_read_by_whoever_has_something_for_it() {
    const WEEK: u64 = 7 * 24 * 60 * 60;
    let store = Store::new();
    Replica::start(&store).await.revoke(Revocation::token(ISSUER, "token-1")).await;
    store.set(Mode::TakesNothing);
    let longer = |builder: RampartAuthBuilder| builder.max_token_lifetime(Duration::from_secs(WEEK));
    let new = Replica::of(&store, |shared| shared, longer).await;
    assert!(new.passes(&token("token-2")) && !new.passes(&named()));
    seconds(600).await;
    assert!(new.passes(&token("token-2")) && !new.passes(&named()));
    assert_eq!(new.ground.revocations.health().unsent, 1);
    store.set(Mode::Up);
    seconds(3).await;
    assert_eq!(store.latest_end(), NOW + WEEK + 5 + 60 + 600);
}

/// A program that waits until the list was read must not wait without end.
#[tokio::test(start_paused = true)]
async fn code_of_a_store_that_panics_is_a_store_that_fails() {
    let store = Store::new();
    store.set(Mode::Panics);
    let cold = Replica::start(&store).await;
    assert!(cold.ground.revocations.loaded().await.unwrap_err().to_string().contains("panicked"));
    assert!(cold.is_undecided(&named()));
    store.set(Mode::Up);
    seconds(2).await;
    assert!(cold.passes(&named()));
    store.set(Mode::Panics);
    seconds(2).await;
    let health = cold.ground.revocations.health();
    assert!(health.last_error.is_some_and(|error| error.contains("panicked")), "while it is relied on");
    store.set(Mode::Up);
    seconds(2).await;
    Replica::start(&store).await.revoke(Revocation::token(ISSUER, "token-1")).await;
    a_moment().await;
    assert!(!cold.passes(&named()), "it follows without a request that makes it do so");
}

/// Nobody's processor, and no database, is kept busy by a mistake in a store of one's own.
#[tokio::test(start_paused = true)]
async fn store_with_which_one_gets_no_further_is_not_asked_without_end() {
    for mode in [Mode::Repeats, Mode::Lost, Mode::Unmarked] {
        let store = Store::new();
        let replica = Replica::start(&store).await;
        replica.revoke(Revocation::token(ISSUER, "token-1")).await;
        seconds(2).await;
        store.set(mode);
        if mode == Mode::Unmarked {
            store.restart_empty_in(mode);
        }
        let before = store.read() + store.followed();
        seconds(60).await;
        let asked = store.read() + store.followed() - before;
        assert!(asked > 10 && asked < 60 * 25, "{mode:?}: {asked}");
        store.set(Mode::Up);
        seconds(3).await;
        assert!(!replica.passes(&named()) && replica.passes(&token("token-2")), "{mode:?}");
        assert!(!Replica::start(&store).await.passes(&named()), "{mode:?}");
    }
}

/// Whoever waits for an answer goes away.
#[tokio::test(start_paused = true)]
async fn rv17_revocation_that_nobody_waits_for_any_more_is_sent_all_the_same() {
    let store = Store::new();
    let one = Replica::start(&store).await;
    store.set(Mode::Hangs);
    let revoking = one.try_to_revoke(Revocation::token(ISSUER, "token-1"));
    assert!(tokio::time::timeout(Duration::from_millis(10), revoking).await.is_err());
    assert!(!one.passes(&named()));
    store.set(Mode::Up);
    seconds(12).await;
    assert_eq!(store.entries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rv34_store_that_knows_nothing_is_unknown_and_not_empty() {
    log::clear();
    let store = Store::new();
    let old = Replica::start(&store).await;
    old.revoke(Revocation::token(ISSUER, "token-1")).await;
    old.way.cut(true);
    store.flush();
    let alone = Replica::start(&store).await;
    seconds(10).await;
    assert!(alone.is_undecided(&named()) && alone.is_undecided(&token("token-2")));
    assert!(!store.is_whole());
    let lines = log::take();
    let remedy = |line: &log::Record| line.level == Level::ERROR && line.text.contains("initialize()");
    assert_eq!(lines.iter().filter(|line| remedy(line)).count(), 1, "{lines:?}");
    // With an old one beside it.
    old.way.cut(false);
    seconds(4).await;
    assert!(store.is_whole());
    assert!(!alone.passes(&named()) && alone.passes(&token("token-2")));
}

#[tokio::test(start_paused = true)]
async fn rv34_operators_word_makes_a_new_store_whole_at_the_first_start_alone() {
    let store = Store::unknown();
    log::clear();
    let first = Replica::with(&store, SharedRevocations::initialize).await;
    assert!(first.passes(&named()) && store.is_whole());
    assert!(log::take().iter().any(|line| line.text.contains("was said to be new")));
    let second = Replica::with(&store, SharedRevocations::initialize).await;
    assert!(second.passes(&named()));
    assert!(!log::take().iter().any(|line| line.text.contains("was said to be new")), "it is whole already");
    first.revoke(Revocation::token(ISSUER, "token-1")).await;
    a_moment().await;
    // Not where something is known.
    store.restart_empty();
    seconds(3).await;
    assert!(!log::take().iter().any(|line| line.text.contains("was said to be new")));
    assert!(!Replica::start(&store).await.passes(&named()) && !second.passes(&named()));
}

/// What was revoked before the list could be read is not lost over reading it.
#[tokio::test(start_paused = true)]
async fn rv34_what_was_revoked_before_the_first_reading_stays() {
    let store = Store::unknown();
    store.set(Mode::Down);
    let replica = Replica::with(&store, SharedRevocations::initialize).await;
    assert!(replica.try_to_revoke(Revocation::token(ISSUER, "token-1")).await.is_err());
    store.set(Mode::Up);
    seconds(3).await;
    assert!(!replica.passes(&named()) && replica.passes(&token("token-2")));
    assert!(!Replica::start(&store).await.passes(&named()));
}

#[tokio::test(start_paused = true)]
async fn events_tell_whoever_listens_what_becomes_of_the_store() {
    let seen = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
    let (store, events) = (Store::new(), std::sync::Arc::clone(&seen));
    let replica = Replica::of(
        &store,
        |shared| shared,
        move |builder| {
            let events = std::sync::Arc::clone(&events);
            builder.on_event(move |event| events.lock().push(format!("{event:?}")))
        },
    )
    .await;
    let saw = |name: &str| seen.lock().iter().any(|event| event.starts_with(name));
    assert!(saw("RevocationsLoaded"));
    store.set(Mode::Down);
    seconds(65).await;
    assert!(saw("RevocationFeedFailed"));
    store.set(Mode::Up);
    seconds(2).await;
    assert!(saw("RevocationFeedRecovered"));
    replica.revoke(Revocation::token(ISSUER, "token-1")).await;
    store.restart_empty();
    seconds(3).await;
    assert!(saw("RevocationsRestored"));
    store.write("garbage");
    a_moment().await;
    assert!(saw("RevocationSkipped"));
}
