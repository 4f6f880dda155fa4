//! Where the auth object comes from: the state of an application, or what an `Arc` of it holds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use rampart_axum::{AuthState, OptionalAuth, RampartAuth, RequireAuth, roles};
use support::{ask, auth, bearer, issuer};

roles!(Admin = "admin");

/// Not `Clone`: only its `Arc` is.
#[derive(FromRef)]
struct App {
    auth: RampartAuth,
    greeting: &'static str,
}

type Shared = Arc<App>;

async fn hello(user: RequireAuth, State(app): State<Shared>) -> String {
    format!("{} {}", app.greeting, user.sub)
}

async fn required(user: RequireAuth) -> String {
    user.sub.clone()
}

async fn admin(user: RequireAuth<Admin>) -> String {
    user.sub.clone()
}

async fn optional(user: OptionalAuth) -> String {
    user.as_deref().map_or("nobody".into(), |user| user.sub.clone())
}

async fn option(user: Option<RequireAuth>) -> String {
    user.map_or("nobody".into(), |user| user.sub.clone())
}

async fn middleware(user: RequireAuth<Admin>, State(app): State<Shared>, request: Request, next: Next) -> Response {
    assert_eq!((app.greeting, &*user.sub), ("Hello", "ada"));
    next.run(request).await
}

/// The routes of a library, for whatever state an application has.
fn routes<S: AuthState + Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/required", get(required))
        .route("/admin", get(admin))
        .route("/optional", get(optional))
        .route("/option", get(option))
}

/// The same, with the bound that axum's users know.
fn by_reference<S: Clone + Send + Sync + 'static>() -> Router<S>
where
    RampartAuth: FromRef<S>,
{
    routes()
}

async fn assert_guards(app: &Router, prefix: &str, user: &str) {
    for (path, anonymous, signed_in) in [
        ("required", (401, None), (200, Some("ada"))),
        ("admin", (401, None), (403, None)),
        ("optional", (200, Some("nobody")), (200, Some("ada"))),
        ("option", (200, Some("nobody")), (200, Some("ada"))),
    ] {
        for (who, (status, body)) in [(None, anonymous), (Some(user), signed_in), (Some("Bearer forged"), (401, None))]
        {
            let answer = ask(app, &format!("{prefix}/{path}"), who).await;
            assert_eq!(answer.status, status, "{prefix}/{path}: {who:?}");
            assert!(body.is_none_or(|body| answer.body == body), "{prefix}/{path}: {who:?}");
        }
    }
}

#[tokio::test]
async fn auth_object_comes_out_of_an_arc_of_the_state() {
    let issuer = issuer().await;
    let ada = bearer(&issuer.token().sub("ada"));
    let state = || App { auth: auth(&issuer), greeting: "Hello" };
    let app = Router::<Shared>::new().route("/hello", get(hello)).merge(routes()).with_state(Arc::new(state()));
    assert_eq!(ask(&app, "/hello", Some(&ada)).await.body, "Hello ada");
    assert_guards(&app, "", &ada).await;
    assert_guards(&routes().with_state(Arc::new(Arc::new(state()))), "", &ada).await;
    assert_guards(&routes().with_state(Arc::new(auth(&issuer))), "", &ada).await;
    assert_guards(&by_reference().with_state(Arc::new(state())), "", &ada).await;
}

#[tokio::test]
async fn nested_routers_share_the_arc_or_have_a_state_of_their_own() {
    let issuer = issuer().await;
    let other = RampartAuth::new(issuer.url(), "another-api").unwrap();
    let group = || Router::<Shared>::new().nest("/inner", routes());
    let app = Router::new()
        .nest("/group", group())
        .nest("/own", routes().with_state(Arc::new(App { auth: other, greeting: "" })))
        .with_state(Arc::new(App { auth: auth(&issuer), greeting: "Hello" }));
    let ada = issuer.token().sub("ada");
    assert_guards(&app, "/group/inner", &bearer(&ada)).await;
    assert_eq!(ask(&app, "/own/required", Some(&bearer(&ada))).await.status, 401);
    assert_guards(&app, "/own", &bearer(&ada.audience("another-api"))).await;
}

#[tokio::test]
async fn middleware_takes_the_auth_object_out_of_an_arc_too() {
    let issuer = issuer().await;
    let state = Arc::new(App { auth: auth(&issuer), greeting: "Hello" });
    let app = Router::<Shared>::new()
        .route("/", get(hello))
        .layer(from_fn_with_state(Arc::clone(&state), middleware))
        .with_state(state);
    let ada = issuer.token().sub("ada");
    assert_eq!(ask(&app, "/", Some(&bearer(&ada.clone().roles(["admin"])))).await.body, "Hello ada");
    assert_eq!(ask(&app, "/", Some(&bearer(&ada))).await.status, 403);
    assert_eq!(ask(&app, "/", None).await.status, 401);
}
