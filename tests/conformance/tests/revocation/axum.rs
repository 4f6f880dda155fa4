//! The application on axum.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use rampart_axum::{AuthRejection, OptionalAuth, Policy, RampartAuth, RampartAuthExt, RequireAuth, backchannel_logout};
use rampart_conformance::apps::axum::serve_by;
use tokio::runtime::Builder;
use tokio::time::{Instant, pause};

use crate::world::{Gate, LOGOUT, Parts};

/// A state of the application's own.
#[derive(Clone, FromRef)]
struct AppState {
    auth: RampartAuth,
    gate: Arc<Gate>,
}

pub(crate) fn start(parts: &Parts) -> SocketAddr {
    let Parts { auth, other, gate } = parts;
    let router = Router::new()
        .route("/me", get(guarded))
        .route("/layer", get(guarded).route_layer(auth.require_auth()))
        .route("/optional", get(optional))
        .route("/slow", get(slow))
        .route("/slow-to-ask", get(slow_to_ask))
        .route("/objects", get(guarded).route_layer(other.require_auth()))
        .route(LOGOUT, backchannel_logout(auth))
        .nest("/auth", Router::new().route(LOGOUT, backchannel_logout(auth)))
        .nest("/without-state", Router::new().route("/", backchannel_logout(auth)).with_state(()))
        .layer(from_fn(pausing))
        .with_state(AppState { auth: auth.clone(), gate: Arc::clone(gate) });
    // Of one thread, so that its time can be stopped.
    serve_by(&mut Builder::new_current_thread(), router)
}

async fn guarded(user: RequireAuth) -> String {
    user.sub.clone()
}

async fn optional(user: OptionalAuth) -> String {
    user.as_ref().map_or_else(|| "anonymous".to_owned(), |user| user.sub.clone())
}

async fn slow(user: RequireAuth, State(gate): State<Arc<Gate>>) -> String {
    gate.pass().await;
    user.sub.clone()
}

async fn slow_to_ask(user: RequireAuth, State(gate): State<Arc<Gate>>) -> Result<String, AuthRejection> {
    gate.pass().await;
    user.require(&Policy::roles(["admin"]))?;
    Ok(user.sub.clone())
}

/// Where a request asks for it, time goes by from now on as soon as everybody waits; the answer says how much did.
async fn pausing(request: Request, next: Next) -> Response {
    if !request.headers().contains_key("x-pause") {
        return next.run(request).await;
    }
    pause();
    let begun = Instant::now();
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-took", HeaderValue::from(begun.elapsed().as_secs()));
    response
}
