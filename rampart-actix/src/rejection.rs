//! From a rejection to a response of actix-web.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use rampart_core::Rejection;

use crate::answer::Answer;

/// A refused request: why, and the answer for the caller. Used as a response, it is that answer, or the one that
/// [`RampartConfig::error_handler`](crate::RampartConfig::error_handler) has made of it.
///
/// A handler that takes `Result<RequireAuth, AuthRejection>` decides for itself what to answer; middleware further out finds the
/// rejection with `response.error()` and [`as_error`](actix_web::Error::as_error).
///
/// It is plain data: it can be sent to another thread and put into any error type, and asked for its answer twice.
#[derive(Clone, Debug)]
pub struct AuthRejection {
    rejection: Box<Rejection>,
    /// What the application's error handler has made of it.
    custom: Option<Arc<Answer>>,
}

rampart_core::__impl_rejection!(AuthRejection);

impl From<Rejection> for AuthRejection {
    fn from(rejection: Rejection) -> Self {
        Self { rejection: Box::new(rejection), custom: None }
    }
}

impl AuthRejection {
    fn rejection(&self) -> &Rejection {
        &self.rejection
    }

    /// With an answer of the application's own, if it has made one.
    pub(crate) fn answered(self, answer: Option<Answer>) -> Self {
        Self { custom: answer.map(Arc::new), ..self }
    }
}

/// Two rejections are equal where the reason and the answer of their own are; a custom answer is not compared.
impl PartialEq for AuthRejection {
    fn eq(&self, other: &Self) -> bool {
        self.rejection == other.rejection
    }
}

impl Eq for AuthRejection {}

/// Status, headers and body as the core says, unless the application has an error handler.
impl ResponseError for AuthRejection {
    fn status_code(&self) -> StatusCode {
        match &self.custom {
            Some(custom) => custom.status,
            None => StatusCode::from_u16(self.rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        if let Some(custom) = &self.custom {
            return custom.response();
        }
        let body = BoxBody::new(self.rejection.body().to_owned());
        let mut response = HttpResponse::with_body(self.status_code(), body);
        add(self.rejection.headers(), response.headers_mut());
        response
    }
}

/// Adds what the core says: a name may come more than once, as that of a challenge does where there are several.
pub(crate) fn add<'h>(headers: impl Iterator<Item = (&'static str, &'h str)>, to: &mut HeaderMap) {
    for (name, value) in headers {
        // The core makes visible ASCII only, which always is a header value.
        if let Ok(value) = HeaderValue::from_str(value) {
            to.append(HeaderName::from_static(name), value);
        }
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
        // A hash map keeps the order of the values of one name, and no other.
        let mut came: Vec<_> =
            map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
        came.sort_by_key(|(own, _)| headers.iter().position(|(name, _)| name == own));
        assert_eq!(came, headers);
    }
}
