//! Extractors: what a handler takes as a parameter.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::Extensions;
use http::header::AUTHORIZATION;
use http::request::Parts;
use rampart_core::adapter::{Carry, Verified};
use rampart_core::{Claims, RampartAuth, Rejection, Requirement};

rampart_core::__adapter_types!();

/// What `admit` says of this request's outcome: of the one that is there already if it is by the same object, or of a new one.
async fn guard<T>(
    parts: &mut Parts,
    auth: &RampartAuth,
    admit: fn(&Verified) -> Result<T, Rejection>,
) -> Result<T, AuthRejection> {
    if let Some(verified) = parts.extensions.get::<Verified>().filter(|verified| verified.is_by(auth)) {
        let admitted = admit(verified);
        let carry = verified.carry(admitted.is_ok(), parts.extensions.get());
        apply(carry, &mut parts.extensions);
        return Ok(admitted?);
    }
    let verified = match auth.verification(parts.headers.get_all(AUTHORIZATION)).now() {
        Ok(verified) => verified,
        Err(verification) => verification.await,
    };
    let admitted = admit(&verified);
    apply(verified.carry(admitted.is_ok(), parts.extensions.get()), &mut parts.extensions);
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
    S: Send + Sync,
    RampartAuth: FromRef<S>,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        guard(parts, &RampartAuth::from_ref(state), |verified| verified.required::<R>().map(Self::new)).await
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
        guard(parts, &RampartAuth::from_ref(state), |verified| verified.optional::<R>().map(Self::new)).await
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
        let admit = |verified: &Verified| verified.optional::<R>().map(|claims| claims.map(Self::new));
        guard(parts, &RampartAuth::from_ref(state), admit).await
    }
}
