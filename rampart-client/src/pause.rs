//! The waits after failures: those of one set, and those that hold for the whole client. Of a set `S` it matters only
//! which one it is.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rampart_http::Backoff;
use tokio::time::Instant;

use crate::error::{Blame, ClientError};
use crate::turns::{Candidate, Line};

const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// A set that is spared a pause goes alone for this long, so that many tokens of the same age do not make as many requests at once.
const SPARED_ALONE: Duration = Duration::from_secs(1);

/// How long to wait after so many failures in a row: no less than the server asks for.
fn wait(failures: u32, error: &ClientError) -> Duration {
    BACKOFF.wait(failures, error.retry_after())
}

/// A failure that every set would meet, such as a wrong secret or too many requests, makes all of them wait: otherwise each would
/// try for itself, and the server would be asked as often as there are sets. Yet the fault may be that of one set alone, so
/// after each wait it is another one's turn.
#[derive(Debug)]
pub(crate) struct Pause<S>(Mutex<State<S>>);

#[derive(Debug)]
struct State<S> {
    fault: Option<Fault<S>>,
    line: Line<S>,
    /// When the latest request began that has given a token, and so shows that the client's credentials are good: until
    /// they are refused to a set that had none to compare with.
    proof: Option<Instant>,
}

#[derive(Debug)]
struct Fault<S> {
    error: ClientError,
    noted: Instant,
    until: Instant,
    /// Of that, what the server has asked for.
    asked_until: Instant,
    /// After the pause, for whose outcome those that come wait.
    ahead: Option<Trial<S>>,
    /// Those that were not made to wait, and until when each is the only one.
    spared: Vec<Trial<S>>,
    /// One that was spared has been refused too, although its token was good until then: it is no matter of one set alone.
    is_confirmed: bool,
    failures: u32,
    /// A set has been given a token since: only those that fail on their own account still wait for others.
    is_over: bool,
}

/// A request for whose outcome others wait.
#[derive(Debug)]
struct Trial<S> {
    slot: Weak<S>,
    until: Instant,
}

impl<S> Fault<S> {
    const fn new(error: ClientError, noted: Instant, until: Instant, asked_until: Instant) -> Self {
        Self {
            error,
            noted,
            until,
            asked_until,
            ahead: None,
            spared: Vec::new(),
            is_confirmed: false,
            failures: 1,
            is_over: false,
        }
    }

    /// Until when those that come wait.
    fn holds_until(&self, now: Instant) -> Option<Instant> {
        let pause = Some(self.until).filter(|until| !self.is_over && now < *until);
        let trials = self.ahead.iter().chain(&self.spared).map(|trial| trial.until);
        pause.max(trials.filter(|until| now < *until).max())
    }

    /// The request of this set has ended. Whether the set was spared for it.
    fn comes_back(&mut self, slot: &Weak<S>) -> bool {
        self.ahead.take_if(|trial| trial.slot.ptr_eq(slot));
        let under_way = self.spared.len();
        self.spared.retain(|trial| !trial.slot.ptr_eq(slot));
        self.spared.len() < under_way
    }

    /// Whether the set works and has a token that would not last until then, where it is not the server that has asked to wait.
    fn spares(&self, candidate: &Candidate<S>, holds_until: Instant, now: Instant) -> bool {
        let runs_out = candidate.serves_until.is_some_and(|end| now < end && end <= holds_until);
        let waits_for_another = self.is_confirmed || self.spared.iter().any(|trial| now < trial.until);
        runs_out && candidate.failures == 0 && !waits_for_another && now >= self.asked_until
    }
}

/// May a set ask?
#[derive(Debug)]
pub(crate) enum Turn<S> {
    /// It may.
    Own,
    /// Another one goes first, and has to be told.
    Other(Arc<S>, ClientError),
    /// None may, for this reason.
    Nobodys(ClientError),
}

/// How a set has failed.
#[derive(Debug)]
pub(crate) struct Failure<'f, S> {
    pub(crate) slot: &'f Weak<S>,
    pub(crate) error: &'f ClientError,
    /// In a row.
    pub(crate) failures: u32,
    /// Since when it has been refused in this way.
    pub(crate) since: Instant,
    /// When the request began.
    pub(crate) start: Instant,
}

/// What follows from a failure for the set.
#[derive(Debug)]
pub(crate) struct Sentence {
    pub(crate) wait: Duration,
    /// See [`Candidate`].
    pub(crate) is_outlier: bool,
}

impl<S> Default for Pause<S> {
    fn default() -> Self {
        Self(Mutex::new(State { fault: None, line: Line::default(), proof: None }))
    }
}

impl<S> Pause<S> {
    /// The failure for which the whole client waits.
    pub(crate) fn reason(&self, now: Instant) -> Option<ClientError> {
        let state = self.0.lock();
        state
            .fault
            .as_ref()
            .filter(|fault| !fault.is_over && fault.holds_until(now).is_some())
            .map(|fault| fault.error.clone())
    }

    /// Allows a request that is done by then. The first one after a pause goes alone: the others wait for what becomes of it.
    pub(crate) fn admit(&self, candidate: &Candidate<S>, now: Instant, done_by: Instant) -> Turn<S> {
        let State { fault: slot, line, .. } = &mut *self.0.lock();
        let Some(fault) = slot.as_mut() else { return Turn::Own };
        if fault.is_over && !candidate.is_outlier {
            line.leave(candidate);
            return Turn::Own;
        }
        if let Some(until) = fault.holds_until(now) {
            if !fault.spares(candidate, until, now) {
                line.join(candidate, now);
                return Turn::Nobodys(fault.error.clone());
            }
            line.leave(candidate);
            let until = done_by.min(now + SPARED_ALONE);
            fault.spared.push(Trial { slot: Weak::clone(&candidate.slot), until });
            return Turn::Own;
        }
        let other = line.next(candidate, now);
        let first = other.as_ref().map_or_else(|| Weak::clone(&candidate.slot), Arc::downgrade);
        fault.ahead = Some(Trial { slot: first, until: done_by });
        if let Some(other) = other {
            return Turn::Other(other, fault.error.clone());
        }
        if fault.is_over && line.is_empty() {
            *slot = None;
        }
        Turn::Own
    }

    /// A request of this set has come to nothing: if it has gone ahead, there is nothing to wait for.
    pub(crate) fn nothing_came_of_it(&self, slot: &Weak<S>) {
        if let Some(fault) = &mut self.0.lock().fault {
            fault.comes_back(slot);
        }
    }

    /// A request that started then has given a token.
    pub(crate) fn succeeded(&self, start: Instant) {
        let State { fault: slot, line, proof } = &mut *self.0.lock();
        *proof = (*proof).max(Some(start));
        // One that was under way already says nothing about now.
        if let Some(fault) = slot.as_mut().filter(|fault| start > fault.noted) {
            fault.is_over = true;
            (fault.ahead, fault.spared) = (None, Vec::new());
            if line.is_empty() {
                *slot = None;
            }
        }
    }

    /// What follows from a failure, for the set itself and for all.
    pub(crate) fn failed(&self, failure: &Failure<'_, S>, now: Instant) -> Sentence {
        let Failure { slot, error, failures, since, start } = *failure;
        let State { fault, line, proof } = &mut *self.0.lock();
        if let Some(fault) = fault {
            fault.is_confirmed |= fault.comes_back(slot) && error.blame() == Blame::Client;
        }
        // A failure that goes on while others succeed is the set's own.
        let is_outlier = proof.is_some_and(|proof| proof > since);
        let is_shared = match error.blame() {
            Blame::Server => true,
            Blame::Client => !is_outlier,
            Blame::Set => false,
        };
        if !is_shared {
            return Sentence { wait: wait(failures, error), is_outlier };
        }
        if error.blame() == Blame::Client {
            *proof = None;
        }
        let is_another = line.failed(slot);
        let asked_until = now + error.retry_after().unwrap_or_default();
        let own = |shared: Duration, in_a_row: u32| shared.max(wait(failures.max(in_a_row), error));
        match fault.as_mut().filter(|fault| !fault.is_over) {
            // Many at the same time are one failure.
            Some(fault) if start <= fault.noted => {
                let shared = wait(fault.failures, error);
                fault.until = fault.until.max(now + shared);
                fault.asked_until = fault.asked_until.max(asked_until);
                Sentence { wait: own(shared, 0), is_outlier }
            }
            Some(fault) => {
                // One that fails again and again says nothing new about the others.
                fault.failures = fault.failures.saturating_add(u32::from(is_another));
                let shared = wait(fault.failures, error);
                fault.error = error.clone();
                (fault.noted, fault.until, fault.asked_until) = (now, now + shared, asked_until);
                Sentence { wait: own(shared, fault.failures), is_outlier }
            }
            None => {
                let shared = wait(1, error);
                *fault = Some(Fault::new(error.clone(), now, now + shared, asked_until));
                Sentence { wait: own(shared, 1), is_outlier }
            }
        }
    }
}
