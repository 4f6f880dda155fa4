//! Glewlwyd: its genuine tokens in the three Task APIs. Each test has a server of its own.

use rampart_interop::answer::Answer;
use rampart_interop::apis::TaskApis;
use rampart_interop::glewlwyd::{AUDIENCE, BRIEF, Glewlwyd, settings};
use rampart_interop::token::{header, payload, remaining, sub, tampered};
use serde_json::{Value, json};

const TASK_MISSING: &str =
    r#"{"error":"invalid_request","error_description":"The body must be JSON: {\"title\": \"..\"}","status":400}"#;

fn apis(server: &Glewlwyd) -> TaskApis {
    TaskApis::start(&settings(&server.issuer("oidc")))
}

fn apis_with(server: &Glewlwyd, name: &str, value: Value) -> TaskApis {
    let mut settings = settings(&server.issuer("oidc"));
    settings[name] = value;
    TaskApis::start(&settings)
}

#[test]
fn clients_and_users_have_the_rights_that_their_tokens_give() {
    let server = Glewlwyd::start();
    let apis = apis(&server);
    let client = server.client_tokens("oidc", "web", Some(AUDIENCE));
    let user = server.user_tokens("web", AUDIENCE);
    assert_eq!(payload(client.access())["sub"], "web");
    for (what, token) in [("a client", client.access()), ("a user", user.access())] {
        assert_eq!(
            (header(token)["typ"].clone(), payload(token)["type"].clone()),
            (json!("at+jwt"), json!("access_token"))
        );
        apis.accept(what, token, &sub(token));
        // The scope is there, and only the task is not.
        let answer = apis.agreed("POST /api/tasks", Some(token));
        assert_eq!(answer, Answer { status: 400, ..Answer::ok(TASK_MISSING) }, "{what}");
        let answer = apis.agreed("POST /api/emails/send", Some(token));
        assert_eq!(answer, Answer::insufficient_scope("email:send"), "{what}");
        assert_eq!(apis.agreed("GET /api/admin/stats", Some(token)), Answer::insufficient_role("admin"), "{what}");
    }
}

#[test]
fn every_algorithm_is_accepted_where_it_is_allowed() {
    let server = Glewlwyd::start();
    let by_default = apis(&server);
    let asked_for = apis_with(&server, "algorithms", json!(["EdDSA"]));
    for (client, algorithm) in [("web", "RS256"), ("signs-ES256", "ES256"), ("signs-EdDSA", "EdDSA")] {
        let tokens = server.client_tokens("oidc", client, Some(AUDIENCE));
        assert_eq!(header(tokens.access())["alg"], algorithm);
        let (accepts, refuses) =
            if algorithm == "EdDSA" { (&asked_for, &by_default) } else { (&by_default, &asked_for) };
        accepts.accept(algorithm, tokens.access(), client);
        refuses.refuse(algorithm, tokens.access(), &Answer::invalid_token());
    }
}

#[test]
fn tokens_for_another_api_or_of_another_issuer_are_refused() {
    let server = Glewlwyd::start();
    let apis = apis(&server);
    let without = server.client_tokens("oidc", "web", None);
    assert_eq!(payload(without.access())["aud"], "tasks:write", "without a resource the scopes stand there");
    apis.refuse("for no resource", without.access(), &Answer::invalid_token());
    let another = server.user_tokens("web", "https://another-api.example");
    assert_eq!(payload(another.access())["aud"], "https://another-api.example");
    apis.refuse("for another API", another.access(), &Answer::invalid_token());
    // Of another issuer with the very same keys.
    let foreign = server.client_tokens("other", "web", Some(AUDIENCE));
    apis.refuse("of another issuer", foreign.access(), &Answer::invalid_token());
    TaskApis::start(&settings(&server.issuer("other"))).accept("where it belongs", foreign.access(), "web");
}

#[test]
fn tampered_tokens_are_refused() {
    let server = Glewlwyd::start();
    for client in ["web", "signs-ES256"] {
        let tokens = server.client_tokens("oidc", client, Some(AUDIENCE));
        // Each begins without knowing the genuine token, and goes on when it has seen it.
        let apis = apis(&server);
        for seen in [false, true] {
            for (what, token) in tampered(tokens.access()) {
                apis.refuse(&format!("{client}, {what}, seen: {seen}"), &token, &Answer::invalid_token());
            }
            apis.accept("the genuine one", tokens.access(), client);
        }
    }
}

#[test]
fn id_and_refresh_tokens_are_refused_also_by_the_api_that_they_name() {
    let server = Glewlwyd::start();
    let tokens = server.user_tokens("web", AUDIENCE);
    assert_eq!(payload(tokens.id())["aud"], "web");
    for apis in [apis(&server), apis_with(&server, "audience", json!("web"))] {
        apis.refuse("an ID token", tokens.id(), &Answer::invalid_token());
        apis.refuse("a refresh token", tokens.refresh(), &Answer::invalid_token());
    }
}

#[test]
fn expired_token_is_refused_as_such() {
    let server = Glewlwyd::start();
    let tokens = server.client_tokens(BRIEF, "web", Some(AUDIENCE));
    let mut settings = settings(&server.issuer(BRIEF));
    settings["clock_tolerance_seconds"] = json!(0);
    let apis = TaskApis::start(&settings);
    // The server sets the time, so it has to pass.
    std::thread::sleep(remaining(tokens.access()));
    apis.refuse("expired", tokens.access(), &Answer::token_expired());
}

#[test]
fn new_keys_are_found_and_withdrawn_ones_no_longer_count() {
    let server = Glewlwyd::start();
    let apis = apis(&server);
    let before = server.client_tokens("oidc", "web", Some(AUDIENCE));
    apis.accept("the first key", before.access(), "web");
    server.replace_keys();
    let after = server.client_tokens("oidc", "web", Some(AUDIENCE));
    assert_ne!(header(after.access())["kid"], header(before.access())["kid"]);
    apis.accept("the first key, as far as is known", before.access(), "web");
    apis.accept("the second key", after.access(), "web");
    apis.refuse("the first key, withdrawn", before.access(), &Answer::invalid_token());
}

#[test]
fn server_that_is_away_is_missed_only_by_those_who_never_knew_it() {
    let mut server = Glewlwyd::start();
    let known = apis(&server);
    let (seen, unseen) = (server.user_tokens("web", AUDIENCE), server.client_tokens("oidc", "web", Some(AUDIENCE)));
    known.accept("before the stop", seen.access(), &sub(seen.access()));

    server.stop();
    known.accept("a token seen before", seen.access(), &sub(seen.access()));
    known.accept("a token not seen before", unseen.access(), "web");
    known.refuse("a forged one", &tampered(unseen.access())[0].1, &Answer::invalid_token());
    let cold = apis(&server);
    cold.refuse("nothing can be decided", seen.access(), &Answer::unavailable());
    assert_eq!(cold.agreed("GET /api/data", None), Answer::unauthorized());

    server.start_again();
    let answer = cold.after(&Answer::unavailable(), "GET /api/data", seen.access());
    assert_eq!(answer, Answer::ok(&format!(r#"{{"user":"{}"}}"#, sub(seen.access()))));
    let tokens = server.client_tokens("oidc", "web", Some(AUDIENCE));
    known.accept("a new token", tokens.access(), "web");
    cold.accept("a new token", tokens.access(), "web");
}
