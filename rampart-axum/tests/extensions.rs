//! Who is signed in, in the extensions of the request: put there by layers and guards alike, for middleware and handlers
//! further in.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use rampart_axum::{AuthRejection, Claims, OptionalAuth, RampartAuth, RampartAuthExt, RequireAuth, roles};
use rampart_issuer::LocalIssuer;
use support::{ask, auth, bearer, issuer};

roles!(Admin = "admin");

type Carried = Option<Extension<Arc<Claims>>>;

async fn who(claims: Carried) -> String {
    claims.map_or("nobody".into(), |claims| claims.sub.clone())
}

/// As [`who`], but 500 where there is nobody.
async fn sure(Extension(claims): Extension<Arc<Claims>>) -> String {
    claims.sub.clone()
}

async fn required(_: RequireAuth, request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn optional(_: OptionalAuth, request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn option(_: Option<RequireAuth>, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Lets everybody pass, whatever the guard says.
async fn lenient(_: Result<RequireAuth<Admin>, AuthRejection>, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Takes the token of the request away, or puts another one in its place.
#[derive(Clone)]
struct Swap(Option<HeaderValue>);

async fn swap(State(Swap(token)): State<Swap>, mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(AUTHORIZATION);
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, token);
    }
    next.run(request).await
}

#[tokio::test]
async fn guard_in_middleware_puts_the_claims_there_for_handlers() {
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let app = Router::new()
        .route("/required", get(sure).layer(from_fn_with_state(auth.clone(), required)))
        .route("/optional", get(who).layer(from_fn_with_state(auth.clone(), optional)))
        .route("/option", get(who).layer(from_fn_with_state(auth.clone(), option)));
    let ada = bearer(&issuer.token().sub("ada"));
    // The first one waits for the keys, the others find the token verified already.
    for path in ["/required", "/optional", "/option", "/required"] {
        let answer = ask(&app, path, Some(&ada)).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "ada"), "{path}");
    }
    for path in ["/optional", "/option"] {
        assert_eq!(ask(&app, path, None).await.body, "nobody", "{path}");
    }
    assert_eq!(ask(&app, "/required", None).await.status, 401);
}

#[tokio::test]
async fn guard_of_a_handler_puts_the_same_claims_there() {
    async fn handler(user: RequireAuth<Admin>, optional: OptionalAuth, Extension(claims): Extension<Arc<Claims>>) {
        let guards = [user.into_claims(), optional.into_claims().unwrap()];
        assert!(guards.iter().all(|guard| Arc::ptr_eq(guard, &claims)), "a pointer, not a copy");
    }
    let issuer = issuer().await;
    let app = Router::new().route("/", get(handler)).with_state(auth(&issuer));
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token().roles(["admin"])))).await.status, 200);
}

/// Two APIs: what one of them has admitted, the other may find to be nobody.
#[derive(Clone, FromRef)]
struct Inner(RampartAuth);

/// An outer layer that admits the token, something that changes it on the way, and inside of that a layer or guard of another
/// auth object.
fn nested(issuer: &LocalIssuer, swapped_for: Option<&str>) -> Router {
    let (outer, inner) = (auth(issuer), auth(issuer));
    let swap = from_fn_with_state(Swap(swapped_for.map(|token| token.parse().unwrap())), swap);
    Router::new()
        .route("/untouched", get(sure))
        .route("/layer", get(who).layer(inner.optional_auth()))
        .route("/guard", get(who).layer(from_fn_with_state(Inner(inner.clone()), optional)))
        .route("/option", get(who).layer(from_fn_with_state(Inner(inner.clone()), option)))
        .route("/lenient", get(who).layer(from_fn_with_state(Inner(inner), lenient)))
        .layer(swap)
        .layer(outer.require_auth())
}

#[tokio::test]
async fn whoever_finds_nobody_takes_the_claims_of_the_outer_layer_away() {
    let issuer = issuer().await;
    let app = nested(&issuer, None);
    let root = bearer(&issuer.token().sub("root").roles(["admin"]));
    for _ in ["waits for the keys", "finds them there"] {
        assert_eq!(ask(&app, "/untouched", Some(&root)).await.body, "root", "control: the outer layer put them there");
        for path in ["/layer", "/guard", "/option", "/lenient"] {
            let answer = ask(&app, path, Some(&root)).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, "nobody"), "{path}");
        }
    }
}

#[tokio::test]
async fn whoever_finds_somebody_else_puts_him_there() {
    let issuer = issuer().await;
    let app = nested(&issuer, Some(&bearer(&issuer.token().sub("ada").roles(["admin"]))));
    let root = bearer(&issuer.token().sub("root"));
    for path in ["/layer", "/guard", "/option", "/lenient"] {
        assert_eq!(ask(&app, path, Some(&root)).await.body, "ada", "{path}");
    }
}

#[tokio::test]
async fn refusal_that_the_application_overrules_leaves_nobody_but_keeps_who_lacks_a_right() {
    let issuer = issuer().await;
    let root = bearer(&issuer.token().sub("root"));
    let forged = nested(&issuer, Some("Bearer forged"));
    assert_eq!(ask(&forged, "/lenient", Some(&root)).await.body, "nobody");
    // Nor is one held who is not the user that lacks the role: he has not signed in with the token that is there now.
    let admin = bearer(&issuer.token().sub("root").roles(["admin"]));
    for sub in ["eve", "root"] {
        let swapped = nested(&issuer, Some(&bearer(&issuer.token().sub(sub))));
        assert_eq!(ask(&swapped, "/lenient", Some(&admin)).await.body, "nobody", "{sub}");
    }
    // Without the role: nothing that the outer layer has said of its user is wrong.
    let auth = auth(&issuer);
    let app = Router::new()
        .route("/", get(who).layer(from_fn_with_state(auth.clone(), lenient)))
        .layer(auth.require_auth())
        .route("/alone", get(who).layer(from_fn_with_state(auth, lenient)));
    assert_eq!(ask(&app, "/", Some(&root)).await.body, "root");
    assert_eq!(ask(&app, "/alone", Some(&root)).await.body, "nobody", "the guard has not let him pass");
}

#[tokio::test]
async fn layers_of_one_object_leave_the_claims_where_they_are() {
    async fn same(
        Extension(Before(before)): Extension<Before>,
        Extension(claims): Extension<Arc<Claims>>,
        user: RequireAuth,
    ) -> String {
        assert!(Arc::ptr_eq(&before, &claims) && Arc::ptr_eq(&before, &user.into_claims()));
        claims.sub.clone()
    }
    #[derive(Clone)]
    struct Before(Arc<Claims>);
    async fn remember(Extension(claims): Extension<Arc<Claims>>, mut request: Request, next: Next) -> Response {
        request.extensions_mut().insert(Before(claims));
        next.run(request).await
    }
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let app = Router::new()
        .route("/", get(same))
        .layer(auth.optional_auth())
        .layer(from_fn(remember))
        .layer(auth.require_auth())
        .with_state(auth);
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token().sub("ada")))).await.body, "ada");
}

/// Something between two guards takes the administrator's token away, or puts another in its place: what was found for the first
/// says nothing about the second, in a guard, a layer or a request that was put together from the extensions of this one.
#[tokio::test]
async fn outcome_is_not_reused_once_the_header_has_changed() {
    async fn admin(user: RequireAuth<Admin>) -> String {
        user.sub.clone()
    }
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let root = bearer(&issuer.token().sub("root").roles(["admin"]));
    let eve = bearer(&issuer.token().sub("eve"));
    let cases: [(&str, &[&str], u16); 4] = [
        ("unchanged", &[&root], 200),
        ("removed", &[], 401),
        ("replaced by a user's", &[&eve], 403),
        ("a second one beside it", &[&root, &eve], 400),
    ];
    for (id, values, status) in cases {
        let values: Vec<HeaderValue> = values.iter().map(|value| value.parse().unwrap()).collect();
        let change = move |mut request: Request, next: Next| {
            request.headers_mut().remove(AUTHORIZATION);
            for value in values.clone() {
                request.headers_mut().append(AUTHORIZATION, value);
            }
            next.run(request)
        };
        let app = Router::new()
            .route("/guard", get(admin))
            .route("/layer", get(who).layer(auth.require_roles(["admin"])))
            .layer(from_fn(change))
            .layer(auth.optional_auth())
            .with_state(auth.clone());
        for path in ["/guard", "/layer"] {
            let answer = ask(&app, path, Some(&root)).await;
            assert_eq!(answer.status.as_u16(), status, "{path}: {id}");
            assert_eq!(answer.body == "root", status == 200, "{path}: {id}");
        }
    }
}
