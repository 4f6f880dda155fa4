//! Whose word counts, and whom it signs out.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rampart_conformance::fixture::{FIXTURE, NOW};
use rampart_conformance::full_store::FullStore;
use rampart_conformance::sender::KEY;
use rampart_conformance::wire::Connection;
use rampart_core::{Grants, Issuer, RampartAuth, RampartAuthBuilder, Revocations};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer, SigningKey, TokenBuilder};
use serde_json::{Value, json};

use crate::Ground;
use crate::world::{Answer, FORM, Parts, World, answer, done, failed, post, refused};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

type Change = fn(TokenBuilder) -> TokenBuilder;

/// Each of these signs its own session out.
struct Sessions<'w>(&'w World, usize);

impl Sessions<'_> {
    fn takes(&mut self, what: &str, change: impl FnOnce(TokenBuilder) -> TokenBuilder) {
        let Self(world, number) = self;
        *number += 1;
        let (sid, sub) = (format!("session-{number}"), format!("user-{number}"));
        let access = world.access().sub(&sub).sid(&sid);
        assert!(world.passes(&access), "{what}");
        assert_eq!(world.send(&change(world.logout().sub(&sub).sid(&sid))), done(), "{what}");
        assert!(!world.passes(&access), "{what}");
    }
}

pub(crate) fn rv18_type_is_absent_or_that_of_a_jwt_or_of_a_logout_token(ground: Ground) {
    let world = World::new(ground);
    for typ in ["at+jwt", "secevent+jwt", "dpop+jwt", "token-introspection+jwt", "logout", "application/jwt;x", ""] {
        world.refuses(typ, &world.logout().header("typ", typ));
    }
    world.refuses("a number", &world.logout().header("typ", 1));
    let mut sessions = Sessions(&world, 0);
    sessions.takes("as it is", |logout| logout);
    sessions.takes("no typ", |logout| logout.without_header("typ"));
    for typ in ["JWT", "logout+jwt", "application/logout+jwt", "Logout+JWT"] {
        sessions.takes(typ, |logout| logout.header("typ", typ));
    }
}

pub(crate) fn rv19_events_say_that_somebody_has_signed_out(ground: Ground) {
    let world = World::new(ground);
    world.refuses("none", &world.logout().without("events"));
    for events in [
        json!(null),
        json!([]),
        json!([EVENT]),
        json!({}),
        json!(EVENT),
        json!({EVENT: null}),
        json!({EVENT: []}),
        json!({EVENT: "x"}),
        json!({"https://other.example/event": {}}),
    ] {
        world.refuses(&events.to_string(), &world.logout().claim("events", &events));
    }
    let mut sessions = Sessions(&world, 0);
    let two = json!({"https://other.example/event": {}, EVENT: {}});
    sessions.takes("a further event", |logout| logout.claim("events", two));
}

pub(crate) fn rv20_nonce_is_the_mark_of_another_kind(ground: Ground) {
    let world = World::new(ground);
    for nonce in [json!("n"), json!(null)] {
        world.refuses(&nonce.to_string(), &world.logout().claim("nonce", nonce.clone()));
    }
    assert_eq!(world.send(&world.logout()), done());
}

pub(crate) fn rv21_other_kinds_of_token_sign_nobody_out(ground: Ground) {
    let world = World::new(ground);
    let access = world.access().sign().unwrap();
    world.refuses("an access token", &world.access());
    world.refuses("an access token with the event", &world.access().claim("events", json!({EVENT: {}})));
    world.refuses("an ID token", &world.issuer.id_token(&access).at(NOW).sub("ada").sid("s-1"));
    let nonce = world.issuer.id_token(&access).at(NOW).claim("nonce", "n").claim("events", json!({EVENT: {}}));
    world.refuses("an ID token with the event", &nonce);
    let proof = KEY.proof("POST", "https://api.example/backchannel-logout").at(NOW).sign().unwrap();
    // IN24: a genuine one, of a token that is active.
    let signed = signed_answer(&world.issuer, &access);
    for (what, token) in [("a proof", &*proof), ("a signed answer", &*signed), ("opaque", "x"), ("nothing", "")] {
        assert_eq!(world.send_text(token), refused(), "{what}");
        world.nothing_is_revoked(what);
    }
}

/// What the introspection endpoint says of a token, signed (RFC 9701).
fn signed_answer(issuer: &LocalIssuer, token: &str) -> String {
    let body = format!("token={token}");
    let credentials = BASE64_STANDARD.encode("service:service-secret");
    let lines = [FORM, "Accept: application/token-introspection+jwt", &format!("Authorization: Basic {credentials}")];
    let reply = Connection::open(([127, 0, 0, 1], issuer.port()).into())
        .unwrap()
        .ask(&post("/oauth/introspect", &lines, &body))
        .unwrap();
    assert_eq!(reply.header("content-type"), Some("application/token-introspection+jwt"), "{reply:?}");
    reply.body
}

pub(crate) fn rv21_logout_token_is_no_access_token(ground: Ground) {
    let world = World::new(ground);
    assert!(!world.passes(&world.logout()));
    assert!(!world.passes(&world.logout().header("typ", "JWT")), "nor without its type");
    assert!(!world.passes(&world.logout().without_header("typ")));
}

pub(crate) fn rv22_whoever_is_named_is_signed_out_and_nobody_else(ground: Ground) {
    let world = World::new(ground);
    world.refuses("nobody", &world.logout().without("sub").without("sid"));
    world.refuses("null", &world.logout().claim("sub", Value::Null).claim("sid", Value::Null));
    for value in [json!(1), json!(""), json!([])] {
        world.refuses("sid", &world.logout().claim("sid", &value));
        world.refuses("sub", &world.logout().claim("sub", value));
    }
    // Of each: the session, another session, no session, another user in the session.
    let cases: [(&str, Change, [bool; 4]); 3] = [
        ("sid", |logout| logout.without("sub"), [false, true, true, false]),
        ("sub", |logout| logout.without("sid"), [false, false, false, true]),
        ("both", |logout| logout, [false, true, false, false]),
    ];
    for (what, change, expected) in cases {
        let world = World::new(ground);
        let tokens =
            [world.access(), world.access().sid("s-2"), world.access().without("sid"), world.access().sub("bob")];
        assert!(tokens.iter().all(|token| world.passes(token)));
        assert_eq!(world.send(&change(world.logout())), done(), "{what}");
        assert_eq!(tokens.map(|token| world.passes(&token)), expected, "{what}");
        assert!(world.passes(&world.access().sub("bob").without("sid")), "{what}");
    }
}

pub(crate) fn rv22_session_of_another_issuer_is_another_session(ground: Ground) {
    let other = FIXTURE.wait(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    let second = Issuer::new(other.url(), other.audience()).grants(Grants::everything());
    let world = World::with(ground, |builder| builder.issuer(second));
    let theirs = other.token().at(NOW).sub("ada").sid("s-1");
    assert!(world.passes(&theirs));
    assert_eq!(world.send(&world.logout().issuer(other.url())), refused(), "by the key of another");
    assert_eq!(world.send(&world.logout()), done());
    assert!(!world.passes(&world.access()) && world.passes(&theirs));
    assert_eq!(world.send(&other.logout_token().at(NOW).sub("ada").sid("s-1")), done(), "any issuer of the object");
    assert!(!world.passes(&theirs));
}

pub(crate) fn rv23_issuer_audience_times_and_signature_are_checked(ground: Ground) {
    let world = World::new(ground);
    let logout = || world.logout();
    let stranger = SigningKey::generate(Algorithm::ES256, "stranger").unwrap();
    let impostor = SigningKey::generate(Algorithm::ES256, world.issuer.key().kid()).unwrap();
    for (what, token) in [
        ("iss", logout().issuer("https://other.example")),
        ("iss nearly", logout().issuer(&format!("{}/", world.issuer.url()))),
        ("no iss", logout().without("iss")),
        ("aud", logout().audience("other")),
        ("aud of others", logout().audience(json!(["other", "more"]))),
        ("no aud", logout().without("aud")),
        ("azp", logout().azp("other")),
        ("no iat", logout().without("iat")),
        ("old", logout().claim("iat", NOW - 121)),
        ("ahead", logout().claim("iat", NOW + 6)),
        ("iat in words", logout().claim("iat", "now")),
        ("no exp", logout().without("exp")),
        ("expired", logout().claim("exp", NOW - 5)),
        ("not yet", logout().claim("nbf", NOW + 6)),
        ("no jti", logout().without("jti")),
        ("jti", logout().claim("jti", 1)),
        ("none", logout().header("alg", "none")),
        ("none, and unsigned", logout().header("alg", "none").raw_signature([])),
        ("HS256", logout().header("alg", "HS256")),
        ("unknown kid", logout().kid("nobody")),
        ("key of nobody", logout().key(&stranger)),
        ("key by a known name", logout().key(&impostor)),
        ("tampered", logout().tampered()),
    ] {
        world.refuses(what, &token);
    }
    let own = world.issuer.audience().to_owned();
    let mut sessions = Sessions(&world, 0);
    sessions.takes("aud with ours", |logout| logout.audience(json!(["other", own])));
    sessions.takes("own azp", |logout| logout.azp(&own));
    sessions.takes("as far ahead as clocks differ", |logout| logout.claim("iat", NOW + 5));
    sessions.takes("without a kid", |logout| logout.without_header("kid"));
    // Tokens of this second are later than that.
    assert_eq!(world.send(&logout().claim("iat", NOW - 120)), done(), "as old as may be");
    assert!(world.passes(&world.access()));
}

pub(crate) fn rv23_token_without_exp_is_allowed_by_name_alone(ground: Ground) {
    let world = World::with(ground, RampartAuthBuilder::allow_logout_without_exp);
    world.refuses("expired", &world.logout().claim("exp", NOW - 5));
    world.refuses("old", &world.logout().without("exp").claim("iat", NOW - 121));
    Sessions(&world, 0).takes("no exp", |logout| logout.without("exp"));
}

pub(crate) fn rv24_repeated_token_is_no_attack_and_an_old_one_is_refused(ground: Ground) {
    let world = World::new(ground);
    let token = world.logout().sign().unwrap();
    let request = post("/backchannel-logout", &[FORM], &format!("logout_token={token}"));
    let replies = rampart_conformance::wire::at_once(world.address, &vec![request; 8], 1);
    assert!(replies.iter().all(|reply| world.shown(reply) == done()), "{replies:?}");
    let entries = world.revocations.health().entries;
    assert_eq!(world.send_text(&token), done());
    assert_eq!(world.revocations.health().entries, entries, "without a second effect");
    assert!(!world.passes(&world.access()));
    world.set(NOW + 130);
    assert_eq!(world.send_text(&token), refused());
}

/// The answer, but for how long to wait.
fn unavailable((status, mut headers, body): Answer) {
    let retry = headers.iter().position(|(name, _)| name == "retry-after").expect("it says when");
    let (_, seconds) = headers.remove(retry);
    assert!((1..=120).contains(&seconds.parse::<u32>().unwrap()), "{seconds}");
    let expected = failed(503, "temporarily_unavailable", "The logout cannot be carried out now");
    assert_eq!((status, headers, body), expected);
}

pub(crate) fn rv26_logout_that_cannot_be_decided_is_for_later(ground: Ground) {
    let issuer = FIXTURE.wait(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    issuer.inject(Endpoint::Jwks, Fault::status(500));
    let world = World::cold(ground, issuer, Revocations::new(), |builder| builder);
    unavailable(world.send(&world.logout()));
    assert_eq!(world.revocations.health().entries, 0);
    assert_eq!(world.send(&world.logout().without("events")), refused(), "what could not hold asks for no keys");
}

/// Other replicas do not know of it, so the issuer must come again; this one does.
pub(crate) fn rv26_logout_that_cannot_be_kept_is_for_later_and_in_force_here(ground: Ground) {
    let issuer = FIXTURE.wait(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
    let revocations = FIXTURE.wait(async {
        let revocations = Revocations::over(FullStore).start().unwrap();
        revocations.loaded().await.unwrap();
        revocations
    });
    let world = World::cold(ground, issuer, revocations, |builder| builder);
    let tokens = [world.access(), world.access().without("sid")];
    assert!(tokens.iter().all(|token| world.passes(token)));
    for _ in 0..2 {
        unavailable(world.send(&world.logout()));
        assert!(tokens.iter().all(|token| !world.passes(token)));
    }
    assert!(world.passes(&world.access().sid("s-2")));
}

pub(crate) fn rv26_without_a_list_nobody_is_told_that_it_was_done(ground: Ground) {
    let world = World::new(ground);
    let auth = RampartAuth::builder(world.issuer.url(), world.issuer.audience()).build().unwrap();
    let parts = Parts { auth: auth.clone(), other: auth, gate: std::sync::Arc::clone(&world.gate) };
    let address = (ground.application)(&parts);
    let request = post("/backchannel-logout", &[FORM], &format!("logout_token={}", world.logout().sign().unwrap()));
    let reply = Connection::open(address).unwrap().ask(&request).unwrap();
    assert_eq!(world.shown(&reply), failed(500, "server_error", "Logout is not configured"));
    world.nothing_is_revoked("without a list");
}

pub(crate) fn rv29_new_login_works_once_the_tolerance_has_passed(ground: Ground) {
    let world = World::new(ground);
    let old = world.access().without("sid");
    assert!(world.passes(&old));
    assert_eq!(world.send(&world.logout()), done());
    assert!(!world.passes(&old), "a token that says of no session that it is its own");
    let login = |at: u64| world.issuer.token().at(at).sub("ada").without("sid");
    world.set(NOW + 5);
    assert!(!world.passes(&login(NOW + 5)));
    world.set(NOW + 6);
    assert!(world.passes(&login(NOW + 6)) && !world.passes(&old));
}

pub(crate) fn rv31_bound_is_the_logout_tokens_own_time_and_the_tolerance(ground: Ground) {
    let world = World::new(ground);
    let ahead = NOW + 4;
    assert_eq!(world.send(&world.logout().claim("iat", ahead)), done());
    assert!(!world.passes(&world.access().issued_at(ahead)), "the issuer's clock is ahead");
    world.set(NOW + 10);
    assert!(!world.passes(&world.access().issued_at(ahead + 5)));
    assert!(world.passes(&world.access().issued_at(ahead + 6)));
}

pub(crate) fn rv32_clients_of_logout_are_those_of_the_front_ends(ground: Ground) {
    let world = World::with(ground, |builder| builder.logout_clients(["spa", "app"]));
    world.refuses("the API is none of them", &world.logout());
    world.refuses("another client", &world.logout().audience("other"));
    world.refuses("another client in the name of ours", &world.logout().audience("spa").azp("other"));
    let mut sessions = Sessions(&world, 0);
    sessions.takes("the one", |logout| logout.audience("spa"));
    sessions.takes("the other", |logout| logout.audience("app"));
    assert_eq!(world.send(&world.logout().audience("spa")), answer(200, &[("cache-control", "no-store")], ""));
}
