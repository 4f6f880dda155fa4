//! Keycloak tells the APIs that a session has ended (OpenID Connect Back-Channel Logout 1.0), and an administrator revokes its tokens.

use std::time::SystemTime;

use rampart_interop::answer::Answer;
use rampart_interop::apis::{Credentials, LOGOUT};
use rampart_interop::browser::Browser;
use rampart_interop::cases;
use rampart_interop::http::Tokens;
use rampart_interop::keycloak::Realm;
use rampart_interop::receiver::Receiver;
use rampart_interop::setup::Setup;
use rampart_interop::token::{header, payload, sub};
use serde_json::json;

use crate::realm;

/// A client for each API, which is told where that is.
const TOLD: [&str; 3] = ["told-0", "told-1", "told-2"];

/// APIs that listen to logout tokens for these clients.
fn told(realm: &Realm) -> Setup {
    let setup = Setup::of(realm).setting("logout_clients", json!(TOLD));
    for (client, url) in TOLD.iter().zip(setup.addresses(LOGOUT)) {
        realm.add_told_client(client, &url);
    }
    setup
}

#[test]
fn sessions_that_an_administrator_ends_at_the_issuer_have_ended_here() {
    let (realm, _running) = realm("ended");
    let apis = told(&realm).start();
    let root = realm.user_tokens("web", "root", "openid");
    // Two sessions with each of the clients.
    let sessions = TOLD.map(|client| [(); 2].map(|()| realm.user_tokens(client, "ada", "openid")));
    let ada = sub(sessions[0][0].access());
    for tokens in sessions.iter().flatten() {
        apis.accept("before", tokens.access(), &ada);
    }
    apis.accept("another user's", root.access(), &sub(root.access()));

    realm.log_out(&ada);
    for (api, tokens) in apis.each().iter().zip(&sessions) {
        for tokens in tokens {
            cases::has_ended(api, tokens.access(), &ada);
        }
    }
    apis.have_logged("a session has ended at the issuer: its tokens are revoked");
    apis.accept("another user's, as before", root.access(), &sub(root.access()));
    // Its tokens say which session they are of, so that nothing stands in the way of a new one.
    for client in TOLD {
        let again = realm.user_tokens(client, "ada", "openid");
        apis.accept("after signing in again", again.access(), &ada);
    }
}

#[test]
fn user_who_signs_out_in_the_browser_is_signed_out_of_every_api() {
    let (realm, _running) = realm("signed-out");
    let apis = told(&realm).start();
    let (mut here, mut elsewhere) = (Browser::default(), Browser::default());
    let tokens = TOLD.map(|client| realm.tokens_in(&mut here, client, "ada"));
    let kept = TOLD.map(|client| realm.tokens_in(&mut elsewhere, client, "ada"));
    let ada = sub(tokens[0].access());
    // One session of several clients, each of which is told.
    let sid = payload(tokens[0].access())["sid"].clone();
    assert!(sid.is_string() && tokens.iter().all(|tokens| payload(tokens.access())["sid"] == sid));
    for tokens in tokens.iter().chain(&kept) {
        apis.accept("before", tokens.access(), &ada);
    }
    realm.sign_out_in(&mut here, tokens[0].id());
    for api in apis.each() {
        for tokens in &tokens {
            cases::has_ended(api, tokens.access(), &ada);
        }
    }
    for tokens in &kept {
        apis.accept("the same user's session in another browser", tokens.access(), &ada);
    }
}

#[test]
fn logout_token_is_good_for_nothing_else_and_nothing_else_for_a_logout_token() {
    let (realm, _running) = realm("logout-tokens");
    let receiver = Receiver::start();
    realm.add_told_client("told-0", &receiver.url());
    let tokens = realm.user_tokens("told-0", "ada", "openid");
    let ada = sub(tokens.access());
    let setup = Setup::of(&realm).setting("logout_clients", json!(["told-0"]));
    let (apis, unconcerned) = (setup.start(), Setup::of(&realm).start());
    realm.log_out(&ada);
    let form = receiver.next();
    let logout_token = form.strip_prefix("logout_token=").unwrap();
    assert_eq!((&header(logout_token)["typ"], &payload(logout_token)["aud"]), (&json!("logout+jwt"), &json!("told-0")));
    for apis in [&apis, &unconcerned] {
        apis.accept("before", tokens.access(), &ada);
        cases::logout_takes_no_other_token(apis, logout_token, &tokens);
        apis.refuse("a logout token", logout_token, &Answer::invalid_token());
    }
    // Of another client than is listened to, for an audience alone is one.
    assert_eq!(unconcerned.agreed_logout(&form), Answer::invalid_logout());
    unconcerned.accept("not told", tokens.access(), &ada);
    for _ in 0..2 {
        assert_eq!(apis.agreed_logout(&form), Answer::logged_out());
    }
    apis.refuse("of the session that has ended", tokens.access(), &Answer::invalid_token());
}

#[test]
fn what_an_administrator_revokes_is_refused_and_nothing_else_is() {
    let (realm, _running) = realm("revoked");
    realm.add_client("other", |_| {});
    let apis = Setup::of(&realm).start();
    let root = realm.user_tokens("web", "root", "openid");
    let [first, second, of_other] = ["web", "web", "other"].map(|client| realm.user_tokens(client, "ada", "openid"));
    let grace = realm.user_tokens("web", "grace", "openid");
    let claims = |tokens: &Tokens, claim: &str| payload(tokens.access())[claim].clone();
    let iss = realm.issuer();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let revocations = [
        (&first, json!({"iss": iss, "jti": claims(&first, "jti"), "until": claims(&first, "exp")})),
        (&second, json!({"iss": iss, "sid": claims(&second, "sid")})),
        // They have no client_id: who got them stands in azp.
        (&of_other, json!({"iss": iss, "client_id": "other"})),
        (&grace, json!({"iss": iss, "sub": claims(&grace, "sub"), "issued_before": now})),
    ];
    assert_eq!(apis.agreed_revocation(first.access(), &revocations[0].1), Answer::insufficient_role("admin"));
    for (index, (tokens, named)) in revocations.iter().enumerate() {
        for (others, _) in &revocations[index..] {
            apis.accept("not revoked yet", others.access(), &sub(others.access()));
        }
        assert_eq!(apis.agreed_revocation(root.access(), named), Answer::done(), "{named}");
        apis.refuse(&named.to_string(), tokens.access(), &Answer::invalid_token());
    }
    assert_eq!(apis.agreed_for("GET /api/admin/stats", Credentials::Bearer(root.access())).status, 200);
}
