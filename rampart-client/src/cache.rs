//! One set of scopes and parameters: its token, the request for the next one, and the waits after failures.

use std::sync::Arc;
use std::time::Duration;

use rampart_http::EndpointUrl;
use rampart_http::outbox::{Notes, Outbox};
use rampart_http::single_flight::{End, Joined, Order, Owner, Patience, SingleFlight, Word};
use tokio::time::Instant;

use crate::error::{Blame, ClientError};
use crate::exchange::{Answer, Exchange};
use crate::news::News;
use crate::pause::{Failure, Sentence, Turn};
use crate::request::TokenRequest;
use crate::sets::Standing;
use crate::token::AccessToken;
use crate::turns::Candidate;

/// Between two requests for a token that was needed at once: a server whose tokens are dead on arrival is not asked in a loop.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// A token that another service refused is replaced at most this often.
const INVALIDATION_INTERVAL: Duration = Duration::from_secs(10);
/// A request that has said nothing for so much longer than it may take was left behind by a runtime that nobody drives any more.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) type Outcome = Result<AccessToken, ClientError>;

/// The token of one set.
#[derive(Debug)]
pub(crate) struct Slot {
    exchange: Arc<Exchange>,
    request: TokenRequest,
    state: Outbox<State>,
}

#[derive(Debug)]
struct State {
    token: Option<AccessToken>,
    /// What another service refused, until there is a newer one.
    refused: Option<AccessToken>,
    flights: SingleFlight<(), Outcome>,
    last_start: Option<Instant>,
    last_invalidation: Option<Instant>,
    failure: Option<(ClientError, Instant)>,
    failures_in_a_row: u32,
    /// Since when it has been refused for a reason that others should meet too.
    refused_since: Option<(Blame, Instant)>,
    is_outlier: bool,
    last_use: Option<Instant>,
    news: Vec<News>,
}

impl Notes for State {
    type News = News;

    fn news(&mut self) -> &mut Vec<News> {
        &mut self.news
    }
}

impl State {
    fn new(patience: Duration) -> Self {
        Self {
            token: None,
            refused: None,
            flights: SingleFlight::new(Patience::SinceDue(patience)),
            last_start: None,
            last_invalidation: None,
            failure: None,
            failures_in_a_row: 0,
            refused_since: None,
            is_outlier: false,
            last_use: None,
            news: Vec::new(),
        }
    }

    fn backing_off(&self, now: Instant) -> Option<&ClientError> {
        self.failure.as_ref().filter(|(_, retry_at)| now < *retry_at).map(|(error, _)| error)
    }

    fn serving(&self, now: Instant) -> Option<&AccessToken> {
        self.token.as_ref().filter(|token| now < token.times.serves_until)
    }

    fn earliest_start(&self, now: Instant) -> Instant {
        self.last_start.map_or(now, |start| now.max(start + SHORTEST_INTERVAL))
    }

    /// Since when failures in a row are of this kind; those of what was asked for alone count to neither.
    fn refused_since(&mut self, blame: Blame, now: Instant) -> Instant {
        match self.refused_since {
            Some((known, since)) if known == blame => since,
            _ => {
                self.refused_since = Some((blame, now)).filter(|_| blame != Blame::Set).or(self.refused_since);
                now
            }
        }
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
    pub(crate) fn new(exchange: Arc<Exchange>, request: TokenRequest) -> Self {
        let told = request.clone();
        let state = Outbox::new(State::new(exchange.limit + GRACE), move |news| news.log(&told));
        Self { exchange, request, state }
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
        let by = request.due() + self.exchange.limit + GRACE;
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
        let is_due = now >= token.times.fresh_until || state.is_refused(token);
        let interval = if state.failure.is_some() { SHORTEST_INTERVAL } else { token.times.renewal_interval };
        let waits_longer = state.last_start.is_some_and(|start| now < start + interval);
        if !is_due || waits_longer || state.backing_off(now).is_some() || rampart_http::fit_runtime().is_err() {
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

    fn admit(self: &Arc<Self>, state: &State, now: Instant, due: Instant) -> Turn {
        let candidate = Candidate {
            slot: Arc::downgrade(self),
            serves_until: state.serving(now).map(|token| token.times.serves_until),
            failures: state.failures_in_a_row,
            is_outlier: state.is_outlier,
        };
        self.exchange.pause.admit(&candidate, now, due + self.exchange.limit)
    }

    /// Makes the request that this set has asked for in vain, now that another one has left it the turn.
    fn go_ahead(self: Arc<Self>, now: Instant) -> Option<Joined<Self>> {
        let mut request = {
            let mut state = self.state.lock();
            let is_fresh = state.serving(now).is_some_and(|token| now < token.times.fresh_until);
            if is_fresh || self.live(&mut state, now).is_some() || state.backing_off(now).is_some() {
                self.exchange.pause.nothing_came_of_it(&Arc::downgrade(&self));
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
        if state.backing_off(now).is_some() || self.exchange.pause.reason(now).is_some() {
            // No other token can be had at the moment, and this one may still be good elsewhere.
            return;
        }
        let is_current = state.token.as_ref().is_some_and(|token| token.access_token == refused.access_token);
        if is_current && state.last_invalidation.is_none_or(|last| now >= last + INVALIDATION_INTERVAL) {
            state.news.push(News::Refused);
            state.last_invalidation = Some(now);
            state.refused = state.token.take();
            state.last_start = None;
        }
    }

    pub(crate) fn standing(&self, now: Instant) -> Standing {
        let state = self.state.lock();
        Standing {
            serves: state.serving(now).is_some(),
            is_busy: state.flights.is_live(now),
            is_backing_off: state.backing_off(now).is_some(),
            last_use: state.last_use.unwrap_or(now),
        }
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
                // One that is dead on arrival does not push out one that lives.
                if now < token.times.serves_until || state.serving(now).is_none() {
                    state.token = Some(token.clone());
                    state.refused = None;
                }
                self.exchange.pause.succeeded(flight.due());
                state.failure = None;
                state.failures_in_a_row = 0;
                state.refused_since = None;
                state.is_outlier = false;
                state.news.push(News::Got { lifetime: token.times.lifetime });
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
        state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
        let (failures, since) = (state.failures_in_a_row, state.refused_since(error.blame(), now));
        let slot = &Arc::downgrade(self);
        let failure = Failure { slot, error: &error, failures, since, start };
        let Sentence { wait, is_outlier } = self.exchange.pause.failed(&failure, now);
        state.is_outlier = is_outlier;
        state.failure = Some((error.clone(), now + wait));
        state.news.push(News::Failed { url: asked.without_query(), error, failures, retry_in: wait });
    }

    fn live(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Joined<Self>> {
        if state.flights.give_up(now).is_some() {
            self.lose(state);
        }
        state.flights.join(self, now)
    }

    /// No fault of the server's: the next caller starts anew, without a back-off, and the next renewal comes no sooner for it.
    fn lose(self: &Arc<Self>, state: &mut State) {
        self.exchange.pause.nothing_came_of_it(&Arc::downgrade(self));
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
        self.exchange.run(&self.request).await
    }

    /// Tells the waiters before anything is written to the log.
    fn land(self: &Arc<Self>, number: u64, end: End<Answer>, tell: impl FnOnce(Outcome)) {
        let mut state = self.state.lock();
        match end {
            End::Made(answer) => tell(self.note(&mut state, number, answer)),
            End::Panicked | End::LeftBehind => {
                if state.flights.land(number).is_some() {
                    self.lose(&mut state);
                }
            }
        }
    }
}
