//! Tokens that are good in all but one thing: they, or what they belong to, were revoked.

use rampart_issuer::TokenBuilder;
use serde_json::{Value, json};

use crate::case::{App, Case};
use crate::credentials::{Credentials, Input};
use crate::fixture::{ALIAS, Fixture, NOW};
use crate::revoked::{BOUND, CLOSED};

use super::layers::custom;
use super::{ADA, invalid_token};

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let at =
        |name, target, token: &TokenBuilder| Case::get(name, target).of(App::Revoked).bearer(&token.sign().unwrap());
    let passes = |name, token: TokenBuilder| at(name, "/protected", &token).passes(ADA);
    let each = |name, tokens: &[TokenBuilder]| Case::get(name, "/protected").of(App::Revoked).each(inputs(tokens));
    let revoked = |name, tokens: &[TokenBuilder]| each(name, tokens).answers(invalid_token());
    let (ada, sub) = (|| f.token(), |sub: &str| f.token().sub(sub));
    let of = |name: &str, value: &str| ada().claim(name, value);
    let each_way = |name, target| at(name, target, &of("jti", "token-1").roles(["admin"])).answers(invalid_token());
    let partners = || f.partner_token().roles(["user"]).without("scope");
    let client = |name: &str| ada().without("sub").claim("client_id", name);
    let odd = [json!(1), json!(["token-1"]), json!({"token-1": "token-1"}), json!(true), json!(""), Value::Null];
    let odd_ids: Vec<_> = ["jti", "sid", "client_id"]
        .into_iter()
        .flat_map(|name| odd.iter().map(move |value| ada().claim(name, value.clone())))
        .chain([ada().claim("jti", "t".repeat(3000))])
        .collect();

    vec![
        revoked("rv02_token", &[of("jti", "token-1")]),
        revoked("rv02_session", &[of("sid", "session-1")]),
        revoked("rv02_subject", &[sub("bob"), sub("bob").claim("sid", "session-2")]),
        revoked("rv02_subject_without_a_session", &[sub("carol")]),
        at("rv02_subject_with_a_session", "/protected", &sub("carol").claim("sid", "session-2"))
            .passes("carol roles=user scope="),
        revoked("rv02_client", &[of("client_id", "spa-1")]),
        revoked("rv02_issued_before", &[partners()]),
        revoked("rv33_issuer", &[ada().issuer(CLOSED), ada().issuer(CLOSED).issued_at(NOW)]),
        passes("rv02_token_without_any_of_the_claims", ada()),
        each(
            "rv02_name_of_another_kind",
            &[of("jti", "session-1"), of("sid", "token-1"), of("client_id", "token-1"), of("jti", "bob")],
        )
        .passes(ADA),
        revoked(
            "rv03_issued_by_the_bound",
            &[
                sub("dave").issued_at(BOUND - 1),
                sub("dave").issued_at(BOUND),
                sub("dave").without("iat"),
                partners().issued_at(BOUND),
            ],
        ),
        each(
            "rv03_issued_later",
            &[
                sub("dave").claim("iat", json!(1_799_999_700.5)),
                sub("dave").issued_at(BOUND + 1),
                sub("dave").issued_at(NOW + 4),
            ],
        )
        .passes("dave roles=user scope="),
        revoked("rv03_subject_that_has_signed_in_within_the_tolerance", &[sub("bob").issued_at(NOW + 4)]),
        each("rv04_ids_that_are_no_text", &odd_ids).passes(ADA),
        passes(
            "rv04_same_ids_at_another_issuer",
            partners().issued_at(NOW).jti("token-1").sid("session-1").client_id("spa-1"),
        ),
        revoked(
            "rv05_twins_of_a_token",
            &[
                of("jti", "token-1").key(&f.es384),
                of("jti", "token-1").claim("extra", 1),
                of("jti", "token-1").header("typ", "at+jwt"),
                of("jti", "token-1").raw_payload(spaced(&of("jti", "token-1"))),
            ],
        ),
        each_way("rv06_guard", "/role"),
        each_way("rv06_guard_of_any_method", "/any"),
        each_way("rv06_optional_guard", "/optional"),
        each_way("rv06_optional_guard_with_a_role", "/optional-role"),
        each_way("rv06_second_guard", "/several"),
        each_way("rv06_layer", "/layered"),
        each_way("rv06_layer_with_a_role", "/layered/role"),
        each_way("rv06_layer_with_a_policy", "/layered/policy"),
        each_way("rv06_optional_layer", "/layered/optional"),
        each_way("rv06_guard_within_a_layer", "/layered/guard"),
        each_way("rv06_layer_within_a_layer", "/layered/scope-layer"),
        each_way("rv06_guard_before_a_handler_that_asks", "/in-handler/scope"),
        each_way("rv06_optional_guard_before_a_handler_that_asks", "/in-handler/optional"),
        at("rv06_handler_that_takes_the_rejection", "/result", &of("jti", "token-1")).passes(
            "refused: invalid_token 401 Bearer realm=\"default\", error=\"invalid_token\", \
             error_description=\"The access token is invalid\"",
        ),
        at("rv06_answer_of_the_applications_own", "/custom/user", &of("jti", "token-1"))
            .over_http()
            .answers(custom(invalid_token(), "invalid_token")),
        revoked(
            "rv07_token_that_outlives_what_is_remembered",
            &[ada().expires_in(48 * 60 * 60), ada().claim("exp", 253_402_300_799_u64)],
        ),
        passes("rv07_token_that_does_not", ada().expires_in(23 * 60 * 60)),
        revoked(
            "rv30_client_by_each_of_its_names",
            &[of("azp", "spa-1"), of("cid", "spa-1"), of("appid", "spa-1"), of("azp", "spa-1").claim("cid", "x")],
        ),
        passes("rv30_client_by_a_name_that_does_not_count", of("client_id", "spa-2").claim("azp", "spa-1")),
        revoked(
            "is14_revoked_under_each_spelling",
            &[
                of("jti", "token-1").issuer(ALIAS),
                of("jti", "token-old"),
                of("jti", "token-old").issuer(ALIAS),
                of("sid", "session-1").issuer(ALIAS),
                of("sid", "session-old"),
                sub("bob").issuer(ALIAS),
                sub("bob-old"),
                sub("bob-old").issuer(ALIAS),
                of("client_id", "spa-old"),
            ],
        ),
        at("is19_same_subject_at_another_issuer", "/protected", &partners().sub("bob").issued_at(NOW))
            .passes("bob roles=user scope="),
        at("cl06_client_called_like_a_revoked_user", "/protected", &client("alice"))
            .passes("client:alice roles=user scope="),
        revoked("cl06_revoked_user_called_like_a_client", &[sub("alice")]),
        revoked("cl06_revoked_client_that_stands_in", &[client("robot")]),
        at("cl06_user_called_like_a_revoked_client", "/protected", &sub("robot")).passes("robot roles=user scope="),
    ]
}

fn inputs(tokens: &[TokenBuilder]) -> Vec<Input> {
    let input = |(number, token): (usize, &TokenBuilder)| {
        let token = token.sign().unwrap();
        Input::new(format!("token {}", number + 1), move || Credentials::default().token("Bearer", &token))
    };
    tokens.iter().enumerate().map(input).collect()
}

/// The same claims in other bytes.
fn spaced(token: &TokenBuilder) -> String {
    let payload = String::from_utf8(token.payload()).unwrap();
    payload.replacen('{', "{ ", 1).replacen("\"jti\"", "\"\\u006ati\"", 1)
}
