//! `oidc-provider` is asked about its opaque tokens (RFC 7662).

use rampart_client::ClientError;
use rampart_interop::answer::Answer;
use rampart_interop::apis::Credentials;
use rampart_interop::cases;
use rampart_interop::http::{SECRET, Tokens, revocation};
use rampart_interop::oidc_provider::{ANOTHER_OPAQUE, OPAQUE, OidcProvider, RESOURCE};
use rampart_interop::server::Asked;
use rampart_interop::setup::Setup;
use rampart_issuer::DpopKey;
use serde_json::json;

/// An answer about a client's token has no `sub`.
fn asking(server: &OidcProvider) -> Setup {
    Setup::of(server).setting("subject_claim", json!("/client_id")).asking(server)
}

fn opaque(tokens: &Tokens) -> &str {
    let token = tokens.access();
    assert!(!token.contains('.'), "{token}");
    token
}

#[test]
fn opaque_tokens_give_the_rights_that_the_issuer_names() {
    let server = OidcProvider::start();
    // Signed answers (RFC 9701) are those of JSON, and signed.
    for setup in [asking(&server), asking(&server).asking_with("signed", json!(true))] {
        let apis = setup.start();
        let client = server.client_tokens("web", Some(OPAQUE));
        let client = opaque(&client);
        apis.accept("a client", client, "client:web");
        // The scope is there, and only the task is not.
        assert_eq!(apis.agreed("POST /api/tasks", Some(client)), Answer::task_missing());
        assert_eq!(apis.agreed("POST /api/emails/send", Some(client)), Answer::insufficient_scope("email:send"));
        assert_eq!(apis.agreed("GET /api/admin/stats", Some(client)), Answer::insufficient_role("admin"));

        let ada = server.user_tokens("web", "ada", OPAQUE);
        let ada = opaque(&ada);
        apis.accept("a user", ada, "ada");
        let profile = r#"{"user_id":"ada","email":null,"roles":["user"]}"#;
        assert_eq!(apis.agreed("GET /api/profile", Some(ada)), Answer::ok(profile));
        assert_eq!(apis.agreed("POST /api/emails/send", Some(ada)), Answer::ok(r#"{"sent":true}"#));
        assert_eq!(apis.agreed("POST /api/tasks", Some(ada)), Answer::insufficient_scope("tasks:write"));
        assert_eq!(apis.agreed("GET /api/admin/stats", Some(ada)), Answer::insufficient_role("admin"));

        let root = server.user_tokens("web", "root", OPAQUE);
        let stats = Answer::ok(r#"{"total_users":0,"total_tasks":0}"#);
        assert_eq!(apis.agreed("GET /api/admin/stats", Some(opaque(&root))), stats);

        // And JWTs are verified as ever.
        let jwt = server.client_tokens("web", Some(RESOURCE));
        apis.accept("a JWT", jwt.access(), "web");
    }
}

#[test]
fn opaque_token_that_is_revoked_is_refused() {
    let server = OidcProvider::start();
    let asking = asking(&server).asking_with("cache_for_seconds", json!(1));
    let signed = asking.elsewhere().asking_with("signed", json!(true));
    let apis = [asking.start(), signed.start()];
    let client = server.client_tokens("web", Some(OPAQUE));
    let [ada, root] = ["ada", "root"].map(|user| server.user_tokens("web", user, OPAQUE));
    for apis in &apis {
        apis.accept("a client", opaque(&client), "client:web");
        apis.accept("a user", opaque(&ada), "ada");
    }
    server.revoke("web", client.access());
    // With the refresh token goes all that has come of it.
    server.revoke("web", ada.refresh());
    for (setup, apis) in [asking, signed].iter().zip(&apis) {
        cases::ends_at_the_issuer(setup, apis, client.access(), "client:web");
        cases::ends_at_the_issuer(setup, apis, ada.access(), "ada");
        apis.accept("another user's", opaque(&root), "root");
    }
}

#[test]
fn nothing_but_an_access_token_for_this_api_passes_where_the_issuer_is_asked() {
    let server = OidcProvider::start();
    let tokens = server.user_tokens("web", "root", OPAQUE);
    let another = server.client_tokens("web", Some(ANOTHER_OPAQUE));
    let for_nobody = server.client_tokens("web", None);
    let audience_is_checked = asking(&server).asking_with("audience_is_checked_by_issuer", json!(true));
    for setup in [asking(&server), asking(&server).asking_with("signed", json!(true)), audience_is_checked.clone()] {
        let apis = setup.start();
        // It calls the refresh token active, and says neither whose it is to take nor of which kind it is.
        cases::id_and_refresh_tokens_are_refused(&apis, &tokens);
        apis.refuse("for another API", opaque(&another), &Answer::invalid_token());
        apis.refuse("nonsense", "nonsense", &Answer::invalid_token());
        apis.accept("an access token", opaque(&tokens), "root");
    }
    // Without a resource no audience is named, and the API may be told that this is meant.
    asking(&server).start().refuse("for no API", opaque(&for_nobody), &Answer::invalid_token());
    audience_is_checked.elsewhere().start().accept("for no API, on purpose", opaque(&for_nobody), "client:web");
    // Nor does a client's token name a subject.
    let client = server.client_tokens("web", Some(OPAQUE));
    let strict = Setup::of(&server).asking(&server).start();
    strict.refuse("without a subject", opaque(&client), &Answer::invalid_token());
    strict.have_logged("neither sub nor what may stand in for it");
    strict.accept("with one", opaque(&tokens), "root");
}

#[test]
fn api_that_may_not_ask_is_its_operators_fault() {
    let server = OidcProvider::start();
    let client = server.client_tokens("web", Some(OPAQUE));
    let apis = Setup::of(&server).asking_as(&server, ("task-api", "not-its-secret")).start();
    cases::wrong_credentials_are_no_callers_fault(&apis, opaque(&client));
    let jwt = server.client_tokens("web", Some(RESOURCE));
    apis.accept("a JWT, which nobody is asked about", jwt.access(), "web");
}

/// It says nothing about JWTs of its own (`unsupported_token_type`): with this server only opaque tokens can be asked about.
#[test]
fn token_that_the_issuer_will_not_talk_about_does_not_pass_where_it_must_be_asked() {
    let server = OidcProvider::start();
    let jwt = server.client_tokens("web", Some(RESOURCE));
    let apis = asking(&server).every_token().start();
    apis.refuse("a JWT", jwt.access(), &Answer::undecided());
    apis.have_logged("answered with status 400");
    let client = server.client_tokens("web", Some(OPAQUE));
    apis.accept("an opaque token", opaque(&client), "client:web");
}

#[test]
fn opaque_token_that_is_bound_to_a_key_passes_with_a_proof_of_it_alone() {
    let (server, key) = (OidcProvider::start(), DpopKey::generate().unwrap());
    let bound = server.bound_client_tokens("bound", OPAQUE, &key);
    assert_eq!(bound.token_type(), "DPoP");
    for signed in [false, true] {
        let asking = asking(&server).asking_with("signed", json!(signed));
        let apis = asking.elsewhere().proofs("accepted", false).start();
        cases::bound_token_passes_with_a_proof_alone(&apis, opaque(&bound), &key, "client:bound");
        let free = server.client_tokens("web", Some(OPAQUE));
        apis.accept("one that is bound to nothing", opaque(&free), "client:web");
        // Those who take no proofs take none of it.
        let apis = asking.start();
        apis.refuse("as a bearer token", opaque(&bound), &Answer::invalid_token());
        let answer = apis.agreed_for("GET /api/data", Credentials::Dpop(opaque(&bound), &key));
        assert_eq!(answer, Answer::unauthorized());
    }
}

#[test]
fn server_that_is_away_lets_nobody_in_who_must_be_asked_about() {
    let mut server = OidcProvider::start();
    let tokens = server.user_tokens("web", "ada", OPAQUE);
    let [known, cold] = [asking(&server), asking(&server)];
    let known = known.start();
    known.accept("before the stop", opaque(&tokens), "ada");
    cases::asked_server_that_is_away_is_no_callers_fault(&mut server, &known, &cold.start(), opaque(&tokens), "ada");
}

#[test]
fn client_that_revokes_a_token_is_told_what_becomes_of_it() {
    let server = OidcProvider::start();
    let tokens = server.client_tokens("web", Some(OPAQUE));
    cases::revoking_says_whether_the_token_is_gone(&server, ("web", SECRET), tokens.access());
    // It cannot revoke what it does not keep.
    let jwt = server.client_tokens("web", Some(RESOURCE));
    let refused = revocation(&server.name(), ("web", SECRET), jwt.access()).unwrap_err();
    let ClientError::NotRevoked { status: Some(400), error: Some(error), .. } = refused else { panic!("{refused}") };
    assert_eq!(error, "unsupported_token_type");
}
