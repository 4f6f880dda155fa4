//! From a rejection to a response of Rocket, and from a request to its rejection.

use std::io::Cursor;

use parking_lot::Mutex;
use rocket::Request;
use rocket::http::Status;
use rocket::request::Outcome;
use rocket::response::{self, Responder, Response};

use crate::guard::AuthRejection;

/// The last rejection of a request, in its local state: that can be set only once, so that the change is within.
#[derive(Default)]
struct Last(Mutex<Option<AuthRejection>>);

impl AuthRejection {
    /// The rejection of this request: for an application's own catchers.
    ///
    /// `None` where no guard of this crate has refused the request. Where several have, it is the last one's. It may not
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
        request.local_cache(Last::default).0.lock().clone()
    }

    /// The rejection of this request, where it has this status.
    pub(crate) fn with_status(request: &Request<'_>, status: Status) -> Option<Self> {
        Self::from_request(request).filter(|rejection| rejection.status() == status)
    }

    /// The outcome of a guard that refuses; the rejection is kept for the catchers.
    pub(crate) fn refuse<T>(self, request: &Request<'_>) -> Outcome<T, Self> {
        *request.local_cache(Last::default).0.lock() = Some(self.clone());
        Outcome::Error((self.status(), self))
    }

    /// Adds those headers that the response does not have; the type of its body is its own.
    pub(crate) fn complete(&self, response: &mut Response<'_>) {
        for (name, value) in self.rejection().headers() {
            if name != "content-type" && !response.headers().contains(name) {
                response.set_raw_header(name, value.to_owned());
            }
        }
    }

    fn status(&self) -> Status {
        Status::new(self.rejection().status())
    }
}

/// Status, headers and body as the core says.
impl<'r> Responder<'r, 'static> for AuthRejection {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        response.status(self.status());
        for (name, value) in self.rejection().headers() {
            response.raw_header(name, value.to_owned());
        }
        let body = self.rejection().body().to_owned();
        response.sized_body(body.len(), Cursor::new(body)).ok()
    }
}
