//! The search for a key ID that the current set does not hold: whether a fetch is made for it, and who waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{Moment, Purpose};
use super::cache::KeyCache;
use super::flight::outcome;
use super::state::{SOON, State};
use crate::answer::error::AuthError;

/// How long a request with an unknown key ID waits for newer keys, and how many may.
const KID_WAIT: Duration = Duration::from_secs(2);
const MAX_KID_WAITERS: usize = 1024;

/// A key ID that the set at hand does not hold, as a token names it.
pub(crate) struct Sought<'t> {
    pub(crate) kid: &'t str,
    /// When the token was signed at the latest, by what it says of itself: time since 1970.
    pub(crate) signed_by: Duration,
}

/// What the search for an unknown key ID has come to.
pub(crate) enum KidSearch {
    /// The current set holds it now.
    Found,
    /// It does not.
    NotFound(NotFound),
}

/// The answer for a token whose key is not found, and what the log says.
pub(crate) struct NotFound {
    pub(crate) error: AuthError,
    pub(crate) why: &'static str,
}

impl NotFound {
    /// The issuer has said so.
    pub(crate) const UNKNOWN: Self = Self { error: AuthError::InvalidToken, why: "no key of the issuer has this kid" };
    /// It may be a genuine one, but there are too many of them.
    pub(crate) const TOO_MANY: Self = Self {
        error: AuthError::InvalidToken,
        why: "no key at hand has this kid, the issuer cannot be asked for it now, and too many such tokens come",
    };

    /// Whether nobody knows, whatever a request is told.
    pub(super) fn is_undecided(&self) -> bool {
        self.why != Self::UNKNOWN.why
    }
}

impl KeyCache {
    /// The number of the newest fetch that has set out: what later ones say is new enough for a request that comes now.
    pub(crate) fn begun(&self) -> u64 {
        self.state.lock().flights.latest_under_way()
    }

    /// The answer for a key ID that the current set does not hold, where no fetch is on its way and none may be made for it:
    /// what a flood of made-up key IDs gets, so it costs no more than a look.
    pub(crate) fn dismiss(&self, sought: &Sought<'_>) -> Option<NotFound> {
        let now = self.now();
        let mut state = self.state.lock();
        let is_missing = state.missing.contains(sought.kid, now.at);
        let is_hopeless = is_missing
            || (!state.is_fetching(now.at) && (state.is_backing_off(now.at) || state.bucket.is_empty(now.at)));
        // A set that has come since the caller looked may hold it.
        if !is_hopeless || self.holds_kid(sought.kid) {
            return None;
        }
        Some(if is_missing { NotFound::UNKNOWN } else { state.verdict(sought, now) })
    }

    /// Looks for a key ID that the current set does not hold, within the budget for such searches. What a fetch says that
    /// is later than number `begun` is new enough: it set out after the request had come.
    pub(crate) async fn find_kid(self: &Arc<Self>, sought: &Sought<'_>, begun: u64) -> KidSearch {
        if let Err(error) = self.require_runtime() {
            return KidSearch::NotFound(NotFound { error, why: "the key cannot be looked for without a runtime" });
        }
        let deadline = Instant::now() + KID_WAIT;
        let (mut place, mut has_begun) = (None, false);
        loop {
            let now = self.now();
            let mut joined = {
                let mut state = self.state.lock();
                if self.holds_kid(sought.kid) {
                    return KidSearch::Found;
                }
                if state.missing.contains(sought.kid, now.at) {
                    return KidSearch::NotFound(NotFound::UNKNOWN);
                }
                if state.failure.is_none() && state.confirmed.is_some_and(|last| last.number > begun) {
                    state.missing.insert(sought.kid, now.at);
                    return KidSearch::NotFound(NotFound::UNKNOWN);
                }
                if now.at >= deadline {
                    return KidSearch::NotFound(state.undecided(now.at));
                }
                match self.join(&mut state, now.at) {
                    Some(joined) => joined,
                    // What this request has begun was abandoned: its runtime is shutting down.
                    None if has_begun => return KidSearch::NotFound(state.undecided(now.at)),
                    None if state.is_backing_off(now.at) || !state.bucket.take(now.at) => {
                        return KidSearch::NotFound(state.verdict(sought, now));
                    }
                    None => {
                        has_begun = true;
                        self.begin(&mut state, now.at, Purpose::Search(sought.kid.into()))
                    }
                }
            };
            joined.go();
            let Some(_) = place.get_or_insert_with(|| Waiting::join(&self.kid_waiters)) else {
                return KidSearch::NotFound(self.state.lock().undecided(now.at));
            };
            // Whatever has come of it, the state says more: a fetch that had begun before may have read the set just before the
            // key was published, one whose runtime has ended says nothing.
            let _ = outcome(joined, deadline).await;
        }
    }
}

impl State {
    /// What it means that a key is not in the set. The token is wrong where the issuer was asked after it had been signed, and
    /// has not failed since. Else nobody knows.
    fn verdict(&mut self, sought: &Sought<'_>, now: Moment) -> NotFound {
        if self.failure.is_none() && self.confirmed.is_some_and(|last| last.is_after(sought.signed_by, now)) {
            NotFound::UNKNOWN
        } else {
            self.undecided(now.at)
        }
    }

    /// Nobody knows whether the key exists, and so the token is not refused for good; but a flood of invented key IDs must not
    /// make the host look ill, so that this is said a few times a second only.
    fn undecided(&mut self, now: Instant) -> NotFound {
        if !self.unavailables.admit(now) {
            return NotFound::TOO_MANY;
        }
        // While a fetch is under way, it is known soon.
        let retry_after =
            if self.is_fetching(now) { SOON } else { self.back_off(now).max(self.bucket.wait(now)).max(SOON) };
        let error = AuthError::KeysUnavailable { retry_after };
        NotFound { error, why: "no key at hand has this kid, and the issuer cannot be asked for it now" }
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
