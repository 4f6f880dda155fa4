//! Tokens of servers that no registry has, on all three: their addresses, metadata and tokens are those that the real ones have.

use rampart_conformance::wire::Connection;
use rampart_core::{RampartAuthBuilder, Settings};
use rampart_issuer::{LocalIssuer, Shape};
use serde_json::{Value, json};

use crate::world::{World, request};

/// A client of the servers, which stands for the API.
const API: &str = "orders-api";
const SECRET: &str = "orders-secret";

/// A guard as a parameter, the guard of the group, and the optional one.
const LINES: [&str; 3] = ["GET /api/profile", "GET /api/admin/unknown", "GET /api/feed"];

/// The APIs, by what a configuration file says of this server in `[auth]`.
fn world(shape: Shape, file: impl Fn(&str) -> Value) -> World {
    let issuer = LocalIssuer::builder().shape(shape).audience(API).client(API, SECRET);
    World::beside(issuer, false, true, |issuer| {
        let settings: Settings = serde_json::from_value(file(issuer.url())).unwrap();
        RampartAuthBuilder::from(settings)
    })
}

/// What the token endpoint gives the client for these further members of a form.
fn asked_for(issuer: &LocalIssuer, form: &str) -> String {
    let body = format!("grant_type=client_credentials&client_id={API}&client_secret={SECRET}{form}");
    let path = issuer.token_url().split_off(format!("http://127.0.0.1:{}", issuer.port()).len());
    let line = format!("POST {path}");
    let address = ([127, 0, 0, 1], issuer.port()).into();
    let request = request(address, &line, None, &body);
    let request = request.replacen("Connection", "Content-Type: application/x-www-form-urlencoded\r\nConnection", 1);
    let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
    let answer: Value = serde_json::from_str(&reply.body).unwrap();
    let token = answer.get("access_token").and_then(Value::as_str);
    token.unwrap_or_else(|| panic!("{}", reply.body)).to_owned()
}

/// Each comes to the handler, which knows the caller by this name.
fn passes(world: &World, token: &str, name: &str) {
    let profile = world.agreed("GET /api/profile", Some(token), None);
    let body: Value = serde_json::from_str(&profile.body).unwrap();
    assert_eq!((profile.status, body.get("user_id")), (200, Some(&json!(name))), "{token}");
    assert_eq!(world.agreed("GET /api/feed", Some(token), None).status, 200);
    // Nobody here is an admin.
    assert_eq!(world.agreed("GET /api/admin/unknown", Some(token), None).status, 403);
}

fn are_refused(world: &World, tokens: &[(&str, String)]) {
    const BODY: &str = r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#;
    const CHALLENGE: &str =
        r#"Bearer realm="default", error="invalid_token", error_description="The access token is invalid""#;
    for (what, token) in tokens {
        for line in LINES {
            let answer = world.agreed(line, Some(token), None);
            assert_eq!((answer.status, &*answer.body), (401, BODY), "{what}, {line}");
            assert_eq!(answer.challenge.as_deref(), Some(CHALLENGE), "{what}, {line}");
        }
    }
}

#[test]
fn access_tokens_of_dex_pass_and_id_and_refresh_tokens_and_those_for_others_do_not() {
    let world = world(Shape::Dex, |url| json!({"preset": "dex", "url": url, "audience": API}));
    let issuer = &world.issuer;
    passes(&world, &asked_for(issuer, ""), "CgpvcmRlcnMtYXBp");
    let by_code = issuer.token().sub("ada").claim("nonce", "n-0S6_WzA2Mj");
    passes(&world, &by_code.sign().unwrap(), "ada");
    let refused = [
        ("for a front end", by_code.clone().audience("web-app").sign().unwrap()),
        // For the API itself: it came with a code, as its `c_hash` says.
        ("ID token", issuer.id_token(&by_code.sign().unwrap()).sign().unwrap()),
        ("ID token without a nonce", issuer.id_token(&issuer.token().sign().unwrap()).sign().unwrap()),
        ("refresh token", issuer.refresh_token()),
        ("tampered", by_code.clone().tampered().sign().unwrap()),
        ("of another issuer", by_code.issuer("https://dex.example/dex").sign().unwrap()),
    ];
    are_refused(&world, &refused);
}

/// The setting is needed, and is needed for both of its marks.
#[test]
fn access_tokens_of_dex_are_id_tokens_where_no_setting_says_otherwise() {
    let plain = world(Shape::Dex, |url| json!({"issuer_url": url, "audience": API}));
    let of_machine = asked_for(&plain.issuer, "");
    let by_code = plain.issuer.token().claim("nonce", "n-0S6_WzA2Mj").sign().unwrap();
    are_refused(&plain, &[("of a machine", of_machine), ("by code", by_code)]);
    let marks = ["at_hash"];
    let one = world(Shape::Dex, |url| json!({"issuer_url": url, "audience": API, "insecure_ignore_marks": marks}));
    passes(&one, &asked_for(&one.issuer, ""), "CgpvcmRlcnMtYXBp");
    let by_code = one.issuer.token().claim("nonce", "n-0S6_WzA2Mj").sign().unwrap();
    are_refused(&one, &[("by code", by_code)]);
}

#[test]
fn access_tokens_of_hydra_pass_by_issuer_and_audience_alone_where_the_audience_was_asked_for() {
    let world = world(Shape::Hydra, |url| json!({"issuer_url": url, "audience": API}));
    let issuer = &world.issuer;
    passes(&world, &asked_for(issuer, &format!("&audience={API}&scope=orders%3Aread+tasks%3Awrite")), API);
    let by_code = issuer.token().sign().unwrap();
    passes(&world, &by_code, "ada");
    let refused = [
        ("no audience asked for", asked_for(issuer, "&scope=orders%3Aread")),
        ("for another API", asked_for(issuer, "&audience=billing-api")),
        ("ID token", issuer.id_token(&by_code).sign().unwrap()),
        ("ID token of a client that is the API", issuer.id_token(&by_code).audience(vec![API]).sign().unwrap()),
        ("refresh token", issuer.refresh_token()),
        ("opaque access token", issuer.refresh_token().replacen("ory_rt_", "ory_at_", 1)),
        ("tampered", issuer.token().tampered().sign().unwrap()),
        ("of another issuer", issuer.token().issuer("https://hydra.example").sign().unwrap()),
    ];
    are_refused(&world, &refused);
    // `scp` is its scopes.
    let task = |token: &str| world.agreed("POST /api/tasks", Some(token), Some(r#"{"title":"Tea"}"#)).status;
    assert_eq!(task(&asked_for(issuer, &format!("&audience={API}&scope=tasks%3Awrite"))), 201);
    assert_eq!(task(&asked_for(issuer, &format!("&audience={API}&scope=tasks%3Aread"))), 403);
}

#[test]
fn access_tokens_of_rampart_pass_by_code_and_by_direct_login_where_that_audience_is_accepted_too() {
    let file = |url: &str| json!({"preset": "rampart", "url": url, "client_ids": [API]});
    let by_code_alone = world(Shape::Rampart, file);
    let both = world(Shape::Rampart, |url| {
        let mut file = file(url);
        file["audiences"] = json!([url]);
        file
    });
    for (world, takes_direct_logins) in [(by_code_alone, false), (both, true)] {
        let issuer = &world.issuer;
        let (by_code, direct) = (issuer.token().sub("ada"), issuer.token().sub("ada").direct_login().sign().unwrap());
        passes(&world, &by_code.sign().unwrap(), "ada");
        if takes_direct_logins {
            passes(&world, &direct, "ada");
        } else {
            are_refused(&world, &[("direct login", direct)]);
        }
        let id_token = issuer.id_token(&by_code.sign().unwrap());
        let refused = [
            ("for another front end", by_code.clone().audience(vec!["web-app"]).sign().unwrap()),
            ("ID token", id_token.clone().sign().unwrap()),
            ("ID token with a nonce", id_token.claim("nonce", "n-0S6_WzA2Mj").sign().unwrap()),
            ("challenge", issuer.mfa_challenge().sign().unwrap()),
            ("refresh token", issuer.refresh_token()),
            ("tampered", by_code.clone().tampered().sign().unwrap()),
            ("of another issuer", by_code.issuer("https://auth.example").sign().unwrap()),
        ];
        are_refused(&world, &refused);
    }
}
