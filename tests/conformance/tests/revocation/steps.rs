//! Tokens that are known, and revoked then.

use rampart_conformance::case::{App, Case};
use rampart_conformance::fixture::{FIXTURE, NOW};
use rampart_conformance::sender::{API, KEY, accepted};
use rampart_core::{Grants, Issuer, Revocation};
use rampart_issuer::{Algorithm, LocalIssuer, TokenBuilder};

use crate::Ground;
use crate::world::{World, answer};

const ALIAS: &str = "https://old.example";

/// A token with everything that a revocation can name.
fn named(issuer: &LocalIssuer) -> TokenBuilder {
    issuer.token().at(NOW).sub("ada").roles(["admin"]).jti("t-1").sid("s-1").client_id("spa")
}

/// Each of them, for the token of [`named`].
fn revocations(iss: &str) -> [Revocation; 7] {
    [
        Revocation::token(iss, "t-1").into(),
        Revocation::token(iss, "t-1").until(NOW + 600).into(),
        Revocation::session(iss, "s-1").into(),
        Revocation::subject(iss, "ada").into(),
        Revocation::client(iss, "spa").into(),
        Revocation::issued_before(iss, NOW),
        Revocation::issuer(iss),
    ]
}

pub(crate) fn rv01_known_token_is_refused_from_the_next_request_on(ground: Ground) {
    let world = World::new(ground);
    let (token, other) = (named(&world.issuer), named(&world.issuer).jti("t-2"));
    assert!(world.passes(&token) && world.passes(&token) && world.passes(&other));
    world.revoke(Revocation::token(world.issuer.url(), "t-1"));
    assert!(!world.passes(&token) && !world.passes(&token));
    assert!(world.passes(&other));
}

pub(crate) fn rv01_request_that_has_passed_runs_on(ground: Ground) {
    let world = World::new(ground);
    let token = named(&world.issuer).sign().unwrap();
    let mut under_way = world.connect();
    under_way.send(&Case::get("slow", "/slow").bearer(&token).request("slow")).unwrap();
    world.gate.wait();
    world.revoke(Revocation::token(world.issuer.url(), "t-1"));
    assert_eq!(world.get("/slow", &token), world.forged());
    world.gate.open();
    let reply = world.shown(&under_way.receive(false).unwrap());
    assert_eq!(reply, answer(200, &[("content-type", "text/plain; charset=utf-8")], "ada"));
}

/// As in an upload of two minutes: within one of them a request has one answer.
pub(crate) fn rv37_handler_that_asks_late_learns_that_the_token_was_revoked(ground: Ground) {
    let passed = || answer(200, &[("content-type", "text/plain; charset=utf-8")], "ada");
    for (is_late, is_revoked) in [(true, true), (true, false), (false, true)] {
        let world = World::with(ground, |builder| if is_late { builder.__outcomes_are_old_at_once() } else { builder });
        let token = named(&world.issuer).sign().unwrap();
        let mut under_way = world.connect();
        under_way.send(&Case::get("rv37", "/slow-to-ask").bearer(&token).request("rv37")).unwrap();
        world.gate.wait();
        let revoked = if is_revoked { "s-1" } else { "s-2" };
        world.revoke(Revocation::session(world.issuer.url(), revoked));
        world.gate.open();
        let expected = if is_late && is_revoked { world.forged() } else { passed() };
        assert_eq!(world.shown(&under_way.receive(false).unwrap()), expected, "{is_late} {is_revoked}");
    }
}

pub(crate) fn rv02_each_revocation_reaches_tokens_that_are_known(ground: Ground) {
    for number in 0..7 {
        let world = World::new(ground);
        let revocation = revocations(world.issuer.url())[number].clone();
        let (token, later) = (named(&world.issuer), world.issuer.token().at(NOW + 1).sub("bob"));
        assert!(world.passes(&token) && world.passes(&later));
        world.revoke(revocation.clone());
        assert!(!world.passes(&token), "{revocation:?}");
        let is_of_all = number == 6;
        assert_eq!(world.passes(&later), !is_of_all, "{revocation:?}");
    }
}

/// The routes of the conformance suite, and how a guard on them is met.
pub(crate) fn rv06_known_token_is_refused_on_every_way_in(ground: Ground) {
    let world = World::new(ground);
    let address = (ground.framework.start)(App::Plain, &world.auth);
    let token = named(&world.issuer).scope("tasks:read tasks:write email:send email:read").roles(["admin", "operator"]);
    let token = token.sign().unwrap();
    let ask = |target: &'static str| {
        let request = Case::get("rv06", target).bearer(&token).request("rv06");
        world.shown(&rampart_conformance::wire::Connection::open(address).unwrap().ask(&request).unwrap())
    };
    let targets = [
        "/protected",
        "/any",
        "/role",
        "/roles",
        "/scope",
        "/both",
        "/any-of",
        "/nested",
        "/optional",
        "/optional-role",
        "/several",
        "/several-scopes",
        "/layered",
        "/layered/role",
        "/layered/scope",
        "/layered/policy",
        "/layered/optional",
        "/layered/guard",
        "/layered/scope-guard",
        "/layered/scope-layer",
        "/in-handler/scope",
        "/in-handler/guard",
        "/in-handler/optional",
    ];
    for target in targets {
        let (status, _, body) = ask(target);
        assert!(status == 200 && body.starts_with("ada "), "{target}: {status} {body}");
    }
    world.revoke(Revocation::session(world.issuer.url(), "s-1"));
    for target in targets {
        assert_eq!(ask(target), world.forged(), "{target}");
    }
    assert_eq!(ask("/public").2, "public");
}

pub(crate) fn rv06_revocation_is_asked_by_the_object_that_has_it_though_another_let_the_request_in(ground: Ground) {
    let world = World::new(ground);
    let token = named(&world.issuer).sign().unwrap();
    for target in ["/me", "/layer", "/optional", "/objects"] {
        assert_eq!(world.get(target, &token).2, "ada", "{target}");
    }
    world.revoke(Revocation::subject(world.issuer.url(), "ada"));
    for target in ["/me", "/layer", "/optional", "/objects"] {
        assert_eq!(world.get(target, &token), world.forged(), "{target}");
    }
}

pub(crate) fn rv33_closed_issuer_is_refused_until_it_is_lifted(ground: Ground) {
    let world = World::new(ground);
    let (token, revoked) = (named(&world.issuer), named(&world.issuer).jti("t-2"));
    world.revoke(Revocation::token(world.issuer.url(), "t-2"));
    for _ in 0..2 {
        assert!(world.passes(&token) && !world.passes(&revoked));
        world.revoke(Revocation::issuer(world.issuer.url()));
        assert!(!world.passes(&token) && !world.passes(&revoked));
        FIXTURE.wait(world.revocations.lift_issuer(world.issuer.url())).unwrap();
    }
    assert!(world.passes(&token) && !world.passes(&revoked));
}

pub(crate) fn is14_revocation_reaches_known_tokens_of_either_spelling(ground: Ground) {
    for number in 0..7 {
        for named_as in [0, 1] {
            let world = World::with(ground, |builder| builder.aliases([ALIAS]));
            let names = [world.issuer.url(), ALIAS];
            let tokens = names.map(|iss| named(&world.issuer).issuer(iss));
            assert!(tokens.iter().all(|token| world.passes(token)));
            world.revoke(revocations(names[named_as])[number].clone());
            assert!(tokens.iter().all(|token| !world.passes(token)), "{number} as {}", names[named_as]);
        }
    }
}

pub(crate) fn is19_same_names_at_two_issuers_are_revoked_apart(ground: Ground) {
    let other = FIXTURE.wait(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    let further = || Issuer::new(other.url(), other.audience()).grants(Grants::everything());
    for number in 0..7 {
        let world = World::with(ground, |builder| builder.issuer(further()));
        let (ours, theirs) = (named(&world.issuer), named(&other));
        assert!(world.passes(&ours) && world.passes(&theirs));
        world.revoke(revocations(other.url())[number].clone());
        assert!(world.passes(&ours) && !world.passes(&theirs), "{number}");
        world.revoke(revocations(world.issuer.url())[number].clone());
        assert!(!world.passes(&ours), "{number}");
    }
}

/// An issuer can be lifted again: then a proof is good that came before.
pub(crate) fn dp71_proof_of_a_revoked_token_is_not_spent(ground: Ground) {
    let world = World::with(ground, |builder| builder.dpop(accepted()));
    let token = named(&world.issuer).bound_to(&KEY).sign().unwrap();
    let request = |target: &'static str| {
        let proof = KEY.proof("GET", &format!("{API}{target}")).access_token(&token).at(NOW).sign().unwrap();
        let case = Case::get("dp71", target).value(format!("DPoP {token}")).line(format!("DPoP: {proof}"));
        case.request("dp71")
    };
    let ask = |request: &[u8]| {
        let (status, headers, body) = world.shown(&world.connect().ask(request).unwrap());
        let challenges: Vec<_> =
            headers.into_iter().filter(|(name, _)| name == "www-authenticate").map(|(_, value)| value).collect();
        (status, challenges.join(" | "), body)
    };
    let refused = |code: &str, error: &str, description: &str| {
        let challenges = format!(
            r#"Bearer realm="default" | DPoP realm="default", algs="ES256 EdDSA Ed25519", error="{error}", error_description="{description}""#
        );
        let body = format!(r#"{{"error":"{code}","error_description":"{description}","status":401}}"#);
        (401, challenges, body)
    };
    let passes = || (200, String::new(), "ada".to_owned());
    for target in ["/me", "/layer", "/optional"] {
        let good = request(target);
        world.revoke(Revocation::issuer(world.issuer.url()));
        for _ in 0..2 {
            assert_eq!(ask(&good), refused("invalid_token", "invalid_token", "The access token is invalid"));
        }
        FIXTURE.wait(world.revocations.lift_issuer(world.issuer.url())).unwrap();
        assert_eq!(ask(&good), passes(), "{target}: it was not spent");
        let spent = refused("invalid_dpop_proof", "invalid_dpop_proof", "The DPoP proof is invalid");
        assert_eq!(ask(&good), spent, "{target}: and is spent now");
    }
}
