//! V4: which published keys can be used, and which of them may have signed a token.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeSet;

use common::{
    AUTH, Auth, Draft, EC, EC_384, EC_521, ED, RSA, RSA_2, SignWith, base64url, decode, generate, jwk, jwk_with,
    key_set, log,
};
use rampart_core::{Algorithm, AuthError, KeySet, KeySetError};
use rampart_issuer::SigningKey;
use serde_json::{Value, json};

const ALL: [Algorithm; 11] = {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    [RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA, Ed25519]
};

fn part(key: &SigningKey, name: &str) -> Vec<u8> {
    decode(key.public_jwk()[name].as_str().unwrap())
}

fn jwk_with_bytes(key: &SigningKey, name: &str, bytes: impl AsRef<[u8]>) -> Value {
    jwk_with(key, name, base64url(bytes))
}

/// Entries of which no key can be made; each would be a good one but for what its name says.
#[allow(clippy::too_many_lines, reason = "a table")]
fn unusable() -> Vec<(&'static str, String)> {
    let n = part(&RSA, "n");
    let (x, y) = (part(&EC, "x"), part(&EC, "y"));
    let n_with = |first: Option<u8>, last: Option<u8>| {
        let mut n = n.clone();
        if let Some(first) = first {
            n[0] = first;
        }
        if let Some(last) = last {
            *n.last_mut().unwrap() = last;
        }
        n
    };
    let repeat = |times: usize| [1].into_iter().chain(std::iter::repeat_n(0xab, times)).collect::<Vec<u8>>();
    let p256_prime = [&[0xff; 4][..], &[0, 0, 0, 1], &[0; 12], &[0xff; 12]].concat();
    let ed_small = |low: u8| {
        let mut x = vec![0; 32];
        x[0] = low;
        x
    };
    let duplicate = jwk(&RSA).to_string().replacen('{', &format!(r#"{{"n":"{}","#, base64url(&n)), 1);
    let cases: Vec<(&str, Value)> = vec![
        ("K02 kty of post-quantum keys", json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA"})),
        ("K02 kty in lower case", jwk_with(&RSA, "kty", "rsa")),
        ("K02 kty missing", jwk_with(&RSA, "kty", Value::Null)),
        ("K02 kty number", jwk_with(&RSA, "kty", 1)),
        ("K02 kty of another kind", jwk_with(&RSA, "kty", "EC")),
        ("K02 kty empty", jwk_with(&RSA, "kty", "")),
        ("K02 alg for encryption", jwk_with(&RSA, "alg", "RSA-OAEP")),
        ("K02 alg unknown", jwk_with(&RSA, "alg", "XX999")),
        ("K02 alg in lower case", jwk_with(&RSA, "alg", "rs256")),
        ("K02 alg none", jwk_with(&RSA, "alg", "none")),
        ("K04 alg HS256", jwk_with(&RSA, "alg", "HS256")),
        ("K02 alg number", jwk_with(&RSA, "alg", 256)),
        ("K02 alg array", jwk_with(&RSA, "alg", json!(["RS256"]))),
        ("K02 alg of another kind", jwk_with(&RSA, "alg", "ES256")),
        ("A08 alg of another curve", jwk_with(&EC, "alg", "ES384")),
        ("A08 alg of another curve, reverse", jwk_with(&EC_384, "alg", "ES256")),
        ("K02 alg of another curve, Ed25519", jwk_with(&EC, "alg", "EdDSA")),
        ("K04 use enc", jwk_with(&RSA, "use", "enc")),
        ("K02 use number", jwk_with(&RSA, "use", 1)),
        ("K02 use in capitals", jwk_with(&RSA, "use", "SIG")),
        ("K02 use array", jwk_with(&RSA, "use", json!(["sig"]))),
        ("K04 key_ops encrypt", jwk_with(&RSA, "key_ops", json!(["encrypt", "wrapKey"]))),
        ("K04 key_ops empty", jwk_with(&RSA, "key_ops", json!([]))),
        ("K04 key_ops sign", jwk_with(&RSA, "key_ops", json!(["sign"]))),
        ("K04 use sig but key_ops encrypt", jwk_with(&RSA, "key_ops", json!(["encrypt"]))),
        ("K02 key_ops string", jwk_with(&RSA, "key_ops", "verify")),
        ("K02 key_ops mixed", jwk_with(&RSA, "key_ops", json!(["verify", 1]))),
        ("K02 key_ops in capitals", jwk_with(&RSA, "key_ops", json!(["VERIFY"]))),
        ("K02 kid number", jwk_with(&RSA, "kid", 1)),
        ("K02 kid array", jwk_with(&RSA, "kid", json!(["rsa-1"]))),
        ("K10 kid of 1 MiB", jwk_with(&RSA, "kid", "k".repeat(1 << 20))),
        ("K10 kid of 1025 bytes", jwk_with(&RSA, "kid", "k".repeat(1025))),
        ("K02 n missing", jwk_with(&RSA, "n", Value::Null)),
        ("K02 n number", jwk_with(&RSA, "n", 12345)),
        ("K02 n empty", jwk_with(&RSA, "n", "")),
        ("K02 n padded", jwk_with(&RSA, "n", format!("{}==", base64url(&n)))),
        ("K02 n with white space", jwk_with(&RSA, "n", format!(" {}", base64url(&n)))),
        ("K02 n in the other alphabet", jwk_with(&RSA, "n", format!("+/{}", &base64url(&n)[2..]))),
        ("K02 n zero", jwk_with_bytes(&RSA, "n", [0; 256])),
        ("K02 n even", jwk_with_bytes(&RSA, "n", n_with(None, Some(n[255] & 0xfe)))),
        ("K09 n of 1024 bits", jwk_with_bytes(&RSA, "n", &n[128..])),
        ("K09 n of 2047 bits", jwk_with_bytes(&RSA, "n", n_with(Some(0x7f), None))),
        ("K05 n of 8193 bits", jwk_with_bytes(&RSA, "n", repeat(1024))),
        ("K05 n of 16384 bits", jwk_with_bytes(&RSA, "n", repeat(2047))),
        ("K05 n of 120000 bits", jwk_with_bytes(&RSA, "n", repeat(14_999))),
        ("K05 n of 1 MiB", jwk_with_bytes(&RSA, "n", repeat(1 << 20))),
        ("K02 e missing", jwk_with(&RSA, "e", Value::Null)),
        ("K02 e number", jwk_with(&RSA, "e", 65537)),
        ("K02 e empty", jwk_with(&RSA, "e", "")),
        ("K02 e zero", jwk_with_bytes(&RSA, "e", [0])),
        ("K05 e one", jwk_with_bytes(&RSA, "e", [1])),
        ("K05 e one with leading zeros", jwk_with_bytes(&RSA, "e", [0, 0, 1])),
        ("K02 e two", jwk_with_bytes(&RSA, "e", [2])),
        ("K05 e even", jwk_with_bytes(&RSA, "e", [1, 0, 0])),
        ("K05 e of 33 bits", jwk_with_bytes(&RSA, "e", [1, 0, 0, 0, 1])),
        ("K05 e of 2048 bits", jwk_with_bytes(&RSA, "e", &n)),
        ("K02 crv missing", jwk_with(&EC, "crv", Value::Null)),
        ("K02 crv number", jwk_with(&EC, "crv", 256)),
        ("K02 crv unknown", jwk_with(&EC, "crv", "P-192")),
        ("K02 crv secp256k1", jwk_with(&EC, "crv", "secp256k1")),
        ("K02 crv in lower case", jwk_with(&EC, "crv", "p-256")),
        ("K02 crv of another length", jwk_with(&EC, "crv", "P-384")),
        ("K02 crv Ed25519 of an EC key", jwk_with(&EC, "crv", "Ed25519")),
        ("K02 x missing", jwk_with(&EC, "x", Value::Null)),
        ("K02 y missing", jwk_with(&EC, "y", Value::Null)),
        ("K02 x number", jwk_with(&EC, "x", 1)),
        ("K02 x and y swapped", {
            let mut swapped = jwk_with_bytes(&EC, "x", &y);
            swapped["y"] = base64url(&x).into();
            swapped
        }),
        ("K02 off the curve", jwk_with_bytes(&EC, "y", x.clone())),
        ("K02 off the curve, P-384", jwk_with_bytes(&EC_384, "y", part(&EC_384, "x"))),
        ("K02 off the curve, P-521", jwk_with_bytes(&EC_521, "y", part(&EC_521, "x"))),
        ("K02 both zero", {
            let mut zero = jwk_with_bytes(&EC, "x", [0; 32]);
            zero["y"] = base64url([0; 32]).into();
            zero
        }),
        ("K02 x of 31 bytes", jwk_with_bytes(&EC, "x", &x[1..])),
        ("K02 x of 33 bytes", jwk_with_bytes(&EC, "x", [&[0], &*x].concat())),
        ("K02 y of 31 bytes", jwk_with_bytes(&EC, "y", &y[..31])),
        ("K02 y of 33 bytes", jwk_with_bytes(&EC, "y", [&*y, &[0]].concat())),
        ("K02 x not below the prime", jwk_with_bytes(&EC, "x", &p256_prime)),
        ("K02 x all ones", jwk_with_bytes(&EC, "x", [0xff; 32])),
        ("K02 OKP X25519", jwk_with(&ED, "crv", "X25519")),
        ("K02 OKP Ed448", jwk_with(&ED, "crv", "Ed448")),
        ("K02 OKP without crv", jwk_with(&ED, "crv", Value::Null)),
        ("K02 OKP of 31 bytes", jwk_with_bytes(&ED, "x", &part(&ED, "x")[1..])),
        ("K02 OKP of 33 bytes", jwk_with_bytes(&ED, "x", [&*part(&ED, "x"), &[0]].concat())),
        ("K02 OKP small order, 0", jwk_with_bytes(&ED, "x", ed_small(0))),
        ("K02 OKP small order, 1", jwk_with_bytes(&ED, "x", ed_small(1))),
        ("K02 OKP small order, -1", jwk_with_bytes(&ED, "x", [&[0xec][..], &[0xff; 30], &[0x7f]].concat())),
        ("K02 OKP small order, p", jwk_with_bytes(&ED, "x", [&[0xed][..], &[0xff; 30], &[0x7f]].concat())),
        ("K02 OKP small order, p + 1", jwk_with_bytes(&ED, "x", [&[0xee][..], &[0xff; 30], &[0xff]].concat())),
        ("A21 oct", json!({"kty": "oct", "kid": "rsa-1", "alg": "HS256", "k": "c2VjcmV0"})),
        ("K06 RSA private", jwk_with(&RSA, "d", "AQAB")),
        ("K06 RSA prime", jwk_with(&RSA, "p", "AQAB")),
        ("K06 RSA q", jwk_with(&RSA, "q", "AQAB")),
        ("K06 RSA dp", jwk_with(&RSA, "dp", "AQAB")),
        ("K06 RSA dq", jwk_with(&RSA, "dq", "AQAB")),
        ("K06 RSA qi", jwk_with(&RSA, "qi", "AQAB")),
        ("K06 RSA oth", jwk_with(&RSA, "oth", json!([{"r": "AQAB"}]))),
        ("K06 EC private", jwk_with(&EC, "d", "AQAB")),
        ("K06 EC private, of a wrong type", jwk_with(&EC, "d", 1)),
        ("K06 Ed25519 private", jwk_with(&ED, "d", "AQAB")),
        ("K06 symmetric member", jwk_with(&EC, "k", "AQAB")),
        ("K02 null", Value::Null),
        ("K02 string", "key".into()),
        ("K02 array", json!([])),
        ("K02 number", 1.into()),
        ("K02 empty object", json!({})),
    ];
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let with_text = |name: &str, text: &str| jwk(&RSA).to_string().replacen('{', &format!(r#"{{"{name}":{text},"#), 1);
    cases
        .into_iter()
        .map(|(id, jwk)| (id, jwk.to_string()))
        .chain([
            ("K03 n twice", duplicate),
            ("K03 unknown member twice", with_text("x5t", r#""a","x5t":"b""#)),
            ("K02 kid null", with_text("kid", "null").replace(r#","kid":"rsa-1""#, "")),
            ("K02 use null", with_text("use", "null").replace(r#","use":"sig""#, "")),
            ("K02 alg null", with_text("alg", "null")),
            ("S07 nested", with_text("a", &deep(33))),
            ("S07 deeply nested", with_text("a", &deep(5000))),
        ])
        .collect()
}

#[test]
fn entry_that_cannot_be_used_is_skipped_with_one_warning() {
    let good = generate(SignWith::ES256, "good");
    let token = Draft::by(&good).sign();
    for (id, bad) in unusable() {
        for keys in [[bad.clone(), jwk(&good).to_string()], [jwk(&good).to_string(), bad.clone()]] {
            log::clear();
            let set = KeySet::from_json(&key_set(keys)).unwrap();
            let warnings = log::take();
            assert_eq!(set.len(), 1, "{id}");
            assert!(set.verify(&token, &ALL).is_ok(), "{id}: the good key");
            assert_eq!(warnings.len(), 1, "{id}: {warnings:?}");
            assert_eq!(warnings[0].level, tracing::Level::WARN, "{id}");
        }
        let alone = KeySet::from_json(&key_set([&bad]));
        assert_eq!(alone.map(drop), Err(KeySetError::NoUsableKey { entries: 1 }), "{id}: alone");
    }
}

#[test]
fn token_by_a_key_that_is_not_usable_is_refused() {
    let cases = [
        ("K04 use enc", jwk_with(&RSA, "use", "enc")),
        ("K04 key_ops without verify", jwk_with(&RSA, "key_ops", json!(["encrypt"]))),
        ("K04 key_ops empty", jwk_with(&RSA, "key_ops", json!([]))),
        ("K04 alg HS256", jwk_with(&RSA, "alg", "HS256")),
        ("K06 published with its private members", jwk_with(&RSA, "d", "AQAB")),
    ];
    for (id, bad) in cases {
        let auth = Auth::with_keys([bad, jwk(&EC)]);
        auth.refuses(id, &Draft::by(&RSA).sign(), "V4");
        auth.refuses(&format!("{id}, no kid"), &Draft::by(&RSA).without_header("kid").sign(), "V4");
        auth.accepts(&format!("{id}, the other key"), &Draft::good().sign());
    }
    let leaked = jwk_with(&RSA, "d", "c2VjcmV0LXBhcnQ");
    log::clear();
    let error = KeySet::from_json(&key_set([leaked])).unwrap_err();
    let told = format!("{:?} {error} {error:?}", log::take());
    assert!(!told.contains("c2VjcmV0LXBhcnQ") && told.contains("private"), "K06: {told}");
}

#[test]
fn members_that_nobody_asked_for_do_not_matter() {
    let mut strange = jwk(&EC);
    for (name, value) in [("x5c", json!(["broken"])), ("x5t", json!(1)), ("iat", json!(1)), ("ext", json!(true))] {
        strange[name] = value;
    }
    Auth::with_keys([&strange]).accepts("K01 K11 unknown and broken members", &Draft::good().sign());
    let set = format!(r#"{{"issuer":"x","keys":[{}],"next":{{"a":[1]}}}}"#, jwk(&EC));
    Auth::new(|builder| builder.static_jwks(&*set)).accepts("K01 unknown members of the set", &Draft::good().sign());
    let certificate_of_another = jwk_with(&EC, "x5c", json!([base64url(part(&EC_384, "x"))]));
    Auth::with_keys([certificate_of_another]).accepts("K11 the certificate is not used", &Draft::good().sign());
    let next_to_others = [json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA", "kid": "pq"}), jwk(&RSA)];
    Auth::with_keys(next_to_others).accepts("K12 next to a post-quantum key", &Draft::by(&RSA).sign());
}

#[test]
fn optional_members_may_be_absent_or_say_what_is_wanted() {
    let token = Draft::by(&RSA).sign();
    let cases = [
        ("use absent", jwk_with(&RSA, "use", Value::Null)),
        ("key_ops verify", jwk_with(&RSA, "key_ops", json!(["verify"]))),
        ("key_ops verify among others", jwk_with(&RSA, "key_ops", json!(["sign", "verify", "x"]))),
        ("alg", jwk_with(&RSA, "alg", "RS256")),
        ("crv of an RSA key", jwk_with(&RSA, "crv", "P-256")),
        ("K09 leading zeros of n", jwk_with_bytes(&RSA, "n", [&[0, 0, 0], &*part(&RSA, "n")].concat())),
        ("K09 leading zeros of e", jwk_with_bytes(&RSA, "e", [0, 0, 1, 0, 1])),
        ("kid escaped", serde_json::from_str(&jwk(&RSA).to_string().replace("rsa-1", "r\\u0073a-1")).unwrap()),
    ];
    for (id, jwk) in cases {
        Auth::with_keys([jwk]).accepts(id, &token);
    }
}

#[test]
fn rsa_keys_have_2048_to_8192_bits() {
    for bits in [3072, 4096] {
        let key = SigningKey::generate_sized(SignWith::RS256, "big", bits).unwrap();
        let auth = Auth::with_keys([jwk(&key)]);
        for algorithm in [SignWith::RS256, SignWith::RS384, SignWith::RS512] {
            auth.accepts(&format!("K09 {bits} {algorithm}"), &Draft::by(&key).with(algorithm).sign());
        }
    }
    // Any odd number of that length is taken: whether it is a product of two primes nobody can tell.
    let of_bits = |bits: usize| {
        let mut n = vec![0xab; bits.div_ceil(8)];
        n[0] = 0xff >> (8 * n.len() - bits);
        KeySet::from_json(&key_set([jwk_with_bytes(&RSA, "n", n)])).is_ok()
    };
    let sizes = [1024, 2040, 2047, 2048, 2049, 3000, 8191, 8192, 8193].map(|bits| (bits, of_bits(bits)));
    for (bits, usable) in sizes {
        assert_eq!(usable, (2048..=8192).contains(&bits), "K09 {bits} bits");
    }
    for e in [&[3][..], &[17], &[1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(KeySet::from_json(&key_set([jwk_with_bytes(&RSA, "e", e)])).is_ok(), "exponent {e:?}");
    }
}

#[test]
fn kid_decides_which_key_is_asked() {
    let unknown = generate(SignWith::RS256, "rsa-9");
    let cases = [
        ("A07 ES256 with the kid of an RSA key", Draft::good().header("kid", r#""rsa-1""#), "V4"),
        ("A07 RS256 with the kid of an EC key", Draft::by(&RSA).header("kid", r#""ec-1""#), "V4"),
        ("A07 RS256 with the kid of an Ed25519 key", Draft::by(&RSA).header("kid", r#""ed-1""#), "V4"),
        ("A08 ES256 with the kid of a P-384 key", Draft::good().header("kid", r#""ec-384""#), "V4"),
        ("A08 ES384 with the kid of a P-256 key", Draft::by(&EC_384).header("kid", r#""ec-1""#), "V4"),
        ("A08 ES512 with the kid of a P-256 key", Draft::by(&EC_521).header("kid", r#""ec-1""#), "V4"),
        ("A07 signed by rsa-1, kid rsa-2", Draft::by(&RSA).header("kid", r#""rsa-2""#), "V5"),
        ("C08 key that is not in the set", Draft::by(&unknown), "V4"),
        ("A11 unknown kid, genuine signature", Draft::by(&RSA).header("kid", r#""other""#), "V4"),
        ("C08 key that is not in the set, known kid", Draft::by(&unknown).header("kid", r#""rsa-1""#), "V5"),
    ];
    for (id, draft, rule) in cases {
        AUTH.refuses(id, &draft.sign(), rule);
    }
    for key in [&*RSA, &*RSA_2, &*EC, &*EC_384, &*EC_521] {
        AUTH.accepts(key.kid(), &Draft::by(key).sign());
    }
}

#[test]
fn alg_of_the_key_binds_it() {
    let auth = Auth::with_keys([jwk_with(&RSA, "alg", "RS256")]);
    let all = |builder: rampart_core::RampartAuthBuilder| builder.algorithms(ALL);
    let keys = key_set([jwk_with(&RSA, "alg", "RS256")]);
    let any = Auth::new(|builder| all(builder).static_jwks(&*keys));
    auth.accepts("control", &Draft::by(&RSA).sign());
    for algorithm in [SignWith::RS384, SignWith::RS512] {
        auth.refuses(&format!("A08 {algorithm}"), &Draft::by(&RSA).with(algorithm).sign(), "V4");
    }
    for algorithm in [SignWith::PS256, SignWith::PS512, SignWith::RS512] {
        any.refuses(&format!("A08 {algorithm}"), &Draft::by(&RSA).with(algorithm).sign(), "V4");
        any.refuses(
            &format!("A08 {algorithm}, no kid"),
            &Draft::by(&RSA).with(algorithm).without_header("kid").sign(),
            "V4",
        );
    }
    // Both names of Ed25519 mean the same key.
    for own in [SignWith::EdDSA, SignWith::Ed25519] {
        let keys = key_set([jwk_with(&ED, "alg", own.as_str())]);
        let auth = Auth::new(|builder| all(builder).static_jwks(&*keys));
        for header in [SignWith::EdDSA, SignWith::Ed25519] {
            auth.accepts(&format!("{own} key, {header} token"), &Draft::by(&ED).with(header).sign());
        }
    }
}

#[test]
fn without_kid_every_key_that_fits_is_tried() {
    let stranger = generate(SignWith::RS256, "x");
    for key in [&*RSA, &*RSA_2, &*EC, &*EC_384, &*EC_521] {
        AUTH.accepts(&format!("A10 {}", key.kid()), &Draft::by(key).without_header("kid").sign());
    }
    AUTH.refuses("A10 by an unknown key", &Draft::by(&stranger).without_header("kid").sign(), "V5");
    let only_curve = Auth::with_keys([jwk(&EC)]);
    only_curve.refuses("A10 no key of that kind", &Draft::by(&RSA).without_header("kid").sign(), "V4");
    let anonymous = [jwk_with(&RSA, "kid", Value::Null), jwk(&EC)];
    let auth = Auth::with_keys(anonymous);
    auth.accepts("K08 neither has a kid", &Draft::by(&RSA).without_header("kid").sign());
    auth.refuses("K08 the token has one, the key has none", &Draft::by(&RSA).sign(), "V4");
    let empty = Auth::with_keys([jwk_with(&EC, "kid", "")]);
    empty.accepts("K08 the key has an empty one", &Draft::good().without_header("kid").sign());
}

#[test]
fn four_candidates_are_tried_and_a_fifth_refuses_the_token() {
    let keys: Vec<SigningKey> = (0..6).map(|_| generate(SignWith::ES256, "same")).collect();
    for count in 1..=6 {
        let with_kid = Auth::with_keys(keys[..count].iter().map(jwk));
        let without = Auth::with_keys(keys[..count].iter().map(|key| jwk_with(key, "kid", Value::Null)));
        for (at, key) in keys[..count].iter().enumerate() {
            let id = format!("S09 key {at} of {count}");
            let (named, unnamed) = (Draft::by(key).sign(), Draft::by(key).without_header("kid").sign());
            if count <= 4 {
                with_kid.accepts(&id, &named);
                with_kid.accepts(&id, &unnamed);
                without.accepts(&id, &unnamed);
            } else {
                with_kid.refuses(&id, &named, "V4");
                with_kid.refuses(&id, &unnamed, "V4");
                without.refuses(&id, &unnamed, "V4");
            }
        }
    }
    // Keys of another kind do not count, nor do those with a kid of their own where the token names one.
    let mut mixed: Vec<Value> = keys[..4].iter().map(jwk).collect();
    mixed.extend([jwk(&RSA), jwk(&EC_384), jwk(&EC_521), jwk(&ED)]);
    Auth::with_keys(&mixed)
        .accepts("four that fit, four that do not", &Draft::by(&keys[3]).without_header("kid").sign());
    mixed.push(jwk(&EC));
    let auth = Auth::with_keys(&mixed);
    auth.accepts("five that fit, four of that kid", &Draft::by(&keys[3]).sign());
    auth.accepts("five that fit, one of that kid", &Draft::good().sign());
    log::clear();
    assert_eq!(
        common::ready(auth.cached.verify(&Draft::good().without_header("kid").sign())).unwrap_err(),
        AuthError::InvalidToken
    );
    assert!(log::take().iter().any(|record| record.level == tracing::Level::WARN), "too many candidates are logged");
}

#[test]
fn keys_that_share_a_kid_are_told_apart() {
    let same = |key: &SigningKey| jwk_with(key, "kid", "same");
    let other_rsa = jwk_with(&RSA_2, "kid", "same");
    let with_alg = |alg: &str| {
        let mut jwk = same(&RSA);
        jwk["alg"] = alg.into();
        jwk
    };
    let encrypting = {
        let mut jwk = same(&RSA_2);
        jwk["use"] = "enc".into();
        jwk
    };
    let token = |key: &SigningKey| Draft::by(key).header("kid", r#""same""#).sign();
    let both_orders = |id: &str, keys: Vec<Value>, tokens: &[String]| {
        for keys in [keys.clone(), keys.into_iter().rev().collect()] {
            let auth = Auth::with_keys(keys);
            for token in tokens {
                auth.accepts(id, token);
            }
        }
    };
    both_orders("K07 identical twice", vec![same(&RSA), same(&RSA)], &[token(&RSA)]);
    both_orders("K07 RSA and EC", vec![same(&RSA), same(&EC)], &[token(&RSA), token(&EC)]);
    both_orders(
        "K07 three curves",
        vec![same(&EC), same(&EC_384), same(&EC_521)],
        &[token(&EC), token(&EC_384), token(&EC_521)],
    );
    both_orders("K07 sig and enc", vec![same(&RSA), encrypting], &[token(&RSA)]);
    both_orders("K07 two RSA keys", vec![same(&RSA), other_rsa], &[token(&RSA), token(&RSA_2)]);
    let per_alg = [SignWith::RS256, SignWith::RS384, SignWith::RS512]
        .map(|algorithm| Draft::by(&RSA).with(algorithm).header("kid", r#""same""#).sign());
    both_orders("K07 one key for each alg", ["RS256", "RS384", "RS512"].map(with_alg).to_vec(), &per_alg);
}

#[test]
fn first_hundred_usable_keys_are_taken() {
    let keys: Vec<SigningKey> = (0..102).map(|at| generate(SignWith::ES256, &format!("k{at}"))).collect();
    let mut entries = vec![json!({"kty": "oct", "k": "AAAA"}); 50];
    entries.extend(keys.iter().map(jwk));
    let set = KeySet::from_json(&key_set(&entries)).unwrap();
    assert_eq!(set.len(), 100);
    assert!(!set.is_empty());
    let auth = Auth::with_keys(&entries);
    for at in [0, 1, 50, 98, 99] {
        auth.accepts(&format!("S09 key {at}"), &Draft::by(&keys[at]).sign());
    }
    for at in [100, 101] {
        auth.refuses(&format!("S09 key {at}"), &Draft::by(&keys[at]).sign(), "V4");
    }
    let many: Vec<Value> = (0..10_000).map(|at| jwk_with(&EC, "kid", format!("k{at}"))).collect();
    let auth = Auth::with_keys(&many);
    auth.accepts("K10 S09 ten thousand", &Draft::good().header("kid", r#""k99""#).sign());
    auth.refuses("S09 ten thousand, no kid", &Draft::good().without_header("kid").sign(), "V4");
}

#[test]
fn text_that_is_no_key_set_is_refused() {
    let key = jwk(&EC).to_string();
    let cases = [
        ("S06 empty", String::new()),
        ("S06 HTML", "<!DOCTYPE html><html></html>".into()),
        ("S06 null", "null".into()),
        ("S06 array", format!("[{key}]")),
        ("S06 string", r#""keys""#.into()),
        ("S06 empty object", "{}".into()),
        ("S06 keys null", r#"{"keys":null}"#.into()),
        ("S06 keys object", format!(r#"{{"keys":{{"a":{key}}}}}"#)),
        ("S06 keys number", r#"{"keys":1}"#.into()),
        ("S06 keys string", r#"{"keys":"x"}"#.into()),
        ("S06 bare key", key.clone()),
        ("S06 truncated", format!(r#"{{"keys":[{key}"#)),
        ("S06 trailing garbage", format!("{}x", key_set([&key]))),
        ("S06 second object", format!("{0}{0}", key_set([&key]))),
        ("S06 byte order mark", format!("\u{feff}{}", key_set([&key]))),
        (
            "S06 discovery document",
            r#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}"#.into(),
        ),
        ("S06 OAuth error", r#"{"error":"server_error"}"#.into()),
        ("S06 NaN", format!(r#"{{"keys":[{key}],"x":NaN}}"#)),
        ("S06 other case", format!(r#"{{"Keys":[{key}]}}"#)),
        ("K03 keys twice", format!(r#"{{"keys":[{key}],"keys":[{key}]}}"#)),
        ("K03 unknown member twice", format!(r#"{{"a":1,"a":1,"keys":[{key}]}}"#)),
        ("S07 nested", format!("{}{}", "[".repeat(5000), "]".repeat(5000))),
        ("S07 nested beside the keys", format!(r#"{{"a":{}{},"keys":[{key}]}}"#, "[".repeat(5000), "]".repeat(5000))),
        ("S07 never closed", format!(r#"{{"keys":{}"#, "[".repeat(100_000))),
    ];
    for (id, text) in cases {
        assert_eq!(KeySet::from_json(&text).map(drop), Err(KeySetError::NotAKeySet), "{id}");
    }
    for (text, entries) in [(r#"{"keys":[]}"#, 0), (r#"{"keys":[{}]}"#, 1), (r#"{"keys":[{},null,1]}"#, 3)] {
        let error = KeySet::from_json(text).unwrap_err();
        assert_eq!(error, KeySetError::NoUsableKey { entries }, "S08 {text}");
        assert!(error.to_string().contains(&entries.to_string()));
    }
    assert!(KeySet::from_json(&key_set([&key])).is_ok(), "control");
}

#[test]
fn key_set_tells_what_it_verified() {
    let set = &common::KEYS;
    let found: BTreeSet<_> = [&*RSA, &*EC, &*EC_384, &*EC_521, &*ED]
        .into_iter()
        .map(|key| {
            let jws = set
                .verify(
                    &common::sign(
                        format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.algorithm(), key.kid()),
                        b"\x00\xff any bytes",
                        key,
                    ),
                    &ALL,
                )
                .unwrap();
            assert_eq!(jws.payload, b"\x00\xff any bytes");
            (jws.algorithm, jws.key_id)
        })
        .collect();
    assert_eq!(found.len(), 5);
    let unnamed = set.verify(&Draft::good().without_header("kid").sign(), &ALL).unwrap();
    assert_eq!((unnamed.algorithm, unnamed.key_id), (Algorithm::ES256, None));
}
