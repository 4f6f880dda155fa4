//! What a token must say (V6b to V12): issuer, audience, times, subject, and that it is an access token.

use rampart_issuer::TokenBuilder;
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::fixture::{Fixture, NOW};

use super::{ADA, invalid_token, missing_claim, token_expired};

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let get = |name, token: TokenBuilder| Case::get(name, "/protected").bearer(&token.sign().unwrap());
    let with = |name, claim: &str, value: Value| get(name, f.token().claim(claim, value));
    let bad = |name, claim: &str, value: Value| with(name, claim, value).answers(invalid_token());
    let ok = |name, claim: &str, value: Value| with(name, claim, value).passes(ADA);
    let without = |name, claim: &str| get(name, f.token().without(claim)).answers(missing_claim(claim));
    let null = |name, claim: &str| with(name, claim, json!(null)).answers(missing_claim(claim));
    let url = f.issuer.url();
    let api = f.issuer.audience();
    // The JSON library writes no such numbers, so the payload is written by hand.
    let number = |name, claim: &str, number: &str| {
        let payload = String::from_utf8(f.token().claim(claim, "PLACEHOLDER").payload()).unwrap();
        get(name, f.token().raw_payload(payload.replace("\"PLACEHOLDER\"", number)))
    };

    vec![
        get("iss_missing", f.token().without("iss")).answers(invalid_token()),
        without("aud_missing", "aud"),
        without("exp_missing", "exp"),
        without("iat_missing", "iat"),
        without("sub_missing", "sub"),
        bad("iss_of_another_issuer", "iss", json!("https://other.example")),
        bad("iss_with_a_trailing_slash", "iss", json!(format!("{url}/"))),
        bad("iss_with_a_suffix", "iss", json!(format!("{url}.evil"))),
        bad("iss_in_another_case", "iss", json!(url.to_uppercase())),
        bad("iss_array", "iss", json!([url])),
        bad("iss_null", "iss", json!(null)),
        ok("aud_string", "aud", json!(api)),
        ok("aud_among_others", "aud", json!(["other", api])),
        bad("aud_of_another_api", "aud", json!("other")),
        bad("aud_prefix", "aud", json!(&api[..4])),
        bad("aud_joined_by_spaces", "aud", json!(format!("other {api}"))),
        bad("aud_empty_array", "aud", json!([])),
        bad("aud_with_a_number", "aud", json!([api, 1])),
        null("aud_null", "aud"),
        bad("aud_of_an_mfa_challenge", "aud", json!("rampart:mfa")),
        ok("exp_in_the_tolerance", "exp", json!(NOW - 4)),
        with("exp_at_the_end_of_the_tolerance", "exp", json!(NOW - 5)).answers(token_expired()),
        with("exp_long_ago", "exp", json!(0)).answers(token_expired()),
        number("exp_with_a_fraction", "exp", &format!("{NOW}.5")).passes(ADA),
        number("exp_with_an_exponent", "exp", "18000001e2").passes(ADA),
        ok("exp_in_the_year_9999", "exp", json!(253_402_300_799_u64)),
        bad("exp_in_milliseconds_beyond_the_year_9999", "exp", json!(253_402_300_800_u64)),
        bad("exp_string", "exp", json!("4102444800")),
        null("exp_null", "exp"),
        bad("exp_bool", "exp", json!(true)),
        bad("exp_negative", "exp", json!(-1)),
        number("exp_beyond_all_numbers", "exp", "1e999").answers(invalid_token()),
        number("exp_of_a_thousand_digits", "exp", &"9".repeat(1000)).answers(invalid_token()),
        ok("nbf_in_the_tolerance", "nbf", json!(NOW + 5)),
        bad("nbf_in_the_future", "nbf", json!(NOW + 6)),
        bad("nbf_string", "nbf", json!("1")),
        bad("nbf_null", "nbf", json!(null)),
        ok("iat_in_the_tolerance", "iat", json!(NOW + 5)),
        bad("iat_in_the_future", "iat", json!(NOW + 6)),
        bad("iat_string", "iat", json!("1")),
        null("iat_null", "iat"),
        bad("sub_empty", "sub", json!("")),
        null("sub_null", "sub"),
        bad("sub_number", "sub", json!(1)),
        ok("email_number", "email", json!(1)),
        ok("org_id_number", "org_id", json!(42)),
        ok("email_null", "email", json!(null)),
        bad("id_token_with_at_hash", "at_hash", json!("x")),
        bad("id_token_with_nonce", "nonce", json!("x")),
        get("id_token_of_rampart", f.issuer.id_token(&f.token().sign().unwrap())).answers(invalid_token()),
        get("mfa_challenge_of_rampart", f.issuer.mfa_challenge().at(NOW)).answers(invalid_token()),
        get("direct_login_where_only_a_front_end_is_accepted", f.token().direct_login()).answers(invalid_token()),
        bad("logout_token", "events", json!({})),
        ok("events_that_are_no_logout", "events", json!(["login"])),
        ok("nonce_null", "nonce", json!(null)),
        ok("cnf_null", "cnf", json!(null)),
        bad("refresh_token_by_token_type", "token_type", json!("refresh")),
        bad("refresh_token_by_type", "type", json!("refresh")),
        bad("token_use_id", "token_use", json!("id")),
        ok("token_use_access", "token_use", json!("access")),
        ok("token_use_access_token", "token_use", json!("access_token")),
        bad("typ_claim_of_a_refresh_token", "typ", json!("Refresh")),
        bad("sender_constrained_token", "cnf", json!({"jkt": "x"})),
        get("expired_token_on_an_optional_route", f.token().at(NOW - 2000)).at("/optional").answers(token_expired()),
        get("forged_token_on_an_optional_route", f.token().key(&f.impostor)).at("/optional").answers(invalid_token()),
        get("expired_and_forged_is_forged", f.token().at(NOW - 2000).key(&f.impostor)).answers(invalid_token()),
        get("expired_and_of_another_issuer_is_invalid", f.token().at(NOW - 2000).issuer("https://other.example"))
            .answers(invalid_token()),
        get("expired_without_the_role_is_expired", f.token().at(NOW - 2000)).at("/role").answers(token_expired()),
        get("strict_api_refuses_the_plain_audience", f.strict_token().audience(api)).of(App::Strict).answers(strict()),
        get("strict_api_refuses_typ_jwt", f.strict_token().header("typ", "JWT")).of(App::Strict).answers(strict()),
    ]
}

fn strict() -> crate::case::Answer {
    let mut answer = invalid_token();
    let challenge = r#"Bearer realm="tasks", error="invalid_token", error_description="The access token is invalid", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#;
    answer.headers[2].1 = challenge.into();
    answer
}
