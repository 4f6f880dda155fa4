//! V5 for elliptic curves: raw r‖s of exact length, and the one form of Ed25519.

use crate::common::forge::{der, find, hex, minus, plus, signature, with};
use crate::common::{AUTH, Auth, Draft, EC, EC_384, EC_521, ED, SignWith};
use rampart_core::Algorithm;
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

/// X03.
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
        assert!(
            first.sub.as_ptr() != second.sub.as_ptr(),
            "T04 {}: the twin was answered from the other's entry",
            key.kid()
        );
    }
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
