//! What is taken of what a fetch has brought, and what is noted where nothing is.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{Confirmation, Outcome, Purpose};
use super::cache::KeyCache;
use super::fetch::{Advice, Answer, FetchError, Fetched};
use super::snapshot::Snapshot;
use super::state::{News, State};

impl KeyCache {
    /// Takes what a fetch has brought, unless it was abandoned meanwhile.
    pub(super) fn take(
        &self,
        state: &mut State,
        number: u64,
        answer: Result<Answer, FetchError>,
        wall: Duration,
    ) -> Outcome {
        let now = Instant::now();
        let Some(flight) = state.land(number, now) else { return Err(FetchError::Abandoned) };
        let by_hand = *flight.purpose() == Purpose::ByHand;
        let current = self.snapshot.load_full();
        let is_whole = answer.as_ref().is_ok_and(|answer| answer.is_whole);
        let (place, elsewhere) = answer.as_ref().map_or((None, None), |a| (Some(a.place), a.elsewhere.clone()));
        let taken = answer.and_then(|answer| match (answer.fetched, &current) {
            (Fetched::Keys { mut parsed, etag, max_age }, current) => {
                let events = std::mem::take(&mut parsed.events);
                if !events.is_empty() {
                    state.news.push(News::Entries(events));
                }
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
            (Fetched::NotModified { .. }, None) => {
                Err(FetchError::Status { status: 304, retry_after: None, advice: Advice::None })
            }
        });
        match taken {
            Ok((keys, etag, max_age)) => {
                if let Some(place) = place {
                    self.fetcher.location.settle(place, by_hand);
                }
                if let Some(url) = elsewhere {
                    state.note_elsewhere(&url);
                }
                if current.as_ref().is_none_or(|current| !current.keys.same_keys(&keys)) {
                    state.missing.clear();
                    let keys = keys.len();
                    state.news.push(if current.is_none() { News::Fetched { keys } } else { News::Changed { keys } });
                }
                let snapshot = match &current {
                    Some(current) if !is_whole => current.with_keys(keys),
                    _ => Snapshot::new(keys, self.ttl, self.max_stale, max_age, wall),
                };
                self.snapshot.store(Some(Arc::new(snapshot)));
                state.etag = etag;
                let asked = state.asked.filter(|_| is_whole);
                state.succeed(asked.map(|asked| Confirmation { number, asked }));
                Ok(())
            }
            Err(FetchError::Abandoned) => {
                state.abandon(&flight, now);
                Err(FetchError::Abandoned)
            }
            Err(FetchError::Crowded) => {
                state.stay_away(&flight);
                Err(FetchError::Crowded)
            }
            Err(error) => {
                state.fail(number, &self.fetcher.asked(), error.clone(), now);
                Err(error)
            }
        }
    }
}
