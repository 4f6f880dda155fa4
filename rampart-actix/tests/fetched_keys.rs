//! Requests that come before the keys: guards and middleware that must wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{App, web};
use rampart_actix::{AuthError, Claims, OptionalAuth, RampartAuth, RampartAuthExt, RampartConfig, RequireAuth, roles};
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer};
use support::{Client, issuer};

roles!(Admin = "admin");

async fn guarded(
    user: RequireAuth,
    optional: OptionalAuth,
    admin: Result<RequireAuth<Admin>, rampart_actix::AuthRejection>,
) -> String {
    assert_eq!(Some(&user.sub), optional.as_ref().map(|claims| &claims.sub));
    format!("{} {}", user.sub, admin.is_ok())
}

async fn subject(claims: web::ReqData<Arc<Claims>>) -> String {
    claims.sub.clone()
}

/// A server that has no keys yet.
fn cold(issuer: &LocalIssuer) -> (Client, RampartAuth) {
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let data = web::Data::new(auth.clone());
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .route("/guards", web::get().to(guarded))
            .service(web::resource("/admin").to(|_: RequireAuth<Admin>| async { "admin" }))
            .service(web::resource("/layer").wrap(data.require_auth()).to(subject))
            .service(web::resource("/admin-layer").wrap(data.require_roles(["admin"])).to(subject))
            .service(web::resource("/both").wrap(data.require_auth()).to(guarded))
            .service(
                web::resource("/custom")
                    .app_data(
                        RampartConfig::default()
                            .error_handler(|rejection, _| actix_web::error::ErrorImATeapot(rejection))
                    )
                    .to(|_: RequireAuth<Admin>| async { "admin" })
            )
    );
    (client, auth)
}

#[actix_web::test]
async fn the_first_request_waits_for_the_keys() {
    for (path, body) in [("/guards", "ada true"), ("/layer", "ada"), ("/admin-layer", "ada"), ("/both", "ada true")] {
        let issuer = issuer().await;
        let (client, _) = cold(&issuer);
        let token = issuer.token().sub("ada").roles(["admin"]).sign().unwrap();
        client.get_with(path, &token).await.is_ok(body);
        assert_eq!(issuer.requests(Endpoint::Jwks), 1);
        client.get_with(path, &token).await.is_ok(body);
        assert_eq!(issuer.requests(Endpoint::Jwks), 1);
    }
}

#[actix_web::test]
async fn a_refusal_after_the_wait_is_the_same_as_without() {
    for path in ["/admin", "/admin-layer"] {
        let issuer = issuer().await;
        let (client, auth) = cold(&issuer);
        let lacks_role = AuthError::insufficient_role(["admin"]);
        client.get_with(path, &issuer.token().sub("ada").sign().unwrap()).await.is_rejection(&auth, lacks_role);
    }
    let issuer = issuer().await;
    let (client, _) = cold(&issuer);
    let answer = client.get_with("/custom", &issuer.token().sub("ada").sign().unwrap()).await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "the access token lacks a required role: admin"));
}

#[actix_web::test]
async fn without_keys_a_token_is_neither_good_nor_bad() {
    for path in ["/guards", "/layer"] {
        let issuer = issuer().await;
        issuer.set_jwks_body(Some("no key set".to_owned()));
        let (client, _) = cold(&issuer);
        let answer = client.get_with(path, &issuer.token().sub("ada").sign().unwrap()).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (503, None));
        assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        assert!(answer.body.contains("temporarily_unavailable"));
    }
}

#[actix_web::test]
async fn without_a_token_nothing_is_fetched() {
    let issuer = issuer().await;
    let (client, auth) = cold(&issuer);
    client.get("/guards").await.is_rejection(&auth, AuthError::MissingToken);
    client.get("/layer").await.is_rejection(&auth, AuthError::MissingToken);
    client.get_with("/layer", "malformed").await.is_rejection(&auth, AuthError::InvalidToken);
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
}

/// What the documentation says of actix-web, which polls all parameters of a handler: behind middleware none is asked before.
#[actix_web::test]
async fn other_parameters_are_asked_while_a_guard_waits_but_not_while_middleware_does() {
    async fn query(_user: RequireAuth, _query: web::Query<HashMap<String, u8>>) -> &'static str {
        "in"
    }
    let issuer = issuer().await;
    let (kid, stranger) = (issuer.key().kid().to_owned(), issuer.add_unpublished_key(Algorithm::ES256).unwrap());
    let forged = issuer.token().key(&stranger).kid(&kid).sign().unwrap();
    for (path, cold) in [("/guard?number=many", 400), ("/layer?number=many", 401)] {
        let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
        let data = web::Data::new(auth.clone());
        let client = serve!(
            App::new()
                .app_data(data.clone())
                .route("/guard", web::get().to(query))
                .service(web::resource("/layer").wrap(data.require_auth()).route(web::get().to(query)))
        );
        assert_eq!(client.get_with(path, &forged).await.status, cold, "{path}");
        auth.warm_up().await.unwrap();
        client.get_with(path, &forged).await.is_rejection(&auth, AuthError::InvalidToken);
    }
}
