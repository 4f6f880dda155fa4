//! Roles and scopes (V11), and how requirements combine.

use rampart_issuer::TokenBuilder;
use serde_json::{Value, json};

use crate::case::Case;
use crate::fixture::{Fixture, NOW};

use super::{ADA, invalid_token, lacks_role, lacks_scope, missing_token, missing_token_with_scope, token_expired};

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get = |name, target, token: &TokenBuilder| Case::get(name, target).bearer(&token.sign().unwrap());
    let roles = |roles: &[&str]| f.token().roles(roles.iter().copied());
    let role = |name, value: Value| get(name, "/role", &f.token().claim("roles", value));
    let scope = |name, value: Value| get(name, "/scope", &f.token().claim("scope", value));
    let no_role = |name, value: Value| role(name, value).answers(lacks_role("the role admin"));
    let no_scope = |name, value: Value| scope(name, value).answers(lacks_scope("the scope tasks:write", "tasks:write"));
    let admin = roles(&["admin"]);
    let auditor = roles(&["auditor"]);
    let writer = f.token().scope("tasks:write");
    let mailer = f.token().scope("email:send email:read");
    let both = admin.clone().scope("tasks:write");
    let (is_admin, is_writer) = ("ada roles=admin scope=", "ada roles=user scope=tasks:write");
    let two_roles = || lacks_role("one of the required roles admin, operator");
    let two_scopes = || lacks_scope("one of the required scopes email:send email:read", "email:send email:read");

    vec![
        get("role_passes", "/role", &admin).passes(is_admin),
        get("role_among_others", "/role", &roles(&["user", "admin"])).passes("ada roles=user,admin scope="),
        role("role_as_one_string", json!("admin")).passes(is_admin),
        no_role("role_in_another_case", json!(["Admin"])),
        no_role("role_prefix", json!(["admi", "adm"])),
        no_role("role_suffix", json!(["admin2", "sysadmin"])),
        no_role("role_in_a_list_of_words", json!("user admin")),
        no_role("role_with_a_space", json!([" admin", "admin "])),
        no_role("roles_empty", json!([])),
        no_role("roles_null", json!(null)),
        get("roles_missing", "/role", &f.token().without("roles")).answers(lacks_role("the role admin")),
        get("role_is_no_scope", "/scope", &roles(&["tasks:write"])).answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("scope_is_no_role", "/role", &f.token().scope("admin")).answers(lacks_role("the role admin")),
        role("roles_number", json!(1)).answers(invalid_token()),
        role("roles_object", json!({"admin": true})).answers(invalid_token()),
        role("roles_with_a_number", json!(["admin", 1])).answers(invalid_token()),
        role("roles_nested", json!([["admin"]])).answers(invalid_token()),
        Case::get("role_without_a_token", "/role").answers(missing_token()),
        get("role_with_an_expired_token", "/role", &admin.clone().at(NOW - 2000)).answers(token_expired()),
        get("role_with_a_forged_token", "/role", &admin.clone().key(&f.impostor)).answers(invalid_token()),
        get("two_roles_pass", "/roles", &roles(&["operator", "admin"])).passes("ada roles=operator,admin scope="),
        get("one_of_two_roles", "/roles", &admin).answers(two_roles()),
        get("none_of_two_roles", "/roles", &f.token()).answers(two_roles()),
        get("scope_passes", "/scope", &writer).passes(is_writer),
        scope("scope_among_others", json!("a tasks:write b")).passes("ada roles=user scope=a tasks:write b"),
        scope("scope_between_two_spaces", json!("  tasks:write  ")).passes("ada roles=user scope=  tasks:write  "),
        scope("scope_as_an_array", json!(["a", "tasks:write"])).passes("ada roles=user scope=a tasks:write"),
        get("scp_where_there_is_no_scope", "/scope", &f.token().claim("scp", ["tasks:write"])).passes(is_writer),
        get("scp_counts_not_where_there_is_a_scope", "/scope", &f.token().scope("a").claim("scp", "tasks:write"))
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        no_scope("scope_in_another_case", json!("Tasks:Write")),
        no_scope("scope_prefix", json!("tasks:writ tasks")),
        no_scope("scope_suffix", json!("tasks:write2 xtasks:write")),
        no_scope("scope_separated_by_tab", json!("a\ttasks:write")),
        no_scope("scope_separated_by_comma", json!("a,tasks:write")),
        no_scope("scope_separated_by_no_break_space", json!("a\u{a0}tasks:write")),
        no_scope("scope_empty", json!("")),
        no_scope("scope_null", json!(null)),
        scope("scope_number", json!(1)).answers(invalid_token()),
        scope("scope_array_with_a_space_inside", json!(["a tasks:write"])).answers(invalid_token()),
        scope("scope_array_with_a_number", json!(["tasks:write", 1])).answers(invalid_token()),
        get("two_scopes_pass", "/scopes", &f.token().scope("email:read email:send"))
            .passes("ada roles=user scope=email:read email:send"),
        get("one_of_two_scopes", "/scopes", &f.token().scope("email:read")).answers(two_scopes()),
        get("both_pass", "/both", &both).passes("ada roles=admin scope=tasks:write"),
        // Of several that fail, the first one speaks.
        get("both_missing", "/both", &f.token()).answers(lacks_role("the role admin")),
        get("both_missing_scope_first", "/both-scope-first", &f.token())
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("both_without_the_scope", "/both", &admin).answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("both_without_the_role", "/both", &writer).answers(lacks_role("the role admin")),
        get("any_of_with_the_first", "/any-of", &admin).passes(is_admin),
        get("any_of_with_the_last", "/any-of", &auditor).passes("ada roles=auditor scope="),
        // Of alternatives that all fail, the last one speaks.
        get("any_of_with_none", "/any-of", &f.token()).answers(lacks_role("the role auditor")),
        get("any_of_mixed_with_the_role", "/any-of-mixed", &admin).passes(is_admin),
        get("any_of_mixed_with_the_scope", "/any-of-mixed", &writer).passes(is_writer),
        get("any_of_mixed_with_none", "/any-of-mixed", &f.token())
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("nested_passes", "/nested", &auditor.clone().scope("tasks:read")).passes("ada roles=auditor scope=tasks:read"),
        get("nested_without_the_scope", "/nested", &auditor).answers(lacks_scope("the scope tasks:read", "tasks:read")),
        get("nested_without_a_role", "/nested", &f.token().scope("tasks:read")).answers(lacks_role("the role auditor")),
        // F15: a client without a token learns what to ask for; one with a token, all that a new one needs.
        Case::get("f15_scope_without_a_token", "/scope").answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_scope_with_basic", "/scope").value("Basic x").answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_two_scopes_without_a_token", "/scopes")
            .answers(missing_token_with_scope("email:send email:read")),
        Case::get("f15_role_and_scope_without_a_token", "/both").answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_scope_and_role_without_a_token", "/both-scope-first")
            .answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_two_requirements_without_a_token", "/read-and-write")
            .answers(missing_token_with_scope("tasks:read tasks:write")),
        // Of alternatives, the first that has some scopes.
        Case::get("f15_alternatives_of_roles_without_a_token", "/any-of").answers(missing_token()),
        Case::get("f15_role_or_scope_without_a_token", "/any-of-mixed").answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_alternatives_of_scopes_without_a_token", "/write-or-mail")
            .answers(missing_token_with_scope("tasks:write")),
        Case::get("f15_nested_without_a_token", "/nested").answers(missing_token_with_scope("tasks:read")),
        Case::get("f15_policy_as_a_type_without_a_token", "/by-type").answers(missing_token_with_scope("tasks:read")),
        Case::get("f15_hand_written_without_a_token", "/hand-written").answers(missing_token()),
        Case::get("f15_optional_role_without_a_token", "/optional-role").passes("anonymous"),
        Case::get("f15_bad_token_is_no_matter_of_scopes", "/scope").bearer("forged").answers(invalid_token()),
        get("f15_expired_token_is_no_matter_of_scopes", "/scope", &writer.clone().at(NOW - 2000)).answers(token_expired()),
        get("f15_first_of_two_requirements_is_missing", "/read-and-write", &writer)
            .answers(lacks_scope("one of the required scopes tasks:read tasks:write", "tasks:read tasks:write")),
        get("f15_last_of_two_requirements_is_missing", "/read-and-write", &f.token().scope("tasks:read"))
            .answers(lacks_scope("one of the required scopes tasks:read tasks:write", "tasks:read tasks:write")),
        get("f15_two_requirements_pass", "/read-and-write", &f.token().scope("tasks:read tasks:write"))
            .passes("ada roles=user scope=tasks:read tasks:write"),
        // The alternative whose error it is: the last.
        get("f15_alternatives_of_scopes_refuse", "/write-or-mail", &f.token().scope("tasks:read")).answers(lacks_scope(
            "one of the required scopes tasks:read email:send email:read",
            "tasks:read email:send email:read",
        )),
        get("f15_alternatives_of_scopes_pass", "/write-or-mail", &writer).passes(is_writer),
        // Later guards: a new token needs what those before have asked for as well.
        get("guard_before_is_named_with_its_scopes", "/several-scopes", &f.token().scope("tasks:read"))
            .answers(lacks_scope("the scope tasks:write", "tasks:read tasks:write")),
        get("all_guards_before_are_named_with_their_scopes", "/several-scopes", &f.token().scope("tasks:write tasks:read"))
            .answers(lacks_scope(
                "one of the required scopes email:send email:read",
                "tasks:read tasks:write email:send email:read",
            )),
        get("guard_after_is_not_named", "/several-scopes", &writer)
            .answers(lacks_scope("the scope tasks:read", "tasks:read")),
        get(
            "several_guards_with_scopes_pass",
            "/several-scopes",
            &f.token().scope("tasks:write tasks:read email:send email:read"),
        )
        .passes("ada roles=user scope=tasks:write tasks:read email:send email:read"),
        Case::get("several_guards_with_scopes_without_a_token", "/several-scopes")
            .answers(missing_token_with_scope("tasks:read")),
        get("guard_that_refused_is_not_named_where_the_handler_went_on", "/result-then-scope", &f.token())
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("guard_that_passed_is_named_where_the_handler_could_go_on", "/result-then-scope", &f.token().scope("tasks:read"))
            .answers(lacks_scope("the scope tasks:write", "tasks:read tasks:write")),
        // Of alternatives before, the one that has let this token pass: another one might ask for what this user cannot have.
        get("alternative_before_that_was_met_is_named", "/several-alternatives", &mailer)
            .answers(lacks_scope("the scope tasks:write", "email:send email:read tasks:write")),
        get("first_alternative_before_that_was_met_is_named", "/several-alternatives", &admin.clone().scope("tasks:read"))
            .answers(lacks_scope("the scope tasks:write", "tasks:read tasks:write")),
        get("alternative_that_was_met_is_named_in_one_requirement", "/all-of-alternatives", &mailer).answers(lacks_scope(
            "one of the required scopes email:send email:read tasks:write",
            "email:send email:read tasks:write",
        )),
        get(
            "first_alternative_that_was_met_is_named_in_one_requirement",
            "/all-of-alternatives",
            &admin.clone().scope("tasks:read"),
        )
        .answers(lacks_scope("one of the required scopes tasks:read tasks:write", "tasks:read tasks:write")),
        get("nobody_passes_an_empty_requirement", "/nobody", &both).answers(denied()),
        get("policy_as_a_type", "/by-type", &auditor.clone().scope("tasks:read"))
            .passes("ada roles=auditor scope=tasks:read"),
        get("policy_as_a_type_refuses", "/by-type", &auditor).answers(lacks_scope("the scope tasks:read", "tasks:read")),
        Case::get("optional_without_a_token", "/optional").passes("anonymous"),
        get("optional_with_a_token", "/optional", &f.token()).passes(ADA),
        Case::get("optional_with_a_bad_token", "/optional").bearer("forged").answers(invalid_token()),
        Case::get("optional_with_half_a_header", "/optional").value("Bearer").answers(invalid_token()),
        Case::get("optional_role_without_a_token", "/optional-role").passes("anonymous"),
        get("optional_role_with_the_role", "/optional-role", &admin).passes(is_admin),
        get("optional_role_without_the_role", "/optional-role", &f.token()).answers(lacks_role("the role admin")),
        get("several_guards_pass", "/several", &admin).passes(is_admin),
        get("several_guards_and_one_refuses", "/several", &f.token()).answers(lacks_role("the role admin")),
        Case::get("several_guards_without_a_token", "/several").answers(missing_token()),
        get("result_with_the_role", "/result", &admin).passes(is_admin),
        get("result_without_the_role", "/result", &f.token()).passes(
            r#"refused: insufficient_role 403 Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the role admin""#,
        ),
        Case::get("result_without_a_token", "/result").passes(r#"refused: unauthorized 401 Bearer realm="default""#),
        get("result_with_an_expired_token", "/result", &f.token().at(NOW - 2000)).passes(
            r#"refused: token_expired 401 Bearer realm="default", error="invalid_token", error_description="The access token expired""#,
        ),
    ]
}

/// The answer of a policy that nobody can meet: it names nothing.
pub(super) fn denied() -> crate::case::Answer {
    super::rejected(
        403,
        "insufficient_role",
        "Access to this resource is denied",
        r#", error="insufficient_scope", error_description="Access to this resource is denied""#,
    )
}
