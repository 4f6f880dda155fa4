//! Tenants of Microsoft Entra, which share their keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rampart_core::{AuthError, Event, Grants, Issuer, IssuerResolver, RampartAuth, RampartAuthBuilder, Rule};
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer, SigningKey};
use serde_json::{Value, json};

use crate::common::{AUDIENCE, EC, ISSUER, all_keys, key_set};

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

/// The keys of a set, each with what its member `issuer` says.
fn published(keys: &[(&SigningKey, Value)]) -> String {
    key_set(keys.iter().map(|(key, issuer)| {
        let mut jwk = key.public_jwk();
        jwk.as_object_mut().unwrap().insert("issuer".into(), issuer.clone());
        jwk
    }))
}

#[tokio::test]
async fn is28_key_that_is_published_for_another_issuer_signs_nothing() {
    let keys = LocalIssuer::start().await.unwrap();
    let key = |kid: &str| SigningKey::generate(Algorithm::ES256, kid).unwrap();
    let (any, ours, consumers, both) = (key("any"), key("ours"), key("consumers"), key("both"));
    keys.set_jwks_body(Some(published(&[
        (&any, json!(issuer_of("{tenantid}"))),
        (&ours, json!(issuer_of(TENANT))),
        (&consumers, json!(issuer_of(CONSUMERS))),
        (&both, json!(issuer_of(CONSUMERS))),
        (&both, json!(issuer_of("{tenantid}"))),
        (&EC, json!("not an address")),
    ])));
    let refusals = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refusals);
    let on_event = move |event: &Event<'_>| {
        if let Event::TokenRefused(refused) = event {
            assert_eq!(refused.rule(), Rule::V4);
            count.fetch_add(1, Ordering::Relaxed);
        }
    };
    for cache_bytes in [0, 1 << 20] {
        let auth = knowing(&[TENANT, OTHER, CONSUMERS], &keys).on_event(on_event.clone());
        let auth = auth.token_cache_bytes(cache_bytes).build().unwrap();
        for (key, tenant, is_good) in [
            (&any, TENANT, true),
            (&any, OTHER, true),
            (&any, CONSUMERS, true),
            (&ours, TENANT, true),
            (&ours, OTHER, false),
            (&consumers, TENANT, false),
            (&consumers, CONSUMERS, true),
            (&both, TENANT, true),
            (&*EC, TENANT, true),
        ] {
            let token = token(key, &keys, &issuer_of(tenant), &json!(tenant));
            for _ in 0..2 {
                let verdict = auth.verify(&token).await.map(|claims| claims.sub.clone());
                let expected = if is_good { Ok("ada".to_owned()) } else { Err(AuthError::InvalidToken) };
                assert_eq!(verdict, expected, "{} {tenant}", key.kid());
            }
        }
    }
    assert_eq!(refusals.load(Ordering::Relaxed), 8);
    // One fetch for each tenant of each object: a key of another's makes nobody look for a newer one.
    assert_eq!(keys.requests(Endpoint::Jwks), 6);
}

/// With fixed keys and with an alias: the member is read wherever a key comes from.
#[tokio::test]
async fn is28_key_of_a_fixed_set_is_for_its_issuer_or_an_alias() {
    let keys = LocalIssuer::start().await.unwrap();
    let set = published(&[(&EC, json!("https://alias.example"))]);
    let token = keys.token().key(&EC).issuer(ISSUER).audience(AUDIENCE).sign().unwrap();
    let builder = || RampartAuth::builder(ISSUER, AUDIENCE).static_jwks(set.clone());
    assert_eq!(builder().build().unwrap().verify(&token).await.unwrap_err(), AuthError::InvalidToken);
    assert!(builder().aliases(["https://alias.example"]).build().unwrap().verify(&token).await.is_ok());
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
