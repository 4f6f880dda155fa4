//! What an answer must say: IN01 to IN06.

use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::fixture::NOW;
use crate::introspection::{CLIENT, IntrospectionApis, PREFIX};

use super::super::{invalid_token, lacks_scope, token_expired};
use super::{ADA, each, each_known, get, issued, known, unavailable, with};

pub(super) fn cases(apis: &IntrospectionApis) -> Vec<Case> {
    let token = || apis.token();
    let ours = apis.issuer.audience();
    let scoped = |name, scope: Value, shows: &str| {
        get(name).each([issued(scope.to_string(), &token().claim("scope", &scope))]).passes(shows)
    };
    let revoked = token().issue();
    apis.issuer.revoke(&revoked);
    let raw = |answer: &str| known(apis, App::Opaque, answer, &token().raw_answer(answer));
    let rest = r#""sub":"ada","aud":"task-api","token_type":"Bearer""#;
    let no_subject = || token().without("sub").claim("username", "ada");
    let of_client = || no_subject().prefix(PREFIX).client_id("web");

    vec![
        get("in01_active_token").each([issued("active", &token())]).passes(ADA),
        get("in01_token_that_is_not_active")
            .each(each(&token(), "active", [false]))
            .each([
                with("revoked", revoked),
                with("never issued", "nobody-knows-this-token"),
                issued("and it says no more", &token().raw_answer(r#"{"active":false}"#)),
            ])
            .answers(invalid_token()),
        get("in01_active_that_is_no_boolean")
            .each(each_known(
                apis,
                App::Opaque,
                &token(),
                "active",
                [
                    json!("true"),
                    json!("false"),
                    json!(1),
                    json!(0),
                    json!(null),
                    json!([true]),
                    json!({"active": true}),
                ],
            ))
            .each([
                raw("{}"),
                raw(&format!("{{{rest}}}")),
                raw(&format!(r#"{{"active":true,"active":false,{rest}}}"#)),
                raw(&format!(r#"{{"active":false,"active":true,{rest}}}"#)),
                raw(&format!(r#"{{"active":true,"active":true,{rest}}}"#)),
                raw(&format!(r#"{{"active":true,"\u0061ctive":true,{rest}}}"#)),
                raw(&format!(r#"{{"Active":true,{rest}}}"#)),
                raw(&format!(r#"[{{"active":true,{rest}}}]"#)),
                raw(&format!(r#"{{"active":true,{rest}}} x"#)),
                raw("true"),
                raw("active"),
                raw(""),
            ])
            .answers(unavailable()),
        get("in02_exp_has_passed").each(each(&token(), "exp", [NOW - 5])).answers(token_expired()),
        get("in02_times_within_the_tolerance")
            .each(each(&token(), "exp", [json!(NOW - 4), json!(1_800_000_060.5), json!(null)]))
            .each(each(&token(), "nbf", [json!(NOW + 5), json!(null)]))
            .each(each(&token(), "iat", [json!(NOW + 5), json!(null)]))
            .passes(ADA),
        get("in02_nbf_or_iat_lies_ahead")
            .each(each(&token(), "nbf", [NOW + 6]))
            .each(each(&token(), "iat", [NOW + 6]))
            .answers(invalid_token()),
        get("in02_times_that_are_no_numbers_of_seconds")
            .each(["exp", "nbf", "iat"].into_iter().flat_map(|name| {
                let values = [json!("1800000060"), json!(-1), json!(true), json!([]), json!({})];
                each_known(apis, App::Opaque, &token(), name, values)
            }))
            .answers(unavailable()),
        get("in03_token_that_is_for_others")
            .each([issued("absent", &token().without("aud"))])
            .each(each(
                &token(),
                "aud",
                [json!("https://other.example"), json!(""), json!(null), json!([]), json!(CLIENT)],
            ))
            .answers(invalid_token()),
        get("in03_token_that_is_for_us")
            .each(each(&token(), "aud", [json!(ours), json!([ours]), json!(["https://other.example", ours])]))
            .passes(ADA),
        get("in03_audience_that_is_no_string")
            .each(each_known(apis, App::Opaque, &token(), "aud", [json!(1), json!({}), json!([ours, 1])]))
            .answers(unavailable()),
        get("in03_client_id_that_is_an_audience_where_it_is_configured")
            .of(App::OpaqueElsewhere)
            .each([issued("client ID", &token().prefix(PREFIX).audience(CLIENT))])
            .passes(ADA),
        get("in03_issuer_that_checks_the_audience_may_leave_it_out")
            .of(App::OpaqueChecked)
            .each([issued("absent", &token().without("aud"))])
            .each(each(&token(), "aud", [json!(null), json!(ours)]))
            .passes(ADA),
        get("in03_audience_that_is_there_is_ours_even_then")
            .of(App::OpaqueChecked)
            .each(each(&token(), "aud", [json!("https://other.example"), json!(""), json!([]), json!(CLIENT)]))
            .answers(invalid_token()),
        get("in04_issuer_is_ours_or_not_named")
            .each([issued("absent", &token().without("iss"))])
            .each(each(&token(), "iss", [json!(null), json!(apis.issuer.url())]))
            .passes(ADA),
        get("in04_issuer_is_another")
            .each(each(
                &token(),
                "iss",
                ["https://other.example".to_owned(), String::new(), format!("{}/", apis.issuer.url())],
            ))
            .answers(invalid_token()),
        get("in04_issuer_that_is_no_string")
            .each(each_known(apis, App::Opaque, &token(), "iss", [json!([apis.issuer.url()]), json!(1), json!({})]))
            .answers(unavailable()),
        scoped(
            "in05_scope_that_is_a_string",
            json!("tasks:read tasks:write"),
            "ada roles=user scope=tasks:read tasks:write",
        ),
        scoped(
            "in05_scope_that_is_an_array",
            json!(["tasks:read", "tasks:write"]),
            "ada roles=user scope=tasks:read tasks:write",
        ),
        get("in05_no_scope").each(each(&token(), "scope", [json!(""), json!(null), json!([])])).passes(ADA),
        get("in05_scope_that_is_no_text")
            .each(each_known(
                apis,
                App::Opaque,
                &token(),
                "scope",
                [json!(1), json!(true), json!({}), json!(["tasks:write", 1])],
            ))
            .answers(unavailable()),
        get("in05_scope_with_double_spaces")
            .at("/read-and-write")
            .each(each(&token(), "scope", ["tasks:read  tasks:write"]))
            .passes("ada roles=user scope=tasks:read  tasks:write"),
        get("in05_scope_with_a_tab_is_one_name")
            .at("/scope")
            .each(each(&token(), "scope", ["tasks:read\ttasks:write", "tasks:write\n"]))
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("in05_scp_counts_where_there_is_no_scope")
            .each([issued("scp", &token().claim("scp", ["tasks:read"]).claim("scopes", "tasks:write"))])
            .passes("ada roles=user scope=tasks:read"),
        get("in05_names_of_scopes_are_never_put_together")
            .at("/scope")
            .each([issued(
                "scope and scp",
                &token().scope("tasks:read").claim("scp", ["tasks:write"]).claim("scopes", "tasks:write"),
            )])
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("in06_no_subject")
            .each([
                issued("client_id and username", &no_subject()),
                issued("client_id", &no_subject().without("username")),
            ])
            .each(each(&token(), "sub", [json!(null), json!("")]))
            .answers(invalid_token()),
        get("in06_client_that_is_the_subject_where_it_is_configured")
            .of(App::OpaqueElsewhere)
            .each([issued("client_id", &of_client())])
            .passes("client:web roles=user scope="),
        get("in06_client_is_no_subject_where_there_is_one")
            .of(App::OpaqueElsewhere)
            .each([issued("both", &of_client().sub("eve"))])
            .passes("eve roles=user scope="),
        get("in06_username_is_never_the_subject")
            .of(App::OpaqueElsewhere)
            .each([issued("username", &of_client().without("client_id"))])
            .answers(invalid_token()),
        get("in06_subject_that_is_no_string")
            .each(each_known(apis, App::Opaque, &token(), "sub", [json!(1), json!(["ada"]), json!({})]))
            .answers(unavailable()),
    ]
}
