//! What is particular to axum; what all adapters have in common is held by the conformance suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRef;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Request, Response, StatusCode};
use axum::middleware::map_response;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use axum_extra::extract::WithRejection;
use http_body_util::{BodyExt, Empty, Full};
use rampart_axum::{
    AuthError, AuthRejection, Claims, OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, Requirement, roles,
    scopes,
};
use rampart_issuer::{Algorithm, Endpoint};
use support::{ask, auth, bearer, issuer};
use tower::{Layer, Service, ServiceExt, service_fn};

roles!(Admin = "admin");
scopes!(Write = "tasks:write");

#[derive(Clone, FromRef)]
struct State {
    auth: RampartAuth,
    greeting: &'static str,
}

#[tokio::test]
async fn auth_object_comes_from_a_state_that_holds_it() {
    async fn hello(user: RequireAuth, axum::extract::State(greeting): axum::extract::State<&'static str>) -> String {
        format!("{greeting} {}", user.sub)
    }
    let issuer = issuer().await;
    let state = State { auth: auth(&issuer), greeting: "Hello" };
    let app = Router::new().route("/", get(hello)).with_state(state);
    let answer = ask(&app, "/", Some(&bearer(&issuer.token().sub("ada")))).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "Hello ada"));
    let answer = ask(&app, "/", None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header(WWW_AUTHENTICATE), "Bearer realm=\"default\"");
    assert_eq!(answer.header(CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn option_of_the_guard_is_none_only_without_a_token() {
    async fn plain(user: Option<RequireAuth>) -> String {
        user.map_or("anonymous".into(), |user| user.sub.clone())
    }
    async fn admin(user: Option<RequireAuth<Admin>>) -> String {
        user.map_or("anonymous".into(), |user| user.sub.clone())
    }
    let issuer = issuer().await;
    let app = Router::new().route("/", get(plain)).route("/admin", get(admin)).with_state(auth(&issuer));
    assert_eq!(ask(&app, "/", None).await.body, "anonymous");
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token().sub("ada")))).await.body, "ada");
    let stranger = issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    for bad in [bearer(&issuer.token().key(&stranger)), bearer(&issuer.token().at(1_000_000)), "Bearer x".into()] {
        assert_eq!(ask(&app, "/", Some(&bad)).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ask(&app, "/admin", Some(&bearer(&issuer.token()))).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn layers_guard_routes_and_leave_unknown_paths_alone() {
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let name = |Extension(claims): Extension<Arc<Claims>>| async move { claims.sub.clone() };
    let maybe = |claims: Option<Extension<Arc<Claims>>>| async move {
        claims.map_or("anonymous".into(), |claims| claims.sub.clone())
    };
    // No state at all: the claims come through the extensions.
    let app: Router = Router::new()
        .route("/any", get(name).route_layer(auth.require_auth()))
        .route("/role", get(name).route_layer(auth.require_roles(["admin"])))
        .route("/scope", get(name).route_layer(auth.require_scopes(["tasks:write"])))
        .route("/nobody", get(name).route_layer(auth.require_roles(Vec::<String>::new())))
        .route("/optional", get(maybe).route_layer(auth.optional_auth()));
    let user = bearer(&issuer.token().sub("ada"));
    let admin = bearer(&issuer.token().sub("root").roles(["admin"]).scope("tasks:write"));
    let status = |path: &'static str, who: Option<String>| {
        let app = app.clone();
        async move { ask(&app, path, who.as_deref()).await.status.as_u16() }
    };
    for (path, anonymous, plain, full) in [
        ("/any", 401, 200, 200),
        ("/role", 401, 403, 200),
        ("/scope", 401, 403, 200),
        ("/nobody", 401, 403, 403),
        ("/optional", 200, 200, 200),
        ("/nowhere", 404, 404, 404),
    ] {
        assert_eq!(status(path, None).await, anonymous, "{path} without a token");
        assert_eq!(status(path, Some(user.clone())).await, plain, "{path} as a user");
        assert_eq!(status(path, Some(admin.clone())).await, full, "{path} as an admin");
    }
    assert_eq!(status("/optional", Some("Bearer forged".into())).await, 401);
    assert_eq!(ask(&app, "/any", Some(&user)).await.body, "ada");
}

#[tokio::test]
async fn a_weaker_layer_never_satisfies_a_stricter_guard() {
    let issuer = issuer().await;
    let strict = RampartAuth::builder(issuer.url(), "another-api").build().unwrap();
    let weak = auth(&issuer);
    let app = Router::new()
        .route("/", get(|user: RequireAuth| async move { user.sub.clone() }))
        .route_layer(weak.require_auth())
        .with_state(strict.clone());
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token()))).await.status, StatusCode::UNAUTHORIZED);
    let both = issuer.token().audience(vec!["another-api", issuer.audience()]);
    assert_eq!(ask(&app, "/", Some(&bearer(&both))).await.status, StatusCode::OK);
    // An anonymous request that an optional layer let through is not one with a token.
    let app = Router::new()
        .route("/", get(|user: RequireAuth| async move { user.sub.clone() }))
        .route_layer(strict.optional_auth())
        .with_state(strict);
    assert_eq!(ask(&app, "/", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn custom_answers_by_result_by_with_rejection_and_by_map_response() {
    struct Ours(AuthError);
    impl From<AuthRejection> for Ours {
        fn from(rejection: AuthRejection) -> Self {
            Self(rejection.error().clone())
        }
    }
    impl IntoResponse for Ours {
        fn into_response(self) -> axum::response::Response {
            (StatusCode::IM_A_TEAPOT, self.0.code()).into_response()
        }
    }
    async fn by_result(user: Result<RequireAuth, AuthRejection>) -> String {
        match user {
            Ok(user) => user.sub.clone(),
            Err(rejection) => format!("{} / {}", rejection.error().code(), rejection.challenges().collect::<String>()),
        }
    }
    async fn by_type(WithRejection(user, _): WithRejection<RequireAuth, Ours>) -> String {
        user.sub.clone()
    }
    async fn everywhere(response: axum::response::Response) -> axum::response::Response {
        match response.extensions().get::<AuthRejection>() {
            Some(rejection) => (response.status(), format!("ours: {}", rejection.error().code())).into_response(),
            None => response,
        }
    }
    let issuer = issuer().await;
    let auth = auth(&issuer);
    // That a token has expired is told by its signed exp alone: it takes keys.
    auth.warm_up().await.unwrap();
    let expired = bearer(&issuer.token().at(1_700_000_000));
    let app = Router::new().route("/result", get(by_result)).route("/type", get(by_type)).with_state(auth.clone());
    assert!(
        ask(&app, "/result", Some(&expired)).await.body.starts_with("token_expired / Bearer realm=\"default\", error=")
    );
    let answer = ask(&app, "/type", Some(&expired)).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::IM_A_TEAPOT, "token_expired"));

    let app = Router::new()
        .route("/extractor", get(|user: RequireAuth<Admin>| async move { user.sub.clone() }))
        .route("/layer", get(|| async { "in" }).route_layer(auth.require_auth()))
        .layer(map_response(everywhere))
        .with_state(auth);
    assert_eq!(ask(&app, "/extractor", Some(&expired)).await.body, "ours: token_expired");
    assert_eq!(ask(&app, "/extractor", Some(&bearer(&issuer.token()))).await.body, "ours: insufficient_role");
    assert_eq!(ask(&app, "/layer", None).await.body, "ours: unauthorized");
}

#[tokio::test]
async fn requirements_combine_in_the_guard() {
    async fn both(user: RequireAuth<(Admin, Write)>) -> String {
        user.into_claims().sub.clone()
    }
    async fn optional(user: OptionalAuth<Admin>) -> String {
        user.into_claims().map_or("anonymous".into(), |claims| claims.sub.clone())
    }
    let issuer = issuer().await;
    let app = Router::new().route("/both", get(both)).route("/optional", get(optional)).with_state(auth(&issuer));
    let admin = issuer.token().sub("root").roles(["admin"]);
    let answer = ask(&app, "/both", Some(&bearer(&admin))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.header(WWW_AUTHENTICATE).ends_with("scope=\"tasks:write\""));
    assert_eq!(ask(&app, "/both", Some(&bearer(&admin.clone().scope("tasks:write")))).await.body, "root");
    assert_eq!(ask(&app, "/optional", None).await.body, "anonymous");
    assert_eq!(ask(&app, "/optional", Some(&bearer(&issuer.token()))).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn layer_works_for_any_service_and_body_and_waits_for_keys() {
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let inner = service_fn(|request: Request<Empty<bytes::Bytes>>| async move {
        let sub = request.extensions().get::<Arc<Claims>>().map_or("nobody".into(), |claims| claims.sub.clone());
        Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::from(sub)))
    });
    let service = auth.require_auth().layer(inner);
    let request =
        |authorization: &str| Request::builder().header(AUTHORIZATION, authorization).body(Empty::new()).unwrap();
    let token = bearer(&issuer.token().sub("ada"));
    // Cold: waits for the keys; warm: ready at once. The first request to come fetches, and only that one.
    for _ in 0..2 {
        let response = service.clone().oneshot(request(&token)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ada");
    }
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
    let mut service = service;
    let response = service.ready().await.unwrap().call(request("Bearer forged")).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_keys_the_answer_is_503_with_retry_after() {
    let issuer = issuer().await;
    let token = bearer(&issuer.token());
    issuer.stop();
    let app = Router::new().route("/", get(|_: RequireAuth| async {})).with_state(auth(&issuer));
    let answer = ask(&app, "/", Some(&token)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.header(RETRY_AFTER).parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.header(WWW_AUTHENTICATE), "");
}

#[tokio::test]
async fn hand_written_requirement_decides() {
    enum Acme {}
    impl Requirement for Acme {
        fn check(claims: &Claims) -> Result<(), AuthError> {
            if claims.org_id.as_deref() == Some("acme") {
                Ok(())
            } else {
                Err(AuthError::insufficient_role(["acme \"x\""]))
            }
        }
    }
    let issuer = issuer().await;
    let app = Router::new().route("/", get(|_: RequireAuth<Acme>| async {})).with_state(auth(&issuer));
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token().org_id("acme")))).await.status, StatusCode::OK);
    let answer = ask(&app, "/", Some(&bearer(&issuer.token()))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // A name that cannot stand in a header stands in the body alone.
    assert_eq!(
        answer.header(WWW_AUTHENTICATE),
        r#"Bearer realm="default", error="insufficient_scope", error_description="The access token lacks a required role""#
    );
    assert_eq!(
        answer.body,
        r#"{"error":"insufficient_role","error_description":"The access token lacks the role acme \"x\"","status":403}"#
    );
}

#[tokio::test]
async fn rejection_fits_any_error_and_goes_to_other_threads() {
    /// What `anyhow` asks of an error, and more than `spawn_blocking` asks.
    fn fits<E: std::error::Error + Send + Sync + 'static>() {}
    async fn blocking(user: Result<RequireAuth, AuthRejection>) -> Result<String, AuthRejection> {
        tokio::task::spawn_blocking(move || user.map(|user| user.sub.clone())).await.unwrap()
    }
    async fn boxed(user: Result<RequireAuth, AuthRejection>) -> String {
        let refused = || -> Result<String, Box<dyn std::error::Error + Send + Sync>> { Ok(user?.sub.clone()) };
        refused().unwrap_err().downcast_ref::<AuthRejection>().unwrap().error().code().to_owned()
    }
    fits::<AuthRejection>();
    let issuer = issuer().await;
    let app = Router::new().route("/block", get(blocking)).route("/boxed", get(boxed)).with_state(auth(&issuer));
    let answer = ask(&app, "/block", None).await;
    assert_eq!(
        (answer.status, answer.header(WWW_AUTHENTICATE)),
        (StatusCode::UNAUTHORIZED, "Bearer realm=\"default\"")
    );
    assert_eq!(ask(&app, "/boxed", None).await.body, "unauthorized");
}
