//! Which tokens make a question, and what is in it: IN15, IN19 to IN22, IN32.

use rampart_conformance::case::App;
use rampart_conformance::fixture::NOW;
use rampart_conformance::introspection::{CLIENT, SECRET, client};
use rampart_core::Introspection;
use rampart_issuer::{Algorithm, Endpoint, Fault, SigningKey, base64url};

use crate::{Ground, as_it_is, is_expired, is_good, is_invalid, is_unavailable};

pub(crate) fn in15_token_of_another_form_makes_no_question(ground: &Ground) {
    let world = ground.world(|introspection| introspection.token_prefix("ory_at_").token_lengths(10..=100));
    let long = format!("ory_at_{}", "x".repeat(8192));
    for text in ["ory_rt_abcdef", "x", "ory_at_", "ORY_AT_abcdef", "ory_at_no!token", &long] {
        is_invalid(&world.ask(&world.token().text(text).issue()));
    }
    assert_eq!(world.questions(), 0);
    is_good(&world.ask(&world.token().prefix("ory_at_").issue()));
    is_good(&world.ask(&world.jwt().sign().unwrap()));
    assert_eq!(world.questions(), 1, "a JWT has a form of its own");
}

/// What the client writes to the log at its most talkative is looked through in `agreement`, with every other token of the suite.
pub(crate) fn in19_token_stands_in_the_body_of_a_post_and_nowhere_else(ground: &Ground) {
    let world = ground.world_of(App::Opaque, client, |builder, client| {
        assert!(!format!("{client:?}").contains(SECRET));
        builder.introspection(Introspection::of(client))
    });
    let text = "AbCd-1234_5678.90~xyz+/==";
    let token = world.token().text(text).issue();
    is_good(&world.ask(&token));
    let recorded = world.issuer.recorded(Endpoint::Introspection);
    assert_eq!(recorded.len(), 1);
    let request = &recorded[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/oauth/introspect"));
    assert_eq!(request.body, "token=AbCd-1234_5678.90%7Exyz%2B%2F%3D%3D&token_type_hint=access_token");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert!(request.header("authorization").unwrap().starts_with("Basic "));
    for (name, value) in &request.headers {
        assert!(!value.contains("AbCd-1234") && name != "referer" && name != "cookie", "{name}: {value}");
    }
    // Nor in what is shown of the objects, and of what went wrong.
    world.issuer.inject_for("echo-1234567890", Fault::html("<p>echo-1234567890</p>"));
    is_unavailable(&world.ask("echo-1234567890"), 1..=5);
    let location = format!("{}/echo-0987654321", world.issuer.url());
    world.issuer.inject_for("echo-0987654321", Fault::redirect(302, &location));
    is_unavailable(&world.ask("echo-0987654321"), 1..=5);
    let failures = world.failures(2);
    let shown = format!("{:?} {failures:?}", world.auth);
    assert_eq!(failures.len(), 2, "{shown}");
    for secret in [text, "AbCd-1234", "echo-1234567890", "echo-0987654321", SECRET] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

pub(crate) fn in20_what_has_the_form_of_a_jwt_makes_no_question(ground: &Ground) {
    let world = ground.world(as_it_is);
    let stranger = SigningKey::generate(Algorithm::ES256, world.issuer.key().kid()).unwrap();
    // The issuer would say of each that it is active.
    let active = |jwt: String| world.token().text(jwt).issue();
    let sign = |jwt: rampart_issuer::TokenBuilder| active(jwt.sign().unwrap());
    is_good(&world.ask(&sign(world.jwt())));
    is_expired(&world.ask(&sign(world.jwt().at(NOW - 2000))));
    for bad in [
        sign(world.jwt().key(&stranger)),
        sign(world.jwt().issuer("https://other.example")),
        sign(world.jwt().header("alg", "none").raw_signature([])),
        sign(world.jwt().header("typ", "token-introspection+jwt").claim("aud", [world.issuer.audience(), CLIENT])),
        active(format!("{}..", base64url(r#"{"alg":"dir","enc":"A128GCM"}"#))),
    ] {
        is_invalid(&world.ask(&bad));
    }
    assert_eq!(world.questions(), 0);
}

pub(crate) fn in21_jwt_that_is_bad_here_makes_no_question(ground: &Ground) {
    let world = ground.world(Introspection::every_token);
    let stranger = SigningKey::generate(Algorithm::ES256, world.issuer.key().kid()).unwrap();
    let active = |jwt: rampart_issuer::TokenBuilder| world.token().text(jwt.sign().unwrap()).issue();
    is_expired(&world.ask(&active(world.jwt().at(NOW - 2000))));
    for bad in
        [world.jwt().key(&stranger), world.jwt().audience("other-api"), world.jwt().issuer("https://other.example")]
    {
        is_invalid(&world.ask(&active(bad)));
    }
    assert_eq!(world.questions(), 0);
    let good = world.jwt().sign().unwrap();
    is_good(&world.ask(&good));
    is_good(&world.ask(&good));
    assert_eq!(world.questions(), 1);
    world.issuer.revoke(&good);
    world.time.pass(30);
    is_invalid(&world.ask(&good));
    assert_eq!(world.questions(), 2);
}

pub(crate) fn in21_issuer_that_is_down_lets_no_jwt_in(ground: &Ground) {
    let world = ground.world(Introspection::every_token);
    world.issuer.inject(Endpoint::Introspection, Fault::status(503));
    for number in 0..8 {
        let jwt = world.jwt().jti(&format!("jti-{number}")).sign().unwrap();
        // However many come: whoever has a token that is good here is no stranger.
        is_unavailable(&world.ask(&jwt), 1..=60);
    }
    // After three failures in a row it is left alone, for a quarter of a second at least.
    assert!((3..=6).contains(&world.questions()), "{}", world.questions());
    is_invalid(&world.ask(&world.jwt().issuer("https://other.example").sign().unwrap()));
}

pub(crate) fn in22_token_is_asked_about_as_it_is(ground: &Ground) {
    let world = ground.world(as_it_is);
    let long = "x".repeat(4096);
    for (asked, text) in ["a.b~c+d/e==", "00D-x_y.z", "../../etc/passwd", &long].into_iter().enumerate() {
        is_good(&world.ask(&world.token().text(text).issue()));
        assert_eq!(world.questions(), asked + 1, "{text}");
    }
    for text in ["00D!AQEAQ", "a b", "a=b"] {
        is_invalid(&world.ask(&world.token().text(text).issue()));
    }
    assert_eq!(world.questions(), 4);
}

pub(crate) fn in32_what_is_no_jwt_makes_one_question(ground: &Ground) {
    let world = ground.world(as_it_is);
    let encrypted = world.token().encrypted().issue();
    let headless = format!("{}.e30.c2ln", base64url(r#"{"typ":"JWT"}"#));
    let tokens = [encrypted.as_str(), "a.b.c", &headless];
    for _ in 0..2 {
        for text in tokens {
            is_good(&world.ask(&world.token().text(text).issue()));
        }
    }
    assert_eq!(world.questions(), tokens.len());
    let jwt = format!("{}.e30.c2ln", base64url(r#"{"alg":"A256GCMKW"}"#));
    is_invalid(&world.ask(&world.token().text(jwt).issue()));
    assert_eq!(world.questions(), tokens.len());
}
