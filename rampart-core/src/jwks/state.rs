//! What is known of the fetches so far: the one in flight, the last failure and its back-off, and what may be fetched for
//! unknown key IDs. Behind the one lock of the key cache.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Bucket, MissingKids};
use super::fetch::{ETag, FetchError};
use super::flight::InFlight;
use crate::error::AuthError;
use crate::journal::Held;
use crate::outbound;

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct State {
    /// Where the keys are asked for, as it may stand in the log.
    pub(super) url: Arc<str>,
    /// See [`Fetcher::abandoned_after`](super::fetch::Fetcher::abandoned_after).
    pub(super) abandoned_after: Duration,
    pub(super) in_flight: Option<InFlight>,
    pub(super) started: u64,
    /// The last attempt, where it failed.
    pub(super) failure: Option<Failure>,
    pub(super) failures_in_a_row: u32,
    /// The number of the last successful fetch.
    pub(super) confirmed: u64,
    pub(super) etag: Option<ETag>,
    pub(super) bucket: Bucket,
    pub(super) missing: MissingKids,
}

#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: FetchError,
    pub(super) attempt: u64,
    pub(super) at: Instant,
    pub(super) retry_at: Instant,
}

impl State {
    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        self.failure.as_ref().is_some_and(|failure| now < failure.retry_at)
    }

    /// When to come back: the end of the back-off, or soon.
    pub(super) fn unavailable(&self, now: Instant) -> AuthError {
        let wait =
            self.failure.as_ref().map_or(Duration::ZERO, |failure| failure.retry_at.saturating_duration_since(now));
        AuthError::KeysUnavailable { retry_after: wait.max(Duration::from_secs(1)) }
    }

    /// What a key ID that is not found means: wrong where the last attempt told us all keys, undecidable where it failed.
    pub(super) fn verdict(&self, now: Instant) -> AuthError {
        if self.failure.is_some() { self.unavailable(now) } else { AuthError::InvalidToken }
    }

    pub(super) fn remember_missing(&mut self, kid: &str, now: Instant) {
        self.missing.insert(kid, &mut self.bucket, now);
    }
}

impl Held<'_, State> {
    /// Notes that an attempt has failed; once, also where a caller ran out of time before the fetch itself did.
    pub(super) fn fail(&mut self, attempt: u64, error: FetchError, now: Instant) {
        if self.failure.as_ref().is_some_and(|failure| failure.attempt == attempt) {
            return;
        }
        let wait = if error == FetchError::Abandoned {
            // It says nothing about the issuer: the next caller starts anew.
            Duration::ZERO
        } else {
            self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
            let back_off = outbound::back_off(self.failures_in_a_row, FIRST_BACK_OFF, LONGEST_BACK_OFF);
            error.retry_after().map_or(back_off, |asked| asked.max(back_off))
        };
        let (failures, logged, url) = (self.failures_in_a_row, error.clone(), Arc::clone(&self.url));
        self.log(move || {
            tracing::warn!(
                target: "rampart", %url, error = %logged, failures, retry_in_ms = wait.as_millis(),
                "the issuer's keys could not be fetched"
            );
        });
        self.failure = Some(Failure { error, attempt, at: now, retry_at: now + wait });
    }

    /// The fetch in flight, unless it was abandoned.
    pub(super) fn live(&mut self, now: Instant) -> Option<InFlight> {
        let limit = self.abandoned_after;
        if let Some(abandoned) = self.in_flight.take_if(|fetch| now >= fetch.started + limit) {
            self.fail(abandoned.number, FetchError::Abandoned, now);
        }
        self.in_flight.clone()
    }
}
