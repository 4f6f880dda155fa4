//! P7: nonces.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rampart_core::adapter::Verified;
use rampart_core::{Dpop, Insertion, NonceKey, Rejection, ReplayStore, Spending, SpentProof, StoreHealth};
use serde_json::json;

use super::common::*;

const GOOD: &str = "user-1";
const BAD: &str = "401 invalid_dpop_proof";
const USE_NONCE: &str = "401 use_dpop_nonce";

fn dpop() -> Dpop {
    Dpop::accepted().public_url(API)
}

fn ground() -> Ground {
    Ground::new(dpop().nonces(NonceKey::random()))
}

fn nonces(rejection: &Rejection) -> Vec<String> {
    rejection.headers().filter(|(name, _)| *name == "dpop-nonce").map(|(_, value)| value.to_owned()).collect()
}

/// One of this API.
fn nonce(ground: &Ground) -> String {
    let rejection = ask(&ground.auth, &ground.good()).unwrap_err();
    let [nonce] = nonces(&rejection).try_into().unwrap();
    nonce
}

fn with(ground: &Ground, nonce: &str) -> Request {
    let token = ground.bound();
    Request::new("DPoP", &token, [proof(&token).nonce(nonce).sign().unwrap()])
}

#[test]
fn dp33_proof_without_a_nonce_is_told_one_and_passes_with_it() {
    for ground in [ground(), ground().without_cache()] {
        let head = ground.good();
        let rejection = ask(&ground.auth, &head).unwrap_err();
        let nonce = nonces(&rejection);
        assert_eq!(nonce.len(), 1);
        let said = rejection.challenges().collect::<Vec<_>>();
        assert_eq!(
            said,
            [
                r#"Bearer realm="default""#,
                r#"DPoP realm="default", algs="ES256 EdDSA Ed25519", error="use_dpop_nonce", error_description="The DPoP proof must hold the nonce of the DPoP-Nonce header""#
            ]
        );
        assert_eq!(
            rejection.body(),
            r#"{"error":"use_dpop_nonce","error_description":"The DPoP proof must hold the nonce of the DPoP-Nonce header","status":401}"#
        );
        // The same `jti` with it: nothing was spent.
        let token = ground.bound();
        let made = proof(&token).jti("the-one");
        assert_eq!(
            super::common::said(&ground.auth, &Request::new("DPoP", &token, [made.clone().sign().unwrap()])),
            USE_NONCE
        );
        let made = made.nonce(&nonce[0]);
        assert_eq!(super::common::said(&ground.auth, &Request::new("DPoP", &token, [made.sign().unwrap()])), GOOD);
    }
}

#[test]
fn dp33_nonce_serves_for_many_proofs_and_for_a_minute() {
    let ground = ground();
    let nonce = nonce(&ground);
    for _ in 0..1000 {
        assert_eq!(said(&ground.auth, &with(&ground, &nonce)), GOOD);
    }
    ground.clock.set(NOW + 59);
    assert_eq!(said(&ground.auth, &with(&ground, &nonce)), GOOD);
    ground.clock.set(NOW + 60);
    assert_eq!(said(&ground.auth, &with(&ground, &nonce)), USE_NONCE);
}

#[test]
fn dp33_nonce_of_somebody_else_is_none() {
    let (ours, theirs) = (ground(), ground());
    let theirs = nonce(&theirs);
    let own = nonce(&ours);
    let changed = format!("{}{}", if own.starts_with('B') { 'C' } else { 'B' }, &own[1..]);
    for wrong in [theirs.as_str(), &changed, &own[1..], "of-the-token-endpoint"] {
        let rejection = ask(&ours.auth, &with(&ours, wrong)).unwrap_err();
        assert_eq!(rejection.error().code(), "use_dpop_nonce", "{wrong}");
        assert_eq!(nonces(&rejection).len(), 1);
    }
}

#[test]
fn dp34_nonce_is_a_string_and_never_echoed() {
    let ground = ground();
    for wrong in [json!(1), json!(["a"]), json!({}), json!(true)] {
        let token = ground.bound();
        let head = Request::new("DPoP", &token, [proof(&token).claim("nonce", wrong.clone()).sign().unwrap()]);
        assert_eq!(said(&ground.auth, &head), BAD, "{wrong}");
    }
    for odd in ["", &"x".repeat(4096), "a\"b", "a\\b", "a\r\nSet-Cookie: b"] {
        let rejection = ask(&ground.auth, &with(&ground, odd)).unwrap_err();
        assert_eq!(rejection.error().code(), "use_dpop_nonce", "{odd:?}");
        let answer = format!("{:?}{}", rejection.headers().collect::<Vec<_>>(), rejection.body());
        assert!(odd.is_empty() || !answer.contains(odd));
    }
}

#[test]
fn dp34_without_nonces_one_of_a_proof_means_nothing() {
    let ground = Ground::new(dpop());
    let token = ground.bound();
    for odd in [json!("any"), json!(1), json!(null)] {
        let head = Request::new("DPoP", &token, [proof(&token).claim("nonce", odd).sign().unwrap()]);
        assert_eq!(fresh(&ground.auth, &head).outcome().headers().count(), 0);
    }
    assert_eq!(nonces(&ask(&ground.auth, &Request::new("DPoP", &token, [])).unwrap_err()), [""; 0]);
}

#[test]
fn dp35_clock_of_the_client_does_not_matter() {
    let ground = ground();
    let token = ground.bound();
    let made = proof(&token).at(NOW - 3 * 3600);
    let head = Request::new("DPoP", &token, [made.clone().sign().unwrap()]);
    assert_eq!(said(&ground.auth, &head), USE_NONCE);
    let head = Request::new("DPoP", &token, [made.nonce(&nonce(&ground)).sign().unwrap()]);
    assert_eq!(said(&ground.auth, &head), GOOD);
    // It still has to be a date.
    let undated = proof(&token).claim("iat", "now").nonce(&nonce(&ground)).sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [undated])), BAD);
}

/// The nonce is the clock of the store, too.
#[test]
fn dp68_proof_of_a_clock_that_is_wrong_passes_once() {
    for ground in [ground(), ground().without_cache()] {
        let token = ground.bound();
        let made = proof(&token).at(NOW - 3 * 3600).nonce(&nonce(&ground));
        let head = Request::new("DPoP", &token, [made.sign().unwrap()]);
        assert_eq!(said(&ground.auth, &head), GOOD);
        for later in [1, 50] {
            ground.clock.set(NOW + later);
            assert_eq!(said(&ground.auth, &head), BAD, "{later} s later");
        }
        ground.clock.set(NOW + 60);
        assert_eq!(said(&ground.auth, &head), USE_NONCE, "its nonce is over");
    }
}

/// How long a store keeps what it is given.
#[derive(Debug, Default)]
struct Lives(parking_lot::Mutex<Vec<Duration>>);

impl ReplayStore for Lives {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        self.0.lock().push(proof.expires.saturating_sub(proof.now));
        Insertion::Done(Ok(Spending::New))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}

#[test]
fn dp69_far_future_keeps_no_place_for_longer_than_a_nonce_lives() {
    let far = 253_402_300_799;
    // Of 160 places each key gets ten.
    let ground = Ground::new(dpop().nonces(NonceKey::random()).replay_capacity(160));
    let own = nonce(&ground);
    let token = ground.bound();
    let ask = || {
        let made = proof(&token).at(far).nonce(&own).sign().unwrap();
        said(&ground.auth, &Request::new("DPoP", &token, [made]))
    };
    assert_eq!((0..10).map(|_| ask()).collect::<Vec<_>>(), [GOOD; 10]);
    assert_eq!(ask(), "503 temporarily_unavailable");
    let theirs = ground.issuer.token().at(NOW).claim("sub", "user-1").bound_to(&OTHER_KEY).sign().unwrap();
    let made = OTHER_KEY.proof("GET", ORDERS).access_token(&theirs).at(NOW).nonce(&own).sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &theirs, [made])), GOOD);

    let lives = Arc::new(Lives::default());
    let ground = Ground::new(dpop().nonces(NonceKey::random()).replay(Arc::clone(&lives) as Arc<dyn ReplayStore>));
    let own = nonce(&ground);
    for (later, iat) in [(0, far), (0, 1), (59, far)] {
        ground.clock.set(NOW + later);
        let made = proof(&token).at(iat).nonce(&own).sign().unwrap();
        assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [made])), GOOD);
    }
    let lives: Vec<_> = lives.0.lock().iter().map(Duration::as_secs).collect();
    assert_eq!(lives, [71, 71, 12], "to the end of the nonce by any replica's clock, and a second");
}

#[test]
fn dp36_order_of_errors_and_a_nonce_with_each() {
    let ground = ground();
    let token = ground.bound();
    let own = nonce(&ground);
    let of_another = OTHER_KEY.proof("GET", ORDERS).access_token(&token).at(NOW);
    let expired = ground.issuer.token().at(NOW - 7200).expires_in(3600).bound_to(&KEY).sign().unwrap();
    for (what, token, made, expected) in [
        ("another key", &token, of_another.clone(), "401 invalid_token"),
        ("no nonce and another token", &token, proof("another"), BAD),
        ("no nonce and a forged signature", &token, proof(&token).signed_by(&OTHER_KEY), BAD),
        ("no nonce and an expired token", &expired, proof(&expired), "401 token_expired"),
        ("no nonce", &token, proof(&token), USE_NONCE),
    ] {
        let rejection = ask(&ground.auth, &Request::new("DPoP", token, [made.sign().unwrap()])).unwrap_err();
        assert_eq!(format!("{} {}", rejection.status(), rejection.error().code()), expected, "{what}");
        assert_eq!(nonces(&rejection).len(), 1, "{what}");
    }
    // With one that is good for some time no other is due.
    for made in [of_another, proof("another")] {
        let head = Request::new("DPoP", &token, [made.nonce(&own).sign().unwrap()]);
        assert_eq!(nonces(&ask(&ground.auth, &head).unwrap_err()), [""; 0]);
    }
    // Nor where no proof is asked for.
    assert_eq!(nonces(&ask(&ground.auth, &Request::new("Bearer", &token, [])).unwrap_err()), [""; 0]);
}

/// What the answer of a good request gets.
fn answer_headers(verified: &Verified, cache_control: &[&str]) -> Vec<(&'static str, bool)> {
    let values = cache_control.iter().map(|value| value.as_bytes());
    verified.answer_headers(values).map(|(name, value)| (name, value == "no-store")).collect()
}

#[test]
fn dp37_new_nonce_comes_with_a_good_answer_once_the_old_one_is_half_gone() {
    let ground = ground();
    let own = nonce(&ground);
    ground.clock.set(NOW + 29);
    assert_eq!(fresh(&ground.auth, &with(&ground, &own)).outcome().headers().count(), 0);
    ground.clock.set(NOW + 30);
    let verified = fresh(&ground.auth, &with(&ground, &own)).into_verified();
    for (cache_control, expected) in [
        (&[] as &[&str], &[("dpop-nonce", false), ("cache-control", true)] as &[_]),
        (&["no-store"], &[("dpop-nonce", false)]),
        (&["private, no-store"], &[("dpop-nonce", false)]),
        (&["public"], &[]),
        (&["max-age=60"], &[]),
        (&["private"], &[]),
    ] {
        assert_eq!(answer_headers(&verified, cache_control), expected, "{cache_control:?}");
    }
    let head = with(&ground, &own);
    let fresh = fresh(&ground.auth, &head);
    let outcome = fresh.outcome();
    let [(_, new)] = outcome.headers().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(said(&ground.auth, &with(&ground, new)), GOOD);
}

#[test]
fn dp39_nonces_of_the_key_before_pass_for_their_life() {
    let (old, new) = ([1; 32], [2; 32]);
    let changed = Ground::new(dpop().nonces(NonceKey::shared(new).previous(old)));
    let not_yet = Ground::new(dpop().nonces(NonceKey::shared(old).previous(new)));
    let over = Ground::new(dpop().nonces(NonceKey::shared(new)));
    let (by_new, by_old) = (nonce(&changed), nonce(&not_yet));
    for ground in [&changed, &not_yet] {
        assert_eq!(said(&ground.auth, &with(ground, &by_new)), GOOD);
        assert_eq!(said(&ground.auth, &with(ground, &by_old)), GOOD);
    }
    assert_eq!(said(&over.auth, &with(&over, &by_new)), GOOD);
    assert_eq!(said(&over.auth, &with(&over, &by_old)), USE_NONCE);
}

/// A nonce of a process before is none where each has a key of its own; where replicas share one, the time of the nonce decides.
#[test]
fn dp70_nonce_from_before_the_store_is_told_another() {
    let key = || NonceKey::shared([7; 32]);
    let before = Ground::new(dpop().nonces(key()));
    let old = nonce(&before);
    let again = Ground::begun_at(NOW + 5, dpop().nonces(key()));
    let token = again.bound();
    let captured = proof(&token).at(NOW + 3 * 3600).nonce(&old).sign().unwrap();
    assert_eq!(said(&again.auth, &Request::new("DPoP", &token, [captured])), USE_NONCE);
    again.clock.set(NOW + 15);
    assert_eq!(said(&again.auth, &with(&again, &nonce(&again))), GOOD);
}

/// Nobody else can have seen a proof with a nonce that this very process has given.
#[test]
fn process_with_nonces_of_its_own_need_not_wait_after_its_start() {
    let ground = Ground::begun_at(NOW, dpop().nonces(NonceKey::random()));
    assert_eq!(said(&ground.auth, &with(&ground, &nonce(&ground))), GOOD);
}

#[test]
fn nonces_tell_nothing_of_each_other() {
    let ground = ground();
    let all: BTreeSet<_> = (0..3)
        .map(|second| {
            ground.clock.set(NOW + second);
            nonce(&ground)
        })
        .collect();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|nonce| nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))));
}

/// Whoever asks by `verify_with` answers by `rejection`, which is all that such an application has.
#[test]
fn rejection_of_an_application_brings_a_nonce_too() {
    let ground = ground();
    let [first, other] = [(); 2].map(|()| {
        let rejection = ground.auth.rejection(rampart_core::AuthError::UseNonce);
        let [nonce] = nonces(&rejection).try_into().unwrap();
        nonce
    });
    for nonce in [first, other] {
        assert_eq!(said(&ground.auth, &with(&ground, &nonce)), GOOD);
    }
    assert_eq!(nonces(&ground.auth.rejection(rampart_core::AuthError::invalid_proof())), [""; 0]);
    assert_eq!(nonces(&Ground::new(dpop()).auth.rejection(rampart_core::AuthError::UseNonce)), [""; 0]);
}
