//! The application on axum.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::HeaderName;
use axum::middleware::map_request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rampart_axum::{AuthRejection, Policy, RampartAuth, RampartAuthExt, RequireAuth, responses};
use rampart_conformance::apps::axum::serve_on_free_port;

use crate::answers::{self, REPLACEMENTS};

pub(crate) fn start(auth: &RampartAuth, other: &RampartAuth) -> SocketAddr {
    let elsewhere = Router::new().fallback(guarded).layer(auth.require_auth());
    let router = Router::new()
        .route("/public", get(async || "public"))
        .route("/layer/{what}", get(answer).route_layer(auth.require_auth()))
        .route("/guard/{what}", get(async |_: RequireAuth, path: Path<String>| answer(path).await))
        .route(
            "/both/{what}",
            get(async |user: RequireAuth, path: Path<String>| {
                user.require(&Policy::roles(["user"]))?;
                Ok::<_, AuthRejection>(answer(path).await)
            })
            .route_layer(auth.optional_auth())
            .route_layer(auth.require_auth()),
        )
        .route("/objects", get(guarded).route_layer(other.require_auth()))
        .route("/replaced", get(guarded).route_layer(map_request(replace)).route_layer(auth.require_auth()))
        .nest("/elsewhere", elsewhere)
        .layer(responses())
        .with_state(auth.clone());
    serve_on_free_port(router)
}

async fn guarded(user: RequireAuth) -> String {
    user.sub.clone()
}

async fn answer(Path(what): Path<String>) -> Response {
    let (status, cache_control) = answers::answer(&what);
    let mut response = Response::builder().status(status);
    if let Some(value) = cache_control {
        response = response.header("cache-control", value);
    }
    let body = if what == "stream" {
        Body::from_stream(rocket::futures::stream::iter(["a", "b"].map(Ok::<_, std::io::Error>)))
    } else {
        Body::empty()
    };
    response.body(body).unwrap().into_response()
}

async fn replace(mut request: Request) -> Request {
    for (new, field) in REPLACEMENTS {
        if let Some(value) = request.headers_mut().remove(new) {
            if value.is_empty() {
                request.headers_mut().remove(field);
            } else {
                request.headers_mut().insert(HeaderName::from_static(field), value);
            }
        }
    }
    request
}
