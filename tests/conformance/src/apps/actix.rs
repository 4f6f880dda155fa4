//! The application on actix-web.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use actix_cors::Cors;
use actix_web::error::InternalError;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use actix_web::middleware::Condition;
use actix_web::web::{self, Data, ReqData, ServiceConfig, get, head, resource};
use actix_web::{App as Application, HttpRequest, HttpResponse, HttpServer, ResponseError, Route};
use rampart_actix::{
    AnyOf, AnyUser, AuthRejection, Claims, OptionalAuth, RampartAuth, RampartAuthExt, RampartConfig, RequireAuth,
    Requirement, responses,
};

use super::{
    Acme, Admin, Asked, Auditor, ByType, Mailer, Nobody, Operations, ReadAndWrite, ReaderOrMailer, TasksRead,
    TasksWrite, WriteOrMail, custom, describe, nobody, policy, read_and_write, reads, report, writes,
};
use crate::case::App;
use crate::fixture::FIXTURE;
use crate::subject::{Framework, handled};

/// actix-web.
pub(super) const FRAMEWORK: Framework = Framework {
    name: "actix",
    start,
    lacks: &[],
    // Its header map is a hash map.
    keeps_order: false,
    drops_what_is_not_utf_8: false,
    own_headers: &["allow", "connection", "content-length", "date"],
};

fn start(app: App, auth: &RampartAuth) -> SocketAddr {
    let auth = auth.clone();
    let layers = Layers { cors: app == App::Cors, responses: app == App::DpopNonces };
    serve_on_free_port(layers, move |config| configure(config, app, &auth))
}

/// What is around the whole application.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers {
    /// CORS for <https://web.example>.
    pub cors: bool,
    /// What completes the answers of guards.
    pub responses: bool,
}

/// Serves it for as long as the program runs. It listens when this returns.
pub fn serve_on_free_port(
    layers: Layers,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let application = move || {
            let cors = Cors::default()
                .allowed_origin("https://web.example")
                .allowed_methods(["GET"])
                .allowed_headers([AUTHORIZATION, HeaderName::from_static("dpop")])
                .expose_headers([WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")]);
            Application::new()
                .configure(&configure)
                .wrap(Condition::new(layers.responses, responses()))
                .wrap(Condition::new(layers.cors, cors))
        };
        actix_web::rt::System::new().block_on(async {
            let server = HttpServer::new(application).workers(2).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).unwrap();
            sender.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

fn configure(config: &mut ServiceConfig, app: App, auth: &RampartAuth) {
    config.service(resource("/public").route(get().to(public)));
    match app {
        App::NotConfigured => {
            config
                .service(resource("/protected").route(get().to(guarded::<AnyUser>)))
                .service(resource("/role").route(get().to(guarded::<Admin>)))
                .service(resource("/optional").route(get().to(optional::<AnyUser>)));
        }
        App::StrictWithinPlain => {
            let plain = &FIXTURE.plain;
            config
                .app_data(Data::new(auth.clone()))
                .service(resource("/optional").wrap(plain.optional_auth()).route(get().to(optional::<AnyUser>)))
                .service(resource("/protected").wrap(plain.require_auth()).route(get().to(guarded::<AnyUser>)))
                .service(resource("/role").wrap(plain.require_roles(["admin"])).route(get().to(guarded::<Admin>)))
                .service(
                    resource("/layered/scope-guard")
                        .wrap(plain.require_scopes(["tasks:read"]))
                        .route(get().to(guarded::<TasksWrite>)),
                );
        }
        _ => {
            config.app_data(Data::new(auth.clone()));
            guards(config);
            layers(config, auth);
            handlers(config, auth);
        }
    }
}

fn guards(config: &mut ServiceConfig) {
    config
        .service(
            resource("/protected")
                .route(get().to(guarded::<AnyUser>))
                .route(head().to(guarded::<AnyUser>))
                .route(web::post().to(guarded::<AnyUser>)),
        )
        .service(resource("/any").to(guarded::<AnyUser>))
        .service(resource("/role").route(get().to(guarded::<Admin>)).route(head().to(guarded::<Admin>)))
        .service(resource("/roles").route(get().to(guarded::<Operations>)))
        .service(resource("/scope").route(get().to(guarded::<TasksWrite>)))
        .service(resource("/scopes").route(get().to(guarded::<Mailer>)))
        .service(resource("/both").route(get().to(guarded::<(Admin, TasksWrite)>)))
        .service(resource("/both-scope-first").route(get().to(guarded::<(TasksWrite, Admin)>)))
        .service(resource("/any-of").route(get().to(guarded::<AnyOf<(Admin, Auditor)>>)))
        .service(resource("/any-of-mixed").route(get().to(guarded::<AnyOf<(Admin, TasksWrite)>>)))
        .service(resource("/nested").route(get().to(guarded::<(TasksRead, AnyOf<(Admin, Auditor)>)>)))
        .service(resource("/read-and-write").route(get().to(guarded::<ReadAndWrite>)))
        .service(resource("/write-or-mail").route(get().to(guarded::<WriteOrMail>)))
        .service(resource("/hand-written").route(get().to(guarded::<Acme>)))
        .service(resource("/nobody").route(get().to(guarded::<Nobody>)))
        .service(resource("/by-type").route(get().to(guarded::<ByType>)))
        .service(resource("/optional").route(get().to(optional::<AnyUser>)))
        .service(resource("/optional-role").route(get().to(optional::<Admin>)))
        .service(resource("/several").route(get().to(several)))
        .service(resource("/several-scopes").route(get().to(several_scopes)))
        .service(resource("/several-alternatives").route(get().to(several_alternatives)))
        .service(resource("/all-of-alternatives").route(get().to(guarded::<(ReaderOrMailer, TasksWrite)>)))
        .service(resource("/result-then-scope").route(get().to(result_then_scope)))
        .service(resource("/result").route(get().to(result)));
}

fn layers(config: &mut ServiceConfig, auth: &RampartAuth) {
    let custom_answers = web::scope("/custom")
        .app_data(RampartConfig::default().error_handler(custom_answer))
        .service(resource("/user").route(get().to(guarded::<AnyUser>)).route(head().to(guarded::<AnyUser>)))
        .service(resource("/role").route(get().to(guarded::<Admin>)))
        .service(resource("/optional").route(get().to(optional::<AnyUser>)))
        .service(resource("/layered").wrap(auth.require_roles(["admin"])).route(get().to(layered)))
        .service(resource("/in-handler").route(in_handler::<AnyUser>(get(), &[writes])))
        .service(resource("/in-handler-optional").route(get().to(in_handler_optional)));
    config
        .service(resource("/layered").wrap(auth.require_auth()).route(get().to(layered)))
        .service(resource("/layered/role").wrap(auth.require_roles(["admin"])).route(get().to(layered)))
        .service(resource("/layered/scope").wrap(auth.require_scopes(["tasks:write"])).route(get().to(layered)))
        .service(resource("/layered/policy").wrap(auth.require(policy())).route(get().to(layered)))
        .service(resource("/layered/read-and-write").wrap(auth.require(read_and_write())).route(get().to(layered)))
        .service(resource("/layered/optional").wrap(auth.optional_auth()).route(get().to(layered)))
        .service(resource("/layered/nobody").wrap(auth.require(nobody())).route(get().to(layered)))
        .service(resource("/layered/guard").wrap(auth.require_auth()).route(get().to(guarded::<Admin>)))
        .service(
            resource("/layered/scope-guard")
                .wrap(auth.require_scopes(["tasks:read"]))
                .route(get().to(guarded::<TasksWrite>)),
        )
        .service(
            resource("/layered/scope-layer")
                .wrap(auth.require_scopes(["tasks:write"]))
                .wrap(auth.require_scopes(["tasks:read"]))
                .route(get().to(layered)),
        )
        .service(
            resource("/layered/scope-role").wrap(auth.require_scopes(["tasks:read"])).route(get().to(guarded::<Admin>)),
        )
        .service(resource("/layered/policy-guard").wrap(auth.require(policy())).route(get().to(guarded::<TasksWrite>)))
        .service(custom_answers);
}

fn handlers(config: &mut ServiceConfig, auth: &RampartAuth) {
    config
        .service(resource("/in-handler/scope").route(in_handler::<AnyUser>(get(), &[writes])).route(in_handler::<
            AnyUser,
        >(
            head(),
            &[writes],
        )))
        .service(resource("/in-handler/policy").route(in_handler::<AnyUser>(get(), &[policy])))
        .service(resource("/in-handler/nobody").route(in_handler::<AnyUser>(get(), &[nobody])))
        .service(resource("/in-handler/scopes").route(in_handler::<AnyUser>(get(), &[reads, writes])))
        .service(resource("/in-handler/guard").route(in_handler::<TasksRead>(get(), &[writes])))
        .service(
            resource("/in-handler/layer")
                .wrap(auth.require_scopes(["tasks:read"]))
                .route(in_handler::<AnyUser>(get(), &[writes])),
        )
        .service(resource("/in-handler/optional").route(get().to(in_handler_optional)));
}

fn enter(request: &HttpRequest) {
    handled(request.headers().get("x-case").and_then(|mark| mark.to_str().ok()));
}

async fn public(request: HttpRequest) -> &'static str {
    enter(&request);
    "public"
}

async fn guarded<R: Requirement + 'static>(request: HttpRequest, user: RequireAuth<R>) -> String {
    enter(&request);
    describe(Some(&user))
}

async fn optional<R: Requirement + 'static>(request: HttpRequest, user: OptionalAuth<R>) -> String {
    enter(&request);
    describe(user.as_deref())
}

async fn several(request: HttpRequest, user: RequireAuth, _admin: RequireAuth<Admin>, maybe: OptionalAuth) -> String {
    enter(&request);
    assert_eq!(maybe.as_ref().map(|claims| &claims.sub), Some(&user.sub));
    describe(maybe.as_deref())
}

async fn several_scopes(
    request: HttpRequest,
    user: RequireAuth<TasksRead>,
    _writer: RequireAuth<TasksWrite>,
    _mailer: OptionalAuth<Mailer>,
) -> String {
    enter(&request);
    describe(Some(&user))
}

async fn several_alternatives(
    request: HttpRequest,
    user: RequireAuth<ReaderOrMailer>,
    _writer: RequireAuth<TasksWrite>,
) -> String {
    enter(&request);
    describe(Some(&user))
}

async fn result_then_scope(
    request: HttpRequest,
    _reader: Result<RequireAuth<TasksRead>, AuthRejection>,
    user: RequireAuth<TasksWrite>,
) -> String {
    enter(&request);
    describe(Some(&user))
}

async fn result(request: HttpRequest, user: Result<RequireAuth<Admin>, AuthRejection>) -> String {
    enter(&request);
    match user {
        Ok(user) => describe(Some(&user)),
        Err(rejection) => report(rejection.error(), rejection.challenges()),
    }
}

/// With a handler that asks for these policies, one after another.
fn in_handler<R: Requirement + 'static>(route: Route, asked: Asked) -> Route {
    route.to(move |request: HttpRequest, user: RequireAuth<R>| async move {
        enter(&request);
        asked.iter().try_for_each(|policy| user.require(&policy(), &request))?;
        Ok::<_, AuthRejection>(describe(Some(&user)))
    })
}

async fn in_handler_optional(request: HttpRequest, user: OptionalAuth) -> Result<String, AuthRejection> {
    enter(&request);
    user.require(&writes(), &request).map(|claims| describe(Some(claims)))
}

async fn layered(request: HttpRequest, claims: Option<ReqData<Arc<Claims>>>) -> String {
    enter(&request);
    describe(claims.as_ref().map(|claims| &***claims))
}

#[allow(clippy::needless_pass_by_value, reason = "an error handler is given the rejection")]
fn custom_answer(rejection: AuthRejection, _: &HttpRequest) -> actix_web::Error {
    let mut answer = HttpResponse::build(rejection.status_code());
    answer.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).insert_header((CACHE_CONTROL, "no-store"));
    for challenge in rejection.challenges() {
        answer.append_header((WWW_AUTHENTICATE, challenge));
    }
    let answer = answer.body(custom(rejection.error()));
    InternalError::from_response(rejection, answer).into()
}
