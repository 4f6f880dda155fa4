//! Tokens of several issuers: whose keys and audiences decide, what each may grant, and what nobody's token gets.

use rampart_issuer::TokenBuilder;
use serde_json::{Value, json};

use crate::case::{Answer, App, Case, Text};
use crate::credentials::{Credentials, Input};
use crate::fixture::{ALIAS, Fixture, NOW};

use super::mapping::unavailable;
use super::{ADA, invalid_token, lacks_role, lacks_scope, missing_claim};

/// What of the partner's token counts.
const PARTNERS_ADA: &str = "ada roles=auditor scope=tasks:read";
/// What counts where it may grant everything.
const PARTNERS_STRICT: &str = "ada roles=admin,auditor scope=tasks:read tasks:write";

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get =
        |name, target, token: &TokenBuilder| Case::get(name, target).of(App::Several).bearer(&token.sign().unwrap());
    let bad = |name, token: &TokenBuilder| get(name, "/protected", token).answers(invalid_token());
    let (one, two) = (f.token(), f.partner_token());
    let strict = two.clone().audience("strict-api").claim("clearance", 3).header("typ", "at+jwt");
    let (a, b) = (f.issuer.url(), f.partner.url());
    let saying = |iss: Value| one.clone().claim("iss", iss);
    let stranger = saying(json!("https://evil.example/"));
    let twice = |first: &str, name: &str, second: &str, by: &TokenBuilder| {
        let payload = json!({
            "aud": [f.issuer.audience(), "partner-api"], "sub": "ada", "iat": NOW - 600, "exp": NOW + 600,
        });
        let rest = payload.to_string();
        let text = format!(r#"{{"iss":"{first}",{},"{name}":"{second}"}}"#, &rest[1..rest.len() - 1]);
        by.clone().raw_payload(text)
    };

    let each = |names: &[String], token: &TokenBuilder| {
        let of = |iss: &String| {
            let token = token.clone().issuer(iss).sign().unwrap();
            Input::new(iss, move || Credentials::default().token("Bearer", &token))
        };
        names.iter().map(of).collect::<Vec<_>>()
    };
    let foreign =
        ["https://evil.example/".to_owned(), "http://127.0.0.1:9/".to_owned(), format!("{}.evil", f.broken.url())];
    let port = f.issuer.port();
    let near = [
        format!("{a}/"),
        format!("{a}//"),
        format!("{a}/%2e"),
        format!(" {a}"),
        a.replacen("http", "HTTP", 1),
        a.replacen("http", "https", 1),
        format!("http://127.0.0.1.:{port}"),
        format!("http://127.1:{port}"),
        format!("http://localhost:{port}"),
        format!("{ALIAS}/"),
        format!("{ALIAS}:443"),
        "https://old.ex\u{430}mple".to_owned(),
    ];

    vec![
        get("is01_token_of_the_first_issuer", "/protected", &one).passes(ADA),
        get("is01_token_of_the_second_issuer", "/protected", &two).passes(PARTNERS_ADA),
        bad("is02_first_issuers_name_and_the_seconds_key", &two.clone().issuer(a).audience(f.issuer.audience())),
        bad("is02_second_issuers_name_and_the_firsts_key", &one.clone().issuer(b).audience("partner-api")),
        bad(
            "is02_no_kid_and_the_seconds_key",
            &two.clone().without_header("kid").issuer(a).audience(f.issuer.audience()),
        ),
        bad("is03_audience_of_the_second_issuer", &one.clone().audience("partner-api")),
        get("is03_both_audiences", "/protected", &one.clone().audience(vec!["partner-api", f.issuer.audience()]))
            .passes(ADA),
        bad("is04_algorithm_that_the_first_issuer_may_use", &two.clone().key(&f.partners_rs256)),
        bad("is05_no_iss", &one.clone().without("iss")),
        bad("is05_null", &saying(Value::Null)),
        bad("is05_number", &saying(json!(1))),
        bad("is05_true", &saying(json!(true))),
        bad("is05_empty", &saying(json!(""))),
        bad("is05_empty_array", &saying(json!([]))),
        bad("is05_array", &saying(json!([a]))),
        bad("is05_array_of_both", &saying(json!([a, b]))),
        bad("is05_object", &saying(json!({}))),
        bad("is06_first_then_second_by_the_first", &twice(a, "iss", b, &one)),
        bad("is06_first_then_second_by_the_second", &twice(a, "iss", b, &two)),
        bad("is06_second_then_first_by_the_first", &twice(b, "iss", a, &one)),
        bad("is06_second_then_first_by_the_second", &twice(b, "iss", a, &two)),
        bad("is06_escaped_second_by_the_first", &twice(a, r"i\u0073s", b, &one)),
        bad("is06_escaped_second_by_the_second", &twice(a, r"i\u0073s", b, &two)),
        bad("is06_escaped_first_by_the_first", &twice(b, r"i\u0073s", a, &one)),
        bad("is06_escaped_first_by_the_second", &twice(b, r"i\u0073s", a, &two)),
        bad("is07_issuer_of_the_header", &one.clone().issuer(b).audience("partner-api").header("iss", a)),
        Case::get("is08_stranger_while_no_issuer_has_keys", "/protected")
            .of(App::Down)
            .each(each(&foreign, &one))
            .answers(invalid_token()),
        get("is09_token_of_one_issuer_while_another_is_down", "/protected", &two)
            .of(App::Down)
            .passes("ada roles= scope="),
        get("is09_token_of_the_issuer_that_is_down", "/protected", &f.undecided()).of(App::Down).answers(unavailable()),
        get("is10_stranger_is_not_anonymous", "/optional", &stranger).answers(invalid_token()),
        get("is10_nobodys_token_is_not_anonymous", "/optional", &one.clone().without("iss")).answers(invalid_token()),
        get("is10_stranger_is_not_anonymous_in_a_layer", "/layered/optional", &stranger).answers(invalid_token()),
        Case::get("is10_no_token_is_anonymous", "/optional").of(App::Several).passes("anonymous"),
        Case::get("is12_name_that_nearly_is_the_issuers", "/protected")
            .of(App::Several)
            .each(each(&near, &one))
            .answers(invalid_token()),
        get("is14_alias_of_the_first_issuer", "/protected", &saying(json!(ALIAS))).passes(ADA),
        bad(
            "is14_alias_of_the_first_issuer_and_the_seconds_key",
            &two.clone().issuer(ALIAS).audience(f.issuer.audience()),
        ),
        get("is18_token_that_another_object_accepts", "/protected", &two).of(App::Plain).answers(invalid_token()),
        bad(
            "is29_issuer_with_the_same_keys_that_is_not_configured",
            &f.guarded_token().issuer("https://unguarded.example"),
        ),
        get("is30_issuer_that_gives_its_keys_to_known_callers", "/protected", &f.guarded_token())
            .passes("ada roles= scope="),
        Case::get("is30_issuer_that_gives_no_keys_to_an_unknown_caller", "/protected")
            .of(App::Down)
            .bearer(&f.guarded_token().sign().unwrap())
            .answers(unavailable()),
        get("is32_partner_makes_no_admin", "/role", &two).answers(lacks_role("the role admin")),
        get("is32_partner_makes_no_admin_in_a_layer", "/layered/role", &two).answers(lacks_role("the role admin")),
        get("is32_partner_grants_no_further_scope", "/scope", &two)
            .answers(lacks_scope("the scope tasks:write", "tasks:write")),
        get("is32_first_issuer_makes_admins", "/role", &one.clone().roles(["admin"])).passes("ada roles=admin scope="),
        get("is34_admin_that_the_partner_may_not_make_is_no_auditor_either", "/any-of", &two.clone().roles(["admin"]))
            .answers(lacks_role("the role auditor")),
        get(
            "is34_scope_that_the_partner_may_not_grant_includes_none",
            "/read-and-write",
            &two.clone().scope("tasks:write"),
        )
        .answers(lacks_scope("one of the required scopes tasks:read tasks:write", "tasks:read tasks:write")),
        get("is34_scope_of_the_first_issuer_includes_another", "/read-and-write", &one.clone().scope("tasks:write"))
            .passes("ada roles=user scope=tasks:write"),
        get("is39_token_of_a_further_issuer_that_is_as_all_must_be", "/protected", &strict)
            .of(App::Strict)
            .passes(PARTNERS_STRICT),
        get("is39_further_issuers_token_without_typ", "/protected", &strict.clone().header("typ", "JWT"))
            .of(App::Strict)
            .answers(of_strict(invalid_token())),
        get("is39_further_issuers_token_without_a_claim", "/protected", &strict.clone().without("clearance"))
            .of(App::Strict)
            .answers(of_strict(missing_claim("clearance"))),
        get("is35_partner_grants_what_it_may", "/any-of", &two).passes(PARTNERS_ADA),
        get("is35_partner_grants_what_it_may_in_a_layer", "/layered/policy", &two).passes(PARTNERS_ADA),
    ]
}

/// The same with the realm and the metadata of the strict application.
fn of_strict(mut answer: Answer) -> Answer {
    const METADATA: &str = "https://api.example.com/.well-known/oauth-protected-resource";
    for (_, value) in &mut answer.headers {
        if let Text::Is(text) = value
            && let Some(rest) = text.strip_prefix("Bearer realm=\"default\"")
        {
            *text = format!("Bearer realm=\"tasks\"{rest}, resource_metadata=\"{METADATA}\"");
        }
    }
    answer
}
