//! What an administrator revokes, on all three: it is refused from then on, also where it was known before.

use std::time::SystemTime;

use rampart_conformance::full_store::FullStore;
use rampart_conformance::wire::Connection;
use rampart_core::{RampartAuth, RevocationState, Revocations};
use rampart_issuer::{Algorithm, LocalIssuer, TokenBuilder};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::world::{Contract, WORLD, World, request};

const LINE: &str = "POST /api/admin/revocations";

/// A guard as a parameter, the guard of the group, and the optional one.
const LINES: [&str; 3] = ["GET /api/profile", "GET /api/admin/stats", "GET /api/feed"];

/// What is said of an issuer that is none here.
const ISSUER: &str = "iss must be the name of an issuer whose tokens this API accepts";

const SEEN: [&str; 2] = [
    r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#,
    r#"Bearer realm="default", error="invalid_token", error_description="The access token is invalid""#,
];

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// A token of an admin with everything that can be revoked, of a minute ago.
fn token(world: &World, of: &str) -> TokenBuilder {
    let token = world.token(&format!("sub-{of}")).roles(["admin"]).at(now() - 60);
    token.jti(&format!("jti-{of}")).sid(&format!("sid-{of}")).client_id(&format!("client-{of}"))
}

fn revoke(world: &World, body: &Value) -> Contract {
    let admin = world.token("root").roles(["admin"]).sign().unwrap();
    world.agreed(LINE, Some(&admin), Some(&body.to_string()))
}

fn passes(world: &World, token: &str) {
    for line in LINES {
        assert_eq!(world.agreed(line, Some(token), None).status, 200, "{line}");
    }
}

fn is_refused(world: &World, token: &str, what: &str) {
    for line in LINES {
        let answer = world.agreed(line, Some(token), None);
        assert_eq!((answer.status, &*answer.body), (401, SEEN[0]), "{what}, {line}");
        assert_eq!(answer.challenge.as_deref(), Some(SEEN[1]), "{what}, {line}");
        assert_eq!(answer.cache_control.as_deref(), Some("no-store"), "{what}, {line}");
    }
}

#[test]
fn what_is_revoked_is_refused_with_the_next_request_and_nothing_else_is() {
    let world = World::start(false);
    let iss = world.issuer.url();
    let other = token(&world, "other").sign().unwrap();
    passes(&world, &other);
    for (what, body) in [
        ("jti", json!({"iss": iss, "jti": "jti-jti", "until": now() + 3600})),
        ("sid", json!({"iss": iss, "sid": "sid-sid"})),
        ("sub", json!({"iss": iss, "sub": "sub-sub", "issued_before": now()})),
        ("client", json!({"iss": iss, "client_id": "client-client"})),
    ] {
        let known = token(&world, what).sign().unwrap();
        passes(&world, &known);
        let done = revoke(&world, &body);
        let nothing = Contract {
            status: 204,
            content_type: None,
            cache_control: None,
            challenge: None,
            nonce: false,
            body: String::new(),
        };
        assert_eq!(done, nothing, "{what}");
        is_refused(&world, &known, what);
        let unseen = token(&world, what).claim("further", true).sign().unwrap();
        is_refused(&world, &unseen, what);
        assert_eq!(revoke(&world, &body), nothing, "{what}, again");
    }
    passes(&world, &other);
    // One that was issued after the bound is another: the user has signed in again.
    let bound = now() - 60;
    assert_eq!(revoke(&world, &json!({"iss": iss, "sub": "sub-again", "issued_before": bound})).status, 204);
    passes(&world, &token(&world, "again").at(bound + 1).sign().unwrap());
}

#[test]
fn only_an_admin_may_revoke() {
    let user = WORLD.token("ada").sign().unwrap();
    let body = json!({"iss": WORLD.issuer.url(), "sid": "s"}).to_string();
    for who in [None, Some("x"), Some(&*user)] {
        let usual = WORLD.agreed("GET /api/admin/stats", who, None);
        assert_eq!(WORLD.agreed(LINE, who, Some(&body)), usual);
        assert_eq!(WORLD.agreed(LINE, who, Some("no json")), usual, "nothing is said of the body to whoever asks");
    }
}

#[test]
fn body_of_another_form_is_refused_and_revokes_nothing() {
    let world = World::start(false);
    let iss = world.issuer.url();
    let known = token(&world, "known").sign().unwrap();
    passes(&world, &known);
    let [past, ahead] = [now() - 3600, now() + 3600];
    let forms = [
        json!({}),
        json!({"iss": iss}),
        json!({"iss": iss, "jti": "jti-known"}),
        json!({"iss": iss, "sub": "sub-known"}),
        json!({"jti": "jti-known", "until": ahead}),
        json!({"sid": "sid-known"}),
        // Mixtures, and members that there are not.
        json!({"iss": iss, "jti": "jti-known", "until": ahead, "sid": "sid-known"}),
        json!({"iss": iss, "sid": "sid-known", "until": ahead}),
        json!({"iss": iss, "sid": "sid-known", "sub": "sub-known"}),
        json!({"iss": iss, "sub": "sub-known", "issued_before": now(), "until": ahead}),
        json!({"iss": iss, "client_id": "client-known", "issued_before": now()}),
        json!({"iss": iss, "sid": "sid-known", "jti": null}),
        json!({"iss": iss, "Sid": "sid-known"}),
        json!({"iss": iss, "issued_before": now()}),
        // Other types.
        json!({"iss": iss, "sid": null}),
        json!({"iss": iss, "sid": 7}),
        json!({"iss": iss, "sid": ["sid-known"]}),
        json!({"iss": [iss], "sid": "sid-known"}),
        json!({"iss": iss, "jti": "jti-known", "until": ahead.to_string()}),
        json!({"iss": iss, "jti": "jti-known", "until": -1}),
        json!({"iss": iss, "jti": "jti-known", "until": 4_000_000_000.5}),
        json!({"iss": iss, "sub": "sub-known", "issued_before": null}),
        json!([iss, "sid-known"]),
        json!([{"iss": iss, "sid": "sid-known"}]),
        json!("sid-known"),
        json!(null),
    ];
    let twice = format!(r#"{{"iss":"{iss}","sid":"sid-other","sid":"sid-known"}}"#);
    let two = format!(r#"{{"iss":"{iss}","sid":"sid-known"}} {{"iss":"{iss}","sid":"sid-known"}}"#);
    let texts = [String::new(), "no json".into(), format!("iss={iss}&sid=sid-known"), twice, two];
    let admin = world.token("root").roles(["admin"]).sign().unwrap();
    for body in forms.iter().map(Value::to_string).chain(texts) {
        let answer = world.agreed(LINE, Some(&admin), Some(&body));
        let said = r#"{"error":"invalid_request","error_description":"The body must be JSON, one of {\"iss\", \"jti\", \"until\"}, "#;
        assert_eq!((answer.status, answer.challenge.as_deref()), (400, None), "{body}");
        assert_eq!(answer.content_type.as_deref(), Some("application/json"), "{body}");
        assert!(answer.body.starts_with(said) && answer.body.ends_with(r#","status":400}"#), "{body}: {answer:?}");
    }
    // What would do nothing, or too much.
    for (body, said) in [
        (json!({"iss": "https://auth.example.com", "sid": "sid-known"}), ISSUER),
        (json!({"iss": format!("{iss}/"), "sid": "sid-known"}), ISSUER),
        (json!({"iss": "", "sid": "sid-known"}), ISSUER),
        (json!({"iss": iss, "sid": ""}), "Nothing was revoked: the revocation names nobody"),
        (json!({"iss": iss, "jti": "", "until": ahead}), "Nothing was revoked: the revocation names nobody"),
        (
            json!({"iss": iss, "jti": "jti-known", "until": past}),
            "Nothing was revoked: the revocation would do nothing",
        ),
        (
            json!({"iss": iss, "sub": "sub-known", "issued_before": ahead}),
            "Nothing was revoked: the revocation would lock everybody out",
        ),
    ] {
        let answer = revoke(&world, &body);
        assert_eq!((answer.status, answer.challenge.as_deref()), (400, None), "{body}");
        let begins = format!(r#"{{"error":"invalid_request","error_description":"{said}"#);
        assert!(answer.body.starts_with(&begins) && answer.body.ends_with(r#","status":400}"#), "{body}: {answer:?}");
    }
    let of_length = |length| format!("{:length$}", json!({"iss": iss, "sid": "sid-known"}).to_string());
    assert_eq!(world.agreed(LINE, Some(&admin), Some(&of_length(8193))).status, 413);
    passes(&world, &known);
    // And what is just not too much does what it says.
    assert_eq!(world.agreed(LINE, Some(&admin), Some(&of_length(8192))).status, 204);
    is_refused(&world, &known, "at last");
}

#[test]
fn what_the_store_does_not_take_is_503_that_says_when_to_come_again() {
    let runtime = Runtime::new().unwrap();
    let list = || {
        runtime.block_on(async {
            let list = Revocations::over(FullStore).start().unwrap();
            list.loaded().await.unwrap();
            assert_eq!(list.health().state, RevocationState::Current);
            list
        })
    };
    let auth = |issuer: &LocalIssuer| RampartAuth::builder(issuer.url(), issuer.audience());
    let world = World::sharing(LocalIssuer::builder().algorithm(Algorithm::ES256), false, true, auth, list);
    let known = token(&world, "known").sign().unwrap();
    passes(&world, &known);
    let admin = world.token("root").roles(["admin"]).sign().unwrap();
    let body = json!({"iss": world.issuer.url(), "sid": "sid-known"}).to_string();
    for (name, address) in world.apis {
        let request = request(address, LINE, Some(&admin), &body);
        let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
        assert_eq!(reply.values("retry-after").collect::<Vec<_>>(), ["1"], "{name}");
        assert_eq!((reply.status, reply.header("content-type")), (503, Some("application/json")), "{name}");
        let said = r#"{"error":"temporarily_unavailable","error_description":"The revocation is not stored for every replica: send it again","status":503}"#;
        assert_eq!(reply.body, said, "{name}");
    }
    is_refused(&world, &known, "in force here all the same");
    // And no answer that is final says so.
    for (name, address) in world.apis {
        let request = request(address, LINE, Some(&admin), "{}");
        let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
        assert_eq!((reply.status, reply.header("retry-after")), (400, None), "{name}");
    }
}
