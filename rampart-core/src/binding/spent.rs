//! What a request has cost: its proof is spent once, however many guards, layers and objects look at it.

use std::fmt;
use std::sync::Arc;

use super::replay::{ReplayStore, SpentProof};
use crate::token::fingerprint::Fingerprint;

/// A proof that was spent for a request: in which store, and the very text that the request carries. Another text with the same `jti` is
/// another proof, and so a second use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Where the store is: stores do not move while an object holds them.
    store: usize,
    key: [u8; 32],
    text: Fingerprint,
}

impl Spent {
    pub(crate) fn new(store: &Arc<dyn ReplayStore>, proof: &SpentProof, text: Fingerprint) -> Self {
        Self { store: Arc::as_ptr(store).addr(), key: proof.key, text }
    }
}

/// Nothing that tells two of them apart.
impl fmt::Debug for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spent")
    }
}
