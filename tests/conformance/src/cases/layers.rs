//! Layers, guards within layers, guards within layers of another auth object, and answers of the application's own.

use rampart_issuer::TokenBuilder;

use crate::case::{Answer, App, Case};
use crate::fixture::{Fixture, NOW};

use super::rights::denied;
use super::{ADA, invalid_token, lacks_role, lacks_scope, missing_token, missing_token_with_scope, token_expired};

const METADATA: &str = r#", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#;

/// The same answer, of the strict API.
pub(super) fn strict(mut answer: Answer) -> Answer {
    for (name, value) in &mut answer.headers {
        if let ("www-authenticate", crate::case::Text::Is(value)) = (*name, value) {
            *value = value.replace("realm=\"default\"", "realm=\"tasks\"") + METADATA;
        }
    }
    answer
}

/// The same answer in the application's own form, which keeps status and challenge.
pub(super) fn custom(mut answer: Answer, code: &str) -> Answer {
    answer.headers[0].1 = "text/plain; charset=utf-8".into();
    answer.ordered = false;
    answer.body = format!("custom: {code}");
    answer
}

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get = |name, target, token: &TokenBuilder| Case::get(name, target).bearer(&token.sign().unwrap());
    let admin = f.token().roles(["admin"]);
    let auditor = f.token().roles(["auditor"]);
    let expired = f.token().at(NOW - 2000);
    let is_admin = "ada roles=admin scope=";
    let reader = f.token().scope("tasks:read");
    let both = f.token().scope("tasks:read tasks:write");
    let auditor_reader = auditor.clone().scope("tasks:read");
    let within = |name, target, token: &TokenBuilder| get(name, target, token).of(App::StrictWithinPlain);
    let strict_admin = f.strict_token().roles(["admin"]);

    vec![
        Case::get("layer_without_a_token", "/layered").answers(missing_token()),
        get("layer_passes", "/layered", &f.token()).passes(ADA),
        Case::get("layer_with_a_bad_token", "/layered").bearer("forged").answers(invalid_token()),
        Case::get("layer_with_basic", "/layered").value("Basic dXNlcjpwYXNz").answers(missing_token()),
        get("layer_with_an_expired_token", "/layered", &expired).answers(token_expired()),
        get("layer_with_a_forged_token", "/layered", &f.token().key(&f.impostor)).answers(invalid_token()),
        Case::get("layer_with_a_role_without_a_token", "/layered/role").answers(missing_token()),
        get("layer_with_a_role_passes", "/layered/role", &admin).passes(is_admin),
        get("layer_with_a_role_refuses", "/layered/role", &f.token()).answers(lacks_role("the role admin")),
        get("layer_with_a_scope_passes", "/layered/scope", &f.token().scope("tasks:write"))
            .passes("ada roles=user scope=tasks:write"),
        get("layer_with_a_scope_refuses", "/layered/scope", &admin)
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("layer_with_a_policy_by_its_first_half", "/layered/policy", &admin).passes(is_admin),
        get("layer_with_a_policy_by_its_second_half", "/layered/policy", &auditor.clone().scope("tasks:read"))
            .passes("ada roles=auditor scope=tasks:read"),
        get("layer_with_a_policy_refuses_for_the_scope", "/layered/policy", &auditor)
            .answers(lacks_scope("the scope tasks:read", "tasks:read")),
        get("layer_with_a_policy_refuses_for_the_role", "/layered/policy", &f.token())
            .answers(lacks_role("the role auditor")),
        Case::get("f15_layer_with_a_scope_without_a_token", "/layered/scope")
            .answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_layer_with_a_policy_without_a_token", "/layered/policy")
            .answers(missing_token_with_scope("tasks:read")),
        Case::get("f15_layer_with_two_scopes_without_a_token", "/layered/read-and-write")
            .answers(missing_token_with_scope("tasks:read tasks:write")),
        get("f15_layer_with_two_scopes_refuses", "/layered/read-and-write", &f.token().scope("tasks:read"))
            .answers(lacks_scope("one of the required scopes tasks:read tasks:write", "tasks:read tasks:write")),
        get("f15_layer_with_two_scopes_passes", "/layered/read-and-write", &f.token().scope("tasks:write tasks:read"))
            .passes("ada roles=user scope=tasks:write tasks:read"),
        Case::get("f15_head_without_a_token", "/layered/scope")
            .method("HEAD")
            .answers(missing_token_with_scope("tasks:write")),
        Case::get("optional_layer_without_a_token", "/layered/optional").passes("anonymous"),
        get("optional_layer_with_a_token", "/layered/optional", &f.token()).passes(ADA),
        Case::get("optional_layer_with_a_bad_token", "/layered/optional").bearer("forged").answers(invalid_token()),
        get("optional_layer_with_an_expired_token", "/layered/optional", &expired).answers(token_expired()),
        get("nobody_passes_an_empty_layer", "/layered/nobody", &admin).answers(denied()),
        Case::get("empty_layer_without_a_token", "/layered/nobody").answers(missing_token()),
        get("guard_within_a_layer_passes", "/layered/guard", &admin).passes(is_admin),
        get("guard_within_a_layer_refuses", "/layered/guard", &f.token()).answers(lacks_role("the role admin")),
        Case::get("guard_within_a_layer_without_a_token", "/layered/guard").answers(missing_token()),
        // A new token needs what the layers further out have asked for as well.
        get("guard_within_a_layer_names_the_scopes_of_both", "/layered/scope-guard", &reader)
            .answers(lacks_scope("the scope tasks:write", "tasks:read tasks:write")),
        get("layer_with_a_scope_around_a_guard_refuses_for_itself", "/layered/scope-guard", &f.token())
            .answers(lacks_scope("the scope tasks:read", "tasks:read")),
        get("guard_within_a_layer_passes_with_the_scopes_of_both", "/layered/scope-guard", &both)
            .passes("ada roles=user scope=tasks:read tasks:write"),
        get("layer_within_a_layer_names_the_scopes_of_both", "/layered/scope-layer", &reader)
            .answers(lacks_scope("the scope tasks:write", "tasks:read tasks:write")),
        get("layer_within_a_layer_passes_with_the_scopes_of_both", "/layered/scope-layer", &both)
            .passes("ada roles=user scope=tasks:read tasks:write"),
        get(
            "guard_within_a_policy_names_the_scopes_of_the_half_that_was_met",
            "/layered/policy-guard",
            &auditor_reader,
        )
        .answers(lacks_scope("the scope tasks:write", "tasks:read tasks:write")),
        get("guard_within_a_policy_names_no_scopes_of_the_half_that_was_not", "/layered/policy-guard", &admin)
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        // No scope makes up for a role.
        get("guard_with_a_role_within_a_layer_names_no_scopes", "/layered/scope-role", &reader)
            .answers(lacks_role("the role admin")),
        within(
            "stricter_guard_names_the_scopes_of_both",
            "/layered/scope-guard",
            &f.strict_token().scope("tasks:read"),
        )
        .answers(strict(lacks_scope("the scope tasks:write", "tasks:read tasks:write"))),
        Case::get("head_in_a_layer", "/layered").method("HEAD").answers(missing_token()),
        // E10, T03: what the weaker auth object has admitted, the stricter one judges for itself.
        within("stricter_guard_accepts_what_both_accept", "/protected", &f.strict_token()).passes(ADA),
        within("stricter_guard_refuses_the_audience", "/protected", &f.token()).answers(strict(invalid_token())),
        within("stricter_guard_misses_a_claim", "/protected", &f.strict_token().without("clearance"))
            .answers(strict(super::missing_claim("clearance"))),
        within("stricter_guard_refuses_the_type", "/protected", &f.strict_token().header("typ", "JWT"))
            .answers(strict(invalid_token())),
        within("stricter_guard_refuses_an_admin_of_another_api", "/role", &admin).answers(strict(invalid_token())),
        within("stricter_guard_with_a_role_passes", "/role", &strict_admin).passes(is_admin),
        within("stricter_optional_guard_refuses", "/optional", &f.token()).answers(strict(invalid_token())),
        within("stricter_optional_guard_passes", "/optional", &f.strict_token()).passes(ADA),
        Case::get("stricter_optional_guard_without_a_token", "/optional")
            .of(App::StrictWithinPlain)
            .passes("anonymous"),
        // Answers in a form of the application's own; the core has none.
        Case::get("custom_answer_without_a_token", "/custom/user")
            .over_http()
            .answers(custom(missing_token(), "unauthorized")),
        get("custom_answer_can_tell_an_expired_token", "/custom/user", &expired)
            .over_http()
            .answers(custom(token_expired(), "token_expired")),
        Case::get("custom_answer_with_a_bad_token", "/custom/user")
            .over_http()
            .bearer("forged")
            .answers(custom(invalid_token(), "invalid_token")),
        Case::get("custom_answer_with_two_tokens", "/custom/user")
            .over_http()
            .bearer("a")
            .bearer("b")
            .answers(custom(super::two_credentials(), "invalid_request")),
        get("custom_answer_without_the_role", "/custom/role", &f.token())
            .over_http()
            .answers(custom(lacks_role("the role admin"), "insufficient_role")),
        Case::get("custom_answer_of_an_optional_guard", "/custom/optional")
            .over_http()
            .bearer("forged")
            .answers(custom(invalid_token(), "invalid_token")),
        Case::get("custom_answer_of_a_layer_without_a_token", "/custom/layered")
            .over_http()
            .answers(custom(missing_token(), "unauthorized")),
        get("custom_answer_of_a_layer_without_the_role", "/custom/layered", &f.token())
            .over_http()
            .answers(custom(lacks_role("the role admin"), "insufficient_role")),
        Case::get("custom_answer_to_head", "/custom/user")
            .method("HEAD")
            .answers(custom(missing_token(), "unauthorized")),
        get("custom_form_does_not_change_what_passes", "/custom/layered", &admin).over_http().passes(is_admin),
    ]
}
