//! Tokens that have been verified, so that the next request with the same one costs a [fingerprint](super::fingerprint) instead of a
//! signature check.

use std::hash::RandomState;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;

/// By the fingerprint of the whole token, signature included: nothing else stands for it, and the token itself is not kept. Where a
/// fingerprint has its place is to be made of it by a keyed pseudorandom function: see there.
pub(crate) struct TokenCache(Cache<Fingerprint, Entry, Bytes, RandomState>);

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) claims: Arc<Claims>,
    /// By whose rules, by its number: it must still be one of the issuers.
    pub(crate) issuer: u64,
    /// The key that verified the signature: it must still be in the set.
    pub(crate) key: u64,
}

impl TokenCache {
    pub(crate) fn new(bytes: usize) -> Self {
        const TYPICAL_ENTRY: usize = 1536;
        let lifecycle = DefaultLifecycle::default();
        Self(Cache::with((bytes / TYPICAL_ENTRY).max(16), bytes as u64, Bytes, RandomState::new(), lifecycle))
    }

    pub(crate) fn get(&self, token: &Fingerprint) -> Option<Entry> {
        self.0.get(token)
    }

    pub(crate) fn insert(&self, token: Fingerprint, entry: Entry) {
        self.0.insert(token, entry);
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").field("tokens", &self.0.len()).field("bytes", &self.0.weight()).finish()
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Fingerprint, Entry> for Bytes {
    fn weight(&self, _: &Fingerprint, entry: &Entry) -> u64 {
        /// Measured by what the process grows: the cache's own part of an entry, and the counters of the `Arc`.
        const OVERHEAD: usize = 160;
        (OVERHEAD + size_of::<Claims>() + entry.claims.heap_bytes()) as u64
    }
}
