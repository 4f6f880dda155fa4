//! Refused calls of gRPC: the same answer as any other, and a status of gRPC with it, as clients would take the body of JSON for
//! a broken message.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::extract::AuthRejection;

/// The answer to a refused request. For a call of gRPC it has two headers more: clients that find a status of gRPC there look no
/// further (PROTOCOL-HTTP2 of gRPC, "Responses"). The status of HTTP stays what it is: the `Content-Type` is the caller's to
/// choose, and nobody may turn a refusal into a 200 by it.
pub(crate) fn answer(rejection: AuthRejection, is_grpc: bool) -> Response {
    let told = is_grpc.then(|| (status(rejection.error().status()), rejection.to_string()));
    let mut response = rejection.into_response();
    if let Some((code, message)) = told {
        let headers = response.headers_mut();
        headers.insert("grpc-status", HeaderValue::from_static(code));
        // Percent-encoded (the same document); a name with other characters, in a requirement written by hand, is left out.
        if let Ok(message) = HeaderValue::from_str(&message.replace('%', "%25")) {
            headers.insert("grpc-message", message);
        }
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
