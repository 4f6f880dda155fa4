//! Which keys may serve at this moment, without waiting.
//!
//! The read path loads a [`Snapshot`] and looks at its age; only when something is due does it take the lock on the fetch state.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::time::Instant;

use super::cache::KeyCache;
use super::flight::can_fetch;
use super::snapshot::{Age, Snapshot};
use crate::jose::key_set::KeySet;

/// A key set that may serve at this moment.
pub(crate) struct Current(Guard<Option<Arc<Snapshot>>>);

impl Current {
    pub(crate) fn keys(&self) -> Option<&KeySet> {
        self.0.as_ref().map(|snapshot| &*snapshot.keys)
    }
}

impl KeyCache {
    /// The keys that may serve without waiting; starts a fetch in the background where one is due.
    pub(crate) fn serve(self: &Arc<Self>, wall: Duration) -> Option<Current> {
        let now = Instant::now();
        let current = self.snapshot.load();
        let snapshot = current.as_ref()?;
        let serves = match snapshot.age(now, wall) {
            Age::Fresh => true,
            Age::Due => {
                self.refresh_in_background(snapshot, now);
                true
            }
            Age::Stale => self.serves_stale(snapshot, now),
            Age::Dead => false,
        };
        serves.then_some(Current(current))
    }

    /// Whether the set at hand is still this one: to be asked with the lock held, without which it may change at any moment.
    pub(super) fn still_holds(&self, seen: Option<&Arc<Snapshot>>) -> bool {
        match (self.snapshot.load().as_ref(), seen) {
            (None, None) => true,
            (Some(own), Some(seen)) => Arc::ptr_eq(own, seen),
            _ => false,
        }
    }

    fn refresh_in_background(self: &Arc<Self>, seen: &Arc<Snapshot>, now: Instant) {
        // Asked before the lock is taken: to find out may call the application's panic hook.
        if !can_fetch() {
            return;
        }
        // Whoever holds the lock is about to do this, or has just done it.
        let Some(mut state) = self.state.try_lock() else { return };
        if state.was_just_abandoned(now) || !self.still_holds(Some(seen)) {
            return;
        }
        if let Some(mut joined) = self.join_or_begin(&mut state, now) {
            drop(state);
            joined.go();
        }
    }

    fn serves_stale(self: &Arc<Self>, snapshot: &Arc<Snapshot>, now: Instant) -> bool {
        let can_fetch = can_fetch();
        let mut state = self.state.lock();
        state.is_fetching(now);
        if !state.has_failed_since(snapshot.expires_at, now) {
            return false;
        }
        if can_fetch
            && self.still_holds(Some(snapshot))
            && let Some(mut joined) = self.join_or_begin(&mut state, now)
        {
            drop(state);
            joined.go();
        }
        true
    }
}
