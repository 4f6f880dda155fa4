//! Claims that other issuers write elsewhere, or leave out.

use rampart_issuer::TokenBuilder;
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::fixture::Fixture;

use super::{invalid_token, lacks_role, lacks_scope, missing_claim};

/// The handler's answer to a token without roles and scopes.
const ADA: &str = "ada roles= scope=";

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let at =
        |name, target, token: TokenBuilder| Case::get(name, target).bearer(&token.sign().unwrap()).of(App::Elsewhere);
    let get = |name, token: TokenBuilder| at(name, "/protected", token);
    let good = || f.elsewhere_token();
    let asked = |aud: Value| good().claim("azp", f.issuer.audience()).claim("aud", aud);
    let role = |name, granted: Value| at(name, "/role", good().claim("granted", granted));
    let no_role = |name, granted: Value| role(name, granted).answers(lacks_role("the role admin"));
    let client = || good().without("sub").claim("client_id", "alice");
    let scopes = |name, scope: &str, permissions: Value| {
        at(name, "/scope", good().scope(scope).claim("permissions", permissions))
    };
    let no_scope = || lacks_scope("the scope tasks:write", "tasks:write");
    // The JSON library writes no member twice, so the payload is written by hand.
    let payload = String::from_utf8(good().claim("granted", "PLACEHOLDER").payload()).unwrap();
    let twice = payload.replace("\"PLACEHOLDER\"", r#"{"admin":{"ours":"x"},"admin":{"ours":"x"}}"#);

    vec![
        get("cl01_owner_that_is_ours", good()).passes(ADA),
        get("cl01_owner_of_somebody_else", good().claim("tenant", "theirs")).answers(invalid_token()),
        get("cl01_owner_absent", good().without("tenant")).answers(invalid_token()),
        get("cl01_owner_number", good().claim("tenant", 1)).answers(invalid_token()),
        get("cl01_owner_among_others", good().claim("tenant", json!(["ours", "theirs"]))).answers(invalid_token()),
        get(
            "cl02_service_account_of_somebody_else",
            good().claim("tenant", "1075").claim("email", "robot@evil.example"),
        )
        .answers(invalid_token()),
        get("cl03_aud_of_another_api_asked_for_by_us", asked(json!("other"))).answers(invalid_token()),
        get("cl03_aud_empty_asked_for_by_us", asked(json!([]))).answers(invalid_token()),
        get("cl03_aud_number_asked_for_by_us", asked(json!(1))).answers(invalid_token()),
        get("cl03_aud_null_asked_for_by_us", asked(json!(null))).passes(ADA),
        get("cl03_aud_absent_asked_for_by_us", asked(json!(null)).without("aud")).passes(ADA),
        get("cl03_aud_absent_asked_for_by_others", good().without("aud").claim("azp", "other"))
            .answers(invalid_token()),
        get("cl03_aud_absent_and_nothing_in_its_place", good().without("aud")).answers(missing_claim("aud")),
        role("cl05_role_granted_by_us", json!({"admin": {"ours": "x"}})).passes("ada roles=admin scope="),
        no_role("cl05_role_granted_by_others", json!({"admin": {"evil": "x"}})),
        no_role("cl05_role_granted_by_nobody", json!({"admin": true})),
        no_role("cl05_role_that_is_false", json!({"admin": false})),
        no_role("cl05_role_that_is_null", json!({"admin": null})),
        no_role("cl05_role_that_is_empty", json!({"admin": {}})),
        at("cl05_role_twice", "/role", good().raw_payload(twice)).answers(invalid_token()),
        at("cl05_role_in_the_usual_place", "/role", good().roles(["admin"])).answers(lacks_role("the role admin")),
        get("cl06_client_called_like_a_user", client()).passes("client:alice roles= scope="),
        get("cl06_sub_null", client().claim("sub", json!(null))).passes("client:alice roles= scope="),
        get("cl06_sub_number", client().claim("sub", 1)).answers(invalid_token()),
        get("cl06_sub_array", client().claim("sub", json!([]))).answers(invalid_token()),
        get("cl06_user_called_like_a_client", client().sub("client:x")).answers(invalid_token()),
        get("cl06_neither", good().without("sub")).answers(missing_claim("sub")),
        scopes("cl07_right_of_the_user_that_the_client_has_not", "tasks:read", json!(["tasks:read", "tasks:write"]))
            .answers(no_scope()),
        scopes("cl07_right_of_the_client_that_the_user_has_not", "tasks:read tasks:write", json!(["tasks:read"]))
            .answers(no_scope()),
        scopes("cl07_right_of_both", "tasks:write openid", json!(["tasks:write"]))
            .passes("ada roles= scope=tasks:write"),
        get("iat_missing_where_it_is_optional", good().without("iat")).passes(ADA),
    ]
}
