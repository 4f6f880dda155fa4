//! P9: each proof passes once.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_core::{Dpop, Insertion, ReplayStore, Spending, SpentProof, StoreHealth, Unavailable};

use super::common::*;

const GOOD: &str = "user-1";
const BAD: &str = "401 invalid_dpop_proof";

fn ground() -> Ground {
    Ground::new(Dpop::accepted().public_url(API))
}

#[test]
fn dp41_proof_passes_once() {
    for ground in [ground(), ground().without_cache()] {
        let head = ground.good();
        assert_eq!(said(&ground.auth, &head), GOOD);
        assert_eq!(said(&ground.auth, &head), BAD);
        for later in [1, 59, 60, 61] {
            ground.clock.set(NOW + later);
            assert_eq!(said(&ground.auth, &head), BAD, "{later} s later");
        }
    }
}

#[test]
fn dp41_of_a_hundred_at_once_one_passes() {
    let ground = ground();
    let head = ground.good();
    let passed = thread::scope(|scope| {
        let asked: Vec<_> = (0..100).map(|_| scope.spawn(|| said(&ground.auth, &head))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).filter(|said| said == GOOD).count()
    });
    assert_eq!(passed, 1);
}

/// The store must not forget it while it could still pass: until `iat` and a minute, not until it came and a minute.
#[test]
fn dp42_proof_of_a_clock_that_is_ahead_is_remembered_for_longer() {
    let ground = ground();
    let token = ground.bound();
    let head = Request::new("DPoP", &token, [proof(&token).at(NOW + 10).sign().unwrap()]);
    assert_eq!(said(&ground.auth, &head), GOOD);
    for later in [69, 70, 71] {
        ground.clock.set(NOW + later);
        assert_eq!(said(&ground.auth, &head), BAD, "{later} s later");
    }
}

#[test]
fn dp43_id_is_spent_whatever_else_the_proof_says() {
    let ground = ground();
    let token = ground.bound();
    let made = proof(&token).jti("the-one");
    let ask = |request: Request| said(&ground.auth, &request);
    let of = |proof: &rampart_issuer::ProofBuilder| Request::new("DPoP", &token, [proof.clone().sign().unwrap()]);
    assert_eq!(ask(of(&made)), GOOD);
    assert_eq!(ask(of(&made.clone().at(NOW + 1))), BAD);
    assert_eq!(ask(of(&made.clone().claim("htu", "HTTPS://API.EXAMPLE:443/./orders"))), BAD);
    assert_eq!(ask(of(&made.clone().claim("htu", "https://api.example/orders?other"))), BAD);
    assert_eq!(ask(Request { method: "POST", ..of(&made.clone().claim("htm", "POST")) }), BAD);
    assert_eq!(ask(Request { path: "/other", ..of(&made.clone().claim("htu", "https://api.example/other")) }), BAD);
    // An ECDSA signature is another each time.
    assert_eq!(ask(of(&made)), BAD);
    assert_eq!(ask(of(&made.jti("another"))), GOOD);
}

#[test]
fn dp44_id_of_another_key_is_another() {
    let ground = ground();
    let token = ground.bound();
    let of_another = ground.issuer.token().at(NOW).claim("sub", "user-1").bound_to(&OTHER_KEY).sign().unwrap();
    let theirs = OTHER_KEY.proof("GET", ORDERS).access_token(&of_another).at(NOW).jti("the-one").sign().unwrap();
    let ours = proof(&token).jti("the-one").sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &of_another, [theirs])), GOOD);
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [ours])), GOOD);
}

#[test]
fn dp45_proof_is_spent_only_where_all_else_holds() {
    let ground = ground();
    let token = ground.bound();
    let made = proof(&token).jti("the-one");
    for wrong in [
        made.clone().access_token("another"),
        made.clone().claim("htu", "https://api.example/other"),
        made.clone().claim("htm", "POST"),
        made.clone().signed_by(&OTHER_KEY),
        made.clone().at(NOW - 61),
    ] {
        assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [wrong.sign().unwrap()])), BAD);
    }
    let head = Request::new("DPoP", &token, [made.sign().unwrap()]);
    assert_eq!(said(&ground.auth, &head), GOOD);
    assert_eq!(said(&ground.auth, &head), BAD);
}

#[test]
fn dp45_proof_is_spent_by_whoever_lacks_a_right() {
    let ground = ground();
    let head = ground.good();
    let rejection = fresh(&ground.auth, &head).outcome().required::<Nobodys>().unwrap_err();
    assert_eq!(rejection.status(), 403);
    assert_eq!(said(&ground.auth, &head), BAD);
}

rampart_core::scopes! {
    /// Has nobody.
    Nobodys = "nobodys";
}

#[test]
fn dp46_cached_token_still_needs_a_proof_of_its_key() {
    let ground = ground();
    let token = ground.bound();
    let head = Request::new("DPoP", &token, [proof(&token).sign().unwrap()]);
    assert_eq!(said(&ground.auth, &head), GOOD);
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [])), BAD);
    assert_eq!(
        said(&ground.auth, &Request::new("Bearer", &token, [proof(&token).sign().unwrap()])),
        "401 invalid_token"
    );
    let by_another = OTHER_KEY.proof("GET", ORDERS).access_token(&token).at(NOW).sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [by_another])), "401 invalid_token");
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [proof(&token).sign().unwrap()])), GOOD);
}

/// Of 16 places each key gets one.
#[test]
fn dp48_full_store_refuses_for_now_and_lets_nothing_pass() {
    let ground = Ground::new(Dpop::accepted().public_url(API).replay_capacity(16));
    let head = ground.good();
    assert_eq!(said(&ground.auth, &head), GOOD);
    let rejection = ask(&ground.auth, &ground.good()).unwrap_err();
    assert_eq!((rejection.status(), rejection.challenges().count()), (503, 0));
    let wait = rejection.headers().find(|(name, _)| *name == "retry-after").unwrap().1.parse::<u64>().unwrap();
    assert!((1..=66).contains(&wait), "{wait}");
    assert_eq!(said(&ground.auth, &head), BAD, "what is spent stays spent");
    // Another key has places of its own.
    let token = ground.issuer.token().at(NOW).claim("sub", "user-1").bound_to(&OTHER_KEY).sign().unwrap();
    let theirs = OTHER_KEY.proof("GET", ORDERS).access_token(&token).at(NOW).sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [theirs])), GOOD);
    // And a bearer token needs none.
    assert_eq!(said(&ground.auth, &Request::new("Bearer", &ground.unbound(), [])), GOOD);
}

#[test]
fn dp51_store_that_has_just_begun_refuses_older_proofs_for_now() {
    let ground = Ground::begun_at(NOW, Dpop::accepted().public_url(API));
    let token = ground.bound();
    let at = |seconds: u64| Request::new("DPoP", &token, [proof(&token).at(seconds).sign().unwrap()]);
    for made in [NOW - 5, NOW, NOW + 9] {
        let rejection = ask(&ground.auth, &at(made)).unwrap_err();
        assert_eq!((rejection.status(), rejection.error().code()), (503, "temporarily_unavailable"), "{made}");
        assert!(rejection.headers().any(|(name, _)| name == "retry-after"));
    }
    assert!(!ground.auth.health().is_ready());
    assert_eq!(said(&ground.auth, &at(NOW + 10)), GOOD, "its clock is ahead");
    ground.clock.set(NOW + 10);
    assert!(ground.auth.health().is_ready());
    assert_eq!(said(&ground.auth, &at(NOW + 10)), GOOD);
    assert_eq!(ask(&ground.auth, &at(NOW + 9)).unwrap_err().status(), 503);
}

#[test]
fn start_is_trusted_where_the_settings_say_so() {
    let ground = Ground::begun_at(NOW, Dpop::accepted().public_url(API).insecure_trust_start(true));
    assert!(ground.auth.health().is_ready());
    assert_eq!(said(&ground.auth, &ground.good()), GOOD);
}

/// A store that says what it is told to, and what it was asked.
#[derive(Debug)]
struct Told {
    says: Result<Spending, Unavailable>,
    waits: bool,
    health: StoreHealth,
    asked: Mutex<Vec<SpentProof>>,
}

impl ReplayStore for Told {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        self.asked.lock().push(*proof);
        let says = self.says;
        if self.waits {
            Insertion::Pending(Box::pin(async move {
                tokio::task::yield_now().await;
                says
            }))
        } else {
            Insertion::Done(says)
        }
    }

    fn health(&self) -> StoreHealth {
        self.health
    }
}

/// DP49, as far as a store of one's own can show it: whatever it says but that a proof is new, nothing passes.
#[tokio::test]
async fn store_of_ones_own_decides() {
    let ms = Duration::from_millis;
    for (says, expected) in [
        (Ok(Spending::New), (200, None)),
        (Ok(Spending::Seen), (401, None)),
        (Ok(Spending::TooYoung { retry_after: ms(2500) }), (503, Some("3"))),
        (Ok(Spending::Full { retry_after: ms(7000) }), (503, Some("7"))),
        (Err(Unavailable::new(ms(1))), (503, Some("1"))),
    ] {
        for waits in [false, true] {
            let store = Arc::new(Told { says, waits, health: StoreHealth::Ready, asked: Mutex::default() });
            let ground =
                Ground::new(Dpop::accepted().public_url(API).replay(Arc::clone(&store) as Arc<dyn ReplayStore>));
            let outcome = ask_waiting(&ground.auth, &ground.good()).await;
            let (status, wait) = match &outcome {
                Ok(_) => (200, None),
                Err(rejection) => {
                    let wait = rejection.headers().find(|(name, _)| *name == "retry-after").map(|(_, value)| value);
                    (rejection.status(), wait)
                }
            };
            assert_eq!((status, wait), expected, "{says:?}, waits: {waits}");
            let asked = store.asked.lock().clone();
            let [proof] = asked.as_slice() else { panic!("asked {} times", asked.len()) };
            let seconds = |time: Duration| time.as_secs();
            assert_eq!((seconds(proof.made_at), seconds(proof.now)), (NOW, NOW));
            assert!((60..=62).contains(&(seconds(proof.expires) - NOW)));
            // A bearer token asks nothing of it.
            assert_eq!(said(&ground.auth, &Request::new("Bearer", &ground.unbound(), [])), GOOD);
            assert_eq!(store.asked.lock().len(), 1);
        }
    }
}

#[test]
fn readiness_is_that_of_the_store_too() {
    for (health, expected) in
        [(StoreHealth::Ready, true), (StoreHealth::Young, false), (StoreHealth::Unavailable, false)]
    {
        let store = Arc::new(Told { says: Ok(Spending::New), waits: false, health, asked: Mutex::default() });
        let ground = Ground::new(Dpop::accepted().public_url(API).replay(store));
        assert_eq!(ground.auth.health().is_ready(), expected, "{health:?}");
    }
}

/// What a proof is known by is of the API, the key and the `jti`, and nothing else.
#[test]
fn two_apis_never_share_spent_proofs() {
    let store =
        Arc::new(Told { says: Ok(Spending::New), waits: false, health: StoreHealth::Ready, asked: Mutex::default() });
    let known_by = |dpop: Dpop| {
        let ground = Ground::new(dpop.replay(Arc::clone(&store) as Arc<dyn ReplayStore>));
        let token = ground.bound();
        let proof = KEY.proof("GET", "https://api.example/v1/orders").access_token(&token).at(NOW).jti("the-one");
        let other = KEY.proof("GET", ORDERS).access_token(&token).at(NOW).jti("the-one");
        for proof in [proof, other] {
            said(&ground.auth, &Request::new("DPoP", &token, [proof.sign().unwrap()]));
        }
        let asked = store.asked.lock().pop().unwrap();
        (asked.holder, asked.key)
    };
    let dpop = || Dpop::accepted().public_url(API);
    assert_eq!(known_by(dpop()), known_by(dpop()));
    assert_eq!(
        known_by(dpop()),
        known_by(Dpop::accepted().public_url("HTTPS://API.Example:443/")),
        "however it is written"
    );
    assert_eq!(known_by(dpop().store_name("a")), known_by(dpop().store_name("a")));
    let all = [known_by(dpop()), known_by(dpop().store_name("a")), known_by(dpop().store_name("b"))];
    let v1 = known_by(Dpop::accepted().public_url("https://api.example/v1").store_name("a"));
    assert_eq!(v1, all[1], "the name alone, where there is one");
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|other| other.0 != one.0 && other.1 != one.1));
    }
}
