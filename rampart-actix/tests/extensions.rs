//! Who is signed in, in the extensions of the request: put there by guards and middleware alike, for middleware further out,
//! such as an access log, and for handlers. Over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpMessage, HttpRequest, web};
use rampart_actix::{AuthRejection, Claims, OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, roles};
use rampart_issuer::LocalIssuer;
use support::{Client, issuer, offline_auth};

roles!(Admin = "admin");

/// An access log: it says in a header whom it has seen.
async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let user = response.request().extensions().get::<Arc<Claims>>().map_or("-".to_owned(), |claims| claims.sub.clone());
    let user = HeaderValue::from_str(&user)?;
    response.headers_mut().insert(HeaderName::from_static("x-user"), user);
    Ok(response)
}

async fn hello(_: RequireAuth) -> &'static str {
    "hello"
}

async fn admin(_: RequireAuth<Admin>) -> &'static str {
    "hello"
}

async fn optional(_: OptionalAuth) -> &'static str {
    "hello"
}

/// Lets everybody pass, whatever the guard says.
async fn lenient(_: Result<RequireAuth<Admin>, AuthRejection>) -> &'static str {
    "hello"
}

async fn open() -> &'static str {
    "hello"
}

#[actix_web::test]
async fn access_log_sees_whom_a_guard_has_admitted() {
    let issuer = issuer().await;
    let fetched = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    for auth in [web::Data::new(fetched), web::Data::new(offline_auth(&issuer))] {
        let client = serve!(
            App::new()
                .app_data(auth.clone())
                .route("/required", web::get().to(hello))
                .route("/optional", web::get().to(optional))
                .route("/admin", web::get().to(admin))
                .route("/open", web::get().to(open))
                .service(web::resource("/layer").wrap(auth.require_auth()).to(open))
                .service(web::resource("/admin-layer").wrap(auth.require_roles(["admin"])).to(open))
                .wrap(from_fn(log))
        );
        let token = issuer.token().sub("ada").sign().unwrap();
        let cases = [
            ("/required", Some(&*token), 200, "ada"),
            ("/optional", Some(&token), 200, "ada"),
            ("/layer", Some(&token), 200, "ada"),
            ("/optional", None, 200, "-"),
            ("/required", None, 401, "-"),
            ("/required", Some("forged"), 401, "-"),
            // Neither has let him pass.
            ("/admin", Some(&token), 403, "-"),
            ("/admin-layer", Some(&token), 403, "-"),
            // Nobody has asked.
            ("/open", Some(&token), 200, "-"),
        ];
        for (path, token, status, user) in cases {
            let authorization = token.map(|token| format!("Bearer {token}").into_bytes());
            let values: Vec<_> = authorization.iter().map(Vec::as_slice).collect();
            let answer = client.send(path, &values).await;
            assert_eq!((answer.status, answer.header("x-user")), (status, Some(user)), "{path} {token:?}");
        }
    }
}

#[actix_web::test]
async fn guard_of_a_handler_puts_the_same_claims_there() {
    async fn handler(user: RequireAuth<Admin>, optional: OptionalAuth, request: HttpRequest) -> &'static str {
        let claims = request.extensions().get::<Arc<Claims>>().cloned().unwrap();
        let guards = [user.into_claims(), optional.into_claims().unwrap()];
        assert!(guards.iter().all(|guard| Arc::ptr_eq(guard, &claims)), "a pointer, not a copy");
        "same"
    }
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(App::new().app_data(auth.clone()).service(web::resource("/").to(handler)));
    client.get_with("/", &issuer.token().roles(["admin"]).sign().unwrap()).await.is_ok("same");
}

/// Outer middleware that admits the token, something that changes it on the way, and inside of that middleware or a guard of
/// another auth object.
fn nested(issuer: &LocalIssuer, swapped_for: Option<&str>) -> Client {
    let (outer, inner) = (offline_auth(issuer), web::Data::new(offline_auth(issuer)));
    let swapped_for = swapped_for.map(|token| HeaderValue::from_str(token).unwrap());
    serve!({
        let swapped_for = swapped_for.clone();
        let swap = move |mut request: ServiceRequest, next: Next<_>| {
            request.headers_mut().remove(AUTHORIZATION);
            if let Some(token) = &swapped_for {
                request.headers_mut().insert(AUTHORIZATION, token.clone());
            }
            next.call(request)
        };
        App::new()
            .app_data(inner.clone())
            .service(web::resource("/untouched").to(open))
            .service(web::resource("/layer").wrap(inner.optional_auth()).to(open))
            .service(web::resource("/required-layer").wrap(inner.require_auth()).to(open))
            .service(web::resource("/required").to(hello))
            .service(web::resource("/guard").to(optional))
            .service(web::resource("/lenient").to(lenient))
            .wrap(from_fn(swap))
            .wrap(outer.require_auth())
            .wrap(from_fn(log))
    })
}

#[actix_web::test]
async fn whoever_finds_nobody_takes_the_claims_of_outer_middleware_away() {
    let issuer = issuer().await;
    let root = issuer.token().sub("root").roles(["admin"]).sign().unwrap();
    for swapped_for in [None, Some("Bearer forged")] {
        let client = nested(&issuer, swapped_for);
        let user = async |path| client.get_with(path, &root).await.header("x-user").unwrap().to_owned();
        assert_eq!(user("/untouched").await, "root", "control: the outer one put them there");
        for path in ["/layer", "/required-layer", "/guard", "/required", "/lenient"] {
            assert_eq!(user(path).await, "-", "{path} {swapped_for:?}");
        }
    }
}

#[actix_web::test]
async fn whoever_finds_somebody_else_puts_him_there() {
    let issuer = issuer().await;
    let ada = format!("Bearer {}", issuer.token().sub("ada").roles(["admin"]).sign().unwrap());
    let client = nested(&issuer, Some(&ada));
    let root = issuer.token().sub("root").sign().unwrap();
    for path in ["/layer", "/required-layer", "/guard", "/required", "/lenient"] {
        let answer = client.get_with(path, &root).await;
        assert_eq!((answer.status, answer.header("x-user")), (200, Some("ada")), "{path}");
    }
}

#[actix_web::test]
async fn who_lacks_a_right_stays_whom_outer_middleware_has_found() {
    let issuer = issuer().await;
    let auth = web::Data::new(offline_auth(&issuer));
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .service(web::resource("/lenient").to(lenient))
            .service(web::resource("/admin").to(admin))
            .wrap(auth.optional_auth())
            .wrap(from_fn(log))
    );
    let root = issuer.token().sub("root").sign().unwrap();
    for (path, status) in [("/lenient", 200), ("/admin", 403)] {
        let answer = client.get_with(path, &root).await;
        assert_eq!((answer.status, answer.header("x-user")), (status, Some("root")), "{path}");
    }
}

#[actix_web::test]
async fn who_lacks_a_right_is_not_taken_for_whoever_came_with_another_token() {
    let issuer = issuer().await;
    let root = issuer.token().sub("root").roles(["admin"]).sign().unwrap();
    for sub in ["eve", "root"] {
        let client = nested(&issuer, Some(&format!("Bearer {}", issuer.token().sub(sub).sign().unwrap())));
        let answer = client.get_with("/lenient", &root).await;
        assert_eq!((answer.status, answer.header("x-user")), (200, Some("-")), "{sub}");
    }
}
