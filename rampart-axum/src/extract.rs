//! Extractors: what a handler takes as a parameter.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::Extensions;
use http::request::Parts;
use rampart_core::adapter::{Carry, Outcome, Verification, Verified};
use rampart_core::{Claims, RampartAuth, Rejection, Requirement};

use crate::head::Head;

rampart_core::__adapter_types!();

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
    let fresh = match auth.verification(&head) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(pending) => pending.await,
    };
    let fresh = fresh.after(parts.extensions.get());
    let outcome = fresh.outcome();
    let admitted = admit(&outcome);
    apply(outcome.carry(admitted.is_ok(), parts.extensions.get()), &mut parts.extensions);
    parts.extensions.insert(fresh.into_verified());
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
    S: Send + Sync,
    RampartAuth: FromRef<S>,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        guard(parts, &RampartAuth::from_ref(state), |outcome| outcome.required::<R>().map(Self::new)).await
    }
}

impl<S, R> FromRequestParts<S> for OptionalAuth<R>
where
    S: Send + Sync,
    RampartAuth: FromRef<S>,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        guard(parts, &RampartAuth::from_ref(state), |outcome| outcome.optional::<R>().map(Self::new)).await
    }
}

/// `Option<RequireAuth<R>>` behaves as [`OptionalAuth<R>`]: `None` only where the request carries no token.
impl<S, R> OptionalFromRequestParts<S> for RequireAuth<R>
where
    S: Send + Sync,
    RampartAuth: FromRef<S>,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthRejection> {
        let admit = |outcome: &Outcome<'_>| outcome.optional::<R>().map(|claims| claims.map(Self::new));
        guard(parts, &RampartAuth::from_ref(state), admit).await
    }
}
