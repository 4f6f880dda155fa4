//! The token must be an access token: IN07, IN28, IN29.

use rampart_issuer::OpaqueBuilder;
use serde_json::json;

use crate::case::{App, Case};
use crate::fixture::NOW;
use crate::introspection::{CLIENT, IntrospectionApis};

use super::super::invalid_token;
use super::{ADA, each, each_known, fresh, get, issued, unavailable, with};

/// What servers say of refresh tokens: each is active, and some are for this API.
fn refresh_tokens(apis: &IntrospectionApis) -> Vec<(&'static str, OpaqueBuilder)> {
    let (issuer, ours) = (apis.issuer.url(), apis.issuer.audience());
    let answer = |value: serde_json::Value| fresh(&apis.token()).raw_answer(value.to_string());
    let base =
        || json!({"active": true, "sub": "ada", "iat": NOW - 600, "exp": NOW + 86_400 * 30, "client_id": CLIENT});
    let with = |members: serde_json::Value| {
        let mut whole = base();
        for (name, value) in members.as_object().unwrap() {
            whole[name] = value.clone();
        }
        answer(whole)
    };
    vec![
        (
            "Keycloak",
            with(json!({"iss": issuer, "aud": issuer, "typ": "Refresh", "scope": "openid", "username": "ada"})),
        ),
        ("Keycloak, with our audience", with(json!({"iss": issuer, "aud": ours, "typ": "Refresh"}))),
        ("Keycloak, for when nobody is there", with(json!({"iss": issuer, "aud": [issuer, ours], "typ": "Offline"}))),
        ("oidc-provider", with(json!({"iss": issuer, "scope": "openid offline_access", "token_type": null}))),
        ("Hydra", with(json!({"iss": issuer, "aud": [ours], "token_use": "refresh_token", "ext": {}}))),
        ("Hydra, without audience", with(json!({"iss": issuer, "aud": [], "token_use": "refresh_token"}))),
        ("with a type of its own", with(json!({"aud": ours, "token_type": "refresh_token"}))),
        (
            "with the type of RFC 8693",
            with(json!({"aud": ours, "token_type": "urn:ietf:params:oauth:token-type:refresh_token"})),
        ),
    ]
}

pub(super) fn cases(apis: &IntrospectionApis) -> Vec<Case> {
    let token = || apis.token();
    let refresh = || refresh_tokens(apis).into_iter().map(|(what, token)| issued(what, &token)).collect::<Vec<_>>();
    let unsaid = || token().without("aud").without("token_type");
    let bare = |kind: Option<(&str, &str)>| {
        let mut answer = json!({"active": true, "scope": "openid", "client_id": CLIENT, "sub": "ada"});
        if let Some((name, value)) = kind {
            answer[name] = value.into();
        }
        issued(format!("{kind:?}"), &fresh(&token()).raw_answer(answer.to_string()))
    };
    vec![
        get("in07_token_type_of_access_tokens")
            .each(each(&token(), "token_type", [json!("Bearer"), json!("bearer"), json!("BEARER"), json!(null)]))
            .each(each(&token(), "token_use", [json!("access"), json!("access_token"), json!(null)]))
            .passes(ADA),
        get("in07_token_type_of_others")
            .each(each(&token(), "token_type", ["refresh_token", "N_A", "mac", "id_token", ""]))
            .each(each(&token(), "token_use", ["id", "id_token", "refresh_token"]))
            .answers(invalid_token()),
        get("in07_type_dpop_that_is_bound_to_nothing")
            .each(each(&token(), "token_type", ["DPoP", "dpop"]))
            .answers(invalid_token()),
        get("in07_token_type_that_is_no_string")
            .each(each_known(apis, App::Opaque, &token(), "token_type", [json!(1), json!(["Bearer"]), json!({})]))
            .each(each_known(apis, App::Opaque, &token(), "token_use", [json!(1), json!(["access"])]))
            .answers(unavailable()),
        get("in28_refresh_token_of_a_server").each(refresh()).answers(invalid_token()),
        get("in28_refresh_token_of_a_server_that_checks_the_audience")
            .of(App::OpaqueChecked)
            .each(refresh())
            .answers(invalid_token()),
        get("in28_refresh_token_that_the_issuer_has_never_told_of")
            .each([with("of the front end", apis.issuer.refresh_token())])
            .answers(invalid_token()),
        get("in29_answer_that_does_not_say_its_kind")
            .of(App::OpaqueChecked)
            .each([bare(None), issued("all the rest", &unsaid())])
            .answers(invalid_token()),
        get("in29_answer_that_says_access_token")
            .of(App::OpaqueChecked)
            .each([
                bare(Some(("token_use", "access_token"))),
                bare(Some(("token_use", "access"))),
                bare(Some(("token_type", "Bearer"))),
                bare(Some(("typ", "Bearer"))),
            ])
            .passes("ada roles= scope=openid"),
        get("in29_answer_that_says_another_kind")
            .of(App::OpaqueChecked)
            .each([
                bare(Some(("token_use", "refresh_token"))),
                bare(Some(("token_type", "refresh_token"))),
                bare(Some(("typ", "Refresh"))),
                bare(Some(("typ", "ID"))),
                bare(Some(("typ", "Logout"))),
            ])
            .answers(invalid_token()),
        get("in29_audience_says_enough").each([issued("aud alone", &token().without("token_type"))]).passes(ADA),
    ]
}
