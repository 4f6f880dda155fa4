use axum::{Router, extract::State, http::StatusCode, routing::get};
use rampart_axum::{JwksState, RampartAuth};

async fn ready(State(auth): State<RampartAuth>) -> (StatusCode, String) {
    let health = auth.health();
    let status = match health.state {
        JwksState::Fresh | JwksState::Stale | JwksState::Static => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE, // no keys yet, or too old ones
    };
    (status, format!("{:?}, {} keys, last error: {:?}", health.state, health.keys, health.last_error))
}

async fn app(auth: RampartAuth) -> Router {
    // Optional: the first request then need not wait. A failure is not fatal: it goes on in the background.
    let _ = auth.warm_up().await;
    Router::new().route("/ready", get(ready)).with_state(auth)
}
