//! What the example adds while its local issuer runs: a page to look at, and tokens for it.
//!
//! `POST /local/token` gives a token to whoever asks. That is of use beside an issuer that ends with the program, on an address
//! that only this machine reaches, and nowhere else: a real page signs its user in at the issuer (RFC 6749 section 4.1). The
//! browser on this machine reaches it too, for whatever site is open in it: what such a site may send is refused.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use task_api_shared::{LocalIssuer, check_local, local_token};

use crate::Json;

/// Nothing but the page's own files, no inline scripts or styles, no frame around it, and requests to this API alone.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Part of the program, so that it works from any directory.
const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../web/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("../web/app.js")),
    ("/app.css", "text/css; charset=utf-8", include_str!("../web/app.css")),
    ("/icon.svg", "image/svg+xml", include_str!("../web/icon.svg")),
];

pub(crate) fn routes(issuer: LocalIssuer) -> Router {
    let token = async move |headers: HeaderMap, body: Bytes| {
        let content_type = headers.get(header::CONTENT_TYPE).map(AsRef::as_ref);
        ([(header::CACHE_CONTROL, "no-store")], Json(local_token(&issuer, content_type, &body)))
    };
    let router = Router::new().route("/local/token", post(token));
    let router = FILES.into_iter().fold(router, |router, (path, content_type, text)| {
        router.route(path, get(async move || file(content_type, text)))
    });
    router.route_layer(from_fn(from_this_machine))
}

async fn from_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    match check_local(headers.get(header::HOST).map(AsRef::as_ref), headers.get_all(header::ORIGIN)) {
        Ok(()) => next.run(request).await,
        Err(refusal) => ([(header::CACHE_CONTROL, "no-store")], Json(refusal)).into_response(),
    }
}

fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
