//! What is kept with a request of what its guards have found: the outcome, who is signed in, and the last refusal.

use std::sync::Arc;

use parking_lot::Mutex;
use rampart_core::Claims;
use rampart_core::adapter::{Carry, Outcome, Verified};
use rocket::http::Status;
use rocket::{Request, Route};

use crate::fairing::Rampart;
use crate::guard::AuthRejection;

/// In the local state of a request, which can be set only once, so that the change is within.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    verified: Option<Verified>,
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

    /// The outcome that an earlier guard has kept, taken out: to be kept again.
    pub(crate) fn take_verified(&self) -> Option<Verified> {
        self.0.lock().verified.take()
    }

    /// Keeps an outcome for the guards to come.
    pub(crate) fn keep(&self, verified: Option<Verified>) {
        self.0.lock().verified = verified;
    }

    /// A guard has decided: who is signed in now, and that no refusal before has ended the request.
    pub(crate) fn decided(&self, outcome: &Outcome<'_>, passed: bool) {
        let mut inner = self.0.lock();
        inner.ended = None;
        match outcome.carry(passed, inner.claims.as_ref()) {
            Carry::Unchanged => {}
            Carry::Insert(claims) => inner.claims = Some(claims),
            Carry::Remove => inner.claims = None,
        }
    }

    /// A guard has refused, and the answer follows from that, unless it is left to the handler.
    pub(crate) fn refused(&self, request: &Request<'_>, rejection: AuthRejection, is_left_to_the_handler: bool) {
        let mut inner = self.0.lock();
        inner.rejection = Some(rejection);
        inner.ended = if is_left_to_the_handler { None } else { RouteId::of(request) };
    }

    /// The last rejection, whatever came of it.
    pub(crate) fn rejection(&self) -> Option<AuthRejection> {
        self.0.lock().rejection.clone()
    }

    /// The rejection that has ended the request, where the answer has its status: not that of a handler which went on in spite
    /// of a refusal, nor of a route that came after.
    pub(crate) fn answered(&self, request: &Request<'_>, status: Status) -> Option<AuthRejection> {
        let inner = self.0.lock();
        let has_ended = inner.ended.is_some() && inner.ended == RouteId::of(request);
        inner.rejection.clone().filter(|rejection| has_ended && rejection.status() == status)
    }
}

impl Rampart {
    /// The claims of this request, once a guard of this crate has let it pass: for fairings and catchers, such as an access log.
    ///
    /// `None` where no guard has run, and where nobody is signed in. A guard that refuses for want of a role or scope changes
    /// nothing here: what an earlier one has found stays.
    ///
    /// ```
    /// use rampart_rocket::Rampart;
    /// use rocket::fairing::AdHoc;
    ///
    /// let access_log = AdHoc::on_response("Access log", |request, response| Box::pin(async move {
    ///     let user = Rampart::claims(request).map_or("-".into(), |claims| claims.sub.clone());
    ///     println!("{user} {} {} {}", request.method(), request.uri().path(), response.status().code);
    /// }));
    /// ```
    pub fn claims(request: &Request<'_>) -> Option<Arc<Claims>> {
        Kept::of(request).0.lock().claims.clone()
    }
}
