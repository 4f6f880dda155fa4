//! Glewlwyd: its genuine tokens in the three Task APIs. Each test has a server of its own.

use rampart_interop::answer::Answer;
use rampart_interop::apis::TaskApis;
use rampart_interop::cases;
use rampart_interop::glewlwyd::{AUDIENCE, BRIEF, Glewlwyd};
use rampart_interop::server::Issuer;
use rampart_interop::token::{header, payload, sub};
use serde_json::json;

#[test]
fn clients_and_users_have_the_rights_that_their_tokens_give() {
    let server = Glewlwyd::start();
    let apis = TaskApis::of(&server);
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
        assert_eq!(apis.agreed("POST /api/tasks", Some(token)), Answer::task_missing(), "{what}");
        let answer = apis.agreed("POST /api/emails/send", Some(token));
        assert_eq!(answer, Answer::insufficient_scope("email:send"), "{what}");
        assert_eq!(apis.agreed("GET /api/admin/stats", Some(token)), Answer::insufficient_role("admin"), "{what}");
    }
}

#[test]
fn every_algorithm_is_accepted_where_it_is_allowed() {
    let server = Glewlwyd::start();
    cases::every_algorithm_is_accepted_where_it_is_allowed(&server, |client| {
        server.client_tokens("oidc", client, Some(AUDIENCE))
    });
}

#[test]
fn tokens_for_another_api_or_of_another_issuer_are_refused() {
    let server = Glewlwyd::start();
    let apis = TaskApis::of(&server);
    let without = server.client_tokens("oidc", "web", None);
    assert_eq!(payload(without.access())["aud"], "tasks:write", "without a resource the scopes stand there");
    apis.refuse("for no resource", without.access(), &Answer::invalid_token());
    let another = server.user_tokens("web", "https://another-api.example");
    assert_eq!(payload(another.access())["aud"], "https://another-api.example");
    apis.refuse("for another API", another.access(), &Answer::invalid_token());
    // Of another issuer with the very same keys.
    let foreign = server.client_tokens("other", "web", Some(AUDIENCE));
    apis.refuse("of another issuer", foreign.access(), &Answer::invalid_token());
    TaskApis::of(&server.issuer("other")).accept("where it belongs", foreign.access(), "web");
}

#[test]
fn tampered_tokens_are_refused() {
    let server = Glewlwyd::start();
    for client in ["web", "signs-ES256"] {
        let tokens = server.client_tokens("oidc", client, Some(AUDIENCE));
        // Each begins without knowing the genuine token.
        cases::tampered_token_is_refused(&TaskApis::of(&server), client, tokens.access(), client);
    }
}

#[test]
fn id_and_refresh_tokens_are_refused_also_by_the_api_that_they_name() {
    let server = Glewlwyd::start();
    let tokens = server.user_tokens("web", AUDIENCE);
    assert_eq!(payload(tokens.id())["aud"], "web");
    for apis in [TaskApis::of(&server), TaskApis::with(&server, "audience", json!("web"))] {
        cases::id_and_refresh_tokens_are_refused(&apis, &tokens);
    }
}

#[test]
fn expired_token_is_refused_as_such() {
    let server = Glewlwyd::start();
    let tokens = server.client_tokens(BRIEF, "web", Some(AUDIENCE));
    cases::expired_token_is_refused_as_such(&server.issuer(BRIEF), tokens.access());
}

#[test]
fn new_keys_are_found_and_withdrawn_ones_no_longer_count() {
    let server = Glewlwyd::start();
    let apis = TaskApis::of(&server);
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
    let (seen, unseen) = (server.user_tokens("web", AUDIENCE), server.client_tokens("oidc", "web", Some(AUDIENCE)));
    let settings = server.settings();
    let tokens = [seen.access(), unseen.access()];
    cases::server_that_is_away_is_missed_only_by_those_who_never_knew_it(&mut server, &settings, tokens, |server| {
        server.client_tokens("oidc", "web", Some(AUDIENCE))
    });
}
