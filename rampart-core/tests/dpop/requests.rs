//! A request is one, however many look at it: and what of it counts.

use std::sync::Arc;

use rampart_core::adapter::{Authorization, Flights, Verification, Verified};
use rampart_core::{
    AnyUser, AuthError, Dpop, Insertion, RampartAuth, ReplayStore, Rule, Spending, SpentProof, StoreHealth,
};
use rampart_issuer::LocalIssuer;

use super::common::*;

const GOOD: &str = "user-1";
const BAD: &str = "401 invalid_dpop_proof";

fn dpop() -> Dpop {
    Dpop::accepted().public_url(API)
}

/// What a further guard says of a request with which an outcome is kept.
fn again(auth: &RampartAuth, head: &Request, kept: &mut Verified) -> String {
    let said = |outcome: rampart_core::adapter::Outcome<'_>| match outcome.required::<AnyUser>() {
        Ok(claims) => claims.sub.clone(),
        Err(rejection) => format!("{} {}", rejection.status(), rejection.error().code()),
    };
    if let Some(outcome) = kept.by(auth, head) {
        return said(outcome);
    }
    let Verification::Ready(fresh) = auth.verification_after(head, Some(kept)) else { panic!("waits") };
    let fresh = fresh.after(Some(kept));
    let answer = said(fresh.outcome());
    *kept = fresh.into_verified();
    answer
}

#[test]
fn dp47_proof_is_spent_once_a_request() {
    for ground in [Ground::new(dpop()), Ground::new(dpop()).without_cache()] {
        let head = ground.good();
        let mut kept = fresh(&ground.auth, &head).into_verified();
        for _ in 0..3 {
            assert_eq!(again(&ground.auth, &head, &mut kept), GOOD);
        }
        // A router within rewrites the path, a form the method: the request is the same.
        let rewritten = Request { path: "/", method: "DELETE", ..head.clone() };
        assert_eq!(again(&ground.auth, &rewritten, &mut kept), GOOD);
        assert_eq!(said(&ground.auth, &head), BAD, "of another request");
    }
}

#[test]
fn dp47_objects_of_one_store_spend_it_once_and_each_asks_for_itself() {
    let store: Arc<dyn ReplayStore> = Arc::new(Remembering::default());
    let objects = || Ground::new(dpop().replay(Arc::clone(&store)));
    let (one, other) = (objects(), objects());
    let head = one.good();
    let mut kept = fresh(&one.auth, &head).into_verified();
    for auth in [&one.auth, &other.auth, &one.auth, &other.auth] {
        assert_eq!(again(auth, &head, &mut kept), GOOD);
    }
    for auth in [&one.auth, &other.auth] {
        assert_eq!(said(auth, &head), BAD, "of another request");
    }
    // Where each has its own, each has spent it.
    let (one, other) = (Ground::new(dpop()), Ground::new(dpop()));
    let mut kept = fresh(&one.auth, &head).into_verified();
    for auth in [&one.auth, &other.auth, &one.auth, &other.auth] {
        assert_eq!(again(auth, &head, &mut kept), GOOD);
    }
}

#[test]
fn dp47_headers_that_are_replaced_between_two_guards_are_judged_anew() {
    let ground = Ground::new(dpop());
    let token = ground.bound();
    let other_token = ground.issuer.token().at(NOW).claim("sub", "user-2").bound_to(&KEY).sign().unwrap();
    let [one, two] = [(); 2].map(|()| proof(&token).sign().unwrap());
    let head =
        |token: &str, proofs: &[&String]| Request::new("DPoP", token, proofs.iter().map(|proof| (*proof).clone()));
    let begin = || {
        let made = proof(&token).sign().unwrap();
        let head = head(&token, &[&made]);
        (fresh(&ground.auth, &head).into_verified(), made)
    };
    let (mut kept, _) = begin();
    assert_eq!(again(&ground.auth, &head(&token, &[&one]), &mut kept), GOOD, "another good proof");
    let (mut kept, made) = begin();
    assert_eq!(again(&ground.auth, &head(&token, &[&made, &made]), &mut kept), BAD, "twice");
    let (mut kept, _) = begin();
    assert_eq!(again(&ground.auth, &head(&token, &[]), &mut kept), BAD, "none");
    let (mut kept, made) = begin();
    assert_eq!(again(&ground.auth, &head(&other_token, &[&made]), &mut kept), BAD, "another token");
    let (mut kept, made) = begin();
    assert_eq!(
        again(
            &ground.auth,
            &Request { authorization: vec![format!("Bearer {token}")], ..head(&token, &[&made]) },
            &mut kept
        ),
        "401 invalid_token"
    );
    // One that was spent by another request stays so.
    assert_eq!(said(&ground.auth, &head(&token, &[&two])), GOOD);
    let (mut kept, _) = begin();
    assert_eq!(again(&ground.auth, &head(&token, &[&two]), &mut kept), BAD);
}

#[test]
fn dp72_values_are_not_joined() {
    let ground = Ground::new(dpop());
    let token = ground.bound();
    let made = proof(&token).sign().unwrap();
    let (first, second) = made.split_at(made.len() / 2);
    let cut = Request::new("DPoP", &token, [first.to_owned(), second.to_owned()]);
    let kept = fresh(&ground.auth, &cut).into_verified();
    assert!(kept.by(&ground.auth, &cut).is_some());
    let whole = Request::new("DPoP", &token, [made.clone()]);
    assert!(kept.by(&ground.auth, &whole).is_none());
    // Nor is a value of one field taken for one of the other.
    let swapped = Request { authorization: vec![made], proofs: vec![format!("DPoP {token}")], ..whole.clone() };
    assert!(fresh(&ground.auth, &whole).into_verified().by(&ground.auth, &swapped).is_none());
    assert_eq!(said(&ground.auth, &Request { authorization: vec![], ..whole }), "401 unauthorized");
}

#[test]
fn cl09_ways_of_asking_that_see_no_proof_let_no_bound_token_pass() {
    let ground = Ground::new(dpop());
    let head = ground.good();
    let token = head.authorization[0].strip_prefix("DPoP ").unwrap().to_owned();
    assert_eq!(said(&ground.auth, &head), GOOD, "and it is in the cache now");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = |ground: &Ground, token: &str| {
        for value in [format!("Bearer {token}"), format!("DPoP {token}")] {
            let asked = ground.auth.authenticate([&value]);
            assert_eq!(runtime.block_on(asked).unwrap_err(), AuthError::InvalidToken, "{value}");
            let asked = ground.auth.authenticate_optional([&value]);
            assert_eq!(runtime.block_on(asked).unwrap_err(), AuthError::InvalidToken, "{value}");
            let head = Authorization::new([&value]);
            let Verification::Ready(fresh) = ground.auth.verification(&head) else { panic!("waits") };
            assert_eq!(fresh.outcome().required::<AnyUser>().unwrap_err().status(), 401);
        }
        assert_eq!(runtime.block_on(ground.auth.verify(token)).unwrap_err(), AuthError::InvalidToken);
    };
    refused(&ground, &token);
    refused(&Ground::new(Dpop::required().public_url(API)), &ground.unbound());
    // And one that is bound to nothing passes all of them.
    let unbound = ground.unbound();
    assert_eq!(runtime.block_on(ground.auth.verify(&unbound)).unwrap().sub, GOOD);
    assert_eq!(runtime.block_on(ground.auth.authenticate([format!("Bearer {unbound}")])).unwrap().sub, GOOD);
}

/// While keys are fetched nothing of the request is there any more: what counts of it was read before.
#[tokio::test]
async fn request_that_waits_for_keys_is_judged_by_what_it_brought() {
    let issuer = LocalIssuer::start().await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let token = issuer.token().bound_to(&KEY).sign().unwrap();
    let good = || KEY.proof("GET", ORDERS).access_token(&token).at(now).sign().unwrap();
    let too_long = format!("{}.{}", good(), "a".repeat(9000));
    for (proofs, expected) in [
        (vec![good()], Ok(())),
        (vec![], Err(401)),
        (vec![good(), good()], Err(401)),
        (vec![too_long], Err(401)),
        (vec![KEY.proof("POST", ORDERS).access_token(&token).at(now).sign().unwrap()], Err(401)),
    ] {
        let cold = RampartAuth::builder(issuer.url(), issuer.audience())
            .dpop(dpop().insecure_trust_start(true))
            .build()
            .unwrap();
        let head = Request::new("DPoP", &token, proofs);
        let Verification::Pending(pending) = cold.verification(&head) else { panic!("there are no keys yet") };
        // Guards that are asked at the same time share it.
        let mut flights = Flights::default();
        let flight = flights.begin(pending);
        let second = flights.of(&cold, &head).unwrap();
        for waiting in [flight, second] {
            let fresh = waiting.await;
            let outcome = fresh.outcome().required::<AnyUser>().map(drop);
            assert_eq!(outcome.map_err(|rejection| rejection.status()), expected);
        }
    }
}

/// The log and listeners learn the rule; the caller does not.
#[test]
fn each_rule_is_told_by_its_name() {
    use std::sync::Mutex;
    let rules: Arc<Mutex<Vec<Rule>>> = Arc::default();
    let told = Arc::clone(&rules);
    let ground = Ground::with(NOW - 100, dpop(), |builder| {
        builder.on_event(move |event| {
            if let rampart_core::Event::TokenRefused(token) = event {
                told.lock().unwrap().push(token.rule());
            }
        })
    });
    ground.clock.set(NOW);
    let token = ground.bound();
    let spent = proof(&token).sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [spent.clone()])), GOOD);
    let made = |made: rampart_issuer::ProofBuilder| Request::new("DPoP", &token, [made.sign().unwrap()]);
    for (head, rule) in [
        (Request::new("DPoP", &token, []), Rule::P1),
        (made(proof(&token).header("typ", "JWT")), Rule::P2),
        (made(proof(&token).without_header("jwk")), Rule::P3),
        (made(proof(&token).claim("htm", "POST")), Rule::P4),
        (made(proof("another")), Rule::P5),
        (made(proof(&token).signed_by(&OTHER_KEY)), Rule::P6),
        (made(proof(&token).at(NOW - 61)), Rule::P8),
        (Request::new("DPoP", &token, [spent]), Rule::P9),
    ] {
        assert_eq!(said(&ground.auth, &head), BAD);
        assert_eq!(std::mem::take(&mut *rules.lock().unwrap()), [rule]);
    }
}

/// Whoever sends proofs must not make operators believe that something is wrong with their issuer or its keys.
#[test]
fn reasons_about_a_proof_ask_nothing_of_the_issuer() {
    use std::sync::Mutex;
    let reasons: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let told = Arc::clone(&reasons);
    let ground = Ground::with(NOW - 100, dpop(), |builder| {
        builder.on_event(move |event| {
            if let rampart_core::Event::TokenRefused(token) = event {
                told.lock().unwrap().push(token.why());
            }
        })
    });
    ground.clock.set(NOW);
    let token = ground.bound();
    let one = proof(&token).sign().unwrap();
    let with = |name: &str, value: &str| {
        let mut jwk = KEY.public_jwk();
        jwk[name] = value.into();
        proof(&token).jwk(jwk).sign().unwrap()
    };
    for (made, expected) in [
        (format!("{one}, {one}"), "the proof is encrypted, or one of a list (five parts)"),
        ("a.b.c.d.e".to_owned(), "the proof is encrypted, or one of a list (five parts)"),
        ("a.b".to_owned(), "the token does not have exactly three parts"),
        (
            with("d", "AQAB"),
            "it is shown with private or symmetric members, so that it is compromised: whoever made it should replace it",
        ),
        (with("kty", "XYZ"), "its kty is not a supported one"),
    ] {
        assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [made])), BAD);
        assert_eq!(std::mem::take(&mut *reasons.lock().unwrap()), [expected]);
    }
}

/// A store that remembers everything.
#[derive(Debug, Default)]
struct Remembering(parking_lot::Mutex<std::collections::HashSet<[u8; 32]>>);

impl ReplayStore for Remembering {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        let is_new = self.0.lock().insert(proof.key);
        Insertion::Done(Ok(if is_new { Spending::New } else { Spending::Seen }))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}
