//! For adapters to web frameworks: what they share, so that they only collect header values and convert answers.
//!
//! An adapter takes the `Authorization` values of a request, calls
//! [`RampartAuth::verification`](crate::RampartAuth::verification), keeps the [`Verified`] with the request for whoever
//! asks next, and lets a [`Requirement`] or a [`Gate`] decide.
//!
//! ```
//! use rampart_core::adapter::Verified;
//! use rampart_core::{AnyUser, RampartAuth};
//!
//! /// What a framework calls with a request: the status and body of the answer.
//! async fn handle(auth: &RampartAuth, authorization: &[&[u8]], stored: &mut Option<Verified>) -> (u16, String) {
//!     // One verification a request: what is stored counts only where it is by the very same object.
//!     let verified = match stored.take().filter(|verified| verified.is_by(auth)) {
//!         Some(verified) => verified,
//!         None => match auth.verification(authorization).now() {
//!             Ok(verified) => verified,
//!             Err(verification) => verification.await, // keys must be fetched first
//!         },
//!     };
//!     let outcome = verified.required::<AnyUser>();
//!     *stored = Some(verified);
//!     match outcome {
//!         Ok(claims) => (200, format!("Hello, {}", claims.sub)),
//!         Err(rejection) => (rejection.status(), rejection.into_body()), // and its headers()
//!     }
//! }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::auth::{AuthenticateOptional, RampartAuth};
use crate::claims::Claims;
use crate::error::AuthError;
use crate::rejection::Rejection;
use crate::requirement::{Policy, Requirement};

/// The outcome of one verification, bound to the [`RampartAuth`] that made it.
///
/// It cannot be made by hand, so one found in a request tells the truth; and it answers only for the very object that
/// made it, so that a weaker configuration, or another issuer's, can never satisfy a stricter guard.
#[derive(Clone, Debug)]
pub struct Verified {
    auth: RampartAuth,
    outcome: Result<Option<Arc<Claims>>, AuthError>,
}

impl Verified {
    /// Whether this is the outcome of that very object.
    pub fn is_by(&self, auth: &RampartAuth) -> bool {
        self.auth.is_same(auth)
    }

    /// The claims of a request that must carry a good token which meets `R`.
    ///
    /// # Errors
    /// The answer for the caller.
    pub fn required<R: Requirement>(&self) -> Result<Arc<Claims>, Rejection> {
        let claims = self.admit(true, R::check, R::scopes)?;
        claims.cloned().ok_or_else(|| self.reject(AuthError::MissingToken, R::scopes))
    }

    /// The claims of a request that may come without a token, but not with a bad one or one that does not meet `R`.
    ///
    /// # Errors
    /// The answer for the caller.
    pub fn optional<R: Requirement>(&self) -> Result<Option<Arc<Claims>>, Rejection> {
        self.admit(false, R::check, R::scopes).map(Option::<&_>::cloned)
    }

    /// The claims of a request that passes a gate.
    ///
    /// # Errors
    /// The answer for the caller.
    pub fn pass(&self, gate: &Gate) -> Result<Option<&Arc<Claims>>, Rejection> {
        let policy = gate.policy.as_ref();
        let check = |claims: &Claims| policy.map_or(Ok(()), |policy| policy.check(claims));
        self.admit(gate.required, check, || policy.map(Policy::asks_for).unwrap_or_default())
    }

    /// What becomes of the `Arc<Claims>` that a request carries for its handlers (in its extensions, where it has such) once a
    /// guard or layer has decided. `held` is what it carries by then; guards of one request may belong to several objects.
    pub fn carry(&self, passed: bool, held: Option<&Arc<Claims>>) -> Carry {
        match &self.outcome {
            Ok(Some(claims)) if passed && !held.is_some_and(|held| Arc::ptr_eq(held, claims)) => {
                Carry::Insert(Arc::clone(claims))
            }
            // Nobody is signed in: whoever was found further out is not to pass for the user of this request.
            Ok(None) | Err(_) if held.is_some() => Carry::Remove,
            // Somebody who lacks a right, too: he is not vouched for here, but nothing that was said before is wrong.
            _ => Carry::Unchanged,
        }
    }

    fn admit<'s>(
        &self,
        required: bool,
        check: impl FnOnce(&Claims) -> Result<(), AuthError>,
        scopes: impl FnOnce() -> Vec<&'s str>,
    ) -> Result<Option<&Arc<Claims>>, Rejection> {
        match &self.outcome {
            Err(error) => Err(self.reject(error.clone(), scopes)),
            Ok(None) if required => Err(self.reject(AuthError::MissingToken, scopes)),
            Ok(None) => Ok(None),
            Ok(Some(claims)) => match check(claims) {
                Ok(()) => Ok(Some(claims)),
                Err(error) => Err(self.reject(error, scopes)),
            },
        }
    }

    fn reject<'s>(&self, error: AuthError, scopes: impl FnOnce() -> Vec<&'s str>) -> Rejection {
        match &error {
            AuthError::MissingToken => {
                tracing::debug!(target: "rampart", rule = "V1", "the request carries no bearer token");
                return self.auth.rejection_of_route(error, &scopes());
            }
            AuthError::InsufficientRole { required } | AuthError::InsufficientScope { required } => {
                tracing::debug!(target: "rampart", ?required, "the access token lacks a role or scope");
            }
            _ => {}
        }
        self.auth.rejection(error)
    }
}

/// What a guard or layer does to the claims that a request carries: see [`Verified::carry`].
#[derive(Clone, Debug)]
pub enum Carry {
    /// Leaves them as they are.
    Unchanged,
    /// Puts these there, in place of others.
    Insert(Arc<Claims>),
    /// Takes them out: nobody is signed in.
    Remove,
}

/// A verification that may have to wait for keys.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Verification {
    auth: RampartAuth,
    outcome: AuthenticateOptional,
}

impl Verification {
    pub(crate) const fn new(auth: RampartAuth, outcome: AuthenticateOptional) -> Self {
        Self { auth, outcome }
    }

    /// The outcome, where nothing needs to be awaited.
    ///
    /// # Errors
    /// The verification itself, to be awaited.
    pub fn now(mut self) -> Result<Verified, Self> {
        match self.outcome.now() {
            Some(outcome) => Ok(Verified { auth: self.auth, outcome }),
            None => Err(self),
        }
    }
}

impl Future for Verification {
    type Output = Verified;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verified> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(context));
        Poll::Ready(Verified { auth: self.auth.clone(), outcome })
    }
}

/// What a layer or middleware asks of a request.
#[derive(Clone, Debug)]
pub struct Gate {
    required: bool,
    policy: Option<Policy>,
}

impl Gate {
    /// A good token, whatever it allows.
    pub const fn required() -> Self {
        Self { required: true, policy: None }
    }

    /// No token, or a good one.
    pub const fn optional() -> Self {
        Self { required: false, policy: None }
    }

    /// A good token that meets a policy.
    pub const fn policy(policy: Policy) -> Self {
        Self { required: true, policy: Some(policy) }
    }
}
