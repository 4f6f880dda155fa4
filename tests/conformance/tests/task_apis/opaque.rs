//! Opaque tokens, on all three: what a configuration file says of introspection, against the local issuer's endpoint.

use std::path::Path;

use config_file::ConfigFile;
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer};

use crate::world::{Contract, World};

/// A guard as a parameter, the guard of the group, and the optional one.
const LINES: [&str; 3] = ["GET /api/profile", "GET /api/admin/stats", "GET /api/feed"];

/// The APIs as a file sets them up, with the secret in a file of its own.
fn world(test: &str, mode: &str) -> World {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("opaque-{test}"));
    std::fs::create_dir_all(&directory).unwrap();
    let [file, secret] = ["rampart.toml", "secret"].map(|name| directory.join(name));
    std::fs::write(&secret, "service-secret\n").unwrap();
    World::beside(LocalIssuer::builder().algorithm(Algorithm::ES256), false, true, |issuer| {
        let text = format!(
            "[auth]\nissuer_url = '{url}'\naudience = '{}'\n[introspection]\nissuer_url = '{url}'\nmode = '{mode}'\n\
             client_id = 'service'\nclient_secret_file = '{}'\n",
            issuer.audience(),
            secret.display(),
            url = issuer.url(),
        );
        std::fs::write(&file, text).unwrap();
        ConfigFile::read(&file).unwrap().builder().unwrap()
    })
}

fn is_refused(answer: &Contract, what: &str) {
    const BODY: &str = r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#;
    const CHALLENGE: &str =
        r#"Bearer realm="default", error="invalid_token", error_description="The access token is invalid""#;
    assert_eq!((answer.status, &*answer.body), (401, BODY), "{what}");
    assert_eq!(answer.challenge.as_deref(), Some(CHALLENGE), "{what}");
    assert_eq!(answer.cache_control.as_deref(), Some("no-store"), "{what}");
}

#[test]
fn opaque_token_passes_for_what_its_issuer_says_of_it() {
    let world = world("passes", "opaque_only");
    let token = world
        .issuer
        .opaque()
        .sub("ada")
        .claim("email", "ada@example.com")
        .claim("roles", ["user"])
        .scope("tasks:write")
        .issue();
    for _ in 0..2 {
        let profile = world.agreed("GET /api/profile", Some(&token), None);
        assert_eq!(
            (profile.status, &*profile.body),
            (200, r#"{"user_id":"ada","email":"ada@example.com","roles":["user"]}"#)
        );
    }
    assert_eq!(world.issuer.requests(Endpoint::Introspection), 3, "each API has asked once");
    assert_eq!(world.agreed("POST /api/tasks", Some(&token), Some(r#"{"title":"Mine"}"#)).status, 201);
    assert_eq!(world.agreed("GET /api/admin/stats", Some(&token), None).status, 403);
    assert_eq!(world.agreed("GET /api/feed", Some(&token), None).status, 200);

    let jwt = world.token("ada").sign().unwrap();
    assert_eq!(world.agreed("GET /api/profile", Some(&jwt), None).status, 200);
    assert_eq!(world.issuer.requests(Endpoint::Introspection), 3, "what can be verified here is asked of nobody");
}

#[test]
fn opaque_token_that_was_revoked_or_is_unknown_or_none_for_this_api_is_refused() {
    let world = world("refused", "opaque_only");
    let admin = || world.issuer.opaque().claim("roles", ["admin"]);
    let revoked = admin().issue();
    world.issuer.revoke(&revoked);
    for (what, token) in [
        ("revoked", revoked),
        ("unknown", "a-token-of-nobody".to_owned()),
        ("refresh token", admin().token_type("refresh_token").issue()),
        ("for another", admin().audience("another").issue()),
    ] {
        for line in LINES {
            is_refused(&world.agreed(line, Some(&token), None), &format!("{what}, {line}"));
        }
    }
    assert_eq!(world.agreed("GET /api/admin/stats", Some(&admin().issue()), None).status, 200);
}

#[test]
fn every_token_is_asked_for_where_the_file_says_so() {
    let world = world("every", "every_token");
    let token = |sub| world.token(sub).sign().unwrap();
    let (good, revoked) = (token("ada"), token("mallory"));
    world.issuer.revoke(&revoked);
    assert_eq!(world.agreed("GET /api/profile", Some(&good), None).status, 200);
    assert_eq!(world.issuer.requests(Endpoint::Introspection), 3);
    for line in LINES {
        is_refused(&world.agreed(line, Some(&revoked), None), line);
    }
}

#[test]
fn while_the_issuer_is_away_tokens_that_it_was_not_asked_about_are_to_be_tried_again() {
    let world = world("away", "opaque_only");
    let [known, other] = [(); 2].map(|()| world.issuer.opaque().issue());
    assert_eq!(world.agreed("GET /api/profile", Some(&known), None).status, 200);
    world.issuer.stop();
    assert_eq!(world.agreed("GET /api/profile", Some(&known), None).status, 200, "as it was told a moment ago");
    let answer = world.agreed("GET /api/profile", Some(&other), None);
    assert_eq!((answer.status, answer.challenge.as_deref()), (503, None), "{answer:?}");
    assert!(answer.body.starts_with("{\"error\":\"temporarily_unavailable\","), "{answer:?}");
}
