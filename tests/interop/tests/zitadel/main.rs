//! The example server of zitadel/oidc: its genuine tokens in the three Task APIs. Each test has a server of its own.
//!
//! Its access tokens are opaque, in the shape of encrypted JWTs. What it signs are ID tokens, so that it is these that show that its
//! keys are found: by APIs that accept them on purpose. They live for an hour, which it cannot be told to shorten: that they expire
//! is left to the other servers' tokens.

mod introspection;

use rampart_interop::answer::Answer;
use rampart_interop::apis::TaskApis;
use rampart_interop::cases;
use rampart_interop::server::{Issuer, Server};
use rampart_interop::token::{header, payload};
use rampart_interop::zitadel::{CLIENT, USER, Zitadel};
use serde_json::json;

fn apis_for_id_tokens(server: &Zitadel) -> TaskApis {
    TaskApis::with(server, "insecure_accept_id_tokens", json!(true))
}

#[test]
fn opaque_tokens_in_the_shape_of_encrypted_ones_are_refused() {
    let server = Zitadel::start();
    let (client, user) = (server.client_tokens(), server.user_tokens());
    for (what, token) in [("of a client", client.access()), ("of a user", user.access())] {
        assert_eq!((token.split('.').count(), header(token)["alg"].clone()), (5, json!("A256GCMKW")), "{what}");
        TaskApis::of(&server).refuse(what, token, &Answer::invalid_token());
        apis_for_id_tokens(&server).refuse(what, token, &Answer::invalid_token());
    }
}

#[test]
fn id_and_refresh_tokens_are_refused_by_the_api_that_they_name() {
    let server = Zitadel::start();
    let tokens = server.user_tokens();
    assert_eq!(payload(tokens.id())["aud"], json!([CLIENT]));
    cases::id_and_refresh_tokens_are_refused(&TaskApis::of(&server), &tokens);
}

#[test]
fn id_tokens_are_verified_where_they_are_accepted_on_purpose() {
    let [server, other] = [Zitadel::start(), Zitadel::start()];
    let apis = apis_for_id_tokens(&server);
    let tokens = server.user_tokens();
    cases::tampered_token_is_refused(&apis, "an ID token", tokens.id(), USER);
    assert_eq!(apis.agreed("GET /api/admin/stats", Some(tokens.id())), Answer::insufficient_role("admin"));
    apis.refuse("of another server", other.user_tokens().id(), &Answer::invalid_token());
    let mut for_another = server.settings();
    for_another["audience"] = json!("api");
    for_another["insecure_accept_id_tokens"] = json!(true);
    TaskApis::start(&for_another).refuse("for another client", tokens.id(), &Answer::invalid_token());
    // Without the slash it is another issuer, whose metadata names this one.
    let mut without_slash = server.settings();
    without_slash["issuer_url"] = json!(server.issuer().trim_end_matches('/'));
    without_slash["insecure_accept_id_tokens"] = json!(true);
    let answer = TaskApis::start(&without_slash).agreed("GET /api/data", Some(tokens.id()));
    assert_eq!(answer, Answer::invalid_token());
}

#[test]
fn server_that_comes_back_with_another_key_is_found_again() {
    let mut server = Zitadel::start();
    let known = apis_for_id_tokens(&server);
    let [seen, unseen] = [server.user_tokens(), server.user_tokens()];
    known.accept("before the stop", seen.id(), USER);

    server.stop();
    known.accept("a token seen before", seen.id(), USER);
    known.accept("a token not seen before", unseen.id(), USER);
    let cold = apis_for_id_tokens(&server);
    cold.refuse("nothing can be decided", seen.id(), &Answer::unavailable());

    server.start_again();
    let after = server.user_tokens();
    assert_ne!(header(after.id())["kid"], header(seen.id())["kid"]);
    known.accept("a new token", after.id(), USER);
    known.refuse("a token of the former key", seen.id(), &Answer::invalid_token());
    let answer = cold.after(&Answer::unavailable(), "GET /api/data", after.id());
    assert_eq!(answer, Answer::ok(&format!(r#"{{"user":"{USER}"}}"#)));
}
