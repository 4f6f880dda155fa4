//! What is kept with a request of what its guards have found: the outcome, who is signed in, and the last refusal.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rampart_core::Claims;
use rampart_core::adapter::{Carry, Flights, Outcome, Verified};
use rocket::http::Status;
use rocket::{Request, Response, Route};

use crate::rejection::{AuthRejection, add_missing};

/// In the local state of a request, which can be set only once, so that the change is within.
#[derive(Default)]
pub(crate) struct Kept {
    verdicts: Mutex<Verdicts>,
    found: Mutex<Found>,
}

/// What has been verified, and what is under way.
#[derive(Default)]
pub(crate) struct Verdicts {
    pub(crate) verified: Option<Verified>,
    pub(crate) flights: Flights,
}

#[derive(Default)]
struct Found {
    claims: Option<Arc<Claims>>,
    rejection: Option<AuthRejection>,
    /// The route whose request that rejection has ended: until another guard runs, or another route.
    ended: Option<RouteId>,
}

/// Which route it is: its address, for routes do not move once Rocket is launched.
#[derive(Clone, Copy, PartialEq, Eq)]
struct RouteId(usize);

impl RouteId {
    fn of(request: &Request<'_>) -> Option<Self> {
        request.route().map(|route: &Route| Self(std::ptr::from_ref(route).addr()))
    }
}

impl Kept {
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(Self::default)
    }

    /// What earlier guards have kept, and the place for more. It is locked for as long as it takes to decide, and not while keys are
    /// fetched.
    pub(crate) fn verdicts(&self) -> MutexGuard<'_, Verdicts> {
        self.verdicts.lock()
    }

    /// A guard has decided: who is signed in now, and that no refusal before has ended the request.
    pub(crate) fn decided(&self, outcome: &Outcome<'_>, passed: bool) {
        let mut found = self.found.lock();
        found.ended = None;
        match outcome.carry(passed, found.claims.as_ref()) {
            Carry::Unchanged => {}
            Carry::Insert(claims) => found.claims = Some(claims),
            Carry::Remove => found.claims = None,
        }
    }

    /// Gives an answer what the verification of its request has for it; where it has a nonce already, that is of a refusal.
    pub(crate) fn complete(&self, response: &mut Response<'_>) {
        let verdicts = self.verdicts();
        let Some(verified) = verdicts.verified.as_ref().filter(|verified| verified.has_answer_headers()) else {
            return;
        };
        if response.headers().contains("dpop-nonce") {
            return;
        }
        let own: Vec<String> = response.headers().get("cache-control").map(str::to_owned).collect();
        add_missing(verified.answer_headers(own.iter().map(String::as_bytes)), response);
    }

    /// Who is signed in, as far as guards have found.
    pub(crate) fn claims(&self) -> Option<Arc<Claims>> {
        self.found.lock().claims.clone()
    }

    /// A refusal that ends the request: its answer follows from it.
    pub(crate) fn ended(&self, request: &Request<'_>, rejection: AuthRejection) {
        let mut found = self.found.lock();
        found.rejection = Some(rejection);
        found.ended = RouteId::of(request);
    }

    /// A refusal that is left to the handler.
    pub(crate) fn left(&self, rejection: AuthRejection) {
        let mut found = self.found.lock();
        found.rejection = Some(rejection);
        found.ended = None;
    }

    /// The rejection that has ended the request, where the answer has its status: not that of a handler which went on in spite
    /// of a refusal, nor of a route that came after.
    pub(crate) fn answered(&self, request: &Request<'_>, status: Status) -> Option<AuthRejection> {
        let found = self.found.lock();
        let has_ended = found.ended.is_some() && found.ended == RouteId::of(request);
        found.rejection.clone().filter(|rejection| has_ended && rejection.status() == status)
    }
}

impl AuthRejection {
    /// The rejection of this request: for an application's own catchers.
    ///
    /// `None` where nothing of this crate has refused the request. Where several guards have, it is the last one's. It may not
    /// be why the catcher runs: a handler that takes `Result<RequireAuth, AuthRejection>` may have failed later for a
    /// reason of its own. A default catcher can compare [`error().status()`](rampart_core::AuthError::status) with the
    /// status that it is to answer.
    ///
    /// ```
    /// use rampart_rocket::{AuthError, AuthRejection};
    /// use rocket::{Request, catch};
    ///
    /// #[catch(401)]
    /// fn unauthorized(request: &Request<'_>) -> &'static str {
    ///     match AuthRejection::from_request(request) {
    ///         Some(rejection) if *rejection.error() == AuthError::TokenExpired => "Please log in again",
    ///         _ => "Please log in",
    ///     }
    /// }
    /// ```
    pub fn from_request(request: &Request<'_>) -> Option<Self> {
        Kept::of(request).found.lock().rejection.clone()
    }
}
