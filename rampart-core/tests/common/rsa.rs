//! RSA by hand: signatures that no library would make, to see that they are refused. The private key is made at run time.

use aws_lc_rs::digest::{Algorithm, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use serde_json::{Value, json};

use super::base64url;

pub(crate) struct RawRsa {
    pub(crate) n: Vec<u8>,
    e: Vec<u8>,
    d: Vec<u8>,
}

impl RawRsa {
    pub(crate) fn generate() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // PrivateKeyInfo { version, algorithm, OCTET STRING { RSAPrivateKey { version, n, e, d, .. } } }
        let (info, _) = element(der.as_ref());
        let (_, rest) = element(info);
        let (_, rest) = element(rest);
        let (key, _) = element(element(rest).0);
        let (_, rest) = element(key);
        let ((n, rest), number) =
            (element(rest), |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>());
        let (e, rest) = element(rest);
        let (d, _) = element(rest);
        Self { n: number(n), e: number(e), d: number(d) }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": base64url(&self.n), "e": base64url(&self.e)})
    }

    /// RSASP1 of RFC 8017 section 5.2.1: what comes out of it, whatever goes in.
    pub(crate) fn private(&self, encoded: &[u8]) -> Vec<u8> {
        mod_pow(encoded, &self.d, &self.n)
    }

    pub(crate) const fn len(&self) -> usize {
        self.n.len()
    }
}

/// EMSA-PKCS1-v1_5 of RFC 8017 section 9.2, around any `DigestInfo`.
pub(crate) fn pkcs1(digest_info: &[u8], length: usize) -> Vec<u8> {
    [&[0, 1], &*vec![0xff; length - digest_info.len() - 3], &[0], digest_info].concat()
}

/// EMSA-PSS of RFC 8017 section 9.1.1, for a modulus whose highest bit is set.
pub(crate) fn pss(
    message: &[u8],
    hash: &'static Algorithm,
    mgf: &'static Algorithm,
    salt: &[u8],
    length: usize,
) -> Vec<u8> {
    let message_hash = digest(hash, message);
    let h = digest(hash, &[&[0; 8], message_hash.as_ref(), salt].concat());
    let db_length = length - h.as_ref().len() - 1;
    let mut db = vec![0; db_length - salt.len() - 1];
    db.push(1);
    db.extend(salt);
    let mask =
        (0_u32..).flat_map(|counter| digest(mgf, &[h.as_ref(), &counter.to_be_bytes()].concat()).as_ref().to_vec());
    let mut masked: Vec<u8> = db.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    masked[0] &= 0x7f;
    [&*masked, h.as_ref(), &[0xbc]].concat()
}

/// The content of the first DER element, and what comes after it.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        long if long & 0x80 != 0 => {
            let end = 2 + usize::from(long & 0x7f);
            (der[2..end].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), end)
        }
        short => (usize::from(short), 2),
    };
    der[start..].split_at(length)
}

/// `base ^ exponent mod modulus`, big-endian, as long as the modulus; Montgomery's way.
fn mod_pow(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let n = limbs(modulus, modulus.len());
    let inverse = (0..6).fold(1_u64, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(n[0].wrapping_mul(inverse))));
    let multiply = |a: &[u64], b: &[u64]| multiply(a, b, &n, inverse.wrapping_neg());
    let mut power = vec![0; n.len()];
    power[0] = 1;
    let double = |mut number: Vec<u64>| {
        let overflow = number.last().unwrap() >> 63;
        for at in (0..number.len()).rev() {
            number[at] = number[at] << 1 | at.checked_sub(1).map_or(0, |below| number[below] >> 63);
        }
        reduce(number, overflow, &n)
    };
    for _ in 0..64 * n.len() {
        power = double(power);
    }
    let one = power.clone();
    for _ in 0..64 * n.len() {
        power = double(power);
    }
    let base = multiply(&limbs(base, modulus.len()), &power);
    let mut result = one;
    for bit in exponent.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)) {
        result = multiply(&result, &result);
        if bit == 1 {
            result = multiply(&result, &base);
        }
    }
    let mut plain = vec![0; n.len()];
    plain[0] = 1;
    let bytes: Vec<u8> = multiply(&result, &plain).iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
    bytes[bytes.len() - modulus.len()..].to_vec()
}

fn limbs(bytes: &[u8], length: usize) -> Vec<u64> {
    let mut limbs: Vec<u64> =
        bytes.rchunks(8).map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte))).collect();
    limbs.resize(length.div_ceil(8), 0);
    limbs
}

fn multiply(a: &[u64], b: &[u64], n: &[u64], inverse: u64) -> Vec<u64> {
    let split = |wide: u128| (u64::try_from(wide & u128::from(u64::MAX)).unwrap(), wide >> 64);
    let mut sum = vec![0_u64; n.len() + 2];
    for digit in b {
        let add = |sum: &mut [u64], factor: u64, number: &[u64]| {
            let mut carry = 0;
            for (at, own) in number.iter().enumerate() {
                (sum[at], carry) = split(u128::from(factor) * u128::from(*own) + u128::from(sum[at]) + carry);
            }
            for limb in &mut sum[number.len()..] {
                (*limb, carry) = split(u128::from(*limb) + carry);
            }
        };
        add(&mut sum, *digit, a);
        let factor = sum[0].wrapping_mul(inverse);
        add(&mut sum, factor, n);
        sum.rotate_left(1);
    }
    let overflow = sum[n.len()];
    sum.truncate(n.len());
    reduce(sum, overflow, n)
}

/// Takes the modulus off once, where the number is not below it.
fn reduce(number: Vec<u64>, overflow: u64, n: &[u64]) -> Vec<u64> {
    if overflow == 0 && number.iter().rev().lt(n.iter().rev()) {
        return number;
    }
    let mut borrow = false;
    let subtract = |(own, other): (&u64, &u64)| {
        let (once, first) = own.overflowing_sub(*other);
        let (twice, second) = once.overflowing_sub(u64::from(borrow));
        borrow = first || second;
        twice
    };
    number.iter().zip(n).map(subtract).collect()
}
