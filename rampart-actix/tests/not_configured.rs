//! Set-ups that cannot work: no auth object, or two of them, or an error handler whose answer cannot be kept. Nobody passes, and
//! the log says what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::error::InternalError;
use actix_web::{App, HttpRequest, HttpResponse, web};
use rampart_actix::{AuthError, AuthRejection, OptionalAuth, RampartConfig, RequireAuth};
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

/// A body that comes as a stream could be given once only: the usual answer, rather than half of one.
#[actix_web::test]
async fn custom_answer_that_streams_gives_the_usual_one_and_the_log_says_so() {
    struct Endless;
    impl MessageBody for Endless {
        type Error = Infallible;

        fn size(&self) -> BodySize {
            BodySize::Stream
        }

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
            Poll::Ready(Some(Ok(web::Bytes::from_static(b"and so on "))))
        }
    }
    LazyLock::force(&LOGGING);
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let handler = |rejection: AuthRejection, _: &HttpRequest| {
        let answer = HttpResponse::Ok().message_body(Endless).unwrap().map_into_boxed_body();
        InternalError::from_response(rejection, answer).into()
    };
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .app_data(RampartConfig::default().error_handler(handler))
            .route("/", web::get().to(required))
    );
    client.get("/").await.is_rejection(&auth, AuthError::MissingToken);
    is_logged("an error handler has answered with a stream");
}
