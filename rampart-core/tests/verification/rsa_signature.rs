//! V5 for RSA: the length of a signature, and the one form of its padding.

use std::sync::LazyLock;

use crate::common::forge::{find, hex, minus, plus, signature, signing_input, with};
use crate::common::rsa::{RawRsa, pkcs1, pss};
use crate::common::{AUTH, Auth, Draft, RSA, SignWith, decode, key_set, quoted};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use rampart_core::{Algorithm, KeySet};

#[test]
fn rsa_signature_has_exactly_the_length_of_the_modulus() {
    let token = Draft::by(&RSA).sign();
    let (genuine, n) = (signature(&token), decode(RSA.public_jwk()["n"].as_str().unwrap()));
    let mut one = vec![0; 256];
    one[255] = 1;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("256 zero bytes", vec![0; 256]),
        ("one zero byte", vec![0]),
        ("one, short", vec![1]),
        ("one, full length", one.clone()),
        ("all ones", vec![0xff; 256]),
        ("n - 1", minus(&n, &one)),
        ("n", n.clone()),
        ("s + n", plus(&genuine, &n)),
        ("leading zero added", [&[0], &*genuine].concat()),
        ("trailing zero added", [&*genuine, &[0]].concat()),
        ("first byte cut", genuine[1..].to_vec()),
        ("last byte cut", genuine[..255].to_vec()),
        ("three bytes", vec![1; 3]),
        ("64 bytes", vec![1; 64]),
        ("512 bytes", vec![1; 512]),
        ("doubled", [&*genuine, &*genuine].concat()),
        ("reversed", genuine.iter().rev().copied().collect()),
    ];
    for (id, forged) in cases {
        AUTH.refuses(&format!("C02 {id}"), &with(&token, forged), "V5");
    }
    for algorithm in [SignWith::RS384, SignWith::RS512] {
        let token = Draft::by(&RSA).with(algorithm).sign();
        AUTH.accepts(algorithm.as_str(), &token);
        AUTH.refuses("C02 cut", &with(&token, &signature(&token)[..255]), "V5");
    }
    let token = find(&RSA, |signature| signature[0] == 0);
    AUTH.accepts("C02 leading zero kept", &token);
    AUTH.refuses("C02 leading zero stripped", &with(&token, &signature(&token)[1..]), "V5");
}

static RAW: LazyLock<RawRsa> = LazyLock::new(RawRsa::generate);

/// A signature over the signing input of a token, made from an encoded message of any form.
fn by_hand(alg: &str, encode: impl Fn(&[u8], usize) -> Vec<u8>) -> String {
    let token = Draft::by(&RSA).header("alg", &quoted(alg)).header("kid", r#""raw""#).sign();
    let encoded = encode(signing_input(&token).as_bytes(), RAW.len());
    with(&token, RAW.private(&encoded))
}

/// `DigestInfo` of RFC 8017 section 9.2, note 1.
fn digest_info(prefix: &str, hash: &[u8]) -> Vec<u8> {
    [&*hex(prefix), hash].concat()
}

const SHA1_PREFIX: &str = "3021300906052b0e03021a05000414";
const SHA256_PREFIX: &str = "3031300d060960864801650304020105000420";
const SHA512_PREFIX: &str = "3051300d060960864801650304020305000440";

fn hash(message: &[u8]) -> Vec<u8> {
    digest(&SHA256, message).as_ref().to_vec()
}

fn info(message: &[u8]) -> Vec<u8> {
    digest_info(SHA256_PREFIX, &hash(message))
}

type Encode = Box<dyn Fn(&[u8], usize) -> Vec<u8>>;

#[test]
fn pkcs1_padding_has_one_form() {
    let auth = Auth::with_keys([RAW.jwk("raw")]);
    auth.accepts("control", &by_hand("RS256", |message, k| pkcs1(&info(message), k)));
    let of = |change: fn(&mut Vec<u8>)| -> Encode {
        Box::new(move |message, k| {
            let mut encoded = pkcs1(&info(message), k);
            change(&mut encoded);
            encoded
        })
    };
    let around = |make: fn(&[u8]) -> Vec<u8>| -> Encode { Box::new(move |message, k| pkcs1(&make(&hash(message)), k)) };
    let cases: Vec<(&str, Encode)> = vec![
        (
            "C03 SHA-1",
            Box::new(|message, k| {
                pkcs1(&digest_info(SHA1_PREFIX, digest(&SHA1_FOR_LEGACY_USE_ONLY, message).as_ref()), k)
            }),
        ),
        (
            "A08 SHA-512",
            Box::new(|message, k| pkcs1(&digest_info(SHA512_PREFIX, digest(&SHA512, message).as_ref()), k)),
        ),
        ("C03 block type 0", of(|encoded| encoded[1] = 0)),
        ("C03 block type 2", of(|encoded| encoded[1] = 2)),
        ("C03 padding with another byte", of(|encoded| encoded[100] = 0xfe)),
        ("C03 padding with a zero", of(|encoded| encoded[10] = 0)),
        ("C03 no separator", of(|encoded| encoded[256 - 52] = 0xff)),
        (
            "C03 short padding, garbage at the end",
            of(|encoded| {
                let info = encoded.split_off(256 - 52);
                encoded.truncate(10);
                encoded.extend(info);
                encoded.resize(256, 0xaa);
            }),
        ),
        (
            "C03 short padding, zeros at the end",
            of(|encoded| {
                let info = encoded.split_off(256 - 52);
                encoded.truncate(10);
                encoded.extend(info);
                encoded.resize(256, 0);
            }),
        ),
        (
            "C03 missing NULL",
            around(|hash| digest_info("302f300b0609608648016503040201", &[&[4, 0x20], hash].concat())),
        ),
        ("C03 long-form length", around(|hash| digest_info("308131300d060960864801650304020105000420", hash))),
        ("C03 long-form inner length", around(|hash| digest_info("303230810d060960864801650304020105000420", hash))),
        (
            "C03 parameters hold more",
            around(|hash| digest_info("3033300f06096086480165030402010502000004", &[&[0x20], hash].concat())),
        ),
        ("C03 hash alone", around(<[u8]>::to_vec)),
        ("C03 digest info of SHA-512 around SHA-256", around(|hash| digest_info(SHA512_PREFIX, hash))),
        ("C03 trailing byte in the digest info", around(|hash| digest_info(SHA256_PREFIX, &[hash, &[0]].concat()))),
        ("A08 PSS", Box::new(|message, k| pss(message, &SHA256, &SHA256, &[7; 32], k))),
    ];
    for (id, encode) in cases {
        auth.refuses(id, &by_hand("RS256", encode), "V5");
    }
}

#[test]
fn pss_salt_is_as_long_as_the_hash() {
    let keys = KeySet::from_json(&key_set([RAW.jwk("raw")])).unwrap();
    let passes = |alg: &str, encode: &dyn Fn(&[u8], usize) -> Vec<u8>| {
        keys.verify(&by_hand(alg, encode), &[Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]).is_ok()
    };
    for (alg, hash, length) in [("PS256", &SHA256, 32), ("PS384", &SHA384, 48), ("PS512", &SHA512, 64)] {
        for salt in [0, 1, 20, 31, 32, 33, 48, 64, 100] {
            let verified = passes(alg, &|message, k| pss(message, hash, hash, &vec![7; salt], k));
            assert_eq!(verified, salt == length, "C03 {alg} with a salt of {salt}");
        }
        let salt = vec![7; length];
        assert!(!passes(alg, &|message, k| pss(message, hash, &SHA1_FOR_LEGACY_USE_ONLY, &salt, k)), "C03 {alg}: MGF1");
        let trailer = |message: &[u8], k| {
            let mut encoded = pss(message, hash, hash, &salt, k);
            *encoded.last_mut().unwrap() = 0xcc;
            encoded
        };
        assert!(!passes(alg, &trailer), "C03 {alg}: trailer");
        assert!(
            !passes(alg, &|message, k| { pkcs1(&digest_info(SHA256_PREFIX, digest(&SHA256, message).as_ref()), k) }),
            "A08 {alg}: PKCS#1 v1.5"
        );
    }
    assert!(!passes("PS256", &|message, k| pss(message, &SHA512, &SHA512, &[7; 64], k)), "A08 PS256 with SHA-512");
    assert!(!passes("PS256", &|message, k| pss(message, &SHA256, &SHA512, &[7; 32], k)), "C03 PS256 with MGF1-SHA512");
}
