//! From a rejection to a response of axum.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use rampart_core::Rejection;

/// A refused request: why, and the answer for the caller. Used as a response, it is that answer.
///
/// A handler that takes `Result<RequireAuth, AuthRejection>` decides for itself what to answer; `map_response` around a router finds
/// the rejection in the extensions of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthRejection(Box<Rejection>);

rampart_core::__impl_rejection!(AuthRejection);

impl From<Rejection> for AuthRejection {
    fn from(rejection: Rejection) -> Self {
        Self(Box::new(rejection))
    }
}

impl AuthRejection {
    fn rejection(&self) -> &Rejection {
        &self.0
    }

    /// Status, headers and body as the core says; the rejection itself goes along in the extensions, for
    /// `map_response` in an application that answers in a form of its own.
    fn response(self) -> Response {
        let rejection = self.rejection();
        let mut response = Response::new(Body::from(rejection.body().to_owned()));
        *response.status_mut() = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        add(rejection.headers(), response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }
}

/// Adds what the core says: a name may come more than once, as that of a challenge does where there are several.
pub(crate) fn add<'h>(headers: impl Iterator<Item = (&'static str, &'h str)>, to: &mut HeaderMap) {
    for (name, value) in headers {
        // The core makes visible ASCII only, which always is a header value.
        if let Ok(value) = HeaderValue::from_str(value) {
            to.append(name, value);
        }
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        self.response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110 section 11.6.1.
    #[test]
    fn each_challenge_becomes_a_field_of_its_own() {
        let headers = [
            ("cache-control", "no-store"),
            ("www-authenticate", r#"Bearer realm="a""#),
            ("www-authenticate", r#"Other realm="a", b="c""#),
            ("retry-after", "7"),
        ];
        let mut map = HeaderMap::new();
        add(headers.into_iter(), &mut map);
        let came: Vec<_> =
            map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
        assert_eq!(came, headers);
    }
}
