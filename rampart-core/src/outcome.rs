//! The outcome of a verification, and for whom it counts.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::adapter::Gate;
use crate::answer::error::AuthError;
use crate::answer::rejection::Rejection;
use crate::asked::{Asked, Entry, ScopesFor};
use crate::auth::RampartAuth;
use crate::authenticate::AuthenticateOptional;
use crate::clock;
use crate::event::Event;
use crate::request::{RequestHead, Trace};
use crate::requirement::{Policy, Requirement};
use crate::token::claims::Claims;

/// For so long an outcome counts as it is; then the token's times are asked again.
const RECENT: Duration = Duration::from_secs(60);

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
    recent_until: Duration,
    trace: Trace,
    outcome: Result<Option<Arc<Claims>>, AuthError>,
    /// Of this request, whoever has made the outcome.
    asked: Asked,
}

impl Verified {
    fn new(auth: u64, trace: Trace, outcome: Result<Option<Arc<Claims>>, AuthError>) -> Self {
        Self { auth, recent_until: clock::uptime() + RECENT, trace, outcome, asked: Asked::default() }
    }

    /// The outcome, where it is of that very object and of the request as it is now: the same values of every header field that
    /// was read, and the same certificate. Otherwise a new verification is due.
    pub fn by<'a>(&'a self, auth: &'a RampartAuth, head: &impl RequestHead) -> Option<Outcome<'a>> {
        let claims = self.outcome.as_ref().ok().and_then(Option::as_deref);
        if self.auth != auth.number() || !self.trace.is_of(head, claims) {
            return None;
        }
        let claims = match &self.outcome {
            Ok(Some(claims)) => {
                let is_recent = clock::uptime() <= self.recent_until;
                if is_recent { Ok(Some(claims)) } else { auth.verifier().still_valid(claims).map(|()| Some(claims)) }
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error.clone()),
        };
        Some(Outcome { auth, claims, asked: &self.asked })
    }
}

/// Nothing of the token, and nothing that tells two of them apart.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.as_ref().map(Option::is_some);
        f.debug_struct("Verified").field("auth", &self.auth).field("signed_in", &outcome).finish_non_exhaustive()
    }
}

/// A verification that has just been made: its outcome counts for the request that it was made from.
#[derive(Debug)]
pub struct Fresh<'a> {
    auth: Cow<'a, RampartAuth>,
    verified: Verified,
}

impl Fresh<'_> {
    /// What it says.
    pub fn outcome(&self) -> Outcome<'_> {
        let claims = match &self.verified.outcome {
            Ok(claims) => Ok(claims.as_ref()),
            Err(error) => Err(error.clone()),
        };
        Outcome { auth: &self.auth, claims, asked: &self.verified.asked }
    }

    /// Where an outcome is kept with the request already that does not count here, such as that of another object: what was asked
    /// of the same token by then is not forgotten.
    #[must_use]
    pub fn after(mut self, earlier: Option<&Verified>) -> Self {
        if let Some(earlier) = earlier.filter(|earlier| earlier.trace == self.verified.trace) {
            self.verified.asked = earlier.asked.clone();
        }
        self
    }

    /// To be kept with the request.
    pub fn into_verified(self) -> Verified {
        self.verified
    }
}

/// What a verification says about a request: for guards and layers, which ask of it what they need.
///
/// What is asked for and passes is remembered for the rest of the request: who lacks a scope later learns of all that it takes.
pub struct Outcome<'a> {
    auth: &'a RampartAuth,
    claims: Result<Option<&'a Arc<Claims>>, AuthError>,
    asked: &'a Asked,
}

/// Whether somebody is signed in, and not who.
impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.claims.as_ref().map(Option::is_some);
        f.debug_struct("Outcome").field("signed_in", &outcome).finish_non_exhaustive()
    }
}

impl Outcome<'_> {
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
        let policy = gate.policy.as_ref();
        let check = |claims: &Claims| policy.map_or(Ok(()), |policy| policy.check(claims));
        let scopes = || policy.map(Policy::asks_for).unwrap_or_default();
        self.admit(gate.required, check, scopes, |claims| {
            let asked = policy.map(|policy| policy.asks_for_of(claims)).unwrap_or_default();
            for scope in asked {
                self.asked.add(Entry::Scope(scope.into()));
            }
        })
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
            Ok(Some(claims)) if !passed && held.is_some_and(|held| held.payload != claims.payload) => Carry::Remove,
            _ => Carry::Unchanged,
        }
    }

    fn admit<'s>(
        &self,
        required: bool,
        check: impl FnOnce(&Claims) -> Result<(), AuthError>,
        scopes: impl FnOnce() -> Vec<&'s str>,
        passed: impl FnOnce(&Claims),
    ) -> Result<Option<&Arc<Claims>>, Rejection> {
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
        match &error {
            AuthError::MissingToken => {
                self.auth.verifier().listeners.tell(&Event::TokenMissing);
                return self.auth.rejection_with_scopes(error, &scopes());
            }
            AuthError::InsufficientRole { .. } | AuthError::InsufficientScope { .. } => {
                self.auth.verifier().listeners.tell(&Event::Insufficient { error: &error });
            }
            _ => return self.auth.rejection(error),
        }
        let asked = match &self.claims {
            Ok(Some(claims)) => self.asked.scopes(claims),
            _ => Vec::new(),
        };
        self.auth.rejection_with_scopes(error, &asked.iter().map(|scope| &**scope).collect::<Vec<_>>())
    }
}

/// What a guard or layer does to the claims that a request carries: see [`Outcome::carry`].
#[derive(Clone, Debug)]
pub enum Carry {
    /// Leaves them as they are.
    Unchanged,
    /// Puts these there, in place of others.
    Insert(Arc<Claims>),
    /// Takes them out: nobody is signed in.
    Remove,
}

/// A verification: done in the call, or waiting for keys.
#[expect(
    clippy::large_enum_variant,
    reason = "a box would cost every request an allocation, to save those that wait some bytes"
)]
#[must_use]
#[derive(Debug)]
pub enum Verification<'a> {
    /// It is done: nothing had to be awaited.
    Ready(Fresh<'a>),
    /// Keys must be fetched first.
    Pending(Pending),
}

/// A verification that waits for keys. It borrows nothing, so that it can be awaited anywhere.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Pending(Box<Waiting>);

#[derive(Debug)]
struct Waiting {
    auth: RampartAuth,
    trace: Trace,
    outcome: AuthenticateOptional,
}

impl Future for Pending {
    type Output = Fresh<'static>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fresh<'static>> {
        let Waiting { auth, trace, outcome } = &mut *self.0;
        let outcome = ready!(Pin::new(outcome).poll(context));
        let auth = auth.clone();
        let verified = Verified::new(auth.number(), trace.clone(), outcome);
        Poll::Ready(Fresh { auth: Cow::Owned(auth), verified })
    }
}

impl<'a> Verification<'a> {
    pub(crate) fn new(auth: &'a RampartAuth, trace: Trace, mut outcome: AuthenticateOptional) -> Self {
        match outcome.now() {
            Some(outcome) => {
                let verified = Verified::new(auth.number(), trace, outcome);
                Self::Ready(Fresh { auth: Cow::Borrowed(auth), verified })
            }
            None => Self::Pending(Pending(Box::new(Waiting { auth: auth.clone(), trace, outcome }))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use rampart_issuer::LocalIssuer;

    use super::*;
    use crate::request::Authorization;
    use crate::requirement::AnyUser;

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
}
