//! What a listener is told, and what it is not.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Draft, builder, fresh, ready};
use parking_lot::Mutex;
use rampart_core::adapter::Gate;
use rampart_core::{AuthError, Event, Policy, RampartAuth, Rule, roles};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};

roles!(Admin = "admin");

/// Everything that is told, as its `Debug`.
fn listening() -> (RampartAuth, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let auth = builder().on_event(move |event| heard.lock().push(format!("{event:?}"))).build().unwrap();
    (auth, told)
}

#[test]
fn listener_is_told_once_of_each_decision_against_a_request() {
    let (auth, told) = listening();
    let take = || std::mem::take(&mut *told.lock());
    let good = format!("Bearer {}", Draft::good().sign());
    assert!(fresh(&auth, [&good]).outcome().required::<rampart_core::AnyUser>().is_ok());
    assert_eq!(take(), [""; 0], "a good token is no news");

    fresh(&auth, [""; 0]).outcome().required::<rampart_core::AnyUser>().unwrap_err();
    assert_eq!(take(), ["TokenMissing"]);

    fresh(&auth, [&good]).outcome().required::<Admin>().unwrap_err();
    assert_eq!(take(), [r#"Insufficient { error: InsufficientRole { required: ["admin"] } }"#]);

    ready(auth.verify("a.b")).unwrap_err();
    let why = "the token does not have exactly three parts";
    assert_eq!(take(), [format!("TokenRefused(RefusedToken {{ error: InvalidToken, rule: V2, why: {why:?}, .. }})")]);
}

#[test]
fn listener_is_told_of_a_policy_that_denies_everyone() {
    let (auth, told) = listening();
    let take = || std::mem::take(&mut *told.lock());
    let good = format!("Bearer {}", Draft::good().sign());
    let verified = fresh(&auth, [&good]);
    let outcome = verified.outcome();
    let policy = Policy::roles(["a"]).or(Policy::roles([""; 0]));
    let expected = [
        r#"PolicyDeniesEveryone { why: "the list of roles or scopes is empty" }"#,
        "Insufficient { error: InsufficientRole { required: [] } }",
    ];
    outcome.pass(&Gate::policy(policy.clone())).unwrap_err();
    assert_eq!(take(), expected, "by a layer");
    let claims = outcome.required::<rampart_core::AnyUser>().unwrap();
    outcome.inquiry().require(Some(&claims), &policy).unwrap_err();
    assert_eq!(take(), expected, "in a handler");
}

#[test]
fn listener_learns_error_rule_and_reason_and_nothing_of_the_token() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let auth = builder()
        .on_event(move |event| {
            if let Event::TokenRefused(token) = event {
                told.lock().push((token.error().clone(), token.rule(), token.why(), format!("{event:?} {token:?}")));
            }
        })
        .build()
        .unwrap();
    let cases = [
        (Draft::good().claim("exp", "1").sign(), AuthError::TokenExpired, Rule::V9),
        (Draft::good().without("aud").sign(), AuthError::missing_claim("aud"), Rule::V6b),
        (Draft::good().claim("iss", r#""https://secret.example""#).sign(), AuthError::InvalidToken, Rule::V7),
        (Draft::good().claim("aud", r#""secret""#).sign(), AuthError::InvalidToken, Rule::V8),
        (Draft::good().header("kid", r#""secret""#).sign(), AuthError::InvalidToken, Rule::V4),
    ];
    for (token, error, rule) in cases {
        assert_eq!(ready(auth.verify(&token)).err(), Some(error.clone()));
        let (told_error, told_rule, why, debug) = seen.lock().pop().unwrap();
        assert_eq!((told_error, told_rule), (error, rule));
        assert!(!why.is_empty() && !debug.contains("secret") && !debug.contains("user-1"), "{debug}");
    }
    assert!(seen.lock().is_empty());
}

#[test]
fn listeners_are_told_in_their_order() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut builder = builder();
    for number in 0..3 {
        let order = Arc::clone(&order);
        builder = builder.on_event(move |_| order.lock().push(number));
    }
    ready(builder.build().unwrap().verify("x")).unwrap_err();
    assert_eq!(*order.lock(), [0, 1, 2]);
}

/// Nothing is locked meanwhile: what a listener asks of the object is answered.
#[tokio::test]
async fn listener_may_call_the_object_that_tells_it() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.inject_times(Endpoint::Jwks, &Fault::status(500), 1);
    let (itself, heard) = (Arc::new(Mutex::new(None::<RampartAuth>)), Arc::new(Mutex::new(Vec::new())));
    let (asks, told) = (Arc::clone(&itself), Arc::clone(&heard));
    let auth = RampartAuth::builder(issuer.url(), issuer.audience())
        .on_event(move |event| {
            let auth = asks.lock().clone().unwrap();
            let error = auth.health().last_error;
            assert_eq!(ready(auth.authenticate_optional([""; 0])).map(|claims| claims.is_none()), Ok(true));
            let what = match event {
                Event::KeyFetchFailed { url, failures, retry_in, error: why, .. } => {
                    assert_eq!(error, Some(format!("{url}: {why}")));
                    assert!(*retry_in >= Duration::from_millis(250));
                    format!("failed {failures}")
                }
                Event::KeysFetched { keys, .. } => format!("fetched {keys}"),
                other => format!("{other:?}"),
            };
            told.lock().push(what);
        })
        .build()
        .unwrap();
    *itself.lock() = Some(auth.clone());
    auth.warm_up().await.unwrap_err();
    while auth.warm_up().await.is_err() {
        tokio::task::yield_now().await;
    }
    auth.verify(&issuer.token().sign().unwrap()).await.unwrap();
    assert_eq!(*heard.lock(), ["failed 1", "fetched 1"]);
    *itself.lock() = None;
}

#[tokio::test]
async fn listener_is_told_of_what_could_not_be_decided_and_of_a_token_that_is_missing() {
    let issuer = LocalIssuer::start().await.unwrap();
    issuer.inject(Endpoint::Jwks, Fault::status(500));
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let auth = RampartAuth::builder(issuer.url(), issuer.audience())
        .on_event(move |event| match event {
            Event::TokenMissing => heard.lock().push("missing".to_owned()),
            Event::TokenRefused(token) => heard.lock().push(format!("{} {}", token.rule(), token.error().status())),
            _ => {}
        })
        .build()
        .unwrap();
    let token = issuer.token().sign().unwrap();
    for _ in 0..3 {
        auth.verify(&token).await.unwrap_err();
    }
    assert_eq!(std::mem::take(&mut *told.lock()), ["V4 503"; 3]);
    auth.authenticate([""; 0]).await.unwrap_err();
    auth.verify_with(&rampart_core::adapter::Authorization::new([""; 0])).await.unwrap_err();
    assert!(auth.authenticate_optional([""; 0]).await.unwrap().is_none());
    assert_eq!(*told.lock(), ["missing"; 2]);
}

/// Keys are taken, and those who wait are told, before whoever listens.
#[tokio::test]
async fn listener_that_panics_over_an_entry_of_the_set_keeps_nobody_from_the_keys() {
    let issuer = LocalIssuer::start().await.unwrap();
    let set = issuer.jwks_json().replacen(r#""keys":["#, r#""keys":[{"kty":"RSA"},"#, 1);
    assert!(set.contains(r#"{"kty":"RSA"}"#), "{set}");
    issuer.set_jwks_body(Some(set));
    let seen = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&seen);
    let auth = RampartAuth::builder(issuer.url(), issuer.audience())
        .on_event(move |event| {
            if let Event::KeySkipped { position: 0, is_fault: true, .. } = event {
                *counter.lock() += 1;
                panic!("a bug of the application");
            }
        })
        .build()
        .unwrap();
    auth.verify(&issuer.token().sign().unwrap()).await.unwrap();
    while *seen.lock() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((auth.health().keys, auth.health().last_error), (1, None));
    assert_eq!(issuer.requests(Endpoint::Jwks), 1);
}
