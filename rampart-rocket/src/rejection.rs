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
        add_missing(self.rejection().headers().filter(|(name, _)| *name != "content-type"), response);
    }

    pub(crate) fn status(&self) -> Status {
        Status::new(self.rejection().status())
    }
}

/// Adds what the core says, but for names that the response has: a name may come more than once, as that of a challenge does
/// where there are several.
fn add_missing<'h>(headers: impl Iterator<Item = (&'static str, &'h str)>, response: &mut Response<'_>) {
    let missing: Vec<_> = headers.filter(|(name, _)| !response.headers().contains(name)).collect();
    for (name, value) in missing {
        response.adjoin_raw_header(name, value.to_owned());
    }
}

/// Status, headers and body as the core says.
impl<'r> Responder<'r, 'static> for AuthRejection {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::new();
        response.set_status(self.status());
        add_missing(self.rejection().headers(), &mut response);
        let body = self.rejection().body().to_owned();
        response.set_sized_body(body.len(), Cursor::new(body));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGES: [(&str, &str); 3] = [
        ("cache-control", "no-store"),
        ("www-authenticate", r#"Bearer realm="a""#),
        ("www-authenticate", r#"Other realm="a", b="c""#),
    ];

    fn came(response: &Response<'_>) -> Vec<(String, String)> {
        response.headers().iter().map(|header| (header.name.to_string(), header.value.to_string())).collect()
    }

    fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// RFC 9110 section 11.6.1.
    #[test]
    fn each_challenge_becomes_a_field_of_its_own() {
        let mut response = Response::new();
        add_missing(CHALLENGES.into_iter(), &mut response);
        assert_eq!(came(&response), owned(&CHALLENGES));
    }

    #[test]
    fn answer_that_has_a_challenge_gets_no_other() {
        let mut response = Response::new();
        response.set_raw_header("WWW-Authenticate", "Basic");
        add_missing(CHALLENGES.into_iter(), &mut response);
        assert_eq!(came(&response), owned(&[("WWW-Authenticate", "Basic"), ("cache-control", "no-store")]));
    }
}
