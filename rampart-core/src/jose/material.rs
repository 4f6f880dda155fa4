//! The numbers of a public key, from the members of a JSON Web Key (RFC 7518 section 6) to the form that the cryptographic
//! library takes.

use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};

use super::algorithm::{Algorithm, Kind, Scheme};
use super::base64url;
use super::roca;
use rampart_http::json::Value;

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Enough for 8192 bits with some leading zero octets; longer texts are not even decoded.
const MAX_COORDINATE_CHARS: usize = 1400;

/// The bytes of one number of the key, or an early return with what is wrong with it.
macro_rules! number {
    ($member:ident, $has_certificate:expr) => {
        match $member {
            None if $has_certificate => {
                return Err(concat!(
                    "its ",
                    stringify!($member),
                    " is missing: a key that is given by its certificate alone (x5c) is not read"
                ))
            }
            None => return Err(concat!("its ", stringify!($member), " is missing")),
            Some(value) => bytes(value).ok_or(concat!("its ", stringify!($member), " is not strict base64url"))?,
        }
    };
}

/// Public key material in the form the cryptographic library takes.
pub(crate) enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point, or the 32 bytes of an Ed25519 key.
    Point(Vec<u8>),
}

impl Material {
    pub(crate) fn rsa(n: Option<Value<'_>>, e: Option<Value<'_>>, has_certificate: bool) -> Result<Self, &'static str> {
        let n = without_leading_zeros(number!(n, has_certificate));
        let e = without_leading_zeros(number!(e, has_certificate));
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err("its modulus does not have 2048 to 8192 bits");
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if !is_odd(&n) || !is_odd(&e) || e.len() > 4 || e == [1] {
            return Err("its modulus is even, or its exponent is not an odd number from 3 to 32 bits");
        }
        if roca::has_fingerprint(&n) {
            return Err(
                "its modulus is of a broken generator (ROCA, CVE-2017-15361), so that its private key can be found: whoever made it should replace it",
            );
        }
        Ok(Self::Rsa { n, e })
    }

    pub(crate) fn curve(
        kind: Kind,
        x: Option<Value<'_>>,
        y: Option<Value<'_>>,
        has_certificate: bool,
    ) -> Result<Self, &'static str> {
        let length = kind.coordinate_bytes();
        let x = number!(x, has_certificate);
        if kind == Kind::Ed25519 {
            if x.len() != length || is_small_order(&x) {
                return Err("its x is not a full-length point of large order");
            }
            return Ok(Self::Point(x));
        }
        let y = number!(y, has_certificate);
        if x.len() != length || y.len() != length {
            return Err("its coordinates do not have the full length of the curve");
        }
        Ok(Self::Point([&[4], x.as_slice(), y.as_slice()].concat()))
    }

    pub(crate) fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, &'static str> {
        let parsed = match (self, algorithm.row().scheme) {
            (Self::Rsa { n, e }, Scheme::Rsa(parameters)) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(drop)
            }
            (Self::Point(point), Scheme::Curve(curve)) => ParsedPublicKey::new(curve, point).map_err(drop),
            // The key is of another kind.
            _ => Err(()),
        };
        parsed.map_err(|()| "it is not a valid public key")
    }

    pub(crate) const fn signature_bytes(&self, kind: Kind) -> usize {
        match self {
            Self::Rsa { n, .. } => n.len(),
            Self::Point(_) => 2 * kind.coordinate_bytes(),
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            // `e` has at most four bytes, so a fixed four of them keep the two numbers apart.
            Self::Rsa { mut n, e } => {
                n.extend(std::iter::repeat_n(0, 4 - e.len()).chain(e));
                n
            }
            Self::Point(point) => point,
        }
    }
}

/// The bytes of the member; strict, as RFC 7515 section 2 has it: padding and the other alphabet are refused here too.
fn bytes(value: Value<'_>) -> Option<Vec<u8>> {
    let text = value.into_str().filter(|text| text.len() <= MAX_COORDINATE_CHARS)?;
    base64url::decode(text.as_bytes())
}

/// RFC 7518 section 6.3.1.1 forbids them, real issuers send them, and they change nothing.
fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

/// Points of order 1, 2, 4 and 8 in every encoding (RFC 7748 section 7 lists the orders): anybody can sign for them.
fn is_small_order(x: &[u8]) -> bool {
    /// Their y coordinates, little-endian, without the sign bit.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = [0_u8; 32];
    y.copy_from_slice(x.get(..32).unwrap_or(&[0; 32]));
    y[31] &= 0x7f;
    // 0 and 1, and p - 1, p, p + 1 with p = 2^255 - 19: the low byte differs, the rest is all zeros or all ones.
    let small = y[0] <= 1 && y[1..].iter().all(|byte| *byte == 0);
    let near_p = (0xec..=0xee).contains(&y[0]) && y[1..31].iter().all(|byte| *byte == 0xff) && y[31] == 0x7f;
    small || near_p || ORDER_8.contains(&y)
}
