//! Where servers differ from RFC 6749 and from one another: what is taken all the same, and what is not. The letters F are cases
//! from the field.
#![cfg(test)]

mod common;

use common::{Outcome, World, any, builder, carrying, is_malformed, is_oauth, issuer, poll_once, quiet};
use rampart_client::ClientError;
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

fn respond(status: u16, body: &Value) -> Fault {
    Fault::json(status, body.to_string())
}

#[tokio::test]
async fn f24_any_2xx_with_a_token_is_an_answer() {
    let world = World::new().await;
    let body = json!({"access_token": "a.token", "token_type": "Bearer", "expires_in": 900});
    for status in [200, 201, 202, 203, 206, 226] {
        let token = world.answered(&respond(status, &body)).await.unwrap();
        assert_eq!(token.access_token.expose(), "a.token", "{status}");
    }
    // And none without one, or with another status.
    for status in [200, 201, 204, 206] {
        let error = world.answered(&respond(status, &json!({"token_type": "Bearer"}))).await.unwrap_err();
        assert!(matches!(error, ClientError::Malformed { status: told, .. } if told == status), "{error:?}");
    }
    for status in [300, 302, 400, 404, 500] {
        let error = world.answered(&respond(status, &body)).await.unwrap_err();
        assert!(matches!(error, ClientError::Malformed { status: told, .. } if told == status), "{error:?}");
    }
}

#[tokio::test]
async fn f10_error_that_comes_with_2xx_is_the_servers_error() {
    let world = World::new().await;
    let description = "The client_id and/or client_secret passed are incorrect.";
    let bodies = [
        json!({"error": "incorrect_client_credentials", "error_description": description}),
        // Whatever else it says: one who says that something is wrong is not to be taken at the rest of his words.
        json!({
            "error": "incorrect_client_credentials", "error_description": description,
            "access_token": "a.token", "token_type": "Bearer", "expires_in": 900
        }),
    ];
    for body in bodies {
        for status in [200, 201] {
            let error = world.answered(&respond(status, &body)).await.unwrap_err();
            is_oauth(&error, status, "incorrect_client_credentials", Some(description));
        }
    }
    // A word that stands for nothing being wrong.
    for nothing in [Value::Null, "".into(), false.into()] {
        let body = json!({"error": nothing, "access_token": "a.token", "token_type": "Bearer"});
        world.answered(&respond(200, &body)).await.unwrap();
    }
    for unclear in [true.into(), 1.into(), json!({"code": 1}), json!([])] {
        let body = json!({"error": unclear, "access_token": "a.token", "token_type": "Bearer"});
        let error = world.answered(&respond(200, &body)).await.unwrap_err();
        is_malformed(&error, 200, "error is not a string");
    }
}

/// Whether another set has to wait for what became of a first one.
async fn makes_all_wait(world: &World, fault: &Fault) -> bool {
    world.answered(fault).await.unwrap_err();
    let asked = world.requests();
    let waits = match poll_once(world.client.token(&world.unused())) {
        Some(outcome) => outcome.is_err(),
        None => false,
    };
    quiet().await;
    assert_eq!(world.requests() == asked, waits);
    waits
}

#[tokio::test]
async fn f10_f27_refused_client_makes_all_sets_wait_however_the_server_says_it() {
    let world = World::new().await;
    let error = |status, error: &str| respond(status, &json!({ "error": error }));
    let all = [
        error(400, "invalid_client"),
        error(200, "invalid_client"),
        error(200, "incorrect_client_credentials"),
        error(401, "invalid_client"),
        error(401, "unauthorized"),
        Fault::status(401),
    ];
    for fault in all {
        assert!(makes_all_wait(&world, &fault).await, "{fault:?}");
    }
    let one =
        [error(400, "invalid_scope"), error(200, "invalid_scope"), error(403, "access_denied"), Fault::status(403)];
    for fault in one {
        assert!(!makes_all_wait(&world, &fault).await, "{fault:?}");
    }
}

#[tokio::test]
async fn f27_status_401_without_an_oauth_error_is_invalid_client() {
    let world = World::new().await;
    let bodies =
        ["", "<html>401 Authorization Required</html>", "{}", r#"{"message":"Unauthorized"}"#, r#"{"error":{}}"#];
    for body in bodies {
        let error = world.answered(&Fault::json(401, body)).await.unwrap_err();
        is_oauth(&error, 401, "invalid_client", None);
        assert!(error.to_string().contains("RAMPART_CLIENT_SECRET"), "{error}");
    }
    let unreadable = Fault::Respond { status: 401, headers: Vec::new(), body: vec![0xff; 1 << 20] };
    assert!(matches!(world.answered(&unreadable).await, Err(ClientError::OAuth { status: 401, .. })));
    // Where the server has a word of its own, that is the one.
    let said = respond(401, &json!({"error": "unauthorized", "error_description": "why"}));
    is_oauth(&world.answered(&said).await.unwrap_err(), 401, "unauthorized", Some("why"));
}

#[tokio::test]
async fn f25_scope_may_be_an_array() {
    let world = World::new().await;
    for (scope, expected) in [
        (json!(["a", "b"]), "a b"),
        (json!(["a b", "c"]), "a b c"),
        (json!(["a"]), "a"),
        (json!([]), ""),
        (json!("a b"), "a b"),
    ] {
        let body = json!({"access_token": "a.token", "token_type": "Bearer", "scope": scope});
        assert_eq!(world.answered(&respond(200, &body)).await.unwrap().scope, expected);
    }
    for scope in [json!(["a", 1]), json!([null]), json!({"a": "b"}), json!(1), json!(true)] {
        let body = json!({"access_token": "a.token", "token_type": "Bearer", "scope": scope});
        let error = world.answered(&respond(200, &body)).await.unwrap_err();
        let problem = "scope is neither a string nor an array of strings";
        is_malformed(&error, 200, problem);
    }
}

#[tokio::test]
async fn f26_body_that_is_not_json_is_said_to_be_none() {
    let world = World::new().await;
    let whole = r#"{"access_token":"a.token","token_type":"Bearer"}"#;
    let bodies = [
        "access_token=a.token&token_type=Bearer".to_owned(),
        "<html>Sign in</html>".into(),
        String::new(),
        format!("\u{feff}{whole}"),
        format!("{whole}{whole}"),
        whole.replace('}', ""),
    ];
    for body in &bodies {
        for status in [200, 400, 500] {
            let answer = Fault::Respond { status, headers: Vec::new(), body: body.clone().into_bytes() };
            let error = world.answered(&answer).await.unwrap_err();
            is_malformed(&error, status, "the body is not JSON");
        }
    }
    // And what is JSON is not said to be none.
    for body in ["[]", "1", "null", r#"{"access_token":"a","access_token":"b"}"#] {
        let error = world.answered(&Fault::json(200, body)).await.unwrap_err();
        let problem = "the body is not a JSON object without duplicate members";
        is_malformed(&error, 200, problem);
    }
}

#[tokio::test]
async fn member_that_stands_twice_is_an_error_where_it_is_read() {
    let world = World::new().await;
    let good = r#""access_token":"a.token","token_type":"Bearer","expires_in":900,"scope":"a""#;
    for twice in
        [good, r#""access_token":"a.token""#, r#""token_type":"Bearer""#, r#""expires_in":900"#, r#""scope":"a""#]
    {
        let answer = Fault::json(200, format!("{{{good},{twice}}}"));
        let error = world.answered(&answer).await.unwrap_err();
        is_malformed(&error, 200, "the body is not a JSON object without duplicate members");
    }
    for twice in [r#""error":"a""#, r#""error_description":"a""#] {
        let answer = Fault::json(400, format!(r#"{{"error":"a","error_description":"a",{twice}}}"#));
        let error = world.answered(&answer).await.unwrap_err();
        is_malformed(&error, 400, "the body is not a JSON object without duplicate members");
    }
    let unread = r#""refresh_token":"a","refresh_token":"b","x":1,"x":2"#;
    world.answered(&Fault::json(200, format!("{{{good},{unread}}}"))).await.unwrap();
}

#[tokio::test]
async fn f36_descriptions_are_kept_with_the_ids_at_their_end() {
    let world = World::new().await;
    let trace = "Trace ID: 11111111-aaaa-bbbb-cccc-222222222222 Correlation ID: 33333333-dddd-eeee-ffff-444444444444";
    let description = format!("{} {trace}", "x".repeat(400 - 1 - trace.len()));
    let body = json!({"error": "invalid_client", "error_description": description});
    let error = world.answered(&respond(401, &body)).await.unwrap_err();
    assert!(error.to_string().contains(&description), "{error}");
    // And no longer.
    let body = json!({"error": "invalid_client", "error_description": format!("{description}.")});
    match world.answered(&respond(401, &body)).await.unwrap_err() {
        ClientError::OAuth { description: Some(cut), .. } => assert_eq!(cut, format!("{description}...")),
        other => panic!("{other:?}"),
    }
}

fn typed(token_type: Option<Value>) -> Fault {
    let mut body = json!({"access_token": "a.token", "expires_in": 900});
    if let Some(token_type) = token_type {
        body["token_type"] = token_type;
    }
    respond(200, &body)
}

/// What a client that assumes Bearer makes of an answer, and one that does not.
async fn with_and_without(issuer: &LocalIssuer, answer: &Fault) -> (Outcome, Outcome) {
    issuer.inject(Endpoint::Token, answer.clone());
    let ask = async |assume| builder(issuer).assume_bearer(assume).build().unwrap().token(&any()).await;
    (ask(true).await, ask(false).await)
}

#[tokio::test]
async fn f40_missing_token_type_is_an_error_unless_bearer_is_assumed() {
    let issuer = issuer().await;
    for absent in [None, Some(Value::Null)] {
        let (assumed, strict) = with_and_without(&issuer, &typed(absent)).await;
        assert_eq!(assumed.unwrap().token_type, "Bearer");
        let error = strict.unwrap_err();
        assert!(matches!(error, ClientError::Malformed { status: 200, .. }), "{error:?}");
        assert!(error.to_string().contains("token_type is missing; assume_bearer(true)"), "{error}");
    }
}

#[tokio::test]
async fn f41_other_spelling_of_bearer_is_an_error_unless_bearer_is_assumed() {
    let issuer = issuer().await;
    for kind in ["BearerToken", "Bearer ", "access_token", "jwt", ""] {
        let (assumed, strict) = with_and_without(&issuer, &typed(Some(kind.into()))).await;
        assert_eq!(assumed.unwrap().token_type, kind);
        let error = strict.unwrap_err();
        assert_eq!(error, ClientError::TokenType(kind.into()));
        assert!(error.to_string().contains("use assume_bearer(true)"), "{error}");
    }
    // It goes out as what it is assumed to be.
    let client = builder(&issuer).assume_bearer(true).build().unwrap();
    let request = carrying().get("https://users.example.com");
    let request = client.bearer(request, &[]).await.unwrap().build().unwrap();
    assert_eq!(request.headers()[AUTHORIZATION], "Bearer a.token");
}

#[tokio::test]
async fn f41_tokens_that_are_of_another_type_are_refused_even_where_bearer_is_assumed() {
    let world = World::with(|builder| builder.assume_bearer(true)).await;
    for kind in ["DPoP", "dpop", "PoP", "N_A", "mac"] {
        let error = world.answered(&typed(Some(kind.into()))).await.unwrap_err();
        assert_eq!(error, ClientError::TokenType(kind.into()));
        assert!(!error.to_string().contains("assume_bearer"), "{error}");
    }
    for kind in [1.into(), json!(["Bearer"]), json!({}), true.into()] {
        let error = world.answered(&typed(Some(kind))).await.unwrap_err();
        is_malformed(&error, 200, "token_type is not a string");
    }
}

#[tokio::test]
async fn f42_token_may_have_every_character_that_can_stand_in_a_header() {
    let world = World::new().await;
    let tokens = [
        "00D50000000IZ3Z!AQ0AQDpEDKYsn7ioKug2aSmgCjgrPjG9eRLza8jXWoW7uA",
        "1234|secret",
        "perm:cm9vdA==.a",
        "a,b;c=\"d\"",
    ];
    for (place, token) in tokens.into_iter().enumerate() {
        let scope = place.to_string();
        world.issuer.inject_times(
            Endpoint::Token,
            &respond(200, &json!({"access_token": token, "token_type": "Bearer"})),
            1,
        );
        let request = carrying().get("https://users.example.com");
        let request = world.client.bearer(request, &[&scope]).await.unwrap().build().unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {token}"));
    }
    // Never one that could end the header, or change what stands before it.
    for token in ["a\r\nx: 1", "a\n", "a b", " a", "a ", "a\tb", "a\u{0}", "a\u{7f}", "\u{e9}", "\u{2028}", ""] {
        let body = json!({"access_token": token, "token_type": "Bearer"});
        let error = world.answered(&respond(200, &body)).await.unwrap_err();
        assert!(matches!(error, ClientError::Malformed { status: 200, .. }), "{token:?}: {error:?}");
        assert!(error.to_string().contains("cannot stand in a header"), "{error}");
    }
}
