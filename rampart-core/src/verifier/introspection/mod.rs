//! What the issuer says of a token (RFC 7662): asked once for all who wait, believed for a while.
//!
//! [`Introspected::look`] says what is known without waiting; [`Introspected::ask`] asks. A flood of tokens that nobody knows has places of
//! its own everywhere: among the questions that are under way ([`traffic`]) and in what is remembered ([`memory`]).

mod flight;
mod memory;
mod shape;
mod signed;
mod traffic;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_http::single_flight::{Joined, Word};
use rampart_http::{IntrospectionMode, TokenIntrospector};
use tokio::time::Instant;

use self::flight::Asking;
use self::memory::{Active, Key, Memory};
use self::traffic::{Full, Standing, Traffic};
use super::Presented;
use super::strangers::Strangers;
use super::trusted::Trusted;
use crate::answer::error::AuthError;
use crate::clock::Clock;
use crate::event::Listeners;
use crate::introspection::{Introspection, Terms};
use crate::jwks::budget::SharedUnavailables;
use crate::jwks::cache::Surroundings;
use crate::rule::{Refusal, Rule};
use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;

/// How long a request waits for an answer.
const WAIT: Duration = Duration::from_secs(5);
/// Who waits looks this often whether somebody still drives the question.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// When a request that found too many others makes sense again.
const BUSY: Duration = Duration::from_secs(1);

/// The questions to one issuer, and its answers.
pub(crate) struct Introspected {
    introspector: Arc<dyn TokenIntrospector>,
    terms: Terms,
    memory: Memory,
    state: Mutex<State>,
    unavailables: SharedUnavailables,
    clock: Clock,
    listeners: Listeners,
    lines: Strangers,
}

#[derive(Default)]
struct State {
    traffic: Traffic,
    flights: HashMap<Key, Arc<Asking>>,
}

/// A token to be asked about.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'t> {
    pub(crate) bytes: &'t [u8],
    key: Key,
    /// Its claims, where they were verified.
    pub(crate) own: Option<&'t Arc<Claims>>,
}

impl<'t> Asked<'t> {
    pub(crate) fn about(token: Presented<'t>, own: Option<&'t Arc<Claims>>) -> Self {
        let Presented { bytes, identity } = token;
        Self { bytes, key: identity.unwrap_or_else(|| Fingerprint::of(bytes)), own }
    }

    const fn standing(self, is_known: bool) -> Standing {
        Standing { is_known, is_verified: self.own.is_some() }
    }
}

/// What is known of a token without asking.
pub(crate) enum Look {
    Good(Arc<Claims>),
    Refused(Refusal),
    Unknown,
}

/// How it is, by the time: for a token that is believed for a while, asked with each request.
pub(crate) type InTime<'f> = &'f (dyn Fn(&Claims) -> Result<(), Refusal> + Sync);

pub(crate) fn is_opaque(token: &[u8]) -> bool {
    !shape::is_jwt(token)
}

impl Introspected {
    pub(crate) fn new(introspection: &Introspection, surroundings: &Surroundings) -> Self {
        let Introspection { introspector, terms } = introspection.clone();
        let Surroundings { clock, listeners, unavailables } = surroundings.clone();
        Self {
            introspector,
            memory: Memory::new(terms.cache_bytes),
            terms,
            state: Mutex::default(),
            unavailables,
            clock,
            listeners,
            lines: Strangers::default(),
        }
    }

    /// Whether tokens that are verified here are asked about as well.
    pub(crate) fn is_for_every_token(&self) -> bool {
        self.terms.mode == IntrospectionMode::EveryToken
    }

    /// Whether an opaque token may be one of this issuer's.
    pub(crate) fn may_know(&self, token: &[u8]) -> bool {
        let Terms { token_prefix, token_lengths, .. } = &self.terms;
        token_prefix.as_ref().is_none_or(|prefix| token.starts_with(prefix.as_bytes()))
            && token_lengths.as_ref().is_none_or(|lengths| lengths.contains(&token.len()))
    }

    /// How its opaque tokens begin: nothing where any may be one.
    pub(crate) fn prefix(&self) -> &str {
        self.terms.token_prefix.as_deref().unwrap_or_default()
    }

    /// What is known without waiting; where an answer is to be renewed, that begins.
    pub(crate) fn look(&self, issuer: &Arc<Trusted>, asked: Asked<'_>, wall: Duration, in_time: InTime<'_>) -> Look {
        let now = Instant::now();
        let active = self.memory.active(&asked.key, now);
        if let Some(active) = &active {
            let is_fresh = active.is_fresh(now, wall);
            if (is_fresh || active.has_end)
                && let Err(refusal) = in_time(&active.claims)
            {
                return Look::Refused(refusal);
            }
            if is_fresh {
                if active.is_due(now) {
                    self.renew(issuer, asked, now);
                }
                return Look::Good(Arc::clone(&active.claims));
            }
        }
        let Some(refused) = self.memory.refused(&asked.key, now) else { return Look::Unknown };
        let mut refusal = refused.refusal.clone();
        if let AuthError::StateUnavailable { retry_after } = &mut refusal.error {
            *retry_after = refused.until.saturating_duration_since(now);
            let standing = asked.standing(active.is_some());
            return self
                .without_answer(active.as_deref(), refusal, standing, wall)
                .map_or_else(Look::Refused, Look::Good);
        }
        Look::Refused(refusal)
    }

    /// Asks the issuer, or waits for what somebody else has asked.
    pub(crate) async fn ask(
        &self,
        issuer: &Arc<Trusted>,
        asked: Asked<'_>,
        in_time: InTime<'_>,
    ) -> Result<Arc<Claims>, Refusal> {
        let deadline = Instant::now() + WAIT;
        let mut attempts_left = 2;
        loop {
            let now = Instant::now();
            let Some(wall) = self.clock.now() else { return Err(no_clock()) };
            match self.look(issuer, asked, wall, in_time) {
                Look::Good(claims) => return Ok(claims),
                Look::Refused(refusal) => return Err(refusal),
                Look::Unknown => {}
            }
            let active = self.memory.active(&asked.key, now);
            let standing = asked.standing(active.is_some());
            let without_answer =
                |refusal, active: Option<&Active>| self.without_answer(active, refusal, standing, wall);
            if rampart_http::fit_runtime().is_err() {
                return without_answer(unavailable(BUSY, "the issuer cannot be asked without a tokio runtime"), None);
            }
            let joined = match self.join(issuer, asked, standing, now) {
                Ok(joined) => joined,
                Err(Full::Busy) => {
                    return without_answer(unavailable(BUSY, "too many tokens are being asked about"), None);
                }
                Err(Full::Paused(pause)) => {
                    let refusal = unavailable(pause, "the issuer could not be asked a moment ago");
                    return without_answer(refusal, active.as_deref());
                }
            };
            match joined.outcome(deadline.min(now + LOOK_AGAIN)).await {
                Word::Outcome(Ok(active)) => {
                    in_time(&active.claims)?;
                    return Ok(Arc::clone(&active.claims));
                }
                Word::Outcome(Err(refusal)) if matches!(refusal.error, AuthError::StateUnavailable { .. }) => {
                    return without_answer(refusal, active.as_deref());
                }
                Word::Outcome(Err(refusal)) => return Err(refusal),
                Word::Nothing if attempts_left > 1 => attempts_left -= 1,
                Word::NotYet if Instant::now() < deadline => {}
                Word::Nothing | Word::NotYet => {
                    let refusal = unavailable(BUSY, "the issuer has not answered in time");
                    return without_answer(refusal, active.as_deref());
                }
            }
        }
    }

    /// What becomes of a request for which the issuer cannot be asked. `active` is what it said before, where its failure counts.
    fn without_answer(
        &self,
        active: Option<&Active>,
        refusal: Refusal,
        standing: Standing,
        wall: Duration,
    ) -> Result<Arc<Claims>, Refusal> {
        let now = Instant::now();
        if let Some(active) = active
            && active.was_active_within(self.terms.serve_stale, now, wall)
        {
            return Ok(Arc::clone(&active.claims));
        }
        if standing.is_stranger() && !self.unavailables.admit_unasked(now) {
            return Err(Refusal::invalid(Rule::I3, "the issuer cannot be asked now, and too many such tokens come"));
        }
        Err(refusal)
    }

    /// Begins to ask in the background, where nobody does.
    fn renew(&self, issuer: &Arc<Trusted>, asked: Asked<'_>, now: Instant) {
        let is_put_off = self.memory.refused(&asked.key, now).is_some();
        if is_put_off || rampart_http::fit_runtime().is_err() {
            return;
        }
        if let Ok(mut joined) = self.join(issuer, asked, asked.standing(true), now) {
            joined.go();
        }
    }

    /// The question about this token that is under way, or a new one.
    fn join(
        &self,
        issuer: &Arc<Trusted>,
        asked: Asked<'_>,
        standing: Standing,
        now: Instant,
    ) -> Result<Joined<Asking>, Full> {
        let mut state = self.state.lock();
        if let Some(asking) = state.flights.get(&asked.key) {
            let asking = Arc::clone(asking);
            match asking.join(now) {
                Some(joined) => return Ok(joined),
                None => state.give_up(&asked.key),
            }
        }
        if state.traffic.admit(standing, now).is_err() {
            // Some may have been left behind by a runtime that nobody drives any more.
            state.sweep(now);
            state.traffic.admit(standing, now)?;
        }
        let asking = Asking::new(issuer, asked, standing, now);
        let joined = asking.begin(now);
        state.flights.insert(asked.key, asking);
        Ok(joined)
    }
}

impl State {
    fn give_up(&mut self, key: &Key) {
        if let Some(asking) = self.flights.remove(key) {
            self.traffic.leave(asking.standing);
        }
    }

    fn sweep(&mut self, now: Instant) {
        let lost: Vec<Key> =
            self.flights.iter().filter(|(_, asking)| asking.is_abandoned(now)).map(|(key, _)| *key).collect();
        for key in lost {
            self.give_up(&key);
        }
    }
}

pub(super) fn unavailable(retry_after: Duration, why: &'static str) -> Refusal {
    Refusal::new(AuthError::StateUnavailable { retry_after }, Rule::I3, why)
}

fn no_clock() -> Refusal {
    unavailable(BUSY, "the clock stands before 1970")
}

impl fmt::Debug for Introspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspected").field("terms", &self.terms).field("memory", &self.memory).finish_non_exhaustive()
    }
}
