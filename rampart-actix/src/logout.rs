//! Where the issuer says that somebody has signed out.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Route, web};
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
/// use actix_web::{App, web};
/// use rampart_actix::{RampartAuth, backchannel_logout};
///
/// # fn example(auth: RampartAuth) {
/// App::new().route("/backchannel-logout", backchannel_logout(&auth)).app_data(web::Data::new(auth));
/// # }
/// ```
pub fn backchannel_logout(auth: &RampartAuth) -> Route {
    let auth = auth.clone();
    web::route().to(move |request: HttpRequest, body: web::Payload| {
        let auth = auth.clone();
        async move { into_response(reply(&auth, &request, body).await.unwrap_or_else(|refused| refused)) }
    })
}

async fn reply(auth: &RampartAuth, request: &HttpRequest, body: web::Payload) -> Result<LogoutReply, LogoutReply> {
    if request.method() != Method::POST {
        return Err(LogoutReply::not_post());
    }
    LogoutReply::check_length(request.headers().get(CONTENT_LENGTH).map(HeaderValue::as_bytes))?;
    let body = match LogoutReply::in_time(body.to_bytes_limited(LogoutReply::LONGEST_BODY)).await? {
        Ok(Ok(body)) => Some(body),
        Ok(Err(_)) => return Err(LogoutReply::unreadable()),
        Err(_) => None,
    };
    Ok(auth.backchannel_logout(request.headers().get_all(CONTENT_TYPE), body.as_deref()).await)
}

fn into_response(reply: LogoutReply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = HttpResponse::new(status);
    for (name, value) in reply.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    response.set_body(actix_web::body::BoxBody::new(reply.into_body()))
}
