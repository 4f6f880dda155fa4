//! The Task API on actix-web.

mod custom_errors;

use actix_cors::Cors;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{self, Bytes, Data, Path, PayloadConfig, ServiceConfig};
use actix_web::{HttpResponse, delete, post, route};
use rampart_actix::{OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, backchannel_logout};
use task_api_shared::{Answer, EmailSend, MAX_BODY, Revocations, Store, TasksWrite, WEB_ORIGIN, revoke};

pub use custom_errors::custom_errors;

/// JSON as the shared code made it.
fn json(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.body.is_empty() {
        return HttpResponse::new(status);
    }
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = answer.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(answer.body)
}

#[route("/health", method = "GET", method = "HEAD")]
async fn health() -> HttpResponse {
    json(Store::health())
}

#[route("/api/profile", method = "GET", method = "HEAD")]
async fn profile(user: RequireAuth) -> HttpResponse {
    json(Store::profile(&user))
}

#[route("/api/data", method = "GET", method = "HEAD")]
async fn data(user: RequireAuth) -> HttpResponse {
    json(Store::data(&user))
}

#[route("/api/tasks", method = "GET", method = "HEAD")]
async fn tasks(user: RequireAuth, store: Data<Store>) -> HttpResponse {
    json(store.tasks(&user))
}

#[post("/api/tasks")]
async fn create_task(
    user: RequireAuth<TasksWrite>,
    store: Data<Store>,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    json(match body {
        Ok(body) => store.create(&user, &body),
        Err(error) => Answer::unhandled(error.as_response_error().status_code().as_u16()),
    })
}

#[route("/tasks", method = "GET", method = "HEAD")]
async fn all_tasks(store: Data<Store>) -> HttpResponse {
    json(store.all_tasks())
}

#[route("/stats", method = "GET", method = "HEAD")]
async fn stats(store: Data<Store>) -> HttpResponse {
    json(store.stats())
}

#[delete("/users/{user_id}")]
async fn delete_user(store: Data<Store>, user_id: Path<String>) -> HttpResponse {
    json(store.delete_user(&user_id))
}

#[post("/revocations")]
async fn add_revocation(
    auth: Data<RampartAuth>,
    revocations: Data<Revocations>,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    json(match body {
        Ok(body) => revoke(&auth, &revocations, &body).await,
        Err(error) => Answer::unhandled(error.as_response_error().status_code().as_u16()),
    })
}

#[post("/api/emails/send")]
async fn send_email(_: RequireAuth<EmailSend>) -> HttpResponse {
    json(Store::send_email())
}

#[route("/api/feed", method = "GET", method = "HEAD")]
async fn feed(user: OptionalAuth) -> HttpResponse {
    json(Store::feed(user.as_deref()))
}

async fn no_such_route() -> HttpResponse {
    json(Answer::unhandled(404))
}

/// Routes and guards, for `App::configure`. `revocations` are those that `auth` goes by; `store` is shared by all workers.
pub fn configure(config: &mut ServiceConfig, auth: &RampartAuth, revocations: &Revocations, store: Data<Store>) {
    // Middleware guards the whole scope, so that whatever is added to it is guarded too, wherever `wrap` stands, and what does not
    // exist in it: which routes there are is the admins' business too.
    let admin = web::scope("/api/admin")
        .wrap(auth.require_roles(["admin"]))
        .service(all_tasks)
        .service(stats)
        .service(delete_user)
        .service(add_revocation);
    config
        .app_data(Data::new(auth.clone()))
        .app_data(Data::new(revocations.clone()))
        .app_data(store)
        .app_data(PayloadConfig::new(MAX_BODY))
        .service(health)
        .service(profile)
        .service(data)
        .service(tasks)
        .service(create_task)
        .service(admin)
        .service(send_email)
        .service(feed)
        // Outside of every guard: the issuer has no access token, and what it sends is signed.
        .route("/backchannel-logout", backchannel_logout(auth))
        .default_service(web::to(no_such_route));
}

/// Cross-origin requests of the browser application, for `App::wrap`: outermost, so that a preflight needs no token and
/// rejections are readable across origins.
pub fn cors() -> Cors {
    Cors::default()
        .allowed_origin(WEB_ORIGIN)
        .allowed_methods(["GET", "POST", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, HeaderName::from_static("dpop"), header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce"), header::RETRY_AFTER])
        .supports_credentials()
}
