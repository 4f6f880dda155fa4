//! A request is verified once, however many layers, guards and handlers ask.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use rampart_axum::{
    AuthRejection, Claims, Event, OptionalAuth, Policy, RampartAuth, RampartAuthExt, RequireAuth, roles,
};
use rampart_issuer::{Algorithm, Endpoint};
use support::{ask, bearer, issuer};

roles!(Admin = "admin");

async fn middleware(_: OptionalAuth, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// A verification makes claims of its own, where no cache of tokens gives out those of another one.
#[tokio::test]
async fn layers_guards_and_handlers_have_the_claims_of_one_verification() {
    async fn handler(
        Extension(by_layer): Extension<Arc<Claims>>,
        first: RequireAuth<Admin>,
        option: Option<RequireAuth>,
        optional: OptionalAuth,
        last: Result<RequireAuth, AuthRejection>,
    ) -> Result<String, AuthRejection> {
        let by_handler = Arc::clone(optional.require(&Policy::roles(["admin"]))?);
        let guards = [first.into_claims(), option.unwrap().into_claims(), last?.into_claims(), by_handler];
        assert!(guards.iter().all(|claims| Arc::ptr_eq(claims, &by_layer)));
        Ok("one".into())
    }
    async fn guards_alone(first: RequireAuth<Admin>, second: OptionalAuth, third: RequireAuth) -> &'static str {
        let first = first.into_claims();
        assert!(Arc::ptr_eq(&first, &second.into_claims().unwrap()) && Arc::ptr_eq(&first, &third.into_claims()));
        "one"
    }
    let issuer = issuer().await;
    let new = || RampartAuth::builder(issuer.url(), issuer.audience()).token_cache_bytes(0).build().unwrap();
    let admin = bearer(&issuer.token().roles(["admin"]));
    let auth = new();
    let layered = Router::new()
        .route("/", get(handler).layer(from_fn_with_state(auth.clone(), middleware)))
        .layer(auth.require_roles(["admin"]))
        .layer(auth.optional_auth())
        .with_state(auth);
    let bare = Router::new().route("/", get(guards_alone)).with_state(new());
    for (fetches, app) in [(1, layered), (2, bare)] {
        for _ in ["waits for the keys", "finds them there"] {
            let answer = ask(&app, "/", Some(&admin)).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, "one"));
            assert_eq!(issuer.requests(Endpoint::Jwks), fetches);
        }
    }
}

#[tokio::test]
async fn bad_token_is_found_out_once() {
    type Guard = Result<RequireAuth, AuthRejection>;
    async fn handler(first: Guard, second: Guard, third: Result<OptionalAuth, AuthRejection>) -> String {
        [first.map(drop), second.map(drop), third.map(drop)].map(|guard| guard.unwrap_err().error().code()).join(" ")
    }
    let issuer = issuer().await;
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let auth = RampartAuth::builder(issuer.url(), issuer.audience())
        .on_event(move |event| {
            if let Event::TokenRefused(_) = event {
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    let app = Router::new().route("/", get(handler)).with_state(auth);
    let stranger = issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    let forged = bearer(&issuer.token().key(&stranger));
    for requests in 1..=2 {
        assert_eq!(ask(&app, "/", Some(&forged)).await.body, "invalid_token invalid_token invalid_token");
        assert_eq!(told.load(Ordering::Relaxed), requests, "once a request");
    }
}
