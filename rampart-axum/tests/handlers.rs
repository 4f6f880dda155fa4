//! What a handler asks further by `user.require(..)`: refusals like those of a guard, wherever an application looks for them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

mod support;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{DATE, WWW_AUTHENTICATE};
use axum::middleware::map_response;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use axum_extra::extract::WithRejection;
use rampart_axum::{AuthError, AuthRejection, OptionalAuth, Policy, RampartAuth, RampartAuthExt, RequireAuth, scopes};
use rampart_issuer::LocalIssuer;
use support::{Answer, ask, bearer, issuer};

scopes! {
    Send = "email:send";
    Feed = "feed:read";
}

/// With whatever an object says of itself in challenges.
fn auth(issuer: &LocalIssuer) -> RampartAuth {
    RampartAuth::builder(issuer.url(), issuer.audience())
        .realm("tasks")
        .resource_metadata("https://api.example.com/.well-known/oauth-protected-resource")
        .build()
        .unwrap()
}

/// What handlers and layers ask for alike.
fn policies() -> [(&'static str, Policy); 6] {
    let both = || Policy::scopes(["tasks:read"]).and(Policy::scopes(["tasks:write"]));
    [
        ("role", Policy::roles(["admin"])),
        ("roles", Policy::roles(["admin", "auditor"])),
        ("scope", Policy::scopes(["tasks:write"])),
        ("both", both()),
        ("either", Policy::roles(["admin"]).or(both())),
        ("nobody", Policy::roles([""; 0])),
    ]
}

fn policy(name: &str) -> Policy {
    policies().into_iter().find(|(known, _)| *known == name).unwrap().1
}

async fn required(Path(name): Path<String>, user: RequireAuth) -> Result<String, AuthRejection> {
    user.require(&policy(&name))?;
    Ok(format!("in as {}", user.sub))
}

async fn optional(Path(name): Path<String>, user: OptionalAuth) -> Result<String, AuthRejection> {
    let claims = user.require(&policy(&name))?;
    Ok(format!("in as {}", claims.sub))
}

async fn option(Path(name): Path<String>, user: Option<RequireAuth>) -> Result<String, AuthRejection> {
    let Some(user) = user else { return Ok("nobody".into()) };
    user.require(&policy(&name))?;
    Ok(format!("in as {}", user.sub))
}

/// Status, headers and body, but for the time of day.
fn whole(answer: &Answer) -> (StatusCode, Vec<(String, String)>, &str) {
    let headers = answer.headers.iter().filter(|(name, _)| **name != DATE);
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status, headers.collect(), &answer.body)
}

#[tokio::test]
async fn refusal_in_a_handler_is_byte_for_byte_that_of_a_guard() {
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let layers = policies().into_iter().fold(Router::new(), |router, (name, policy)| {
        router.route(&format!("/layer/{name}"), get(|| async { "in as ada" }).layer(auth.require(policy)))
    });
    let app = Router::new()
        .route("/required/{policy}", get(required))
        .route("/optional/{policy}", get(optional))
        .route("/option/{policy}", get(option))
        .with_state(auth)
        .merge(layers);
    let token = issuer.token().sub("ada").scope("tasks:read");
    let (user, expired) = (bearer(&token), bearer(&token.clone().at(1_700_000_000)));
    let admin = bearer(&token.clone().roles(["admin", "auditor"]).scope("tasks:read tasks:write"));
    for (name, _) in policies() {
        // The first one waits for the keys.
        for (who, status) in [(&user, 403), (&admin, if name == "nobody" { 403 } else { 200 }), (&expired, 401)] {
            let by_layer = ask(&app, &format!("/layer/{name}"), Some(who)).await;
            assert_eq!(by_layer.status, status, "{name}");
            if status != 200 {
                assert!(by_layer.header(WWW_AUTHENTICATE).starts_with(r#"Bearer realm="tasks", error=""#), "{name}");
                assert!(by_layer.header(WWW_AUTHENTICATE).contains("resource_metadata="), "{name}");
            }
            for guard in ["required", "optional", "option"] {
                let in_handler = ask(&app, &format!("/{guard}/{name}"), Some(who)).await;
                assert_eq!(whole(&in_handler), whole(&by_layer), "{guard}: {name}");
            }
        }
        // Nobody is signed in: what was optional is asked for after all, with the scopes that it takes.
        let by_layer = ask(&app, &format!("/layer/{name}"), None).await;
        assert_eq!(by_layer.status, 401, "{name}");
        assert_eq!(whole(&ask(&app, &format!("/optional/{name}"), None).await), whole(&by_layer), "{name}");
        assert_eq!(ask(&app, &format!("/option/{name}"), None).await.body, "nobody");
    }
}

#[tokio::test]
async fn refusal_in_a_handler_is_found_by_map_response() {
    async fn ours(response: Response) -> Response {
        let Some(rejection) = response.extensions().get::<AuthRejection>() else { return response };
        let challenges = AppendHeaders(rejection.challenges().map(|challenge| (WWW_AUTHENTICATE, challenge)));
        (response.status(), challenges, format!("ours: {}", rejection.error().code())).into_response()
    }
    let issuer = issuer().await;
    let app = Router::new()
        .nest("/required", Router::new().route("/{policy}", get(required)))
        .nest("/optional", Router::new().route("/{policy}", get(optional)))
        .layer(map_response(ours))
        .with_state(auth(&issuer));
    let user = bearer(&issuer.token().sub("ada").scope("tasks:read"));
    for path in ["/required/scope", "/optional/scope"] {
        let answer = ask(&app, path, Some(&user)).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (403, "ours: insufficient_scope"), "{path}");
        assert!(answer.header(WWW_AUTHENTICATE).contains(r#"realm="tasks""#), "{path}");
        assert!(answer.header(WWW_AUTHENTICATE).contains(r#"scope="tasks:write""#), "{path}");
    }
    let answer = ask(&app, "/optional/role", None).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (401, "ours: unauthorized"));
    let writer = bearer(&issuer.token().sub("ada").scope("tasks:write"));
    assert_eq!(ask(&app, "/required/scope", Some(&writer)).await.body, "in as ada", "what passes is left alone");
}

/// The error of an application.
enum ApiError {
    Auth(AuthRejection),
    NotFound,
}

impl From<AuthRejection> for ApiError {
    fn from(rejection: AuthRejection) -> Self {
        Self::Auth(rejection)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let rejection = match self {
            Self::NotFound => return (StatusCode::NOT_FOUND, "api: not found").into_response(),
            Self::Auth(rejection) => rejection,
        };
        let status = StatusCode::from_u16(rejection.error().status()).unwrap();
        let challenges = AppendHeaders(rejection.challenges().map(|challenge| (WWW_AUTHENTICATE, challenge)));
        let message =
            if *rejection.error() == AuthError::TokenExpired { "sign in again" } else { rejection.error().code() };
        (status, challenges, format!("api: {message}")).into_response()
    }
}

#[tokio::test]
async fn guard_and_handler_refuse_by_the_error_of_the_application() {
    type Guarded<G> = WithRejection<G, ApiError>;
    async fn required(WithRejection(user, _): Guarded<RequireAuth>) -> Result<String, ApiError> {
        user.require(&Policy::scopes(["tasks:write"]))?;
        if user.sub == "ada" { Ok("in".into()) } else { Err(ApiError::NotFound) }
    }
    async fn optional(WithRejection(user, _): Guarded<OptionalAuth>) -> Result<String, ApiError> {
        user.require(&Policy::scopes(["tasks:write"]))?;
        Ok("in".into())
    }
    async fn option(WithRejection(user, _): Guarded<Option<RequireAuth>>) -> Result<String, ApiError> {
        user.ok_or(ApiError::NotFound)?.require(&Policy::scopes(["tasks:write"]))?;
        Ok("in".into())
    }
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let app = Router::new()
        .route("/required", get(required))
        .route("/optional", get(optional))
        .route("/option", get(option))
        .with_state(auth.clone());
    auth.warm_up().await.unwrap(); // that a token has expired is told by its signed exp alone
    let ada = issuer.token().sub("ada");
    let writer = bearer(&ada.clone().scope("tasks:write"));
    let expired = bearer(&ada.clone().at(1_700_000_000));
    for path in ["/required", "/optional", "/option"] {
        assert_eq!(ask(&app, path, Some(&writer)).await.body, "in", "{path}");
        let answer = ask(&app, path, Some(&bearer(&ada))).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (403, "api: insufficient_scope"), "{path}: by the handler");
        assert!(answer.header(WWW_AUTHENTICATE).starts_with(r#"Bearer realm="tasks", error="insufficient_scope""#));
        let answer = ask(&app, path, Some(&expired)).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (401, "api: sign in again"), "{path}: by the guard");
    }
    assert_eq!(ask(&app, "/required", None).await.body, "api: unauthorized", "by the guard");
    assert_eq!(ask(&app, "/optional", None).await.body, "api: unauthorized", "by the handler");
    assert_eq!(ask(&app, "/option", None).await.body, "api: not found");
    let eve = bearer(&issuer.token().sub("eve").scope("tasks:write"));
    assert_eq!(ask(&app, "/required", Some(&eve)).await.body, "api: not found");
}

#[tokio::test]
async fn refusal_in_a_handler_names_the_scopes_of_layers_and_guards_before() {
    async fn handler(user: RequireAuth<Send>, _: OptionalAuth<Feed>) -> Result<String, AuthRejection> {
        user.require(&Policy::scopes(["tasks:list"]))?;
        user.clone().require(&Policy::scopes(["tasks:write"]))?;
        Ok("in".into())
    }
    let issuer = issuer().await;
    let auth = auth(&issuer);
    let app = Router::new()
        .route("/", get(handler).layer(auth.require_scopes(["tasks:read"])))
        .layer(auth.require_auth())
        .with_state(auth);
    let scopes = "tasks:read email:send feed:read tasks:list";
    // The first one waits for the keys.
    for _ in ["cold", "warm"] {
        let answer = ask(&app, "/", Some(&bearer(&issuer.token().scope(scopes)))).await;
        assert_eq!(answer.status, 403);
        let expected = format!(r#"scope="{scopes} tasks:write""#);
        assert!(answer.header(WWW_AUTHENTICATE).contains(&expected), "{}", answer.header(WWW_AUTHENTICATE));
    }
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token().scope(&format!("{scopes} tasks:write"))))).await.body, "in");
}

#[tokio::test]
async fn guard_asks_in_another_task_too() {
    async fn handler(user: RequireAuth) -> Result<&'static str, AuthRejection> {
        let task = tokio::spawn(async move { user.require(&Policy::roles(["admin"])) });
        task.await.unwrap().map(|()| "in")
    }
    let issuer = issuer().await;
    let app = Router::new().route("/", get(handler)).with_state(auth(&issuer));
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token().roles(["admin"])))).await.body, "in");
    assert_eq!(ask(&app, "/", Some(&bearer(&issuer.token()))).await.status, 403);
}
