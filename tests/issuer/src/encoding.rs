//! The alphabet of tokens and keys, and what is new in each: the time, and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Base64url without padding (RFC 7515 section 2).
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What [`base64url`] has made; `None` for any other text.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// 128 random bits.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Where the system has no randomness left, what is made of them is merely alike.
    let _ = rand::fill(&mut bytes);
    bytes
}

/// A random UUID (RFC 9562 section 5.4).
pub(crate) fn uuid() -> String {
    let random = u128::from_be_bytes(random());
    let marked = random & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{marked:032x}");
    let digits = |from, to| hex.get(from..to).unwrap_or_default();
    [digits(0, 8), digits(8, 12), digits(12, 16), digits(16, 20), digits(20, 32)].join("-")
}
