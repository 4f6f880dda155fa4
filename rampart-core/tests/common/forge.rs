//! Signatures and numbers by hand, and tokens with another signature than their own.

use rampart_issuer::SigningKey;

use super::{Draft, base64url, decode, parts};

pub(crate) fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// `a - b`, both big-endian of one length.
pub(crate) fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
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
pub(crate) fn plus(a: &[u8], b: &[u8]) -> Vec<u8> {
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

pub(crate) fn signing_input(token: &str) -> &str {
    token.rsplit_once('.').unwrap().0
}

pub(crate) fn signature(token: &str) -> Vec<u8> {
    decode(parts(token)[2])
}

/// The token with another signature.
pub(crate) fn with(token: &str, signature: impl AsRef<[u8]>) -> String {
    format!("{}.{}", signing_input(token), base64url(signature))
}

/// The first of many tokens by this key whose signature is as wanted.
pub(crate) fn find(key: &SigningKey, wanted: impl Fn(&[u8]) -> bool) -> String {
    let mut tokens = (0..).map(|at: u32| Draft::by(key).claim("n", &at.to_string()).sign());
    tokens.find(|token| wanted(&signature(token))).unwrap()
}

pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length: &[u8] = match content.len() {
        0..0x80 => &length[1..],
        0x80..0x100 => &[0x81, length[1]],
        _ => &[0x82, length[0], length[1]],
    };
    [&[tag], length, content].concat()
}
