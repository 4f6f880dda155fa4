//! Whose turn it is after a failure that all sets share: those that have asked in vain wait in line. What a set is does not matter
//! here, only which one: `S` is asked nothing.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// A set that nobody has asked for during the longest wait of all waits no more.
const LONGEST_ABSENCE: Duration = Duration::from_secs(300);

/// A set that would like to ask, and what is known of it.
#[derive(Debug)]
pub(crate) struct Candidate<S> {
    pub(crate) slot: Weak<S>,
    /// How long the token at hand serves.
    pub(crate) serves_until: Option<Instant>,
    /// In a row.
    pub(crate) failures: u32,
    /// It has failed again after another set had succeeded, so that the fault may be its own.
    pub(crate) is_outlier: bool,
}

impl<S> Clone for Candidate<S> {
    fn clone(&self) -> Self {
        Self { slot: Weak::clone(&self.slot), ..*self }
    }
}

impl<S> Candidate<S> {
    fn is(&self, slot: &Weak<S>) -> bool {
        self.slot.ptr_eq(slot)
    }

    /// Whether it has a token that serves.
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        self.serves_until.is_some_and(|end| now < end)
    }
}

/// Those that wait, in the order in which they came. A turn belongs to
///
/// 1. a set that has not failed: with a token that still serves before without one;
/// 2. a set that has failed: with a token that still serves and without one by turns, so that neither kind keeps the other
///    from ever asking;
/// 3. the one that has failed last of all, where nobody else waits.
#[derive(Debug)]
pub(crate) struct Line<S> {
    waiting: Vec<Waiting<S>>,
    failed_last: Option<Weak<S>>,
    /// Of those that have failed.
    live_went_last: bool,
}

#[derive(Debug)]
struct Waiting<S> {
    candidate: Candidate<S>,
    asked: Instant,
}

impl<S> Default for Line<S> {
    fn default() -> Self {
        Self { waiting: Vec::new(), failed_last: None, live_went_last: false }
    }
}

impl<S> Line<S> {
    /// Takes its place, or keeps the one that it has.
    pub(crate) fn join(&mut self, candidate: &Candidate<S>, now: Instant) {
        match self.waiting.iter_mut().find(|waiting| waiting.candidate.is(&candidate.slot)) {
            Some(waiting) => *waiting = Waiting { candidate: candidate.clone(), asked: now },
            None => self.waiting.push(Waiting { candidate: candidate.clone(), asked: now }),
        }
    }

    pub(crate) fn leave(&mut self, candidate: &Candidate<S>) {
        self.waiting.retain(|waiting| !waiting.candidate.is(&candidate.slot));
    }

    /// Whether it was another one that has failed last.
    pub(crate) fn failed(&mut self, slot: &Weak<S>) -> bool {
        let last = self.failed_last.replace(Weak::clone(slot));
        last.is_none_or(|last| !last.ptr_eq(slot))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the one whose turn it is out of the line; `None` where that is the one that asks.
    pub(crate) fn next(&mut self, asking: &Candidate<S>, now: Instant) -> Option<Arc<S>> {
        self.join(asking, now);
        self.waiting.retain(|Waiting { candidate, asked }| {
            candidate.slot.strong_count() > 0 && now.saturating_duration_since(*asked) <= LONGEST_ABSENCE
        });
        let first = self.waiting.iter().min_by_key(|waiting| self.rank(&waiting.candidate, asking, now));
        let chosen = first.map_or_else(|| asking.clone(), |waiting| waiting.candidate.clone());
        if chosen.failures > 0 {
            self.live_went_last = chosen.is_live(now);
        }
        self.leave(&chosen);
        let other = chosen.slot.upgrade().filter(|_| !chosen.is(&asking.slot));
        if other.is_none() {
            self.leave(asking);
        }
        other
    }

    /// The lowest goes first; of several the one that has come first.
    fn rank(&self, candidate: &Candidate<S>, asking: &Candidate<S>, now: Instant) -> (u8, bool) {
        let turn = match (candidate.failures, candidate.is_live(now)) {
            _ if self.failed_last.as_ref().is_some_and(|slot| candidate.is(slot)) => 4,
            (0, true) => 0,
            (0, false) => 1,
            (_, is_live) => {
                if is_live == self.live_went_last {
                    3
                } else {
                    2
                }
            }
        };
        // Where nothing speaks against it, whoever is here goes before those for whom it would be asked.
        (turn, candidate.failures > 0 || !candidate.is(&asking.slot))
    }
}
