//! Whether a text is one that was seen before, at a fraction of the cost of a cryptographic hash, and without keeping the text: by what a
//! token is known in the cache of verified tokens and among the answers of introspection, and by what a request is known again.
//!
//! It is NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC: Fast and Secure Message Authentication", CRYPTO 1999) with words of
//! 64 bits, twice, the second time with the key moved on by one pair of words, and the length of the text.
//!
//! **Who chooses what.** Whoever sends requests chooses the texts, any number of them, each after having seen what came of those before. The
//! key is random, belongs to this process, and never leaves it; nor does a fingerprint, which nothing shows and nobody can ask for.
//!
//! **The bound.** Two texts of different lengths never agree. Two different ones of one length that are chosen without knowledge of the key
//! agree in one sum with a probability of at most 2^-64, and in both of at most 2^-128: so the paper's theorems on NH and its Toeplitz extension.
//!
//! **Why choosing one after another does not help.** What a sender learns of the key is whether a text of his was taken for another one.
//! Until that happens for the first time the answer is "no" each time, which he knew before: the texts that he tries are as good as
//! chosen in advance, and the chances add up. An attempt against 2^20 tokens that are kept has a chance of at most 2^-108, and 2^40
//! such attempts, two million a second for six days, have one of 2^-68 together. Genuine tokens are no other case: each is compared
//! with those that are kept, and 2^40 of them have the same chance of 2^-68 that one was ever taken for another.
//!
//! **Why the time that an answer takes does not help.** The sums themselves are no secret-keeping function: their last bits depend on the last bits of
//! the key alone, so that whoever could see some bits of them might learn the key bit by bit. Nobody can: multiplication takes the same time
//! whatever its operands; the place of a fingerprint in a table is made of it by a keyed pseudorandom function
//! ([`std::hash::RandomState`]), so that two texts that share a place, and so make one another slower to find by some nanoseconds, say nothing of
//! the key; and those that do share one are compared in a single step, whose time does not say how much of them agrees.
//!
//! **Where it is SHA-256.** Multiplying two words of 64 bits to 128 must be an instruction of the processor, of the same time for all operands: it is on
//! `x86_64` and `aarch64`. Elsewhere, for texts that are longer than the key, and where the system gives no random numbers, a
//! fingerprint is the SHA-256 of the text. It is no replacement for a hash that outsiders see.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use aws_lc_rs::rand;

use crate::token::hash::sha256;

/// Of one text; equal for equal texts alone, as far as it matters.
#[derive(Clone, Copy, Eq)]
pub(crate) struct Fingerprint {
    words: [u64; 4],
    length: u32,
    is_sha256: bool,
}

/// The 128 bits of a sum in two halves, as a `u128` would have to be aligned.
type Sum = [u64; 2];

/// The key is as long as the longest text.
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

/// Whether the processor multiplies 64 bits by 64 to 128, in the same time whatever they are.
const MULTIPLIES: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

impl Fingerprint {
    pub(crate) fn of(text: &[u8]) -> Self {
        match KEY.as_ref() {
            Some(key) if MULTIPLIES && text.len() <= LONGEST => Self::keyed(text, key),
            _ => Self::hashed(text),
        }
    }

    fn keyed(text: &[u8], key: &[[u64; 2]]) -> Self {
        let [[a, b], [c, d]] = sums(text, key);
        Self { words: [a, b, c, d], length: length(text), is_sha256: false }
    }

    fn hashed(text: &[u8]) -> Self {
        let mut words = [0; 4];
        words.iter_mut().zip(sha256(text).as_chunks().0).for_each(|(to, from)| *to = u64::from_le_bytes(*from));
        Self { words, length: length(text), is_sha256: true }
    }
}

/// All words in any case: who could tell that some of them agree, which half of a sum may do where a token was made for it, would learn of the
/// key.
impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        let Self { words, length, is_sha256 } = self;
        let differs = words.iter().zip(&other.words).fold(0, |differs, (own, other)| differs | (own ^ other));
        // The rest is no secret.
        differs == 0 && *length == other.length && *is_sha256 == other.is_sha256
    }
}

/// The words alone, in one piece: what differs in the rest is rare, and told apart by comparing.
impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        u64::hash_slice(&self.words, hasher);
    }
}

/// Beyond what this can say the hash alone decides.
fn length(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// Both sums of products, modulo 2^128: each pair of words of the text, to which the key is added, modulo 2^64, is multiplied. The last
/// pair is the last 16 bytes, whatever of them has been seen; in a shorter text it is filled up with zeros. Either way texts of one
/// length all are alike in it, and different ones stay different.
fn sums(text: &[u8], key: &[[u64; 2]]) -> [Sum; 2] {
    let (whole, rest) = text.as_chunks::<PAIR>();
    let (keys, next_keys) = (key, key.get(1..).unwrap_or_default());
    let (mut first, mut second) = (0u128, 0u128);
    for ((pair, key), next_key) in whole.iter().zip(keys).zip(next_keys) {
        first = first.wrapping_add(product(words(pair), *key));
        second = second.wrapping_add(product(words(pair), *next_key));
    }
    if let (false, Some([key, next_key, ..])) = (rest.is_empty(), key.get(whole.len()..)) {
        let last = words(&text.last_chunk().copied().unwrap_or_else(|| filled_up(rest)));
        first = first.wrapping_add(product(last, *key));
        second = second.wrapping_add(product(last, *next_key));
    }
    [first, second].map(halves)
}

fn filled_up(rest: &[u8]) -> [u8; PAIR] {
    let mut pair = [0; PAIR];
    pair.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    pair
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

    /// The same by hand, with numbers that no processor needs more than 64 bits for, and byte by byte.
    fn sums_by_hand(text: &[u8], key: &[[u64; 2]]) -> [Sum; 2] {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word: u64, byte| word * 256 + u64::from(*byte));
        let mut bytes = text.to_vec();
        if !bytes.len().is_multiple_of(16) {
            let tail = bytes.len().saturating_sub(16);
            let tail = [&text[tail..], &[0; 16]].concat();
            bytes.truncate(bytes.len() / 16 * 16);
            bytes.extend(&tail[..16]);
        }
        let add = |[low, high]: Sum, number: u64, by: u32| {
            let (upper, lower) = if by == 0 { (0, number) } else { (number >> (64 - by), number << by) };
            let (low, carry) = low.overflowing_add(lower);
            [low, high.wrapping_add(upper).wrapping_add(carry.into())]
        };
        [0, 1].map(|shift| {
            bytes.chunks(16).zip(&key[shift..]).fold([0, 0], |sum, (pair, [left_key, right_key])| {
                let left = word(&pair[..8]).wrapping_add(*left_key);
                let right = word(&pair[8..]).wrapping_add(*right_key);
                let [(l0, l1), (r0, r1)] = [left, right].map(|word| (word & 0xffff_ffff, word >> 32));
                let sum = add(add(add(sum, l0 * r0, 0), l0 * r1, 32), l1 * r0, 32);
                [sum[0], sum[1].wrapping_add(l1 * r1)]
            })
        })
    }

    #[test]
    fn sums_of_every_length_are_those_by_hand() {
        let key = KEY.as_ref().unwrap();
        let mut random = vec![0; LONGEST];
        rand::fill(&mut random).unwrap();
        for length in (0..=2000).chain([LONGEST - 17, LONGEST - 16, LONGEST - 15, LONGEST - 1, LONGEST]) {
            for text in [&random[..length], &vec![0; length], &vec![0xff; length], &text(length)] {
                assert_eq!(sums(text, key), sums_by_hand(text, key), "{length}");
            }
        }
    }

    #[test]
    fn fingerprints_that_differ_anywhere_are_two() {
        let one = Fingerprint::of(b"token");
        let others = (0..4).flat_map(|at| [1, 1 << 63].map(|bit| (at, bit))).map(|(at, bit)| {
            let mut other = one;
            other.words[at] ^= bit;
            other
        });
        let (longer, hashed) = (one.length + 1, !one.is_sha256);
        for other in others.chain([Fingerprint { length: longer, ..one }, Fingerprint { is_sha256: hashed, ..one }]) {
            assert!(one != other && other == { other });
        }
    }

    /// By either way, for each processor has but one of them.
    #[test]
    fn every_byte_and_the_length_count() {
        let key = KEY.as_ref().unwrap();
        let keyed = |text: &[u8]| Fingerprint::keyed(text, key);
        for way in [&keyed as &dyn Fn(&[u8]) -> Fingerprint, &Fingerprint::hashed, &Fingerprint::of] {
            for length in [0, 1, 15, 16, 17, 31, 32, 33, 700, LONGEST] {
                let whole = text(length);
                let fingerprint = way(&whole);
                assert_eq!(way(&whole), fingerprint, "{length}");
                for at in (0..length).step_by(1 + length / 1000) {
                    let mut changed = whole.clone();
                    changed[at] ^= 1;
                    assert_ne!(way(&changed), fingerprint, "{length}: {at}");
                }
                if length < LONGEST {
                    let longer = [whole.as_slice(), &[0]].concat();
                    assert_ne!(way(&longer), fingerprint, "{length}: what fills it up is no part of it");
                }
            }
            let swapped = [&text(32)[16..], &text(32)[..16]].concat();
            assert_ne!(way(&swapped), way(&text(32)));
        }
    }

    /// Their sums agree, whatever the key is: the length tells them apart.
    #[test]
    fn text_and_the_same_with_a_zero_behind_it_are_two() {
        let (short, long) = (b"token".as_slice(), b"token\0".as_slice());
        let key = KEY.as_ref().unwrap();
        assert_eq!(sums(short, key), sums(long, key));
        assert_ne!(Fingerprint::of(short), Fingerprint::of(long));
    }

    /// One bit more or less in a word of the text, and the sum moves by what only the key knows.
    #[test]
    fn what_a_change_does_to_the_sums_depends_on_the_key() {
        let (one, mut other) = (text(700), text(700));
        other[7] ^= 0x80;
        let moves = |seed: u64| {
            let key: Vec<[u64; 2]> = (1..=46)
                .map(|at: u64| {
                    [at, at + 100].map(|number| number.wrapping_mul(seed).rotate_left(29).wrapping_mul(seed))
                })
                .collect();
            let difference = |[low, high]: Sum, [other_low, other_high]: Sum| [low ^ other_low, high ^ other_high];
            let ([first, second], [other_first, other_second]) = (sums(&one, &key), sums(&other, &key));
            [difference(first, other_first), difference(second, other_second)]
        };
        let (one_key, other_key) = (moves(0x9e37_79b9_7f4a_7c15), moves(0xd1b5_4a32_d192_ed03));
        assert!(one_key.iter().zip(&other_key).all(|(one, other)| one != other && *one != [0; 2]));
    }

    #[test]
    fn text_that_is_longer_than_the_key_is_known_by_its_hash() {
        assert_eq!(Fingerprint::of(&text(LONGEST)).is_sha256, !MULTIPLIES);
        let beyond = text(LONGEST + 1);
        assert_eq!(Fingerprint::of(&beyond), Fingerprint::hashed(&beyond));
        let hash: Vec<u8> = Fingerprint::of(&beyond).words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(hash, sha256(&beyond));
    }

    #[test]
    fn fingerprint_is_not_shown() {
        assert_eq!(format!("{:?}", Fingerprint::of(b"token")), "Fingerprint");
    }
}
