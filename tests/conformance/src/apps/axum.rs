//! The application on axum.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};

use axum::extract::Extension;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::map_response;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use axum::{Router, serve};
use rampart_axum::{
    AnyOf, AnyUser, AuthRejection, Claims, OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, Requirement,
    responses,
};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tower_http::cors::CorsLayer;

use super::{
    Acme, Admin, Asked, Auditor, ByType, Mailer, Nobody, Operations, ReadAndWrite, ReaderOrMailer, TasksRead,
    TasksWrite, WriteOrMail, custom, describe, nobody, policy, read_and_write, reads, report, writes,
};
use crate::case::App;
use crate::fixture::FIXTURE;
use crate::subject::{Framework, handled};

/// axum.
pub(super) const FRAMEWORK: Framework = Framework {
    name: "axum",
    start,
    // A guard without an auth object in the state does not compile.
    lacks: &[App::NotConfigured],
    keeps_order: true,
    drops_what_is_not_utf_8: false,
    own_headers: &["allow", "connection", "content-length", "date"],
};

fn start(app: App, auth: &RampartAuth) -> SocketAddr {
    let router = match app {
        App::NotConfigured => panic!("a guard without an auth object in the state does not compile"),
        App::StrictWithinPlain => Router::new()
            .route("/public", get(public))
            .route("/optional", get(optional::<AnyUser>).route_layer(FIXTURE.plain.optional_auth()))
            .route("/protected", get(guarded::<AnyUser>).route_layer(FIXTURE.plain.require_auth()))
            .route("/role", get(guarded::<Admin>).route_layer(FIXTURE.plain.require_roles(["admin"])))
            .route(
                "/layered/scope-guard",
                get(guarded::<TasksWrite>).route_layer(FIXTURE.plain.require_scopes(["tasks:read"])),
            )
            .with_state(auth.clone()),
        App::Cors => routes(auth).layer(
            CorsLayer::new()
                .allow_origin(HeaderValue::from_static("https://web.example"))
                .allow_headers([AUTHORIZATION, HeaderName::from_static("dpop")])
                .expose_headers([WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")]),
        ),
        App::Dpop | App::DpopRequired | App::DpopNonces => routes(auth).layer(responses()),
        _ => routes(auth),
    };
    serve_on_free_port(router)
}

/// Serves it for as long as the program runs. It listens when this returns.
pub fn serve_on_free_port(router: Router) -> SocketAddr {
    serve_by(Builder::new_multi_thread().worker_threads(2), router)
}

/// The same on a runtime of this kind.
pub fn serve_by(runtime: &mut Builder, router: Router) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    let runtime = runtime.enable_all().build().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, router).await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

fn routes(auth: &RampartAuth) -> Router {
    let custom_answers = Router::new()
        .route("/user", get(guarded::<AnyUser>))
        .route("/role", get(guarded::<Admin>))
        .route("/optional", get(optional::<AnyUser>))
        .route("/layered", get(layered).route_layer(auth.require_roles(["admin"])))
        .route("/in-handler", in_handler::<AnyUser>(&[writes]))
        .route("/in-handler-optional", get(in_handler_optional))
        .layer(map_response(custom_answer));
    Router::new()
        .route("/public", get(public))
        .route("/protected", get(guarded::<AnyUser>).post(guarded::<AnyUser>))
        .route("/any", any(guarded::<AnyUser>))
        .route("/role", get(guarded::<Admin>))
        .route("/roles", get(guarded::<Operations>))
        .route("/scope", get(guarded::<TasksWrite>))
        .route("/scopes", get(guarded::<Mailer>))
        .route("/both", get(guarded::<(Admin, TasksWrite)>))
        .route("/both-scope-first", get(guarded::<(TasksWrite, Admin)>))
        .route("/any-of", get(guarded::<AnyOf<(Admin, Auditor)>>))
        .route("/any-of-mixed", get(guarded::<AnyOf<(Admin, TasksWrite)>>))
        .route("/nested", get(guarded::<(TasksRead, AnyOf<(Admin, Auditor)>)>))
        .route("/read-and-write", get(guarded::<ReadAndWrite>))
        .route("/write-or-mail", get(guarded::<WriteOrMail>))
        .route("/hand-written", get(guarded::<Acme>))
        .route("/nobody", get(guarded::<Nobody>))
        .route("/by-type", get(guarded::<ByType>))
        .route("/optional", get(optional::<AnyUser>))
        .route("/optional-role", get(optional::<Admin>))
        .route("/several", get(several))
        .route("/several-scopes", get(several_scopes))
        .route("/several-alternatives", get(several_alternatives))
        .route("/all-of-alternatives", get(guarded::<(ReaderOrMailer, TasksWrite)>))
        .route("/result-then-scope", get(result_then_scope))
        .route("/result", get(result))
        .route("/layered", get(layered).route_layer(auth.require_auth()))
        .route("/layered/role", get(layered).route_layer(auth.require_roles(["admin"])))
        .route("/layered/scope", get(layered).route_layer(auth.require_scopes(["tasks:write"])))
        .route("/layered/policy", get(layered).route_layer(auth.require(policy())))
        .route("/layered/read-and-write", get(layered).route_layer(auth.require(read_and_write())))
        .route("/layered/optional", get(layered).route_layer(auth.optional_auth()))
        .route("/layered/nobody", get(layered).route_layer(auth.require(nobody())))
        .route("/layered/guard", get(guarded::<Admin>).route_layer(auth.require_auth()))
        .route("/layered/scope-guard", get(guarded::<TasksWrite>).route_layer(auth.require_scopes(["tasks:read"])))
        .route(
            "/layered/scope-layer",
            get(layered)
                .route_layer(auth.require_scopes(["tasks:write"]))
                .route_layer(auth.require_scopes(["tasks:read"])),
        )
        .route("/layered/scope-role", get(guarded::<Admin>).route_layer(auth.require_scopes(["tasks:read"])))
        .route("/layered/policy-guard", get(guarded::<TasksWrite>).route_layer(auth.require(policy())))
        .route("/in-handler/scope", in_handler::<AnyUser>(&[writes]))
        .route("/in-handler/policy", in_handler::<AnyUser>(&[policy]))
        .route("/in-handler/nobody", in_handler::<AnyUser>(&[nobody]))
        .route("/in-handler/scopes", in_handler::<AnyUser>(&[reads, writes]))
        .route("/in-handler/guard", in_handler::<TasksRead>(&[writes]))
        .route("/in-handler/layer", in_handler::<AnyUser>(&[writes]).route_layer(auth.require_scopes(["tasks:read"])))
        .route("/in-handler/optional", get(in_handler_optional))
        .nest("/custom", custom_answers)
        .with_state(auth.clone())
}

fn enter(headers: &HeaderMap) {
    handled(headers.get("x-case").and_then(|mark| mark.to_str().ok()));
}

async fn public(headers: HeaderMap) -> &'static str {
    enter(&headers);
    "public"
}

async fn guarded<R: Requirement>(headers: HeaderMap, user: RequireAuth<R>) -> String {
    enter(&headers);
    describe(Some(&user))
}

async fn optional<R: Requirement>(headers: HeaderMap, user: OptionalAuth<R>) -> String {
    enter(&headers);
    describe(user.as_deref())
}

async fn several(headers: HeaderMap, user: RequireAuth, _admin: RequireAuth<Admin>, maybe: OptionalAuth) -> String {
    enter(&headers);
    assert_eq!(maybe.as_ref().map(|claims| &claims.sub), Some(&user.sub));
    describe(maybe.as_deref())
}

async fn several_scopes(
    headers: HeaderMap,
    user: RequireAuth<TasksRead>,
    _writer: RequireAuth<TasksWrite>,
    _mailer: OptionalAuth<Mailer>,
) -> String {
    enter(&headers);
    describe(Some(&user))
}

async fn several_alternatives(
    headers: HeaderMap,
    user: RequireAuth<ReaderOrMailer>,
    _writer: RequireAuth<TasksWrite>,
) -> String {
    enter(&headers);
    describe(Some(&user))
}

async fn result_then_scope(
    headers: HeaderMap,
    _reader: Result<RequireAuth<TasksRead>, AuthRejection>,
    user: RequireAuth<TasksWrite>,
) -> String {
    enter(&headers);
    describe(Some(&user))
}

async fn result(headers: HeaderMap, user: Result<RequireAuth<Admin>, AuthRejection>) -> String {
    enter(&headers);
    match user {
        Ok(user) => describe(Some(&user)),
        Err(rejection) => report(rejection.error(), rejection.challenges()),
    }
}

fn in_handler<R: Requirement + 'static>(asked: Asked) -> MethodRouter<RampartAuth> {
    get(async |headers: HeaderMap, user: RequireAuth<R>| {
        enter(&headers);
        asked.iter().try_for_each(|policy| user.require(&policy()))?;
        Ok::<_, AuthRejection>(describe(Some(&user)))
    })
}

async fn in_handler_optional(headers: HeaderMap, user: OptionalAuth) -> Result<String, AuthRejection> {
    enter(&headers);
    user.require(&writes()).map(|claims| describe(Some(claims)))
}

async fn layered(headers: HeaderMap, claims: Option<Extension<Arc<Claims>>>) -> String {
    enter(&headers);
    describe(claims.as_ref().map(|claims| &***claims))
}

async fn custom_answer(response: Response) -> Response {
    let Some(rejection) = response.extensions().get::<AuthRejection>() else { return response };
    let challenges = AppendHeaders(rejection.challenges().map(|challenge| (WWW_AUTHENTICATE, challenge)));
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let cache_control = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (response.status(), [content_type, cache_control], challenges, custom(rejection.error())).into_response()
}
