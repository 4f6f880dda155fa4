//! Strict base64url (RFC 7515 section 2): no padding, no white space, no other alphabet, and zeros in the bits that the last
//! character has to spare (RFC 4648 section 3.5), so that no token and no key has a second spelling.

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::NO_PAD;

/// Takes the vector instructions of this processor for longer texts, where it has some.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
static STRICT: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
static STRICT: base64::engine::GeneralPurpose =
    base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD);

pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    STRICT.decode(text).ok()
}

/// Into a buffer, which has [`room`] for it.
pub(super) fn decode_into<'b>(text: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = STRICT.decode_slice(text, buffer).ok()?;
    buffer.get(..length)
}

/// Bytes that a text takes when it is decoded, at most.
pub(super) const fn room(text: &[u8]) -> usize {
    text.len() / 4 * 3 + 2
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_into, room};

    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Both ways of decoding.
    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = vec![0; room(text)];
        let whole = decode(text);
        assert_eq!(decode_into(text, &mut buffer), whole.as_deref(), "{}", text.escape_ascii());
        whole
    }

    /// Zeros but for one character of this value, which stands here.
    fn bytes(length: usize, place: usize, value: usize) -> Vec<u8> {
        let mut bytes = vec![0; length / 4 * 3];
        let bits = value << (18 - 6 * (place % 4));
        for (byte, shift) in bytes[place / 4 * 3..].iter_mut().zip([16, 8, 0]) {
            *byte = u8::try_from(bits >> shift & 0xff).unwrap();
        }
        bytes
    }

    /// Long texts are decoded in blocks of 16 or 32 characters, and what is left after them one by one.
    #[test]
    fn each_byte_is_one_of_the_alphabet_or_refused_wherever_it_stands() {
        for length in [4, 36, 64, 68, 100, 132] {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'A'; length];
                    text[place] = byte;
                    let value = ALPHABET.iter().position(|own| *own == byte);
                    let expected = value.map(|value| bytes(length, place, value));
                    assert_eq!(decoded(&text), expected, "{byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn spare_bits_of_the_last_character_are_zero_and_no_length_has_one_character_over() {
        for length in [0, 4, 36, 64, 100, 132] {
            let text = vec![b'A'; length];
            for (value, last) in ALPHABET.iter().enumerate() {
                let with = |before: &[u8]| decoded(&[&text, before, &[*last]].concat()).is_some();
                assert!(!with(b""), "one over, {value} after {length}");
                assert_eq!(with(b"A"), value % 16 == 0, "two over, {value} after {length}");
                assert_eq!(with(b"AA"), value % 4 == 0, "three over, {value} after {length}");
                assert!(with(b"AAA"), "{value} after {length}");
            }
        }
    }

    #[test]
    fn padding_and_white_space_are_refused_at_either_end() {
        for length in [0, 4, 64, 100] {
            for (over, padding) in [("", "===="), ("AA", "=="), ("AAA", "="), ("", "=")] {
                let text = format!("{}{over}", "A".repeat(length));
                assert!(decoded(text.as_bytes()).is_some(), "{text}");
                for around in [padding, " ", "\n", "\t", "\0"] {
                    assert_eq!(decoded(format!("{text}{around}").as_bytes()), None, "{around:?} after {text}");
                    assert_eq!(decoded(format!("{around}{text}").as_bytes()), None, "{around:?} before {text}");
                }
            }
        }
    }
}
