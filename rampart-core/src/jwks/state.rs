//! What is known of the fetches so far: the one in flight, the last failure and its back-off, and what may be fetched for
//! unknown key IDs. Behind the one lock of the key cache.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Bucket, MissingKids};
use super::fetch::{ETag, FetchError};
use super::flight::{Flight, InFlight, Purpose};
use crate::error::AuthError;
use crate::journal::Held;
use crate::outbound;

/// A fetch that has not set out by then stands in the queue of a runtime that nobody drives.
pub(super) const LATE_START: Duration = Duration::from_secs(1);
/// After a back-off has run out, failures still count as current for this long beyond the time of a fetch, so that under load
/// no request waits for the next attempt; and no longer, so that the first request after an idle period does.
const CURRENT_FAILURE: Duration = Duration::from_secs(5);
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct State {
    /// Where the keys are asked for, as it may stand in the log.
    pub(super) url: Arc<str>,
    /// See [`Fetcher::abandoned_after`](super::fetch::Fetcher::abandoned_after).
    pub(super) abandoned_after: Duration,
    pub(super) in_flight: Option<Flight>,
    pub(super) started: u64,
    /// The last attempt that came to an end, where it failed.
    pub(super) failure: Option<Failure>,
    pub(super) failures_in_a_row: u32,
    /// Whether an attempt since then was left behind by its runtime. That says nothing about the issuer, and so neither does
    /// the last failure any more.
    pub(super) is_abandoned: bool,
    /// The number of the last successful fetch that has asked where the keys are, too.
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

    /// Whether an attempt has failed since this moment, at the issuer; one from before counts too while it is current.
    pub(super) fn has_failed_since(&self, moment: Instant, now: Instant) -> bool {
        let counts =
            |failure: &Failure| failure.at >= moment || now < failure.retry_at + self.abandoned_after + CURRENT_FAILURE;
        !self.is_abandoned && self.failure.as_ref().is_some_and(counts)
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

    /// The number of the newest fetch that has set out: what later ones say is news to whoever comes now.
    pub(super) fn begun(&self) -> u64 {
        let waits = self.in_flight.as_ref().is_some_and(|flight| flight.under_way().is_none());
        self.started - u64::from(waits)
    }

    /// Why the last attempt brought nothing.
    pub(super) fn last_error(&self) -> Option<String> {
        let error =
            if self.is_abandoned { Some(&FetchError::Abandoned) } else { self.failure.as_ref().map(|f| &f.error) };
        error.map(ToString::to_string)
    }
}

impl Held<'_, State> {
    /// Notes that an attempt has succeeded.
    pub(super) fn succeed(&mut self, whole: Option<u64>) {
        self.confirmed = whole.unwrap_or(self.confirmed);
        self.failure = None;
        self.failures_in_a_row = 0;
        self.is_abandoned = false;
    }

    /// Notes that an attempt has failed; once, also where a caller ran out of time before the fetch itself did.
    pub(super) fn fail(&mut self, attempt: u64, error: FetchError, now: Instant) {
        self.is_abandoned = false;
        if self.failure.as_ref().is_some_and(|failure| failure.attempt == attempt) {
            return;
        }
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let back_off = outbound::back_off(self.failures_in_a_row, FIRST_BACK_OFF, LONGEST_BACK_OFF);
        let wait = error.retry_after().map_or(back_off, |asked| asked.max(back_off));
        let (failures, logged, url) = (self.failures_in_a_row, error.clone(), Arc::clone(&self.url));
        self.log(move || {
            tracing::warn!(
                target: "rampart", %url, error = %logged, failures, retry_in_ms = wait.as_millis(),
                "the issuer's keys could not be fetched"
            );
        });
        self.failure = Some(Failure { error, attempt, at: now, retry_at: now + wait });
    }

    /// Notes that a runtime has left an attempt behind: the next caller who needs the keys makes one of its own at once.
    fn abandon(&mut self) {
        if !std::mem::replace(&mut self.is_abandoned, true) {
            let url = Arc::clone(&self.url);
            self.log(move || {
                tracing::warn!(
                    target: "rampart", %url,
                    "a fetch of the issuer's keys was left behind: the runtime of its task has ended, or nobody drives it"
                );
            });
        }
    }

    /// Gives an attempt up that its runtime has left behind. It costs the bucket nothing.
    pub(super) fn give_up(&mut self, flight: &Flight) {
        if matches!(flight.fetch.purpose, Purpose::Search(_)) {
            self.bucket.give_back();
        }
        self.abandon();
    }

    /// Whether a fetch is in flight that may still bring something.
    pub(super) fn is_fetching(&mut self, now: Instant) -> bool {
        let limit = self.abandoned_after;
        if let Some(flight) = self.in_flight.take_if(|flight| flight.is_overdue(limit, now)) {
            self.give_up(&flight);
        } else if self.in_flight.as_ref().is_some_and(|flight| flight.is_late(now)) {
            self.abandon();
        }
        self.in_flight.is_some()
    }

    /// The fetch in flight, for one more who waits for it, and whether a further task should be sent for it.
    pub(super) fn join(&mut self, now: Instant) -> Option<(InFlight, bool)> {
        if !self.is_fetching(now) {
            return None;
        }
        self.in_flight.as_mut().map(|flight| (flight.fetch.clone(), flight.takes_another_task(now)))
    }

    /// Takes a fetch that has come to an end out of flight, unless it was given up on before: what came after it knows
    /// better, and what it brings is not taken.
    pub(super) fn land(&mut self, number: u64, now: Instant) -> Option<Flight> {
        self.is_fetching(now);
        self.in_flight.take_if(|flight| flight.fetch.number == number)
    }
}
