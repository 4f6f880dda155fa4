//! The application on Rocket, whose layers are groups of routes.
#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards over by value")]
#![allow(missing_docs, reason = "Rocket's attributes make public items")]

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};

use rampart_rocket::{
    AnyOf, AuthRejection, Claims, OptionalAuth, Rampart, RampartAuth, RampartAuthExt, Refused, RequireAuth, Requirement,
};
use rocket::config::{LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::http::{Method, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::Responder;
use rocket::{Build, Catcher, Config, Data, Request, Route, catch, catcher, catchers, get, post, routes};
use rocket_cors::{AllowedHeaders, AllowedOrigins, CorsOptions};
use tokio::runtime::Builder;

use super::{
    Acme, Admin, Asked, Auditor, ByType, Mailer, Nobody, Operations, ReadAndWrite, ReaderOrMailer, TasksRead,
    TasksWrite, WriteOrMail, custom, describe, nobody, policy, read_and_write, reads, report, writes,
};
use crate::case::App;
use crate::fixture::FIXTURE;
use crate::subject::{Framework, handled};

/// Rocket.
pub(super) const FRAMEWORK: Framework = Framework {
    name: "rocket",
    start,
    lacks: &[],
    keeps_order: true,
    drops_what_is_not_utf_8: true,
    own_headers: &[
        "connection",
        "content-length",
        "date",
        "permissions-policy",
        "server",
        "x-content-type-options",
        "x-frame-options",
    ],
};

fn start(app: App, auth: &RampartAuth) -> SocketAddr {
    launch_on_free_port(application(app, auth))
}

/// Launches it for as long as the program runs. It listens when this returns.
pub fn launch_on_free_port(rocket: rocket::Rocket<Build>) -> SocketAddr {
    launch_by(Builder::new_multi_thread().worker_threads(2), rocket)
}

/// The same on a runtime of this kind.
pub fn launch_by(runtime: &mut Builder, rocket: rocket::Rocket<Build>) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    let liftoff = AdHoc::on_liftoff("address", move |rocket| {
        let config = rocket.config();
        sender.send(SocketAddr::new(config.address, config.port)).unwrap();
        Box::pin(async {})
    });
    let rocket = rocket.attach(liftoff);
    let runtime = runtime.enable_all().build().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async { drop(rocket.launch().await.unwrap()) });
    });
    receiver.recv().unwrap()
}

/// An application without routes, on a free port.
pub fn empty() -> rocket::Rocket<Build> {
    let shutdown = Shutdown { ctrlc: false, signals: [].into(), ..Shutdown::default() };
    let address = Ipv4Addr::LOCALHOST.into();
    rocket::custom(Config { address, port: 0, log_level: LogLevel::Off, shutdown, ..Config::debug_default() })
}

fn application(app: App, auth: &RampartAuth) -> rocket::Rocket<Build> {
    let rocket = empty();
    if app == App::NotConfigured {
        return rocket
            .mount("/", routes![public, not_configured, not_configured_role, not_configured_optional])
            .register("/", [Catcher::new(500, rejection)]);
    }
    let rocket = rocket.attach(Rampart::fairing(auth.clone()));
    if app == App::StrictWithinPlain {
        let plain = &FIXTURE.plain;
        return rocket
            .mount("/", routes![public])
            .mount("/", plain.optional_auth().routes(routes![optional]))
            .mount("/", plain.require_auth().routes(routes![protected]))
            .mount("/", plain.require_roles(["admin"]).routes(routes![role]))
            .mount("/layered", plain.require_scopes(["tasks:read"]).routes(routes![layered_scope_guard]));
    }
    let rocket = rocket
        .register("/custom", catchers![custom_answer])
        .mount("/", any_method())
        .mount("/", routes![public, protected, protected_post, role, roles, scope, scopes, both, both_scope_first])
        .mount("/", routes![any_of, any_of_mixed, nested, hand_written, nobody_type, by_type])
        .mount("/", routes![optional, optional_role, several, result, both_scopes, write_or_mail])
        .mount("/", routes![several_scopes, several_alternatives, all_of_alternatives, result_then_scope])
        .mount("/in-handler", routes![in_handler_scope, in_handler_policy, in_handler_nobody, in_handler_scopes])
        .mount("/in-handler", routes![in_handler_guard, in_handler_optional])
        .mount("/custom", routes![in_handler, in_handler_custom_optional])
        .mount("/", routes![custom_user, custom_role, custom_optional]);
    let rocket = groups(rocket, auth);
    match app {
        App::Cors => {
            let cors = CorsOptions {
                allowed_origins: AllowedOrigins::some_exact(&["https://web.example"]),
                allowed_headers: AllowedHeaders::some(&["Authorization", "DPoP"]),
                expose_headers: ["WWW-Authenticate", "DPoP-Nonce"].map(str::to_owned).into(),
                ..CorsOptions::default()
            };
            rocket.attach(cors.to_cors().unwrap())
        }
        _ => rocket,
    }
}

/// What layers are elsewhere.
fn groups(rocket: rocket::Rocket<Build>, auth: &RampartAuth) -> rocket::Rocket<Build> {
    let reader = || auth.require_scopes(["tasks:read"]);
    let within = auth.require_scopes(["tasks:write"]).routes(routes![layered]);
    rocket
        .mount("/layered", auth.require_auth().routes(routes![layered, layered_guard]))
        .mount("/layered/role", auth.require_roles(["admin"]).routes(routes![layered]))
        .mount("/layered/scope", auth.require_scopes(["tasks:write"]).routes(routes![layered]))
        .mount("/layered/policy", auth.require(policy()).routes(routes![layered]))
        .mount("/layered/read-and-write", auth.require(read_and_write()).routes(routes![layered]))
        .mount("/layered/optional", auth.optional_auth().routes(routes![layered]))
        .mount("/layered/nobody", auth.require(nobody()).routes(routes![layered]))
        .mount("/layered/scope-layer", reader().routes(within))
        .mount("/layered", reader().routes(routes![layered_scope_guard, layered_scope_role]))
        .mount("/layered", auth.require(policy()).routes(routes![layered_policy_guard]))
        .mount("/in-handler", reader().routes(routes![in_handler_layer]))
        .mount("/custom/layered", auth.require_roles(["admin"]).routes(routes![layered]))
}

/// The mark of a request; the handler says when it runs.
struct Mark(Option<String>);

impl Mark {
    fn enter(&self) {
        handled(self.0.as_deref());
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Mark {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(request.headers().get_one("x-case").map(str::to_owned)))
    }
}

/// Whom a group has let in.
struct Carried(Option<Arc<Claims>>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Carried {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(Rampart::claims(request)))
    }
}

#[get("/public")]
fn public(mark: Mark) -> &'static str {
    mark.enter();
    "public"
}

fn guarded<R: Requirement>(mark: &Mark, user: &RequireAuth<R>) -> String {
    mark.enter();
    describe(Some(user))
}

fn maybe<R: Requirement>(mark: &Mark, user: &OptionalAuth<R>) -> String {
    mark.enter();
    describe(user.as_deref())
}

/// Attributes cannot stand on generic functions: one function a route.
macro_rules! routes_with_guards {
    ($($path:literal $name:ident: $by:ident($guard:ty);)*) => {
        $(#[get($path)]
        fn $name(mark: Mark, user: $guard) -> String {
            $by(&mark, &user)
        })*
    };
}

routes_with_guards! {
    "/protected" protected: guarded(RequireAuth);
    "/role" role: guarded(RequireAuth<Admin>);
    "/roles" roles: guarded(RequireAuth<Operations>);
    "/scope" scope: guarded(RequireAuth<TasksWrite>);
    "/scopes" scopes: guarded(RequireAuth<Mailer>);
    "/both" both: guarded(RequireAuth<(Admin, TasksWrite)>);
    "/both-scope-first" both_scope_first: guarded(RequireAuth<(TasksWrite, Admin)>);
    "/any-of" any_of: guarded(RequireAuth<AnyOf<(Admin, Auditor)>>);
    "/any-of-mixed" any_of_mixed: guarded(RequireAuth<AnyOf<(Admin, TasksWrite)>>);
    "/nested" nested: guarded(RequireAuth<(TasksRead, AnyOf<(Admin, Auditor)>)>);
    "/read-and-write" both_scopes: guarded(RequireAuth<ReadAndWrite>);
    "/write-or-mail" write_or_mail: guarded(RequireAuth<WriteOrMail>);
    "/all-of-alternatives" all_of_alternatives: guarded(RequireAuth<(ReaderOrMailer, TasksWrite)>);
    "/hand-written" hand_written: guarded(RequireAuth<Acme>);
    "/nobody" nobody_type: guarded(RequireAuth<Nobody>);
    "/by-type" by_type: guarded(RequireAuth<ByType>);
    "/optional" optional: maybe(OptionalAuth);
    "/optional-role" optional_role: maybe(OptionalAuth<Admin>);
    "/custom/user" custom_user: guarded(RequireAuth);
    "/custom/role" custom_role: guarded(RequireAuth<Admin>);
    "/custom/optional" custom_optional: maybe(OptionalAuth);
}

#[post("/protected")]
fn protected_post(mark: Mark, user: RequireAuth) -> String {
    guarded(&mark, &user)
}

#[get("/several")]
fn several(mark: Mark, user: RequireAuth, _admin: RequireAuth<Admin>, optional: OptionalAuth) -> String {
    mark.enter();
    assert_eq!(optional.as_ref().map(|claims| &claims.sub), Some(&user.sub));
    describe(optional.as_deref())
}

#[get("/several-scopes")]
fn several_scopes(
    mark: Mark,
    user: RequireAuth<TasksRead>,
    _writer: RequireAuth<TasksWrite>,
    _mailer: OptionalAuth<Mailer>,
) -> String {
    guarded(&mark, &user)
}

#[get("/several-alternatives")]
fn several_alternatives(mark: Mark, user: RequireAuth<ReaderOrMailer>, _writer: RequireAuth<TasksWrite>) -> String {
    guarded(&mark, &user)
}

#[get("/result-then-scope")]
fn result_then_scope(
    mark: Mark,
    _reader: Result<RequireAuth<TasksRead>, AuthRejection>,
    user: RequireAuth<TasksWrite>,
) -> String {
    guarded(&mark, &user)
}

#[get("/result")]
fn result(mark: Mark, user: Result<RequireAuth<Admin>, AuthRejection>) -> String {
    mark.enter();
    match user {
        Ok(user) => describe(Some(&user)),
        Err(rejection) => report(rejection.error(), rejection.challenges()),
    }
}

#[get("/")]
fn layered(mark: Mark, claims: Carried) -> String {
    mark.enter();
    describe(claims.0.as_deref())
}

#[get("/guard")]
fn layered_guard(mark: Mark, user: RequireAuth<Admin>) -> String {
    guarded(&mark, &user)
}

#[get("/scope-guard")]
fn layered_scope_guard(mark: Mark, user: RequireAuth<TasksWrite>) -> String {
    guarded(&mark, &user)
}

#[get("/scope-role")]
fn layered_scope_role(mark: Mark, user: RequireAuth<Admin>) -> String {
    guarded(&mark, &user)
}

#[get("/policy-guard")]
fn layered_policy_guard(mark: Mark, user: RequireAuth<TasksWrite>) -> String {
    guarded(&mark, &user)
}

fn asking<R: Requirement>(mark: &Mark, user: &RequireAuth<R>, asked: Asked) -> Result<String, Refused> {
    mark.enter();
    asked.iter().try_for_each(|policy| user.require(&policy()))?;
    Ok(describe(Some(user)))
}

macro_rules! routes_that_ask {
    ($($path:literal $name:ident: $guard:ty, $asked:expr;)*) => {
        $(#[get($path)]
        fn $name(mark: Mark, user: $guard) -> Result<String, Refused> {
            asking(&mark, &user, &$asked)
        })*
    };
}

routes_that_ask! {
    "/scope" in_handler_scope: RequireAuth, [writes];
    "/policy" in_handler_policy: RequireAuth, [policy];
    "/nobody" in_handler_nobody: RequireAuth, [nobody];
    "/scopes" in_handler_scopes: RequireAuth, [reads, writes];
    "/guard" in_handler_guard: RequireAuth<TasksRead>, [writes];
    "/layer" in_handler_layer: RequireAuth, [writes];
    "/in-handler" in_handler: RequireAuth, [writes];
}

#[get("/optional")]
fn in_handler_optional(mark: Mark, user: OptionalAuth) -> Result<String, Refused> {
    mark.enter();
    user.require(&writes()).map(|claims| describe(Some(claims)))
}

#[get("/in-handler-optional")]
fn in_handler_custom_optional(mark: Mark, user: OptionalAuth) -> Result<String, Refused> {
    in_handler_optional(mark, user)
}

/// `/any`, for every method that Rocket knows.
fn any_method() -> Vec<Route> {
    use Method::{Delete, Get, Options, Patch, Post, Put, Trace};
    fn handle<'r>(request: &'r Request<'_>, data: Data<'r>) -> rocket::route::BoxFuture<'r> {
        Box::pin(async move {
            match request.guard::<RequireAuth>().await {
                Outcome::Success(user) => {
                    let mark = request.guard::<Mark>().await.succeeded().unwrap();
                    rocket::route::Outcome::from(request, guarded(&mark, &user))
                }
                Outcome::Error((status, _)) => rocket::route::Outcome::Error(status),
                Outcome::Forward(status) => rocket::route::Outcome::Forward((data, status)),
            }
        })
    }
    [Get, Put, Post, Delete, Options, Patch, Trace].map(|method| Route::new(method, "/any", handle)).into()
}

/// Guards of the application's own, which Rocket cannot look into when it launches.
macro_rules! hand_written {
    ($($own:ident($guard:ty);)*) => {
        $(struct $own($guard);

        #[rocket::async_trait]
        impl<'r> FromRequest<'r> for $own {
            type Error = AuthRejection;

            async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthRejection> {
                request.guard::<$guard>().await.map(Self)
            }
        })*
    };
}

hand_written! {
    OwnUser(RequireAuth);
    OwnAdmin(RequireAuth<Admin>);
    OwnOptional(OptionalAuth);
}

#[get("/protected")]
fn not_configured(mark: Mark, user: OwnUser) -> String {
    guarded(&mark, &user.0)
}

#[get("/role")]
fn not_configured_role(mark: Mark, user: OwnAdmin) -> String {
    guarded(&mark, &user.0)
}

#[get("/optional")]
fn not_configured_optional(mark: Mark, user: OwnOptional) -> String {
    maybe(&mark, &user.0)
}

/// Without the fairing there is no catcher of ours: the application's own gives the rejection as it is.
fn rejection<'r>(_: Status, request: &'r Request<'_>) -> catcher::BoxFuture<'r> {
    Box::pin(async move { AuthRejection::from_request(request).unwrap().respond_to(request) })
}

#[catch(default)]
fn custom_answer(status: Status, request: &Request<'_>) -> (Status, String) {
    let rejection = AuthRejection::from_request(request);
    (status, rejection.map_or_else(String::new, |rejection| custom(rejection.error())))
}
