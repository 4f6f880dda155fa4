//! Where the issuer says that somebody has signed out.

use std::error::Error;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::LengthLimitError;
use rampart_core::RampartAuth;
use rampart_core::adapter::LogoutReply;

/// Back-channel logout (OpenID Connect Back-Channel Logout 1.0): what the issuer calls when somebody signs out there. The tokens of that session are
/// then refused, and with [`Revocations`](rampart_core::Revocations) that replicas share, on each of them.
///
/// The logout token must be one of the object's issuers', for one of the
/// [`logout_clients`](rampart_core::Issuer::logout_clients). The answer is 200 once the revocation is kept, 400 for a token that is not good,
/// and 503 while that cannot be decided or kept, so that the issuer comes again. It needs
/// [`revocations`](rampart_core::RampartAuthBuilder::revocations), and belongs outside of every guard: the issuer has no access token.
///
/// ```
/// use axum::Router;
/// use rampart_axum::{RampartAuth, backchannel_logout};
///
/// fn app(auth: RampartAuth) -> Router {
///     Router::new().route("/backchannel-logout", backchannel_logout(&auth)).with_state(auth)
/// }
/// ```
pub fn backchannel_logout<S: Clone + Send + Sync + 'static>(auth: &RampartAuth) -> MethodRouter<S> {
    let auth = auth.clone();
    any(move |request: Request| {
        let auth = auth.clone();
        async move { into_response(reply(&auth, request).await.unwrap_or_else(|refused| refused)) }
    })
}

async fn reply(auth: &RampartAuth, request: Request) -> Result<LogoutReply, LogoutReply> {
    if request.method() != Method::POST {
        return Err(LogoutReply::not_post());
    }
    let (head, body) = request.into_parts();
    LogoutReply::check_length(head.headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes))?;
    let body = match LogoutReply::in_time(to_bytes(body, LogoutReply::LONGEST_BODY)).await? {
        Ok(body) => Some(body),
        Err(error) if is_too_long(&error) => None,
        Err(_) => return Err(LogoutReply::unreadable()),
    };
    Ok(auth.backchannel_logout(head.headers.get_all(CONTENT_TYPE), body.as_deref()).await)
}

/// By the limit of this handler, or by one further out.
fn is_too_long(error: &axum::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn into_response(reply: LogoutReply) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    for (name, value) in reply.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    *response.body_mut() = Body::from(reply.into_body());
    response
}
