//! Tenants of Microsoft Entra, which share their keys.

use rampart_core::{AuthError, Grants, Issuer, IssuerResolver, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Endpoint, LocalIssuer, SigningKey};
use serde_json::{Value, json};

use crate::common::{AUDIENCE, ISSUER, all_keys};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "82229342-1101-4ab6-817b-70c0747630f3";
/// Those who have a personal account.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";

fn issuer_of(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// A builder that knows these tenants, with the keys of this server in place of Entra's.
fn knowing(tenants: &[&str], keys: &LocalIssuer) -> RampartAuthBuilder {
    let jwks_url = keys.jwks_url();
    RampartAuth::builder(ISSUER, AUDIENCE).static_jwks(all_keys()).issuers(
        Issuer::entra_tenants(tenants.iter().copied(), API)
            .each(move |issuer, _| issuer.jwks_url(&*jwks_url).allow_private_addresses(true))
            .each(|issuer, tenant| issuer.grants(Grants::nothing().scopes(["tasks.read"]).org_id(tenant))),
    )
}

/// A token that names a tenant in `iss` and, unless it is `null`, something in `tid`.
fn token(key: &SigningKey, keys: &LocalIssuer, iss: &str, tid: &Value) -> String {
    let token = keys.token().key(key).issuer(iss).audience(API).sub("ada").scope("tasks.read tasks.write");
    if tid.is_null() { token.sign().unwrap() } else { token.claim("tid", tid.clone()).sign().unwrap() }
}

#[tokio::test]
async fn tenant_of_the_list_grants_what_is_said_of_each() {
    let keys = LocalIssuer::start().await.unwrap();
    let auth = knowing(&[TENANT, OTHER], &keys).build().unwrap();
    for tenant in [TENANT, OTHER] {
        let claims = auth.verify(&token(&keys.key(), &keys, &issuer_of(tenant), &json!(tenant))).await.unwrap();
        assert_eq!((&*claims.iss, claims.org_id.as_deref()), (&*issuer_of(tenant), Some(tenant)));
        assert!(claims.has_scope("tasks.read") && !claims.has_scope("tasks.write"));
    }
    // Without a word of what they grant, they grant nothing.
    let silent = Issuer::entra_tenants([TENANT], API).resolve(&issuer_of(TENANT)).unwrap();
    let silent = silent.jwks_url(keys.jwks_url()).allow_private_addresses(true);
    let auth = RampartAuth::builder_of(move |_: &str| Some(silent.clone())).build().unwrap();
    let claims = auth.verify(&token(&keys.key(), &keys, &issuer_of(TENANT), &json!(TENANT))).await.unwrap();
    assert!(!claims.has_scope("tasks.read"));
}

#[tokio::test]
async fn is27_token_of_a_tenant_that_is_not_listed_or_says_another_is_refused() {
    let keys = LocalIssuer::start().await.unwrap();
    let auth = knowing(&[TENANT], &keys).max_token_bytes(4 * 1024 * 1024).build().unwrap();
    let refused = async |iss: &str, tid: Value| {
        let verdict = auth.verify(&token(&keys.key(), &keys, iss, &tid)).await;
        assert_eq!(verdict.unwrap_err(), AuthError::InvalidToken, "{iss:.100} {tid}");
    };
    let (upper, long) = (TENANT.to_uppercase(), "a".repeat(1024 * 1024));
    for tenant in [
        OTHER,
        CONSUMERS,
        "{tenantid}",
        "common",
        "organizations",
        "consumers",
        "",
        "a/b",
        "..",
        "%2e%2e",
        &upper,
        &long,
    ] {
        refused(&issuer_of(tenant), json!(TENANT)).await;
        refused(&issuer_of(tenant), json!(tenant)).await;
    }
    let exact = issuer_of(TENANT);
    for iss in [
        &*exact.replace("https", "http"),
        &exact.replace(".com", ".com."),
        &exact.replace("/v2.0", "/v2.0/"),
        &exact.replace("/v2.0", ""),
        &format!("https://sts.windows.net/{TENANT}/"),
        &exact.replace(".com/", ".com//"),
        &format!("{exact}{exact}"),
    ] {
        refused(iss, json!(TENANT)).await;
    }
    assert_eq!(keys.requests(Endpoint::Jwks), 0, "a foreign tenant made the API fetch keys");
    // Known without keys, too.
    for tid in [json!(OTHER), json!(null), json!([TENANT]), json!({"tid": TENANT}), json!(1), json!(upper), json!("")] {
        refused(&exact, tid).await;
    }
    assert_eq!(keys.requests(Endpoint::Jwks), 0, "a token of two tenants made the API fetch keys");
    assert!(auth.verify(&token(&keys.key(), &keys, &exact, &json!(TENANT))).await.is_ok());
    assert_eq!(keys.requests(Endpoint::Jwks), 1);
}

#[test]
fn list_of_tenants_that_could_match_nobody_is_refused() {
    let upper = TENANT.to_uppercase();
    for (tenants, audience, field) in [
        (&[][..], API, "issuers"),
        (&[TENANT, "common"], API, "issuers"),
        (&[&*upper], API, "issuers"),
        (&[""], API, "issuers"),
        (&["example.onmicrosoft.com"], API, "issuers"),
        (&[TENANT], "", "audience"),
    ] {
        let tenants = Issuer::entra_tenants(tenants.iter().copied(), audience);
        let shown = format!("{tenants:?}");
        let error = RampartAuth::builder_of(tenants).build().unwrap_err();
        assert_eq!(error.field(), field, "{shown}");
    }
    let error = RampartAuth::of(Issuer::entra("common", API)).unwrap_err().to_string();
    assert!(error.contains("GUID in lower case") && error.contains("entra_tenants"), "{error}");
}
