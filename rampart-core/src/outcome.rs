//! The outcome of a verification, and for which request and object it counts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::error::AuthError;
use crate::answer::headers::{Caching, Headers};
use crate::answer::rejection::Rejection;
use crate::asked::{Asked, Entry, ScopesFor};
use crate::auth::{Had, RampartAuth};
use crate::authenticate::{OptionalVerdict, Settled};
use crate::bearer::Scheme;
use crate::binding::spent::Spent;
use crate::clock;
use crate::event::Event;
use crate::gate::Gate;
use crate::request::{RequestHead, Trace};
use crate::requirement::Requirement;
use crate::requirement::policy::Policy;
use crate::token::claims::Claims;

/// How long an outcome counts as it is; after that the token's times and revocations are asked for again.
pub(crate) const RECENT: Duration = Duration::from_secs(60);

/// What came of a request, kept with it for whoever asks next.
///
/// It answers nothing by itself: [`by`](Self::by) says whether it counts. It cannot be made by hand, so one that is found in a
/// request tells the truth; and a weaker configuration, another issuer's, or a token that the request no longer carries can
/// never satisfy a guard.
#[derive(Clone)]
pub struct Verified {
    /// The object that made it, by its number: a pointer would count its clones, for all threads in one place.
    auth: u64,
    /// Until when it counts as it is, by the uptime.
    pub(crate) recent_until: Duration,
    trace: Trace,
    outcome: OptionalVerdict,
    /// By which the token came.
    scheme: Scheme,
    /// For the answer, whether the request passes or not.
    headers: Headers,
    /// The proofs that the request has cost, whoever has asked for them.
    spent: Vec<Spent>,
    /// Of this request, whoever has made the outcome.
    asked: Asked,
}

impl Verified {
    pub(crate) fn new(auth: &RampartAuth, trace: Trace, settled: Settled) -> Self {
        let Settled { verdict: outcome, scheme, headers, spent } = settled;
        let recent = auth.verifier().recent;
        // Of none the clock, which ticks now and then, may not be past at once.
        let recent_until = if recent.is_zero() { recent } else { clock::uptime() + recent };
        let spent = spent.into_iter().collect();
        Self { auth: auth.number(), recent_until, trace, outcome, scheme, headers, spent, asked: Asked::default() }
    }

    pub(crate) fn spent(&self) -> &[Spent] {
        &self.spent
    }

    /// The outcome, where it is of that very object and of the request as it is now: the same values of every header field that
    /// was read, and the same certificate. Otherwise a new verification is due.
    pub fn by<'a>(&'a self, auth: &'a RampartAuth, head: &impl RequestHead) -> Option<Outcome<'a>> {
        if self.auth != auth.number() || !self.trace.is_of(head) {
            return None;
        }
        let mut outcome = self.as_it_is(auth);
        outcome.claims = outcome.claims.and_then(|claims| valid_still(outcome.auth, claims, self.recent_until));
        Some(outcome)
    }

    /// Whether a good answer may get any.
    pub const fn has_answer_headers(&self) -> bool {
        !self.headers.is_empty()
    }

    /// Headers that a good answer of the application's own gets: such as a new nonce, and none as a rule. `cache_control` are the values of
    /// that field which the answer has: one that may be kept by anybody gets no nonce, and one that says nothing of it is made one that
    /// may not (RFC 9449 section 8.2). They are to be added; an answer that has one of them already is a [`Rejection`], and has all.
    pub fn answer_headers<'v>(
        &self,
        cache_control: impl IntoIterator<Item = &'v [u8]>,
    ) -> impl Iterator<Item = (&'static str, &str)> {
        let caching = if self.headers.is_empty() { Caching::Allowed } else { Caching::of(cache_control) };
        let none = (caching == Caching::Undecided).then_some(("cache-control", "no-store"));
        (caching != Caching::Allowed).then(|| self.headers.iter().chain(none)).into_iter().flatten()
    }

    /// The outcome for the very request that it has just been made from.
    pub(crate) fn as_it_is<'a>(&'a self, auth: &'a RampartAuth) -> Outcome<'a> {
        let Self { recent_until, outcome, scheme, headers, asked, .. } = self;
        let claims = outcome.as_ref().map(Option::as_ref).map_err(Clone::clone);
        Outcome { auth: Had::Borrowed(auth), claims, recent_until: *recent_until, scheme: *scheme, headers, asked }
    }

    /// What was asked of the same token before, when another outcome was kept, is not forgotten.
    pub(crate) fn inherit(&mut self, earlier: &Self) {
        if earlier.trace == self.trace {
            self.asked = earlier.asked.shared();
        }
        for spent in &earlier.spent {
            if !self.spent.contains(spent) {
                self.spent.push(*spent);
            }
        }
    }
}

/// Claims that somebody has, unless their time has come meanwhile.
pub(crate) fn valid_still<'a>(
    auth: Had<'_>,
    claims: Option<&'a Arc<Claims>>,
    recent_until: Duration,
) -> Result<Option<&'a Arc<Claims>>, AuthError> {
    if let Some(claims) = claims
        && clock::uptime() > recent_until
    {
        auth.verifier.still_valid(claims)?;
    }
    Ok(claims)
}

/// Nothing of the token, and nothing that tells two of them apart.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.as_ref().map(Option::is_some);
        f.debug_struct("Verified").field("auth", &self.auth).field("signed_in", &outcome).finish_non_exhaustive()
    }
}

/// What a verification says about a request: for guards and layers, which ask of it what they need.
///
/// What is asked for and passes is remembered for the rest of the request: who lacks a scope later learns of all that it takes.
pub struct Outcome<'a> {
    pub(crate) auth: Had<'a>,
    pub(crate) claims: Result<Option<&'a Arc<Claims>>, AuthError>,
    pub(crate) recent_until: Duration,
    pub(crate) scheme: Scheme,
    pub(crate) headers: &'a Headers,
    pub(crate) asked: &'a Asked,
}

/// Whether somebody is signed in, and not who.
impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.claims.as_ref().map(Option::is_some);
        f.debug_struct("Outcome").field("signed_in", &outcome).finish_non_exhaustive()
    }
}

impl<'a> Outcome<'a> {
    /// The claims of a request that must carry a good token which meets `R`.
    ///
    /// # Errors
    /// The answer for the caller.
    pub fn required<R: Requirement>(&self) -> Result<Arc<Claims>, Rejection> {
        let claims = self.admit(true, R::check, R::scopes, |_| self.passed::<R>())?;
        claims.cloned().ok_or_else(|| self.reject(AuthError::MissingToken, R::scopes))
    }

    /// The claims of a request that may come without a token, but not with a bad one or one that does not meet `R`.
    ///
    /// # Errors
    /// The answer for the caller.
    pub fn optional<R: Requirement>(&self) -> Result<Option<Arc<Claims>>, Rejection> {
        self.admit(false, R::check, R::scopes, |_| self.passed::<R>()).map(Option::<&_>::cloned)
    }

    /// The claims of a request that passes a gate.
    ///
    /// # Errors
    /// The answer for the caller.
    pub fn pass(&self, gate: &Gate) -> Result<Option<&Arc<Claims>>, Rejection> {
        match &gate.policy {
            Some(policy) => self.meets(policy, gate.required),
            None => self.admit(gate.required, |_| Ok(()), Vec::new, |_| {}),
        }
    }

    /// The claims, where they meet a policy.
    fn meets(&self, policy: &Policy, required: bool) -> Result<Option<&'a Arc<Claims>>, Rejection> {
        let check = |claims: &Claims| policy.check_telling(claims, &|event| self.tell(event));
        self.admit(
            required,
            check,
            || policy.asks_for(),
            |claims| policy.each_scope_of(claims, &mut |scope| self.asked.add(Entry::Scope(scope.into()))),
        )
    }

    /// The claims of a request that must carry a good token which meets a policy.
    pub(crate) fn meeting(&self, policy: &Policy) -> Result<&'a Arc<Claims>, Rejection> {
        self.meets(policy, true)?.ok_or_else(|| self.reject(AuthError::MissingToken, || policy.asks_for()))
    }

    /// Headers for the answer to this request, whatever that is: names in lower case, values in visible ASCII. They are to be added
    /// to an answer of the application's own; a [`Rejection`] has them already. None as a rule, and then nothing is allocated.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter()
    }

    /// What becomes of the `Arc<Claims>` that a request carries for its handlers (in its extensions, where it has such) once a
    /// guard or layer has decided. `held` is what it carries by then; guards of one request may belong to several objects.
    pub fn carry(&self, passed: bool, held: Option<&Arc<Claims>>) -> Carry {
        match &self.claims {
            Ok(Some(claims)) if passed && !held.is_some_and(|held| Arc::ptr_eq(held, claims)) => {
                Carry::Insert(Arc::clone(claims))
            }
            // Nobody is signed in: whoever was found further out is not to pass for the user of this request.
            Ok(None) | Err(_) if held.is_some() => Carry::Remove,
            // Somebody who lacks a right is not vouched for here. What was said before of his token still holds; what was said of
            // another one, which the request no longer carries, does not.
            Ok(Some(claims))
                if !passed && held.is_some_and(|held| held.content().payload != claims.content().payload) =>
            {
                Carry::Remove
            }
            _ => Carry::Unchanged,
        }
    }

    fn admit<'s>(
        &self,
        required: bool,
        check: impl FnOnce(&Claims) -> Result<(), AuthError>,
        scopes: impl FnOnce() -> Vec<&'s str>,
        passed: impl FnOnce(&Claims),
    ) -> Result<Option<&'a Arc<Claims>>, Rejection> {
        match &self.claims {
            Err(error) => Err(self.reject(error.clone(), scopes)),
            Ok(None) if required => Err(self.reject(AuthError::MissingToken, scopes)),
            Ok(None) => Ok(None),
            Ok(Some(claims)) => match check(claims) {
                Ok(()) => {
                    passed(claims);
                    Ok(Some(claims))
                }
                Err(error) => Err(self.reject(error, scopes)),
            },
        }
    }

    /// The claims meet `R`.
    fn passed<R: Requirement>(&self) {
        self.asked.add(Entry::Type(ScopesFor(R::scopes_for)));
    }

    fn reject<'s>(&self, error: AuthError, scopes: impl FnOnce() -> Vec<&'s str>) -> Rejection {
        let rejection = match (&error, &self.claims) {
            (AuthError::MissingToken, _) => {
                self.tell(&Event::TokenMissing);
                self.auth.rejection_by(error, &scopes(), self.scheme)
            }
            (AuthError::InsufficientRole { .. } | AuthError::InsufficientScope { .. }, Ok(claims)) => {
                self.tell(&Event::Insufficient { error: &error });
                let asked = claims.map(|claims| self.asked.scopes(claims)).unwrap_or_default();
                let scopes: Vec<_> = asked.iter().map(|scope| &**scope).collect();
                self.auth.rejection_by(error, &scopes, self.scheme)
            }
            _ => self.auth.rejection_by(error, &[], self.scheme),
        };
        rejection.with_headers(self.headers)
    }

    fn tell(&self, event: &Event<'_>) {
        self.auth.verifier.listeners.tell(event);
    }
}

/// What a guard or layer does to the claims that a request carries: see [`Outcome::carry`].
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an adapter has to say what it does in each case")]
pub enum Carry {
    /// Leaves them as they are.
    Unchanged,
    /// Puts these there, in place of others.
    Insert(Arc<Claims>),
    /// Takes them out: nobody is signed in.
    Remove,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use rampart_issuer::LocalIssuer;

    use super::*;
    use crate::request::Authorization;
    use crate::requirement::AnyUser;
    use crate::verification::Verification;

    const NOW: u64 = 1_800_000_000;

    /// A long request, such as an upload: the guard that asks after a minute learns that the token has expired meanwhile.
    #[tokio::test]
    async fn old_outcome_is_asked_for_its_times_again() {
        let issuer = LocalIssuer::start().await.unwrap();
        let time = Arc::new(AtomicU64::new(NOW));
        let clock = Arc::clone(&time);
        let auth = RampartAuth::builder(issuer.url(), issuer.audience())
            .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)))
            .clock_tolerance(Duration::ZERO)
            .build()
            .unwrap();
        auth.warm_up().await.unwrap();
        let head = Authorization::new([format!("Bearer {}", issuer.token().at(NOW).expires_in(30).sign().unwrap())]);
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("the keys are there") };
        let mut kept = fresh.into_verified();

        time.store(NOW + 30, Ordering::Relaxed);
        let ask = |kept: &Verified| {
            let outcome = kept.by(&auth, &head).expect("the same object and request");
            outcome.required::<AnyUser>().map(drop).map_err(|rejection| rejection.error().clone())
        };
        assert_eq!(ask(&kept), Ok(()), "within a minute one request has one answer");
        kept.recent_until = Duration::ZERO;
        assert_eq!(ask(&kept), Err(AuthError::TokenExpired));
        time.store(NOW + 29, Ordering::Relaxed);
        assert_eq!(ask(&kept), Ok(()));
    }

    /// Whatever becomes of the request, its answer has them: once each, and behind the others.
    #[test]
    fn headers_of_an_outcome_go_out_with_every_answer() {
        let auth = RampartAuth::new("https://auth.example.com", "my-api").unwrap();
        let head = Authorization::new([""; 0]);
        let mut headers = Headers::new();
        headers.add("x-nonce", "a");
        let trace = Trace::of(&head, None, false);
        let settled = Settled { headers, ..Settled::new(Ok(None), Scheme::Bearer) };
        let verified = Verified::new(&auth, trace, settled);
        let outcome = verified.by(&auth, &head).unwrap();
        assert!(outcome.headers().eq([("x-nonce", "a")]));
        assert!(outcome.optional::<AnyUser>().unwrap().is_none());

        let by_guard = outcome.required::<AnyUser>().unwrap_err();
        let by_layer = outcome.pass(&Gate::required()).unwrap_err();
        let in_handler = outcome.inquiry().require(None, &Policy::roles(["admin"])).unwrap_err();
        let expected = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("www-authenticate", r#"Bearer realm="default""#),
            ("x-nonce", "a"),
        ];
        for rejection in [by_guard, by_layer, in_handler] {
            assert!(rejection.headers().eq(expected), "{:?}", rejection.headers().collect::<Vec<_>>());
            assert_eq!(rejection.challenges().count(), 1);
        }
    }
}
