//! What a Rampart server hands out: which of it an API accepts, by which audiences, and what keeps the rest out.

use std::sync::LazyLock;
use std::time::Duration;

use rampart_core::{RampartAuth, RampartAuthBuilder};
use rampart_issuer::{LocalIssuer, TokenBuilder};
use tokio::runtime::Runtime;

use crate::common::{Auth, NOW, at};

/// Its front end is `web-app`.
static SERVER: LazyLock<LocalIssuer> =
    LazyLock::new(|| Runtime::new().unwrap().block_on(LocalIssuer::builder().audience("web-app").start()).unwrap());

/// An API of this server.
fn api(set_up: impl Fn(RampartAuthBuilder) -> RampartAuthBuilder) -> Auth {
    let builder = || {
        let builder = RampartAuth::builder(SERVER.url(), "web-app").static_jwks(SERVER.jwks_json());
        set_up(builder.clock(|| at(Duration::from_secs(NOW))))
    };
    Auth { cached: builder().build().unwrap(), uncached: builder().token_cache_bytes(0).build().unwrap() }
}

fn token() -> TokenBuilder {
    SERVER.token().at(NOW)
}

fn signed(token: &TokenBuilder) -> String {
    token.sign().unwrap()
}

#[test]
fn each_front_end_and_direct_login_are_audiences_of_their_own() {
    let web = signed(&token());
    let mobile = signed(&token().audience(vec!["mobile-app"]));
    let direct = signed(&token().direct_login());

    let alone = api(|builder| builder);
    alone.accepts("web", &web);
    alone.refuses("mobile app", &mobile, "V8");
    alone.refuses("direct login", &direct, "V8");

    let both_apps = api(|builder| builder.audiences(["mobile-app"]));
    both_apps.accepts("web", &web);
    both_apps.accepts("mobile app", &mobile);
    both_apps.refuses("direct login", &direct, "V8");

    let all = api(|builder| builder.audiences(["mobile-app", SERVER.url()]));
    all.accepts("web", &web);
    all.accepts("mobile app", &mobile);
    all.accepts("direct login", &direct);
}

#[test]
fn mfa_challenge_is_no_access_token_of_anybody() {
    let challenge = signed(&SERVER.mfa_challenge().at(NOW));
    api(|builder| builder.audiences([SERVER.url()])).refuses("E06 MFA challenge", &challenge, "V8");
}

#[test]
fn id_token_is_kept_out_by_each_of_its_two_marks() {
    let api = api(|builder| builder);
    let access_token = signed(&token());
    let id_token = || SERVER.id_token(&access_token);
    api.refuses("E06 the front end asked for no nonce", &signed(&id_token()), "V12");
    api.refuses("E06 the front end asked for a nonce", &signed(&id_token().claim("nonce", "n")), "V12");
    api.refuses("E06 nonce alone", &signed(&id_token().claim("nonce", "n").without("at_hash")), "V12");
    // Nothing else tells the two apart.
    assert_eq!(signed(&id_token().without("at_hash")), access_token);
}

#[test]
fn access_token_is_read_as_it_stands() {
    let api = api(|builder| builder);
    let plain = api.accepts("no roles", &signed(&token()));
    assert_eq!((plain.roles.len(), &*plain.scope, &plain.name), (0, "", &None));
    assert_eq!(plain.aud.iter().collect::<Vec<_>>(), ["web-app"]);
    assert_eq!(plain.email.as_deref(), Some("ada@example.com"));
    assert_eq!(plain.org_id.as_deref(), Some("7d3c1a52-90b4-4f0e-8a66-2f1d0c9b7e10"));
    // Members that plug-ins of the server put there.
    let editor = signed(&token().roles(["editor"]).claim("custom", serde_json::json!({"plan": "pro"})));
    let editor = api.accepts("roles, and a member of a plug-in", &editor);
    assert_eq!(editor.roles, ["editor"]);
    assert_eq!(editor.get::<serde_json::Value>("custom").unwrap().unwrap()["plan"], "pro");
}
