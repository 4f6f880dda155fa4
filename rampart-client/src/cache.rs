//! One set of scopes and parameters: its token, the request for the next one, and the waits after failures.

use std::sync::Arc;
use std::time::Duration;

use rampart_core::journal::{Held, Journaled};
use rampart_core::outbound;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::ClientError;
use crate::exchange::Exchange;
use crate::request::TokenRequest;
use crate::token::AccessToken;

/// Between two requests for a token that was needed at once: a server whose tokens are dead on arrival is not asked in a loop.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// A token that another service refused is replaced at most this often.
const INVALIDATION_INTERVAL: Duration = Duration::from_secs(10);
/// A request that has said nothing for this long was left behind by a runtime that nobody drives any more.
const ABANDONED_AFTER: Duration = Duration::from_secs(15);

type Outcome = Result<AccessToken, ClientError>;
type Locked<'s> = Held<'s, State>;

/// The token of one set.
#[derive(Debug)]
pub(crate) struct Slot {
    exchange: Arc<Exchange>,
    request: TokenRequest,
    state: Journaled<State>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<AccessToken>,
    /// What another service refused, until there is a newer one.
    refused: Option<AccessToken>,
    in_flight: Option<InFlight>,
    started: u64,
    last_start: Option<Instant>,
    last_invalidation: Option<Instant>,
    failure: Option<(ClientError, Instant)>,
    failures_in_a_row: u32,
    last_use: Option<Instant>,
}

#[derive(Clone, Debug)]
struct InFlight {
    number: u64,
    due: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl State {
    fn backing_off(&self, now: Instant) -> Option<&ClientError> {
        self.failure.as_ref().filter(|(_, retry_at)| now < *retry_at).map(|(error, _)| error)
    }

    fn serving(&self, now: Instant) -> Option<&AccessToken> {
        self.token.as_ref().filter(|token| now < token.times.serves_until)
    }

    /// Where no other token can be had, the refused one is better than none: it may be good elsewhere.
    fn put_back(&mut self, now: Instant) -> Option<AccessToken> {
        let refused = self.refused.clone().filter(|token| now < token.times.serves_until);
        if refused.is_some() && self.serving(now).is_none() {
            self.token.clone_from(&refused);
        }
        self.serving(now).cloned()
    }

    fn is_refused(&self, token: &AccessToken) -> bool {
        self.refused.as_ref().is_some_and(|refused| refused.access_token == token.access_token)
    }
}

impl InFlight {
    /// Whether it has been silent for so long that nobody can be driving it.
    fn is_abandoned(&self, now: Instant) -> bool {
        now >= self.due + ABANDONED_AFTER
    }
}

fn spent(token: &AccessToken) -> ClientError {
    ClientError::Spent { lifetime: token.times.lifetime }
}

fn abandoned() -> ClientError {
    ClientError::Transport("the request ended with its runtime, or there is no tokio runtime".into())
}

impl Slot {
    pub(crate) fn new(exchange: Arc<Exchange>, request: TokenRequest) -> Self {
        Self { exchange, request, state: Journaled::default() }
    }

    /// The token, at once where there is one that serves.
    pub(crate) async fn token(self: &Arc<Self>) -> Outcome {
        match self.attempt().await {
            Ok(outcome) => outcome,
            // No fault of the server's, such as the end of the runtime of the caller that had started it.
            Err(_) => self.attempt().await.unwrap_or_else(Err),
        }
    }

    /// An error where the request that was waited for had no outcome that this caller could use.
    async fn attempt(self: &Arc<Self>) -> Result<Outcome, ClientError> {
        let now = Instant::now();
        let (mut request, launch) = {
            let mut state = self.state.lock();
            state.last_use = Some(now);
            if let Some(token) = state.serving(now).cloned() {
                let launch = self.renewal(&mut state, &token, now);
                drop(state);
                if let Some(launch) = launch {
                    launch.go();
                }
                return Ok(Ok(token));
            }
            if let Err(problem) = outbound::fit_runtime() {
                // Neither a request nor a timer could run.
                return state.put_back(now).map(Ok).ok_or_else(|| ClientError::Transport(problem.to_string()));
            }
            if let Some(request) = self.live(&mut state, now) {
                (request, None)
            } else if let Some(error) = state.backing_off(now) {
                return Ok(Err(error.clone()));
            } else {
                let due = state.last_start.map_or(now, |start| now.max(start + SHORTEST_INTERVAL));
                if let Err(error) = self.exchange.pause.admit(now, due) {
                    return Ok(state.put_back(now).ok_or(error));
                }
                let launch = self.begin(&mut state, due);
                (launch.request.clone(), Some(launch))
            }
        };
        if let Some(launch) = launch {
            launch.go();
        }
        // The request is bounded in itself and reports even where its task is dropped, but not where that merely stands still.
        let deadline = request.due + ABANDONED_AFTER;
        let reported = timeout_at(deadline, request.outcome.wait_for(Option::is_some)).await;
        let outcome = reported.ok().and_then(Result::ok).and_then(|outcome| outcome.clone()).ok_or_else(abandoned)?;
        match outcome {
            // It may have come long before this caller was woken.
            Ok(token) if token.times.is_spent(Instant::now()) => Err(spent(&token)),
            outcome => Ok(outcome),
        }
    }

    /// A request in the background, where the token that serves should be renewed.
    fn renewal(self: &Arc<Self>, state: &mut Locked<'_>, token: &AccessToken, now: Instant) -> Option<Launch> {
        let is_due = now >= token.times.fresh_until || state.is_refused(token);
        let interval = if state.failure.is_some() { SHORTEST_INTERVAL } else { token.times.renewal_interval };
        let waits_longer = state.last_start.is_some_and(|start| now < start + interval);
        if !is_due || waits_longer || state.backing_off(now).is_some() || outbound::fit_runtime().is_err() {
            return None;
        }
        // One that nobody drives is given up only for another.
        if self.live(state, now).is_some() || self.exchange.pause.admit(now, now).is_err() {
            return None;
        }
        Some(self.begin(state, now))
    }

    /// Puts the token aside if it is the one that another service refused, and not too soon after the last such case.
    pub(crate) fn invalidate(&self, refused: &AccessToken) {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.backing_off(now).is_some() || self.exchange.pause.reason(now).is_some() {
            // No other token can be had at the moment, and this one may still be good elsewhere.
            return;
        }
        let is_current = state.token.as_ref().is_some_and(|token| token.access_token == refused.access_token);
        if is_current && state.last_invalidation.is_none_or(|last| now >= last + INVALIDATION_INTERVAL) {
            let request = self.request.clone();
            state.log(move || {
                tracing::info!(target: "rampart", ?request, "an access token was refused by the service called; getting a new one");
            });
            state.last_invalidation = Some(now);
            state.refused = state.token.take();
            state.last_start = None;
        }
    }

    /// Whether the slot waits after a failure, which would be forgotten with it, and when it was last used; unless a request is in
    /// flight.
    pub(crate) fn idle_since(&self, now: Instant) -> Option<(bool, Instant)> {
        let state = self.state.lock();
        let is_busy = state.in_flight.as_ref().is_some_and(|request| !request.is_abandoned(now));
        if is_busy { None } else { Some((state.backing_off(now).is_some(), state.last_use.unwrap_or(now))) }
    }

    fn begin(self: &Arc<Self>, state: &mut State, due: Instant) -> Launch {
        state.started += 1;
        state.last_start = Some(due);
        let (sender, outcome) = watch::channel(None);
        let request = InFlight { number: state.started, due, outcome };
        state.in_flight = Some(request.clone());
        let report = Report { slot: Arc::clone(self), number: request.number, sender };
        Launch { request, report }
    }

    /// Notes how a request ended, and tells the waiters before anything is written to the log.
    fn complete(&self, number: u64, outcome: Outcome, tell: impl FnOnce(Outcome)) {
        let mut state = self.state.lock();
        tell(self.note(&mut state, number, outcome));
    }

    fn note(&self, state: &mut Locked<'_>, number: u64, outcome: Outcome) -> Outcome {
        let now = Instant::now();
        let outcome = outcome.and_then(|token| if token.times.is_spent(now) { Err(spent(&token)) } else { Ok(token) });
        let Some(request) = state.in_flight.take_if(|request| request.number == number) else { return outcome };
        match &outcome {
            Ok(token) => {
                // One that is dead on arrival does not push out one that lives.
                if now < token.times.serves_until || state.serving(now).is_none() {
                    state.token = Some(token.clone());
                    state.refused = None;
                }
                self.exchange.pause.succeeded(request.due);
                state.failure = None;
                state.failures_in_a_row = 0;
                let (request, lifetime) = (self.request.clone(), token.times.lifetime);
                state.log(move || {
                    tracing::debug!(target: "rampart", ?request, lifetime_s = lifetime.as_secs_f64(), "a new access token");
                });
            }
            Err(error) => {
                self.fail(state, error.clone(), request.due, now);
                if let Some(token) = state.put_back(now) {
                    return Ok(token);
                }
            }
        }
        outcome
    }

    fn fail(&self, state: &mut Locked<'_>, error: ClientError, start: Instant, now: Instant) {
        state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
        let failures = state.failures_in_a_row;
        let wait = self.exchange.pause.failed(&error, failures, start, now);
        state.failure = Some((error.clone(), now + wait));
        let (request, url) = (self.request.clone(), self.exchange.location.without_query());
        state.log(move || {
            tracing::warn!(
                target: "rampart", url, ?request, %error, failures, retry_in_ms = wait.as_millis(),
                "a request for an access token failed"
            );
        });
    }

    fn live(&self, state: &mut Locked<'_>, now: Instant) -> Option<InFlight> {
        self.give_up(state, |request| request.is_abandoned(now));
        state.in_flight.clone()
    }

    /// No fault of the server's: the next caller starts anew, without a back-off, and the next renewal comes no sooner for it.
    fn give_up(&self, state: &mut Locked<'_>, is_lost: impl FnOnce(&InFlight) -> bool) {
        if state.in_flight.take_if(|request| is_lost(request)).is_none() {
            return;
        }
        let error = abandoned();
        let request = self.request.clone();
        state.log(move || tracing::warn!(target: "rampart", ?request, %error, "no access token could be had"));
    }
}

/// A request that is noted but not yet running; its task is spawned without the lock, which its report needs.
#[must_use]
struct Launch {
    request: InFlight,
    report: Report,
}

impl Launch {
    fn go(self) {
        let Self { request: InFlight { due, .. }, report } = self;
        let Ok(runtime) = Handle::try_current() else { return drop(report) };
        runtime.spawn(async move {
            if due > Instant::now() {
                sleep_until(due).await;
            }
            if !report.is_awaited() {
                return;
            }
            let outcome = report.slot.exchange.run(&report.slot.request).await;
            report.finish(outcome);
        });
    }
}

/// Tells the slot and the waiters how a request ended, also where its task is dropped half-way.
struct Report {
    slot: Arc<Slot>,
    number: u64,
    sender: watch::Sender<Option<Outcome>>,
}

impl Report {
    /// Whether the slot still counts on this request: where nobody drove the runtime for long, others may have followed it.
    fn is_awaited(&self) -> bool {
        self.slot.state.lock().in_flight.as_ref().is_some_and(|request| request.number == self.number)
    }

    fn finish(self, outcome: Outcome) {
        self.slot.complete(self.number, outcome, |outcome| drop(self.sender.send_replace(Some(outcome))));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // Does nothing after a report.
        let mut state = self.slot.state.lock();
        self.slot.give_up(&mut state, |request| request.number == self.number);
    }
}
