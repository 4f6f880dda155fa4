//! Names that nobody has had before.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Of 128 bits in base64.
pub(crate) const RANDOM_LENGTH: usize = 22;

/// It is no secret.
pub(crate) fn random() -> String {
    URL_SAFE_NO_PAD.encode(fastrand::u128(..).to_be_bytes())
}
