//! The mapping of errors to answers, line by line: status, headers and their order, body, each written out in full.

use crate::case::{Answer, App, Case, Text};
use crate::fixture::{Fixture, NOW};

use super::ADA;

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, Text::from(*value))).collect();
    Answer { status, headers, ordered: true, body: body.to_owned() }
}

const JSON: (&str, &str) = ("content-type", "application/json");
const NO_STORE: (&str, &str) = ("cache-control", "no-store");

pub(super) fn unavailable() -> Answer {
    let mut answer = answer(
        503,
        &[JSON, NO_STORE],
        r#"{"error":"temporarily_unavailable","error_description":"The access token cannot be checked at the moment; retry later","status":503}"#,
    );
    answer.headers.push(("retry-after", Text::Seconds(1..=60)));
    answer
}

fn not_configured() -> Answer {
    answer(
        500,
        &[JSON, NO_STORE],
        r#"{"error":"server_error","error_description":"Authentication is not configured on this server","status":500}"#,
    )
}

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let user = f.token().sign().unwrap();
    let strict = f.strict_token();
    let undecided = f.undecided().sign().unwrap();
    vec![
        Case::get("good_token_passes", "/protected").bearer(&user).passes(ADA),
        Case::get("public_route_needs_no_token", "/public").passes("public"),
        Case::get("public_route_ignores_a_bad_token", "/public").bearer("forged").passes("public"),
        Case::get("missing_token", "/protected").answers(answer(
            401,
            &[JSON, NO_STORE, ("www-authenticate", r#"Bearer realm="default""#)],
            r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#,
        )),
        Case::get("invalid_request", "/protected").bearer(&user).bearer(&user).answers(answer(
            400,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="invalid_request", error_description="The request has more than one Authorization header""#,
                ),
            ],
            r#"{"error":"invalid_request","error_description":"The request has more than one Authorization header","status":400}"#,
        )),
        Case::get("invalid_token", "/protected").bearer("forged").answers(answer(
            401,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="invalid_token", error_description="The access token is invalid""#,
                ),
            ],
            r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#,
        )),
        Case::get("missing_claim", "/protected").bearer(&f.token().without("iat").sign().unwrap()).answers(answer(
            401,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="invalid_token", error_description="The access token lacks the claim iat""#,
                ),
            ],
            r#"{"error":"invalid_token","error_description":"The access token lacks the claim iat","status":401}"#,
        )),
        Case::get("token_expired", "/protected").bearer(&f.token().at(NOW - 2000).sign().unwrap()).answers(answer(
            401,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="invalid_token", error_description="The access token expired""#,
                ),
            ],
            r#"{"error":"token_expired","error_description":"The access token expired","status":401}"#,
        )),
        Case::get("insufficient_role", "/role").bearer(&user).answers(answer(
            403,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the role admin""#,
                ),
            ],
            r#"{"error":"insufficient_role","error_description":"The access token lacks the role admin","status":403}"#,
        )),
        Case::get("insufficient_scope", "/scope").bearer(&user).answers(answer(
            403,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="insufficient_scope", error_description="The access token lacks the scope tasks:write", scope="tasks:write""#,
                ),
            ],
            r#"{"error":"insufficient_scope","error_description":"The access token lacks the scope tasks:write","status":403}"#,
        )),
        Case::get("keys_unavailable", "/protected").of(App::Down).bearer(&undecided).answers(unavailable()),
        // Nobody can tell whether the token is good: it is not anonymous, and the role is not asked for yet.
        Case::get("keys_unavailable_on_an_optional_route", "/optional")
            .of(App::Down)
            .bearer(&undecided)
            .answers(unavailable()),
        Case::get("keys_unavailable_on_a_route_with_a_role", "/role")
            .of(App::Down)
            .bearer(&undecided)
            .answers(unavailable()),
        Case::get("keys_unavailable_in_a_layer", "/layered").of(App::Down).bearer(&undecided).answers(unavailable()),
        Case::get("without_keys_no_token_is_still_401", "/protected").of(App::Down).answers(super::missing_token()),
        Case::get("without_keys_two_tokens_are_still_400", "/protected")
            .of(App::Down)
            .bearer(&undecided)
            .bearer(&undecided)
            .answers(super::two_credentials()),
        // What is malformed in itself needs no keys to be refused.
        Case::get("without_keys_a_malformed_token_is_still_401", "/protected")
            .of(App::Down)
            .bearer("a.b.c")
            .answers(super::invalid_token()),
        // Nor does a token that no key could make good, whatever it says besides.
        Case::get("without_keys_a_token_of_another_issuer_is_still_401", "/protected")
            .of(App::Down)
            .bearer(&f.undecided().issuer("https://evil.example").sign().unwrap())
            .answers(super::invalid_token()),
        Case::get("without_keys_a_token_for_another_api_is_still_401", "/layered")
            .of(App::Down)
            .bearer(&f.undecided().audience("another-api").sign().unwrap())
            .answers(super::invalid_token()),
        Case::get("without_keys_an_expired_token_is_invalid", "/optional")
            .of(App::Down)
            .bearer(&f.undecided().at(NOW - 2000).sign().unwrap())
            .answers(super::invalid_token()),
        Case::get("without_keys_anonymous_passes_an_optional_route", "/optional").of(App::Down).passes("anonymous"),
        Case::get("without_keys_the_public_route_answers", "/public").of(App::Down).bearer(&undecided).passes("public"),
        Case::get("not_configured", "/protected")
            .of(App::NotConfigured)
            .bearer(&user)
            .answers(not_configured()),
        Case::get("not_configured_without_a_token", "/protected")
            .of(App::NotConfigured)
            .answers(not_configured()),
        Case::get("not_configured_with_a_role", "/role")
            .of(App::NotConfigured)
            .bearer(&user)
            .answers(not_configured()),
        Case::get("not_configured_on_an_optional_route", "/optional")
            .of(App::NotConfigured)
            .answers(not_configured()),
        Case::get("realm_and_metadata_without_a_token", "/protected").of(App::Strict).answers(answer(
            401,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="tasks", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#,
                ),
            ],
            r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#,
        )),
        Case::get("f15_realm_scope_and_metadata_without_a_token", "/scopes").of(App::Strict).answers(answer(
            401,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="tasks", scope="email:send email:read", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#,
                ),
            ],
            r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#,
        )),
        Case::get("realm_and_metadata_with_a_bad_token", "/protected").of(App::Strict).bearer("forged").answers(answer(
            401,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="tasks", error="invalid_token", error_description="The access token is invalid", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#,
                ),
            ],
            r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#,
        )),
        Case::get("realm_and_metadata_with_too_narrow_a_scope", "/scopes")
            .of(App::Strict)
            .bearer(&strict.clone().scope("email:send").sign().unwrap())
            .answers(answer(
                403,
                &[
                    JSON,
                    NO_STORE,
                    (
                        "www-authenticate",
                        r#"Bearer realm="tasks", error="insufficient_scope", error_description="The access token lacks one of the required scopes email:send email:read", scope="email:send email:read", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#,
                    ),
                ],
                r#"{"error":"insufficient_scope","error_description":"The access token lacks one of the required scopes email:send email:read","status":403}"#,
            )),
        Case::get("required_claim_is_missing", "/protected")
            .of(App::Strict)
            .bearer(&strict.clone().without("clearance").sign().unwrap())
            .answers(answer(
                401,
                &[
                    JSON,
                    NO_STORE,
                    (
                        "www-authenticate",
                        r#"Bearer realm="tasks", error="invalid_token", error_description="The access token lacks the claim clearance", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#,
                    ),
                ],
                r#"{"error":"invalid_token","error_description":"The access token lacks the claim clearance","status":401}"#,
            )),
        Case::get("strict_token_passes", "/protected").of(App::Strict).bearer(&strict.sign().unwrap()).passes(ADA),
        // A name that a hand-written requirement gives cannot break out of the challenge (H22).
        Case::get("names_that_fit_no_header_stand_in_the_body_alone", "/hand-written").bearer(&user).answers(answer(
            403,
            &[
                JSON,
                NO_STORE,
                (
                    "www-authenticate",
                    r#"Bearer realm="default", error="insufficient_scope", error_description="The access token lacks a required role""#,
                ),
            ],
            r#"{"error":"insufficient_role","error_description":"The access token lacks the role say \"acme\" \\ grüß\r\nX: y","status":403}"#,
        )),
        Case::get("hand_written_requirement_passes", "/hand-written")
            .bearer(&f.token().org_id("acme").sign().unwrap())
            .passes(ADA),
        Case::get("head_is_refused_without_a_body", "/protected").method("HEAD").answers(super::missing_token()),
        Case::get("head_with_a_bad_token", "/protected")
            .method("HEAD")
            .bearer("forged")
            .answers(super::invalid_token()),
        Case::get("head_with_too_few_rights", "/role")
            .method("HEAD")
            .bearer(&user)
            .answers(super::lacks_role("the role admin")),
    ]
}
