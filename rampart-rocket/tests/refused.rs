//! What a handler refuses itself goes the same way as a refusal of a guard: the same answer, the application's catchers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use rampart_issuer::LocalIssuer;
use rampart_rocket::{
    AuthError, AuthRejection, OptionalAuth, Policy, RampartAuth, Refused, RequireAuth, roles, scopes,
};
use rocket::http::{Method, Status};
use rocket::response::Responder;
use rocket::response::status::{Custom, Forbidden, Unauthorized};
use rocket::{Catcher, Data, Request, Route, catch, catchers, get, route, routes};
use support::{Answer, Client, bare, expired, issuer, offline, offline_auth, plain, serve, with};

roles!(Admin = "admin");
scopes! {
    Read = "tasks:read";
    Write = "tasks:write";
}

fn admins() -> Policy {
    Policy::roles(["admin"])
}

fn writers() -> Policy {
    Policy::scopes(["tasks:write"])
}

#[get("/guard/role")]
fn guard_role(user: RequireAuth<Admin>) -> String {
    user.sub.clone()
}

#[get("/handler/role")]
fn handler_role(user: RequireAuth) -> Result<String, Refused> {
    user.require(&admins())?;
    Ok(user.sub.clone())
}

#[get("/guard/scope")]
fn guard_scope(_reader: RequireAuth<Read>, user: RequireAuth<Write>) -> String {
    user.sub.clone()
}

#[get("/handler/scope")]
fn handler_scope(user: RequireAuth<Read>) -> Result<String, Refused> {
    user.require(&writers())?;
    Ok(user.sub.clone())
}

/// Nobody need be signed in, until it turns out otherwise.
#[get("/handler/optional")]
fn handler_optional(user: OptionalAuth) -> Result<String, Refused> {
    Ok(user.require(&writers())?.sub.clone())
}

/// As `/handler/optional`, but for those who are signed in without the scope.
#[get("/guard/optional")]
fn guard_optional(user: RequireAuth<Write>) -> String {
    user.sub.clone()
}

/// What the guard has refused, by the handler.
#[get("/handler/result")]
fn handler_result(user: Result<RequireAuth<Admin>, AuthRejection>) -> Result<String, Refused> {
    Ok(user?.sub.clone())
}

/// An error of the application that holds refusals among others.
#[derive(Responder)]
enum Error {
    Refused(Refused),
    #[response(status = 404)]
    NotFound(&'static str),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

#[get("/handler/error/<id>")]
async fn handler_error(user: RequireAuth, id: u8) -> Result<String, Error> {
    rocket::tokio::task::yield_now().await;
    user.require(&admins())?;
    if id == 0 { Ok(user.sub.clone()) } else { Err(Error::NotFound("no such task")) }
}

/// Catches the refusal, and answers otherwise.
#[get("/caught/ok")]
fn caught_ok(user: RequireAuth) -> &'static str {
    if user.require(&admins()).is_ok() { "for admins" } else { "for everybody" }
}

#[get("/caught/403")]
fn caught_forbidden(user: RequireAuth) -> Forbidden<&'static str> {
    assert_eq!(*user.require(&admins()).unwrap_err().error(), AuthError::insufficient_role(["admin"]));
    Forbidden("not today")
}

#[get("/caught/401")]
fn caught_unauthorized(user: OptionalAuth) -> Unauthorized<&'static str> {
    assert_eq!(*user.require(&admins()).unwrap_err().error(), AuthError::MissingToken);
    Unauthorized("wrong password")
}

/// Asks, passes, and answers 403 for a reason of its own.
#[get("/passed/403")]
fn passed_forbidden(user: RequireAuth) -> Result<Forbidden<&'static str>, Refused> {
    user.require(&Policy::roles([] as [&str; 0]).or(Policy::roles(["user"])))?;
    Ok(Forbidden("not today"))
}

#[get("/caught/status")]
fn caught_status(user: RequireAuth) -> Status {
    if user.require(&admins()).is_ok() { Status::Ok } else { Status::Forbidden }
}

fn all() -> Vec<Route> {
    let alike = routes![guard_role, handler_role, guard_scope, handler_scope, guard_optional, handler_optional];
    let further = routes![handler_result, handler_error];
    [alike, further, routes![caught_ok, caught_forbidden, caught_unauthorized, passed_forbidden, caught_status]]
        .concat()
}

fn tasks_auth(issuer: &LocalIssuer) -> RampartAuth {
    offline(issuer).realm("tasks").build().unwrap()
}

async fn with_catchers(issuer: &LocalIssuer, catchers: Vec<Catcher>) -> Client {
    serve(with(&tasks_auth(issuer)).mount("/", all()).register("/", catchers)).await
}

fn reader(issuer: &LocalIssuer) -> String {
    issuer.token().sub("ada").roles(["user"]).scope("tasks:read").sign().unwrap()
}

#[tokio::test]
async fn refusal_in_a_handler_is_answered_as_that_of_a_guard() {
    let issuer = issuer().await;
    let auth = tasks_auth(&issuer);
    let client = with_catchers(&issuer, Vec::new()).await;
    let token = reader(&issuer);

    for (path, code) in
        [("role", "insufficient_role"), ("scope", "insufficient_scope"), ("optional", "insufficient_scope")]
    {
        let [by_guard, in_handler] = ["guard", "handler"].map(|by| format!("/{by}/{path}"));
        let answer = client.get_with(&in_handler, &token).await;
        assert_eq!(answer, client.get_with(&by_guard, &token).await);
        assert_eq!(answer.status, 403);
        assert!(answer.body.contains(&format!(r#""error":"{code}""#)), "{path} {answer:?}");
        assert!(answer.header("www-authenticate").unwrap().starts_with(r#"Bearer realm="tasks", "#));
    }
    let anonymous = client.get("/handler/optional").await;
    assert_eq!(anonymous, client.get("/guard/optional").await);
    assert_eq!(anonymous.header("www-authenticate"), Some(r#"Bearer realm="tasks", scope="tasks:write""#));
    let of_all = client.get_with("/handler/scope", &token).await;
    assert!(of_all.header("www-authenticate").unwrap().ends_with(r#"scope="tasks:read tasks:write""#));
    let lacks_role = AuthError::insufficient_role(["admin"]);
    for path in ["/handler/role", "/handler/result", "/handler/error/0", "/handler/error/1"] {
        client.get_with(path, &token).await.is_rejection(&auth, lacks_role.clone());
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
        client.get_with(path, &expired(&issuer)).await.is_rejection(&auth, AuthError::TokenExpired);
    }
}

#[tokio::test]
async fn who_may_gets_the_answer_of_the_handler() {
    let issuer = issuer().await;
    let client = with_catchers(&issuer, Vec::new()).await;
    let token = issuer.token().sub("ada").roles(["admin"]).scope("tasks:read tasks:write").sign().unwrap();
    for path in ["role", "scope", "optional", "result", "error/0"] {
        client.get_with(&format!("/handler/{path}"), &token).await.is_ok("ada");
    }
    let answer = client.get_with("/handler/error/1", &token).await;
    assert_eq!((answer.status, &*answer.body), (404, "no such task"));
}

#[catch(401)]
fn unauthorized(request: &Request<'_>) -> String {
    format!("401 {:?}", AuthRejection::from_request(request).map(|rejection| rejection.error().code()))
}

#[catch(403)]
fn forbidden(request: &Request<'_>) -> String {
    format!("403 {:?}", AuthRejection::from_request(request).map(|rejection| rejection.error().code()))
}

#[catch(default)]
fn any(status: Status, request: &Request<'_>) -> String {
    format!("{} {:?}", status.code, AuthRejection::from_request(request).map(|rejection| rejection.error().code()))
}

#[track_caller]
fn is_in_own_form(answer: &Answer, body: &str, challenge: &str) {
    assert_eq!(answer.body, body);
    answer.has_headers(&[
        ("cache-control", "no-store"),
        ("content-type", "text/plain; charset=utf-8"),
        ("www-authenticate", challenge),
    ]);
}

#[tokio::test]
async fn refusal_in_a_handler_reaches_the_catchers_of_the_application() {
    let issuer = issuer().await;
    let token = reader(&issuer);
    for catchers in [catchers![unauthorized, forbidden], catchers![any]] {
        let client = with_catchers(&issuer, catchers).await;
        let lacks_role = r#"Bearer realm="tasks", error="insufficient_scope", error_description="The access token lacks the role admin""#;
        for path in ["/handler/role", "/handler/result", "/handler/error/0"] {
            let answer = client.get_with(path, &token).await;
            assert_eq!(answer.status, 403);
            is_in_own_form(&answer, r#"403 Some("insufficient_role")"#, lacks_role);
        }
        let answer = client.get("/handler/optional").await;
        assert_eq!(answer.status, 401);
        is_in_own_form(&answer, r#"401 Some("unauthorized")"#, r#"Bearer realm="tasks", scope="tasks:write""#);
        let answer = client.get("/handler/result").await;
        is_in_own_form(&answer, r#"401 Some("unauthorized")"#, r#"Bearer realm="tasks""#);
    }
}

#[tokio::test]
async fn answer_of_a_handler_that_caught_its_refusal_is_its_own() {
    let issuer = issuer().await;
    let token = reader(&issuer);
    for catchers in [Vec::new(), catchers![unauthorized, forbidden]] {
        let client = with_catchers(&issuer, catchers).await;
        client.get_with("/caught/ok", &token).await.is_ok("for everybody");
        for (path, token, status, body) in [
            ("/caught/403", Some(&token), 403, "not today"),
            ("/passed/403", Some(&token), 403, "not today"),
            ("/caught/401", None, 401, "wrong password"),
        ] {
            let answer = match token {
                Some(token) => client.get_with(path, token).await,
                None => client.get(path).await,
            };
            assert_eq!((answer.status, &*answer.body), (status, body), "{path}");
            answer.has_headers(&[("content-type", "text/plain; charset=utf-8")]);
        }
    }
    // A bare status is nobody's refusal, and the catcher is told of none.
    let answer = with_catchers(&issuer, catchers![forbidden]).await.get_with("/caught/status", &token).await;
    assert_eq!((answer.status, &*answer.body), (403, "403 None"));
    answer.has_headers(&[("content-type", "text/plain; charset=utf-8")]);
}

/// What the documentation says of catchers: they answer with an `AuthRejection`.
#[tokio::test]
async fn catcher_that_refuses_once_more_is_answered_500() {
    #[catch(403)]
    fn again(request: &Request<'_>) -> Option<Refused> {
        AuthRejection::from_request(request).map(Refused::from)
    }
    #[catch(403)]
    fn right(request: &Request<'_>) -> Option<AuthRejection> {
        AuthRejection::from_request(request)
    }
    let issuer = issuer().await;
    let token = reader(&issuer);
    let client = with_catchers(&issuer, catchers![again]).await;
    assert_eq!(client.get_with("/handler/role", &token).await.status, 500);
    let client = with_catchers(&issuer, catchers![right]).await;
    let lacks_role = AuthError::insufficient_role(["admin"]);
    client.get_with("/handler/role", &token).await.is_rejection(&tasks_auth(&issuer), lacks_role);
}

/// A handler that Rocket cannot look into, so that it launches without the fairing.
#[tokio::test]
async fn refusal_without_the_fairing_is_answered_all_the_same() {
    fn refuse<'r>(request: &'r Request<'_>, _: Data<'r>) -> route::BoxFuture<'r> {
        let auth: &RampartAuth = request.rocket().state().unwrap();
        let rejection = AuthRejection::from(auth.rejection(AuthError::insufficient_role(["admin"])));
        let outcome = match request.uri().path().as_str() {
            "/wrapped" => route::Outcome::from(request, Custom(Status::Forbidden, Refused::from(rejection))),
            _ => route::Outcome::from(request, Refused::from(rejection)),
        };
        Box::pin(async { outcome })
    }
    let auth = tasks_auth(&issuer().await);
    let routes = ["/", "/wrapped"].map(|path| Route::new(Method::Get, path, refuse));
    for rocket in [bare().manage(auth.clone()), with(&auth)] {
        let client = serve(rocket.mount("/", routes.clone())).await;
        for path in ["/", "/wrapped"] {
            client.get(path).await.is_rejection(&auth, AuthError::insufficient_role(["admin"]));
        }
    }
    // The catchers of the application are the fairing's to call.
    let rocket = bare().manage(auth.clone()).register("/", catchers![forbidden]);
    let client = serve(rocket.mount("/", routes.clone())).await;
    client.get("/").await.is_rejection(&auth, AuthError::insufficient_role(["admin"]));
    let client = serve(with(&auth).register("/", catchers![forbidden]).mount("/", routes)).await;
    assert_eq!(client.get("/").await.body, r#"403 Some("insufficient_role")"#);
}

#[tokio::test]
async fn refusal_in_a_handler_is_not_that_of_another_route() {
    #[get("/forwards")]
    fn forwards(user: RequireAuth) -> Option<Result<String, Refused>> {
        // Thrown away.
        drop(user.require(&admins()));
        None
    }
    let issuer = issuer().await;
    let client = serve(with(&offline_auth(&issuer)).mount("/", routes![forwards])).await;
    let answer = client.get_with("/forwards", &plain(&issuer)).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (404, None));
}
