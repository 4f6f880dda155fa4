//! Tokens that have been verified, so that the next request with the same one costs a hash instead of a signature check.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::token::claims::Claims;

/// SHA-256 of the whole token, signature included: nothing else stands for it, and the token itself is not kept.
pub(crate) type TokenHash = [u8; 32];

pub(crate) struct TokenCache(Cache<TokenHash, Entry, Bytes, FirstBytes>);

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
        Self(Cache::with((bytes / TYPICAL_ENTRY).max(16), bytes as u64, Bytes, FirstBytes, lifecycle))
    }

    pub(crate) fn hash(token: &[u8]) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token).as_ref());
        hash
    }

    pub(crate) fn get(&self, hash: &TokenHash) -> Option<Entry> {
        self.0.get(hash)
    }

    pub(crate) fn insert(&self, hash: TokenHash, entry: Entry) {
        self.0.insert(hash, entry);
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").field("tokens", &self.0.len()).field("bytes", &self.0.weight()).finish()
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<TokenHash, Entry> for Bytes {
    fn weight(&self, _: &TokenHash, entry: &Entry) -> u64 {
        /// Measured by what the process grows: the cache's own part of an entry, and the counters of the `Arc`.
        const OVERHEAD: usize = 160;
        (OVERHEAD + size_of::<Claims>() + entry.claims.heap_bytes()) as u64
    }
}

/// A SHA-256 hash is as evenly spread as any hash of it.
#[derive(Clone, Default)]
struct FirstBytes;

impl BuildHasher for FirstBytes {
    type Hasher = FirstBytesHasher;

    fn build_hasher(&self) -> FirstBytesHasher {
        FirstBytesHasher(0)
    }
}

struct FirstBytesHasher(u64);

impl Hasher for FirstBytesHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
