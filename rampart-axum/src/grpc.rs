//! Refused calls of gRPC: the answer that their clients understand.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::rejection::AuthRejection;

/// The answer to a refused request. To a call of gRPC it is one of headers alone ("Trailers-Only", PROTOCOL-HTTP2 of gRPC), for
/// clients look at one of two things first. Those that look at the `Content-Type` (grpc-java, the C core beneath Python and C++,
/// Node, .NET, tonic, recent grpc-go) take the status and message of gRPC, and the challenge as metadata; of another type, or with
/// a body, they would call the answer a broken one. Those that look at the status of HTTP (older grpc-go, connect-go) make
/// of it the same status of gRPC, but for 400, and lose message and metadata.
///
/// The status of HTTP stays what it is, although a server of gRPC would say 200: the `Content-Type` is the caller's to choose,
/// and nobody may turn a refusal into a 200 by it.
pub(crate) fn answer(rejection: AuthRejection, is_grpc: bool) -> Response {
    if !is_grpc {
        return rejection.into_response();
    }
    let (code, message) = (status(rejection.error().status()), percent_encoded(&rejection.to_string()));
    let mut response = rejection.into_response();
    *response.body_mut() = Body::empty();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(code));
    // Visible ASCII and spaces by now, which always is a header value.
    if let Ok(message) = HeaderValue::from_str(&message) {
        headers.insert("grpc-message", message);
    }
    response
}

/// Whether the request is a call of gRPC, by its `Content-Type`.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let rest = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// The status of gRPC that clients make of a status of HTTP (its http-grpc-status-mapping); and 400, which they take for their own
/// fault.
const fn status(http: u16) -> &'static str {
    match http {
        400 => "3",  // INVALID_ARGUMENT
        401 => "16", // UNAUTHENTICATED
        403 => "7",  // PERMISSION_DENIED
        503 => "14", // UNAVAILABLE
        _ => "13",   // INTERNAL
    }
}

/// A `grpc-message`: UTF-8, with everything but visible ASCII and spaces escaped, and the escape itself.
fn percent_encoded(message: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    let mut encoded = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' | 0..=0x1f | 0x7f.. => encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]),
            _ => encoded.push(char::from(byte)),
        }
    }
    encoded
}
