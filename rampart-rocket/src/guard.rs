//! Request guards: what a handler takes as a parameter.

use std::marker::PhantomData;
use std::sync::Arc;

use rampart_core::adapter::{self, Inquiry};
use rampart_core::{AnyUser, Claims, Policy, Rejection, Requirement};
use rocket::request::{FromRequest, Outcome};
use rocket::{Ignite, Request, Rocket, Sentinel};

use crate::admission::admission;
use crate::asked::{Asked, Asking};
use crate::attached::Attached;
use crate::kept::Kept;
use crate::refused::Refused;
use crate::rejection::AuthRejection;

/// A request with a good access token that meets `R`: a parameter of a handler that needs one.
///
/// It derefs to [`Claims`]. It can only come out of a verification: its fields are private.
///
/// `RequireAuth` alone asks for any authenticated user. `RequireAuth<Admin>` asks for what `Admin` says, a type defined with
/// [`roles!`](crate::roles) or [`scopes!`](crate::scopes); tuples mean "all of them", [`AnyOf`](crate::AnyOf) means "one of them".
///
/// The [`RampartAuth`](crate::RampartAuth) is the one of the fairing [`Rampart`](crate::Rampart). Where that is not attached, Rocket
/// does not launch.
///
/// **Do not take `Option<RequireAuth>`**, but [`OptionalAuth`].
pub struct RequireAuth<R: Requirement = AnyUser> {
    claims: Arc<Claims>,
    inquiry: Inquiry,
    requirement: PhantomData<fn() -> R>,
}

/// A request that may come without a token: `None` then, the claims with a good token that meets `R`.
///
/// A token that is not good is refused all the same, and so is one that lacks `R`: it never passes as anonymous. It derefs to
/// `Option<Arc<Claims>>`.
///
/// **Do not take `Option<RequireAuth>` instead.** In Rocket an `Option` turns *every* error of a guard into `None`: a
/// forged or expired token would pass as anonymous, and so would a request while no keys can be had. No library can
/// prevent it; this type is what is meant.
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
    /// use rampart_rocket::{Policy, Refused, RequireAuth};
    /// use rocket::get;
    ///
    /// #[get("/export/<list>")]
    /// fn export(list: &str, user: RequireAuth) -> Result<String, Refused> {
    ///     user.require(&Policy::scopes([format!("{list}:export")]))?;
    ///     Ok(format!("{list} for {}", user.sub))
    /// }
    /// ```
    ///
    /// # Errors
    /// The refusal, which the handler returns.
    #[must_use = "only what is returned refuses the request: `user.require(&policy)?`"]
    pub fn require(&self, policy: &Policy) -> Result<(), Refused> {
        Ok(self.meets(policy)?)
    }
}

impl<R: Requirement> OptionalAuth<R> {
    /// Asks that somebody is signed in after all, and meets a policy: the claims, or the refusal that a guard would have made.
    ///
    /// ```
    /// use rampart_rocket::{OptionalAuth, Policy, Refused};
    /// use rocket::get;
    ///
    /// #[get("/feed")]
    /// fn feed(user: OptionalAuth) -> Result<String, Refused> {
    ///     if user.is_none() {
    ///         return Ok("public".into());
    ///     }
    ///     let user = user.require(&Policy::scopes(["feed:read"]))?;
    ///     Ok(format!("for {}", user.sub))
    /// }
    /// ```
    ///
    /// # Errors
    /// The refusal, which the handler returns.
    #[must_use = "only what is returned refuses the request: `user.require(&policy)?`"]
    pub fn require(&self, policy: &Policy) -> Result<&Arc<Claims>, Refused> {
        Ok(self.meets(policy)?)
    }
}

/// What `admit` says of the request, by the auth object of the fairing.
async fn guard<T>(
    request: &Request<'_>,
    asked: Asked,
    admit: fn(&adapter::Outcome<'_>) -> Result<T, Rejection>,
) -> Outcome<T, AuthRejection> {
    let admitted = match Attached::of(request) {
        Some(auth) => admission(request, auth, admit).await,
        None => {
            adapter::not_set_up("a guard found no RampartAuth: add `.attach(Rampart::fairing(auth))` to the Rocket");
            Err(Rejection::not_configured())
        }
    };
    let rejection = match admitted {
        Ok(guard) => return Outcome::Success(guard),
        Err(rejection) => AuthRejection::from(rejection),
    };
    let kept = Kept::of(request);
    if asked.is_left_to_the_handler(request).await {
        kept.left(rejection.clone());
    } else {
        kept.ended(request, rejection.clone());
    }
    Outcome::Error((rejection.status(), rejection))
}

impl<'r, R: Requirement> FromRequest<'r> for RequireAuth<R> {
    type Error = AuthRejection;

    #[track_caller]
    fn from_request<'l, 'a>(request: &'r Request<'l>) -> Asking<'a, Self, AuthRejection>
    where
        'r: 'a,
        'l: 'a,
        Self: 'a,
    {
        Box::pin(guard(request, Asked::here(), Self::admit))
    }
}

/// `None` only where the request carries no token.
impl<'r, R: Requirement> FromRequest<'r> for OptionalAuth<R> {
    type Error = AuthRejection;

    #[track_caller]
    fn from_request<'l, 'a>(request: &'r Request<'l>) -> Asking<'a, Self, AuthRejection>
    where
        'r: 'a,
        'l: 'a,
        Self: 'a,
    {
        Box::pin(guard(request, Asked::here(), Self::admit))
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl<R: Requirement> Sentinel for RequireAuth<R> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Attached::is_missing(rocket)
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl<R: Requirement> Sentinel for OptionalAuth<R> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Attached::is_missing(rocket)
    }
}
