//! `oidc-provider` tells the APIs that a user has signed out (OpenID Connect Back-Channel Logout 1.0).

use rampart_interop::answer::Answer;
use rampart_interop::apis::LOGOUT;
use rampart_interop::browser::Browser;
use rampart_interop::cases;
use rampart_interop::oidc_provider::{OPAQUE, OidcProvider, RESOURCE};
use rampart_interop::receiver::Receiver;
use rampart_interop::setup::Setup;
use rampart_interop::token::{header, payload};
use serde_json::{Value, json};

/// A client for each API, which is told where that is.
const TOLD: [&str; 3] = ["told-0", "told-1", "told-2"];

#[test]
fn user_who_signs_out_is_out_with_opaque_tokens_and_jwts_alike() {
    let places = Setup::with(json!({}));
    let server = OidcProvider::start_telling(&places.addresses(LOGOUT));
    let asking = Setup::of(&server).setting("logout_clients", json!(TOLD)).asking(&server);
    let apis = asking.at(&places).start();
    let (mut here, mut elsewhere) = (Browser::default(), Browser::default());
    let opaque = TOLD.map(|client| server.tokens_in(&mut here, client, "ada", OPAQUE));
    let jwts = TOLD.map(|client| server.tokens_in(&mut here, client, "ada", RESOURCE));
    let kept = server.tokens_in(&mut elsewhere, "told-0", "ada", OPAQUE);
    let root = [OPAQUE, RESOURCE].map(|resource| server.user_tokens("told-0", "root", resource));
    // The one kind says which session it is of, by its answer; the other does not.
    assert_eq!(payload(jwts[0].access())["sid"], Value::Null);
    for tokens in opaque.iter().chain(&jwts).chain([&kept]) {
        apis.accept("before", tokens.access(), "ada");
    }

    server.sign_out_in(&mut here);
    for (index, api) in apis.each().iter().enumerate() {
        cases::has_ended(api, opaque[index].access(), "ada");
        cases::has_ended(api, jwts[index].access(), "ada");
    }
    // It was an end that the APIs were told of, not one that they have asked about.
    apis.have_logged(r#"rule="R1""#);
    apis.accept("the same user's session in another browser", kept.access(), "ada");
    for tokens in &root {
        apis.accept("another user's", tokens.access(), "root");
    }
    // A token without a session counts as one from before until the tolerance of clocks has passed, an opaque one of a new session does not.
    let again = server.user_tokens("told-0", "ada", OPAQUE);
    apis.accept("opaque, after signing in again", again.access(), "ada");
    for (api, client) in apis.each().iter().zip(TOLD) {
        cases::is_let_in_again(api, "ada", || server.user_tokens(client, "ada", RESOURCE));
    }
}

#[test]
fn logout_token_is_good_for_nothing_else_and_nothing_else_for_a_logout_token() {
    let receiver = Receiver::start();
    let server = OidcProvider::start_telling(&[receiver.url()]);
    let setup = Setup::of(&server).setting("logout_clients", json!(["told-0"])).asking(&server);
    let (apis, unconcerned) = (setup.start(), Setup::of(&server).start());
    let mut browser = Browser::default();
    let tokens = server.tokens_in(&mut browser, "told-0", "ada", RESOURCE);
    server.sign_out_in(&mut browser);
    let form = receiver.next();
    let logout_token = form.strip_prefix("logout_token=").unwrap();
    assert_eq!((&header(logout_token)["typ"], &payload(logout_token)["aud"]), (&json!("logout+jwt"), &json!("told-0")));
    for apis in [&apis, &unconcerned] {
        apis.accept("before", tokens.access(), "ada");
        cases::logout_takes_no_other_token(apis, logout_token, &tokens);
        apis.refuse("a logout token", logout_token, &Answer::invalid_token());
    }
    assert_eq!(unconcerned.agreed_logout(&form), Answer::invalid_logout());
    unconcerned.accept("not told", tokens.access(), "ada");
    for _ in 0..2 {
        assert_eq!(apis.agreed_logout(&form), Answer::logged_out());
    }
    apis.refuse("of the session that has ended", tokens.access(), &Answer::invalid_token());
}
