//! Extractors: what a handler takes as a parameter.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::Extensions;
use http::request::Parts;
use rampart_core::adapter::{Carry, Inquiry, Outcome, Verification, Verified};
use rampart_core::{AnyUser, Claims, Policy, RampartAuth, Rejection, Requirement};

use crate::head::Head;
use crate::rejection::AuthRejection;
use crate::responses::Slot;
use crate::state::AuthState;

/// A request with a good access token that meets `R`: a parameter of a handler that needs one.
///
/// It derefs to [`Claims`]. It can only come out of a verification: its fields are private.
///
/// `RequireAuth` alone asks for any authenticated user. `RequireAuth<Admin>` asks for what `Admin` says, a type defined with
/// [`roles!`](crate::roles) or [`scopes!`](crate::scopes); tuples mean "all of them", [`AnyOf`](crate::AnyOf) means "one of them".
///
/// The [`RampartAuth`] comes from the router's state: see [`AuthState`].
pub struct RequireAuth<R: Requirement = AnyUser> {
    claims: Arc<Claims>,
    inquiry: Inquiry,
    requirement: PhantomData<fn() -> R>,
}

/// A request that may come without a token: `None` then, the claims with a good token that meets `R`.
///
/// A token that is not good is refused all the same, and so is one that lacks `R`: it never passes as anonymous. It derefs to
/// `Option<Arc<Claims>>`.
pub struct OptionalAuth<R: Requirement = AnyUser> {
    claims: Option<Arc<Claims>>,
    inquiry: Inquiry,
    requirement: PhantomData<fn() -> R>,
}

rampart_core::__impl_guards!(RequireAuth, OptionalAuth);

impl<R: Requirement> RequireAuth<R> {
    /// Asks more of the request than the type says, where only the handler knows what: who lacks it is refused as by a guard, with the
    /// same realm, in the same form.
    ///
    /// ```
    /// use axum::extract::Path;
    /// use rampart_axum::{AuthRejection, Policy, RequireAuth};
    ///
    /// async fn export(Path(list): Path<String>, user: RequireAuth) -> Result<String, AuthRejection> {
    ///     user.require(&Policy::scopes([format!("{list}:export")]))?;
    ///     Ok(format!("{list} for {}", user.sub))
    /// }
    /// ```
    ///
    /// # Errors
    /// The refusal, which is the response.
    #[must_use = "only what is returned refuses the request: `user.require(&policy)?`"]
    pub fn require(&self, policy: &Policy) -> Result<(), AuthRejection> {
        Ok(self.meets(policy)?)
    }
}

impl<R: Requirement> OptionalAuth<R> {
    /// Asks that somebody is signed in after all, and meets a policy: the claims, or the refusal that a guard would have made.
    ///
    /// ```
    /// use rampart_axum::{AuthRejection, OptionalAuth, Policy};
    ///
    /// async fn feed(user: OptionalAuth) -> Result<String, AuthRejection> {
    ///     if user.is_none() {
    ///         return Ok("public".into());
    ///     }
    ///     let user = user.require(&Policy::scopes(["feed:read"]))?;
    ///     Ok(format!("for {}", user.sub))
    /// }
    /// ```
    ///
    /// # Errors
    /// The refusal, which is the response.
    #[must_use = "only what is returned refuses the request: `user.require(&policy)?`"]
    pub fn require(&self, policy: &Policy) -> Result<&Arc<Claims>, AuthRejection> {
        Ok(self.meets(policy)?)
    }
}

/// What `admit` says of this request's outcome: of the one that is there already, if it counts, or of a new one.
async fn guard<T>(
    parts: &mut Parts,
    auth: &RampartAuth,
    admit: fn(&Outcome<'_>) -> Result<T, Rejection>,
) -> Result<T, AuthRejection> {
    let head = Head::of_parts(parts);
    if let Some(outcome) = parts.extensions.get::<Verified>().and_then(|verified| verified.by(auth, &head)) {
        let admitted = admit(&outcome);
        let carry = outcome.carry(admitted.is_ok(), parts.extensions.get());
        apply(carry, &mut parts.extensions);
        return Ok(admitted?);
    }
    let fresh = match auth.verification_after(&head, parts.extensions.get()) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(pending) => pending.await,
    };
    let fresh = fresh.after(parts.extensions.get());
    let outcome = fresh.outcome();
    let admitted = admit(&outcome);
    apply(outcome.carry(admitted.is_ok(), parts.extensions.get()), &mut parts.extensions);
    let verified = fresh.into_verified();
    Slot::leave(&parts.extensions, &verified);
    parts.extensions.insert(verified);
    Ok(admitted?)
}

/// The claims of whoever is signed in stand in the extensions, for middleware, handlers and `Extension<Arc<Claims>>`.
pub(crate) fn apply(carry: Carry, extensions: &mut Extensions) {
    match carry {
        Carry::Unchanged => {}
        Carry::Insert(claims) => drop(extensions.insert(claims)),
        Carry::Remove => drop(extensions.remove::<Arc<Claims>>()),
    }
}

impl<S, R> FromRequestParts<S> for RequireAuth<R>
where
    S: AuthState + Send + Sync,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        guard(parts, &state.auth(), Self::admit).await
    }
}

impl<S, R> FromRequestParts<S> for OptionalAuth<R>
where
    S: AuthState + Send + Sync,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        guard(parts, &state.auth(), Self::admit).await
    }
}

/// `Option<RequireAuth<R>>` behaves as [`OptionalAuth<R>`]: `None` only where the request carries no token.
impl<S, R> OptionalFromRequestParts<S> for RequireAuth<R>
where
    S: AuthState + Send + Sync,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthRejection> {
        let OptionalAuth::<R> { claims, inquiry, requirement } =
            guard(parts, &state.auth(), OptionalAuth::admit).await?;
        Ok(claims.map(|claims| Self { claims, inquiry, requirement }))
    }
}
