//! The revocation endpoint (RFC 7009).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

mod support;

use rampart_issuer::{Endpoint, Fault};
use serde_json::Value;
use support::{client, get, inactive, issuer, said};

#[tokio::test]
async fn revoked_tokens_are_inactive_and_others_are_not() {
    let issuer = issuer().await;
    let token = issuer.token().claim("jti", "1").sign().unwrap();
    let (opaque, other) = (issuer.opaque().issue(), issuer.token().claim("jti", "2").sign().unwrap());
    let revoke = |token: &str| {
        let form = [("token", token), ("token_type_hint", "refresh_token")];
        client().post(issuer.revocation_url()).basic_auth("service", Some("service-secret")).form(&form).send()
    };
    for token in [&token, &opaque, "unknown", &*token] {
        let answer = revoke(token).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        assert_eq!(answer.text().await.unwrap(), "");
        assert_eq!(said(&issuer, token).await, inactive());
    }
    assert_eq!(said(&issuer, &other).await["active"], true);
    assert_eq!(issuer.requests(Endpoint::Revocation), 4);
    issuer.inject(Endpoint::Revocation, Fault::status(503));
    assert_eq!(revoke(&other).await.unwrap().status(), 503);
    assert_eq!(said(&issuer, &other).await["active"], true);
}

#[tokio::test]
async fn whoever_is_no_client_revokes_nothing() {
    let issuer = issuer().await;
    let token = issuer.opaque().issue();
    let url = issuer.revocation_url();
    let form = [("token", &*token)];
    let ask = || client().post(&url);
    for (wrong, status, error) in [
        (ask().form(&form), 401, "invalid_client"),
        (ask().form(&form).basic_auth("service", Some("wrong")), 401, "invalid_client"),
        (ask().form(&form).bearer_auth(&token), 401, "invalid_client"),
        (ask().form(&[form[0], form[0]]).basic_auth("service", Some("service-secret")), 400, "invalid_request"),
        (ask().form(&[("x", "y")]).basic_auth("service", Some("service-secret")), 400, "invalid_request"),
    ] {
        let answer = wrong.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers().contains_key("www-authenticate"), status == 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], error);
    }
    assert_eq!(get(&format!("{url}?token={token}")).await.status(), 405);
    assert_eq!(said(&issuer, &token).await["active"], true);
}
