//! What unknown key IDs may cost: a bucket of fetches, and a short memory of the IDs that were looked for in vain.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

const BUCKET_SIZE: u32 = 2;
const REFILL_EVERY: Duration = Duration::from_secs(30);
const REMEMBERED_KIDS: usize = 256;

/// A bucket of two fetches; one comes back every 30 s.
#[derive(Debug)]
pub(crate) struct Bucket {
    left: u32,
    /// When the next one comes back; only while some are gone.
    next_refill: Option<Instant>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { left: BUCKET_SIZE, next_refill: None }
    }
}

impl Bucket {
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if self.is_empty(now) {
            return false;
        }
        self.left -= 1;
        self.next_refill.get_or_insert(now + REFILL_EVERY);
        true
    }

    /// Takes back what was charged for nothing.
    pub(crate) fn give_back(&mut self) {
        self.left = (self.left + 1).min(BUCKET_SIZE);
        if self.left == BUCKET_SIZE {
            self.next_refill = None;
        }
    }

    pub(crate) fn is_empty(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left == 0
    }

    fn next_refill(&mut self, now: Instant) -> Option<Instant> {
        self.refill(now);
        self.next_refill
    }

    fn refill(&mut self, now: Instant) {
        while let Some(at) = self.next_refill.filter(|at| *at <= now) {
            self.left += 1;
            self.next_refill = (self.left < BUCKET_SIZE).then_some(at + REFILL_EVERY);
        }
    }
}

/// Key IDs that were looked for and not found: hashes under a key of this process, so that nobody can aim at another's.
#[derive(Debug, Default)]
pub(crate) struct MissingKids {
    hasher: RandomState,
    kids: VecDeque<(u64, Instant)>,
}

impl MissingKids {
    /// Whether the kid was looked for a moment ago. Asking does not prolong it.
    pub(crate) fn contains(&self, kid: &str, now: Instant) -> bool {
        let hash = self.hasher.hash_one(kid);
        self.kids.iter().any(|(own, until)| *own == hash && now < *until)
    }

    /// Remembers the kid until the bucket is refilled, and at most 30 s.
    pub(crate) fn insert(&mut self, kid: &str, bucket: &mut Bucket, now: Instant) {
        let latest = now + REFILL_EVERY;
        let until = bucket.next_refill(now).map_or(latest, |refill| refill.min(latest));
        let hash = self.hasher.hash_one(kid);
        if self.contains(kid, now) {
            return;
        }
        self.kids.retain(|(own, until)| *own != hash && now < *until);
        if self.kids.len() == REMEMBERED_KIDS {
            self.kids.pop_front();
        }
        self.kids.push_back((hash, until));
    }

    pub(crate) fn clear(&mut self) {
        self.kids.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bucket_gives_two_then_one_every_thirty_seconds_and_never_hoards() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(bucket.take(at(0)) && bucket.take(at(1)) && !bucket.take(at(29)));
        assert!(bucket.take(at(30)) && !bucket.take(at(59)));
        assert!(bucket.take(at(3600)) && bucket.take(at(3600)) && !bucket.take(at(3600)));
    }

    #[tokio::test(start_paused = true)]
    async fn missing_kid_is_forgotten_at_the_refill_and_not_prolonged() {
        let (mut bucket, mut kids, start) = (Bucket::default(), MissingKids::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(bucket.take(at(0)));
        kids.insert("a", &mut bucket, at(10));
        kids.insert("a", &mut bucket, at(20));
        assert!(kids.contains("a", at(29)) && !kids.contains("a", at(30)) && !kids.contains("b", at(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_of_kids_is_bounded() {
        let (mut bucket, mut kids, now) = (Bucket::default(), MissingKids::default(), Instant::now());
        for kid in 0..10_000 {
            kids.insert(&kid.to_string(), &mut bucket, now);
        }
        assert_eq!(kids.kids.len(), REMEMBERED_KIDS);
        assert!(kids.contains("9999", now) && !kids.contains("0", now));
    }
}
