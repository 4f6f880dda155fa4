//! From a rejection to a response of axum.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};

use crate::extract::AuthRejection;

impl AuthRejection {
    /// Status, headers and body as the core says; the rejection itself goes along in the extensions, for
    /// `map_response` in an application that answers in a form of its own.
    fn response(self) -> Response {
        let rejection = self.rejection();
        let mut response = Response::new(Body::from(rejection.body().to_owned()));
        *response.status_mut() = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in rejection.headers() {
            // The core makes visible ASCII only, which always is a header value.
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        self.response()
    }
}
