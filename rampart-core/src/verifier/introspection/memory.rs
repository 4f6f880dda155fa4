//! What the issuer has said, for as long as it is believed.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{UnitWeighter, Weighter};
use tokio::time::Instant;

use crate::rule::Refusal;
use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;

/// Tokens that were active within this time are known: strangers do not displace them.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// How long it is remembered that a token is not good, or cannot be asked about.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(5);
/// How many of those.
const MOST_REFUSED: usize = 4096;

/// The [fingerprint](crate::token::fingerprint) of the token: of this issuer's, as each has a memory of its own. Where one has its place is to
/// be made of it by a keyed pseudorandom function: see there.
pub(super) type Key = Fingerprint;

/// Active tokens, and in a place of their own the others: however many of these come, they push none of those out.
pub(super) struct Memory {
    active: Cache<Key, Arc<Active>, Bytes, RandomState>,
    refused: Cache<Key, Arc<Refused>, UnitWeighter, RandomState>,
}

/// An active token.
pub(crate) struct Active {
    pub(super) claims: Arc<Claims>,
    /// Whether it was said when the token ends. Otherwise the claims end with the answer, and the token may well go on.
    pub(super) has_end: bool,
    /// When the issuer was asked, by the clock of ages and by that of tokens: neither may say that it was longer ago than it is believed.
    asked: Instant,
    asked_wall: Duration,
    believed_for: Duration,
}

impl Active {
    pub(super) fn new(claims: Arc<Claims>, has_end: bool, asked: (Instant, Duration), believed_for: Duration) -> Self {
        // Never longer than the token lives.
        let believed_for = believed_for.min(claims.content().times.exp.saturating_sub(asked.1));
        Self { claims, has_end, asked: asked.0, asked_wall: asked.1, believed_for }
    }

    fn is_within(&self, time: Duration, now: Instant, wall: Duration) -> bool {
        now < self.asked + time && wall < self.asked_wall.saturating_add(time)
    }

    pub(super) fn is_fresh(&self, now: Instant, wall: Duration) -> bool {
        self.is_within(self.believed_for, now, wall)
    }

    /// Whether it is time to ask again, while the answer at hand still counts.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.asked + self.believed_for.mul_f32(0.8)
    }

    /// Whether it was active so short a time ago.
    pub(super) fn was_active_within(&self, time: Duration, now: Instant, wall: Duration) -> bool {
        self.is_within(time, now, wall)
    }
}

/// One that is refused for now.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) until: Instant,
}

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        const TYPICAL_ENTRY: usize = 1024;
        let active = Cache::with(
            (bytes / TYPICAL_ENTRY).max(16),
            bytes as u64,
            Bytes,
            RandomState::new(),
            DefaultLifecycle::default(),
        );
        let refused = Cache::with(
            MOST_REFUSED,
            MOST_REFUSED as u64,
            UnitWeighter,
            RandomState::new(),
            DefaultLifecycle::default(),
        );
        Self { active, refused }
    }

    /// A token that was active within the last hour.
    pub(super) fn active(&self, key: &Key, now: Instant) -> Option<Arc<Active>> {
        self.active.get(key).filter(|active| now < active.asked + KNOWN_FOR)
    }

    pub(super) fn refused(&self, key: &Key, now: Instant) -> Option<Arc<Refused>> {
        self.refused.get(key).filter(|refused| now < refused.until)
    }

    pub(super) fn keep(&self, key: Key, active: Arc<Active>) {
        self.refused.remove(&key);
        self.active.insert(key, active);
    }

    /// The issuer has said that it is not good: nothing that was said before counts any more.
    pub(super) fn refuse(&self, key: Key, refusal: Refusal, now: Instant) {
        self.active.remove(&key);
        self.put_off(key, refusal, now);
    }

    /// Nothing new is known of it.
    pub(super) fn put_off(&self, key: Key, refusal: Refusal, now: Instant) {
        self.refused.insert(key, Arc::new(Refused { refusal, until: now + REFUSED_FOR }));
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { active, refused } = self;
        f.debug_struct("Memory")
            .field("active", &active.len())
            .field("bytes", &active.weight())
            .field("refused", &refused.len())
            .finish()
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Arc<Active>> for Bytes {
    fn weight(&self, _: &Key, entry: &Arc<Active>) -> u64 {
        /// The cache's own part of an entry, and the counters of the two `Arc`s.
        const OVERHEAD: usize = 184;
        (OVERHEAD + size_of::<Active>() + size_of::<Claims>() + entry.claims.heap_bytes()) as u64
    }
}
