//! The Task API on axum.

mod custom_errors;
mod local;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, FromRef, Path, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use rampart_axum::{OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, backchannel_logout, responses};
use task_api_shared::{Answer, EmailSend, LocalIssuer, MAX_BODY, Revocations, Store, TasksWrite, WEB_ORIGIN, revoke};
use tower_http::cors::CorsLayer;

pub use custom_errors::custom_errors;

#[derive(Clone, FromRef)]
struct App {
    auth: RampartAuth,
    revocations: Revocations,
    store: Arc<Store>,
}

/// JSON as the shared code made it.
struct Json(Answer);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let Answer { status, retry_after, body } = self.0;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if body.is_empty() {
            return status.into_response();
        }
        let retry_after = retry_after.map(|seconds| [(header::RETRY_AFTER, HeaderValue::from(seconds))]);
        (status, retry_after, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
    }
}

async fn health() -> Json {
    Json(Store::health())
}

async fn profile(user: RequireAuth) -> Json {
    Json(Store::profile(&user))
}

async fn data(user: RequireAuth) -> Json {
    Json(Store::data(&user))
}

async fn tasks(user: RequireAuth, State(store): State<Arc<Store>>) -> Json {
    Json(store.tasks(&user))
}

async fn create_task(
    user: RequireAuth<TasksWrite>,
    State(store): State<Arc<Store>>,
    body: Result<Bytes, BytesRejection>,
) -> Json {
    Json(match body {
        Ok(body) => store.create(&user, &body),
        Err(rejection) => Answer::unhandled(rejection.status().as_u16()),
    })
}

async fn all_tasks(State(store): State<Arc<Store>>) -> Json {
    Json(store.all_tasks())
}

async fn stats(State(store): State<Arc<Store>>) -> Json {
    Json(store.stats())
}

async fn delete_user(State(store): State<Arc<Store>>, user_id: Result<Path<String>, PathRejection>) -> Json {
    Json(match user_id {
        Ok(Path(user_id)) => store.delete_user(&user_id),
        Err(rejection) => Answer::unhandled(rejection.status().as_u16()),
    })
}

async fn add_revocation(
    State(auth): State<RampartAuth>,
    State(revocations): State<Revocations>,
    body: Result<Bytes, BytesRejection>,
) -> Json {
    Json(match body {
        Ok(body) => revoke(&auth, &revocations, &body).await,
        Err(rejection) => Answer::unhandled(rejection.status().as_u16()),
    })
}

async fn send_email(_: RequireAuth<EmailSend>) -> Json {
    Json(Store::send_email())
}

async fn feed(user: OptionalAuth) -> Json {
    Json(Store::feed(user.as_deref()))
}

async fn no_such_route() -> Json {
    Json(Answer::unhandled(404))
}

/// The application: routes, guards and CORS. `revocations` are those that `auth` goes by.
pub fn app(auth: RampartAuth, revocations: Revocations) -> Router {
    api(auth, revocations).layer(cors())
}

/// The application with a page at `/` to try it in a browser, signed in by the local issuer. For development only.
pub fn app_with_page(auth: RampartAuth, revocations: Revocations, issuer: LocalIssuer) -> Router {
    api(auth, revocations).merge(local::routes(issuer)).layer(cors())
}

fn api(auth: RampartAuth, revocations: Revocations) -> Router {
    let admins_only = auth.require_roles(["admin"]);
    let logout = backchannel_logout(&auth);
    let app = App { auth, revocations, store: Arc::default() };
    let admin = Router::new()
        .route("/tasks", get(all_tasks))
        .route("/stats", get(stats))
        .route("/users/{user_id}", delete(delete_user))
        .route("/revocations", post(add_revocation))
        // Fallbacks of its own, or what does not exist here would be answered outside of the layer, to whoever asks: which routes there
        // are is the admins' business too.
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        // Around the finished group, so that whatever is added to it above is guarded too, the fallbacks included.
        .layer(admins_only)
        .with_state(app.clone());
    Router::new()
        .route("/health", get(health))
        .route("/api/profile", get(profile))
        .route("/api/data", get(data))
        .route("/api/tasks", get(tasks).post(create_task))
        // As a service, which is asked for everything below: `nest` would leave out `/api/admin/`.
        .nest_service("/api/admin", admin)
        .route("/api/emails/send", post(send_email))
        .route("/api/feed", get(feed))
        // Outside of every guard: the issuer has no access token, and what it sends is signed.
        .route("/backchannel-logout", logout)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // Where proofs of keys need nonces, good answers bring new ones.
        .layer(responses())
        .with_state(app)
}

/// Outermost, so that a preflight needs no token and rejections are readable across origins.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(WEB_ORIGIN))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, HeaderName::from_static("dpop"), header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce"), header::RETRY_AFTER])
        .allow_credentials(true)
}
