//! Middleware around applications, scopes and resources, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use std::sync::Arc;

use actix_web::dev::Service;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use actix_web::{App, HttpResponse, web};
use rampart_actix::{AuthError, AuthRejection, Claims, OptionalAuth, Policy, RampartAuthExt, RequireAuth, roles};
use support::{Verifications, issuer, offline, offline_auth};

roles!(Admin = "admin");

async fn hello() -> &'static str {
    "hello"
}

async fn subject(claims: web::ReqData<Arc<Claims>>) -> String {
    claims.sub.clone()
}

async fn guarded(claims: RequireAuth) -> String {
    claims.sub.clone()
}

#[actix_web::test]
async fn app_scope_and_resource_can_be_wrapped() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let outer = auth.clone();
    let whole = serve!(App::new().wrap(outer.require_auth()).route("/", web::get().to(subject)));
    let inner = auth.clone();
    let parts = serve!(
        App::new()
            .service(web::scope("/scope").wrap(inner.require_auth()).route("/", web::get().to(subject)))
            .service(web::resource("/resource").wrap(inner.require_auth()).route(web::get().to(subject)))
            .route("/open", web::get().to(hello))
    );
    let token = issuer.token().sub("ada").sign().unwrap();

    for (client, path) in [(whole, "/"), (parts, "/scope/"), (parts, "/resource")] {
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
        client.get_with(path, "forged").await.is_rejection(&auth, AuthError::InvalidToken);
        client.get_with(path, &token).await.is_ok("ada");
    }
    parts.get("/open").await.is_ok("hello");
    assert_eq!(parts.get("/unknown").await.status, 404);
    assert_eq!(whole.get("/unknown").await.status, 401);
}

#[actix_web::test]
async fn middleware_guards_the_whole_scope_wherever_it_stands() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let layers = auth.clone();
    let client = serve!(
        App::new().service(
            web::scope("/scope")
                .service(web::resource("/before").to(hello))
                .wrap(layers.require_auth())
                .service(web::resource("/after").to(hello))
                .service(web::scope("/nested").default_service(web::to(hello)))
                .default_service(web::to(hello))
        )
    );
    let token = issuer.token().sub("ada").sign().unwrap();

    for path in ["/scope/before", "/scope/after", "/scope/nested/nowhere", "/scope/nowhere", "/scope"] {
        client.get(path).await.is_rejection(&auth, AuthError::MissingToken);
        client.get_with(path, &token).await.is_ok("hello");
    }
}

#[actix_web::test]
async fn roles_scopes_and_policies_are_asked_for() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let layers = auth.clone();
    let client = serve!(
        App::new()
            .service(web::resource("/role").wrap(layers.require_roles(["admin"])).to(hello))
            .service(web::resource("/scope").wrap(layers.require_scopes(["tasks:write"])).to(hello))
            .service(
                web::resource("/either")
                    .wrap(layers.require(Policy::roles(["admin"]).or(Policy::scopes(["tasks:write"]))))
                    .to(hello)
            )
            .service(web::resource("/nobody").wrap(layers.require_roles([""; 0])).to(hello))
    );
    let plain = issuer.token().sub("ada").sign().unwrap();
    let admin = issuer.token().sub("ada").roles(["admin"]).sign().unwrap();
    let writer = issuer.token().sub("ada").scope("tasks:write").sign().unwrap();

    let (no_role, no_scope) = (AuthError::insufficient_role(["admin"]), AuthError::insufficient_scope(["tasks:write"]));
    client.get_with("/role", &plain).await.is_rejection(&auth, no_role);
    client.get_with("/role", &admin).await.is_ok("hello");
    client.get_with("/scope", &admin).await.is_rejection(&auth, no_scope.clone());
    client.get_with("/scope", &writer).await.is_ok("hello");
    client.get_with("/either", &plain).await.is_rejection(&auth, no_scope);
    client.get_with("/either", &admin).await.is_ok("hello");
    client.get_with("/either", &writer).await.is_ok("hello");
    let denied = AuthError::insufficient_role::<String>([]);
    client.get_with("/nobody", &admin).await.is_rejection(&auth, denied);
}

#[actix_web::test]
async fn optional_middleware_lets_anonymous_pass_but_no_bad_token() {
    async fn optional(claims: Option<web::ReqData<Arc<Claims>>>) -> String {
        claims.map_or_else(|| "anonymous".to_owned(), |claims| claims.sub.clone())
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let data = web::Data::new(auth.clone());
    let client = serve!(
        App::new()
            .app_data(data.clone())
            .wrap(data.optional_auth())
            .route("/", web::get().to(optional))
            .route("/guarded", web::get().to(guarded))
    );

    client.get("/").await.is_ok("anonymous");
    client.get_with("/", &issuer.token().sub("ada").sign().unwrap()).await.is_ok("ada");
    client.get_with("/", "forged").await.is_rejection(&auth, AuthError::InvalidToken);
    // What the middleware has stored for an anonymous request is no token for a guard.
    client.get("/guarded").await.is_rejection(&auth, AuthError::MissingToken);
}

#[actix_web::test]
async fn middleware_further_out_sees_a_response() {
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let layers = auth.clone();
    let client = serve!(App::new().service(web::resource("/").wrap(layers.require_auth()).to(hello)).wrap_fn(
        |request, inner| {
            let answer = inner.call(request);
            async move {
                let mut answer = answer.await.expect("a response, not an error");
                let rejection = answer.response().error().and_then(|error| error.as_error::<AuthRejection>());
                let value = rejection.map_or("none", |rejection| rejection.error().code());
                let value = HeaderValue::from_str(value)?;
                answer.headers_mut().insert(HeaderName::from_static("x-rejection"), value);
                Ok(answer)
            }
        }
    ));

    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.header("x-rejection")), (401, Some("unauthorized")));
    let answer = client.get_with("/", &issuer.token().sub("ada").sign().unwrap()).await;
    assert_eq!((answer.status, answer.header("x-rejection")), (200, Some("none")));
}

#[actix_web::test]
async fn middleware_and_guards_of_one_auth_object_verify_once() {
    async fn handler(user: RequireAuth<Admin>, optional: OptionalAuth) -> HttpResponse {
        assert!(optional.is_some());
        HttpResponse::Ok().body(user.sub.clone())
    }
    let issuer = issuer().await;
    let verifications = Verifications::default();
    let auth = web::Data::new(verifications.of(offline(&issuer)));
    let client = serve!(
        App::new().app_data(auth.clone()).wrap(auth.optional_auth()).service(
            web::scope("/scope")
                .wrap(auth.require_auth())
                .service(web::resource("/").wrap(auth.require_roles(["admin"])).to(handler))
        )
    );

    let token = issuer.token().sub("ada").roles(["admin"]).sign().unwrap();
    client.get_with("/scope/", &token).await.is_ok("ada");
    assert_eq!(verifications.take(), 1);
    client.get_with("/scope/", &token).await.is_ok("ada");
    assert_eq!(verifications.take(), 1, "nothing is left of the request before");
    assert_eq!(client.get("/scope/").await.status, 401);
    assert_eq!(verifications.take(), 0, "without a token there is nothing to verify");
}

#[actix_web::test]
async fn a_weaker_layer_never_satisfies_a_stricter_guard() {
    let issuer = issuer().await;
    let (weak_count, strict_count) = (Verifications::default(), Verifications::default());
    let weak = weak_count.of(offline(&issuer).realm("weak"));
    let strict = strict_count.of(offline(&issuer).realm("strict").required_claims(["clearance"]));
    let (outer, inner) = (weak.clone(), web::Data::new(strict.clone()));
    let client = serve!(
        App::new()
            .app_data(inner.clone())
            .wrap(outer.require_auth())
            .service(web::resource("/guard").to(guarded))
            .service(web::resource("/layer").wrap(inner.require_auth()).to(subject))
    );
    let plain = issuer.token().sub("ada").sign().unwrap();
    let cleared = issuer.token().sub("ada").claim("clearance", 3).sign().unwrap();

    for path in ["/guard", "/layer"] {
        let lacks_claim = AuthError::missing_claim("clearance");
        client.get_with(path, &plain).await.is_rejection(&strict, lacks_claim);
        assert_eq!((weak_count.take(), strict_count.take()), (1, 1));
        client.get_with(path, &cleared).await.is_ok("ada");
        assert_eq!((weak_count.take(), strict_count.take()), (1, 1));
    }
}

/// Two objects of equal settings are two objects all the same: only a clone shares its result.
#[actix_web::test]
async fn only_the_very_object_reuses_a_result() {
    let issuer = issuer().await;
    let count = Verifications::default();
    let (one, other) = (count.of(offline(&issuer)), count.of(offline(&issuer)));
    let data = web::Data::new(other);
    let client =
        serve!(App::new().app_data(data.clone()).wrap(one.require_auth()).service(web::resource("/").to(guarded)));

    client.get_with("/", &issuer.token().sub("ada").sign().unwrap()).await.is_ok("ada");
    assert_eq!(count.take(), 2);
}

/// Something between two guards takes the administrator's token away, or puts another in its place: what was found for the first
/// says nothing about the second.
#[actix_web::test]
async fn outcome_is_not_reused_once_the_header_has_changed() {
    async fn admin(user: RequireAuth<Admin>) -> String {
        user.sub.clone()
    }
    let issuer = issuer().await;
    let auth = offline_auth(&issuer);
    let root = issuer.token().sub("root").roles(["admin"]).sign().unwrap();
    let eve = issuer.token().sub("eve").sign().unwrap();
    let cases: [(&str, &[&str], u16); 4] = [
        ("unchanged", &[&root], 200),
        ("removed", &[], 401),
        ("replaced by a user's", &[&eve], 403),
        ("a second one beside it", &[&root, &eve], 400),
    ];
    for (id, tokens, status) in cases {
        let values: Vec<HeaderValue> =
            tokens.iter().map(|token| HeaderValue::from_str(&format!("Bearer {token}")).unwrap()).collect();
        let layers = auth.clone();
        let client = serve!({
            let values = values.clone();
            App::new()
                .app_data(web::Data::new(layers.clone()))
                .route("/guard", web::get().to(admin))
                .service(web::resource("/layer").wrap(layers.require_roles(["admin"])).to(subject))
                .wrap_fn(move |mut request, inner| {
                    request.headers_mut().remove(AUTHORIZATION);
                    for value in &values {
                        request.headers_mut().append(AUTHORIZATION, value.clone());
                    }
                    inner.call(request)
                })
                .wrap(layers.optional_auth())
        });
        for path in ["/guard", "/layer"] {
            let answer = client.get_with(path, &root).await;
            assert_eq!(answer.status, status, "{path}: {id}");
            assert_eq!(answer.body == "root", status == 200, "{path}: {id}");
        }
    }
}
