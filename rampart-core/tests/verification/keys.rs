//! V4: which published keys can be used, and which of them may have signed a token.

use std::collections::BTreeSet;

use crate::common::{
    AUTH, Auth, Draft, EC, EC_384, EC_521, ED, EVERY, RSA, RSA_2, SignWith, base64url, generate, jwk, jwk_with,
    jwk_with_bytes, key_set, log, part,
};
use rampart_core::{Algorithm, AuthError, KeySet};
use rampart_issuer::SigningKey;
use serde_json::{Value, json};

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

/// K05.
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
    let all = |builder: rampart_core::RampartAuthBuilder| builder.algorithms(EVERY);
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
        crate::common::ready(auth.cached.verify(&Draft::good().without_header("kid").sign())).unwrap_err(),
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
fn key_set_tells_what_it_verified() {
    let set = &crate::common::KEYS;
    let found: BTreeSet<_> = [&*RSA, &*EC, &*EC_384, &*EC_521, &*ED]
        .into_iter()
        .map(|key| {
            let jws = set
                .verify(
                    &crate::common::sign(
                        format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.algorithm(), key.kid()),
                        b"\x00\xff any bytes",
                        key,
                    ),
                    &EVERY,
                )
                .unwrap();
            assert_eq!(jws.payload, b"\x00\xff any bytes");
            (jws.algorithm, jws.key_id)
        })
        .collect();
    assert_eq!(found.len(), 5);
    let unnamed = set.verify(&Draft::good().without_header("kid").sign(), &EVERY).unwrap();
    assert_eq!((unnamed.algorithm, unnamed.key_id), (Algorithm::ES256, None));
}
