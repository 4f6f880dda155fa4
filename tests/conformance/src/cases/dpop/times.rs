//! Times and IDs of proofs: DP32, DP40. What takes a clock that goes is in the tests of the core.

use serde_json::{Value, json};

use crate::case::Case;
use crate::fixture::{Fixture, NOW};

use super::super::ADA;
use super::{each_claim, each_text, get, invalid_proof, sender, without};

pub(super) fn cases(_: &Fixture) -> Vec<Case> {
    let s = sender();
    vec![
        get("dp32_ends_of_the_window")
            .each(each_claim(&s, "iat", [json!(NOW - 60), json!(NOW + 10), json!(1_799_999_999.5)]))
            .each([s.with("further dates", |proof| proof.claim("exp", NOW + 1).claim("nbf", NOW - 1))])
            .passes(ADA),
        get("dp32_outside_the_window")
            .each([without(&s, "iat")])
            .each(each_claim(
                &s,
                "iat",
                [
                    json!(NOW - 61),
                    json!(NOW + 11),
                    json!(0),
                    json!(-1),
                    json!(1e300),
                    json!(u64::MAX),
                    json!(253_402_300_800_u64),
                    json!(NOW.to_string()),
                    json!(true),
                    json!([NOW]),
                    Value::Null,
                ],
            ))
            .each(each_claim(&s, "exp", [json!(NOW), json!(NOW - 1), json!("later"), Value::Null, json!(0)]))
            .each(each_claim(&s, "nbf", [json!(NOW + 11), json!("now"), json!(1e300)]))
            .each([
                s.with("old, and exp far away", |proof| proof.at(NOW - 61).claim("exp", NOW + 3600)),
                s.with("of the future, and nbf now", |proof| {
                    proof.at(NOW + 3600).claim("nbf", NOW).claim("exp", NOW + 7200)
                }),
            ])
            .answers(invalid_proof()),
        get("dp40_ids_that_are_none")
            .each([without(&s, "jti")])
            .each(each_claim(&s, "jti", [Value::Null, json!(1), json!(["a"]), json!({}), json!(true)]))
            .each(each_text(&s, "jti", &["", "a\0b", "a\nb", "\u{7f}", "\u{85}", &"a".repeat(129), &"a".repeat(4096)]))
            .each(["x", "y"].map(|last| {
                s.with(format!("another after 128 bytes: {last}"), move |proof| {
                    proof.jti(&format!("{}{last}", "a".repeat(128)))
                })
            }))
            .answers(invalid_proof()),
    ]
}
