//! Whether a text is one that was seen before, at a fraction of the cost of a cryptographic hash, and without keeping the text.
//!
//! It is NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC: Fast and Secure Message Authentication", CRYPTO 1999) with words of
//! 64 bits, twice, the second time with the key moved on by one pair of words. For two different texts of one length that are chosen
//! without knowledge of the key, the two agree with a probability of at most 2^-64 each, 2^-128 together.
//!
//! The key is random, belongs to this process, and never leaves it; nor does a fingerprint, which nothing shows and nobody can ask for. So
//! whoever chooses texts learns nothing, whatever is tried: after 2^40 pairs of texts the chance that one was taken for another is
//! at most 2^-88. It is no replacement for a hash that outsiders see.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::rand;

/// Of one text; equal for equal texts alone, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    length: u32,
    sums: [Sum; 2],
}

/// The 128 bits of a sum in two halves, as a `u128` would have to be aligned.
type Sum = [u64; 2];

/// Longer texts have no fingerprint: the key is as long as the text.
const LONGEST: usize = 16 * 1024;

/// Words come in pairs; one pair more than the longest text has, for the second sum.
type Key = Box<[[u64; 2]]>;

/// `None` where the system gives no random numbers.
static KEY: LazyLock<Option<Key>> = LazyLock::new(|| {
    let mut bytes = vec![0; LONGEST + PAIR];
    rand::fill(&mut bytes).ok()?;
    Some(bytes.as_chunks().0.iter().map(words).collect())
});

const PAIR: usize = 16;

impl Fingerprint {
    /// `None` for a text that is too long.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        let (key, length) = (KEY.as_ref()?, u32::try_from(text.len()).ok()?);
        (text.len() <= LONGEST).then(|| Self { length, sums: sums(text, key) })
    }
}

/// Both sums of products, modulo 2^128: each pair of words of the text, to which the key is added, modulo 2^64, is multiplied. The last
/// pair is filled up with zeros, which texts of one length all are alike.
fn sums(text: &[u8], key: &[[u64; 2]]) -> [Sum; 2] {
    let (whole, rest) = text.as_chunks::<PAIR>();
    let (keys, next_keys) = (key, key.get(1..).unwrap_or_default());
    let (mut first, mut second) = (0u128, 0u128);
    for ((pair, key), next_key) in whole.iter().zip(keys).zip(next_keys) {
        first = first.wrapping_add(product(words(pair), *key));
        second = second.wrapping_add(product(words(pair), *next_key));
    }
    let mut last = [0; PAIR];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    if let (false, Some([key, next_key, ..])) = (rest.is_empty(), key.get(whole.len()..)) {
        first = first.wrapping_add(product(words(&last), *key));
        second = second.wrapping_add(product(words(&last), *next_key));
    }
    [first, second].map(halves)
}

fn product([left, right]: [u64; 2], [left_key, right_key]: [u64; 2]) -> u128 {
    u128::from(left.wrapping_add(left_key)) * u128::from(right.wrapping_add(right_key))
}

#[allow(clippy::cast_possible_truncation, reason = "a half each")]
const fn halves(sum: u128) -> Sum {
    [sum as u64, (sum >> 64) as u64]
}

fn words(pair: &[u8; PAIR]) -> [u64; 2] {
    halves(u128::from_le_bytes(*pair))
}

/// Nothing of it: it is secret.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Vec<u8> {
        (0..251).cycle().step_by(31).take(length).collect()
    }

    /// Section 4.1 of the paper, and section 6 for the second sum, written down as they stand there.
    #[test]
    fn sums_are_those_of_the_paper() {
        let key: Vec<u64> = (1..=10u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let message: Vec<u64> = (1..=8u64).map(|number| number.wrapping_mul(0xd1b5_4a32_d192_ed03)).collect();
        let nh = |key: &[u64]| {
            let sum = |at: usize| u128::from(key[at].wrapping_add(message[at]));
            (0..message.len()).step_by(2).map(|at| sum(at) * sum(at + 1)).fold(0, u128::wrapping_add)
        };
        let bytes: Vec<u8> = message.iter().flat_map(|word| word.to_le_bytes()).collect();
        let key_pairs: Vec<[u64; 2]> = key.chunks(2).map(|pair| [pair[0], pair[1]]).collect();
        assert_eq!(sums(&bytes, &key_pairs), [nh(&key), nh(&key[2..])].map(halves));
    }

    #[test]
    fn every_byte_and_the_length_count() {
        for length in [0, 1, 15, 16, 17, 31, 32, 33, 700, LONGEST] {
            let whole = text(length);
            let fingerprint = Fingerprint::of(&whole).unwrap();
            assert_eq!(Fingerprint::of(&whole), Some(fingerprint), "{length}");
            for at in (0..length).step_by(1 + length / 1000) {
                let mut changed = whole.clone();
                changed[at] ^= 1;
                assert_ne!(Fingerprint::of(&changed), Some(fingerprint), "{length}: {at}");
            }
            if length < LONGEST {
                let longer = [whole.as_slice(), &[0]].concat();
                assert_ne!(Fingerprint::of(&longer), Some(fingerprint), "{length}: what fills it up is no part of it");
            }
        }
        let swapped = [&text(32)[16..], &text(32)[..16]].concat();
        assert_ne!(Fingerprint::of(&swapped), Fingerprint::of(&text(32)));
    }

    #[test]
    fn text_that_is_longer_than_the_key_has_none() {
        assert!(Fingerprint::of(&text(LONGEST)).is_some());
        assert!(Fingerprint::of(&text(LONGEST + 1)).is_none());
    }

    #[test]
    fn fingerprint_is_not_shown() {
        assert_eq!(format!("{:?}", Fingerprint::of(b"token")), "Some(Fingerprint)");
    }
}
