//! Bound tokens and their proofs (RFC 9449), on each framework over real sockets: what takes several requests, several guards, a nonce
//! that grows old, or an application of its own. What one request shows is a case in `src/cases/dpop`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by a panic"
)]

mod actix;
mod answers;
mod axum;
mod rocket;

use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use parking_lot::Mutex;
use rampart_conformance::apps::FRAMEWORKS;
use rampart_conformance::case::{App, Case};
use rampart_conformance::credentials::{Credentials, Input};
use rampart_conformance::fixture::{FIXTURE, NOW, builder};
use rampart_conformance::sender::{KEY, Sender, accepted, bound, nonce_of, with_nonces};
use rampart_conformance::subject::Framework;
use rampart_conformance::wire::{Connection, Reply, at_once};
use rampart_core::{Dpop, Insertion, NonceKey, RampartAuth, ReplayStore, Spending, SpentProof, StoreHealth};

/// A framework, and the application of these tests on it.
struct Ground {
    framework: &'static Framework,
    start: fn(&RampartAuth, &RampartAuth) -> SocketAddr,
}

/// Tests with their names, which are those of the functions.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        &[$((stringify!($test), $test)),*]
    };
}

type OnFramework = fn(&Ground);

const TESTS: &[(&str, OnFramework)] = tests![
    dp08_addresses_of_keys_make_nobody_connect,
    dp30_prefix_that_a_proxy_takes_away_is_a_part_of_the_url,
    dp37_good_answers_bring_a_new_nonce_once_the_old_one_is_half_gone,
    dp37_answers_that_may_be_kept_bring_none,
    dp37_nonce_that_is_young_is_followed_by_none,
    dp38_one_nonce_however_many_guards_there_are,
    dp41_proof_passes_once,
    dp41_of_a_hundred_at_once_one_passes,
    dp43_id_is_spent_whatever_else_the_proof_says,
    dp45_only_a_proof_that_is_good_is_spent,
    dp46_cached_token_still_needs_a_proof_of_its_key,
    dp47_proof_is_spent_once_by_objects_that_share_a_store,
    dp47_proof_is_spent_once_where_another_route_or_a_default_takes_over,
    dp47_headers_that_are_replaced_between_two_guards_are_judged_anew,
    dp61_needless_proof_is_not_spent,
    dp66_answers_can_be_read_across_origins,
];

fn main() {
    let start = |framework: &Framework| match framework.name {
        "axum" => axum::start,
        "actix" => actix::start,
        "rocket" => rocket::start,
        other => panic!("{other} has no application here"),
    };
    let tests = FRAMEWORKS.iter().flat_map(|framework| {
        TESTS.iter().map(move |(name, run)| {
            Trial::test(format!("on_{}::{name}", framework.name), move || {
                run(&Ground { framework, start: start(framework) });
                Ok(())
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit();
}

impl Ground {
    /// The application of these tests.
    fn app(&self, dpop: Dpop) -> SocketAddr {
        let auth = api(dpop);
        (self.start)(&auth, &auth)
    }

    /// The application of the conformance suite, with and without the cache of verified tokens.
    fn suite(&self) -> [SocketAddr; 2] {
        let uncached =
            builder(&FIXTURE.issuer, FIXTURE.issuer.audience()).dpop(accepted()).token_cache_bytes(0).build().unwrap();
        FIXTURE.wait(uncached.warm_up()).unwrap();
        [api(accepted()), uncached].map(|auth| (self.framework.start)(App::Dpop, &auth))
    }
}

fn api(dpop: Dpop) -> RampartAuth {
    let auth = builder(&FIXTURE.issuer, FIXTURE.issuer.audience()).dpop(dpop).build().unwrap();
    FIXTURE.wait(auth.warm_up()).unwrap();
    auth
}

/// The nonce key of the suite, so that its nonces pass.
fn nonces() -> Dpop {
    with_nonces([7; 32])
}

fn sender(target: &'static str) -> Sender {
    Sender::of(&bound()).at(target)
}

fn request(target: &'static str, input: Input) -> Vec<u8> {
    Case::get("dpop", target).each([input]).request("dpop")
}

fn ask(address: SocketAddr, target: &'static str, input: Input) -> Reply {
    Connection::open(address).unwrap().ask(&request(target, input)).unwrap()
}

/// The status, and the `error` of a refusal.
fn said(reply: &Reply) -> (u16, &str) {
    let code = reply.body.strip_prefix(r#"{"error":""#).and_then(|rest| rest.split('"').next());
    (reply.status, code.unwrap_or_default())
}

const BAD: (u16, &str) = (401, "invalid_dpop_proof");

fn with_nonce(target: &'static str, nonce: &str) -> Input {
    let nonce = nonce.to_owned();
    sender(target).with("nonce", move |proof| proof.nonce(&nonce))
}

fn dp08_addresses_of_keys_make_nobody_connect(ground: &Ground) {
    let trap = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", trap.local_addr().unwrap());
    let [address, _] = ground.suite();
    for name in ["jku", "x5u", "kid", "iss"] {
        for keeps_key in [true, false] {
            let url = url.clone();
            let input = sender("/protected").with(name, move |proof| {
                let proof = proof.header(name, &url);
                if keeps_key { proof } else { proof.without_header("jwk") }
            });
            let expected = if keeps_key { (200, "") } else { BAD };
            assert_eq!(said(&ask(address, "/protected", input)), expected, "{name}");
        }
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(trap.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn dp30_prefix_that_a_proxy_takes_away_is_a_part_of_the_url(ground: &Ground) {
    let dpop = Dpop::accepted().public_url("https://api.example/v1").insecure_trust_start(true);
    let address = (ground.framework.start)(App::Dpop, &api(dpop));
    let target = |target: &'static str, url: &'static str| {
        said(&ask(address, target, sender(target).with(url, move |proof| proof.claim("htu", url)))).0
    };
    for path in ["/protected", "/layered", "/custom/user"] {
        let url = |prefix: &str| -> &'static str { format!("https://api.example{prefix}{path}").leak() };
        assert_eq!(target(path, url("/v1")), 200, "{path}");
        for other in ["", "/v1/v1", "/V1", "/v2", "/v1/"] {
            assert_eq!(target(path, url(other)), 401, "{other}{path}");
        }
    }
}

/// The answers of handlers that nobody may keep unless they say so.
const UNDECIDED: [&str; 6] = ["200", "204", "304", "403", "500", "stream"];

fn dp37_good_answers_bring_a_new_nonce_once_the_old_one_is_half_gone(ground: &Ground) {
    let address = ground.app(nonces());
    for what in UNDECIDED.into_iter().chain(["no-store"]) {
        for way in ["layer", "guard", "both"] {
            let target: &'static str = format!("/{way}/{what}").leak();
            let reply = ask(address, target, with_nonce(target, &nonce_of(NOW - 40)));
            let (status, own) = answers::answer(what);
            assert_eq!(reply.status, status, "{reply:?}");
            assert_eq!(reply.header("cache-control"), Some(own.unwrap_or("no-store")), "{target}: {reply:?}");
            let nonce = reply.header("dpop-nonce").unwrap_or_else(|| panic!("{target}: {reply:?}"));
            let again = ask(address, target, with_nonce(target, nonce));
            assert_eq!((again.status, again.header("dpop-nonce")), (status, None), "the new one is good");
        }
    }
}

fn dp37_answers_that_may_be_kept_bring_none(ground: &Ground) {
    let address = ground.app(nonces());
    for what in ["public", "max-age", "private"] {
        for way in ["layer", "guard", "both"] {
            let target: &'static str = format!("/{way}/{what}").leak();
            let reply = ask(address, target, with_nonce(target, &nonce_of(NOW - 40)));
            assert_eq!((reply.status, reply.header("cache-control")), answers::answer(what), "{reply:?}");
            assert_eq!(reply.header("dpop-nonce"), None, "{target}: {reply:?}");
        }
    }
}

fn dp37_nonce_that_is_young_is_followed_by_none(ground: &Ground) {
    let address = ground.app(nonces());
    for way in ["layer", "guard", "both"] {
        let target: &'static str = format!("/{way}/200").leak();
        let reply = ask(address, target, with_nonce(target, &nonce_of(NOW - 29)));
        assert_eq!((reply.status, reply.header("dpop-nonce"), reply.header("cache-control")), (200, None, None));
    }
    // Nor is any given where none is asked for.
    let address = ground.app(accepted());
    let reply = ask(address, "/layer/200", with_nonce("/layer/200", &nonce_of(NOW - 40)));
    assert_eq!((reply.status, reply.header("dpop-nonce"), reply.header("cache-control")), (200, None, None));
}

fn dp38_one_nonce_however_many_guards_there_are(ground: &Ground) {
    let address = ground.app(nonces());
    for target in ["/both/200", "/both/204", "/layer/200", "/guard/200", "/objects", "/elsewhere/x"] {
        for (nonce, status) in [(nonce_of(NOW - 40), None), (nonce_of(NOW - 60), Some(401))] {
            let reply = ask(address, target, with_nonce(target, &nonce));
            assert!(status.map_or(reply.status < 300, |status| reply.status == status), "{target}: {reply:?}");
            assert_eq!(reply.values("dpop-nonce").count(), 1, "{target}: {reply:?}");
            assert_eq!(reply.values("cache-control").collect::<Vec<_>>(), ["no-store"], "{target}: {reply:?}");
        }
    }
}

fn dp41_proof_passes_once(ground: &Ground) {
    for address in ground.suite() {
        for target in ["/protected", "/layered", "/optional", "/in-handler/optional"] {
            let target_sender = Sender::of(&bound().scope("tasks:write")).at(target);
            let spent = request(target, target_sender.good());
            let again = |request: &[u8]| Connection::open(address).unwrap().ask(request).unwrap();
            assert_eq!(again(&spent).status, 200);
            for _ in 0..3 {
                let reply = again(&spent);
                assert_eq!(said(&reply), BAD);
                assert_eq!(reply.values("www-authenticate").count(), 2, "{reply:?}");
            }
            assert_eq!(ask(address, target, target_sender.good()).status, 200);
        }
    }
}

fn dp41_of_a_hundred_at_once_one_passes(ground: &Ground) {
    for address in ground.suite() {
        let copies = vec![request("/protected", sender("/protected").good()); 100];
        let replies = at_once(address, &copies, 1);
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        assert_eq!(replies.iter().filter(|reply| said(reply) == BAD).count(), 99);
    }
}

fn dp43_id_is_spent_whatever_else_the_proof_says(ground: &Ground) {
    let [address, _] = ground.suite();
    let with = |target: &'static str, change: fn(rampart_issuer::ProofBuilder) -> rampart_issuer::ProofBuilder| {
        let input = sender(target).with("the one", move |proof| change(proof.jti("the one")));
        said(&ask(address, target, input)).0
    };
    assert_eq!(with("/protected", |proof| proof), 200);
    assert_eq!(with("/protected", |proof| proof), 401, "signed anew");
    assert_eq!(with("/layered", |proof| proof), 401, "another URL");
    assert_eq!(with("/protected?x=2", |proof| proof), 401, "another query");
    assert_eq!(
        with("/protected", |proof| proof.claim("htu", "HTTPS://API.EXAMPLE:443/%70rotected")),
        401,
        "spelt otherwise"
    );
    assert_eq!(with("/protected", |proof| proof.at(NOW - 1)), 401, "another time");
    assert_eq!(with("/protected", |proof| proof.jti("another")), 200);
}

fn dp45_only_a_proof_that_is_good_is_spent(ground: &Ground) {
    for address in ground.suite() {
        let s = sender("/protected");
        let proof = s.proof();
        let show = |target: &'static str, proof: &rampart_issuer::ProofBuilder| {
            let text = proof.sign().unwrap();
            let input = s.text("proof", move |_| text.clone());
            let reply = ask(address, target, input);
            let (status, code) = said(&reply);
            (status, code.to_owned())
        };
        let bad = (401, "invalid_dpop_proof".to_owned());
        for wrong in [
            proof.clone().access_token("another"),
            proof.clone().claim("htu", "https://api.example/other"),
            proof.clone().claim("htm", "POST"),
            proof.clone().tampered(),
            proof.clone().at(NOW - 61),
        ] {
            assert_eq!(show("/protected", &wrong), bad);
        }
        assert_eq!(show("/layered", &proof), bad, "at another target");
        assert_eq!(show("/protected", &proof), (200, String::new()), "nothing of that was spent");
        // One whose sender lacks a right is spent: it has passed, and the route has refused.
        let proof = s.proof().claim("htu", "https://api.example/scope");
        assert_eq!(show("/scope", &proof), (403, "insufficient_scope".to_owned()));
        assert_eq!(show("/scope", &proof), bad);
    }
}

fn dp46_cached_token_still_needs_a_proof_of_its_key(ground: &Ground) {
    let [address, _] = ground.suite();
    let s = sender("/protected");
    let asked = |input: Input| said(&ask(address, "/protected", input)).0;
    assert_eq!(asked(s.good()), 200, "and it is in the cache now");
    let without = s.around("none", |token, _| Credentials::default().token("DPoP", token));
    assert_eq!(said(&ask(address, "/protected", without)), BAD);
    let other = s.text("another key", |s| s.proof_by(&rampart_conformance::sender::OTHER_KEY).sign().unwrap());
    assert_eq!(said(&ask(address, "/protected", other)), (401, "invalid_token"));
    let bearer =
        s.around("by the scheme Bearer", |token, proof| Credentials::default().token("Bearer", token).proof(proof));
    assert_eq!(said(&ask(address, "/protected", bearer)), (401, "invalid_token"));
    assert_eq!(asked(s.good()), 200);
}

/// A store that remembers everything.
#[derive(Debug, Default)]
struct Remembering(Mutex<HashSet<[u8; 32]>>);

impl ReplayStore for Remembering {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        Insertion::Done(Ok(if self.0.lock().insert(proof.key) { Spending::New } else { Spending::Seen }))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}

fn dp47_proof_is_spent_once_by_objects_that_share_a_store(ground: &Ground) {
    let shared = Dpop::accepted().public_url("https://api.example").replay(Arc::new(Remembering::default()));
    for (one, other) in [(shared.clone(), shared), (accepted(), accepted())] {
        let address = (ground.start)(&api(one), &api(other));
        let spent = request("/objects", sender("/objects").good());
        let ask = || Connection::open(address).unwrap().ask(&spent).unwrap();
        let reply = ask();
        assert_eq!((reply.status, &*reply.body), (200, "ada"));
        assert_eq!(said(&ask()), BAD);
    }
}

fn dp47_proof_is_spent_once_where_another_route_or_a_default_takes_over(ground: &Ground) {
    let address = ground.app(accepted());
    let spent = request("/elsewhere/x", sender("/elsewhere/x").good());
    let ask = || Connection::open(address).unwrap().ask(&spent).unwrap();
    let reply = ask();
    assert_eq!((reply.status, &*reply.body), (200, "ada"));
    assert_eq!(said(&ask()), BAD);
}

/// Nothing can change a request between two guards of Rocket.
fn dp47_headers_that_are_replaced_between_two_guards_are_judged_anew(ground: &Ground) {
    let address = ground.app(accepted());
    if ground.framework.name == "rocket" {
        assert_eq!(ask(address, "/replaced", sender("/replaced").good()).status, 404);
        return;
    }
    let s = sender("/replaced");
    let replaced = |what: &str, make: fn(&Sender) -> String| {
        let input = s.shows(what, move |s| {
            let proof = s.proof().sign().unwrap();
            Credentials::default().token("DPoP", &s.token).proof(proof).line(make(s))
        });
        let reply = ask(address, "/replaced", input);
        let (status, code) = said(&reply);
        (status, code.to_owned())
    };
    let bad = (BAD.0, BAD.1.to_owned());
    let bad_token = (401, "invalid_token".to_owned());
    assert_eq!(replaced("nothing", |_| "X-Other: 1".into()), (200, String::new()));
    let other = |s: &Sender| format!("X-New-DPoP: {}", s.proof().sign().unwrap());
    assert_eq!(replaced("another good proof", other), (200, String::new()));
    assert_eq!(replaced("no proof", |_| "X-New-DPoP: ".into()), bad);
    assert_eq!(replaced("a bad proof", |_| "X-New-DPoP: x".into()), bad);
    assert_eq!(replaced("no token", |_| "X-New-Authorization: ".into()), (401, "unauthorized".to_owned()));
    let other_token = |_: &Sender| format!("X-New-Authorization: DPoP {}", bound().sub("eve").sign().unwrap());
    assert_eq!(replaced("another token", other_token), bad, "its hash is not in the proof");
    let by_bearer = |s: &Sender| format!("X-New-Authorization: Bearer {}", s.token);
    assert_eq!(replaced("another scheme", by_bearer), bad_token);
}

fn dp61_needless_proof_is_not_spent(ground: &Ground) {
    let [address, _] = ground.suite();
    // The same key, so that the ID would be known.
    let unbound = Sender::of(&FIXTURE.token());
    let needless = unbound.shows("needless", |s| {
        let proof = s.proof().jti("needless").sign().unwrap();
        Credentials::default().token("Bearer", &s.token).proof(proof)
    });
    for _ in 0..2 {
        assert_eq!(ask(address, "/protected", needless.clone()).status, 200);
    }
    let input = sender("/protected").with("the same ID", |proof| proof.jti("needless"));
    assert_eq!(ask(address, "/protected", input).status, 200);
    assert_eq!(KEY.thumbprint().len(), 43);
}

const ORIGIN: &str = "https://web.example";

fn dp66_answers_can_be_read_across_origins(ground: &Ground) {
    let dpop = accepted().nonces(NonceKey::shared([7; 32]));
    let address = (ground.framework.start)(App::Cors, &api(dpop.clone()));
    let plain = (ground.framework.start)(App::DpopNonces, &api(dpop));
    let lists = |reply: &Reply, field: &str, name: &str| {
        reply.values(field).flat_map(|value| value.split(',')).any(|own| own.trim().eq_ignore_ascii_case(name))
    };
    let preflight = Case::get("preflight", "/protected")
        .method("OPTIONS")
        .line(format!("Origin: {ORIGIN}"))
        .line("Access-Control-Request-Method: GET")
        .line("Access-Control-Request-Headers: authorization, dpop");
    let reply = Connection::open(address).unwrap().ask(&preflight.request("preflight")).unwrap();
    assert!(matches!(reply.status, 200 | 204), "{reply:?}");
    for name in ["authorization", "dpop"] {
        assert!(lists(&reply, "access-control-allow-headers", name), "{name}: {reply:?}");
    }
    assert_eq!(reply.values("www-authenticate").count() + reply.values("dpop-nonce").count(), 0, "{reply:?}");
    for (input, status) in [(sender("/protected").good(), 401), (with_nonce("/protected", &nonce_of(NOW)), 200)] {
        let case = Case::get("cors", "/protected").line(format!("Origin: {ORIGIN}")).each([input]);
        let ask = |address| Connection::open(address).unwrap().ask(&case.request("cors")).unwrap();
        let (reply, without) = (ask(address), ask(plain));
        assert_eq!((reply.status, without.status), (status, status), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(ORIGIN), "{reply:?}");
        for name in ["www-authenticate", "dpop-nonce"] {
            assert!(lists(&reply, "access-control-expose-headers", name), "{name}: {reply:?}");
        }
        assert_eq!(reply.values("dpop-nonce").count(), usize::from(status == 401));
        // A guard says nothing of origins by itself.
        assert!(!without.headers.iter().any(|(name, _)| name.starts_with("access-control-")), "{without:?}");
    }
}
