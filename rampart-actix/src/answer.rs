//! The answer that an application has made of a rejection, as plain data.

use std::fmt;

use actix_web::body::{BodySize, BoxBody, MessageBody, None as NoBody};
use actix_web::http::header::HeaderMap;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{Error, HttpResponse, web::Bytes};

/// What an error of actix-web has answered once: it may be asked again, while most errors give their response away the first
/// time (`InternalError` is 500 from then on), and it can be sent to another thread.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    reason: Option<&'static str>,
    closes: bool,
    headers: HeaderMap,
    /// An empty body and none are told apart in the head.
    body: Option<Bytes>,
}

impl Answer {
    /// `None` where the body is not in memory but comes as a stream: that could be read only once.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let (response, body) = error.error_response().into_parts();
        let body = match body.size() {
            BodySize::None => None,
            _ => Some(body.try_into_bytes().ok()?),
        };
        let head = response.head();
        let closes = matches!(head.connection_type(), ConnectionType::Close);
        Some(Self { status: head.status, reason: head.reason, closes, headers: head.headers.clone(), body })
    }

    pub(crate) fn response(&self) -> HttpResponse {
        let body = self.body.as_ref().map_or_else(|| BoxBody::new(NoBody::new()), |body| BoxBody::new(body.clone()));
        let mut response = HttpResponse::with_body(self.status, body);
        let head = response.head_mut();
        head.reason = self.reason;
        head.headers = self.headers.clone();
        if self.closes {
            head.set_connection_type(ConnectionType::Close);
        }
        response
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answer").field(&self.status).finish()
    }
}
