//! `oidc-provider`: its genuine tokens in the three Task APIs. Each test has a server of its own.

mod introspection;
mod logout;

use rampart_interop::answer::Answer;
use rampart_interop::apis::{Credentials, PUBLIC_URL, TaskApis};
use rampart_interop::cases;
use rampart_interop::oidc_provider::{OidcProvider, RESOURCE, Script};
use rampart_interop::server::{Issuer, Server};
use rampart_interop::token::{header, payload};
use rampart_issuer::DpopKey;
use serde_json::json;

#[test]
fn clients_and_users_have_the_rights_that_their_tokens_give() {
    let server = OidcProvider::start();
    let apis = TaskApis::of(&server);

    let client = server.client_tokens("web", Some(RESOURCE));
    let client = client.access();
    assert_eq!(header(client)["typ"], "at+jwt");
    apis.accept("a client", client, "web");
    // The scope is there, and only the task is not.
    assert_eq!(apis.agreed("POST /api/tasks", Some(client)), Answer::task_missing());
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
    cases::every_algorithm_is_accepted_where_it_is_allowed(&server, |client| {
        server.client_tokens(client, Some(RESOURCE))
    });
}

#[test]
fn tokens_for_another_api_or_of_another_server_are_refused() {
    let [server, other] = [OidcProvider::start(), OidcProvider::start()];
    let apis = TaskApis::of(&server);
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
    TaskApis::of(&server).refuse("opaque", tokens.access(), &Answer::invalid_token());
}

#[test]
fn tampered_tokens_are_refused() {
    let server = OidcProvider::start();
    for client in ["web", "signs-ES256"] {
        let tokens = server.client_tokens(client, Some(RESOURCE));
        // Each begins without knowing the genuine token.
        cases::tampered_token_is_refused(&TaskApis::of(&server), client, tokens.access(), client);
    }
}

#[test]
fn id_and_refresh_tokens_are_refused_also_by_the_api_that_they_name() {
    let server = OidcProvider::start();
    let tokens = server.user_tokens("web", "root", "urn:web");
    assert_eq!([payload(tokens.id())["aud"].clone(), payload(tokens.access())["aud"].clone()], ["web", "web"]);
    let apis = [TaskApis::of(&server), TaskApis::with(&server, "audience", json!("web"))];
    for apis in &apis {
        cases::id_and_refresh_tokens_are_refused(apis, &tokens);
    }
    apis[1].accept("an access token for the same audience", tokens.access(), "root");
}

#[test]
fn expired_token_is_refused_as_such() {
    let server = OidcProvider::start();
    let tokens = server.client_tokens("web", Some("urn:brief"));
    cases::expired_token_is_refused_as_such(&server, tokens.access());
}

#[test]
fn new_keys_are_found_and_withdrawn_ones_no_longer_count() {
    for keep in [true, false] {
        let mut server = OidcProvider::start();
        let apis = TaskApis::of(&server);
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
    let [seen, unseen] = ["ada", "root"].map(|user| server.user_tokens("web", user, RESOURCE));
    let settings = server.settings();
    let tokens = [seen.access(), unseen.access()];
    cases::server_that_is_away_is_missed_only_by_those_who_never_knew_it(&mut server, &settings, tokens, |server| {
        server.client_tokens("web", Some(RESOURCE))
    });
}

#[test]
fn tokens_that_are_bound_to_a_key_pass_with_a_proof_of_it() {
    let (server, key) = (OidcProvider::start(), DpopKey::generate().unwrap());
    let free = server.client_tokens("web", Some(RESOURCE));
    let bound = server.bound_client_tokens("bound", RESOURCE, &key);
    cases::bound_token_passes_with_proofs(&server, &bound, &key, &free);
}

/// RFC 9449 as others read it: key, token and proofs by a library that is not ours.
#[test]
fn proofs_of_a_client_in_javascript_pass() {
    let server = OidcProvider::start();
    let (apis, with_nonces) =
        (TaskApis::with_proofs(&server, "required", false), TaskApis::with_proofs(&server, "required", true));
    for (algorithm, client) in [("ES256", "bound"), ("Ed25519", "bound-with-nonce"), ("EdDSA", "bound")] {
        let mut script = Script::new(algorithm);
        let tokens = server.tokens_of_a_script(client, &mut script);
        let token = tokens.access();
        let proof = script.proof("GET", &format!("{PUBLIC_URL}/api/data"), Some(token), None);
        let proven = Credentials::Proven(token, &proof);
        assert_eq!(
            apis.agreed_for("GET /api/data", proven),
            Answer::ok(&format!(r#"{{"user":"{client}"}}"#)),
            "{algorithm}"
        );
        assert_eq!(apis.agreed_for("GET /api/data", proven).status, 401, "{algorithm}, once more");
        with_nonces.accept_with_nonces(token, client, |url, nonce| script.proof("GET", url, Some(token), nonce));
    }
}

#[test]
fn tokens_that_are_bound_to_a_key_are_no_bearer_tokens() {
    let server = OidcProvider::start();
    let (apis, key) = (TaskApis::of(&server), DpopKey::generate().unwrap());
    // The second client has to prove its key with a nonce of the server.
    for client in ["bound", "bound-with-nonce"] {
        let bound = server.bound_client_tokens(client, RESOURCE, &key);
        cases::bound_token_is_refused_by_those_who_take_no_proofs(&apis, &bound, &key);
    }
    let free = server.client_tokens("web", Some(RESOURCE));
    apis.accept("the same of a client whose tokens are not bound", free.access(), "web");
}
