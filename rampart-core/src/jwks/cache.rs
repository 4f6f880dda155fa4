//! When keys are fetched, who waits for them, and which keys may serve meanwhile.
//!
//! The read path loads a [`Snapshot`] and looks at its age; only when something is due does it take the lock on the
//! fetch state ([`super::state`]), which is never held across I/O. Each fetch runs in a task of its own ([`super::flight`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::time::Instant;

use super::fetch::{FetchError, Fetched, Fetcher};
use super::flight::{Launch, Outcome, can_fetch, finished};
use super::set::KeySet;
use super::snapshot::{Age, Snapshot};
use super::state::State;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::health::{JwksHealth, JwksState};
use crate::journal::{Held, Journaled};
use crate::outbound;

/// How long a request waits where there are no keys at all.
const COLD_WAIT: Duration = Duration::from_secs(5);
/// How long a request with an unknown key ID waits for newer keys, and how many may.
const KID_WAIT: Duration = Duration::from_secs(2);
const MAX_KID_WAITERS: usize = 1024;
/// After a back-off has run out, failures still count as current for this long beyond the time of a fetch, so that under load
/// no request waits for the next attempt; and no longer, so that the first request after an idle period does.
const CURRENT_FAILURE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct KeyCache {
    pub(super) fetcher: Fetcher,
    ttl: Duration,
    max_stale: Duration,
    clock: Clock,
    snapshot: ArcSwapOption<Snapshot>,
    state: Journaled<State>,
    kid_waiters: AtomicUsize,
}

/// A key set that may serve at this moment.
pub(crate) struct Current(Guard<Option<Arc<Snapshot>>>);

impl Current {
    pub(crate) fn keys(&self) -> Option<&KeySet> {
        self.0.as_ref().map(|snapshot| &*snapshot.keys)
    }
}

/// What the search for an unknown key ID has come to.
pub(crate) enum KidSearch {
    /// The current set holds it now.
    Found,
    /// It does not, and this is the answer.
    NotFound(AuthError),
}

impl KeyCache {
    pub(crate) fn new(fetcher: Fetcher, ttl: Duration, max_stale: Duration, clock: Clock) -> Self {
        let state = Journaled::<State>::default();
        {
            let mut state = state.lock();
            state.url = fetcher.location.without_query().into();
            state.abandoned_after = fetcher.abandoned_after();
        }
        Self {
            fetcher,
            ttl,
            max_stale,
            clock,
            snapshot: ArcSwapOption::empty(),
            state,
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
        // Whoever holds the lock is about to do this, or has just done it.
        let Some(mut state) = self.state.try_lock() else { return };
        if can_fetch() && state.live(now).is_none() && !state.is_backing_off(now) {
            let launch = self.begin(&mut state, now, false);
            drop(state);
            launch.go();
        }
    }

    fn serves_stale(self: &Arc<Self>, snapshot: &Snapshot, now: Instant) -> bool {
        let mut state = self.state.lock();
        let in_flight = state.live(now).is_some();
        let Some(failure) = &state.failure else { return false };
        if failure.at < snapshot.expires_at && now >= failure.retry_at + self.fetcher.timeout + CURRENT_FAILURE {
            return false;
        }
        if can_fetch() && !in_flight && now >= failure.retry_at {
            let launch = self.begin(&mut state, now, false);
            drop(state);
            launch.go();
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

    /// As [`wait`](Self::wait), for somebody with more time than a request has: for as long as a whole fetch may take.
    pub(crate) async fn wait_for_fetch(self: &Arc<Self>, wall: Duration) -> Result<(), AuthError> {
        self.wait_at_most(self.fetcher.timeout.max(COLD_WAIT), wall).await
    }

    async fn wait_at_most(self: &Arc<Self>, limit: Duration, wall: Duration) -> Result<(), AuthError> {
        let deadline = Instant::now() + limit;
        loop {
            if self.serve(wall).is_some() {
                return Ok(());
            }
            self.require_runtime()?;
            let now = Instant::now();
            let (fetch, launch) = {
                let mut state = self.state.lock();
                match state.live(now) {
                    Some(fetch) => (fetch, None),
                    None if state.is_backing_off(now) || now >= deadline => return Err(state.unavailable(now)),
                    None => {
                        let launch = self.begin(&mut state, now, false);
                        (launch.fetch.clone(), Some(launch))
                    }
                }
            };
            let is_ours = launch.is_some();
            if let Some(launch) = launch {
                launch.go();
            }
            match finished(fetch, deadline).await {
                None => return self.after_timeout(limit, wall),
                // What this call has begun was to no avail: it failed, its runtime is shutting down, or the TTL is shorter
                // than a fetch. Never once more.
                Some(_) if is_ours && self.serve(wall).is_none() => return Err(self.state.lock().unavailable(now)),
                Some(_) => {}
            }
        }
    }

    /// The attempt has timed out for this caller: stale keys may serve now.
    fn after_timeout(&self, limit: Duration, wall: Duration) -> Result<(), AuthError> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let current = self.snapshot.load();
        let (snapshot, age) = match current.as_ref().map(|snapshot| (snapshot, snapshot.age(now, wall))) {
            None | Some((_, Age::Dead)) => return Err(state.unavailable(now)),
            Some(snapshot_and_age) => snapshot_and_age,
        };
        // A failure from before the expiry is no reason to serve stale keys now; this one is.
        let has_failed = state.failure.as_ref().is_some_and(|failure| failure.at >= snapshot.expires_at);
        if age == Age::Stale
            && !has_failed
            && let Some(fetch) = state.live(now)
        {
            state.fail(fetch.number, outbound::ExchangeError::TimedOut { limit }.into(), now);
        }
        Ok(())
    }

    /// How many fetches have begun so far: later ones are new enough for a request that comes now.
    pub(crate) fn begun(&self) -> u64 {
        self.state.lock().started
    }

    /// The answer for a key ID that the current set does not hold, where no fetch is on its way and none may be made for it:
    /// what a flood of made-up key IDs gets, so it costs no more than a look.
    pub(crate) fn dismiss(&self, kid: &str) -> Option<AuthError> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let is_hopeless = state.missing.contains(kid, now)
            || (state.live(now).is_none() && (state.is_backing_off(now) || state.bucket.is_empty(now)));
        // A set that has come since the caller looked may hold it.
        (is_hopeless && !self.holds_kid(kid)).then(|| state.verdict(now))
    }

    /// Looks for a key ID that the current set does not hold, within the budget for such searches. What a fetch says that
    /// is later than number `begun` is new enough.
    pub(crate) async fn find_kid(self: &Arc<Self>, kid: &str, begun: u64) -> KidSearch {
        let deadline = Instant::now() + KID_WAIT;
        if let Err(error) = self.require_runtime() {
            return KidSearch::NotFound(error);
        }
        loop {
            let now = Instant::now();
            let (fetch, launch) = {
                let mut state = self.state.lock();
                if self.holds_kid(kid) {
                    return KidSearch::Found;
                }
                if state.missing.contains(kid, now) {
                    return KidSearch::NotFound(state.verdict(now));
                }
                if state.failure.is_none() && state.confirmed > begun {
                    state.remember_missing(kid, now);
                    return KidSearch::NotFound(state.verdict(now));
                }
                match state.live(now) {
                    Some(fetch) => (fetch, None),
                    None if state.is_backing_off(now) || !state.bucket.take(now) => {
                        return KidSearch::NotFound(state.verdict(now));
                    }
                    None => {
                        let launch = self.begin(&mut state, now, false);
                        (launch.fetch.clone(), Some(launch))
                    }
                }
            };
            if let Some(launch) = launch {
                launch.go();
            }
            let Some(_waiting) = Waiting::join(&self.kid_waiters) else {
                // The fetch that will tell is on its way: nothing is known yet, so nothing is refused for good.
                return KidSearch::NotFound(self.state.lock().unavailable(now));
            };
            let number = fetch.number;
            let outcome = finished(fetch, deadline).await;
            let now = Instant::now();
            let mut state = self.state.lock();
            if self.holds_kid(kid) {
                return KidSearch::Found;
            }
            match outcome {
                // Nobody knows yet whether the key exists.
                None => return KidSearch::NotFound(state.unavailable(now)),
                Some(Err(_)) => return KidSearch::NotFound(state.verdict(now)),
                Some(Ok(())) if number > begun => {
                    state.remember_missing(kid, now);
                    return KidSearch::NotFound(state.verdict(now));
                }
                // That fetch may have read the set just before the key was published: one more may be worth it.
                Some(Ok(())) => {}
            }
        }
    }

    fn holds_kid(&self, kid: &str) -> bool {
        self.snapshot.load().as_ref().is_some_and(|snapshot| snapshot.keys.holds_kid(kid))
    }

    /// Fetches now, past bucket and back-off, and takes what the issuer says, an empty set too.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where the fetch failed; the keys stay as they were.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<(), AuthError> {
        self.require_runtime()?;
        let asked = Instant::now();
        loop {
            let now = Instant::now();
            let (fetch, launch) = {
                let mut state = self.state.lock();
                match state.live(now) {
                    Some(fetch) => (fetch, None),
                    None => {
                        let launch = self.begin(&mut state, now, true);
                        (launch.fetch.clone(), Some(launch))
                    }
                }
            };
            if let Some(launch) = launch {
                launch.go();
            }
            // What began before the call may have read the set before the change that the caller knows of.
            let is_ours = fetch.forced && fetch.started >= asked;
            let outcome = finished(fetch, now + self.fetcher.abandoned_after()).await;
            if is_ours {
                let failed = || self.state.lock().unavailable(Instant::now());
                return outcome.unwrap_or(Err(FetchError::Abandoned)).map_err(|_| failed());
            }
        }
    }

    /// Fetches need a runtime to run on, and waits one to wait on. A caller without one is no failure of the issuer's.
    fn require_runtime(&self) -> Result<(), AuthError> {
        let Err(problem) = outbound::fit_runtime() else { return Ok(()) };
        tracing::error!(target: "rampart", "the issuer's keys cannot be fetched: {problem}");
        Err(self.state.lock().unavailable(Instant::now()))
    }

    pub(crate) fn health(&self, wall: Duration) -> JwksHealth {
        let now = Instant::now();
        let last_error = self.state.lock().failure.as_ref().map(|failure| failure.error.to_string());
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

    /// Notes a new attempt; it runs once the lock is released and [`Launch::go`] is called.
    fn begin(self: &Arc<Self>, state: &mut State, now: Instant, forced: bool) -> Launch {
        state.started += 1;
        // A forced fetch wants the set itself, not the word that nothing has changed.
        let etag = if forced { None } else { state.etag.clone() };
        let launch = Launch::new(Arc::clone(self), state.started, now, forced, etag);
        state.in_flight = Some(launch.fetch.clone());
        launch
    }

    /// Takes what a fetch has brought, unless it was given up on meanwhile, and tells the waiters before it writes to the log.
    pub(super) fn complete(
        &self,
        number: u64,
        forced: bool,
        fetched: Result<Fetched, FetchError>,
        tell: impl FnOnce(Outcome),
    ) {
        let wall = self.clock.now().unwrap_or_default();
        let mut state = self.state.lock();
        tell(self.take(&mut state, number, forced, fetched, wall));
    }

    fn take(
        &self,
        state: &mut Held<'_, State>,
        number: u64,
        forced: bool,
        fetched: Result<Fetched, FetchError>,
        wall: Duration,
    ) -> Outcome {
        let now = Instant::now();
        if state.in_flight.take_if(|fetch| fetch.number == number).is_none() {
            // Given up on; what came after it knows better, and its keys are not taken.
            return Err(FetchError::Abandoned);
        }
        let current = self.snapshot.load_full();
        let taken = fetched.and_then(|fetched| match (fetched, &current) {
            (Fetched::Keys { parsed, etag, max_age }, current) => {
                // Where an empty set was taken by force, the issuer may well say it again.
                let takes_empty = forced || current.as_ref().is_some_and(|current| current.keys.is_empty());
                let set = if takes_empty { parsed.set } else { parsed.into_usable()? };
                let set = match current {
                    Some(current) => set.carrying_over(&current.keys),
                    None => set,
                };
                Ok((Arc::new(set), etag, max_age))
            }
            (Fetched::NotModified { max_age }, Some(current)) => {
                Ok((Arc::clone(&current.keys), state.etag.clone(), max_age))
            }
            (Fetched::NotModified { .. }, None) => Err(FetchError::Status { status: 304, retry_after: None }),
        });
        match taken {
            Ok((keys, etag, max_age)) => {
                if current.as_ref().is_none_or(|current| !current.keys.same_keys(&keys)) {
                    state.missing.clear();
                    let keys = keys.len();
                    if current.is_none() {
                        state.log(
                            move || tracing::info!(target: "rampart", keys, "the issuer's keys have been fetched"),
                        );
                    } else {
                        state.log(move || tracing::info!(target: "rampart", keys, "the issuer's keys have changed"));
                    }
                }
                let snapshot = Snapshot::new(keys, self.ttl, self.max_stale, max_age, wall);
                self.snapshot.store(Some(Arc::new(snapshot)));
                state.etag = etag;
                state.confirmed = number;
                state.failure = None;
                state.failures_in_a_row = 0;
                Ok(())
            }
            Err(error) => {
                state.fail(number, error.clone(), now);
                Err(error)
            }
        }
    }
}

/// One of the requests that wait for a key ID.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    fn join(count: &'c AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < MAX_KID_WAITERS).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
