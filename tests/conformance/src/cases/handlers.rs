//! Refusals that a handler makes: those of a guard, wherever the application looks for them.

use rampart_issuer::TokenBuilder;

use crate::case::{App, Case};
use crate::fixture::{Fixture, NOW};

use super::layers::{custom, strict};
use super::rights::denied;
use super::{invalid_token, lacks_role, lacks_scope, missing_token, missing_token_with_scope, token_expired};

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get = |name, target, token: &TokenBuilder| Case::get(name, target).bearer(&token.sign().unwrap());
    let user = f.token();
    let reader = f.token().scope("tasks:read");
    let writer = f.token().scope("tasks:write");
    let both = f.token().scope("tasks:read tasks:write");
    let admin = f.token().roles(["admin"]);
    let auditor = f.token().roles(["auditor"]);
    let expired = f.token().at(NOW - 2000);
    let (is_writer, is_both) = ("ada roles=user scope=tasks:write", "ada roles=user scope=tasks:read tasks:write");
    let no_scope = || lacks_scope("the scope tasks:write", "tasks:write");
    let no_scope_after_another = || lacks_scope("the scope tasks:write", "tasks:read tasks:write");

    vec![
        get("handler_lets_pass", "/in-handler/scope", &writer).passes(is_writer),
        get("handler_refuses", "/in-handler/scope", &user).answers(no_scope()),
        get("handler_refuses_head", "/in-handler/scope", &user).method("HEAD").answers(no_scope()),
        get("handler_refuses_with_the_realm_of_its_object", "/in-handler/scope", &f.strict_token())
            .of(App::Strict)
            .answers(strict(no_scope())),
        // The guard stands before the handler, and does not know what that will ask.
        Case::get("handler_is_not_reached_without_a_token", "/in-handler/scope").answers(missing_token()),
        Case::get("handler_is_not_reached_with_a_bad_token", "/in-handler/scope")
            .bearer("forged")
            .answers(invalid_token()),
        get("handler_is_not_reached_with_an_expired_token", "/in-handler/scope", &expired).answers(token_expired()),
        get("handler_with_a_policy_by_its_first_half", "/in-handler/policy", &admin).passes("ada roles=admin scope="),
        get("handler_with_a_policy_by_its_second_half", "/in-handler/policy", &auditor.clone().scope("tasks:read"))
            .passes("ada roles=auditor scope=tasks:read"),
        get("handler_with_a_policy_refuses_for_the_scope", "/in-handler/policy", &auditor)
            .answers(lacks_scope("the scope tasks:read", "tasks:read")),
        get("handler_with_a_policy_refuses_for_the_role", "/in-handler/policy", &user)
            .answers(lacks_role("the role auditor")),
        get("handler_with_an_empty_list_lets_nobody_pass", "/in-handler/nobody", &admin).answers(denied()),
        // A new token needs what was asked for before as well, by whomever.
        get("handler_that_asks_twice_passes", "/in-handler/scopes", &both).passes(is_both),
        get("handler_that_asks_twice_refuses_at_once", "/in-handler/scopes", &writer)
            .answers(lacks_scope("the scope tasks:read", "tasks:read")),
        get("handler_names_what_it_has_asked_before", "/in-handler/scopes", &reader).answers(no_scope_after_another()),
        get("handler_behind_a_guard_passes", "/in-handler/guard", &both).passes(is_both),
        get("handler_names_the_scopes_of_its_guard", "/in-handler/guard", &reader).answers(no_scope_after_another()),
        get("handler_behind_a_layer_passes", "/in-handler/layer", &both).passes(is_both),
        get("handler_names_the_scopes_of_a_layer", "/in-handler/layer", &reader).answers(no_scope_after_another()),
        // What was optional is asked for after all.
        get("handler_asks_an_optional_user_who_passes", "/in-handler/optional", &writer).passes(is_writer),
        get("handler_asks_an_optional_user_who_lacks_the_scope", "/in-handler/optional", &user).answers(no_scope()),
        Case::get("handler_asks_an_optional_user_to_sign_in", "/in-handler/optional")
            .answers(missing_token_with_scope("tasks:write")),
        Case::get("handler_asks_an_optional_user_to_sign_in_to_its_realm", "/in-handler/optional")
            .of(App::Strict)
            .answers(strict(missing_token_with_scope("tasks:write"))),
        Case::get("handler_asks_no_optional_user_with_a_bad_token", "/in-handler/optional")
            .bearer("forged")
            .answers(invalid_token()),
        // Answers in a form of the application's own; the core has none.
        get("custom_answer_of_a_handler", "/custom/in-handler", &user)
            .over_http()
            .answers(custom(no_scope(), "insufficient_scope")),
        get("custom_answer_of_a_handler_to_an_optional_user", "/custom/in-handler-optional", &user)
            .over_http()
            .answers(custom(no_scope(), "insufficient_scope")),
        Case::get("custom_answer_of_a_handler_without_a_token", "/custom/in-handler-optional")
            .over_http()
            .answers(custom(missing_token_with_scope("tasks:write"), "unauthorized")),
        get("custom_form_does_not_change_what_a_handler_lets_pass", "/custom/in-handler", &writer)
            .over_http()
            .passes(is_writer),
    ]
}
