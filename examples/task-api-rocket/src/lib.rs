//! The Task API on Rocket.
#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards and data over by value")]
#![allow(clippy::exhaustive_structs, reason = "Rocket makes a public struct of each catcher")]

mod custom_errors;

use rampart_rocket::{AuthRejection, OptionalAuth, Rampart, RampartAuth, RequireAuth, backchannel_logout};
use rocket::data::{Data, ToByteUnit};
use rocket::http::{ContentType, Method, Status};
use rocket::response::{self, Responder};
use rocket::{Build, Either, Request, Response, Rocket, Route, State, catch, catchers, delete, get, post, routes};
use rocket_cors::{AllowedHeaders, AllowedOrigins, Cors, CorsOptions};
use task_api_shared::{Admin, Answer, EmailSend, MAX_BODY, Revocations, Store, TasksWrite, WEB_ORIGIN, revoke};

pub use custom_errors::unauthorized;

/// JSON as the shared code made it.
#[derive(Debug)]
pub struct Json(Answer);

impl<'r> Responder<'r, 'static> for Json {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Answer { status, retry_after, body } = self.0;
        let mut response =
            if body.is_empty() { Response::new() } else { (ContentType::JSON, body).respond_to(request)? };
        response.set_status(Status::new(status));
        if let Some(seconds) = retry_after {
            response.set_raw_header("Retry-After", seconds.to_string());
        }
        Ok(response)
    }
}

#[get("/health")]
fn health() -> Json {
    Json(Store::health())
}

#[get("/api/profile")]
fn profile(user: RequireAuth) -> Json {
    Json(Store::profile(&user))
}

#[get("/api/data")]
fn data(user: RequireAuth) -> Json {
    Json(Store::data(&user))
}

#[get("/api/tasks")]
fn tasks(user: RequireAuth, store: &State<Store>) -> Json {
    Json(store.tasks(&user))
}

#[post("/api/tasks", data = "<body>")]
async fn create_task(user: RequireAuth<TasksWrite>, store: &State<Store>, body: Data<'_>) -> Json {
    Json(match body.open(MAX_BODY.bytes()).into_bytes().await {
        Ok(body) if body.is_complete() => store.create(&user, &body),
        Ok(_) => Answer::unhandled(413),
        Err(_) => Answer::unhandled(400),
    })
}

#[get("/api/admin/tasks")]
fn all_tasks(_admin: RequireAuth<Admin>, store: &State<Store>) -> Json {
    Json(store.all_tasks())
}

#[get("/api/admin/stats")]
fn stats(_admin: RequireAuth<Admin>, store: &State<Store>) -> Json {
    Json(store.stats())
}

#[delete("/api/admin/users/<user_id>")]
fn delete_user(_admin: RequireAuth<Admin>, store: &State<Store>, user_id: &str) -> Json {
    Json(store.delete_user(user_id))
}

#[post("/api/admin/revocations", data = "<body>")]
async fn add_revocation(
    _admin: RequireAuth<Admin>,
    auth: &State<RampartAuth>,
    revocations: &State<Revocations>,
    body: Data<'_>,
) -> Json {
    Json(match body.open(MAX_BODY.bytes()).into_bytes().await {
        Ok(body) if body.is_complete() => revoke(auth, revocations, &body).await,
        Ok(_) => Answer::unhandled(413),
        Err(_) => Answer::unhandled(400),
    })
}

#[get("/api/admin/<_..>", rank = 1)]
fn no_such_admin_route(_admin: RequireAuth<Admin>) -> Json {
    Json(Answer::unhandled(404))
}

#[post("/api/emails/send")]
fn send_email(_user: RequireAuth<EmailSend>) -> Json {
    Json(Store::send_email())
}

#[get("/api/feed")]
fn feed(user: OptionalAuth) -> Json {
    Json(Store::feed(user.as_deref()))
}

/// What Rocket itself could not route or read is answered like the rest, and a refusal as ever.
#[catch(default)]
fn unhandled(status: Status, request: &Request<'_>) -> Either<AuthRejection, Json> {
    match AuthRejection::from_request(request) {
        Some(rejection) if rejection.error().status() == status.code => Either::Left(rejection),
        _ => Either::Right(Json(Answer::unhandled(status.code))),
    }
}

/// Guards stand in routes, and what is no route is answered 404 to whoever asks. Which ones there are below `/api/admin` is the admins'
/// business too, so that a guarded one comes after them, for every method but OPTIONS, which is what browsers ask without a token.
fn rest_of_admin() -> impl Iterator<Item = Route> {
    let methods = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Trace];
    methods.into_iter().flat_map(|method| {
        routes![no_such_admin_route].into_iter().map(move |mut route| {
            route.method = method;
            route
        })
    })
}

/// The application: routes, guards and CORS. `revocations` are those that `auth` goes by.
///
/// # Errors
/// Where the CORS settings contradict each other.
pub fn app(
    rocket: Rocket<Build>,
    auth: RampartAuth,
    revocations: Revocations,
) -> Result<Rocket<Build>, rocket_cors::Error> {
    let admin = routes![all_tasks, stats, delete_user, add_revocation];
    Ok(rocket
        // Outside of every guard: the issuer has no access token, and what it sends is signed.
        .mount("/backchannel-logout", backchannel_logout(&auth))
        .manage(auth.clone())
        .manage(revocations)
        .attach(Rampart::fairing(auth))
        // A preflight needs no token, and rejections are readable across origins.
        .attach(cors()?)
        .manage(Store::default())
        .mount("/", routes![health, profile, data, tasks, create_task, send_email, feed])
        .mount("/", admin)
        .mount("/", rest_of_admin().collect::<Vec<_>>())
        .register("/", catchers![unhandled]))
}

fn cors() -> Result<Cors, rocket_cors::Error> {
    let methods = [Method::Get, Method::Post, Method::Delete].map(From::from);
    CorsOptions {
        allowed_origins: AllowedOrigins::some_exact(&[WEB_ORIGIN]),
        allowed_methods: methods.into_iter().collect(),
        allowed_headers: AllowedHeaders::some(&["Authorization", "DPoP", "Content-Type"]),
        expose_headers: ["WWW-Authenticate", "DPoP-Nonce", "Retry-After"].map(str::to_owned).into(),
        allow_credentials: true,
        ..CorsOptions::default()
    }
    .to_cors()
}
