//! What happens at launch: a fairing that is missing, or one too many.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use rampart_core::Rejection;
use rampart_rocket::{AuthError, AuthRejection, OptionalAuth, Rampart, Refused, RequireAuth, roles};
use rocket::error::ErrorKind;
use rocket::request::{FromRequest, Outcome};
use rocket::{Build, Request, Rocket, Route, catch, catchers, get, routes};
use support::{bare, expired, issuer, log, offline_auth, plain, serve, with};

roles!(Admin = "admin");

#[get("/")]
fn required(_claims: RequireAuth) {}

#[get("/")]
fn admin(_claims: RequireAuth<Admin>) {}

#[get("/")]
fn optional(_claims: OptionalAuth<Admin>) {}

#[get("/")]
fn option(_claims: Option<RequireAuth>) {}

#[get("/")]
fn result(_claims: Result<RequireAuth<Admin>, AuthRejection>) {}

#[get("/")]
fn answer() -> Result<(), AuthRejection> {
    Err(Rejection::not_configured().into())
}

#[get("/")]
fn refused() -> Result<(), Refused> {
    Err(Rejection::not_configured().into())
}

async fn ignite(rocket: Rocket<Build>, routes: Vec<Route>) -> Result<(), Stopped> {
    rocket.mount("/", routes).ignite().await.map(drop).map_err(|error| match error.kind() {
        ErrorKind::SentinelAborts(_) => Stopped::BySentinel,
        ErrorKind::FailedFairings(_) => Stopped::ByFairing,
        other => panic!("{other}"),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    BySentinel,
    ByFairing,
}

#[tokio::test]
async fn a_missing_fairing_stops_the_launch() {
    log::listen();
    let auth = offline_auth(&issuer().await);
    let guards = [routes![required], routes![admin], routes![optional], routes![option], routes![result]];
    for routes in guards.into_iter().chain([routes![answer], routes![refused]]) {
        let stopped = ignite(bare(), routes.clone()).await.unwrap_err();
        assert_eq!(stopped, Stopped::BySentinel, "{routes:?}");
        // The auth object alone does not do it.
        let stopped = ignite(bare().manage(auth.clone()), routes.clone()).await.unwrap_err();
        assert_eq!(stopped, Stopped::BySentinel, "{routes:?}");
        assert!(ignite(with(&auth), routes).await.is_ok());
    }
    log::is_logged("a route needs a RampartAuth: add `.attach(Rampart::fairing(auth))`");
}

/// A guard of the application that Rocket cannot look into.
struct Handwritten(Result<String, AuthError>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Handwritten {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.guard::<RequireAuth>().await {
            Outcome::Success(claims) => Outcome::Success(Self(Ok(claims.sub.clone()))),
            Outcome::Error((status, rejection)) if request.uri().path() == "/refuses" => {
                assert_eq!(status.code, rejection.error().status());
                Outcome::Error((status, ()))
            }
            Outcome::Error((_, rejection)) => Outcome::Success(Self(Err(rejection.error().clone()))),
            Outcome::Forward(_) => panic!("a guard forwards"),
        }
    }
}

#[get("/refuses")]
fn refuses(guard: Handwritten) -> String {
    guard.0.unwrap()
}

#[get("/reports")]
fn reports(guard: Handwritten) -> String {
    guard.0.unwrap_or_else(|error| error.code().to_owned())
}

#[catch(500)]
fn server_error(request: &Request<'_>) -> Option<AuthRejection> {
    AuthRejection::from_request(request)
}

#[tokio::test]
async fn a_handwritten_guard_without_the_fairing_lets_nobody_pass() {
    log::listen();
    let token = plain(&issuer().await);
    let client = serve(bare().mount("/", routes![refuses, reports])).await;
    for answer in [client.get("/refuses").await, client.get_with("/refuses", &token).await] {
        assert_eq!(answer.status, 500);
        assert!(!answer.body.contains("ada"));
    }
    client.get_with("/reports", &token).await.is_ok("server_error");
    log::is_logged("a guard found no RampartAuth: add `.attach(Rampart::fairing(auth))`");

    // Without the fairing there is no catcher of ours; one of the application's own finds the rejection all the same.
    let client = serve(bare().mount("/", routes![refuses]).register("/", catchers![server_error])).await;
    let answer = client.get_with("/refuses", &token).await;
    assert_eq!(answer.status, 500);
    answer.has_headers(&[("cache-control", "no-store"), ("content-type", "application/json")]);
    assert_eq!(
        answer.body,
        r#"{"error":"server_error","error_description":"Authentication is not configured on this server","status":500}"#
    );
}

#[tokio::test]
async fn a_handwritten_guard_gives_the_usual_answer() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", routes![refuses, reports])).await;
    client.get_with("/refuses", &plain(&issuer)).await.is_ok("ada");
    client.get("/refuses").await.is_rejection(&auth, AuthError::MissingToken);
    client.get_with("/refuses", &expired(&issuer)).await.is_rejection(&auth, AuthError::TokenExpired);
    client.get("/reports").await.is_ok("unauthorized");
}

#[tokio::test]
async fn another_auth_object_stops_the_launch() {
    log::listen();
    let (auth, other) = (offline_auth(&issuer().await), offline_auth(&issuer().await));
    let stopped = ignite(with(&auth).attach(Rampart::fairing(other.clone())), routes![required]).await.unwrap_err();
    assert_eq!(stopped, Stopped::ByFairing);
    let stopped = ignite(with(&auth).manage(other), routes![required]).await.unwrap_err();
    assert_eq!(stopped, Stopped::ByFairing);
    log::is_logged("attach the fairing once");
}

#[tokio::test]
async fn the_same_auth_object_twice_does_no_harm() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let rocket = with(&auth).attach(Rampart::fairing(auth.clone())).manage(auth.clone());
    let client = serve(rocket.mount("/", routes![refuses])).await;
    client.get("/refuses").await.is_rejection(&auth, AuthError::MissingToken);
    client.get_with("/refuses", &plain(&issuer)).await.is_ok("ada");
}
