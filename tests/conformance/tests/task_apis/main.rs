//! The three Task APIs, asked the same over real sockets: the answers are the same, byte for byte.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dpop;
mod logout;
mod opaque;
mod replicas;
mod revocations;
mod shapes;
mod world;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use rampart_conformance::wire::Connection;
use rampart_issuer::Algorithm;

use crate::world::{Contract, WORLD, World, ask, request};

/// R8.
#[test]
fn every_route_answers_alike_with_and_without_its_right() {
    let user = WORLD.token("ada").sign().unwrap();
    let writer = WORLD.token("writer").scope("tasks:write email:send").sign().unwrap();
    let admin = WORLD.token("root").roles(["admin"]).sign().unwrap();
    let task = Some(r#"{"title":"Mine"}"#);
    // The request, its body, and the status without a token, as a user, a writer and an admin.
    let routes = [
        ("GET /health", None, [200, 200, 200, 200]),
        ("GET /api/profile", None, [401, 200, 200, 200]),
        ("GET /api/data", None, [401, 200, 200, 200]),
        ("GET /api/tasks", None, [401, 200, 200, 200]),
        ("POST /api/tasks", task, [401, 403, 201, 403]),
        ("POST /api/tasks", Some("{}"), [401, 403, 422, 403]),
        ("GET /api/admin/tasks", None, [401, 403, 403, 200]),
        ("GET /api/admin/stats", None, [401, 403, 403, 200]),
        ("DELETE /api/admin/users/nobody", None, [401, 403, 403, 200]),
        ("POST /api/admin/revocations", Some("{}"), [401, 403, 403, 400]),
        ("POST /api/emails/send", None, [401, 403, 200, 403]),
        ("GET /api/feed", None, [200, 200, 200, 200]),
        ("GET /api/tasks/1", None, [404, 404, 404, 404]),
    ];
    for (line, body, statuses) in routes {
        let who = [None, Some(&*user), Some(&*writer), Some(&*admin)];
        for (token, status) in who.into_iter().zip(statuses) {
            let answer = WORLD.agreed(line, token, body);
            assert_eq!(answer.status, status, "{line}: {answer:?}");
            assert_eq!(answer.content_type.as_deref(), Some("application/json"), "{line}");
            assert_eq!(answer.challenge.is_some(), matches!(status, 401 | 403), "{line}");
        }
    }
}

#[test]
fn requests_of_the_python_page_are_answered_with_its_statuses_and_bodies() {
    let world = World::start(false);
    let tokens = [
        world.token("ada").email("ada@example.com").roles(["user"]).scope("tasks:write email:send"),
        world.token("bob").without("email").without("roles").scope("tasks:write"),
        world.token("root").roles(["admin"]),
    ];
    let [ada, bob, root] = tokens.map(|token| Some(token.sign().unwrap()));
    let nobody = None;
    let steps = [
        ("GET /health", &nobody, "", 200, r#"{"status":"ok"}"#),
        ("GET /api/profile", &ada, "", 200, r#"{"user_id":"ada","email":"ada@example.com","roles":["user"]}"#),
        ("GET /api/profile", &bob, "", 200, r#"{"user_id":"bob","email":null,"roles":[]}"#),
        ("GET /api/data", &ada, "", 200, r#"{"user":"ada"}"#),
        ("GET /api/feed", &ada, "", 200, r#"{"feed":"personalized","user":"ada"}"#),
        ("GET /api/feed", &nobody, "", 200, r#"{"feed":"public"}"#),
        ("POST /api/emails/send", &ada, "", 200, r#"{"sent":true}"#),
        ("POST /api/emails/send", &ada, "not even JSON", 200, r#"{"sent":true}"#),
        ("GET /api/tasks", &ada, "", 200, r#"{"tasks":[]}"#),
        ("GET /api/admin/tasks", &root, "", 200, r#"{"tasks":[],"total":0}"#),
        ("GET /api/admin/stats", &root, "", 200, r#"{"total_users":0,"total_tasks":0}"#),
        ("POST /api/tasks", &ada, r#"{"title":"Tea"}"#, 201, r#"{"id":"1","title":"Tea","assignee":"ada"}"#),
        ("POST /api/tasks", &bob, r#"{"title":"Rice"}"#, 201, r#"{"id":"1","title":"Rice","assignee":"bob"}"#),
        // Members that nobody asked for are nobody's business: not the assignee, above all.
        (
            "POST /api/tasks",
            &ada,
            r#"{"title":"M\u00fcsli","assignee":"bob","id":7}"#,
            201,
            r#"{"id":"2","title":"Müsli","assignee":"ada"}"#,
        ),
        (
            "GET /api/tasks",
            &ada,
            "",
            200,
            r#"{"tasks":[{"id":"1","title":"Tea","assignee":"ada"},{"id":"2","title":"Müsli","assignee":"ada"}]}"#,
        ),
        ("GET /api/tasks", &bob, "", 200, r#"{"tasks":[{"id":"1","title":"Rice","assignee":"bob"}]}"#),
        ("GET /api/tasks", &root, "", 200, r#"{"tasks":[]}"#),
        (
            "GET /api/admin/tasks",
            &root,
            "",
            200,
            r#"{"tasks":[{"id":"1","title":"Tea","assignee":"ada"},{"id":"2","title":"Müsli","assignee":"ada"},{"id":"1","title":"Rice","assignee":"bob"}],"total":3}"#,
        ),
        ("GET /api/admin/stats", &root, "", 200, r#"{"total_users":2,"total_tasks":3}"#),
        ("DELETE /api/admin/users/ada", &root, "", 200, r#"{"deleted":"ada"}"#),
        ("DELETE /api/admin/users/never%20%22seen%22", &root, "", 200, r#"{"deleted":"never \"seen\""}"#),
        ("GET /api/tasks", &ada, "", 200, r#"{"tasks":[]}"#),
        ("GET /api/admin/stats", &root, "", 200, r#"{"total_users":1,"total_tasks":1}"#),
        // Whose first task is newer comes later, whatever the name.
        ("POST /api/tasks", &ada, r#"{"title":"Again"}"#, 201, r#"{"id":"1","title":"Again","assignee":"ada"}"#),
        (
            "GET /api/admin/tasks",
            &root,
            "",
            200,
            r#"{"tasks":[{"id":"1","title":"Rice","assignee":"bob"},{"id":"1","title":"Again","assignee":"ada"}],"total":2}"#,
        ),
    ];
    for (line, token, body, status, expected) in steps {
        let answer = world.agreed(line, token.as_deref(), Some(body));
        assert_eq!((answer.status, answer.body.as_str()), (status, expected), "{line}");
        assert_eq!((answer.content_type.as_deref(), answer.challenge), (Some("application/json"), None), "{line}");
    }
}

#[test]
fn bad_input_is_refused_alike_in_the_form_of_every_refusal() {
    let token = WORLD.token("mallory").scope("tasks:write email:send").roles(["admin"]).sign().unwrap();
    let title = |title: &str| format!(r#"{{"title":"{title}"}}"#);
    let (longest, fits) = (title(&"x".repeat(1000)), format!("{:8192}", title("fits")));
    let (too_long, too_large) = (title(&"x".repeat(1001)), format!("{fits} "));
    let refused = [
        ("POST /api/tasks", "", 400),
        ("POST /api/tasks", "no json", 400),
        ("POST /api/tasks", "title=Mine", 400),
        ("POST /api/tasks", r#"{"title":"Mine""#, 400),
        ("POST /api/tasks", r#"{"title":"Mine"} {"title":"Yours"}"#, 400),
        ("POST /api/tasks", "null", 400),
        ("POST /api/tasks", r#""Mine""#, 400),
        ("POST /api/tasks", r#"["Mine"]"#, 400),
        ("POST /api/tasks", "{}", 422),
        ("POST /api/tasks", r#"{"Title":"Mine"}"#, 422),
        ("POST /api/tasks", r#"{"title":null}"#, 422),
        ("POST /api/tasks", r#"{"title":7}"#, 422),
        ("POST /api/tasks", r#"{"title":["Mine"]}"#, 422),
        ("POST /api/tasks", r#"{"title":""}"#, 422),
        ("POST /api/tasks", r#"{"title":" \t\u00a0"}"#, 422),
        ("POST /api/tasks", &too_long, 422),
        ("POST /api/tasks", &too_large, 413),
        ("GET /", "", 404),
        ("GET /api", "", 404),
        ("GET /api/tasks/99", "", 404),
        ("DELETE /api/tasks/1", "", 404),
        ("GET /API/tasks", "", 404),
        ("PUT /api/tasks", r#"{"title":"Mine"}"#, 404),
        ("POST /health", "", 404),
        ("GET /api/emails/send", "", 404),
        ("GET /api/admin/users", "", 404),
        ("GET /api/admin/users/ada", "", 404),
        ("DELETE /api/admin/users/", "", 404),
        ("DELETE /api/admin/users/%ff", "", 400),
        ("DELETE /api/admin/users/ada/tasks", "", 404),
    ];
    for (line, body, status) in refused {
        let answer = WORLD.agreed(line, Some(&token), Some(body));
        assert_eq!(answer.status, status, "{line} {body}: {answer:?}");
        assert_eq!(
            (answer.content_type.as_deref(), answer.challenge),
            (Some("application/json"), None),
            "{line} {body}"
        );
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["error", "error_description", "status"], "{line}");
        assert!(body["error"].is_string() && body["error_description"].is_string(), "{line}: {body}");
        assert_eq!(body["status"], status, "{line}");
    }
    assert_eq!(WORLD.agreed("GET /api/tasks", Some(&token), None).body, r#"{"tasks":[]}"#, "nothing of it was kept");
    // What is just not too much is accepted.
    for body in [&longest, &fits] {
        assert_eq!(WORLD.agreed("POST /api/tasks", Some(&token), Some(body)).status, 201);
    }
}

#[test]
fn bad_tokens_are_refused_alike_everywhere_and_on_the_optional_route_too() {
    let good = WORLD.token("ada").sign().unwrap();
    assert_eq!(WORLD.agreed("GET /api/profile", Some(&good), None).status, 200, "the keys are there");
    let stranger = WORLD.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    let bad = [
        ("forged", WORLD.issuer.token().key(&stranger).kid(WORLD.issuer.key().kid()).sign().unwrap(), "invalid_token"),
        ("malformed", "x".to_owned(), "invalid_token"),
        ("expired", WORLD.issuer.token().at(1_700_000_000).sign().unwrap(), "token_expired"),
        ("for another", WORLD.issuer.token().audience("another").sign().unwrap(), "invalid_token"),
        ("without sub", WORLD.issuer.token().without("sub").sign().unwrap(), "invalid_token"),
    ];
    for (what, token, code) in bad {
        for line in
            ["GET /api/profile", "POST /api/tasks", "GET /api/admin/stats", "POST /api/emails/send", "GET /api/feed"]
        {
            let answer = WORLD.agreed(line, Some(&token), None);
            assert_eq!(answer.status, 401, "{what}, {line}");
            assert!(answer.body.starts_with(&format!("{{\"error\":\"{code}\",")), "{what}, {line}: {}", answer.body);
            assert_eq!(answer.cache_control.as_deref(), Some("no-store"));
        }
    }
}

/// Who may not see the admins' part is not told either what there is in it: a path or method that it does not have is refused as one
/// that it has, and is missing to admins alone.
#[test]
fn below_the_admins_part_everything_is_refused_before_it_is_missing() {
    let user = WORLD.token("ada").sign().unwrap();
    let admin = WORLD.token("root").roles(["admin"]).sign().unwrap();
    let who = [None, Some("x"), Some(&*user), Some(&*admin)];
    let [no_token, bad_token, no_role] =
        [None, Some("x"), Some(&*user)].map(|token| WORLD.agreed("GET /api/admin/stats", token, None));
    assert_eq!([&no_token, &bad_token, &no_role].map(|answer| answer.status), [401, 401, 403]);
    let refusals = [no_token, bad_token, no_role];
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"];
    let paths = ["", "/", "/unknown", "/unknown/deeper", "/stats/more", "/users", "/users/", "/users/ada/tasks"];
    let lines = methods.iter().flat_map(|method| paths.map(|path| format!("{method} /api/admin{path}")));
    let other_methods = [
        "POST /api/admin/stats",
        "DELETE /api/admin/tasks",
        "GET /api/admin/users/ada",
        "PUT /api/admin/users/ada",
        "GET /api/admin/revocations",
    ];
    for line in lines.chain(other_methods.map(str::to_owned)) {
        for (token, refusal) in who.iter().zip(&refusals) {
            assert_eq!(&WORLD.agreed(&line, *token, None), refusal, "{line}");
        }
        let missing = WORLD.agreed(&line, Some(&admin), None);
        let body = r#"{"error":"not_found","error_description":"This API has no such route","status":404}"#;
        assert_eq!((missing.status, missing.body.as_str(), missing.challenge), (404, body, None), "{line}");
    }
    // On Rocket a slash at the end is as good as none, which opens nothing.
    for (token, refusal) in who.iter().zip(&refusals) {
        assert_eq!(&WORLD.agreed("GET /api/admin/stats/", *token, None), refusal);
    }
    // A name that begins likewise is no part of it.
    for token in who {
        assert_eq!(WORLD.agreed("GET /api/administrators", token, None).status, 404);
    }
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let token = WORLD.token("root").roles(["admin"]).sign().unwrap();
    for (path, token, status) in [
        ("/health", None, 200),
        ("/api/feed", Some("x"), 401),
        ("/api/data", None, 401),
        ("/api/data", Some(&*token), 200),
        ("/api/admin/stats", None, 401),
        ("/api/admin/stats", Some(&*token), 200),
        ("/api/admin/nowhere", None, 401),
        ("/api/admin/nowhere", Some(&*token), 404),
        ("/api/nowhere", None, 404),
    ] {
        for (name, address) in WORLD.apis {
            let request = request(address, &format!("HEAD {path}"), token, "");
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{name} {path}: {head}");
            assert_eq!(body, "", "{name} {path}");
        }
    }
}

#[test]
fn custom_errors_tell_an_expired_session_from_every_other_401_and_leave_the_rest_alone() {
    let world = World::start(true).warm();
    let session_expired = r#"{"error":"token_expired","message":"Session expired."}"#;
    let invalid = r#"{"error":"unauthorized","message":"Invalid token."}"#;
    let forged = |world: &World| {
        let stranger = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
        Some(world.token("ada").key(&stranger).kid(world.issuer.key().kid()).sign().unwrap())
    };
    let expired = |world: &World| Some(world.token("ada").at(1_700_000_000).sign().unwrap());
    let for_another = |world: &World| Some(world.token("ada").audience("another").sign().unwrap());
    // Before the keys are there, no token can be told to have been genuine once.
    for world in [&world, &WORLD] {
        assert_eq!(world.agreed("GET /api/profile", Some(&world.token("ada").sign().unwrap()), None).status, 200);
    }
    // Guards in the handler, those of the group, and the optional one.
    let lines = [
        "GET /api/profile",
        "POST /api/emails/send",
        "GET /api/admin/stats",
        "PUT /api/admin/unknown",
        "GET /api/feed",
    ];
    for line in lines {
        let check = |token: &dyn Fn(&World) -> Option<String>, body: &str| {
            let answer = world.agreed(line, token(&world).as_deref(), None);
            let usual = WORLD.agreed(line, token(&WORLD).as_deref(), None);
            assert_eq!(answer, Contract { body: body.to_owned(), ..usual }, "only the body is another: {line}");
            assert_eq!((answer.status, answer.challenge.is_some()), (401, true), "{line}");
        };
        check(&expired, session_expired);
        check(&forged, invalid);
        check(&for_another, invalid);
        check(&|_| Some("x".to_owned()), invalid);
        if line != "GET /api/feed" {
            check(&|_| None, invalid);
        }
    }
    // A right that is missing is no matter of signing in again, and neither is a body or a path.
    let [user, admin] = [world.token("ada"), world.token("root").roles(["admin"]).scope("tasks:write")];
    for (line, token, body, status) in [
        ("GET /api/admin/stats", &user, "", 403),
        ("POST /api/emails/send", &user, "", 403),
        ("POST /api/tasks", &admin, "no json", 400),
        ("GET /api/nowhere", &admin, "", 404),
        ("GET /api/admin/stats", &admin, "", 200),
        ("GET /api/feed", &user, "", 200),
    ] {
        let answer = world.agreed(line, Some(&token.sign().unwrap()), Some(body));
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.body.contains("\"error_description\":"), status >= 400, "{line}: {}", answer.body);
    }
}

#[test]
fn custom_errors_leave_a_stopped_issuer_a_503_to_be_tried_again() {
    let world = World::with_keys(true, false);
    let token = world.token("ada").sign().unwrap();
    world.issuer.stop();
    for (name, address) in world.apis {
        let answer = ask(address, "GET /api/data", Some(&token), None);
        assert_eq!(answer.status, 503, "{name}");
        assert!(answer.body.starts_with("{\"error\":\"temporarily_unavailable\","), "{name}: {}", answer.body);
        assert_eq!(answer.challenge, None, "{name}");
    }
}

#[test]
fn preflight_needs_no_token_and_rejections_are_readable_across_origins() {
    for (name, address) in WORLD.apis {
        for path in ["/api/tasks", "/api/admin/stats", "/api/admin/unknown"] {
            let preflight = format!(
                "OPTIONS {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://localhost:5173\r\n\
                 Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization, dpop, content-type\r\n\r\n"
            );
            let mut connection = Connection::open(address).unwrap();
            let reply = connection.ask(preflight.as_bytes()).unwrap();
            assert!(matches!(reply.status, 200 | 204), "{name} {path}: {}", reply.status);
            assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"), "{name} {path}");
            assert_eq!(reply.header("access-control-allow-credentials"), Some("true"), "{name} {path}");
            let allowed = reply.header("access-control-allow-headers").unwrap().to_lowercase();
            let allowed: BTreeSet<_> = allowed.split(',').map(str::trim).collect();
            assert_eq!(allowed, BTreeSet::from(["authorization", "content-type", "dpop"]), "{name} {path}");
        }

        let request = format!("GET /api/profile HTTP/1.1\r\nHost: {address}\r\nOrigin: http://localhost:5173\r\n\r\n");
        let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
        assert_eq!(reply.status, 401, "{name}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"), "{name}");
        let exposed = reply.header("access-control-expose-headers").unwrap().to_lowercase();
        let exposed: BTreeSet<_> = exposed.split(',').map(str::trim).collect();
        assert_eq!(exposed, BTreeSet::from(["dpop-nonce", "retry-after", "www-authenticate"]), "{name}");

        let request = format!("GET /api/profile HTTP/1.1\r\nHost: {address}\r\nOrigin: https://evil.example\r\n\r\n");
        let reply = Connection::open(address).unwrap().ask(request.as_bytes()).unwrap();
        assert_ne!(reply.header("access-control-allow-origin"), Some("https://evil.example"), "{name}");
    }
}
