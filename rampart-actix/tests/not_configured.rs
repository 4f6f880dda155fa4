//! Applications that have no auth object, or two of them: nobody passes, and the log says what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::io;
use std::sync::{LazyLock, Mutex};

use actix_web::{App, web};
use rampart_actix::{OptionalAuth, RequireAuth};
use support::{Answer, issuer, offline_auth};

/// What the log says, of all tests in this file.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static LOGGING: LazyLock<()> = LazyLock::new(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[track_caller]
fn is_logged(text: &str) {
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    assert!(log.lines().any(|line| line.contains("ERROR rampart: ") && line.contains(text)), "{log}");
}

#[track_caller]
fn is_not_configured(answer: &Answer) {
    assert_eq!(answer.status, 500);
    let headers = [("cache-control", "no-store"), ("content-type", "application/json")];
    assert_eq!(answer.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(
        answer.body,
        r#"{"error":"server_error","error_description":"Authentication is not configured on this server","status":500}"#
    );
}

async fn required(claims: RequireAuth) -> String {
    claims.sub.clone()
}

async fn optional(claims: OptionalAuth) -> String {
    claims.is_some().to_string()
}

fn routes(config: &mut web::ServiceConfig) {
    config.route("/required", web::get().to(required)).route("/optional", web::get().to(optional));
}

#[actix_web::test]
async fn without_an_auth_object_nobody_passes() {
    LazyLock::force(&LOGGING);
    let issuer = issuer().await;
    let client = serve!(App::new().configure(routes));
    let token = issuer.token().sub("ada").sign().unwrap();

    for path in ["/required", "/optional"] {
        is_not_configured(&client.get(path).await);
        is_not_configured(&client.get_with(path, &token).await);
    }
    is_logged("add `.app_data(web::Data::new(auth))`");
}

/// One is nearer to the route than the other, but nothing tells which: the weaker one must not win.
#[actix_web::test]
async fn with_two_auth_objects_in_different_clothes_nobody_passes() {
    LazyLock::force(&LOGGING);
    let issuer = issuer().await;
    let (one, other) = (offline_auth(&issuer), offline_auth(&issuer));
    let data = web::Data::new(one.clone());
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .service(web::scope("/other").app_data(other.clone()).configure(routes))
            .service(web::scope("/same").app_data(one.clone()).configure(routes))
    );
    let token = issuer.token().sub("ada").sign().unwrap();

    is_not_configured(&client.get_with("/other/required", &token).await);
    is_not_configured(&client.get("/other/optional").await);
    client.get_with("/same/required", &token).await.is_ok("ada");
    is_logged("two RampartAuth");
}
