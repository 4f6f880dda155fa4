//! Tokens of issuers that a resolver names: by what it says of each, and for nothing that it does not say.

use rampart_issuer::TokenBuilder;

use crate::case::{App, Case};
use crate::credentials::{Credentials, Input};
use crate::fixture::{Fixture, NOW};
use crate::resolver::{AUDIENCE, MISTAKEN, NEIGHBOUR, PRIVATE, STRICT, TENANT, USURPER};

use super::mapping::unavailable;
use super::{invalid_token, lacks_role, lacks_scope, missing_claim};

/// What of a tenant's token counts: nothing that it grants.
const ADA: &str = "ada roles= scope=";

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get =
        |name, target, token: &TokenBuilder| Case::get(name, target).of(App::Several).bearer(&token.sign().unwrap());
    let bad = |name, token: &TokenBuilder| get(name, "/protected", token).answers(invalid_token());
    let of = |iss: &str| f.token().issuer(iss).audience(AUDIENCE).roles(["admin"]).scope("tasks:write");
    let of_partner = |iss: &str| f.partner_token().issuer(iss).audience(AUDIENCE);
    let strict = || of(STRICT).header("typ", "at+jwt").claim("exp", NOW + 3000);
    // The resolver would say yes to each.
    let odd = [
        "https://user@a.tenants.example".to_owned(),
        "https://a.tenants.example?b".to_owned(),
        "https://a.tenants.example#b".to_owned(),
        "javascript:tenants.example".to_owned(),
        "file:///tenants.example".to_owned(),
        "https://a.tenants.example/\u{1b}".to_owned(),
        format!("{TENANT}/{}", "a".repeat(1024 - TENANT.len())),
    ];
    let odd = odd.map(|iss| {
        let token = of(&iss).sign().unwrap();
        Input::new(iss, move || Credentials::default().token("Bearer", &token))
    });
    let longest = format!("{TENANT}/{}", "a".repeat(1023 - TENANT.len()));

    vec![
        get("is17_token_that_a_strict_issuer_accepts", "/protected", &strict()).passes(ADA),
        bad("is17_token_without_typ_of_a_strict_issuer", &strict().header("typ", "JWT")),
        bad("is17_long_lived_token_of_a_strict_issuer", &strict().claim("exp", NOW + 3606)),
        get("is17_token_without_a_claim_of_a_strict_issuer", "/protected", &strict().without("email"))
            .answers(missing_claim("email")),
        get("is17_such_a_token_of_another_issuer", "/protected", &of(TENANT).without("email").claim("exp", NOW + 7200))
            .passes(ADA),
        Case::get("is22_name_that_no_issuer_can_have", "/protected")
            .of(App::Several)
            .each(odd)
            .answers(invalid_token()),
        get("is22_longest_name", "/protected", &of(&longest)).passes(ADA),
        bad("is23_resolver_that_gives_another_issuer", &of(MISTAKEN)),
        get("is24_keys_on_a_private_address", "/protected", &of(PRIVATE)).of(App::Down).answers(unavailable()),
        get("is33_tenant_is_authenticated", "/protected", &of(TENANT)).passes(ADA),
        get("is33_tenant_makes_no_admin", "/role", &of(TENANT)).answers(lacks_role("the role admin")),
        get("is33_tenant_makes_no_admin_in_a_layer", "/layered/role", &of(TENANT))
            .answers(lacks_role("the role admin")),
        get("is33_tenant_grants_no_scope", "/scope", &of(TENANT))
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        bad("is36_neighbour_with_the_key_of_one_who_claims_its_name", &of(NEIGHBOUR)),
        get("is36_neighbour_with_its_own_key", "/protected", &of_partner(NEIGHBOUR)).passes(ADA),
        bad("is37_tenant_who_claims_the_name_of_the_partner", &of(USURPER)),
        bad("is37_partners_name_with_the_tenants_key", &of(f.partner.url())),
        get("is10_tenant_that_there_is_not_is_not_anonymous", "/optional", &of("https://tenants.example.evil.test"))
            .of(App::Plain)
            .answers(invalid_token()),
    ]
}
