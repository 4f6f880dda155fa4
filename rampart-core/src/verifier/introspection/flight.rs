//! One question about one token, as a flight of its own: whoever needs the answer waits for it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_http::single_flight::{End, Flight, Joined, Order, Owner, Patience, SingleFlight};
use rampart_http::{AnswerFormat, IntrospectionError, Question, Secret};
use tokio::time::Instant;

use super::memory::{Active, Key, REFUSED_FOR};
use super::traffic::Standing;
use super::{Asked, Introspected, signed, unavailable};
use crate::clock;
use crate::event::Event;
use crate::rule::Refusal;
use crate::token::answer::{self, Believed, Flaw};
use crate::token::claims::Claims;
use crate::verifier::trusted::Trusted;

/// A question that has said nothing for so long was left behind by a runtime that nobody drives any more.
const PATIENCE: Patience = Patience::UnderWay {
    limit: Duration::from_secs(40),
    late: Duration::from_secs(1),
    silence: Duration::from_secs(10),
};

/// A question that nobody has come to ask for so long was left behind as well: whoever waits for it sends a further task each second.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// What those who wait are told.
pub(super) type Outcome = Result<Arc<Active>, Refusal>;

pub(super) struct Asking {
    issuer: Arc<Trusted>,
    key: Key,
    /// `None` where it is no text, which no token is.
    token: Secret,
    own: Option<Arc<Claims>>,
    pub(super) standing: Standing,
    /// When it was let through.
    begun: Instant,
    flight: Mutex<SingleFlight<(), Outcome>>,
}

/// What has come of a question.
pub(super) enum Answer {
    Active(Active),
    /// The issuer, or a rule for what it says.
    Refused(Refusal),
    /// There is no answer.
    Failed(IntrospectionError),
    /// There is one, and it is none.
    Malformed(Cow<'static, str>),
}

impl Asking {
    pub(super) fn new(issuer: &Arc<Trusted>, asked: Asked<'_>, standing: Standing, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            issuer: Arc::clone(issuer),
            key: asked.key,
            // ASCII, as V1 has found.
            token: Secret::new(String::from_utf8_lossy(asked.bytes).into_owned()),
            own: asked.own.cloned(),
            standing,
            begun: now,
            flight: Mutex::new(SingleFlight::new(PATIENCE)),
        })
    }

    pub(super) fn begin(self: &Arc<Self>, now: Instant) -> Joined<Self> {
        self.flight.lock().begin(self, now, ())
    }

    /// For one more who waits, unless nothing will come of it.
    pub(super) fn join(self: &Arc<Self>, now: Instant) -> Option<Joined<Self>> {
        let mut flight = self.flight.lock();
        if flight.take_abandoned(now).is_some() { None } else { flight.join(self, now) }
    }

    /// Whether nothing will come of it, nor may: it is not asked any more then.
    pub(super) fn is_abandoned(&self, now: Instant) -> bool {
        let mut flight = self.flight.lock();
        let unasked =
            flight.current().filter(|flight| flight.under_way().is_none() && now >= flight.due() + LEFT_BEHIND);
        if let Some(number) = unasked.map(Flight::number) {
            flight.land(number);
        }
        flight.take_abandoned(now).is_some() || flight.current().is_none()
    }

    /// What the answer makes of the token.
    async fn judge(&self, asks: &Introspected) -> Answer {
        let asked = (Instant::now(), asks.clock.now().unwrap_or_default());
        let question = Question::new(self.token.expose(), asks.terms.format);
        let text = match asks.introspector.introspect(question).await {
            Ok(text) => text,
            Err(error) => return Answer::Failed(error),
        };
        let text = if asks.terms.format == AnswerFormat::Jwt {
            match signed::open(&self.issuer, &text, asks.introspector.client_id(), &asks.clock).await {
                Ok(text) => text,
                Err(why) => return Answer::Malformed(why.into()),
            }
        } else {
            text
        };
        let Some(now) = asks.clock.now() else { return Answer::Malformed("the clock stands before 1970".into()) };
        let rules = &self.issuer.rules;
        let claims = match &self.own {
            Some(own) => match answer::beside(&text, own, rules, now) {
                Ok(None) => Ok((Arc::clone(own), true)),
                Ok(Some(narrowed)) => Ok((Arc::new(narrowed), true)),
                Err(flaw) => Err(flaw),
            },
            None => {
                let until = asked.1 + asks.terms.cache_for.max(asks.terms.serve_stale);
                let believed = Believed {
                    until,
                    audience_is_checked: asks.terms.audience_is_checked,
                    any_kind: asks.terms.any_kind,
                };
                answer::of_opaque(&text, believed, rules, now).map(|(valid, has_end)| {
                    for claim in valid.mistyped {
                        asks.listeners.tell(&Event::ClaimMistyped { claim });
                    }
                    (Arc::new(valid.claims.into()), has_end)
                })
            }
        };
        match claims {
            Ok((claims, has_end)) => Answer::Active(Active::new(claims, has_end, asked, asks.terms.cache_for)),
            Err(Flaw::Refused(refusal)) => Answer::Refused(refusal),
            Err(Flaw::Malformed(why)) => Answer::Malformed(why),
        }
    }
}

impl Owner for Asking {
    type Purpose = ();
    type Question = ();
    type Answer = Option<Answer>;
    type Outcome = Outcome;

    fn set_out(&self, number: u64) -> Option<(Order<Outcome>, ())> {
        self.flight.lock().set_out(number, Instant::now())
    }

    async fn exchange(&self, (): ()) -> Option<Answer> {
        Some(self.judge(self.issuer.introspected.as_ref()?).await)
    }

    fn land(self: &Arc<Self>, number: u64, end: End<Option<Answer>>, tell: impl FnOnce(Outcome)) {
        let Some(asks) = self.issuer.introspected.as_ref() else { return };
        let is_current = self.flight.lock().land(number).is_some();
        let answer = match end {
            End::Made(answer) => answer,
            // Not for whoever comes next to bring about again at once.
            End::Panicked => {
                Some(Answer::Failed(IntrospectionError::Unusable("the client that asks has panicked over it".into())))
            }
            End::Abandoned => None,
        };
        if let (true, Some(answer)) = (is_current, answer) {
            asks.take(self, answer, tell);
        }
        if is_current {
            asks.forget(self);
        }
    }
}

impl Introspected {
    /// What has come is remembered before anybody is told, and the log is written last.
    fn take(&self, asking: &Asking, answer: Answer, tell: impl FnOnce(Outcome)) {
        let (key, now) = (asking.key, Instant::now());
        let name = asking.issuer.name();
        match answer {
            Answer::Active(active) => {
                let active = Arc::new(active);
                self.state.lock().traffic.succeeded();
                self.memory.keep(key, Arc::clone(&active));
                tell(Ok(active));
            }
            Answer::Refused(refusal) => {
                self.state.lock().traffic.succeeded();
                self.memory.refuse(key, refusal.clone(), now);
                tell(Err(refusal));
            }
            Answer::Malformed(why) => {
                let refusal = unavailable(REFUSED_FOR, "the issuer's answer about the token cannot be used");
                self.memory.put_off(key, refusal.clone(), now);
                tell(Err(refusal));
                self.report(name, &format!("its answer cannot be used: {why}"), false, None);
            }
            Answer::Failed(error) => {
                let (pause, wait, is_fault) = {
                    let traffic = &mut self.state.lock().traffic;
                    match &error {
                        IntrospectionError::Unauthorized(_) | IntrospectionError::Misconfigured(_) => {
                            let pause = traffic.refused(now);
                            (pause, traffic.rest(now), true)
                        }
                        IntrospectionError::Unavailable { retry_after, .. } => {
                            let pause = traffic.failed(asking.standing, asking.begun, *retry_after, now);
                            (pause, pause.max(*retry_after), false)
                        }
                        _ => (None, None, false),
                    }
                };
                let wait = wait.unwrap_or(REFUSED_FOR);
                let refusal = unavailable(wait, "the issuer cannot be asked about the token");
                self.memory.put_off(key, refusal.clone(), now);
                tell(Err(refusal));
                self.report(name, &error.to_string(), is_fault, pause);
            }
        }
    }

    fn forget(&self, asking: &Arc<Asking>) {
        let mut state = self.state.lock();
        if state.flights.get(&asking.key).is_some_and(|current| Arc::ptr_eq(current, asking)) {
            state.give_up(&asking.key);
        }
    }

    /// Anybody can bring failures about, so that the log has one line a second; what is the operator's fault pauses, and always has one.
    fn report(&self, issuer: &str, error: &str, is_fault: bool, pause: Option<Duration>) {
        let line = if pause.is_some() { Some(0) } else { self.lines.line(clock::uptime()) };
        let left_out = line.unwrap_or_default();
        let event = Event::IntrospectionFailed { issuer, error, is_fault, pause, left_out };
        if line.is_some() { self.listeners.tell(&event) } else { self.listeners.tell_all_but_the_log(&event) }
    }
}
