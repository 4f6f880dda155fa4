//! An attempt as a flight of the cache's: how it is begun and joined, what it asks, and how it is told. One at a time, in a task of
//! its own: see [`SingleFlight`].
//!
//! Who waits for a fetch that has not set out within a second sends a task of its own after it, as the first one may stand in
//! the queue of a runtime that nobody drives.

use std::sync::Arc;
use std::time::Duration;

#[cfg(doc)]
use rampart_http::single_flight::SingleFlight;
use rampart_http::single_flight::{self, End, Order, Owner, Word};
use tokio::time::Instant;

use super::attempt::{Outcome, Purpose};
use super::cache::KeyCache;
use super::fetch::{Answer, FetchError, Question};
use super::state::State;
use crate::answer::error::AuthError;
use crate::event::Event;

pub(super) type Joined = single_flight::Joined<KeyCache>;

/// A waiter looks this often whether somebody still drives the fetch that it waits for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn can_fetch() -> bool {
    rampart_http::fit_runtime().is_ok()
}

/// The outcome; `None` where it is not there at the deadline, or when it is time to look again.
pub(super) async fn outcome(joined: Joined, deadline: Instant) -> Option<Outcome> {
    match joined.outcome(deadline.min(Instant::now() + LOOK_AGAIN)).await {
        Word::Outcome(outcome) => Some(outcome),
        Word::Nothing => Some(Err(FetchError::Abandoned)),
        Word::NotYet => None,
    }
}

impl KeyCache {
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

    /// Fetches need a runtime to run on, and waits one to wait on. A caller without one is no failure of the issuer's.
    pub(super) fn require_runtime(&self) -> Result<(), AuthError> {
        let Err(problem) = rampart_http::fit_runtime() else { return Ok(()) };
        self.listeners.tell(&Event::KeyFetchImpossible { problem: &problem.to_string() });
        Err(self.state.lock().unavailable(Instant::now()))
    }
}

impl Owner for KeyCache {
    type Purpose = Purpose;
    type Question = Question;
    type Answer = Result<Answer, FetchError>;
    type Outcome = Outcome;

    fn set_out(&self, number: u64) -> Option<(Order<Outcome>, Question)> {
        let now = self.now();
        let mut state = self.state.lock();
        let (order, purpose) = state.flights.set_out(number, now.at)?;
        state.asked = Some(now);
        let question = match purpose {
            Purpose::Refresh => Question { etag: state.etag.clone(), ..Question::default() },
            // It wants the set itself, not the word that nothing has changed, and from wherever it is now.
            Purpose::ByHand => Question { anew: true, ..Question::default() },
            Purpose::Search(kid) => Question { etag: state.etag.clone(), kid: Some(kid), anew: false },
        };
        Some((order, question))
    }

    async fn exchange(&self, question: Question) -> Result<Answer, FetchError> {
        self.fetcher.fetch(question).await
    }

    /// Tells the waiters before whoever listens.
    fn land(self: &Arc<Self>, number: u64, end: End<Result<Answer, FetchError>>, tell: impl FnOnce(Outcome)) {
        let answer = match end {
            End::Made(answer) => answer,
            End::Panicked => Err(FetchError::Panicked),
            End::Abandoned => Err(FetchError::Abandoned),
        };
        let wall = self.clock.now().unwrap_or_default();
        let mut state = self.state.lock();
        tell(self.take(&mut state, number, answer, wall));
    }
}
