//! Answers of the application's own, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, ResponseError, web};
use rampart_actix::{AuthError, AuthRejection, OptionalAuth, Policy, RampartAuthExt, RampartConfig, RequireAuth};
use support::{Answer, issuer, offline_auth};

/// Answers 418, keeps the challenge, and says who made the answer.
fn config(maker: &'static str) -> RampartConfig {
    RampartConfig::default().error_handler(move |rejection: AuthRejection, request: &HttpRequest| {
        let mut answer = HttpResponse::build(StatusCode::IM_A_TEAPOT);
        for challenge in rejection.challenges() {
            answer.append_header((WWW_AUTHENTICATE, challenge));
        }
        let answer = answer.body(format!("{maker} {} {}", request.path(), rejection.error().code()));
        InternalError::from_response(rejection, answer).into()
    })
}

async fn guarded(claims: RequireAuth) -> String {
    claims.sub.clone()
}

async fn optional(claims: OptionalAuth) -> String {
    claims.is_some().to_string()
}

/// Refuses by itself.
async fn editors_only(user: RequireAuth, request: HttpRequest) -> Result<String, AuthRejection> {
    user.require(&Policy::roles(["editor"]), &request)?;
    Ok(user.sub.clone())
}

#[track_caller]
fn is_custom(answer: &Answer, body: &str, challenge: Option<&str>) {
    assert_eq!((answer.status, answer.body.as_str()), (418, body));
    assert_eq!(answer.header("www-authenticate"), challenge);
    assert_eq!(answer.header("content-type"), None);
}

const BARE: Option<&str> = Some("Bearer realm=\"default\"");

#[actix_web::test]
async fn guards_and_middleware_honour_the_handler() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .app_data(config("app"))
            .route("/guard", web::get().to(guarded))
            .route("/optional", web::get().to(optional))
            .service(web::resource("/layer").wrap(auth.require_auth()).to(guarded))
    );

    is_custom(&client.get("/guard").await, "app /guard unauthorized", BARE);
    is_custom(&client.get("/layer").await, "app /layer unauthorized", BARE);
    let answer = client.get_with("/optional", &issuer.token().sub("ada").at(1_000_000).sign().unwrap()).await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "app /optional token_expired"));
    assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
    client.get_with("/layer", &issuer.token().sub("ada").sign().unwrap()).await.is_ok("ada");
}

#[actix_web::test]
async fn the_nearest_handler_counts() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .app_data(config("app"))
            .service(
                web::scope("/scope")
                    .app_data(config("scope"))
                    .route("/guard", web::get().to(guarded))
                    .service(web::resource("/own").app_data(config("resource")).to(guarded))
                    .service(web::scope("/layer").wrap(auth.require_auth()).route("", web::get().to(guarded)))
            )
            .service(
                web::scope("/wrapped")
                    .app_data(web::Data::new(config("wrapped")))
                    .wrap(auth.require_auth())
                    .route("", web::get().to(guarded))
            )
            .route("/guard", web::get().to(guarded))
    );

    is_custom(&client.get("/guard").await, "app /guard unauthorized", BARE);
    is_custom(&client.get("/scope/guard").await, "scope /scope/guard unauthorized", BARE);
    is_custom(&client.get("/scope/own").await, "resource /scope/own unauthorized", BARE);
    is_custom(&client.get("/scope/layer").await, "scope /scope/layer unauthorized", BARE);
    // `web::Data` does not count as nearer or farther: it is looked at where nothing stands without it.
    is_custom(&client.get("/wrapped").await, "app /wrapped unauthorized", BARE);
}

#[actix_web::test]
async fn refusals_of_a_handler_go_the_way_of_those_of_its_guards() {
    async fn members_only(user: OptionalAuth, request: HttpRequest) -> Result<String, AuthRejection> {
        Ok(user.require(&Policy::roles(["editor"]), &request)?.sub.clone())
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .app_data(config("app"))
            .service(web::resource("/required").to(editors_only))
            .service(web::resource("/optional").to(members_only))
            .service(
                web::scope("/scope")
                    .app_data(config("scope"))
                    .service(web::resource("/required").to(editors_only))
                    .service(web::resource("/optional").to(members_only))
            )
            .service(web::resource("/usual").app_data(RampartConfig::default()).to(editors_only))
    );
    let (reader, editor) = (issuer.token().sub("ada").sign(), issuer.token().sub("ada").roles(["editor"]).sign());
    let (reader, editor) = (reader.unwrap(), editor.unwrap());
    let lacks_role = AuthError::insufficient_role(["editor"]);
    let usual = auth.rejection(lacks_role.clone());
    for (maker, scope) in [("app", ""), ("scope", "/scope")] {
        for path in ["/required", "/optional"].map(|path| format!("{scope}{path}")) {
            let answer = client.get_with(&path, &reader).await;
            is_custom(&answer, &format!("{maker} {path} insufficient_role"), usual.challenges().next());
            client.get_with(&path, &editor).await.is_ok("ada");
        }
        let path = format!("{scope}/optional");
        is_custom(&client.get(&path).await, &format!("{maker} {path} unauthorized"), BARE);
    }
    client.get_with("/usual", &reader).await.is_rejection(&auth, lacks_role);
}

#[actix_web::test]
async fn middleware_of_the_app_sees_the_handler_of_the_app() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve!(
        App::new()
            .app_data(config("app"))
            .wrap(auth.require_auth())
            .service(web::scope("/scope").app_data(config("scope")).route("", web::get().to(HttpResponse::Ok)))
    );

    is_custom(&client.get("/scope").await, "app /scope unauthorized", BARE);
}

#[actix_web::test]
async fn the_handler_sees_a_set_up_without_auth_object() {
    let client = serve!(App::new().app_data(config("app")).route("/", web::get().to(guarded)));
    is_custom(&client.get("/").await, "app / server_error", None);
}

#[actix_web::test]
async fn a_handler_that_takes_the_rejection_sees_the_real_one() {
    async fn decide(claims: Result<RequireAuth, AuthRejection>) -> Result<String, AuthRejection> {
        match claims {
            Err(rejection) if *rejection.error() == AuthError::MissingToken => Ok(rejection.challenges().collect()),
            Err(rejection) => Err(rejection),
            Ok(claims) => Ok(claims.sub.clone()),
        }
    }
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(App::new().app_data(auth.clone()).app_data(config("app")).route("/", web::get().to(decide)));

    client.get("/").await.is_ok("Bearer realm=\"default\"");
    // Handed back, it is the answer that the application has made.
    let answer = client.get_with("/", "forged").await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "app / invalid_token"));
}

#[actix_web::test]
async fn a_handler_may_keep_the_usual_answer_or_add_to_it() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let keep = || RampartConfig::default().error_handler(|rejection, _| rejection.into());
    let add = || {
        RampartConfig::default().error_handler(|rejection, _| {
            let mut error = actix_web::Error::from(rejection);
            error.add_response_mapper(|mut answer| {
                let name = HeaderName::from_static("x-added");
                answer.headers_mut().insert(name, HeaderValue::from_static("yes"));
                answer
            });
            error
        })
    };
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .service(web::resource("/kept").app_data(keep()).to(guarded))
            .service(web::scope("/layer").app_data(keep()).wrap(data.require_auth()).route("", web::get().to(guarded)))
            .service(web::resource("/added").app_data(add()).to(guarded))
            .service(web::resource("/empty").app_data(RampartConfig::default()).to(guarded))
    );

    for path in ["/kept", "/layer", "/empty"] {
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
    }
    let answer = client.get("/added").await;
    assert_eq!((answer.status, answer.header("x-added")), (401, Some("yes")));
    assert_eq!(answer.header("www-authenticate"), BARE);
}

#[actix_web::test]
async fn the_handler_is_called_once_for_a_refusal_and_never_for_a_pass() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let config = RampartConfig::default().error_handler(move |rejection, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        rejection.into()
    });
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .app_data(config.clone())
            .service(web::resource("/layer").wrap(auth.optional_auth()).to(guarded))
            .service(web::resource("/guards").to(|_: RequireAuth, _: OptionalAuth, _: RequireAuth| async { "in" }))
            .service(web::resource("/handler").to(editors_only))
    );

    let token = issuer.token().sub("ada").sign().unwrap();
    client.get_with("/layer", &token).await.is_ok("ada");
    client.get_with("/guards", &token).await.is_ok("in");
    client.get_with("/handler", &issuer.token().sub("ada").roles(["editor"]).sign().unwrap()).await.is_ok("ada");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(client.get_with("/layer", "forged").await.status, 401);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(client.get("/layer").await.status, 401);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    // Where one guard has refused, those after it are not asked.
    assert_eq!(client.get("/guards").await.status, 401);
    assert_eq!(client.get_with("/guards", "forged").await.status, 401);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    assert_eq!(client.get_with("/handler", &token).await.status, 403);
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}

/// Says in headers what it sees of the error inside: its status, and the answer that it gives when it is asked again.
async fn look_inside(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let Some(error) = response.response().error() else { return Ok(response) };
    let status = error.as_response_error().status_code();
    let mut seen = vec![("x-status", status.as_str().to_owned())];
    for name in ["x-second", "x-third"] {
        let again = error.as_response_error().error_response();
        let challenge = again.headers().get(WWW_AUTHENTICATE).map_or("-", |value| value.to_str().unwrap());
        let head = format!("{} {} {challenge}", again.status().as_u16(), again.head().reason());
        let body = again.into_body().try_into_bytes().unwrap();
        seen.push((name, format!("{head} {}", std::str::from_utf8(&body).unwrap())));
    }
    for (name, value) in seen {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(&value)?);
    }
    Ok(response)
}

/// What middleware and loggers further out see of a custom error.
#[actix_web::test]
async fn status_and_answer_inside_a_custom_error_are_those_that_were_sent() {
    async fn handed_back(claims: Result<RequireAuth, AuthRejection>) -> Result<String, AuthRejection> {
        claims.map(|claims| claims.sub.clone())
    }
    async fn in_an_error_of_the_application(claims: Result<RequireAuth, AuthRejection>) -> Result<String, Error> {
        Ok(claims?.sub.clone())
    }
    async fn in_a_handler_of_the_application(user: RequireAuth, request: HttpRequest) -> Result<String, Error> {
        user.require(&Policy::roles(["editor"]), &request)?;
        Ok(user.sub.clone())
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .app_data(config("app"))
            .service(web::resource("/guard").to(guarded))
            .service(web::resource("/layer").wrap(data.require_auth()).to(guarded))
            .service(web::resource("/back").to(handed_back))
            .service(web::resource("/own").to(in_an_error_of_the_application))
            .service(web::resource("/handler").to(editors_only))
            .service(web::resource("/own-handler").to(in_a_handler_of_the_application))
            .wrap(from_fn(look_inside))
    );
    let token = issuer.token().sub("ada").sign().unwrap();
    let lacks_role = auth.rejection(AuthError::insufficient_role(["editor"]));
    for path in ["/guard", "/layer", "/back", "/own", "/handler", "/own-handler"] {
        let (answer, code, challenge) = if path.ends_with("handler") {
            (client.get_with(path, &token).await, "insufficient_role", lacks_role.challenges().next())
        } else {
            (client.get(path).await, "unauthorized", BARE)
        };
        let body = format!("app {path} {code}");
        is_custom(&answer, &body, challenge);
        let again = format!("418 I'm a teapot {} {body}", challenge.unwrap());
        assert_eq!(answer.header("x-status"), Some("418"), "{path}");
        assert_eq!((answer.header("x-second"), answer.header("x-third")), (Some(&*again), Some(&*again)), "{path}");
    }
}

/// What is kept of an answer: everything that reaches the caller.
#[actix_web::test]
async fn custom_answer_keeps_reason_repeated_headers_and_an_empty_body() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let handler = |rejection: AuthRejection, request: &HttpRequest| {
        let mut answer = HttpResponse::build(StatusCode::UNAUTHORIZED);
        answer.reason("Who are you").append_header(("x-part", "one")).append_header(("x-part", "two"));
        let answer = match request.path() {
            "/empty" => answer.body(""),
            "/none" => answer.force_close().finish(),
            _ => answer.body(web::Bytes::from_static(b"\x00\x7f bytes")),
        };
        InternalError::from_response(rejection, answer).into()
    };
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .app_data(RampartConfig::default().error_handler(handler))
            .service(web::resource(["/bytes", "/empty", "/none"]).to(guarded))
    );
    for (path, length, body) in [("/bytes", "8", "\0\x7f bytes"), ("/empty", "0", ""), ("/none", "0", "")] {
        let raw = client.raw(path).await;
        let (head, sent) = raw.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
        assert_eq!(lines.remove(0), "HTTP/1.1 401 Who are you", "{path}");
        lines.sort_unstable();
        let length = format!("content-length: {length}");
        assert_eq!(lines, ["connection: close", &length, "x-part: one", "x-part: two"], "{path}");
        assert_eq!(sent, body, "{path}");
    }
}

#[actix_web::test]
async fn rejection_fits_any_error_and_goes_to_other_threads() {
    /// What `anyhow` asks of an error, and more than `web::block` asks.
    fn fits<E: std::error::Error + Send + Sync + 'static>() {}
    async fn blocking(claims: Result<RequireAuth, AuthRejection>) -> Result<String, Error> {
        let sub = web::block(move || claims.map(|claims| claims.sub.clone())).await??;
        Ok(sub)
    }
    async fn boxed(claims: Result<RequireAuth, AuthRejection>) -> String {
        let refused = || -> Result<String, Box<dyn std::error::Error + Send + Sync>> { Ok(claims?.sub.clone()) };
        let error = refused().unwrap_err();
        error.downcast_ref::<AuthRejection>().unwrap().status_code().to_string()
    }
    fits::<AuthRejection>();
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .app_data(config("app"))
            .route("/block", web::get().to(blocking))
            .route("/boxed", web::get().to(boxed))
    );
    is_custom(&client.get("/block").await, "app /block unauthorized", BARE);
    client.get("/boxed").await.is_ok("418 I'm a teapot");
}
