//! Extractors: what a handler takes as a parameter.

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;
use rampart_core::adapter::Verified;
use rampart_core::{RampartAuth, Requirement};

rampart_core::__adapter_types!();

/// The outcome for this request: the one that is there already if it is by the same object, or a new one.
async fn verified(parts: &mut Parts, auth: RampartAuth) -> Verified {
    if let Some(verified) = parts.extensions.get::<Verified>().filter(|verified| verified.is_by(&auth)) {
        return verified.clone();
    }
    let verified = match auth.verification(parts.headers.get_all(AUTHORIZATION)).now() {
        Ok(verified) => verified,
        Err(verification) => verification.await,
    };
    parts.extensions.insert(verified.clone());
    verified
}

impl<S, R> FromRequestParts<S> for RequireAuth<R>
where
    S: Send + Sync,
    RampartAuth: FromRef<S>,
    R: Requirement,
{
    type Rejection = AuthRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
        let verified = verified(parts, RampartAuth::from_ref(state)).await;
        Ok(Self::new(verified.required::<R>()?))
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
        let verified = verified(parts, RampartAuth::from_ref(state)).await;
        Ok(Self::new(verified.optional::<R>()?))
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
        let verified = verified(parts, RampartAuth::from_ref(state)).await;
        Ok(verified.optional::<R>()?.map(Self::new))
    }
}
