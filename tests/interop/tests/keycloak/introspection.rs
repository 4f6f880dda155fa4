//! Keycloak is asked about its tokens (RFC 7662).

use rampart_client::ClientError;
use rampart_interop::answer::Answer;
use rampart_interop::apis::{Credentials, TaskApis};
use rampart_interop::cases;
use rampart_interop::http::{SECRET, revocation};
use rampart_interop::keycloak::{AUDIENCE, audience};
use rampart_interop::setup::Setup;
use rampart_interop::token::{header, payload, sub};
use rampart_issuer::DpopKey;
use serde_json::{Value, json};

use crate::realm;

#[test]
fn token_that_is_revoked_or_whose_user_has_signed_out_is_refused_where_every_token_is_asked_about() {
    let (realm, _running) = realm("asked");
    let asking = Setup::of(&realm).asking(&realm).every_token();
    let apis = asking.start();
    let only_opaque = Setup::of(&realm).asking(&realm).start();
    let [ada, root, grace] = ["ada", "root", "grace"].map(|user| realm.user_tokens("web", user, "openid email:send"));
    for tokens in [&ada, &root, &grace] {
        apis.accept("active", tokens.access(), &sub(tokens.access()));
    }
    // Rights as ever: what is believed of a token is what the token says.
    assert_eq!(apis.agreed("POST /api/emails/send", Some(ada.access())), Answer::ok(r#"{"sent":true}"#));
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(ada.access())), Answer::insufficient_role("admin"));
    let stats = Answer::ok(r#"{"total_users":0,"total_tasks":0}"#);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(root.access())), stats);

    realm.revoke("web", ada.access());
    realm.log_out(&sub(grace.access()));
    for tokens in [&ada, &grace] {
        cases::ends_at_the_issuer(&asking, &apis, tokens.access(), &sub(tokens.access()));
        only_opaque.accept("a JWT, where only opaque tokens are asked about", tokens.access(), &sub(tokens.access()));
    }
    apis.accept("another user's", root.access(), &sub(root.access()));
    // The refresh token stands for the session: all that has come of it is void.
    realm.revoke("web", root.refresh());
    cases::ends_at_the_issuer(&asking, &apis, root.access(), &sub(root.access()));
    let again = realm.user_tokens("web", "root", "openid");
    apis.accept("after signing in again", again.access(), &sub(again.access()));
}

#[test]
fn nothing_but_an_access_token_passes_where_the_issuer_is_asked() {
    let (realm, _running) = realm("asked-kinds");
    let tokens = realm.user_tokens("web", "root", "openid");
    // It calls the ID token active.
    let opaque = Setup::of(&realm).asking(&realm);
    let every = opaque.elsewhere().every_token();
    let loose = every.elsewhere().setting("audience", json!("web"));
    for setup in [opaque, every, loose] {
        let apis = setup.start();
        cases::id_and_refresh_tokens_are_refused(&apis, &tokens);
        apis.refuse("nonsense", "nonsense", &Answer::invalid_token());
        cases::tampered_token_is_refused(&apis, "asked about", tokens.access(), &sub(tokens.access()));
    }
}

#[test]
fn api_that_may_not_ask_is_its_operators_fault() {
    let (realm, _running) = realm("asked-wrongly");
    let token = realm.user_tokens("web", "ada", "openid");
    let wrong = Setup::of(&realm).asking_as(&realm, (AUDIENCE, "not-its-secret"));
    let every = wrong.elsewhere().every_token().start();
    cases::wrong_credentials_are_no_callers_fault(&every, token.access());
    let opaque = wrong.start();
    cases::wrong_credentials_are_no_callers_fault(&opaque, "opaque");
    opaque.accept("a JWT, which nobody is asked about", token.access(), &sub(token.access()));
}

/// Keycloak calls a token active for those whom it is for, and for nobody else: an API that asks as a client that is not in `aud` lets nobody in.
#[test]
fn api_that_asks_as_another_than_its_audience_is_told_that_no_token_is_active() {
    let (realm, _running) = realm("asked-by-another");
    realm.add_client("another", |_| {});
    let token = realm.user_tokens("web", "ada", "openid");
    let apis = Setup::of(&realm).asking_as(&realm, ("another", SECRET)).every_token().start();
    apis.refuse("asked by a stranger", token.access(), &Answer::invalid_token());
    apis.have_logged("the issuer says that the token is not active");
}

/// Light-weight tokens are made to be asked about: the answer has what they lack. Here it only takes away.
#[test]
fn answer_gives_no_token_rights_that_it_does_not_have_itself() {
    let (realm, _running) = realm("asked-lightweight");
    realm.add_client("light", |client| {
        client["attributes"] = json!({"client.use.lightweight.access.token.enabled": "true"});
        let config = json!({"access.token.claim": "true", "lightweight.claim": "true"});
        let sub =
            json!({"name": "sub", "protocol": "openid-connect", "protocolMapper": "oidc-sub-mapper", "config": config});
        client["protocolMappers"] = json!([audience(AUDIENCE), sub]);
    });
    let apis = Setup::of(&realm).asking(&realm).every_token().start();
    let token = realm.user_tokens("light", "root", "email:send");
    assert_eq!(payload(token.access())["realm_access"], Value::Null);
    assert_eq!(realm.introspect(token.access())["realm_access"]["roles"].as_array().map(Vec::is_empty), Some(false));
    apis.accept("light-weight", token.access(), &sub(token.access()));
    assert_eq!(apis.agreed("POST /api/emails/send", Some(token.access())), Answer::ok(r#"{"sent":true}"#));
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(token.access())), Answer::insufficient_role("admin"));
}

#[test]
fn bound_token_is_asked_about_and_still_needs_its_proof() {
    let (realm, _running) = realm("asked-bound");
    realm.add_bound_client("bound");
    let key = DpopKey::generate().unwrap();
    let bound = realm.bound_client_tokens("bound", "tasks:write", &key);
    let token = bound.access();
    assert_eq!(realm.introspect(token)["cnf"], payload(token)["cnf"]);
    let apis = Setup::of(&realm).proofs("accepted", false).asking(&realm).every_token().start();
    cases::bound_token_passes_with_a_proof_alone(&apis, token, &key, &sub(token));
    realm.revoke("bound", token);
    let let_in = Answer::ok(&format!(r#"{{"user":"{}"}}"#, sub(token)));
    let refused = Answer::invalid_token().offering_proofs("DPoP");
    assert_eq!(apis.after_for(&let_in, "GET /api/data", Credentials::Dpop(token, &key)), refused);
}

/// It signs answers in a way of its own (`Accept: application/jwt`, for clients that are set up so), not in that of RFC 9701.
#[test]
fn answer_that_is_not_signed_is_not_believed_where_it_must_be() {
    let (realm, _running) = realm("asked-signed");
    let token = realm.user_tokens("web", "ada", "openid");
    assert_eq!(header(token.access())["typ"], "JWT");
    let apis: TaskApis = Setup::of(&realm).asking(&realm).every_token().asking_with("signed", json!(true)).start();
    apis.refuse("an answer in plain JSON", token.access(), &Answer::undecided());
    apis.have_logged("answered with another media type than application/token-introspection+jwt");
}

#[test]
fn client_that_revokes_a_token_is_told_what_becomes_of_it() {
    let (realm, _running) = realm("revoking");
    let tokens = realm.user_tokens("web", "ada", "openid");
    cases::revoking_says_whether_the_token_is_gone(&realm, ("web", SECRET), tokens.access());
    // Another client may not (RFC 7009 section 2.1).
    realm.add_client("another", |_| {});
    let tokens = realm.user_tokens("web", "ada", "openid");
    let refused = revocation(&realm.issuer(), ("another", SECRET), tokens.access()).unwrap_err();
    assert!(matches!(refused, ClientError::NotRevoked { status: Some(400), .. }), "{refused}");
    assert_eq!(realm.introspect(tokens.access())["active"], true);
}
