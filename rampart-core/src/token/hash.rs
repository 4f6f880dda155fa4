//! SHA-256, where outsiders see a hash or compute it too.

use aws_lc_rs::digest::{SHA256, digest};

/// Of the whole token: as a proof names it (RFC 9449 section 4.2, `ath`), and by what an issuer's word about it is kept.
pub(crate) type TokenHash = [u8; 32];

pub(crate) fn sha256(bytes: &[u8]) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
