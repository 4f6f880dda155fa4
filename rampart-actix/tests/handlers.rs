//! What handlers ask beyond their guards, and how they refuse. Over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use actix_web::{App, HttpRequest, HttpResponse, web};
use rampart_actix::{AuthError, AuthRejection, OptionalAuth, Policy, RampartAuth, RampartAuthExt, RequireAuth, scopes};
use support::{issuer, offline};

scopes!(Read = "tasks:read");

/// By the name in the path, as a handler learns what it must ask only from the request.
fn policy(name: &str) -> Policy {
    match name {
        "admin" => Policy::roles(["admin"]),
        "write" => Policy::scopes(["tasks:write"]),
        "both" => Policy::scopes(["tasks:read"]).and(Policy::scopes(["tasks:write"])),
        "either" => Policy::roles(["admin"]).or(Policy::scopes(["tasks:write"])),
        _ => Policy::roles([""; 0]),
    }
}

const POLICIES: [&str; 5] = ["admin", "write", "both", "either", "nobody"];

async fn required(user: RequireAuth, name: web::Path<String>, request: HttpRequest) -> Result<String, AuthRejection> {
    user.require(&policy(&name), &request)?;
    Ok(user.sub.clone())
}

async fn optional(user: OptionalAuth, name: web::Path<String>, request: HttpRequest) -> Result<String, AuthRejection> {
    let user = user.require(&policy(&name), &request)?;
    Ok(user.sub.clone())
}

async fn open() -> &'static str {
    "ada"
}

#[actix_web::test]
async fn refusal_in_a_handler_is_that_of_a_layer() {
    let issuer = issuer().await;
    let fixed = offline(&issuer).realm("tasks").build().unwrap();
    let fetched = RampartAuth::builder(issuer.url(), issuer.audience()).realm("tasks").build().unwrap();
    for auth in [fixed, fetched] {
        let client = serve!({
            let layers =
                POLICIES.map(|name| web::resource(format!("/layer/{name}")).wrap(auth.require(policy(name))).to(open));
            App::new()
                .app_data(web::Data::new(auth.clone()))
                .service(web::resource("/required/{name}").to(required))
                .service(web::resource("/optional/{name}").to(optional))
                .configure(|app| {
                    for layer in layers {
                        app.service(layer);
                    }
                })
        });
        let token = issuer.token().sub("ada");
        let tokens = [
            (None, [401; 5]),
            (Some("forged".to_owned()), [401; 5]),
            (Some(token.clone().sign().unwrap()), [403; 5]),
            (Some(token.clone().scope("tasks:read").sign().unwrap()), [403; 5]),
            (Some(token.clone().roles(["admin"]).sign().unwrap()), [200, 403, 403, 200, 403]),
            (Some(token.scope("tasks:read tasks:write").sign().unwrap()), [403, 200, 200, 200, 403]),
        ];
        for (token, statuses) in &tokens {
            let authorization = token.as_ref().map(|token| format!("Bearer {token}").into_bytes());
            let values: Vec<_> = authorization.iter().map(Vec::as_slice).collect();
            for (name, status) in POLICIES.into_iter().zip(statuses) {
                let by_layer = client.send(&format!("/layer/{name}"), &values).await;
                assert_eq!(by_layer.status, *status, "{name} {token:?}");
                let challenge = by_layer.header("www-authenticate");
                assert_eq!(challenge.is_some_and(|own| own.starts_with(r#"Bearer realm="tasks""#)), *status != 200);
                let in_optional = client.send(&format!("/optional/{name}"), &values).await;
                assert_eq!(in_optional, by_layer, "{name} {token:?}");
                // Without a token, its guard has refused before: it asks for no scopes.
                if token.is_some() {
                    let in_required = client.send(&format!("/required/{name}"), &values).await;
                    assert_eq!(in_required, by_layer, "{name} {token:?}");
                }
            }
        }
    }
}

#[actix_web::test]
async fn refusal_in_a_handler_names_the_scopes_of_layers_and_guards_too() {
    async fn handler(user: RequireAuth<Read>, request: HttpRequest) -> Result<HttpResponse, AuthRejection> {
        user.require(&Policy::scopes(["tasks:write"]), &request)?;
        Ok(HttpResponse::Ok().finish())
    }
    let issuer = issuer().await;
    let auth = web::Data::new(offline(&issuer).build().unwrap());
    let client = serve!(
        App::new()
            .app_data(auth.clone())
            .service(web::resource("/").wrap(auth.require_scopes(["email:send"])).to(handler))
    );
    let token = issuer.token().scope("tasks:read email:send").sign().unwrap();
    let answer = client.get_with("/", &token).await;
    let challenge = answer.header("www-authenticate").unwrap();
    assert_eq!(answer.status, 403);
    assert!(challenge.ends_with(r#", scope="email:send tasks:read tasks:write""#), "{challenge}");
}

#[actix_web::test]
async fn optional_user_may_be_asked_to_sign_in_after_all() {
    async fn feed(user: OptionalAuth, name: web::Path<String>, request: HttpRequest) -> Result<String, AuthRejection> {
        match name.as_str() {
            "public" => Ok(user.as_deref().map_or("anyone".into(), |user| user.sub.clone())),
            name => Ok(user.require(&policy(name), &request)?.sub.clone()),
        }
    }
    let issuer = issuer().await;
    let auth = offline(&issuer).build().unwrap();
    let data = web::Data::new(auth.clone());
    let client = serve!(App::new().app_data(data.clone()).route("/{name}", web::get().to(feed)));
    client.get("/public").await.is_ok("anyone");
    client.get("/admin").await.is_rejection(&auth, AuthError::MissingToken);
    let answer = client.get("/write").await;
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some(r#"Bearer realm="default", scope="tasks:write""#))
    );
    let admin = issuer.token().sub("ada").roles(["admin"]).sign().unwrap();
    client.get_with("/public", &admin).await.is_ok("ada");
    client.get_with("/admin", &admin).await.is_ok("ada");
    let lacks_scope = AuthError::insufficient_scope(["tasks:write"]);
    client.get_with("/write", &admin).await.is_rejection(&auth, lacks_scope);
}

/// The guard goes to another thread or into a task; where it refuses, the request is needed.
#[actix_web::test]
async fn guard_can_be_sent_to_another_thread() {
    async fn handler(user: RequireAuth, optional: OptionalAuth) -> actix_web::Result<String> {
        Ok(web::block(move || format!("{} {}", user.sub, optional.is_some())).await?)
    }
    let issuer = issuer().await;
    let auth = web::Data::new(offline(&issuer).build().unwrap());
    let client = serve!(App::new().app_data(auth.clone()).route("/", web::get().to(handler)));
    client.get_with("/", &issuer.token().sub("ada").sign().unwrap()).await.is_ok("ada true");
}
