//! What was revoked here, whatever the issuer says of it.

use rampart_core::AuthError::{InvalidToken, TokenRevoked};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rampart_core::{Event, Introspection, RampartAuth, RampartAuthBuilder, Revocation, Revocations};
use serde_json::json;

use crate::common::{Desk, ISSUER, NOW, TOKEN, active, builder, error, jwt, with, without};

fn auth(introspection: Introspection, revocations: &Revocations) -> RampartAuth {
    builder().introspection(introspection).revocations(revocations.clone()).build().unwrap()
}

/// RV06
#[tokio::test(start_paused = true)]
async fn opaque_token_whose_answer_is_remembered_is_refused_once_it_is_revoked() {
    let revocations: [Revocation; 4] = [
        Revocation::subject(ISSUER, "user-1").into(),
        Revocation::client(ISSUER, "web").into(),
        Revocation::token(ISSUER, "id-1").into(),
        Revocation::issuer(ISSUER),
    ];
    for revocation in revocations {
        let (desk, list) = (Desk::saying(with("jti", "id-1")), Revocations::new());
        let auth = auth(Introspection::of(desk.clone()), &list);
        assert!(auth.verify(TOKEN).await.is_ok());
        list.revoke(revocation.clone()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(error(auth.verify(TOKEN).await), Some(TokenRevoked), "{revocation:?}");
        }
        assert_eq!(desk.asked(), 1);
    }
}

/// Its issuer is the one that was asked, and its date is unknown.
#[tokio::test(start_paused = true)]
async fn answer_that_says_little_can_be_revoked_by_what_it_says() {
    let (desk, list) = (Desk::saying(without(&["iss", "iat", "exp"])), Revocations::new());
    let auth = auth(Introspection::of(desk), &list);
    assert!(auth.verify(TOKEN).await.is_ok());
    list.revoke(Revocation::subject(ISSUER, "user-1").issued_before(NOW - 3600)).await.unwrap();
    assert_eq!(error(auth.verify(TOKEN).await), Some(TokenRevoked));
}

#[tokio::test(start_paused = true)]
async fn jwt_that_the_issuer_narrows_is_refused_once_it_is_revoked() {
    for answer in [active(), with("scope", "tasks:read")] {
        let (token, desk, list) = (jwt(json!({"jti": "id-1"})), Desk::default(), Revocations::new());
        desk.say(&token, answer);
        let auth = auth(Introspection::of(desk).every_token(), &list);
        assert!(auth.verify(&token).await.is_ok());
        list.revoke(Revocation::token(ISSUER, "id-1")).await.unwrap();
        assert_eq!(error(auth.verify(&token).await), Some(TokenRevoked));
    }
}

#[tokio::test(start_paused = true)]
async fn builder_warns_where_tokens_without_an_end_may_outlive_what_revokes_them() {
    let told = |set_up: fn(RampartAuthBuilder) -> RampartAuthBuilder| {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let builder = builder().on_event(move |event| {
            if matches!(event, Event::RevocationsOutlived) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        set_up(builder).build().unwrap();
        seen.load(Ordering::Relaxed)
    };
    assert_eq!(
        told(|builder| builder.introspection(Introspection::of(Desk::default())).revocations(Revocations::new())),
        1
    );
    assert_eq!(told(|builder| builder.introspection(Introspection::of(Desk::default()))), 0);
    assert_eq!(told(|builder| builder.revocations(Revocations::new())), 0);
}

#[tokio::test(start_paused = true)]
async fn answer_about_a_token_that_would_outlive_its_revocation_is_refused() {
    let list = Revocations::new();
    let said =
        async |exp: u64| error(auth(Introspection::of(Desk::saying(with("exp", exp))), &list).verify(TOKEN).await);
    assert_eq!(said(NOW + 24 * 3600).await, None);
    assert_eq!(said(NOW + 24 * 3600 + 6).await, Some(InvalidToken));
}
