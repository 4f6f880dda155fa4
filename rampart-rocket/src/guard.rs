//! Request guards: what a handler takes as a parameter.

use rampart_core::adapter::{self, Verification};
use rampart_core::{Rejection, Requirement};
use rocket::request::{FromRequest, Outcome};
use rocket::{Ignite, Request, Rocket, Sentinel};

use crate::asked::{Asked, Asking};
use crate::fairing::Attached;
use crate::head::Head;
use crate::kept::Kept;

rampart_core::__adapter_types! {
    ///
    /// **Do not take `Option<RequireAuth>` instead.** In Rocket an `Option` turns *every* error of a guard into `None`: a
    /// forged or expired token would pass as anonymous, and so would a request while no keys can be had. No library can
    /// prevent it; this type is what is meant.
}

type Admit<T> = fn(&adapter::Outcome<'_>) -> Result<T, Rejection>;

/// Verifies the request, unless that was done before, and lets `admit` decide.
async fn guard<T>(request: &Request<'_>, asked: Asked, admit: Admit<T>) -> Outcome<T, AuthRejection> {
    let Some(Attached(auth)) = request.rocket().state() else {
        adapter::not_set_up("a guard found no RampartAuth: add `.attach(Rampart::fairing(auth))` to the Rocket");
        return AuthRejection::not_configured().refuse(request, asked).await;
    };
    let (kept, head) = (Kept::of(request), Head(request));
    // Taken out meanwhile, so that requirements, which may be the application's, run without a lock.
    let verified = kept.take_verified();
    let known = verified.as_ref().and_then(|verified| verified.by(auth, &head));
    let admitted = match known.map(|outcome| decide(kept, &outcome, admit)) {
        Some(admitted) => {
            kept.keep(verified);
            admitted
        }
        None => {
            let fresh = match auth.verification(&head) {
                Verification::Ready(fresh) => fresh,
                Verification::Pending(pending) => pending.await,
            };
            let fresh = fresh.after(verified.as_ref());
            let admitted = decide(kept, &fresh.outcome(), admit);
            kept.keep(Some(fresh.into_verified()));
            admitted
        }
    };
    match admitted {
        Ok(guard) => Outcome::Success(guard),
        Err(rejection) => AuthRejection::from(rejection).refuse(request, asked).await,
    }
}

fn decide<T>(kept: &Kept, outcome: &adapter::Outcome<'_>, admit: Admit<T>) -> Result<T, Rejection> {
    let admitted = admit(outcome);
    kept.decided(outcome, admitted.is_ok());
    admitted
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
        let asked = Asked::here();
        Box::pin(guard(request, asked, |outcome| outcome.required::<R>().map(Self::new)))
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
        let asked = Asked::here();
        Box::pin(guard(request, asked, |outcome| outcome.optional::<R>().map(Self::new)))
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl<R: Requirement> Sentinel for RequireAuth<R> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl<R: Requirement> Sentinel for OptionalAuth<R> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl Sentinel for AuthRejection {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        is_unattached(rocket)
    }
}

fn is_unattached(rocket: &Rocket<Ignite>) -> bool {
    let unattached = rocket.state::<Attached>().is_none();
    if unattached {
        adapter::not_set_up("a route needs a RampartAuth: add `.attach(Rampart::fairing(auth))` to the Rocket");
    }
    unattached
}
