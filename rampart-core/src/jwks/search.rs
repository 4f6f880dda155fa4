//! The search for a key ID that the current set does not hold: whether a fetch is made for it, and who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::cache::KeyCache;
use super::flight::Purpose;
use crate::error::AuthError;

/// How long a request with an unknown key ID waits for newer keys, and how many may.
const KID_WAIT: Duration = Duration::from_secs(2);
const MAX_KID_WAITERS: usize = 1024;

/// What the search for an unknown key ID has come to.
pub(crate) enum KidSearch {
    /// The current set holds it now.
    Found,
    /// It does not, and this is the answer.
    NotFound(AuthError),
}

impl KeyCache {
    /// The number of the newest fetch that has set out: what later ones say is new enough for a request that comes now.
    pub(crate) fn begun(&self) -> u64 {
        self.state.lock().begun()
    }

    /// The answer for a key ID that the current set does not hold, where no fetch is on its way and none may be made for it:
    /// what a flood of made-up key IDs gets, so it costs no more than a look.
    pub(crate) fn dismiss(&self, kid: &str) -> Option<AuthError> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let is_hopeless = state.missing.contains(kid, now)
            || (!state.is_fetching(now) && (state.is_backing_off(now) || state.bucket.is_empty(now)));
        // A set that has come since the caller looked may hold it.
        (is_hopeless && !self.holds_kid(kid)).then(|| state.verdict(now))
    }

    /// Looks for a key ID that the current set does not hold, within the budget for such searches. What a fetch says that
    /// is later than number `begun` is new enough.
    pub(crate) async fn find_kid(self: &Arc<Self>, kid: &str, begun: u64) -> KidSearch {
        if let Err(error) = self.require_runtime() {
            return KidSearch::NotFound(error);
        }
        let deadline = Instant::now() + KID_WAIT;
        let (mut place, mut has_begun) = (None, false);
        loop {
            let now = Instant::now();
            let mut joined = {
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
                if now >= deadline {
                    // Nobody knows yet whether the key exists.
                    return KidSearch::NotFound(state.unavailable(now));
                }
                match self.join(&mut state, now) {
                    Some(joined) => joined,
                    // What this request has begun was left behind: its runtime is shutting down.
                    None if has_begun => return KidSearch::NotFound(state.unavailable(now)),
                    None if state.is_backing_off(now) || !state.bucket.take(now) => {
                        return KidSearch::NotFound(state.verdict(now));
                    }
                    None => {
                        has_begun = true;
                        self.begin(&mut state, now, Purpose::Search(kid.into()))
                    }
                }
            };
            joined.go();
            let Some(_) = place.get_or_insert_with(|| Waiting::join(&self.kid_waiters)) else {
                // The fetch that will tell is on its way: nothing is known yet, so nothing is refused for good.
                return KidSearch::NotFound(self.state.lock().unavailable(now));
            };
            // Whatever has come of it, the state says more: a fetch that had begun before may have read the set just before the
            // key was published, one whose runtime has ended says nothing.
            let _ = joined.outcome(deadline).await;
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
