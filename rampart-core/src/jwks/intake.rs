//! From a fetch that sets out to the keys that it brings: what is taken, and what is noted where nothing is.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cache::KeyCache;
use super::fetch::{Answer, FetchError, Fetched, Question};
use super::flight::{Order, Outcome, Purpose};
use super::snapshot::Snapshot;
use super::state::{Confirmation, News, State};

impl KeyCache {
    /// Gives the fetch that is noted to the task that asks, unless another one has it; with what to ask.
    pub(super) fn set_out(&self) -> Option<(Order, Question)> {
        let now = self.now();
        let mut state = self.state.lock();
        let flight = state.in_flight.as_mut()?;
        let order = flight.set_out(now)?;
        let purpose = flight.fetch.purpose.clone();
        let question = match purpose {
            Purpose::Refresh => Question { etag: state.etag.clone(), kid: None },
            // It wants the set itself, not the word that nothing has changed.
            Purpose::ByHand => Question::default(),
            Purpose::Search(kid) => Question { etag: state.etag.clone(), kid: Some(kid) },
        };
        Some((order, question))
    }

    /// A task was dropped before it ran.
    pub(super) fn lose(&self, number: u64) {
        let mut state = self.state.lock();
        if let Some(flight) = state.land(number, Instant::now()) {
            state.give_up(&flight);
        }
    }

    /// Takes what a fetch has brought, unless it was given up on meanwhile, and tells the waiters before it writes to the log.
    pub(super) fn complete(&self, number: u64, answer: Result<Answer, FetchError>, tell: impl FnOnce(Outcome)) {
        let wall = self.clock.now().unwrap_or_default();
        if let Ok(Answer { fetched: Fetched::Keys { parsed, .. }, .. }) = &answer {
            parsed.events.iter().for_each(|event| self.listeners.tell(event));
        }
        let mut state = self.state.lock();
        tell(self.take(&mut state, number, answer, wall));
    }

    fn take(&self, state: &mut State, number: u64, answer: Result<Answer, FetchError>, wall: Duration) -> Outcome {
        let now = Instant::now();
        let Some(flight) = state.land(number, now) else { return Err(FetchError::Abandoned) };
        let by_hand = flight.fetch.purpose == Purpose::ByHand;
        let current = self.snapshot.load_full();
        let is_whole = answer.as_ref().is_ok_and(|answer| answer.is_whole);
        let taken = answer.and_then(|answer| match (answer.fetched, &current) {
            (Fetched::Keys { parsed, etag, max_age }, current) => {
                // Where an empty set was taken by force, the issuer may well say it again.
                let takes_empty = by_hand || current.as_ref().is_some_and(|current| current.keys.is_empty());
                let set = if takes_empty { parsed.set } else { parsed.into_usable()? };
                let set = match current {
                    Some(current) => set.carrying_over(&current.keys),
                    None => set,
                };
                Ok((Arc::new(set), etag, max_age))
            }
            (Fetched::NotModified { max_age }, Some(current)) => {
                // What a 304 does not say stays as it was (RFC 9111 section 4.3.4).
                Ok((Arc::clone(&current.keys), state.etag.clone(), max_age.or(current.max_age)))
            }
            (Fetched::NotModified { .. }, None) => Err(FetchError::Status { status: 304, retry_after: None }),
        });
        match taken {
            Ok((keys, etag, max_age)) => {
                if current.as_ref().is_none_or(|current| !current.keys.same_keys(&keys)) {
                    state.missing.clear();
                    let keys = keys.len();
                    state.news.push(if current.is_none() { News::Fetched { keys } } else { News::Changed { keys } });
                }
                let snapshot = Snapshot::new(keys, self.ttl, self.max_stale, max_age, wall);
                self.snapshot.store(Some(Arc::new(snapshot)));
                state.etag = etag;
                let asked = flight.under_way().filter(|_| is_whole);
                state.succeed(asked.map(|asked| Confirmation { number, asked }));
                Ok(())
            }
            Err(FetchError::Abandoned) => {
                state.give_up(&flight);
                Err(FetchError::Abandoned)
            }
            Err(error) => {
                state.fail(number, error.clone(), now);
                Err(error)
            }
        }
    }
}
