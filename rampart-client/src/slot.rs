//! One set of scopes and parameters: whoever asks for its token gets it, and sees to the request for the next one.

use std::sync::Arc;
use std::time::Duration;

use rampart_http::EndpointUrl;
use rampart_http::outbox::Outbox;
use rampart_http::single_flight::{End, Joined, Order, Owner, Word};
use tokio::time::Instant;

use crate::error::ClientError;
use crate::exchange::{Answer, Exchange};
use crate::news::News;
use crate::pause::{Failure, Pause, Sentence, Turn};
use crate::request::TokenRequest;
use crate::state::{Outcome, Standing, State};
use crate::token::AccessToken;
use crate::turns::Candidate;

/// A request that has said nothing for so much longer than it may take was left behind by a runtime that nobody drives any more.
const GRACE: Duration = Duration::from_secs(10);

/// What all sets of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) exchange: Exchange,
    pub(crate) pause: Pause<Slot>,
}

/// The token of one set.
#[derive(Debug)]
pub(crate) struct Slot {
    shared: Arc<Shared>,
    request: TokenRequest,
    state: Outbox<State>,
}

/// What a caller has to do.
enum Step {
    /// Nothing: this is what it gets.
    Done(Outcome),
    /// As before, and to see to a renewal.
    Renew(AccessToken, Renewal),
    /// To wait for a request.
    Wait(Joined<Slot>),
    /// To see to the request of another set, whose turn it is.
    Yield(Arc<Slot>, ClientError),
}

/// A request in the background: for the set itself, or for another one whose turn it is.
enum Renewal {
    Own(Joined<Slot>),
    Others(Arc<Slot>),
}

impl Renewal {
    fn go(self, now: Instant) {
        match self {
            Self::Own(mut request) => request.go(),
            Self::Others(slot) => drop(slot.go_ahead(now)),
        }
    }
}

fn spent(token: &AccessToken) -> ClientError {
    ClientError::Spent { lifetime: token.times.lifetime }
}

fn abandoned() -> ClientError {
    ClientError::Transport("the request for a token ended with its runtime, or there is no tokio runtime".into())
}

impl Slot {
    pub(crate) fn new(shared: Arc<Shared>, request: TokenRequest) -> Self {
        let told = request.clone();
        let state = Outbox::new(State::new(shared.exchange.endpoint.limit + GRACE), move |news| news.log(&told));
        Self { shared, request, state }
    }

    /// The token, at once where there is one that serves.
    pub(crate) async fn token(self: &Arc<Self>) -> Outcome {
        match self.attempt(true).await {
            Ok(outcome) => outcome,
            // No fault of the server's, such as the end of the runtime of the caller that had started it; or another set has
            // gone first.
            Err(_) => self.attempt(false).await.unwrap_or_else(Err),
        }
    }

    /// An error where what was waited for had no outcome that this caller could use, so that it may try once more.
    async fn attempt(self: &Arc<Self>, waits_for_others: bool) -> Result<Outcome, ClientError> {
        let now = Instant::now();
        let request = match self.step(now) {
            Step::Done(outcome) => return Ok(outcome),
            Step::Renew(token, renewal) => {
                renewal.go(now);
                return Ok(Ok(token));
            }
            Step::Wait(request) => request,
            Step::Yield(other, error) => {
                let Some(request) = other.go_ahead(now).filter(|_| waits_for_others) else { return Ok(Err(error)) };
                drop(self.outcome(request).await);
                return Err(error);
            }
        };
        match self.outcome(request).await.ok_or_else(abandoned)? {
            // It may have come long before this caller was woken.
            Ok(token) if token.times.is_spent(Instant::now()) => Err(spent(&token)),
            outcome => Ok(outcome),
        }
    }

    /// `None` where there is none: a request is bounded in itself, and its end is told even where its task is dropped, but not
    /// where that merely stands still.
    async fn outcome(&self, request: Joined<Self>) -> Option<Outcome> {
        let by = request.due() + self.shared.exchange.endpoint.limit + GRACE;
        if let Word::Outcome(outcome) = request.outcome(by).await { Some(outcome) } else { None }
    }

    fn step(self: &Arc<Self>, now: Instant) -> Step {
        let mut state = self.state.lock();
        state.last_use = Some(now);
        if let Some(token) = state.serving(now).cloned() {
            return match self.renewal(&mut state, &token, now) {
                Some(renewal) => Step::Renew(token, renewal),
                None => Step::Done(Ok(token)),
            };
        }
        if let Err(problem) = rampart_http::fit_runtime() {
            // Neither a request nor a timer could run.
            return Step::Done(state.put_back(now).ok_or_else(|| ClientError::Transport(problem.to_string())));
        }
        if let Some(request) = self.live(&mut state, now) {
            return Step::Wait(request);
        }
        if let Some(error) = state.backing_off(now) {
            return Step::Done(Err(error.clone()));
        }
        let due = state.earliest_start(now);
        match self.admit(&state, now, due) {
            Turn::Own => Step::Wait(self.begin(&mut state, due)),
            Turn::Nobodys(error) => Step::Done(state.put_back(now).ok_or(error)),
            Turn::Other(other, error) => Step::Yield(other, error),
        }
    }

    /// A request in the background, where the token that serves should be renewed.
    fn renewal(self: &Arc<Self>, state: &mut State, token: &AccessToken, now: Instant) -> Option<Renewal> {
        if !state.may_renew(token, now) || rampart_http::fit_runtime().is_err() {
            return None;
        }
        // One that nobody drives is given up only for another.
        if self.live(state, now).is_some() {
            return None;
        }
        match self.admit(state, now, now) {
            Turn::Own => Some(Renewal::Own(self.begin(state, now))),
            Turn::Nobodys(_) => None,
            Turn::Other(other, _) => Some(Renewal::Others(other)),
        }
    }

    fn admit(self: &Arc<Self>, state: &State, now: Instant, due: Instant) -> Turn<Self> {
        let candidate = Candidate {
            slot: Arc::downgrade(self),
            serves_until: state.serving(now).map(|token| token.times.serves_until),
            failures: state.failures_in_a_row,
            is_outlier: state.is_outlier,
        };
        self.shared.pause.admit(&candidate, now, due + self.shared.exchange.endpoint.limit)
    }

    /// Makes the request that this set was refused before, now that it is its turn.
    fn go_ahead(self: Arc<Self>, now: Instant) -> Option<Joined<Self>> {
        let mut request = {
            let mut state = self.state.lock();
            let is_fresh = state.serving(now).is_some_and(|token| now < token.times.fresh_until);
            if is_fresh || self.live(&mut state, now).is_some() || state.backing_off(now).is_some() {
                self.shared.pause.nothing_came_of_it(&Arc::downgrade(&self));
                return None;
            }
            let due = state.earliest_start(now);
            self.begin(&mut state, due)
        };
        request.go();
        Some(request)
    }

    /// Puts the token aside if it is the one that another service refused, and not too soon after the last such case.
    pub(crate) fn invalidate(&self, refused: &AccessToken) {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.backing_off(now).is_some() || self.shared.pause.reason(now).is_some() {
            // No other token can be had at the moment, and this one may still be good elsewhere.
            return;
        }
        state.invalidate(refused, now);
    }

    /// Forgets the token if it is this one.
    pub(crate) fn discard(&self, revoked: &str) {
        self.state.lock().discard(revoked);
    }

    pub(crate) fn standing(&self, now: Instant) -> Standing {
        self.state.lock().standing(now)
    }

    fn begin(self: &Arc<Self>, state: &mut State, due: Instant) -> Joined<Self> {
        state.last_start = Some(due);
        state.flights.begin(self, due, ())
    }

    fn note(self: &Arc<Self>, state: &mut State, number: u64, answer: Answer) -> Outcome {
        let Answer { asked, outcome } = answer;
        let now = Instant::now();
        let outcome = outcome.and_then(|token| if token.times.is_spent(now) { Err(spent(&token)) } else { Ok(token) });
        let Some(flight) = state.flights.land(number) else { return outcome };
        match &outcome {
            Ok(token) => {
                self.shared.pause.succeeded(flight.due());
                state.succeed(token, now);
            }
            Err(error) => {
                self.fail(state, &asked, error.clone(), flight.due(), now);
                if let Some(token) = state.put_back(now) {
                    return Ok(token);
                }
            }
        }
        outcome
    }

    fn fail(
        self: &Arc<Self>,
        state: &mut State,
        asked: &EndpointUrl,
        error: ClientError,
        start: Instant,
        now: Instant,
    ) {
        let (failures, since) = state.count_failure(error.blame(), now);
        let slot = &Arc::downgrade(self);
        let failure = Failure { slot, error: &error, failures, since, start };
        let Sentence { wait, is_outlier } = self.shared.pause.failed(&failure, now);
        state.is_outlier = is_outlier;
        state.failure = Some((error.clone(), now + wait));
        state.news.push(News::Failed { url: asked.without_query(), error, failures, retry_in: wait });
    }

    fn live(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Joined<Self>> {
        if state.flights.take_abandoned(now).is_some() {
            self.lose(state);
        }
        state.flights.join(self, now)
    }

    /// No fault of the server's: the next caller starts anew, without a back-off, and the next renewal comes no sooner for it.
    fn lose(self: &Arc<Self>, state: &mut State) {
        self.shared.pause.nothing_came_of_it(&Arc::downgrade(self));
        state.news.push(News::Lost { error: abandoned() });
    }
}

impl Owner for Slot {
    type Purpose = ();
    type Question = ();
    type Answer = Answer;
    type Outcome = Outcome;

    fn set_out(&self, number: u64) -> Option<(Order<Outcome>, ())> {
        self.state.lock().flights.set_out(number, Instant::now())
    }

    async fn exchange(&self, (): ()) -> Answer {
        self.shared.exchange.run(&self.request).await
    }

    /// Tells the waiters before anything is written to the log.
    fn land(self: &Arc<Self>, number: u64, end: End<Answer>, tell: impl FnOnce(Outcome)) {
        let mut state = self.state.lock();
        match end {
            End::Made(answer) => tell(self.note(&mut state, number, answer)),
            End::Panicked | End::Abandoned => {
                if state.flights.land(number).is_some() {
                    self.lose(&mut state);
                }
            }
        }
    }
}
