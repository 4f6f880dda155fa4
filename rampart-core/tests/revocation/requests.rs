//! Where revocations are asked: whatever a request has passed before, and before its proof is spent.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_core::adapter::{Authorization, RequestHead, Verification};
use rampart_core::{
    AnyUser, AuthError, Dpop, Insertion, ReplayStore, Revocation, Revocations, Rule, Spending, SpentProof, StoreHealth,
};
use rampart_issuer::{DpopKey, LocalIssuer};
use tokio::time::Instant;

use crate::common::{ISSUER, NOW, at, ready};
use crate::ground::{Ground, named};
use crate::store::{Mode, Store};
use crate::threads::ask_around;

#[test]
fn rv06_revocation_is_asked_of_known_tokens_by_every_way_in() {
    let ground = Ground::new();
    let token = named().sign();
    let head = Authorization::new([format!("Bearer {token}")]);
    assert!(ground.present(&token).is_ok(), "known from now on");
    ground.revoke(Revocation::token(ISSUER, "token-1"));
    for auth in [&ground.cached, &ground.uncached] {
        let revoked = Some(AuthError::TokenRevoked);
        assert_eq!(ready(auth.verify(&token)).err(), revoked);
        assert_eq!(ready(auth.authenticate([format!("Bearer {token}")])).err(), revoked);
        assert_eq!(ready(auth.authenticate_optional([format!("Bearer {token}")])).err(), revoked);
        assert_eq!(ready(auth.verify_with(&head)).err(), revoked);
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("nothing to wait for") };
        assert_eq!(fresh.outcome().required::<AnyUser>().unwrap_err().error(), &AuthError::TokenRevoked);
        let kept = fresh.into_verified();
        let second = kept.by(auth, &head).unwrap().required::<AnyUser>();
        assert_eq!(second.unwrap_err().error(), &AuthError::TokenRevoked, "the second guard");
    }
}

#[test]
fn rv06_revocation_stops_a_token_that_many_threads_share() {
    let ground = Ground::new();
    let token = named().sign();
    let ask = || ready(ground.cached.verify(&token)).map(drop);
    ask_around(
        || ground.revoke(Revocation::token(ISSUER, "token-1")),
        || assert_eq!(ask(), Ok(())),
        || assert_eq!(ask(), Err(AuthError::TokenRevoked)),
    );
}

/// Keys that must be fetched first.
#[tokio::test]
async fn rv06_revocation_is_asked_of_a_request_that_has_waited_for_keys() {
    let issuer = LocalIssuer::start().await.unwrap();
    let list = Revocations::new();
    let auth = rampart_core::RampartAuth::builder(issuer.url(), issuer.audience()).revocations(list.clone());
    let auth = auth.build().unwrap();
    let token = issuer.token().sub("user-1").sign().unwrap();
    list.revoke(Revocation::subject(issuer.url(), "user-1")).await.unwrap();
    let said = auth.authenticate([format!("Bearer {token}")]).await;
    assert_eq!(said.err(), Some(AuthError::TokenRevoked));
    assert!(auth.verify(&issuer.token().sub("user-2").sign().unwrap()).await.is_ok());
}

#[test]
fn rv01_refusal_is_an_event_with_a_rule_of_its_own() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&seen);
    let ground = Ground::with(move |builder| {
        let events = Arc::clone(&events);
        builder.on_event(move |event| {
            if let rampart_core::Event::TokenRefused(token) = event {
                events.lock().push((token.rule(), token.error().clone()));
            }
        })
    });
    ground.revoke(Revocation::token(ISSUER, "token-1"));
    assert!(!ground.passes(&named()));
    let seen = seen.lock();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|event| *event == (Rule::R1, AuthError::TokenRevoked)), "{seen:?}");
}

/// Remembers nothing, and how often it was asked.
#[derive(Debug, Default)]
struct Counting(Mutex<usize>);

impl ReplayStore for Counting {
    fn insert_new(&self, _: &SpentProof) -> Insertion {
        *self.0.lock() += 1;
        Insertion::Done(Ok(Spending::New))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}

struct Bound {
    authorization: String,
    proof: String,
}

impl RequestHead for Bound {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let value = match name {
            "authorization" => Some(&self.authorization),
            "dpop" => Some(&self.proof),
            _ => None,
        };
        value.into_iter().map(String::as_bytes)
    }

    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &'static str {
        "/orders"
    }
}

#[tokio::test(start_paused = true)]
async fn dp71_proof_of_a_token_that_is_revoked_or_of_which_nobody_knows_is_not_spent() {
    let issuer = LocalIssuer::start().await.unwrap();
    let (shared, start) = (Store::new(), Instant::now());
    let list = Revocations::over(shared.way()).__uptime(move || start.elapsed()).start().unwrap();
    list.loaded().await.unwrap();
    let (store, key) = (Arc::new(Counting::default()), DpopKey::generate().unwrap());
    let auth = rampart_core::RampartAuth::builder(issuer.url(), issuer.audience())
        .static_jwks(issuer.jwks_json())
        .clock(|| at(Duration::from_secs(NOW)))
        .dpop(Dpop::required().public_url("https://api.example").replay(Arc::clone(&store) as Arc<dyn ReplayStore>))
        .revocations(list.clone())
        .build()
        .unwrap();
    let request = |user: &str| {
        let token = issuer.token().at(NOW).claim("sub", user).bound_to(&key).sign().unwrap();
        let proof = key.proof("GET", "https://api.example/orders").access_token(&token).at(NOW).sign().unwrap();
        Bound { authorization: format!("DPoP {token}"), proof }
    };
    assert!(auth.verify_with(&request("user-1")).await.is_ok());
    assert_eq!(*store.0.lock(), 1);
    list.revoke(Revocation::subject(issuer.url(), "user-1")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(auth.verify_with(&request("user-1")).await.err(), Some(AuthError::TokenRevoked));
    }
    assert_eq!(*store.0.lock(), 1);
    assert!(auth.verify_with(&request("user-2")).await.is_ok());
    shared.set(Mode::Down);
    tokio::time::sleep(Duration::from_secs(70)).await;
    let said = auth.verify_with(&request("user-2")).await.err();
    assert!(matches!(said, Some(AuthError::StateUnavailable { .. })), "{said:?}");
    assert_eq!(*store.0.lock(), 2);
}
