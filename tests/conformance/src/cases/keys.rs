//! Which key verifies, and whether the signature holds (V4, V5).

use rampart_issuer::{Algorithm, SigningKey, TokenBuilder, base64url};
use serde_json::json;

use crate::case::Case;
use crate::fixture::Fixture;

use super::{ADA, invalid_token};

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let rs256 = f.issuer.key();
    let by = |key: &SigningKey| f.token().key(key);
    let sign = |token: TokenBuilder| token.sign().unwrap();
    let bad = |name, token: &str| Case::get(name, "/protected").bearer(token).answers(invalid_token());
    let ok = |name, token: &str| Case::get(name, "/protected").bearer(token).passes(ADA);
    let good = sign(f.token());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let other = sign(f.token().sub("eve"));
    let (other_input, _) = other.rsplit_once('.').unwrap();
    let signed_by = |bytes: &[u8]| format!("{input}.{}", base64url(bytes));
    let raw = f.es256.sign(input.as_bytes()).unwrap();
    let mut flipped = raw.clone();
    flipped[20] ^= 1;
    let attacker = f.stranger.public_jwk();

    vec![
        ok("rs256", &sign(by(&rs256))),
        ok("es256", &sign(by(&f.es256))),
        ok("es384", &sign(by(&f.es384))),
        ok("es512", &sign(by(&f.es512))),
        ok("no_kid_and_one_key_that_fits", &sign(f.token().without_header("kid"))),
        bad("no_kid_and_an_unknown_key", &sign(by(&f.stranger).without_header("kid"))),
        bad("ed25519_is_not_asked_for", &sign(by(&f.ed25519))),
        bad("ps256_is_not_asked_for", &sign(by(&rs256).algorithm(Algorithm::PS256))),
        bad("rs512_of_a_key_for_rs256", &sign(by(&rs256).algorithm(Algorithm::RS512))),
        bad("forged_under_the_kid_of_a_published_key", &sign(by(&f.impostor))),
        bad("unknown_kid", &sign(by(&f.stranger))),
        // Asked for once more, at once: it may not even cause a fetch.
        bad("unknown_kid_again", &sign(by(&f.stranger).sub("eve"))),
        bad("kid_of_another_kind_of_key", &sign(f.token().kid(rs256.kid()))),
        bad("kid_of_another_curve", &sign(f.token().kid(f.es384.kid()))),
        bad("kid_in_another_case", &sign(f.token().kid(&f.es256.kid().to_uppercase()))),
        bad("kid_null", &sign(f.token().header("kid", json!(null)))),
        bad("kid_number", &sign(f.token().header("kid", 1))),
        bad("kid_empty", &sign(f.token().kid(""))),
        bad("kid_that_is_a_path", &sign(f.token().kid("../../../../../../dev/null"))),
        bad("kid_that_is_sql", &sign(f.token().kid("x' UNION SELECT 'secret"))),
        bad("kid_with_line_breaks", &sign(f.token().kid("x\r\nSet-Cookie: a=b\u{1b}[31m"))),
        bad("kid_of_four_kib", &sign(f.token().kid(&"k".repeat(4096)))),
        bad("jwk_in_the_header", &sign(by(&f.stranger).header("jwk", &attacker))),
        bad("jwk_in_the_header_under_a_published_kid", &sign(by(&f.impostor).header("jwk", f.impostor.public_jwk()))),
        ok("stray_jwk_is_not_used", &sign(f.token().header("jwk", &attacker))),
        bad("x5c_in_the_header", &sign(by(&f.impostor).header("x5c", ["MIIB"]))),
        bad("signature_missing", &format!("{input}.")),
        bad("signature_of_another_token", &format!("{other_input}.{signature}")),
        bad("signature_with_a_flipped_bit", &signed_by(&flipped)),
        bad("signature_of_zeros", &signed_by(&[0; 64])),
        bad("signature_of_one_byte", &signed_by(&[0])),
        bad("signature_too_short", &signed_by(&raw[..63])),
        bad("signature_too_long", &signed_by(&[raw.as_slice(), &[0]].concat())),
        bad("signature_of_four_kib", &signed_by(&[0; 4096])),
        bad("signature_in_der", &signed_by(&[0x30, 6, 2, 1, 1, 2, 1, 1])),
        bad("hs256_with_the_public_key", &{
            let header = base64url(json!({"alg": "HS256", "kid": rs256.kid()}).to_string());
            format!("{header}.{}", &good[good.find('.').unwrap() + 1..])
        }),
    ]
}
