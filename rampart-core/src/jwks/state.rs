//! What is known of the fetches so far: the one in flight, the last failure and its back-off, and what may be fetched for
//! unknown key IDs. Behind the one lock of the key cache.

use std::time::Duration;

use rampart_http::outbox::Notes;
use rampart_http::single_flight::{Patience, SingleFlight};
use rampart_http::{Backoff, EndpointUrl};
use tokio::time::Instant;

use super::attempt::{Confirmation, Failure, Flight, Moment, Outcome, Purpose};
use super::budget::{Bucket, MissingKids, SharedUnavailables};
use super::fetch::{ETag, FetchError};
use crate::answer::error::AuthError;
use crate::event::Event;

/// A fetch that has not set out by then stands in the queue of a runtime that nobody drives.
pub(super) const LATE_START: Duration = Duration::from_secs(1);
/// A task that does not answer for this long is on a runtime that nobody drives: soon enough for a waiting caller to make a fetch of its
/// own, and late enough for a runtime that merely has much to do.
const SILENCE: Duration = Duration::from_millis(2500);
/// After a back-off has run out, failures still count as current for this long beyond the time of a fetch, so that under load
/// no request waits for the next attempt; and no longer, so that the first request after an idle period does.
const CURRENT_FAILURE: Duration = Duration::from_secs(5);
/// The least that a caller is told to wait.
pub(super) const SOON: Duration = Duration::from_secs(1);
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

#[derive(Debug)]
pub(super) struct State {
    /// See [`Fetcher::abandoned_after`](super::fetch::Fetcher::abandoned_after).
    pub(super) abandoned_after: Duration,
    pub(super) flights: SingleFlight<Purpose, Outcome>,
    /// When the latest of them has set out.
    pub(super) asked: Option<Moment>,
    /// The last attempt that came to an end, where it failed.
    pub(super) failure: Option<Failure>,
    pub(super) failures_in_a_row: u32,
    /// When an attempt since then was abandoned by its runtime. That says nothing about the issuer, and so neither does the last
    /// failure any more.
    pub(super) abandoned_at: Option<Instant>,
    /// The last successful fetch that has asked where the keys are, too.
    pub(super) confirmed: Option<Confirmation>,
    pub(super) etag: Option<ETag>,
    /// The address on another origin than the issuer's that was told last.
    elsewhere: Option<EndpointUrl>,
    pub(super) bucket: Bucket,
    pub(super) missing: MissingKids,
    pub(super) unavailables: SharedUnavailables,
    pub(super) pursuit: Option<Pursuit>,
    pub(super) pursuits: u64,
    pub(super) news: Vec<News>,
}

/// The task that keeps trying where there are no keys.
#[derive(Debug)]
pub(super) struct Pursuit {
    pub(super) number: u64,
    /// When it shows itself again at the latest: a task that nobody drives, or that has ended with its runtime, does not.
    pub(super) alive_until: Instant,
}

/// What has happened to the keys, for those who listen.
#[derive(Debug)]
pub(super) enum News {
    /// What there is to say of entries of the set.
    Entries(Vec<Event<'static>>),
    Fetched {
        keys: usize,
    },
    Changed {
        keys: usize,
    },
    /// The keys come from another origin than the issuer's.
    Elsewhere {
        url: String,
    },
    Failed {
        /// Where it was asked.
        url: String,
        error: FetchError,
        failures: u32,
        retry_in: Duration,
    },
    Abandoned,
}

impl Notes for State {
    type News = News;

    fn news(&mut self) -> &mut Vec<News> {
        &mut self.news
    }
}

impl State {
    pub(super) fn new(abandoned_after: Duration, unavailables: SharedUnavailables) -> Self {
        Self {
            abandoned_after,
            flights: SingleFlight::new(Patience::UnderWay {
                limit: abandoned_after,
                late: LATE_START,
                silence: SILENCE,
            }),
            asked: None,
            failure: None,
            failures_in_a_row: 0,
            abandoned_at: None,
            confirmed: None,
            etag: None,
            elsewhere: None,
            bucket: Bucket::default(),
            missing: MissingKids::default(),
            unavailables,
            pursuit: None,
            pursuits: 0,
            news: Vec::new(),
        }
    }

    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        self.failure.as_ref().is_some_and(|failure| now < failure.retry_at)
    }

    /// Whether an attempt has failed since this moment, at the issuer; one from before counts too while it is current. An attempt
    /// that was abandoned since takes nothing from a failure whose back-off goes on: nobody may ask before that is over.
    pub(super) fn has_failed_since(&self, moment: Instant, now: Instant) -> bool {
        let Some(failure) = &self.failure else { return false };
        let is_current = now < failure.retry_at + self.abandoned_after + CURRENT_FAILURE;
        now < failure.retry_at || (self.abandoned_at.is_none() && (failure.at >= moment || is_current))
    }

    /// When to come back: the end of the back-off, or soon.
    pub(super) fn unavailable(&self, now: Instant) -> AuthError {
        AuthError::KeysUnavailable { retry_after: self.back_off(now).max(SOON) }
    }

    pub(super) fn back_off(&self, now: Instant) -> Duration {
        self.failure.as_ref().map_or(Duration::ZERO, |failure| failure.retry_at.saturating_duration_since(now))
    }

    /// Why the last attempt brought nothing.
    pub(super) fn last_error(&self) -> Option<String> {
        if self.abandoned_at.is_some() {
            return Some(FetchError::Abandoned.to_string());
        }
        self.failure.as_ref().map(|Failure { url, error, .. }| format!("{url}: {error}"))
    }
}

impl State {
    /// Notes that an attempt has succeeded.
    pub(super) fn succeed(&mut self, confirmation: Option<Confirmation>) {
        self.confirmed = confirmation.or(self.confirmed);
        self.failure = None;
        self.failures_in_a_row = 0;
        self.abandoned_at = None;
    }

    /// Notes that an attempt has failed; once, also where a caller ran out of time before the fetch itself did.
    pub(super) fn fail(&mut self, attempt: u64, at: &EndpointUrl, error: FetchError, now: Instant) {
        self.abandoned_at = None;
        if self.failure.as_ref().is_some_and(|failure| failure.attempt == attempt) {
            return;
        }
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let failures = self.failures_in_a_row;
        let wait = BACKOFF.wait(failures, error.retry_after());
        let url = at.without_query();
        self.news.push(News::Failed { url: url.clone(), error: error.clone(), failures, retry_in: wait });
        self.failure = Some(Failure { error, url, attempt, at: now, retry_at: now + wait });
    }

    /// Notes that the keys come from another origin than the issuer's: told once for each.
    pub(super) fn note_elsewhere(&mut self, url: &EndpointUrl) {
        if self.elsewhere.as_ref().is_none_or(|before| !before.is_of_origin(url)) {
            self.news.push(News::Elsewhere { url: url.without_query() });
            self.elsewhere = Some(url.clone());
        }
    }

    /// Notes that a runtime has abandoned an attempt: the next caller who needs the keys makes one of its own at once.
    fn note_abandoned(&mut self, now: Instant) {
        if self.abandoned_at.replace(now).is_none() {
            self.news.push(News::Abandoned);
        }
    }

    /// As [`note_abandoned`](Self::note_abandoned), of an attempt that nobody makes any more. It costs the bucket nothing.
    pub(super) fn abandon(&mut self, flight: &Flight, now: Instant) {
        if matches!(flight.purpose(), Purpose::Search(_)) {
            self.bucket.give_back();
        }
        self.note_abandoned(now);
    }

    /// Notes that the issuer was not asked at all, for lack of a place: no failure of its, and so no back-off. It costs the bucket nothing.
    pub(super) fn stay_away(&mut self, flight: &Flight) {
        if matches!(flight.purpose(), Purpose::Search(_)) {
            self.bucket.give_back();
        }
    }

    /// Whether an attempt was abandoned just now: in a program whose runtimes last for one call, each call would begin one more.
    pub(super) fn was_just_abandoned(&self, now: Instant) -> bool {
        self.abandoned_at.is_some_and(|at| now < at + LATE_START)
    }

    /// Whether a fetch is in flight that may still bring something.
    pub(super) fn is_fetching(&mut self, now: Instant) -> bool {
        if let Some(flight) = self.flights.take_abandoned(now) {
            self.abandon(&flight, now);
        } else if self.flights.is_late(now) {
            // By the runtime of its task: another task may still make it.
            self.note_abandoned(now);
        }
        self.flights.current().is_some()
    }

    /// Takes a fetch that has come to an end out of flight, unless it was abandoned before: what came after it knows
    /// better, and what it brings is not taken.
    pub(super) fn land(&mut self, number: u64, now: Instant) -> Option<Flight> {
        self.is_fetching(now);
        self.flights.land(number)
    }

    /// The number of a new pursuit, unless there is one that is alive.
    pub(super) fn pursue(&mut self, now: Instant) -> Option<u64> {
        if self.pursuit.as_ref().is_some_and(|pursuit| now < pursuit.alive_until) {
            return None;
        }
        self.pursuits += 1;
        self.pursuit = Some(Pursuit { number: self.pursuits, alive_until: now + LATE_START });
        Some(self.pursuits)
    }
}
