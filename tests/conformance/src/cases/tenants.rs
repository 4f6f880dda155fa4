//! Tenants of Microsoft Entra, which share their keys: whose tokens pass where one of them is listed.

use rampart_issuer::TokenBuilder;
use serde_json::json;

use crate::case::{App, Case};
use crate::fixture::{CONSUMERS, Fixture, TENANT, issuer_of};

use super::invalid_token;

/// The handler's answer to a token without roles and scopes.
const ADA: &str = "ada roles= scope=";
const OTHER: &str = "82229342-1101-4ab6-817b-70c0747630f3";

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get = |name, token: TokenBuilder| Case::get(name, "/protected").of(App::Tenants).bearer(&token.sign().unwrap());
    let bad = |name, token| get(name, token).answers(invalid_token());
    let good = || f.tenant_token();
    // Of a tenant, by both of the claims that name it.
    let of = |tenant: &str| good().issuer(&issuer_of(tenant)).claim("tid", tenant);
    let saying = |tid: serde_json::Value| good().claim("tid", tid);

    vec![
        get("is27_tenant_that_is_listed", good()).passes(ADA),
        bad("is27_tenant_that_says_another", saying(json!(OTHER))),
        bad("is27_tenant_that_says_none", good().without("tid")),
        bad("is27_tenant_in_an_array", saying(json!([TENANT]))),
        bad("is27_tenant_that_is_not_listed", of(OTHER)),
        bad("is27_tenant_that_is_not_listed_and_says_one_that_is", good().issuer(&issuer_of(OTHER))),
        bad("is27_personal_accounts", of(CONSUMERS)),
        bad("is27_template", of("{tenantid}")),
        bad("is27_common", of("common")),
        bad("is27_no_tenant", of("")),
        bad("is27_two_segments", of("a/b")),
        bad("is27_dots", of("..")),
        bad("is27_escaped_dots", of("%2e%2e")),
        bad("is27_upper_case", of(&TENANT.to_uppercase())),
        bad("is27_longer_than_any", of(&"a".repeat(2000))),
        get("is27_stranger_is_not_anonymous", of(OTHER)).at("/optional").answers(invalid_token()),
        get("is28_key_of_any_tenant", good().key(&f.of_any_tenant)).passes(ADA),
        bad("is28_key_of_another_tenant", good().key(&f.of_consumers)),
        bad("is28_key_of_another_tenant_without_its_name", good().key(&f.of_consumers).without_header("kid")),
        bad("is28_tenant_of_the_key", of(CONSUMERS).key(&f.of_consumers)),
    ]
}
