//! Who answers: the application's own catchers first, then ours, and Rocket where no guard is the reason.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use rampart_issuer::LocalIssuer;
use rampart_rocket::{AuthError, AuthRejection, RequireAuth, roles};
use rocket::http::{Header, Status};
use rocket::{Catcher, Request, Route, catch, catchers, get, routes};
use support::{Answer, Client, bare, expired, issuer, offline_auth, plain, serve, with};

roles!(Admin = "admin");

#[get("/user")]
fn user(claims: RequireAuth) -> String {
    claims.sub.clone()
}

#[get("/admin")]
fn admin(claims: RequireAuth<Admin>) -> String {
    claims.sub.clone()
}

/// Refuses for a reason of its own, which has nothing to do with tokens.
#[get("/status/<code>")]
fn status(code: u16) -> Status {
    Status::new(code)
}

/// The same, after a guard has refused and the handler gone on.
#[get("/after/<code>")]
fn after(code: u16, claims: Result<RequireAuth, AuthRejection>) -> Status {
    assert!(claims.is_err());
    Status::new(code)
}

fn all() -> Vec<Route> {
    routes![user, admin, status, after]
}

async fn with_catchers(issuer: &LocalIssuer, catchers: Vec<Catcher>) -> Client {
    serve(with(&offline_auth(issuer)).mount("/", all()).register("/", catchers)).await
}

const CHALLENGE: &str = "Bearer realm=\"default\"";

#[tokio::test]
async fn an_own_catcher_keeps_its_body_and_gets_the_challenge() {
    #[catch(401)]
    fn unauthorized(request: &Request<'_>) -> &'static str {
        match AuthRejection::from_request(request).unwrap().error() {
            AuthError::TokenExpired => "log in again",
            _ => "log in",
        }
    }
    let issuer = issuer().await;
    let client = with_catchers(&issuer, catchers![unauthorized]).await;

    let answer = client.get("/user").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "log in"));
    answer.has_headers(&[
        ("cache-control", "no-store"),
        ("content-type", "text/plain; charset=utf-8"),
        ("www-authenticate", CHALLENGE),
    ]);
    let answer = client.get_with("/user", &expired(&issuer)).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "log in again"));
    assert!(answer.header("www-authenticate").unwrap().contains("The access token expired"));
    // Other codes are answered as ever.
    let lacks_role = AuthError::insufficient_role(["admin"]);
    client.get_with("/admin", &plain(&issuer)).await.is_rejection(&offline_auth(&issuer), lacks_role);
}

#[tokio::test]
async fn headers_that_are_there_stay() {
    #[derive(rocket::Responder)]
    #[response(content_type = "text/html")]
    struct Own(&'static str, Header<'static>, Header<'static>);

    #[catch(401)]
    fn unauthorized() -> Own {
        Own("own", Header::new("Www-Authenticate", "Basic"), Header::new("Cache-Control", "private"))
    }
    let client = with_catchers(&issuer().await, catchers![unauthorized]).await;
    let answer = client.get("/user").await;
    answer.has_headers(&[("cache-control", "private"), ("content-type", "text/html"), ("www-authenticate", "Basic")]);
    assert_eq!(answer.body, "own");
}

#[tokio::test]
async fn an_own_default_catcher_is_not_outranked() {
    #[catch(default)]
    fn default(status: Status, request: &Request<'_>) -> String {
        let refused = AuthRejection::from_request(request).map(|rejection| rejection.error().code());
        format!("{} {refused:?}", status.code)
    }
    let issuer = issuer().await;
    let client = with_catchers(&issuer, catchers![default]).await;

    let answer = client.get("/user").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "401 Some(\"unauthorized\")"));
    assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE));
    let answer = client.get_with("/admin", &plain(&issuer)).await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "403 Some(\"insufficient_role\")"));
    let answer = client.get("/nowhere").await;
    assert_eq!((answer.status, answer.body.as_str()), (404, "404 None"));
    answer.has_headers(&[("content-type", "text/plain; charset=utf-8")]);
}

#[tokio::test]
async fn a_default_catcher_for_a_path_goes_first_there_and_only_there() {
    #[catch(default)]
    fn default() -> &'static str {
        "below"
    }
    let auth = offline_auth(&issuer().await);
    let rocket = with(&auth).mount("/", all()).mount("/below", all()).register("/below", catchers![default]);
    let client = serve(rocket).await;

    let answer = client.get("/below/user").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "below"));
    assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE));
    client.get("/user").await.is_rejection(&auth, AuthError::MissingToken);
}

#[tokio::test]
async fn a_catcher_may_answer_with_the_rejection() {
    #[catch(401)]
    fn unauthorized(request: &Request<'_>) -> Option<AuthRejection> {
        AuthRejection::from_request(request)
    }
    let issuer = issuer().await;
    let client = with_catchers(&issuer, catchers![unauthorized]).await;
    client.get("/user").await.is_rejection(&offline_auth(&issuer), AuthError::MissingToken);
}

#[tokio::test]
async fn what_no_guard_has_refused_is_answered_by_rocket() {
    async fn of(client: Client, path: &str, accept: &str) -> Answer {
        client.request("GET", path, &[format!("Accept: {accept}").into_bytes()]).await
    }
    let client = serve(with(&offline_auth(&issuer().await)).mount("/", all())).await;
    let plain = serve(bare().mount("/", routes![status])).await;
    for accept in ["text/html", "application/json", "*/*"] {
        for path in
            ["/nowhere", "/status/400", "/status/401", "/status/403", "/status/500", "/status/503", "/status/599"]
        {
            assert_eq!(of(client, path, accept).await, of(plain, path, accept).await, "{path} {accept}");
        }
        // The guard has refused, but the handler went on and has refused for a reason of its own, with the same status or another.
        for code in [400, 401, 403, 404, 500, 503] {
            let after = of(client, &format!("/after/{code}"), accept).await;
            assert_eq!(after, of(plain, &format!("/status/{code}"), accept).await);
        }
    }
}

#[tokio::test]
async fn an_own_catcher_for_another_code_is_left_alone() {
    #[catch(404)]
    fn not_found(request: &Request<'_>) -> String {
        format!("no {} {:?}", request.uri(), AuthRejection::from_request(request))
    }
    let issuer = issuer().await;
    let client = with_catchers(&issuer, catchers![not_found]).await;
    let answer = client.get("/nowhere").await;
    assert_eq!((answer.status, answer.body.as_str()), (404, "no /nowhere None"));
    client.get("/user").await.is_rejection(&offline_auth(&issuer), AuthError::MissingToken);
}
