//! Who is signed in, kept with the request for fairings and catchers, such as an access log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]
#![allow(clippy::needless_pass_by_value, reason = "a guard is a parameter")]

mod support;

use rampart_rocket::{AuthRejection, OptionalAuth, Rampart, RampartAuth, RampartAuthExt, RequireAuth, roles};
use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::{Build, Request, Rocket, get, routes};
use support::{Client, bare, issuer, offline_auth, plain, serve, with};

roles!(Admin = "admin");

#[get("/required")]
fn required(_user: RequireAuth) -> &'static str {
    "hello"
}

#[get("/admin")]
fn admin(_user: RequireAuth<Admin>) -> &'static str {
    "hello"
}

#[get("/optional")]
fn optional(_user: OptionalAuth) -> &'static str {
    "hello"
}

/// Lets everybody pass, whatever the guard says.
#[get("/lenient")]
fn lenient(_user: Result<RequireAuth<Admin>, AuthRejection>) -> &'static str {
    "hello"
}

#[get("/both")]
fn both(_user: RequireAuth, _admin: Result<RequireAuth<Admin>, AuthRejection>) -> &'static str {
    "hello"
}

#[get("/open")]
fn open() -> &'static str {
    "hello"
}

/// A guard of the application's own that sends the request on to the next route.
struct Never;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Never {
    type Error = ();

    async fn from_request(_: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Forward(Status::NotFound)
    }
}

#[get("/forwarded")]
fn forwarding(_user: RequireAuth, _never: Never) -> &'static str {
    "first"
}

#[get("/forwarded", rank = 2)]
fn forwarded() -> &'static str {
    "second"
}

/// With an access log: it says in a header whom it has seen.
fn logged(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket.attach(AdHoc::on_response("Access log", |request, response| {
        Box::pin(async move {
            let user = Rampart::claims(request).map_or("-".to_owned(), |claims| claims.sub.clone());
            response.set_raw_header("x-user", user);
        })
    }))
}

fn application(auth: &RampartAuth) -> Rocket<Build> {
    logged(with(auth)).mount("/", routes![required, admin, optional, lenient, both, open, forwarding, forwarded])
}

async fn sees(client: Client, path: &str, token: Option<&str>, status: u16, user: &str) {
    let authorization = token.map(|token| format!("Bearer {token}").into_bytes());
    let values: Vec<_> = authorization.iter().map(Vec::as_slice).collect();
    let answer = client.send(path, &values).await;
    assert_eq!((answer.status, answer.header("x-user")), (status, Some(user)), "{path} {token:?}");
}

#[tokio::test]
async fn access_log_sees_whom_a_guard_has_admitted() {
    let issuer = issuer().await;
    let token = plain(&issuer);
    let fetched = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    for auth in [fetched, offline_auth(&issuer)] {
        let client = serve(application(&auth)).await;
        for (path, status) in [("/required", 200), ("/optional", 200), ("/forwarded", 200), ("/nowhere", 404)] {
            sees(client, path, Some(&token), status, if status == 200 { "ada" } else { "-" }).await;
        }
        sees(client, "/optional", None, 200, "-").await;
        sees(client, "/required", None, 401, "-").await;
        sees(client, "/required", Some("forged"), 401, "-").await;
        // The guard has not let him pass; where another one has, that stays true.
        sees(client, "/admin", Some(&token), 403, "-").await;
        sees(client, "/lenient", Some(&token), 200, "-").await;
        sees(client, "/both", Some(&token), 200, "ada").await;
        // Nobody has asked.
        sees(client, "/open", Some(&token), 200, "-").await;
    }
}

#[tokio::test]
async fn access_log_sees_whom_a_group_has_admitted() {
    let (issuer, others) = (issuer().await, issuer().await);
    let token = plain(&issuer);
    let (auth, other) = (offline_auth(&issuer), offline_auth(&others));
    for rocket in [with(&auth), bare()] {
        let both = auth.require_auth().routes(other.require_auth().routes(routes![open]));
        let rocket = logged(rocket)
            .mount("/required", auth.require_auth().routes(routes![open]))
            .mount("/optional", auth.optional_auth().routes(routes![open]))
            .mount("/admin", auth.require_roles(["admin"]).routes(routes![open]))
            .mount("/both", both);
        let client = serve(rocket).await;
        sees(client, "/required/open", Some(&token), 200, "ada").await;
        sees(client, "/required/open", None, 401, "-").await;
        sees(client, "/required/open", Some("forged"), 401, "-").await;
        sees(client, "/optional/open", Some(&token), 200, "ada").await;
        sees(client, "/optional/open", None, 200, "-").await;
        sees(client, "/admin/open", Some(&token), 403, "-").await;
        // The second does not know him: whom the first has found is not the user of this request.
        sees(client, "/both/open", Some(&token), 401, "-").await;
    }
    // The group has found somebody; by the guard, of another issuer, nobody is signed in.
    let rocket = logged(with(&other)).mount("/", auth.require_auth().routes(routes![lenient]));
    sees(serve(rocket).await, "/lenient", Some(&token), 200, "-").await;
}
