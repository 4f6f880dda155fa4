//! What unknown key IDs may cost: a bucket of fetches, a short memory of the IDs that were not found, and a few answers
//! that leave it open whether the key exists.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

const BUCKET_SIZE: u32 = 2;
const REFILL_EVERY: Duration = Duration::from_secs(30);
const REMEMBERED_KIDS: usize = 256;
const REMEMBERED_FOR: Duration = Duration::from_secs(5);
const MOST_UNAVAILABLES: usize = 10;

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

    /// How long nothing can be taken.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        let refill = if self.is_empty(now) { self.next_refill } else { None };
        refill.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
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

    /// Remembers the kid for five seconds: longer would be hard on a key that is published right then.
    pub(crate) fn insert(&mut self, kid: &str, now: Instant) {
        let hash = self.hasher.hash_one(kid);
        if self.contains(kid, now) {
            return;
        }
        self.kids.retain(|(own, until)| *own != hash && now < *until);
        if self.kids.len() == REMEMBERED_KIDS {
            self.kids.pop_front();
        }
        self.kids.push_back((hash, now + REMEMBERED_FOR));
    }

    pub(crate) fn clear(&mut self) {
        self.kids.clear();
    }
}

/// Answers of 503 that strangers can bring about: ten in any second, however many objects a process has. A balancer takes a host
/// out that gives more of them.
#[derive(Clone, Debug)]
pub(crate) struct SharedUnavailables {
    of_keys: Arc<Mutex<Unavailables>>,
    of_introspection: Arc<Mutex<Unavailables>>,
}

impl SharedUnavailables {
    /// Those of the process.
    pub(crate) fn of_process() -> Self {
        static OF_PROCESS: LazyLock<SharedUnavailables> = LazyLock::new(SharedUnavailables::apart);
        OF_PROCESS.clone()
    }

    /// Some that nobody else counts with.
    pub(crate) fn apart() -> Self {
        Self { of_keys: Arc::default(), of_introspection: Arc::default() }
    }

    /// Whether one more may be given.
    pub(crate) fn admit(&self, now: Instant) -> bool {
        self.of_keys.lock().admit(now)
    }

    /// The same where it is not keys that are missing, but the issuer's word about a token.
    pub(crate) fn admit_unasked(&self, now: Instant) -> bool {
        self.of_introspection.lock().admit(now)
    }
}

#[derive(Debug, Default)]
struct Unavailables {
    latest: VecDeque<Instant>,
}

impl Unavailables {
    fn admit(&mut self, now: Instant) -> bool {
        if self.latest.len() == MOST_UNAVAILABLES {
            if self.latest.front().is_some_and(|first| now < *first + Duration::from_secs(1)) {
                return false;
            }
            self.latest.pop_front();
        }
        self.latest.push_back(now);
        true
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
    async fn bucket_says_how_long_it_is_empty_and_takes_back_what_was_not_used() {
        let (mut bucket, start) = (Bucket::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(
            bucket.wait(at(0)).is_zero() && bucket.take(at(0)) && bucket.wait(at(1)).is_zero() && bucket.take(at(1))
        );
        assert_eq!(bucket.wait(at(10)), Duration::from_secs(20));
        bucket.give_back();
        assert!(bucket.wait(at(10)).is_zero() && bucket.take(at(10)) && !bucket.take(at(29)) && bucket.take(at(30)));
        for _ in 0..5 {
            bucket.give_back();
        }
        assert!(bucket.take(at(31)) && bucket.take(at(31)) && !bucket.take(at(60)) && bucket.take(at(61)));
    }

    #[tokio::test(start_paused = true)]
    async fn missing_kid_is_forgotten_after_five_seconds_and_not_prolonged() {
        let (mut kids, start) = (MissingKids::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        kids.insert("a", at(10));
        kids.insert("a", at(14));
        assert!(kids.contains("a", at(14)) && !kids.contains("a", at(15)) && !kids.contains("b", at(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_of_kids_is_bounded() {
        let (mut kids, now) = (MissingKids::default(), Instant::now());
        for kid in 0..10_000 {
            kids.insert(&kid.to_string(), now);
        }
        assert_eq!(kids.kids.len(), REMEMBERED_KIDS);
        assert!(kids.contains("9999", now) && !kids.contains("0", now));
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_than_ten_answers_of_503() {
        let (mut answers, start) = (Unavailables::default(), Instant::now());
        let step = Duration::from_millis(7);
        let given: Vec<_> = (0..1000).map(|n| start + step * n).filter(|at| answers.admit(*at)).collect();
        assert!(given.len() >= 60, "{}", given.len());
        assert!(given.windows(11).all(|eleven| eleven[10] >= eleven[0] + Duration::from_secs(1)));
    }
}
