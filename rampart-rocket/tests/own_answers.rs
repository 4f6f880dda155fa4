//! The challenge belongs to the answer of the refusal itself: not to a 401 that a handler gives for a reason of its own, nor to
//! another route's after a forward.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use rampart_issuer::LocalIssuer;
use rampart_rocket::{AuthError, AuthRejection, OptionalAuth, RequireAuth, roles};
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::response::status::{Custom, Unauthorized};
use rocket::{Request, Route, catch, catchers, get, routes};
use support::{Client, bare, issuer, offline_auth, plain, serve, with};

roles!(Admin = "admin");

type Refused<T> = Result<T, AuthRejection>;

/// A complete answer of the handler.
#[get("/result")]
fn result(user: Refused<RequireAuth>) -> Unauthorized<&'static str> {
    assert!(user.is_err());
    Unauthorized("wrong password")
}

/// The trap of Rocket; its answer is no refusal of the guard either.
#[get("/option")]
fn option(user: Option<RequireAuth>) -> Unauthorized<&'static str> {
    assert!(user.is_none());
    Unauthorized("wrong password")
}

#[get("/outcome")]
fn outcome(user: Outcome<RequireAuth, AuthRejection>) -> Unauthorized<&'static str> {
    assert!(user.is_error());
    Unauthorized("wrong password")
}

#[get("/nested")]
fn nested(user: Option<Refused<RequireAuth>>) -> Unauthorized<&'static str> {
    assert!(user.unwrap().is_err());
    Unauthorized("wrong password")
}

#[get("/role")]
fn role(user: Refused<RequireAuth<Admin>>) -> Custom<&'static str> {
    assert_eq!(user.unwrap_err().error().status(), 403);
    Custom(Status::Forbidden, "wrong password")
}

#[get("/optional")]
fn optional(user: Refused<OptionalAuth>) -> Unauthorized<&'static str> {
    assert_eq!(*user.unwrap_err().error(), AuthError::InvalidToken);
    Unauthorized("wrong password")
}

/// A bare status: Rocket's answer to it, or that of a catcher of the application.
#[get("/status")]
fn status(user: Refused<RequireAuth>) -> Status {
    assert!(user.is_err());
    Status::Unauthorized
}

/// A guard of the application's own that lets everybody pass, and says so by what it asks for.
struct Lenient;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Lenient {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let user = request.guard::<Refused<RequireAuth>>().await;
        assert!(user.succeeded().unwrap().is_err());
        Outcome::Success(Self)
    }
}

#[get("/lenient")]
fn lenient(_user: Lenient) -> Status {
    Status::Unauthorized
}

/// One that asks again, for less.
struct Lesser;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Lesser {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        assert!(request.guard::<RequireAuth<Admin>>().await.is_error());
        assert!(request.guard::<OptionalAuth>().await.is_success());
        Outcome::Success(Self)
    }
}

#[get("/lesser")]
fn lesser(_user: Lesser) -> Status {
    Status::Forbidden
}

/// One that hands the refusal on.
struct Own;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Own {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.guard::<RequireAuth>().await {
            Outcome::Success(_) => Outcome::Success(Self),
            Outcome::Error((status, _)) => Outcome::Error((status, ())),
            Outcome::Forward(status) => Outcome::Forward(status),
        }
    }
}

#[get("/own")]
fn own(_user: Own) {}

/// After a refusal that was left to the handler, the next guard is refused by itself.
#[get("/both")]
fn both(_maybe: Refused<RequireAuth<Admin>>, _user: RequireAuth) {}

/// Sends the request on to the next route.
struct Never;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Never {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        // Whatever that says: the next route has nothing to do with it.
        let _ = request.guard::<RequireAuth>().await;
        Outcome::Forward(Status::NotFound)
    }
}

#[get("/forwarded/<_>")]
fn forwards(_user: Refused<RequireAuth>, _never: Never) {}

#[get("/forwarded/answer", rank = 2)]
fn forwarded_answer() -> Unauthorized<&'static str> {
    Unauthorized("wrong password")
}

#[get("/forwarded/status", rank = 2)]
fn forwarded_status() -> Status {
    Status::Unauthorized
}

#[get("/forwarded/guard", rank = 2)]
fn forwarded_guard(_user: RequireAuth) {}

/// Lets other routes try where nobody is signed in, and asks anew in each of them.
struct Elsewhere;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Elsewhere {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.guard::<RequireAuth>().await {
            Outcome::Success(_) => Outcome::Success(Self),
            Outcome::Error((status, _)) | Outcome::Forward(status) => Outcome::Forward(status),
        }
    }
}

#[get("/elsewhere")]
fn elsewhere(_user: Elsewhere) {}

#[get("/<_>", rank = 20)]
fn elsewhere_first(_user: Elsewhere) {}

#[get("/<_..>", rank = 21)]
fn elsewhere_last(_user: Elsewhere) {}

#[get("/plain-status")]
fn plain_status() -> Status {
    Status::Unauthorized
}

fn all() -> Vec<Route> {
    let forwarded = routes![forwards, forwarded_answer, forwarded_status, forwarded_guard];
    [routes![result, option, outcome, nested, role, optional, status, lenient, lesser, own, both], forwarded].concat()
}

async fn application(issuer: &LocalIssuer) -> Client {
    serve(with(&offline_auth(issuer)).mount("/", all())).await
}

const TEXT: [(&str, &str); 1] = [("content-type", "text/plain; charset=utf-8")];

#[tokio::test]
async fn answer_of_a_handler_that_went_on_is_its_own() {
    let issuer = issuer().await;
    let client = application(&issuer).await;
    for path in ["/result", "/option", "/outcome", "/nested"] {
        for token in [None, Some("forged")] {
            let answer = match token {
                None => client.get(path).await,
                Some(token) => client.get_with(path, token).await,
            };
            assert_eq!((answer.status, &*answer.body), (401, "wrong password"), "{path}");
            answer.has_headers(&TEXT);
        }
    }
    let answer = client.get_with("/role", &plain(&issuer)).await;
    assert_eq!((answer.status, &*answer.body), (403, "wrong password"));
    answer.has_headers(&TEXT);
    let answer = client.get_with("/optional", "forged").await;
    assert_eq!((answer.status, &*answer.body), (401, "wrong password"));
    answer.has_headers(&TEXT);
}

#[tokio::test]
async fn status_of_a_handler_that_went_on_is_answered_by_rocket() {
    let issuer = issuer().await;
    let client = application(&issuer).await;
    let rocket = serve(bare().mount("/", routes![plain_status])).await.get("/plain-status").await;
    assert_eq!(rocket.header("www-authenticate"), None);
    for path in ["/status", "/lenient", "/forwarded/status"] {
        assert_eq!(client.get(path).await, rocket, "{path}");
    }
    let answer = client.get_with("/lesser", &plain(&issuer)).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (403, None));
}

#[tokio::test]
async fn answer_of_another_route_after_a_forward_is_its_own() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = application(&issuer).await;
    let answer = client.get("/forwarded/answer").await;
    assert_eq!((answer.status, &*answer.body), (401, "wrong password"));
    answer.has_headers(&TEXT);
    assert_eq!(client.get("/forwarded/nowhere").await.header("www-authenticate"), None);
    // A refusal of that route is one as any other.
    client.get("/forwarded/guard").await.is_rejection(&auth, AuthError::MissingToken);
}

#[tokio::test]
async fn refusal_that_ends_the_request_is_answered_as_ever() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = application(&issuer).await;
    for path in ["/own", "/both"] {
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
        client.get_with(path, "forged").await.is_rejection(&auth, AuthError::InvalidToken);
        assert_eq!(client.get_with(path, &plain(&issuer)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn refusal_that_is_forwarded_from_route_to_route_is_answered_as_ever() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let client = serve(with(&auth).mount("/", routes![elsewhere, elsewhere_first, elsewhere_last])).await;
    for path in ["/elsewhere", "/first", "/the/last"] {
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
        client.get_with(path, "forged").await.is_rejection(&auth, AuthError::InvalidToken);
        assert_eq!(client.get_with(path, &plain(&issuer)).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn catchers_of_the_application_get_the_challenge_for_refusals_alone() {
    #[catch(401)]
    fn unauthorized() -> &'static str {
        "log in"
    }
    let issuer = issuer().await;
    let client = serve(with(&offline_auth(&issuer)).mount("/", all()).register("/", catchers![unauthorized])).await;
    let challenge = [
        ("cache-control", "no-store"),
        ("content-type", "text/plain; charset=utf-8"),
        ("www-authenticate", "Bearer realm=\"default\""),
    ];
    for (path, headers) in [
        ("/own", challenge.as_slice()),
        ("/both", &challenge),
        ("/forwarded/guard", &challenge),
        ("/status", &TEXT),
        ("/lenient", &TEXT),
        ("/forwarded/status", &TEXT),
    ] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, &*answer.body), (401, "log in"), "{path}");
        answer.has_headers(headers);
    }
}
