//! Guards in handlers, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use rampart_issuer::Endpoint;
use rampart_rocket::{
    AnyOf, AuthError, AuthRejection, Event, OptionalAuth, RampartAuth, Refused, RequireAuth, Requirement, roles, scopes,
};
use rocket::request::{FromRequest, Outcome};
use rocket::{Request, Route, State, get, routes};
use support::{Verifications, expired, forged, issuer, offline, offline_auth, plain, serve, with};

roles! {
    Admin = "admin";
    Auditor = "auditor";
}
scopes!(TasksWrite = "tasks:write");

#[get("/user")]
fn user(claims: RequireAuth) -> String {
    claims.sub.clone()
}

#[get("/admin")]
fn admin(claims: RequireAuth<Admin>) -> String {
    claims.sub.clone()
}

#[get("/write")]
fn write(claims: RequireAuth<TasksWrite>) -> String {
    claims.sub.clone()
}

#[get("/both")]
fn both(claims: RequireAuth<(Admin, TasksWrite)>) -> String {
    claims.sub.clone()
}

#[get("/either")]
fn either(claims: RequireAuth<AnyOf<(Admin, Auditor)>>) -> String {
    claims.sub.clone()
}

fn subject<R: Requirement>(claims: &OptionalAuth<R>) -> String {
    claims.as_ref().map_or_else(|| "anonymous".to_owned(), |claims| claims.sub.clone())
}

#[get("/optional")]
fn optional(claims: OptionalAuth) -> String {
    subject(&claims)
}

#[get("/optional-admin")]
fn optional_admin(claims: OptionalAuth<Admin>) -> String {
    subject(&claims)
}

/// A route that a guard which forwards would reach.
#[get("/<_..>", rank = 100)]
fn fallback() -> &'static str {
    "fallback"
}

fn all() -> Vec<Route> {
    routes![user, admin, write, both, either, optional, optional_admin, fallback]
}

#[tokio::test]
async fn missing_token_is_401_with_a_bare_challenge() {
    let client = serve(with(&offline_auth(&issuer().await)).mount("/", all())).await;

    let answer = client.get("/user").await;
    assert_eq!(answer.status, 401);
    answer.has_headers(&[
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("www-authenticate", "Bearer realm=\"default\""),
    ]);
    assert_eq!(
        answer.body,
        r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#
    );
}

#[tokio::test]
async fn every_refusal_is_what_the_core_says() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", all())).await;
    let token = plain(&issuer);
    let bearer = format!("Bearer {token}").into_bytes();

    client.get("/admin").await.is_rejection(&auth, AuthError::MissingToken);
    client.send("/user", &[b"Basic dXNlcjpwYXNz"]).await.is_rejection(&auth, AuthError::MissingToken);
    client.get_with("/user", "not.a.token").await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/user", &format!("{token}x")).await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/user", &forged(&issuer)).await.is_rejection(&auth, AuthError::InvalidToken);
    client.send("/user", &["Bearer é".as_bytes()]).await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/user", &expired(&issuer)).await.is_rejection(&auth, AuthError::TokenExpired);
    client.send("/user", &[&bearer, &bearer]).await.is_rejection(&auth, AuthError::InvalidRequest);
    client.send("/user", &[&bearer, b"Basic x"]).await.is_rejection(&auth, AuthError::InvalidRequest);
    client.get_with("/admin", &token).await.is_rejection(&auth, AuthError::insufficient_role(["admin"]));
    let lacks_scope = AuthError::insufficient_scope(["tasks:write"]);
    client.get_with("/write", &token).await.is_rejection(&auth, lacks_scope.clone());
    client.get_with("/either", &token).await.is_rejection(&auth, AuthError::insufficient_role(["auditor"]));
    client.get_with("/both", &support::admin(&issuer)).await.is_rejection(&auth, lacks_scope);
}

#[tokio::test]
async fn a_good_token_reaches_the_handler() {
    let issuer = issuer().await;
    let client = serve(with(&offline_auth(&issuer)).mount("/", all())).await;
    let token = issuer.token().sub("ada").roles(["admin"]).scope("tasks:read tasks:write").sign().unwrap();

    for path in ["/user", "/admin", "/write", "/both", "/either"] {
        client.get_with(path, &token).await.is_ok("ada");
    }
    client.send("/user", &[format!("bEaReR   {token}").as_bytes()]).await.is_ok("ada");
    client.request("GET", "/user", &[format!("AUTHORIZATION:Bearer {token}").into_bytes()]).await.is_ok("ada");
}

#[tokio::test]
async fn optional_auth_is_none_only_where_the_token_is_absent() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", all())).await;
    let token = plain(&issuer);

    client.get("/optional").await.is_ok("anonymous");
    client.send("/optional", &[b"Basic dXNlcjpwYXNz"]).await.is_ok("anonymous");
    client.get_with("/optional", &token).await.is_ok("ada");
    client.get_with("/optional", "forged").await.is_rejection(&auth, AuthError::InvalidToken);
    client.get_with("/optional", &expired(&issuer)).await.is_rejection(&auth, AuthError::TokenExpired);
    client.get("/optional-admin").await.is_ok("anonymous");
    client.get_with("/optional-admin", &support::admin(&issuer)).await.is_ok("ada");
    let lacks_role = AuthError::insufficient_role(["admin"]);
    client.get_with("/optional-admin", &token).await.is_rejection(&auth, lacks_role);
}

/// The trap of Rocket that the documentation warns of. Should this test fail one day, the warnings can go.
#[tokio::test]
async fn option_of_a_guard_lets_forged_tokens_pass_as_anonymous() {
    #[get("/")]
    fn trap(claims: Option<RequireAuth>) -> String {
        claims.map_or_else(|| "anonymous".to_owned(), |claims| claims.sub.clone())
    }
    let issuer = issuer().await;
    let client = serve(with(&offline_auth(&issuer)).mount("/", routes![trap])).await;

    client.get_with("/", &forged(&issuer)).await.is_ok("anonymous");
    client.get_with("/", &expired(&issuer)).await.is_ok("anonymous");
}

/// The other peculiarity that the documentation names: Rocket drops such values before any guard runs.
#[tokio::test]
async fn header_values_that_are_not_utf_8_count_as_absent() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", all())).await;
    let bearer = format!("Bearer {}", plain(&issuer)).into_bytes();

    client.send("/user", &[b"Bearer \xff\xfe"]).await.is_rejection(&auth, AuthError::MissingToken);
    client.send("/optional", &[b"Bearer \xff\xfe"]).await.is_ok("anonymous");
    client.send("/user", &[&bearer, b"Bearer \xff\xfe"]).await.is_ok("ada");
}

#[tokio::test]
async fn a_handler_may_take_the_rejection_itself() {
    #[get("/")]
    fn decide(claims: Result<RequireAuth<Admin>, AuthRejection>) -> Result<String, AuthRejection> {
        match claims {
            Ok(claims) => Ok(claims.sub.clone()),
            Err(rejection) if *rejection.error() == AuthError::TokenExpired => Ok("log in again".to_owned()),
            Err(rejection) if rejection.error().status() == 403 => Ok(rejection.challenges().collect()),
            Err(rejection) => Err(rejection),
        }
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", routes![decide])).await;

    client.get_with("/", &support::admin(&issuer)).await.is_ok("ada");
    let answer = client.get_with("/", &expired(&issuer)).await;
    answer.is_ok("log in again");
    answer.has_headers(&[("content-type", "text/plain; charset=utf-8")]);
    client.get_with("/", &plain(&issuer)).await.is_ok(
        "Bearer realm=\"default\", error=\"insufficient_scope\", error_description=\"The access token lacks the role admin\"",
    );
    client.get("/").await.is_rejection(&auth, AuthError::MissingToken);
}

#[tokio::test]
async fn several_guards_verify_once() {
    #[get("/")]
    fn several(user: RequireAuth, admin: RequireAuth<Admin>, optional: OptionalAuth) -> &'static str {
        assert_eq!((&user.sub, &user.sub), (&admin.sub, &optional.as_ref().unwrap().sub));
        "once"
    }
    let issuer = issuer().await;
    let verifications = Verifications::default();
    let auth = verifications.of(offline(&issuer));
    let client = serve(with(&auth).mount("/", routes![several])).await;

    client.get_with("/", &support::admin(&issuer)).await.is_ok("once");
    assert_eq!(verifications.take(), 1);
    client.get_with("/", &plain(&issuer)).await.is_rejection(&auth, AuthError::insufficient_role(["admin"]));
    assert_eq!(verifications.take(), 1);
}

/// A guard of the application's own that asks for two of ours at a time.
struct Joined(String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Joined {
    type Error = AuthRejection;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthRejection> {
        let (user, admin) = tokio::join!(request.guard::<RequireAuth>(), request.guard::<RequireAuth<Admin>>());
        user.and_then(|user| admin.map(|admin| Self(format!("{} {}", user.sub, admin.sub))))
    }
}

#[tokio::test]
async fn guards_verify_once_also_while_keys_are_fetched() {
    #[get("/joined")]
    fn joined(joined: Joined) -> String {
        joined.0
    }
    #[get("/several")]
    fn several(_maybe: Result<OptionalAuth, AuthRejection>, user: RequireAuth, _admin: RequireAuth<Admin>) -> String {
        user.sub.clone()
    }
    let issuer = issuer().await;
    let admin = support::admin(&issuer);
    for path in ["/joined", "/several"] {
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let auth = RampartAuth::builder(issuer.url(), issuer.audience()).on_event(move |event| {
            if matches!(event, Event::TokenRefused(_)) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let auth = auth.build().unwrap();
        let client = serve(with(&auth).mount("/", routes![joined, several])).await;
        let fetches = issuer.requests(Endpoint::Jwks);
        client.get_with(path, &forged(&issuer)).await.is_rejection(&auth, AuthError::InvalidToken);
        assert_eq!((issuer.requests(Endpoint::Jwks) - fetches, told.load(Ordering::SeqCst)), (1, 1), "{path}");
        client.get_with(path, &admin).await.is_ok(if path == "/joined" { "ada ada" } else { "ada" });
    }
}

/// A guard of the application's own that begins to ask, does not wait for the answer, and asks for something else.
struct Impatient(bool);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Impatient {
    type Error = AuthRejection;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, AuthRejection> {
        let mut first = request.guard::<RequireAuth<Admin>>();
        let waits = poll_fn(|context| Poll::Ready(first.as_mut().poll(context).is_pending())).await;
        let second = request.guard::<OptionalAuth>().await;
        drop(first);
        second.map(|_| Self(waits))
    }
}

#[tokio::test]
async fn a_guard_that_nobody_drives_holds_up_no_other() {
    #[get("/")]
    fn impatient(impatient: Impatient) -> String {
        impatient.0.to_string()
    }
    let issuer = issuer().await;
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let client = serve(with(&auth).mount("/", routes![impatient])).await;
    let token = plain(&issuer);
    let answer = tokio::time::timeout(Duration::from_secs(10), client.get_with("/", &token)).await;
    answer.expect("the first guard keeps the second waiting").is_ok("true");
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn the_auth_object_is_managed_state() {
    #[get("/health")]
    fn health(auth: &State<RampartAuth>) -> String {
        format!("{} keys", auth.health().keys)
    }
    let client = serve(with(&offline_auth(&issuer().await)).mount("/", routes![health])).await;
    client.get("/health").await.is_ok("1 keys");
}

#[tokio::test]
async fn a_head_request_is_refused_without_a_body() {
    let issuer = issuer().await;
    let client = serve(with(&offline_auth(&issuer)).mount("/", all())).await;

    let answer = client.request("HEAD", "/user", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"default\""));
    let bearer = format!("Authorization: Bearer {}", plain(&issuer)).into_bytes();
    assert_eq!(client.request("HEAD", "/user", &[bearer]).await.status, 200);
}

#[tokio::test]
async fn the_first_request_waits_for_the_keys() {
    let issuer = issuer().await;
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let client = serve(with(&auth).mount("/", all())).await;

    client.get("/user").await.is_rejection(&auth, AuthError::MissingToken);
    client.get_with("/user", "malformed").await.is_rejection(&auth, AuthError::InvalidToken);
    assert_eq!(issuer.requests(Endpoint::Jwks), 0);
    client.get_with("/user", &plain(&issuer)).await.is_ok("ada");
    client.get_with("/admin", &plain(&issuer)).await.is_rejection(&auth, AuthError::insufficient_role(["admin"]));
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn without_keys_a_token_is_neither_good_nor_bad() {
    let issuer = issuer().await;
    issuer.stop();
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    let client = serve(with(&auth).mount("/", all())).await;

    for path in ["/user", "/optional"] {
        let answer = client.get_with(path, &plain(&issuer)).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (503, None));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        assert!(answer.body.contains("temporarily_unavailable"));
    }
}

#[tokio::test]
async fn rejection_fits_any_error_and_goes_to_other_threads() {
    /// What `anyhow` asks of an error, and more than `spawn_blocking` asks.
    fn fits<E: std::error::Error + Send + Sync + 'static>() {}
    #[get("/block")]
    async fn blocking(user: Result<RequireAuth, AuthRejection>) -> Result<String, AuthRejection> {
        tokio::task::spawn_blocking(move || user.map(|user| user.sub.clone())).await.unwrap()
    }
    #[get("/boxed")]
    fn boxed(user: Result<RequireAuth, AuthRejection>) -> String {
        let refused = || -> Result<String, Box<dyn std::error::Error + Send + Sync>> { Ok(user?.sub.clone()) };
        refused().unwrap_err().downcast_ref::<AuthRejection>().unwrap().error().code().to_owned()
    }
    fits::<AuthRejection>();
    fits::<Refused>();
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", routes![blocking, boxed])).await;
    client.get("/block").await.is_rejection(&auth, AuthError::MissingToken);
    client.get("/boxed").await.is_ok("unauthorized");
}
