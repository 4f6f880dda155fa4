//! Guards in handlers, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use actix_web::test::TestRequest;
use actix_web::{App, FromRequest, HttpResponse, web};
use rampart_actix::{
    AnyOf, AuthError, AuthRejection, OptionalAuth, RampartAuth, RequireAuth, Requirement, roles, scopes,
};
use support::{Verifications, issuer, offline, offline_auth};

roles! {
    Admin = "admin";
    Auditor = "auditor";
}
scopes!(TasksWrite = "tasks:write");

async fn name<R: Requirement + 'static>(claims: RequireAuth<R>) -> String {
    claims.email.clone().unwrap_or_default()
}

async fn optional<R: Requirement + 'static>(claims: OptionalAuth<R>) -> String {
    claims.as_ref().map_or_else(|| "anonymous".to_owned(), |claims| claims.sub.clone())
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/user", web::get().to(name::<rampart_actix::AnyUser>))
        .route("/admin", web::get().to(name::<Admin>))
        .route("/write", web::get().to(name::<TasksWrite>))
        .route("/both", web::get().to(name::<(Admin, TasksWrite)>))
        .route("/either", web::get().to(name::<AnyOf<(Admin, Auditor)>>))
        .route("/optional", web::get().to(optional::<rampart_actix::AnyUser>))
        .route("/optional-admin", web::get().to(optional::<Admin>));
}

#[actix_web::test]
async fn missing_token_is_401_with_a_bare_challenge() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(App::new().app_data(auth.clone()).configure(routes));

    let answer = client.get("/user").await;
    let headers = [
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("www-authenticate", "Bearer realm=\"default\""),
    ];
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        answer.body,
        r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#
    );
}

#[actix_web::test]
async fn every_refusal_is_what_the_core_says() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let client = serve!(App::new().app_data(data.clone()).configure(routes));
    let token = issuer.token().sub("ada").sign().unwrap();
    let expired = issuer.token().sub("ada").at(1_000_000).sign().unwrap();
    let bearer = format!("Bearer {token}").into_bytes();

    client.get("/admin").await.is_rejection(&auth, AuthError::MissingToken);
    client.send("/user", &[b"Basic dXNlcjpwYXNz"]).await.is_rejection(&auth, AuthError::MissingToken);
    client.get_with("/user", "not.a.token").await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/user", &format!("{token}x")).await.is_rejection(&auth, AuthError::InvalidToken);
    client.send("/user", &[b"Bearer \xff\xfe"]).await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/user", &expired).await.is_rejection(&auth, AuthError::TokenExpired);
    client.send("/user", &[&bearer, &bearer]).await.is_rejection(&auth, AuthError::InvalidRequest);
    client.send("/user", &[&bearer, b"Basic x"]).await.is_rejection(&auth, AuthError::InvalidRequest);
    client.get_with("/admin", &token).await.is_rejection(&auth, AuthError::insufficient_role(["admin"]));
    let lacks_scope = AuthError::insufficient_scope(["tasks:write"]);
    client.get_with("/write", &token).await.is_rejection(&auth, lacks_scope.clone());
    client.get_with("/either", &token).await.is_rejection(&auth, AuthError::insufficient_role(["auditor"]));
    let admin = issuer.token().sub("ada").roles(["admin"]).sign().unwrap();
    client.get_with("/both", &admin).await.is_rejection(&auth, lacks_scope);
}

#[actix_web::test]
async fn a_good_token_reaches_the_handler() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(App::new().app_data(auth.clone()).configure(routes));
    let token =
        issuer.token().sub("ada").claim("email", "ada@example.com").roles(["admin"]).scope("tasks:read tasks:write");
    let token = token.sign().unwrap();

    for path in ["/user", "/admin", "/write", "/both", "/either"] {
        client.get_with(path, &token).await.is_ok("ada@example.com");
    }
    client.send("/user", &[format!("bEaReR   {token}").as_bytes()]).await.is_ok("ada@example.com");
}

#[actix_web::test]
async fn optional_auth_is_none_only_where_the_token_is_absent() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let client = serve!(App::new().app_data(data.clone()).configure(routes));
    let token = issuer.token().sub("ada").sign().unwrap();
    let expired = issuer.token().sub("ada").at(1_000_000).sign().unwrap();

    client.get("/optional").await.is_ok("anonymous");
    client.send("/optional", &[b"Basic dXNlcjpwYXNz"]).await.is_ok("anonymous");
    client.get_with("/optional", &token).await.is_ok("ada");
    client.get_with("/optional", "forged").await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/optional", &expired).await.is_rejection(&auth, AuthError::TokenExpired);
    client.get("/optional-admin").await.is_ok("anonymous");
    let lacks_role = AuthError::insufficient_role(["admin"]);
    client.get_with("/optional-admin", &token).await.is_rejection(&auth, lacks_role);
}

/// The trap of actix-web that the documentation warns of. Should this test fail one day, the warnings can go.
#[actix_web::test]
async fn option_of_a_guard_lets_forged_tokens_pass_as_anonymous() {
    async fn trap(claims: Option<RequireAuth>) -> String {
        claims.map_or_else(|| "anonymous".to_owned(), |claims| claims.sub.clone())
    }
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(App::new().app_data(auth.clone()).route("/", web::get().to(trap)));

    client.get_with("/", "forged").await.is_ok("anonymous");
    client.get_with("/", &issuer.token().sub("ada").at(1_000_000).sign().unwrap()).await.is_ok("anonymous");
}

#[actix_web::test]
async fn a_handler_may_take_the_rejection_itself() {
    async fn decide(claims: Result<RequireAuth<Admin>, AuthRejection>) -> Result<String, AuthRejection> {
        match claims {
            Ok(claims) => Ok(claims.sub.clone()),
            Err(rejection) if *rejection.error() == AuthError::TokenExpired => Ok("log in again".to_owned()),
            Err(rejection) if rejection.error().status() == 403 => Ok(rejection.challenges().collect()),
            Err(rejection) => Err(rejection),
        }
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let client = serve!(App::new().app_data(data.clone()).route("/", web::get().to(decide)));

    client.get_with("/", &issuer.token().sub("ada").roles(["admin"]).sign().unwrap()).await.is_ok("ada");
    client.get_with("/", &issuer.token().sub("ada").at(1_000_000).sign().unwrap()).await.is_ok("log in again");
    client.get_with("/", &issuer.token().sub("ada").sign().unwrap()).await.is_ok(
        "Bearer realm=\"default\", error=\"insufficient_scope\", error_description=\"The access token lacks the role admin\"",
    );
    client.get("/").await.is_rejection(&auth, AuthError::MissingToken);
}

#[actix_web::test]
async fn several_guards_verify_once() {
    async fn several(user: RequireAuth, admin: RequireAuth<Admin>, optional: OptionalAuth) -> HttpResponse {
        assert_eq!((&user.sub, &user.sub), (&admin.sub, &optional.as_ref().unwrap().sub));
        HttpResponse::Ok().body("once")
    }
    let issuer = issuer().await;
    let verifications = Verifications::default();
    let auth = web::Data::new(verifications.of(offline(&issuer)));
    let client = serve!(App::new().app_data(auth.clone()).route("/", web::get().to(several)));

    client.get_with("/", &issuer.token().sub("ada").roles(["admin"]).sign().unwrap()).await.is_ok("once");
    assert_eq!(verifications.take(), 1);
}

#[actix_web::test]
async fn the_nearest_auth_object_counts() {
    let issuer = issuer().await;
    let strict = offline(&issuer).realm("strict").required_claims(["clearance"]).build().unwrap();
    let data = (web::Data::new(offline_auth(&issuer)), web::Data::new(strict.clone()));
    let client = serve!(
        App::new()
            .app_data(data.0.clone())
            .service(web::scope("/strict").app_data(data.1.clone()).configure(routes))
            .configure(routes)
    );
    let plain = issuer.token().sub("ada").claim("email", "ada@example.com").sign().unwrap();
    let cleared = issuer.token().sub("ada").claim("email", "ada@example.com").claim("clearance", 3).sign().unwrap();

    client.get_with("/user", &plain).await.is_ok("ada@example.com");
    client.get_with("/strict/user", &cleared).await.is_ok("ada@example.com");
    let lacks_claim = AuthError::missing_claim("clearance");
    client.get_with("/strict/user", &plain).await.is_rejection(&strict, lacks_claim);
}

#[actix_web::test]
async fn an_auth_object_needs_no_data_around_it() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve!(App::new().app_data(auth.clone()).configure(routes));

    client.get("/optional").await.is_ok("anonymous");
    client.get_with("/optional", &issuer.token().sub("ada").sign().unwrap()).await.is_ok("ada");
}

#[actix_web::test]
async fn a_guard_is_ready_at_once_where_the_keys_are_there() {
    let issuer = issuer().await;
    let token = issuer.token().sub("ada").sign().unwrap();
    let request = TestRequest::default()
        .insert_header(("authorization", format!("Bearer {token}")))
        .app_data(web::Data::new(offline_auth(&issuer)))
        .to_http_request();

    let guard = pin!(RequireAuth::<rampart_actix::AnyUser>::extract(&request));
    assert!(matches!(guard.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_))));
    let guard: <OptionalAuth as FromRequest>::Future = OptionalAuth::extract(&request);
    assert!(matches!(pin!(guard).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_))));
}

#[test]
fn the_auth_object_can_be_shared_between_workers() {
    fn assert_shared<T: Send + Sync + 'static>() {}
    assert_shared::<RampartAuth>();
    assert_shared::<rampart_actix::RampartConfig>();
    assert_shared::<rampart_actix::AuthMiddleware>();
    assert_shared::<RequireAuth<Admin>>();
}
