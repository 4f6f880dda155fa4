//! Malformed tokens (V2, V3, V6): the compact serialization, base64url, the JOSE header, the payload as JSON.

use rampart_issuer::{Algorithm, base64url, compact};
use serde_json::{Value, json};

use crate::case::Case;
use crate::fixture::{Fixture, NOW};

use super::{ADA, invalid_token};

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let good = f.token();
    let token = good.sign().unwrap();
    let mut parts = token.split('.');
    let (header, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let text = String::from_utf8(good.payload()).unwrap();

    let bad = |name, token: &str| Case::get(name, "/protected").bearer(token).answers(invalid_token());
    let ok = |name, token: &str| Case::get(name, "/protected").bearer(token).passes(ADA);
    let with_header = |name, header: Value| good.clone().header(name, header).sign().unwrap();
    let with_payload = |payload: &str| good.clone().raw_payload(payload).sign().unwrap();
    let raw_header = |header: &str| compact(header.as_bytes(), text.as_bytes(), &f.es256, Algorithm::ES256).unwrap();
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deep = |depth| with_payload(&format!("{},\"deep\":{}}}", text.strip_suffix('}').unwrap(), nested(depth)));
    let plus = |member: &str| with_payload(&format!("{{{member},{}", text.strip_prefix('{').unwrap()));
    let kid = f.es256.kid();
    // The last of 86 characters carries two bits of the 64th byte and four that must be zero.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(signature.chars().last().unwrap()).unwrap();
    let twin = format!("{}{}", &token[..token.len() - 1], &alphabet[last + 1..last + 2]);

    vec![
        bad("no_dot", "abc"),
        bad("one_dot", &format!("{header}.{payload}")),
        bad("three_dots", &format!("{token}.{signature}")),
        bad("only_dots", ".."),
        bad("empty_header", &format!(".{payload}.{signature}")),
        bad("empty_payload", &format!("{header}..{signature}")),
        bad("empty_signature", &format!("{header}.{payload}.")),
        bad("parts_swapped", &format!("{payload}.{header}.{signature}")),
        bad("header_padded", &format!("{header}=.{payload}.{signature}")),
        bad("signature_padded", &format!("{token}==")),
        bad("signature_in_the_other_alphabet", &format!("{header}.{payload}.+/{}", &signature[2..])),
        bad("signature_with_trailing_bits", &twin),
        bad("signature_of_length_one_modulo_four", &format!("{token}AAA")),
        bad("token_over_16_kib", &good.clone().claim("filler", "x".repeat(16 * 1024)).sign().unwrap()),
        ok("token_just_below_16_kib", &good.clone().claim("filler", "x".repeat(11_000)).sign().unwrap()),
        bad("alg_none_without_a_signature", &format!("{}.{payload}.", base64url(r#"{"alg":"none"}"#))),
        bad("alg_none_with_a_signature", &format!("{}.{payload}.{signature}", base64url(r#"{"alg":"none"}"#))),
        bad("alg_none_in_mixed_case", &with_header("alg", json!("nOnE"))),
        bad("alg_missing", &good.clone().without_header("alg").sign().unwrap()),
        bad("alg_null", &with_header("alg", json!(null))),
        bad("alg_number", &with_header("alg", json!(256))),
        bad("alg_array", &with_header("alg", json!(["ES256"]))),
        bad("alg_in_lower_case", &with_header("alg", json!("es256"))),
        bad("alg_with_a_trailing_space", &with_header("alg", json!("ES256 "))),
        bad("alg_hs256", &with_header("alg", json!("HS256"))),
        bad("alg_es256k", &with_header("alg", json!("ES256K"))),
        bad("alg_unknown", &with_header("alg", json!("XX999"))),
        bad("crit_unknown_extension", &with_header("crit", json!(["x"]))),
        bad("crit_empty", &with_header("crit", json!([]))),
        bad("crit_null", &with_header("crit", json!(null))),
        bad("crit_exp", &good.clone().header("crit", ["exp"]).header("exp", NOW).sign().unwrap()),
        bad("b64_false", &with_header("b64", json!(false))),
        ok("b64_true", &with_header("b64", json!(true))),
        bad("enc", &with_header("enc", json!("A256GCM"))),
        bad("zip", &with_header("zip", json!("DEF"))),
        bad("cty_jwt", &with_header("cty", json!("JWT"))),
        bad("nested_token", &good.clone().header("cty", "JWT").raw_payload(token.clone()).sign().unwrap()),
        bad("jwe", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"),
        bad("json_serialization", &base64url(json!({"payload": payload, "signature": signature}).to_string())),
        ok("typ_absent", &good.clone().without_header("typ").sign().unwrap()),
        ok("typ_at_jwt", &with_header("typ", json!("at+jwt"))),
        ok("typ_in_another_case", &with_header("typ", json!("aPPlication/AT+jwt"))),
        bad("typ_id_token", &with_header("typ", json!("id+jwt"))),
        bad("typ_logout_token", &with_header("typ", json!("logout+jwt"))),
        bad("typ_dpop_proof", &with_header("typ", json!("dpop+jwt"))),
        bad("typ_empty", &with_header("typ", json!(""))),
        bad("typ_null", &with_header("typ", json!(null))),
        bad("header_with_a_duplicate_alg", &raw_header(&format!(r#"{{"alg":"none","alg":"ES256","kid":"{kid}"}}"#))),
        bad(
            "header_with_an_escaped_duplicate",
            &raw_header(&format!(r#"{{"alg":"ES256","kid":"{kid}","\u0061lg":"ES256"}}"#)),
        ),
        bad("header_array", &raw_header("[]")),
        bad("header_with_trailing_garbage", &raw_header(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}x"#))),
        bad("header_nested_too_deep", &raw_header(&format!(r#"{{"alg":"ES256","kid":"{kid}","x":{}}}"#, nested(2000)))),
        bad("payload_empty_object", &with_payload("{}")).answers(super::missing_claim("aud")),
        bad("payload_array", &with_payload("[]")),
        bad("payload_string", &with_payload("\"x\"")),
        bad("payload_null", &with_payload("null")),
        bad("payload_with_trailing_garbage", &with_payload(&format!("{text}x"))),
        bad("payload_twice", &with_payload(&format!("{text}{text}"))),
        bad("payload_with_a_byte_order_mark", &with_payload(&format!("\u{feff}{text}"))),
        bad("payload_not_utf_8", &good.clone().raw_payload([text.as_bytes(), b"\xff"].concat()).sign().unwrap()),
        bad("payload_with_a_raw_control_character", &plus("\"x\":\"\u{1}\"")),
        bad("payload_with_nan", &plus("\"x\":NaN")),
        bad("payload_with_a_lone_surrogate", &plus(r#""x":"\ud800""#)),
        bad("payload_with_a_duplicate_sub", &plus(r#""sub":"eve""#)),
        bad("payload_with_an_escaped_duplicate", &plus(r#""s\u0075b":"eve""#)),
        bad("payload_with_a_duplicate_of_any_name", &plus(r#""x":1,"x":1"#)),
        bad("payload_with_a_reserved_name", &plus(r#""x":{"$serde_json::private::RawValue":"{}"}"#)),
        ok("payload_with_white_space", &with_payload(&format!(" \n\t{text}\r\n"))),
        ok("payload_with_an_escaped_surrogate_pair", &plus(r#""x":"\ud83d\ude00""#)),
        ok("payload_nested_deep", &deep(30)),
        bad("payload_nested_too_deep", &deep(40)),
        bad("payload_nested_absurdly_deep", &deep(4000)),
    ]
}
