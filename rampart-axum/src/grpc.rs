//! Refused calls of gRPC: they are told by a status of gRPC, as a body of JSON would be taken for a broken message.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::extract::AuthRejection;

/// The answer to a refused request: by HTTP, or where the request is a call of gRPC, by a response that consists of its
/// trailers alone (PROTOCOL-HTTP2 of gRPC, "Responses"). The challenge goes along as metadata.
pub(crate) fn answer(rejection: AuthRejection, is_grpc: bool) -> Response {
    if !is_grpc {
        return rejection.into_response();
    }
    let (code, message) = (status(rejection.error().status()), rejection.to_string());
    let mut response = rejection.into_response();
    *response.status_mut() = StatusCode::OK;
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(code));
    // Percent-encoded (the same document); a name with other characters, in a requirement written by hand, is left out.
    if let Ok(message) = HeaderValue::from_str(&message.replace('%', "%25")) {
        headers.insert("grpc-message", message);
    }
    response
}

/// Whether the request is a call of gRPC, by its `Content-Type`.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let rest = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The status of gRPC that clients make of a status of HTTP; and 400, which they take for their own fault.
const fn status(http: u16) -> &'static str {
    match http {
        400 => "3",  // INVALID_ARGUMENT
        401 => "16", // UNAUTHENTICATED
        403 => "7",  // PERMISSION_DENIED
        503 => "14", // UNAVAILABLE
        _ => "13",   // INTERNAL
    }
}
