//! The example server of zitadel/oidc is asked about its opaque tokens (RFC 7662), at the endpoint that its metadata names.

use rampart_interop::answer::Answer;
use rampart_interop::cases;
use rampart_interop::server::Asked;
use rampart_interop::setup::Setup;
use rampart_interop::zitadel::{CLIENT, USER, Zitadel};
use serde_json::json;

#[test]
fn opaque_tokens_in_the_shape_of_encrypted_ones_pass_where_the_issuer_is_asked() {
    let server = Zitadel::start();
    let tokens = server.user_tokens();
    assert_eq!(tokens.access().split('.').count(), 5);
    let apis = Setup::of(&server).asking(&server).start();
    apis.accept("a user", tokens.access(), USER);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(tokens.access())), Answer::insufficient_role("admin"));
    cases::id_and_refresh_tokens_are_refused(&apis, &tokens);
    apis.refuse("nonsense", "nonsense", &Answer::invalid_token());
    let other = Zitadel::start().user_tokens();
    apis.refuse("of another server", other.access(), &Answer::invalid_token());
}

/// Its answers have neither `aud` nor what says of which kind the token is: each has to be waived by name.
#[test]
fn answer_that_says_too_little_is_not_believed() {
    let server = Zitadel::start();
    let tokens = server.user_tokens();
    let asking = Setup::of(&server).asking(&server);
    for (waiver, why) in [
        ("audience_is_checked_by_issuer", "the answer has no aud"),
        ("insecure_any_kind", "the answer does not say that this is an access token"),
    ] {
        let apis = asking.elsewhere().asking_with(waiver, json!(false)).start();
        apis.refuse(waiver, tokens.access(), &Answer::invalid_token());
        apis.have_logged(why);
    }
    asking.start().accept("both waived", tokens.access(), USER);
}

#[test]
fn token_that_is_revoked_is_refused() {
    let server = Zitadel::start();
    let tokens = server.user_tokens();
    let asking = Setup::of(&server).asking(&server).asking_with("cache_for_seconds", json!(1));
    let apis = asking.start();
    apis.accept("before", tokens.access(), USER);
    server.revoke(tokens.access());
    cases::ends_at_the_issuer(&asking, &apis, tokens.access(), USER);
    let again = server.user_tokens();
    apis.accept("after signing in again", again.access(), USER);
}

#[test]
fn api_that_may_not_ask_is_its_operators_fault() {
    let server = Zitadel::start();
    let tokens = server.user_tokens();
    // The 401 here is plain text.
    let apis = Setup::of(&server).asking_as(&server, (CLIENT, "not-its-secret")).start();
    cases::wrong_credentials_are_no_callers_fault(&apis, tokens.access());
    // Another client is told of no token that is not for it.
    let apis = Setup::of(&server).asking_as(&server, ("api", "secret")).start();
    apis.refuse("asked by a stranger", tokens.access(), &Answer::invalid_token());
}

#[test]
fn client_that_revokes_a_token_is_told_what_becomes_of_it() {
    let server = Zitadel::start();
    let tokens = server.user_tokens();
    cases::revoking_says_whether_the_token_is_gone(&server, server.asker(), tokens.access());
}
