//! V5: the signature, over the very bytes received, by the algorithm of the header, in the one encoding that it has.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::rsa::{RawRsa, pkcs1, pss};
use common::{
    AUTH, Auth, Draft, EC, EC_384, EC_521, ED, KEYS, RSA, RSA_2, SignWith, base64url, decode, generate, jwk, key_set,
    parts, quoted,
};
use rampart_core::{Algorithm, KeySet};
use rampart_issuer::SigningKey;

/// An elliptic curve: key, algorithm name, and the order of its base point.
fn curves() -> [(&'static SigningKey, Vec<u8>); 3] {
    [
        (&*EC, hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")),
        (
            &*EC_384,
            hex("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
        ),
        (
            &*EC_521,
            hex(&format!("01{}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", "ff".repeat(32))),
        ),
    ]
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// `a - b`, both big-endian of one length.
fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let value = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(value < 0);
            u8::try_from(value & 0xff).unwrap()
        })
        .collect();
    difference.reverse();
    difference
}

/// `a + b`, big-endian, one byte longer where it must be.
fn plus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(a, b)| {
            let value = u16::from(*a) + u16::from(*b) + carry;
            carry = value >> 8;
            u8::try_from(value & 0xff).unwrap()
        })
        .collect();
    if carry > 0 {
        sum.push(1);
    }
    sum.reverse();
    sum
}

fn signing_input(token: &str) -> &str {
    token.rsplit_once('.').unwrap().0
}

fn signature(token: &str) -> Vec<u8> {
    decode(parts(token)[2])
}

/// The token with another signature.
fn with(token: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{}.{}", signing_input(token), base64url(signature))
}

/// The first of many tokens by this key whose signature is as wanted.
fn find(key: &SigningKey, wanted: impl Fn(&[u8]) -> bool) -> String {
    let mut tokens = (0..).map(|at: u32| Draft::by(key).claim("n", &at.to_string()).sign());
    tokens.find(|token| wanted(&signature(token))).unwrap()
}

#[test]
fn any_change_of_the_signed_bytes_is_noticed() {
    for key in [&*RSA, &*RSA_2, &*EC, &*EC_384, &*EC_521] {
        let kid = key.kid();
        let token = Draft::by(key).sign();
        let [h, p, s] = parts(&token);
        AUTH.accepts(kid, &token);
        let genuine = signature(&token);
        for at in 0..genuine.len() {
            let mut forged = genuine.clone();
            forged[at] ^= 1 << (at % 8);
            AUTH.refuses(&format!("C01 {kid}, bit {} of byte {at}", at % 8), &with(&token, forged), "V5");
        }
        let admin = Draft::by(key).claim("roles", r#"["admin"]"#).sign();
        let other_header = Draft::by(key).header("typ", r#""JWT""#).sign();
        AUTH.refuses("C01 payload of another token", &format!("{h}.{}.{s}", parts(&admin)[1]), "V5");
        AUTH.refuses("C01 header of another token", &format!("{}.{p}.{s}", parts(&other_header)[0]), "V5");
        AUTH.refuses("C01 signature of another token", &format!("{h}.{p}.{}", parts(&admin)[2]), "V5");
        let spaced = base64url(format!("{} ", Draft::by(key).payload.to_json()));
        AUTH.refuses("C01 same JSON, other bytes", &format!("{h}.{spaced}.{s}"), "V5");
    }
}

#[test]
fn signature_by_another_key_is_refused() {
    for key in [&*RSA, &*EC, &*EC_384, &*EC_521] {
        let attacker = generate(key.algorithm(), key.kid());
        AUTH.refuses(&format!("C08 {}", key.kid()), &Draft::by(&attacker).sign(), "V5");
    }
}

#[test]
fn algorithm_of_the_header_is_the_one_that_counts() {
    use SignWith::{PS256, PS384, PS512, RS256, RS384, RS512};
    let all = [RS256, RS384, RS512, PS256, PS384, PS512];
    let allowed = all.map(|name| name.as_str().parse::<Algorithm>().unwrap());
    for said in all {
        for used in all {
            let mut draft = Draft::by(&RSA).with(said);
            draft.algorithm = used;
            let verified = KEYS.verify(&draft.sign(), &allowed).is_ok();
            assert_eq!(verified, said == used, "A08 header {said}, signature {used}");
        }
    }
    // Every signature under the name of every other kind of key, with the kid of that kind.
    let keys = [&*RSA, &*EC, &*EC_384, &*EC_521];
    for signer in keys {
        for named in keys.into_iter().filter(|named| named.kid() != signer.kid()) {
            let mut draft = Draft::by(signer);
            draft.header = Draft::by(named).header;
            AUTH.refuses(&format!("A07 {} as {}", signer.kid(), named.kid()), &draft.sign(), "V5");
        }
    }
}

#[test]
fn public_key_is_no_secret_of_a_mac() {
    let n = decode(RSA.public_jwk()["n"].as_str().unwrap());
    let (x, y) = (decode(EC.public_jwk()["x"].as_str().unwrap()), decode(EC.public_jwk()["y"].as_str().unwrap()));
    let point = [&[4], &*x, &*y].concat();
    let pkcs1 = der(0x30, &[der(2, &[&[0], &*n].concat()), der(2, &[1, 0, 1])].concat());
    let rsa_spki = spki(&hex("06092a864886f70d0101010500"), &pkcs1);
    let ec_spki = spki(&hex("06072a8648ce3d020106082a8648ce3d030107"), &point);
    let (rsa_pem, ec_pem, pkcs1_pem) =
        (pem("PUBLIC KEY", &rsa_spki), pem("PUBLIC KEY", &ec_spki), pem("RSA PUBLIC KEY", &pkcs1));
    let canonical = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{}"}}"#, base64url(&n));
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("SPKI PEM", rsa_pem.clone().into()),
        ("SPKI PEM, no final line feed", rsa_pem.trim_end().into()),
        ("SPKI PEM, CRLF", rsa_pem.replace('\n', "\r\n").into()),
        ("SPKI PEM, leading space", format!(" {rsa_pem}").into()),
        ("PKCS#1 PEM", pkcs1_pem.clone().into()),
        ("PKCS#1 PEM, no final line feed", pkcs1_pem.trim_end().into()),
        ("SPKI DER", rsa_spki),
        ("PKCS#1 DER", pkcs1),
        ("modulus", n.clone()),
        ("modulus in base64url", base64url(&n).into()),
        ("JWK", jwk(&RSA).to_string().into()),
        ("canonical JWK", canonical.into()),
        ("EC PEM", ec_pem.into()),
        ("EC SPKI DER", ec_spki),
        ("EC point", point),
        ("EC coordinates", [&*x, &*y].concat()),
        ("EC x", x),
        ("empty", Vec::new()),
        ("guessed", b"secret".to_vec()),
    ];
    for (alg, mac) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        for (id, secret) in &secrets {
            for key in [&*RSA, &*EC] {
                let sign = |draft: &Draft| {
                    let token = draft.sign();
                    let tag = hmac::sign(&hmac::Key::new(mac, secret), signing_input(&token).as_bytes());
                    with(&token, tag)
                };
                let id = format!("A05 A06 {alg} with {id}, {}", key.kid());
                let said = Draft::by(key).header("alg", &quoted(alg));
                AUTH.refuses(&id, &sign(&said), "V3");
                AUTH.refuses(&format!("{id}, no kid"), &sign(&said.without_header("kid")), "V3");
                AUTH.refuses(&format!("{id}, under the true alg"), &sign(&Draft::by(key)), "V5");
            }
        }
    }
    let octets = r#"{"kty":"oct","kid":"oct-1","alg":"HS256","k":"c2VjcmV0"}"#;
    let auth = Auth::with_keys([octets.to_owned(), jwk(&RSA).to_string()]);
    let token = Draft::by(&RSA).header("alg", r#""HS256""#).header("kid", r#""oct-1""#).sign();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"secret"), signing_input(&token).as_bytes());
    auth.refuses("A21 symmetric key in the set", &with(&token, tag), "V3");
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length: &[u8] = match content.len() {
        0..0x80 => &length[1..],
        0x80..0x100 => &[0x81, length[1]],
        _ => &[0x82, length[0], length[1]],
    };
    [&[tag], length, content].concat()
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x30, algorithm), der(3, &[&[0], key].concat())].concat())
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

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

#[test]
fn ecdsa_signature_is_two_full_length_integers() {
    for (key, order) in curves() {
        let kid = key.kid();
        let token = Draft::by(key).sign();
        let genuine = signature(&token);
        let half = order.len();
        assert_eq!(genuine.len(), 2 * half, "C06 {kid}");
        let (r, s) = genuine.split_at(half);
        let number = |value: u8| [vec![0; half - 1], vec![value]].concat();
        let both = |r: &[u8], s: &[u8]| [r, s].concat();
        let below = minus(&order, &number(1));
        let sum = plus(r, &order);
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("C05 zeros", vec![0; 2 * half]),
            ("C05 one byte", vec![0]),
            ("C05 DER of two zeros", hex("3006020100020100")),
            ("C05 r = 0, s = 1", both(&number(0), &number(1))),
            ("C05 r = 1, s = 0", both(&number(1), &number(0))),
            ("C05 r = 0", both(&number(0), s)),
            ("C05 s = 0", both(r, &number(0))),
            ("C05 too many zeros", vec![0; 1000]),
            ("C06 r = n", both(&order, s)),
            ("C06 s = n", both(r, &order)),
            ("C06 r = s = n", both(&order, &order)),
            ("C06 r = s = n - 1", both(&below, &below)),
            ("C06 r = s = 1", both(&number(1), &number(1))),
            ("C06 all ones", vec![0xff; 2 * half]),
            ("C06 swapped", both(s, r)),
            ("C06 r + n, truncated", both(&sum[sum.len() - half..], s)),
            ("C06 r + n", both(&sum, s)),
            ("C06 n - r", both(&minus(&order, r), s)),
            ("C06 one byte more each", both(&[&[0], r].concat(), &[&[0], s].concat())),
            ("C06 one byte less", genuine[..2 * half - 1].to_vec()),
            ("C06 first byte cut", genuine[1..].to_vec()),
            ("C06 trailing byte", both(&genuine, &[0])),
            ("C06 recovery byte", both(&genuine, &[27])),
            ("C06 recovery byte in front", both(&[27], &genuine)),
            ("C06 half", r.to_vec()),
            ("C06 doubled", both(&genuine, &genuine)),
            ("C06 DER", der_signature(r, s)),
            ("C07 64 bytes", if half == 32 { vec![1; 64] } else { genuine[..64].to_vec() }),
            ("C07 96 bytes", vec![1; 96]),
            ("C07 128 bytes", vec![1; 128]),
            ("C07 132 bytes", vec![1; 132]),
            ("C07 136 bytes", vec![1; 136]),
        ];
        for (id, forged) in cases {
            AUTH.refuses(&format!("{id}, {kid}"), &with(&token, forged), "V5");
        }
        // P-521: the highest byte of an integer is 0 or 1, so one without leading zero bytes does not exist.
        let short = if half == 66 { find(key, |signature| signature[..2] == [0, 0]) } else { find(key, |s| s[0] == 0) };
        AUTH.accepts(&format!("C06 leading zero kept, {kid}"), &short);
        AUTH.refuses(&format!("C06 leading zero stripped, {kid}"), &with(&short, &signature(&short)[1..]), "V5");
    }
}

fn der_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap();
        let sign: &[u8] = if number[start] & 0x80 == 0 { &[] } else { &[0] };
        der(2, &[sign, &number[start..]].concat())
    };
    der(0x30, &[integer(r), integer(s)].concat())
}

#[test]
fn both_signatures_of_an_ecdsa_pair_hold_and_are_cached_apart() {
    for (key, order) in curves() {
        let token = Draft::by(key).sign();
        let genuine = signature(&token);
        let (r, s) = genuine.split_at(order.len());
        let twin = with(&token, [r, &minus(&order, s)].concat());
        assert_ne!(token, twin);
        let first = AUTH.accepts(&format!("C04 {}", key.kid()), &token);
        let second = AUTH.accepts(&format!("C04 twin, {}", key.kid()), &twin);
        assert!(!Arc::ptr_eq(&first, &second), "T04 {}: the twin was answered from the other's entry", key.kid());
    }
}

#[test]
fn token_in_the_cache_does_not_vouch_for_one_that_looks_like_it() {
    let token = Draft::good().sign();
    let [h, p, _] = parts(&token);
    AUTH.accepts("T04 verified first", &token);
    let mut forged = signature(&token);
    forged[40] ^= 1;
    AUTH.refuses("T04 other signature", &with(&token, forged), "V5");
    AUTH.refuses("T04 beginning alone", &token[..64], "V2");
    AUTH.refuses("T04 one byte more", &format!("{token}A"), "V5");
    let mut payload = decode(p);
    *payload.last_mut().unwrap() = b' ';
    AUTH.refuses("T04 same beginning", &format!("{h}.{}.{}", base64url(payload), parts(&token)[2]), "V5");
    AUTH.accepts("T04 the good one still", &token);
}

#[test]
fn ed25519_signature_has_one_form() {
    // L of RFC 8032 section 5.1, little-endian.
    let mut order = hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    for alg in [SignWith::EdDSA, SignWith::Ed25519] {
        let auth = Auth::new(|builder| builder.algorithms([Algorithm::EdDSA, Algorithm::Ed25519]));
        let token = Draft::by(&ED).with(alg).sign();
        auth.accepts(alg.as_str(), &token);
        let genuine = signature(&token);
        let (r, s) = genuine.split_at(32);
        let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
        let larger = reversed(&plus(&reversed(s), &reversed(&order)));
        let mut high_bit = genuine.clone();
        high_bit[63] |= 0x80;
        let identity = [&[1], &[0; 31][..]].concat();
        let non_canonical = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("S + L", [r, &larger].concat()),
            ("high bit of S", high_bit),
            ("S = L", [r, &order].concat()),
            ("zeros", vec![0; 64]),
            ("all ones", vec![0xff; 64]),
            ("R the identity, S zero", [&*identity, &[0; 32]].concat()),
            ("R not canonical, S zero", [&*non_canonical, &[0; 32]].concat()),
            ("R of small order", [&[0; 32][..], s].concat()),
            ("63 bytes", genuine[..63].to_vec()),
            ("65 bytes", [&*genuine, &[0]].concat()),
            ("swapped", [s, r].concat()),
        ];
        for (id, forged) in cases {
            auth.refuses(&format!("C09 {alg}, {id}"), &with(&token, forged), "V5");
        }
    }
}
