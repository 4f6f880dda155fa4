//! The key of a proof: DP08 to DP12. RSA, of which this API accepts none, is in the tests of the core.

use rampart_issuer::{Algorithm, DpopKey, SigningKey, base64url};
use serde_json::{Value, json};

use crate::case::Case;
use crate::credentials::Input;
use crate::fixture::Fixture;
use crate::sender::{KEY, OTHER_KEY, Sender, bound};

use super::super::ADA;
use super::{each_parameter, get, header_begins, invalid_proof, invalid_token, sender};

/// The key of the sender with these members besides, or instead.
fn with_members(members: &Value) -> Value {
    let mut jwk = KEY.public_jwk();
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn without_member(name: &str) -> Value {
    let mut jwk = KEY.public_jwk();
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

/// Proofs with the key of the sender, but for these members.
fn each_change(s: &Sender, changes: impl IntoIterator<Item = Value>) -> Vec<Input> {
    each_parameter(s, "jwk", changes.into_iter().map(|members| with_members(&members)))
}

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let s = sender();
    let published = f.es256.kid().to_owned();
    let own = KEY.public_jwk();
    let (x, y) = (own["x"].clone(), own["y"].clone());
    let number = |bytes: &[u8]| json!(base64url(bytes));
    let ed25519 = DpopKey::generate_for(Algorithm::Ed25519).unwrap();
    let of_ed25519 = Sender::of(&f.token().bound_to(&ed25519));
    let by_ed25519 = |what: &str, jwk: Value| {
        let key = ed25519.clone();
        of_ed25519.text(what, move |s| s.proof_by(&key).jwk(jwk.clone()).sign().unwrap())
    };
    let okp = |members: Value| {
        let mut jwk = ed25519.public_jwk();
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    vec![
        get("dp08_no_key")
            .each([
                s.with("no jwk", |proof| proof.without_header("jwk")),
                s.with("kid alone", {
                    let published = published.clone();
                    move |proof| proof.without_header("jwk").header("kid", &published)
                }),
                s.with("x5c alone", |proof| proof.without_header("jwk").header("x5c", ["MIIB"])),
                s.with("jku alone", |proof| proof.without_header("jwk").header("jku", "http://127.0.0.1:9/")),
                s.with("x5u alone", |proof| proof.without_header("jwk").header("x5u", "http://127.0.0.1:9/")),
                s.with("jwk in the payload", |proof| {
                    let jwk = KEY.public_jwk();
                    proof.without_header("jwk").claim("jwk", jwk)
                }),
                header_begins(&s, r#""jwk":null,"JWK":1"#),
            ])
            .each(each_parameter(
                &s,
                "jwk",
                [
                    json!(null),
                    json!("x"),
                    json!(own.to_string()),
                    json!([own]),
                    json!({}),
                    json!({"keys": [own]}),
                    without_member("kty"),
                    with_members(&json!({"kty": "oct", "k": "AAAA"})),
                    with_members(&json!({"kty": "ec"})),
                    with_members(&json!({"kty": "XYZ"})),
                    with_members(&json!({"kty": 1})),
                    with_members(&json!({"kty": "AKP"})),
                ],
            ))
            .answers(invalid_proof()),
        get("dp09_private_members")
            .each(each_change(
                &s,
                [
                    json!({"d": base64url([7; 32])}),
                    json!({"d": ""}),
                    json!({"d": 1}),
                    json!({"d": false}),
                    json!({"k": "AAAA"}),
                    json!({"p": "AAAA"}),
                    json!({"q": "AAAA"}),
                    json!({"dp": "AAAA"}),
                    json!({"oth": []}),
                    json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "priv": "AAAA"}),
                ],
            ))
            .answers(invalid_proof()),
        get("dp09_private_member_that_is_null").each(each_change(&s, [json!({"d": null})])).passes(ADA),
        get("dp10_keys_that_are_none")
            .each(each_change(
                &s,
                [
                    json!({"x": y, "y": x}),
                    json!({"x": number(&[0; 32]), "y": number(&[0; 32])}),
                    json!({"x": number(&[0xff; 32])}),
                    json!({"y": number(&[1; 32])}),
                    json!({"x": x.as_str().unwrap()[..42]}),
                    json!({"x": number(&[1; 31])}),
                    json!({"x": number(&[1; 33])}),
                    json!({"x": format!("{}=", x.as_str().unwrap())}),
                    json!({"x": 1}),
                    json!({"y": null}),
                    json!({"crv": null}),
                    json!({"crv": "secp256k1"}),
                    json!({"crv": "P-384"}),
                    json!({"crv": "p-256"}),
                    json!({"crv": "Ed25519"}),
                ],
            ))
            .each([{
                let p384 = DpopKey::generate_for(Algorithm::ES384).unwrap();
                s.text("a key of P-384 with ES256", move |s| s.proof().jwk(p384.public_jwk()).sign().unwrap())
            }])
            .answers(invalid_proof()),
        get("dp10_edwards_key").each([by_ed25519("Ed25519", ed25519.public_jwk())]).passes(ADA),
        get("dp10_edwards_keys_that_are_none")
            .each([
                by_ed25519("31 bytes", okp(json!({"x": base64url([1; 31])}))),
                by_ed25519("zero, a point of small order", okp(json!({"x": base64url([0; 32])}))),
                by_ed25519("one, a point of small order", {
                    let mut one = [0; 32];
                    one[0] = 1;
                    okp(json!({"x": base64url(one)}))
                }),
                by_ed25519("X25519", okp(json!({"crv": "X25519"}))),
                by_ed25519("Ed448", okp(json!({"crv": "Ed448"}))),
            ])
            .answers(invalid_proof()),
        get("dp11_keys_as_browsers_and_libraries_write_them")
            .each(each_change(
                &s,
                [
                    json!({"ext": true, "key_ops": ["verify"]}),
                    json!({"kid": "mine"}),
                    json!({"use": "sig"}),
                    json!({"alg": "ES256"}),
                    json!({"ext": true, "key_ops": ["verify"], "kid": "mine", "use": "sig", "alg": "ES256"}),
                ],
            ))
            .passes(ADA),
        get("dp11_keys_for_something_else")
            .each(each_change(
                &s,
                [
                    json!({"use": "enc"}),
                    json!({"key_ops": ["sign"]}),
                    json!({"key_ops": ["encrypt"]}),
                    json!({"key_ops": []}),
                    json!({"alg": "ES384"}),
                    json!({"alg": "HS256"}),
                    json!({"alg": "none"}),
                ],
            ))
            .answers(invalid_proof()),
        get("dp12_other_references_to_keys_are_not_read")
            .each([s.with("kid of the issuer", move |proof| proof.header("kid", &published))])
            .each(each_parameter(&s, "kid", [json!("../x"), json!("mine")]))
            .each(each_parameter(&s, "x5c", [json!(["MIIB"])]))
            .each(each_parameter(&s, "x5t#S256", [json!(base64url([1; 32]))]))
            .each(each_parameter(&s, "jku", [json!("http://127.0.0.1:9/")]))
            .passes(ADA),
        get("dp12_extensions")
            .each(each_parameter(&s, "crit", [json!(["exp"]), json!([]), json!(["b64"]), json!("x")]))
            .each([s.with("crit and b64", |proof| proof.header("crit", ["b64"]).header("b64", false))])
            .each(each_parameter(&s, "b64", [json!(false)]))
            .answers(invalid_proof()),
        get("dp12_key_of_the_issuer_in_the_place_of_the_senders")
            .each([{
                let key = SigningKey::clone(&f.es256);
                s.text("with kid alone", move |s| {
                    let issuers = DpopKey::from(key.clone());
                    let proof = s.proof_by(&issuers).without_header("jwk").header("kid", key.kid());
                    proof.sign().unwrap()
                })
            }])
            .answers(invalid_proof()),
        get("dp55_perfect_proof_of_another_key")
            .each([
                s.text("another", |s| s.proof_by(&OTHER_KEY).sign().unwrap()),
                s.text("forged in its name", |s| s.proof().jwk(OTHER_KEY.public_jwk()).sign().unwrap()),
            ])
            .each([{
                let issuers = DpopKey::from(SigningKey::clone(&f.es256));
                Sender::of(&bound()).text("the issuer's own", move |s| s.proof_by(&issuers).sign().unwrap())
            }])
            .answers(invalid_token()),
    ]
}
