//! When keys are fetched, who waits for them, and which keys may serve meanwhile.
//!
//! The read path loads a [`Snapshot`] and looks at its age; only when something is due does it take the lock on the
//! fetch state ([`super::state`]), which is never held across I/O. Each fetch runs in a task of its own ([`super::flight`]).

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use rampart_http::outbox::Outbox;
use tokio::time::Instant;

use super::budget::SharedUnavailables;
use super::fetch::{FetchError, Fetcher};
use super::flight::{Joined, Moment, Purpose, can_fetch, outcome};
use super::snapshot::{Age, Snapshot};
use super::state::{News, State};
use crate::answer::error::AuthError;
use crate::clock::Clock;
use crate::event::{Event, Listeners};
use crate::health::{JwksHealth, JwksState};
use crate::jose::key_set::KeySet;

/// How long a request waits where there are no keys at all.
const COLD_WAIT: Duration = Duration::from_secs(5);
/// A fetch sets out a moment after the request that begins it, and so runs out of time that much later.
const ALMOST: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct KeyCache {
    pub(super) fetcher: Fetcher,
    pub(super) ttl: Duration,
    pub(super) max_stale: Duration,
    pub(super) clock: Clock,
    pub(super) listeners: Listeners,
    pub(super) snapshot: ArcSwapOption<Snapshot>,
    pub(super) state: Outbox<State>,
    pub(super) kid_waiters: AtomicUsize,
}

/// A key set that may serve at this moment.
pub(crate) struct Current(Guard<Option<Arc<Snapshot>>>);

impl Current {
    pub(crate) fn keys(&self) -> Option<&KeySet> {
        self.0.as_ref().map(|snapshot| &*snapshot.keys)
    }
}

/// What a cache shares with others.
pub(crate) struct Surroundings {
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
    pub(crate) unavailables: SharedUnavailables,
}

impl KeyCache {
    pub(crate) fn new(fetcher: Fetcher, ttl: Duration, max_stale: Duration, surroundings: Surroundings) -> Self {
        let Surroundings { clock, listeners, unavailables } = surroundings;
        let state = State::new(fetcher.abandoned_after(), unavailables);
        let (url, told) = (fetcher.location.first().without_query(), listeners.clone());
        Self {
            fetcher,
            ttl,
            max_stale,
            clock,
            listeners,
            snapshot: ArcSwapOption::empty(),
            state: Outbox::new(state, move |news| tell(&told, &url, news)),
            kid_waiters: AtomicUsize::new(0),
        }
    }

    /// The keys that may serve without waiting; starts a fetch in the background where one is due.
    pub(crate) fn serve(self: &Arc<Self>, wall: Duration) -> Option<Current> {
        let now = Instant::now();
        let current = self.snapshot.load();
        let snapshot = current.as_ref()?;
        let serves = match snapshot.age(now, wall) {
            Age::Fresh => true,
            Age::Due => {
                self.refresh_in_background(now);
                true
            }
            Age::Stale => self.serves_stale(snapshot, now),
            Age::Dead => false,
        };
        serves.then_some(Current(current))
    }

    fn refresh_in_background(self: &Arc<Self>, now: Instant) {
        // Asked before the lock is taken: to find out may call the application's panic hook.
        if !can_fetch() {
            return;
        }
        // Whoever holds the lock is about to do this, or has just done it.
        let Some(mut state) = self.state.try_lock() else { return };
        if state.was_just_abandoned(now) {
            return;
        }
        if let Some(mut joined) = self.join_or_begin(&mut state, now) {
            drop(state);
            joined.go();
        }
    }

    fn serves_stale(self: &Arc<Self>, snapshot: &Snapshot, now: Instant) -> bool {
        let can_fetch = can_fetch();
        let mut state = self.state.lock();
        state.is_fetching(now);
        if !state.has_failed_since(snapshot.expires_at, now) {
            return false;
        }
        if can_fetch && let Some(mut joined) = self.join_or_begin(&mut state, now) {
            drop(state);
            joined.go();
        }
        true
    }

    /// Waits until there are keys that may serve, for a fetch that is in flight or started now.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where the fetch failed, took too long, or may not be tried yet.
    pub(crate) async fn wait(self: &Arc<Self>, wall: Duration) -> Result<(), AuthError> {
        self.wait_at_most(COLD_WAIT, wall).await
    }

    /// As [`wait`](Self::wait), for somebody with more time than a request has: for as long as a whole fetch may take. Where that
    /// was in vain, the cache keeps trying by itself.
    pub(crate) async fn warm_up(self: &Arc<Self>, wall: Duration) -> Result<(), AuthError> {
        let outcome = self.wait_at_most(self.fetcher.timeout.max(COLD_WAIT), wall).await;
        if outcome.is_err() {
            self.pursue();
        }
        outcome
    }

    async fn wait_at_most(self: &Arc<Self>, limit: Duration, wall: Duration) -> Result<(), AuthError> {
        let deadline = Instant::now() + limit;
        let mut has_begun = false;
        loop {
            if self.serve(wall).is_some() {
                return Ok(());
            }
            self.require_runtime()?;
            let now = Instant::now();
            if now >= deadline {
                return self.after_timeout(wall);
            }
            let joined = {
                let mut state = self.state.lock();
                match self.join(&mut state, now) {
                    Some(joined) => joined,
                    // What this call has begun was to no avail: it failed, or its runtime is shutting down. Never once more.
                    None if has_begun || state.is_backing_off(now) => return Err(state.unavailable(now)),
                    None => {
                        has_begun = true;
                        self.begin(&mut state, now, Purpose::Refresh)
                    }
                }
            };
            // Whatever has come of it, the state says more.
            let _ = outcome(joined, deadline).await;
        }
    }

    /// This caller has waited long enough. Where the issuer has had as much time as any request waits, the attempt has failed
    /// for now, and stale keys may serve.
    fn after_timeout(self: &Arc<Self>, wall: Duration) -> Result<(), AuthError> {
        let now = Instant::now();
        let is_stale = self.snapshot.load().as_ref().is_some_and(|snapshot| snapshot.age(now, wall) == Age::Stale);
        let mut state = self.state.lock();
        // One that nobody drives has not failed.
        state.is_fetching(now);
        let under_way = state.flights.current().and_then(|flight| Some((flight.number(), flight.under_way()?)));
        if let Some((number, since)) = under_way
            && is_stale
            && now + ALMOST >= since + COLD_WAIT
        {
            state.fail(number, rampart_http::ExchangeError::TimedOut { limit: COLD_WAIT }.into(), now);
        }
        let error = state.unavailable(now);
        drop(state);
        if self.serve(wall).is_some() { Ok(()) } else { Err(error) }
    }

    pub(super) fn holds_kid(&self, kid: &str) -> bool {
        self.snapshot.load().as_ref().is_some_and(|snapshot| snapshot.keys.holds_kid(kid))
    }

    /// Fetches now, past bucket and back-off, and takes what the issuer says, an empty set too.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where the fetch failed; the keys stay as they were.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<(), AuthError> {
        self.require_runtime()?;
        let asked = Instant::now();
        let mut has_begun = false;
        loop {
            let now = Instant::now();
            let joined = {
                let mut state = self.state.lock();
                match self.join(&mut state, now) {
                    Some(joined) => joined,
                    None if has_begun => return Err(state.unavailable(now)),
                    None => {
                        has_begun = true;
                        self.begin(&mut state, now, Purpose::ByHand)
                    }
                }
            };
            // What began before the call may have read the set before the change that the caller knows of.
            let is_ours = *joined.purpose() == Purpose::ByHand && joined.due() >= asked;
            match outcome(joined, now + self.fetcher.abandoned_after()).await {
                Some(Ok(())) if is_ours => return Ok(()),
                Some(Err(error)) if is_ours && (has_begun || error != FetchError::Abandoned) => {
                    return Err(self.state.lock().unavailable(Instant::now()));
                }
                _ => {}
            }
        }
    }

    /// Fetches need a runtime to run on, and waits one to wait on. A caller without one is no failure of the issuer's.
    pub(super) fn require_runtime(&self) -> Result<(), AuthError> {
        let Err(problem) = rampart_http::fit_runtime() else { return Ok(()) };
        self.listeners.tell(&Event::KeyFetchImpossible { problem: &problem.to_string() });
        Err(self.state.lock().unavailable(Instant::now()))
    }

    /// How long ago the issuer confirmed the keys.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.snapshot.load().as_ref().map(|snapshot| Instant::now().saturating_duration_since(snapshot.fetched_at))
    }

    pub(crate) fn health(&self, wall: Duration) -> JwksHealth {
        let now = Instant::now();
        let last_error = self.state.lock().last_error();
        let snapshot = self.snapshot.load();
        let Some(snapshot) = snapshot.as_ref() else {
            return JwksHealth { state: JwksState::Cold, age: None, keys: 0, last_error };
        };
        let state = match snapshot.age(now, wall) {
            Age::Fresh | Age::Due => JwksState::Fresh,
            Age::Stale => JwksState::Stale,
            Age::Dead => JwksState::Dead,
        };
        let age = now.saturating_duration_since(snapshot.fetched_at);
        JwksHealth { state, age: Some(age), keys: snapshot.keys.len(), last_error }
    }

    pub(super) fn now(&self) -> Moment {
        Moment { at: Instant::now(), wall: self.clock.now().unwrap_or_default() }
    }

    /// The fetch in flight.
    pub(super) fn join(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Joined> {
        if state.is_fetching(now) { state.flights.join(self, now) } else { None }
    }

    /// Notes a new fetch.
    pub(super) fn begin(self: &Arc<Self>, state: &mut State, now: Instant, purpose: Purpose) -> Joined {
        state.flights.begin(self, now, purpose)
    }

    /// The fetch in flight, or a new one unless in back-off: for those who do not wait.
    pub(super) fn join_or_begin(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Joined> {
        let joined = if state.is_fetching(now) { state.flights.join_at_leisure(self, now) } else { None };
        match joined {
            None if !state.is_backing_off(now) => Some(self.begin(state, now, Purpose::Refresh)),
            joined => joined,
        }
    }
}

fn tell(listeners: &Listeners, url: &str, news: News) {
    match news {
        News::Entries(events) => events.iter().for_each(|event| listeners.tell(event)),
        News::Fetched { keys } => listeners.tell(&Event::KeysFetched { keys }),
        News::Changed { keys } => listeners.tell(&Event::KeysChanged { keys }),
        News::Failed { error, failures, retry_in } => {
            let error = error.to_string();
            listeners.tell(&Event::KeyFetchFailed { url, error: &error, failures, retry_in });
        }
        News::Abandoned => listeners.tell(&Event::KeyFetchAbandoned { url }),
    }
}
