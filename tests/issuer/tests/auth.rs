//! The auth object that the issuer makes: one of the core, with every default.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use rampart_core::AuthError;
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer};
use support::issuer;

#[tokio::test]
async fn token_of_the_issuer_is_accepted_and_one_of_another_is_not() {
    let (own, other) = (issuer().await, issuer().await);
    let auth = own.auth().unwrap();
    let claims = auth.verify(&own.token().sub("ada").roles(["editor"]).sign().unwrap()).await.unwrap();
    assert_eq!((claims.sub.as_str(), claims.roles.as_slice()), ("ada", ["editor".to_owned()].as_slice()));
    assert_eq!(claims.iss, own.url());
    // The same key ID and algorithm, another key and issuer.
    assert_eq!(own.key().kid(), other.key().kid());
    assert_eq!(auth.verify(&other.token().sign().unwrap()).await.unwrap_err(), AuthError::InvalidToken);
    let forged = own.token().key(&other.key()).sign().unwrap();
    assert_eq!(auth.verify(&forged).await.unwrap_err(), AuthError::InvalidToken);
}

#[tokio::test]
async fn audience_is_that_of_the_issuer() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).audience("shop-web").start().await.unwrap();
    let auth = issuer.auth().unwrap();
    assert!(auth.verify(&issuer.token().sign().unwrap()).await.is_ok());
    let elsewhere = issuer.token().audience(vec!["task-api"]).sign().unwrap();
    assert_eq!(auth.verify(&elsewhere).await.unwrap_err(), AuthError::InvalidToken);
}

#[tokio::test]
async fn keys_are_fetched_from_the_issuer_so_that_its_faults_are_met() {
    let issuer = issuer().await;
    let token = issuer.token().sign().unwrap();
    let auth = issuer.auth().unwrap();
    assert_eq!(issuer.requests(Endpoint::Jwks), 0, "none before the first token");
    assert!(auth.verify(&token).await.is_ok());
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
    issuer.inject(Endpoint::Jwks, Fault::status(500));
    let fresh = issuer.auth().unwrap();
    assert!(!fresh.is_same(&auth));
    assert!(matches!(fresh.verify(&token).await.unwrap_err(), AuthError::KeysUnavailable { .. }));
    assert!(auth.verify(&token).await.is_ok(), "it has its keys");
}

#[tokio::test]
async fn algorithms_are_those_of_the_default() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::EdDSA).start().await.unwrap();
    let token = issuer.token().sign().unwrap();
    assert_eq!(issuer.auth().unwrap().verify(&token).await.unwrap_err(), AuthError::InvalidToken);
    let key = issuer.add_key(Algorithm::ES256).unwrap();
    let token = issuer.token().key(&key).sign().unwrap();
    assert!(issuer.auth().unwrap().verify(&token).await.is_ok());
}

#[tokio::test]
async fn audience_that_no_token_can_match_is_a_mistake_that_is_told() {
    let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).audience("").start().await.unwrap();
    let error = issuer.auth().unwrap_err();
    assert_eq!(error.field(), "audience");
    assert!(error.to_string().starts_with("audience: "), "{error}");
}
