//! What the token endpoint may answer (RFC 6749 section 5), and what becomes of it. Tests are named by the row of the list
//! of attacks that they cover.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::time::{Duration, SystemTime};

use common::{FLOOR, SECOND, TICK, World, is_oauth, quiet, seconds};
use rampart_client::ClientError;
use rampart_issuer::{Endpoint, Fault};
use serde_json::{Value, json};

fn respond(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::Respond { status, headers, body: body.as_bytes().to_vec() }
}

/// A token as a server would give it, with these members replaced; `null` leaves one out.
fn success(members: &Value) -> Fault {
    let mut body = json!({"access_token": "a.token", "token_type": "Bearer", "expires_in": 900});
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
            value => drop(body.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    Fault::body(body.to_string())
}

/// Its status, headers and `error`.
type Refusal<'a> = (u16, &'a [(&'a str, &'a str)], &'a str);

#[tokio::test]
async fn o01_oauth_errors_are_typed_and_not_repeated() {
    let world = World::new().await;
    let basic = [("www-authenticate", "Basic realm=\"rampart\""), ("content-type", "application/json")];
    let json = &basic[1..];
    let cases: &[Refusal] = &[
        (400, json, "invalid_client"),
        (400, json, "invalid_scope"),
        (400, json, "unauthorized_client"),
        (400, json, "invalid_grant"),
        (400, json, "unsupported_grant_type"),
        (401, &basic, "invalid_client"),
        (403, json, "access_denied"),
        (500, json, "server_error"),
        // Whatever type the server calls it.
        (400, &[("content-type", "text/html")], "invalid_request"),
    ];
    for (asked, (status, headers, error)) in (1..).zip(cases) {
        let body = json!({"error": error, "error_description": "why it is so", "error_uri": "https://a.example"});
        let outcome = world.answered(&respond(*status, headers, &body.to_string())).await;
        let refused = outcome.unwrap_err();
        is_oauth(&refused, *status, error, Some("why it is so"));
        let shown = refused.to_string();
        for part in [*error, &status.to_string(), "why it is so"] {
            assert!(shown.contains(part), "{shown}");
        }
        assert_eq!(world.requests(), asked, "{error} was repeated");
    }
    quiet().await;
    assert_eq!(world.requests(), cases.len());
}

#[tokio::test]
async fn a_server_without_a_grant_for_services_is_explained_with_one_full_stop_between_the_sentences() {
    let world = World::new().await;
    let hint = "This server does not issue tokens for services: the original Rampart server of 2026 refuses client_credentials";
    let said = |description: &str| format!(r#"{{"error":"unsupported_grant_type"{description}}}"#);
    let cases = [
        // As the real server says it.
        (
            r#","error_description":"Supported grant types: authorization_code, refresh_token.","request_id":"1","status":400"#,
            ": Supported grant types: authorization_code, refresh_token",
        ),
        (r#","error_description":"No such grant""#, ": No such grant"),
        ("", ""),
    ];
    for (description, shown) in cases {
        let refused = world.answered(&Fault::json(400, said(description))).await.unwrap_err();
        let expected =
            format!(r#"the token endpoint refused with "unsupported_grant_type" (status 400){shown}. {hint}"#);
        assert_eq!(refused.to_string(), expected);
    }
}

#[tokio::test]
async fn o01_wrong_secret_is_the_servers_own_invalid_client() {
    let world = World::new().await;
    let wrong = rampart_client::RampartClient::builder(world.issuer.url(), "service", "wrong").build().unwrap();
    match wrong.client_credentials_token(&[]).await {
        Err(ClientError::OAuth { status: 401, error, description: Some(_), .. }) => assert_eq!(error, "invalid_client"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn o02_other_answers_are_unexpected_ones_with_their_status() {
    let world = World::new().await;
    let long = json!({"error": "invalid_request", "error_description": "x".repeat(1 << 20)}).to_string();
    let nested = format!(r#"{{"error":"invalid_request","x":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let cases: &[(u16, &str)] = &[
        (400, "<html><body>Bad Request</body></html>"),
        (400, ""),
        (400, "{}"),
        (400, "null"),
        (400, "[]"),
        (400, "\"invalid_client\""),
        (400, r#"{"error":1}"#),
        (400, r#"{"error":null}"#),
        (400, r#"{"error":{"code":"invalid_client"}}"#),
        (400, r#"{"error":"invalid_client","error":"invalid_scope"}"#),
        (400, r#"{"error":"invalid_client"} trailing"#),
        (400, &long),
        (201, r#"{"token_type":"Bearer","expires_in":900}"#),
        (204, ""),
        (304, ""),
        (404, "not found"),
        (500, "<html>Internal Server Error</html>"),
        (502, ""),
    ];
    for (status, body) in cases {
        match world.answered(&respond(*status, &[], body)).await {
            Err(error @ ClientError::Malformed { status: told, .. }) => {
                assert_eq!(told, *status);
                assert!(error.to_string().contains(&status.to_string()), "{error}");
                assert!(!error.to_string().contains("<html>"), "{error}");
            }
            other => panic!("{status} {body:.60}: {other:?}"),
        }
    }
    // Depth alone neither overflows the stack nor hides the error.
    let outcome = world.answered(&respond(400, &[], &nested)).await;
    assert!(matches!(&outcome, Err(ClientError::OAuth { error, .. }) if error == "invalid_request"), "{outcome:?}");
}

#[tokio::test]
async fn o02_text_of_the_server_is_shortened_and_cannot_forge_a_line_of_a_log() {
    let world = World::new().await;
    let misleading = "a\r\nb\u{1b}[31mc\u{0}d\u{7f}e\u{85}f\u{202e}g\u{200b}h\u{2066}i\u{2028}j\u{feff}k";
    let body = json!({"error": misleading, "error_description": misleading}).to_string();
    match world.answered(&Fault::json(400, body)).await {
        Err(error @ ClientError::OAuth { .. }) => {
            let ClientError::OAuth { error: code, description, .. } = &error else { unreachable!() };
            let expected = "a??b?[31mc?d?e?f?g?h?i?j?k";
            assert_eq!((code.as_str(), description.as_deref()), (expected, Some(expected)));
            assert!(!error.to_string().contains(|character: char| character.is_control()), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let body = json!({"error": "e".repeat(100_000), "error_description": "é".repeat(100_000)}).to_string();
    match world.answered(&Fault::json(400, body)).await {
        Err(ClientError::OAuth { error, description: Some(description), .. }) => {
            assert_eq!((error.chars().count(), description.chars().count()), (203, 403));
            assert!(error.ends_with("...") && description.ends_with("é..."));
        }
        other => panic!("{other:?}"),
    }
    // A description of another type is left out, and the error stands.
    match world.answered(&Fault::json(400, r#"{"error":"invalid_scope","error_description":[1]}"#)).await {
        Err(ClientError::OAuth { error, description: None, .. }) => assert_eq!(error, "invalid_scope"),
        other => panic!("{other:?}"),
    }
}

/// How long the server is left alone after one failure: the answer, what the error says, and the bounds of the wait.
type Wait = (Fault, Option<Duration>, Duration, Duration);

#[tokio::test]
async fn o03_waits_that_the_server_asks_for_are_honoured_within_bounds() {
    let world = World::new().await;
    let date = |ahead: u64| httpdate::fmt_http_date(SystemTime::now() + seconds(ahead));
    let (soon, past) = (date(100), "Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
    let far = date(1_000_000);
    let cases: [Wait; 18] = [
        (Fault::retry_after(429, "2"), Some(seconds(2)), seconds(2), seconds(2)),
        (Fault::retry_after(503, "2"), Some(seconds(2)), seconds(2), seconds(2)),
        (Fault::retry_after(429, " 7 "), Some(seconds(7)), seconds(7), seconds(7)),
        (Fault::retry_after(429, "0"), Some(Duration::ZERO), FLOOR, SECOND),
        (Fault::retry_after(429, &past), Some(Duration::ZERO), FLOOR, SECOND),
        (Fault::retry_after(503, &soon), None, seconds(1), seconds(100)),
        (Fault::retry_after(503, &far), Some(seconds(300)), seconds(300), seconds(300)),
        (Fault::retry_after(429, "999999999"), Some(seconds(300)), seconds(300), seconds(300)),
        (Fault::retry_after(429, "99999999999999999999999"), Some(seconds(300)), seconds(300), seconds(300)),
        (Fault::retry_after(429, "-1"), Some(SECOND), SECOND, SECOND),
        (Fault::retry_after(429, "abc"), Some(SECOND), SECOND, SECOND),
        (Fault::retry_after(429, "1.5"), Some(SECOND), SECOND, SECOND),
        (Fault::status(429), Some(SECOND), SECOND, SECOND),
        (Fault::json(429, r#"{"error":"slow_down"}"#), Some(SECOND), SECOND, SECOND),
        (Fault::status(503), None, FLOOR, SECOND),
        (Fault::retry_after(503, "abc"), None, FLOOR, SECOND),
        (Fault::status(500), None, FLOOR, SECOND),
        (Fault::status(502), None, FLOOR, SECOND),
    ];
    for (fault, told, shortest, longest) in cases {
        world.issuer.reset_counts();
        world.issuer.inject_times(Endpoint::Token, &fault, 1);
        let request = world.unused();
        let error = world.client.token(&request).await.unwrap_err();
        if let Some(told) = told {
            assert!(
                matches!(error, ClientError::RateLimited { retry_after, .. } if retry_after == told),
                "{fault:?}: {error:?}"
            );
        }
        world.time.pass(shortest - TICK).await;
        for _ in 0..100 {
            assert_eq!(world.at_once(&request).unwrap_err(), error, "{fault:?}");
        }
        assert_eq!(world.requests(), 1, "{fault:?}");
        world.time.pass(longest - shortest + 2 * TICK).await;
        world.waiting(&request).outcome().await.unwrap();
        assert_eq!(world.requests(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn o04_answers_without_a_usable_token_are_errors() {
    let world = World::new().await;
    let token = |token: Value| json!({"access_token": token, "token_type": "Bearer", "expires_in": 900}).to_string();
    let whole = token("a.token".into());
    let cases = [
        String::new(),
        "null".into(),
        "true".into(),
        "\"a.token\"".into(),
        "<html>Sign in</html>".into(),
        "access_token=a.token&token_type=Bearer".into(),
        whole[..whole.len() - 1].into(),
        format!("[{whole}]"),
        format!("{whole}{whole}"),
        format!("\u{feff}{whole}"),
        r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#.into(),
        r#"{"access_token":"a","token_type":"Bearer","token_type":"Bearer"}"#.into(),
        r#"{"access_token":"a","token_type":"Bearer","expires_in":1,"expires_in":900}"#.into(),
        r#"{"access_token":"a","token_type":"Bearer","scope":"a","scope":"b"}"#.into(),
        r#"{"access_token":"a","token_type":"Bearer","expires_in":NaN}"#.into(),
        r#"{"token_type":"Bearer","expires_in":900}"#.into(),
        r#"{"access_token":"a","token_type":"Bearer","error":1}"#.into(),
        token(Value::Null),
        token("".into()),
        token(1.into()),
        token(json!(["a"])),
        token(json!({"a": "b"})),
        token("a\r\nx-injected: 1".into()),
        token("a b".into()),
        token(" a".into()),
        token("a\n".into()),
        token("a\tb".into()),
        token("töken".into()),
        token("a\u{0}".into()),
        token("a\u{7f}".into()),
        token("a\u{a0}b".into()),
    ];
    for body in cases {
        let outcome = world.answered(&Fault::body(body.clone())).await;
        assert!(matches!(outcome, Err(ClientError::Malformed { status: 200, .. })), "{body}: {outcome:?}");
    }
    for fault in [Fault::Garbage, Fault::body(vec![b' '; 512 * 1024 + 1])] {
        let outcome = world.answered(&fault).await;
        assert!(matches!(outcome, Err(ClientError::Transport(_))), "{outcome:?}");
    }
    let every_character: String = ('!'..='~').collect();
    assert_eq!(every_character.len(), 94);
    let token = world.answered(&success(&json!({"access_token": every_character}))).await.unwrap();
    assert_eq!(token.access_token.expose(), every_character);
}

#[tokio::test]
async fn o04_token_that_no_service_would_accept_is_an_error() {
    let world = World::new().await;
    let longest = "a".repeat(16 * 1024);
    let token = world.answered(&success(&json!({"access_token": longest}))).await.unwrap();
    assert_eq!(token.access_token.expose(), longest);
    let error = world.answered(&success(&json!({"access_token": longest + "a"}))).await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { status: 200, .. }), "{error:?}");
    assert!(error.to_string().contains("access_token is longer than 16 KiB"), "{error}");
}

#[tokio::test]
async fn o09_bearer_may_be_spelt_in_any_case() {
    let world = World::new().await;
    for spelt in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let token = world.answered(&success(&json!({"token_type": spelt}))).await.unwrap();
        assert_eq!(token.token_type, spelt);
    }
}

#[tokio::test]
async fn o10_tokens_of_another_type_are_refused() {
    let world = World::new().await;
    for kind in ["DPoP", "mac", "N_A", "", "Bearer ", "Bearer,DPoP", "pop"] {
        let outcome = world.answered(&success(&json!({"token_type": kind}))).await;
        assert_eq!(outcome.unwrap_err(), ClientError::TokenType(kind.into()));
    }
    for kind in [Value::Null, 1.into(), json!(["Bearer"])] {
        let outcome = world.answered(&success(&json!({"token_type": kind}))).await;
        assert!(matches!(outcome, Err(ClientError::Malformed { status: 200, .. })), "{outcome:?}");
    }
    let shown =
        world.answered(&success(&json!({"token_type": "x\u{1b}\n".repeat(1000)}))).await.unwrap_err().to_string();
    assert!(shown.len() < 400 && !shown.contains(|character: char| character.is_control()), "{shown}");
}

#[tokio::test]
async fn o11_scope_that_was_granted_is_told_and_absent_means_as_asked() {
    let world = World::new().await;
    let request = || rampart_client::TokenRequest::new(["b", "a"]);
    let cases = [
        (json!({"scope": "a"}), "a"),
        (json!({"scope": "a b c"}), "a b c"),
        (json!({"scope": "b a"}), "b a"),
        (json!({"scope": ""}), ""),
        (json!({}), "a b"),
        (json!({"scope": null}), "a b"),
    ];
    for (number, (members, expected)) in cases.into_iter().enumerate() {
        world.issuer.inject_times(Endpoint::Token, &success(&members), 1);
        let request = request().parameter("case", number.to_string());
        assert_eq!(world.client.token(&request).await.unwrap().scope, expected, "{members}");
    }
    // A literal null too, and nothing but text.
    world.issuer.inject_times(
        Endpoint::Token,
        &Fault::body(r#"{"access_token":"a","token_type":"Bearer","scope":null}"#),
        1,
    );
    assert_eq!(world.client.token(&request()).await.unwrap().scope, "a b");
    for scope in [json!(["a", 1]), json!([["a"]]), 1.into(), json!({})] {
        let outcome = world.answered(&success(&json!({"scope": scope}))).await;
        assert!(matches!(outcome, Err(ClientError::Malformed { .. })), "{outcome:?}");
    }
}
