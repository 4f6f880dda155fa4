//! A layer around a group of routes: what it guards, and what it does not. The second is axum's order of building, which no
//! library can change; should one of those tests fail one day, the warnings of the documentation can go.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod support;

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use rampart_axum::RampartAuthExt;
use support::{ask, auth, bearer, issuer};
use tower::service_fn;

/// The status of each path, without a token and with one.
async fn statuses<const N: usize>(app: &Router, token: &str, paths: [&str; N]) -> [(u16, u16); N] {
    let mut statuses = [(0, 0); N];
    for (path, status) in paths.into_iter().zip(&mut statuses) {
        let of = |authorization| async move { ask(app, path, authorization).await.status.as_u16() };
        *status = (of(None).await, of(Some(token)).await);
    }
    statuses
}

async fn inside() -> &'static str {
    "inside"
}

/// A handler, as a service.
async fn service(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::from("inside")))
}

const GUARDED: (u16, u16) = (401, 200);
const OPEN: (u16, u16) = (200, 200);
const NOT_FOUND: (u16, u16) = (404, 404);

#[tokio::test]
async fn route_layer_guards_neither_later_routes_nor_fallbacks() {
    let issuer = issuer().await;
    let (auth, token) = (auth(&issuer), bearer(&issuer.token()));
    let group = || Router::new().route("/before", get(inside)).route_layer(auth.require_auth());
    let app = Router::new()
        .nest("/later", group().route("/after", get(inside)).nest("/nested", Router::new().route("/", get(inside))))
        .nest("/fallback", group().fallback(inside))
        .nest("/service", group().fallback_service(service_fn(service)))
        .nest(
            "/earlier",
            Router::new().route("/before", get(inside)).fallback(inside).route_layer(auth.require_auth()),
        );
    let paths = ["/later/before", "/fallback/before", "/service/before", "/earlier/before"];
    assert_eq!(statuses(&app, &token, paths).await, [GUARDED; 4]);
    let paths = ["/later/after", "/later/nested", "/fallback/nowhere", "/service/nowhere", "/earlier/nowhere"];
    assert_eq!(statuses(&app, &token, paths).await, [OPEN; 5]);
    assert_eq!(statuses(&app, &token, ["/later/nowhere"]).await, [NOT_FOUND]);
}

#[tokio::test]
async fn layer_around_the_finished_group_guards_all_of_it() {
    let issuer = issuer().await;
    let (auth, token) = (auth(&issuer), bearer(&issuer.token()));
    let group = || {
        Router::new()
            .route("/route", get(inside))
            .route_service("/service", service_fn(service))
            .nest("/nested", Router::new().route("/", get(inside)).fallback(inside))
            .nest_service("/mounted", service_fn(service))
            .merge(Router::new().route("/merged", get(inside)))
    };
    let app = Router::new()
        .nest("/fallback", group().fallback(inside).layer(auth.require_auth()))
        .nest("/fallback-service", group().fallback_service(service_fn(service)).layer(auth.require_auth()))
        .nest("/plain", group().layer(auth.require_auth()));
    for prefix in ["/fallback", "/fallback-service", "/plain"] {
        let paths = ["route", "service", "nested", "mounted/x", "merged"];
        let paths = paths.map(|path| format!("{prefix}/{path}"));
        assert_eq!(statuses(&app, &token, paths.each_ref().map(|path| &**path)).await, [GUARDED; 5], "{prefix}");
    }
    for prefix in ["/fallback", "/fallback-service"] {
        let paths = ["nowhere", "nested/nowhere"].map(|path| format!("{prefix}/{path}"));
        assert_eq!(statuses(&app, &token, paths.each_ref().map(|path| &**path)).await, [GUARDED; 2], "{prefix}");
    }
    // A group without a fallback of its own leaves that to the application, where it is nested.
    assert_eq!(statuses(&app, &token, ["/plain/nowhere", "/nowhere"]).await, [NOT_FOUND; 2]);
}

#[tokio::test]
async fn layer_guards_nothing_that_is_added_after_it() {
    let issuer = issuer().await;
    let (auth, token) = (auth(&issuer), bearer(&issuer.token()));
    let group = Router::new().route("/before", get(inside)).layer(auth.require_auth());
    let app = Router::new().nest("/group", group.route("/after", get(inside)).fallback(inside));
    assert_eq!(
        statuses(&app, &token, ["/group/before", "/group/after", "/group/nowhere"]).await,
        [GUARDED, OPEN, OPEN]
    );
}

#[tokio::test]
async fn layer_of_a_merged_group_stands_before_paths_that_exist_nowhere() {
    let issuer = issuer().await;
    let (auth, token) = (auth(&issuer), bearer(&issuer.token()));
    let open = || Router::new().route("/open", get(inside));
    let group = || Router::new().route("/guarded", get(inside));
    let paths = ["/open", "/guarded", "/nowhere"];
    let app = open().merge(group().layer(auth.require_auth()));
    assert_eq!(statuses(&app, &token, paths).await, [OPEN, GUARDED, (401, 404)]);
    let app = open().merge(group().route_layer(auth.require_auth()));
    assert_eq!(statuses(&app, &token, paths).await, [OPEN, GUARDED, NOT_FOUND]);
}

#[tokio::test]
async fn layer_stands_before_the_answer_to_another_method() {
    let issuer = issuer().await;
    let (auth, token) = (auth(&issuer), bearer(&issuer.token()));
    let group = || Router::new().route("/", post(inside)).method_not_allowed_fallback(inside);
    let app = Router::new()
        .nest("/layer", group().layer(auth.require_auth()))
        .nest("/route-layer", group().route_layer(auth.require_auth()));
    assert_eq!(statuses(&app, &token, ["/layer", "/route-layer"]).await, [GUARDED; 2]);
}
