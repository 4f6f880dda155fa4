//! A fetch as a flight: what it is for, what it asks, and how it is told. One at a time, in a task of its own: see [`SingleFlight`].
//!
//! Who waits for a fetch that has not set out within a second sends a task of its own after it, as the first one may stand in
//! the queue of a runtime that nobody drives.

use std::sync::Arc;
use std::time::Duration;

#[cfg(doc)]
use rampart_http::single_flight::SingleFlight;
use rampart_http::single_flight::{self, End, Order, Owner, Word};
use tokio::time::Instant;

use super::cache::KeyCache;
use super::fetch::{Answer, FetchError, Question};

pub(crate) type Outcome = Result<(), FetchError>;
pub(super) type Flight = single_flight::Flight<Purpose, Outcome>;
pub(super) type Joined = single_flight::Joined<KeyCache>;

/// A waiter looks this often whether somebody still drives the fetch that it waits for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a fetch is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Because of the age of the keys.
    Refresh,
    /// Because the operator asks.
    ByHand,
    /// For a key ID that the set does not hold: charged to the bucket.
    Search(Arc<str>),
}

/// The same moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// Time since 1970.
    pub(super) wall: Duration,
}

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
            Purpose::Refresh => Question { etag: state.etag.clone(), kid: None },
            // It wants the set itself, not the word that nothing has changed.
            Purpose::ByHand => Question::default(),
            Purpose::Search(kid) => Question { etag: state.etag.clone(), kid: Some(kid) },
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
            End::LeftBehind => Err(FetchError::Abandoned),
        };
        let wall = self.clock.now().unwrap_or_default();
        let mut state = self.state.lock();
        tell(self.take(&mut state, number, answer, wall));
    }
}
