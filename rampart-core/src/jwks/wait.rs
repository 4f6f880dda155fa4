//! Who waits for keys where none may serve, and how long.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Purpose;
use super::cache::KeyCache;
use super::flight::outcome;
use super::snapshot::Age;
use crate::answer::error::AuthError;

/// How long a request waits where there are no keys at all.
const COLD_WAIT: Duration = Duration::from_secs(5);
/// A fetch sets out a moment after the request that begins it, and so runs out of time that much later.
const ALMOST: Duration = Duration::from_millis(500);

impl KeyCache {
    /// Whether a request may be told that the keys of this issuer are not to be had. Of an issuer that a resolver has named, and of which
    /// no token was ever good, anybody may bring that about at will, who has a server that fails: a few times a second only, as with
    /// key IDs that nobody knows.
    pub(crate) fn may_be_unavailable(&self) -> bool {
        let is_strange = self.fetcher.bounds.as_ref().is_some_and(|bounds| !bounds.is_proven());
        !is_strange || self.state.lock().unavailables.admit(Instant::now())
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
            let seen = self.snapshot.load_full();
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
                    // A fetch has ended between the look and the lock: there is no need of another.
                    None if !self.still_holds(seen.as_ref()) => continue,
                    // What this call began has brought nothing: it failed, or its runtime is shutting down. It does not try again.
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
            state.fail(
                number,
                &self.fetcher.asked(),
                rampart_http::ExchangeError::TimedOut { limit: COLD_WAIT }.into(),
                now,
            );
        }
        let error = state.unavailable(now);
        drop(state);
        if self.serve(wall).is_some() { Ok(()) } else { Err(error) }
    }
}
