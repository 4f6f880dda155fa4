//! From a rejection to a response of Rocket, and from a request to its rejection.

use std::io::Cursor;

use rocket::Request;
use rocket::http::Status;
use rocket::request::Outcome;
use rocket::response::{self, Responder, Response};

use crate::asked::Asked;
use crate::guard::AuthRejection;
use crate::kept::Kept;

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
        Kept::of(request).rejection()
    }

    /// The outcome of a guard that refuses; the rejection is kept for the catchers.
    pub(crate) async fn refuse<T>(self, request: &Request<'_>, asked: Asked) -> Outcome<T, Self> {
        let is_left_to_the_handler = asked.is_left_to_the_handler(request).await;
        Kept::of(request).refused(request, self.clone(), is_left_to_the_handler);
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

    pub(crate) fn status(&self) -> Status {
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
