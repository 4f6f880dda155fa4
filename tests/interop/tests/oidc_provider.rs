//! `oidc-provider`: its genuine tokens in the three Task APIs. Each test has a server of its own.

use rampart_interop::answer::Answer;
use rampart_interop::apis::TaskApis;
use rampart_interop::oidc_provider::{OidcProvider, RESOURCE, settings};
use rampart_interop::token::{header, payload, remaining, sub, tampered};
use serde_json::{Value, json};

fn apis(server: &OidcProvider) -> TaskApis {
    TaskApis::start(&settings(server.issuer()))
}

fn apis_with(server: &OidcProvider, name: &str, value: Value) -> TaskApis {
    let mut settings = settings(server.issuer());
    settings[name] = value;
    TaskApis::start(&settings)
}

#[test]
fn clients_and_users_have_the_rights_that_their_tokens_give() {
    let server = OidcProvider::start();
    let apis = apis(&server);

    let client = server.client_tokens("web", Some(RESOURCE));
    let client = client.access();
    assert_eq!(header(client)["typ"], "at+jwt");
    apis.accept("a client", client, "web");
    // The scope is there, and only the task is not.
    let body =
        r#"{"error":"invalid_request","error_description":"The body must be JSON: {\"title\": \"..\"}","status":400}"#;
    assert_eq!(apis.agreed("POST /api/tasks", Some(client)), Answer { status: 400, ..Answer::ok(body) });
    assert_eq!(apis.agreed("POST /api/emails/send", Some(client)), Answer::insufficient_scope("email:send"));
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(client)), Answer::insufficient_role("admin"));

    let ada = server.user_tokens("web", "ada", RESOURCE);
    let ada = ada.access();
    apis.accept("a user", ada, "ada");
    let profile = r#"{"user_id":"ada","email":null,"roles":["user"]}"#;
    assert_eq!(apis.agreed("GET /api/profile", Some(ada)), Answer::ok(profile));
    assert_eq!(apis.agreed("POST /api/emails/send", Some(ada)), Answer::ok(r#"{"sent":true}"#));
    assert_eq!(apis.agreed("POST /api/tasks", Some(ada)), Answer::insufficient_scope("tasks:write"));
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(ada)), Answer::insufficient_role("admin"));

    let root = server.user_tokens("web", "root", RESOURCE);
    let stats = Answer::ok(r#"{"total_users":0,"total_tasks":0}"#);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(root.access())), stats);
}

#[test]
fn every_algorithm_is_accepted_where_it_is_allowed() {
    let server = OidcProvider::start();
    let by_default = apis(&server);
    let asked_for = apis_with(&server, "algorithms", json!(["EdDSA"]));
    for (client, algorithm) in [("web", "RS256"), ("signs-ES256", "ES256"), ("signs-EdDSA", "EdDSA")] {
        let tokens = server.client_tokens(client, Some(RESOURCE));
        assert_eq!(header(tokens.access())["alg"], algorithm);
        let (accepts, refuses) =
            if algorithm == "EdDSA" { (&asked_for, &by_default) } else { (&by_default, &asked_for) };
        accepts.accept(algorithm, tokens.access(), client);
        refuses.refuse(algorithm, tokens.access(), &Answer::invalid_token());
    }
}

#[test]
fn tokens_for_another_api_or_of_another_server_are_refused() {
    let [server, other] = [OidcProvider::start(), OidcProvider::start()];
    let apis = apis(&server);
    let another = server.client_tokens("web", Some("urn:another-api"));
    assert_eq!(payload(another.access())["aud"], "another-api");
    apis.refuse("for another API", another.access(), &Answer::invalid_token());
    let foreign = other.client_tokens("web", Some(RESOURCE));
    apis.refuse("of another server", foreign.access(), &Answer::invalid_token());
}

#[test]
fn opaque_tokens_are_refused() {
    let server = OidcProvider::start();
    let tokens = server.client_tokens("web", None);
    assert!(!tokens.access().contains('.'), "{}", tokens.access());
    apis(&server).refuse("opaque", tokens.access(), &Answer::invalid_token());
}

#[test]
fn tampered_tokens_are_refused() {
    let server = OidcProvider::start();
    for client in ["web", "signs-ES256"] {
        let tokens = server.client_tokens(client, Some(RESOURCE));
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
    let server = OidcProvider::start();
    let tokens = server.user_tokens("web", "root", "urn:web");
    assert_eq!([payload(tokens.id())["aud"].clone(), payload(tokens.access())["aud"].clone()], ["web", "web"]);
    let apis = [apis(&server), apis_with(&server, "audience", json!("web"))];
    for apis in &apis {
        apis.refuse("an ID token", tokens.id(), &Answer::invalid_token());
        apis.refuse("a refresh token", tokens.refresh(), &Answer::invalid_token());
    }
    apis[1].accept("an access token for the same audience", tokens.access(), "root");
}

#[test]
fn expired_token_is_refused_as_such() {
    let server = OidcProvider::start();
    let tokens = server.client_tokens("web", Some("urn:brief"));
    let apis = apis_with(&server, "clock_tolerance_seconds", json!(0));
    // The server sets the time, so it has to pass.
    std::thread::sleep(remaining(tokens.access()));
    apis.refuse("expired", tokens.access(), &Answer::token_expired());
}

#[test]
fn new_keys_are_found_and_withdrawn_ones_no_longer_count() {
    for keep in [true, false] {
        let mut server = OidcProvider::start();
        let apis = apis(&server);
        let before = server.client_tokens("web", Some(RESOURCE));
        apis.accept("the first key", before.access(), "web");
        server.stop();
        server.renew_keys(keep);
        server.start_again();
        let after = server.client_tokens("web", Some(RESOURCE));
        assert_ne!(header(after.access())["kid"], header(before.access())["kid"]);
        apis.accept("the first key, as far as is known", before.access(), "web");
        apis.accept("the second key", after.access(), "web");
        if keep {
            apis.accept("the first key, still published", before.access(), "web");
        } else {
            apis.refuse("the first key, withdrawn", before.access(), &Answer::invalid_token());
        }
    }
}

#[test]
fn server_that_is_away_is_missed_only_by_those_who_never_knew_it() {
    let mut server = OidcProvider::start();
    let known = apis(&server);
    let [seen, unseen] = ["ada", "root"].map(|user| server.user_tokens("web", user, RESOURCE));
    known.accept("before the stop", seen.access(), &sub(seen.access()));

    server.stop();
    known.accept("a token seen before", seen.access(), "ada");
    known.accept("a token not seen before", unseen.access(), "root");
    known.refuse("a forged one", &tampered(unseen.access())[0].1, &Answer::invalid_token());
    let cold = apis(&server);
    cold.refuse("nothing can be decided", seen.access(), &Answer::unavailable());
    assert_eq!(cold.agreed("GET /api/data", None), Answer::unauthorized());

    server.start_again();
    assert_eq!(cold.after(&Answer::unavailable(), "GET /api/data", seen.access()), Answer::ok(r#"{"user":"ada"}"#));
    let tokens = server.client_tokens("web", Some(RESOURCE));
    known.accept("a new token", tokens.access(), "web");
    cold.accept("a new token", tokens.access(), "web");
}
