//! Servers whose place the issuer takes: each has its own addresses, metadata and tokens, member for member.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_issuer::{Algorithm, LocalIssuer, Shape, base64url};
use serde_json::{Value, json};
use support::{client, discovery_url, get};

async fn server(shape: Shape) -> LocalIssuer {
    LocalIssuer::builder().shape(shape).algorithm(Algorithm::ES256).audience("orders-api").start().await.unwrap()
}

/// Header and claims.
fn parts(token: &str) -> [Value; 2] {
    let part =
        |at| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap();
    [part(0), part(1)]
}

/// The names of its claims, sorted.
fn names(claims: &Value) -> String {
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

fn lifetime(claims: &Value) -> u64 {
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

fn half_hash(text: &str) -> String {
    base64url(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}

/// What the token endpoint gives the service for these further members of a form.
async fn asked_for(issuer: &LocalIssuer, form: &str) -> [Value; 2] {
    let body = format!("grant_type=client_credentials{form}");
    let request = client().post(issuer.token_url()).basic_auth("service", Some("service-secret"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    parts(answer["access_token"].as_str().unwrap())
}

/// Which of the usual addresses of keys and metadata are there.
async fn found(issuer: &LocalIssuer) -> Vec<&'static str> {
    let origin = format!("http://127.0.0.1:{}", issuer.port());
    let mut found = Vec::new();
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/dex",
        "/dex/.well-known/jwks.json",
        "/dex/.well-known/openid-configuration",
        "/dex/.well-known/oauth-authorization-server",
        "/dex/keys",
    ] {
        if get(&format!("{origin}{path}")).await.status() == 200 {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn dex_has_a_path_and_no_keys_at_the_usual_address() {
    let issuer = server(Shape::Dex).await;
    let origin = format!("http://127.0.0.1:{}", issuer.port());
    assert_eq!(issuer.url(), format!("{origin}/dex"));
    assert_eq!([issuer.jwks_url(), issuer.token_url()], ["keys", "token"].map(|name| format!("{origin}/dex/{name}")));
    assert_eq!(found(&issuer).await, ["/dex/.well-known/openid-configuration", "/dex/keys"]);
    let metadata: Value = get(&discovery_url(&issuer)).await.json().await.unwrap();
    assert_eq!(metadata["issuer"], issuer.url());
    assert_eq!([&metadata["jwks_uri"], &metadata["token_endpoint"]], [&issuer.jwks_url(), &issuer.token_url()]);
    assert_eq!(metadata["introspection_endpoint"], format!("{origin}/dex/token/introspect"));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(get(&issuer.jwks_url()).await.text().await.unwrap(), issuer.jwks_json());
}

#[tokio::test]
async fn access_token_of_dex_is_an_id_token_less_the_hash_of_a_code() {
    let issuer = server(Shape::Dex).await;
    let access_token = issuer.token().claim("nonce", "n-0S6_WzA2Mj").sign().unwrap();
    let [header, claims] = parts(&access_token);
    assert_eq!(header, json!({"alg": "ES256", "kid": "es256-1"}));
    assert_eq!(names(&claims), "at_hash aud email email_verified exp iat iss jti name nonce sub");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer.url()), &json!("orders-api")));
    assert_eq!(lifetime(&claims), 86_400);

    let [id_header, id_claims] = parts(&issuer.id_token(&access_token).sign().unwrap());
    assert_eq!(id_header, header);
    assert_eq!(names(&id_claims), "at_hash aud c_hash email email_verified exp iat iss jti name nonce sub");
    assert_eq!(id_claims["at_hash"], half_hash(&access_token));
    assert_ne!((&id_claims["at_hash"], &id_claims["jti"]), (&claims["at_hash"], &claims["jti"]));
    let same = |name: &&str| id_claims[*name] == claims[*name];
    assert!(["iss", "sub", "aud", "exp", "iat", "nonce", "email"].iter().all(same), "{id_claims}");

    // A service asks in vain for an audience or a scope.
    let [header, claims] = asked_for(&issuer, "&audience=billing-api&scope=orders%3Aread").await;
    assert!(!header.as_object().unwrap().contains_key("typ"));
    assert_eq!(names(&claims), "at_hash aud exp iat iss jti sub");
    let user = [b"\x0a\x07".as_slice(), b"service"].concat();
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!("service"), &json!(base64url(user))));
}

#[tokio::test]
async fn hydra_has_its_metadata_by_both_standards() {
    let issuer = server(Shape::Hydra).await;
    assert_eq!(issuer.url(), format!("http://127.0.0.1:{}", issuer.port()));
    assert_eq!(issuer.token_url(), format!("{}/oauth2/token", issuer.url()));
    let all =
        ["jwks.json", "openid-configuration", "oauth-authorization-server"].map(|name| format!("/.well-known/{name}"));
    assert_eq!(found(&issuer).await, all);
    let metadata: Value = get(&discovery_url(&issuer)).await.json().await.unwrap();
    let other: Value = get(&format!("{}{}", issuer.url(), all[2])).await.json().await.unwrap();
    assert_eq!(metadata, other);
    assert_eq!(metadata["revocation_endpoint"], format!("{}/oauth2/revoke", issuer.url()));
    assert_eq!([&metadata["issuer"], &metadata["jwks_uri"]], [issuer.url(), &issuer.jwks_url()]);
}

#[tokio::test]
async fn tokens_of_hydra_have_scp_and_no_audience_but_the_one_that_is_asked_for() {
    let issuer = server(Shape::Hydra).await;
    let access_token = issuer.token().sign().unwrap();
    let [header, claims] = parts(&access_token);
    assert_eq!(header, json!({"alg": "ES256", "kid": "es256-1", "typ": "JWT"}));
    assert_eq!(names(&claims), "aud client_id exp ext iat iss jti nbf scp sub");
    assert_eq!((&claims["aud"], &claims["ext"], &claims["nbf"]), (&json!(["orders-api"]), &json!({}), &claims["iat"]));
    assert_eq!(lifetime(&claims), 3600);

    let [header, id_claims] = parts(&issuer.id_token(&access_token).sign().unwrap());
    assert_eq!(header["typ"], "JWT");
    assert_eq!(names(&id_claims), "acr amr at_hash aud auth_time exp iat iss jti rat sid sub");
    assert_eq!(id_claims["aud"], json!([claims["client_id"]]), "for the front end, not for the API");
    assert_eq!(id_claims["at_hash"], half_hash(&access_token));

    let [_, claims] = asked_for(&issuer, "").await;
    assert_eq!(names(&claims), "aud client_id exp ext iat iss jti nbf scp sub");
    assert_eq!([&claims["aud"], &claims["scp"]], [&json!([]), &json!([])]);
    assert_eq!([&claims["sub"], &claims["client_id"]], ["service", "service"]);
    let [_, claims] = asked_for(&issuer, "&audience=orders-api&scope=orders%3Aread+orders%3Awrite").await;
    assert_eq!([&claims["aud"], &claims["scp"]], [&json!(["orders-api"]), &json!(["orders:read", "orders:write"])]);
}

#[tokio::test]
async fn each_has_the_name_that_it_is_given_and_refresh_tokens_that_nobody_can_read() {
    const NAME: &str = "https://login.example/tenant";
    for (shape, form) in [(Shape::Rampart, 64), (Shape::Dex, 48), (Shape::Hydra, 7 + 43 + 1 + 43)] {
        let issuer = server(shape).await;
        issuer.issues_as(NAME);
        let access_token = issuer.token().sign().unwrap();
        let id_token = issuer.id_token(&access_token).sign().unwrap();
        for token in [access_token, id_token] {
            assert_eq!(parts(&token)[1]["iss"], NAME, "{shape:?}");
        }
        assert_eq!(asked_for(&issuer, "").await[1]["iss"], NAME);
        let metadata: Value = get(&discovery_url(&issuer)).await.json().await.unwrap();
        assert_eq!((&metadata["issuer"], &metadata["jwks_uri"]), (&json!(NAME), &json!(issuer.jwks_url())));
        let refresh_token = issuer.refresh_token();
        assert_eq!(refresh_token.len(), form, "{refresh_token}");
        assert_ne!(refresh_token, issuer.refresh_token());
    }
}
