//! Tokens that are bound to a key of their sender, on all three.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rampart_conformance::wire::{Connection, Reply};
use rampart_core::{Dpop, NonceKey, RampartAuth, RampartAuthBuilder, Settings};
use rampart_issuer::{DpopKey, ProofBuilder};
use serde_json::json;

use crate::world::{Contract, WORLD, World};

/// As callers see it: not where it listens.
const API: &str = "https://api.example.com";

const BEARER: &str = r#"Bearer realm="default""#;
const DPOP: &str = r#"DPoP realm="default", algs="ES256 EdDSA Ed25519""#;

/// A guard as a parameter, the guard of the group, and the optional one.
const LINES: [&str; 3] = ["GET /api/profile", "GET /api/admin/stats", "GET /api/feed"];

/// What a configuration file says in `[auth.dpop]`.
fn of_settings(mode: &'static str) -> World {
    World::of(false, true, |issuer| {
        let settings: Settings = serde_json::from_value(json!({
            "issuer_url": issuer.url(),
            "audience": issuer.audience(),
            "dpop": {"mode": mode, "public_url": API, "insecure_trust_start": true},
        }))
        .unwrap();
        RampartAuthBuilder::from(settings)
    })
}

fn bound_token(world: &World, key: &DpopKey) -> String {
    world.token("ada").roles(["admin"]).bound_to(key).sign().unwrap()
}

fn proof(key: &DpopKey, line: &str, token: &str) -> ProofBuilder {
    let (method, path) = line.split_once(' ').unwrap();
    key.proof(method, &format!("{API}{path}")).access_token(token)
}

fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    request.push_str("\r\n");
    Connection::open(address).unwrap().ask(request.as_bytes()).unwrap()
}

/// Asks all three, each of which has spent no proof of the others.
fn agreed(world: &World, line: &str, scheme: &str, token: &str, proof: Option<&str>) -> Contract {
    let authorization = format!("{scheme} {token}");
    let headers = [("Authorization", &*authorization), ("DPoP", proof.unwrap_or_default())];
    let headers = if proof.is_some() { &headers[..] } else { &headers[..1] };
    world.agreed_on(line, |address| ask(address, line, headers).into())
}

/// A text in the body of a refusal.
fn member(answer: &Contract, name: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body.get(name).unwrap().as_str().unwrap().to_owned()
}

/// The error in the body and the challenges, of which the last is that of `DPoP`.
fn refusal(answer: &Contract) -> (u16, String, Vec<&str>) {
    let challenges = answer.challenge.as_deref().unwrap_or_default().split('\n').collect();
    (answer.status, member(answer, "error"), challenges)
}

#[test]
fn bound_token_passes_with_a_proof_once_and_in_no_other_way() {
    let world = of_settings("accepted");
    let key = DpopKey::generate().unwrap();
    let token = bound_token(&world, &key);
    let unbound = world.token("ada").roles(["admin"]).sign().unwrap();
    let invalid = |scheme: &str, error: &str, description: &str| {
        let details = format!(r#", error="{error}", error_description="{description}""#);
        let [mut bearer, mut dpop] = [BEARER, DPOP].map(str::to_owned);
        if scheme == "Bearer" { &mut bearer } else { &mut dpop }.push_str(&details);
        [bearer, dpop]
    };
    for line in LINES {
        let new = || proof(&key, line, &token).sign().unwrap();
        let good = new();
        let first = agreed(&world, line, "DPoP", &token, Some(&good));
        let as_before = agreed(&world, line, "Bearer", &unbound, None);
        assert_eq!((first.status, first.nonce, first.challenge.as_deref()), (200, false, None), "{line}: {first:?}");
        assert_eq!(first, as_before, "who it is does not depend on how the token came: {line}");
        let beside_one = agreed(&world, line, "Bearer", &unbound, Some("not looked at"));
        assert_eq!(beside_one, as_before, "{line}");

        let other_path = key.proof("GET", &format!("{API}/api/tasks")).access_token(&token).sign().unwrap();
        let another = DpopKey::generate().unwrap();
        let theirs = proof(&another, line, &token).sign().unwrap();
        let bad = "invalid_dpop_proof";
        for (what, scheme, token, proof, error) in [
            ("again", "DPoP", &token, Some(&good), bad),
            ("without a proof", "DPoP", &token, None, bad),
            ("for another path", "DPoP", &token, Some(&other_path), bad),
            ("of another key", "DPoP", &token, Some(&theirs), "invalid_token"),
            ("as a bearer token", "Bearer", &token, Some(&new()), "invalid_token"),
            ("as a bearer token without a proof", "Bearer", &token, None, "invalid_token"),
            ("bound to nothing", "DPoP", &unbound, Some(&new()), "invalid_token"),
        ] {
            let answer = agreed(&world, line, scheme, token, proof.map(String::as_str));
            let (status, code, challenges) = refusal(&answer);
            assert_eq!((status, &*code), (401, error), "{what}, {line}");
            let description = member(&answer, "error_description");
            assert_eq!(challenges, invalid(scheme, error, &description), "{what}, {line}");
            assert_eq!(answer.cache_control.as_deref(), Some("no-store"), "{what}, {line}");
        }
    }
    let nobody = WORLD.agreed("GET /api/profile", None, None);
    let answer = world.agreed("GET /api/profile", None, None);
    let challenge = Some(format!("{BEARER}\n{DPOP}"));
    assert_eq!(answer, Contract { challenge, ..nobody }, "both are offered");
}

#[test]
fn where_proofs_are_required_nothing_else_passes() {
    let world = of_settings("required");
    let key = DpopKey::generate().unwrap();
    let token = bound_token(&world, &key);
    let unbound = world.token("ada").roles(["admin"]).sign().unwrap();
    for line in LINES {
        let proof = || proof(&key, line, &token).sign().unwrap();
        assert_eq!(agreed(&world, line, "DPoP", &token, Some(&proof())).status, 200, "{line}");
        for (scheme, token) in [("Bearer", &unbound), ("Bearer", &token), ("DPoP", &unbound)] {
            let answer = agreed(&world, line, scheme, token, Some(&proof()));
            let (status, code, challenges) = refusal(&answer);
            assert_eq!((status, &*code, challenges.len()), (401, "invalid_token", 1), "{line}");
            assert!(challenges[0].starts_with("DPoP "), "{challenges:?}");
        }
    }
    assert_eq!(world.agreed("GET /api/feed", None, None).status, 200, "who brings no token is nobody");
}

/// With nonces, and a clock that stands still until it is moved.
fn with_nonces(custom_errors: bool) -> (World, Arc<AtomicU64>) {
    let start = SystemTime::now();
    let moved = Arc::new(AtomicU64::new(0));
    let world = World::of(custom_errors, true, |issuer| {
        let moved = Arc::clone(&moved);
        let dpop = Dpop::accepted().public_url(API).nonces(NonceKey::shared([7; 32])).insecure_trust_start(true);
        RampartAuth::builder(issuer.url(), issuer.audience())
            .dpop(dpop)
            .clock(move || start + Duration::from_secs(moved.load(Ordering::Relaxed)))
    });
    (world, moved)
}

#[test]
fn nonces_come_with_refusals_and_in_time_with_good_answers() {
    let (world, moved) = with_nonces(false);
    let key = DpopKey::generate().unwrap();
    let token = bound_token(&world, &key);
    let authorization = format!("DPoP {token}");
    let ask =
        |address, line: &str, proof: &str| ask(address, line, &[("Authorization", &authorization), ("DPoP", proof)]);
    for line in LINES {
        moved.store(0, Ordering::Relaxed);
        let without = proof(&key, line, &token).sign().unwrap();
        let answer = agreed(&world, line, "DPoP", &token, Some(&without));
        assert_eq!((refusal(&answer).1.as_str(), answer.status, answer.nonce), ("use_dpop_nonce", 401, true), "{line}");
        for (name, address) in world.apis {
            let at = |seconds| moved.store(seconds, Ordering::Relaxed);
            let asked = ask(address, line, &without);
            let nonce = asked.header("dpop-nonce").unwrap().to_owned();
            let with = |nonce: &str| proof(&key, line, &token).nonce(nonce).sign().unwrap();
            at(29);
            let soon = ask(address, line, &with(&nonce));
            assert_eq!((soon.status, soon.header("dpop-nonce")), (200, None), "{name}, {line}");
            assert_eq!(soon.header("cache-control"), None, "{name}, {line}");
            at(30);
            let later = ask(address, line, &with(&nonce));
            let fresh = later.header("dpop-nonce").unwrap().to_owned();
            assert_eq!((later.status, later.header("cache-control")), (200, Some("no-store")), "{name}, {line}");
            assert_ne!(fresh, nonce, "{name}, {line}");
            at(60);
            assert_eq!(ask(address, line, &with(&nonce)).status, 401, "{name}, {line}");
            assert_eq!(ask(address, line, &with(&fresh)).status, 200, "{name}, {line}");
            at(0);
        }
    }
}

#[test]
fn custom_errors_keep_the_challenges_and_the_nonce() {
    let (world, _) = with_nonces(true);
    let (usual, _) = with_nonces(false);
    let key = DpopKey::generate().unwrap();
    for line in LINES {
        let answer = |world: &World| {
            let token = bound_token(world, &key);
            let proof = proof(&key, line, &token).sign().unwrap();
            agreed(world, line, "DPoP", &token, Some(&proof))
        };
        let (usual, custom) = (answer(&usual), answer(&world));
        assert_eq!((usual.status, usual.nonce), (401, true), "{line}");
        let body = r#"{"error":"unauthorized","message":"Invalid token."}"#.to_owned();
        assert_eq!(custom, Contract { body, ..usual }, "only the body is another: {line}");
    }
}
