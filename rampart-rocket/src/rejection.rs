//! From a rejection to a response of Rocket.

use std::io::Cursor;

use rampart_core::Rejection;
use rocket::http::Status;
use rocket::response::{self, Responder, Response};
use rocket::{Ignite, Request, Rocket, Sentinel};

use crate::attached::Attached;

/// A refused request: why, and the answer for the caller. Used as a response, it is that answer.
///
/// A handler that takes `Result<RequireAuth, AuthRejection>` decides for itself what to answer; a catcher of the application finds the
/// rejection by [`from_request`](Self::from_request). What a handler refuses itself is a [`Refused`](crate::Refused).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthRejection(Box<Rejection>);

rampart_core::__impl_rejection!(AuthRejection);

impl From<Rejection> for AuthRejection {
    fn from(rejection: Rejection) -> Self {
        Self(Box::new(rejection))
    }
}

impl AuthRejection {
    pub(crate) fn rejection(&self) -> &Rejection {
        &self.0
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
pub(crate) fn add_missing<'h>(headers: impl Iterator<Item = (&'static str, &'h str)>, response: &mut Response<'_>) {
    let missing: Vec<_> = headers.filter(|(name, _)| !response.headers().contains(name)).collect();
    for (name, value) in missing {
        response.adjoin_raw_header(name, value.to_owned());
    }
}

/// Stops the launch where [`Rampart`](crate::Rampart) is not attached.
impl Sentinel for AuthRejection {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Attached::is_missing(rocket)
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
