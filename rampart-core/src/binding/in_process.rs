//! Spent proofs in the memory of this process: bounded, and for any number of threads.
//!
//! Proofs are kept in generations by the time at which they cannot pass any more, so that those which are over go all at once, and nothing
//! has to be kept of each but that it was there. A generation goes when both clocks say so. By the wall clock alone a step back
//! would let its proofs in again, for their `iat` is of that clock; by the monotonic one alone they could pass once the wall clock
//! comes by that time once more. A clock that was set back holds up what was spent before until it is there again, and no longer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::proof::AHEAD;
use super::replay::{Insertion, ReplayStore, Spending, SpentProof, StoreHealth};
use crate::clock::{self, Clock};

/// Each has a lock of its own. All that one holder has spent is in one of them.
const SHARDS: usize = 64;
/// Seconds of expiry that make a generation: a proof stays for so much longer at most.
const GENERATION: u64 = 4;
/// What one holder may have of all places.
const SHARE: usize = 16;
const LEAST_WAIT: Duration = Duration::from_secs(1);

pub(crate) struct InProcess {
    capacity: usize,
    /// Of those that are kept, and not yet of those that have been told to go.
    kept: AtomicUsize,
    shards: Vec<Mutex<Shard>>,
    /// The second of the monotonic clock in which all generations were last looked through.
    swept: AtomicU64,
    birth: Option<Birth>,
    hasher: RandomState,
}

/// Since when the store knows of every proof that was spent.
struct Birth {
    clock: Clock,
    at: Duration,
}

/// By the number of their generation: the seconds since 1970 at which they end, by generations.
type Shard = BTreeMap<u64, Generation>;

#[derive(Default)]
struct Generation {
    /// Until when it stays, by the monotonic clock.
    stays_until: Duration,
    /// The first half of each key, which is a SHA-256: whoever wants to find a second proof with one of them would have to try 2^128.
    keys: HashSet<[u8; 16]>,
    /// How many are whose, by a hash with a secret. Two holders share one once in 2^64.
    of_holders: HashMap<u64, u32>,
}

impl InProcess {
    /// For so many proofs; with a clock, those that were made before 10 s from now are not judged.
    pub(crate) fn new(capacity: usize, clock: Option<Clock>) -> Self {
        let birth = clock.map(|clock| Birth { at: clock.now().unwrap_or_default(), clock });
        Self {
            capacity,
            kept: AtomicUsize::new(0),
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            swept: AtomicU64::new(0),
            birth,
            hasher: RandomState::new(),
        }
    }

    fn spend(&self, proof: &SpentProof, uptime: Duration) -> Spending {
        if let Some(retry_after) = self.birth.as_ref().and_then(|birth| birth.wait_for(proof)) {
            return Spending::TooYoung { retry_after };
        }
        self.sweep(proof.now, uptime);
        let holder = self.hasher.hash_one(proof.holder);
        let Some(shard) = self.shards.get(usize::try_from(holder % SHARDS as u64).unwrap_or_default()) else {
            return Spending::Full { retry_after: LEAST_WAIT };
        };
        let mut shard = shard.lock();
        let mut key = [0; 16];
        key.iter_mut().zip(proof.key).for_each(|(to, from)| *to = from);
        // Whatever generation it is in: the same key may come with another time.
        if shard.values().any(|generation| generation.keys.contains(&key)) {
            return Spending::Seen;
        }
        let of_holder: usize = shard.values().map(|generation| generation.of(holder)).sum();
        if of_holder >= (self.capacity / SHARE).max(1) {
            let theirs = shard.iter().find(|(_, generation)| generation.of(holder) > 0);
            return Spending::Full { retry_after: wait(theirs, proof.now, uptime) };
        }
        let has_place = self
            .kept
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |kept| (kept < self.capacity).then_some(kept + 1));
        if has_place.is_err() {
            return Spending::Full { retry_after: wait(shard.first_key_value(), proof.now, uptime) };
        }
        let generation = shard.entry(proof.expires.as_secs().div_ceil(GENERATION)).or_default();
        let stays_until = uptime.saturating_add(proof.expires.saturating_sub(proof.now));
        generation.stays_until = generation.stays_until.max(stays_until);
        generation.keys.insert(key);
        *generation.of_holders.entry(holder).or_default() += 1;
        Spending::New
    }

    /// Once a second whoever comes first lets go what is over, of all holders: nobody else may come for a long time.
    fn sweep(&self, now: Duration, uptime: Duration) {
        let second = uptime.as_secs();
        if self.swept.swap(second, Ordering::Relaxed) == second {
            return;
        }
        for shard in &self.shards {
            let mut gone = 0;
            shard.lock().retain(|end, generation| {
                let is_over = generation.is_over(*end, now, uptime);
                gone += if is_over { generation.keys.len() } else { 0 };
                !is_over
            });
            self.kept.fetch_sub(gone, Ordering::Relaxed);
        }
    }
}

impl Birth {
    /// How long a holder waits who has made a proof before the store could know of all: with a clock that is ahead, one may have been shown
    /// before that is made only now.
    fn wait_for(&self, proof: &SpentProof) -> Option<Duration> {
        let known = self.at.saturating_add(AHEAD);
        (proof.made_at < known).then(|| known.saturating_sub(proof.now).max(LEAST_WAIT))
    }

    fn is_young(&self) -> bool {
        self.clock.now().is_none_or(|now| now < self.at.saturating_add(AHEAD))
    }
}

impl Generation {
    fn of(&self, holder: u64) -> usize {
        self.of_holders.get(&holder).map_or(0, |count| *count as usize)
    }

    fn is_over(&self, end: u64, now: Duration, uptime: Duration) -> bool {
        uptime >= self.stays_until && now >= ends(end)
    }
}

fn ends(generation: u64) -> Duration {
    Duration::from_secs(generation.saturating_mul(GENERATION))
}

/// Until a generation is over by both clocks, and at least a second.
fn wait(generation: Option<(&u64, &Generation)>, now: Duration, uptime: Duration) -> Duration {
    generation.map_or(LEAST_WAIT, |(end, generation)| {
        let by_wall_clock = ends(*end).saturating_sub(now);
        by_wall_clock.max(generation.stays_until.saturating_sub(uptime)).max(LEAST_WAIT)
    })
}

impl ReplayStore for InProcess {
    fn insert_new(&self, proof: &SpentProof) -> Insertion {
        Insertion::Done(Ok(self.spend(proof, clock::uptime())))
    }

    fn health(&self) -> StoreHealth {
        if self.birth.as_ref().is_some_and(Birth::is_young) { StoreHealth::Young } else { StoreHealth::Ready }
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, kept, .. } = self;
        f.debug_struct("InProcess")
            .field("capacity", capacity)
            .field("kept", &kept.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn hash(number: u64) -> [u8; 32] {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        hash
    }

    /// Made at a second after the beginning, and good for a minute.
    fn proof(holder: u64, key: u64, made: u64) -> SpentProof {
        let made_at = seconds(NOW + made);
        SpentProof { holder: hash(holder), key: hash(key), made_at, expires: made_at + seconds(61), now: made_at }
    }

    /// What a store says of a proof when the clocks stand so many seconds after the beginning.
    fn spend(store: &InProcess, proof: SpentProof, wall: i64, monotonic: u64) -> Spending {
        let now = seconds(NOW.checked_add_signed(wall).unwrap());
        store.spend(&SpentProof { now, ..proof }, seconds(1000 + monotonic))
    }

    fn kept(store: &InProcess) -> usize {
        let kept: usize =
            store.shards.iter().map(|shard| shard.lock().values().map(|g| g.keys.len()).sum::<usize>()).sum();
        assert_eq!(kept, store.kept.load(Ordering::Relaxed));
        kept
    }

    #[test]
    fn proof_is_new_once() {
        let store = InProcess::new(100, None);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::Seen);
        // Under another time it is the same.
        for made in [1, 10, 50] {
            assert_eq!(spend(&store, proof(1, 1, made), 0, 0), Spending::Seen);
        }
        assert_eq!(spend(&store, proof(1, 2, 0), 0, 0), Spending::New);
        assert_eq!(kept(&store), 2);
    }

    #[test]
    fn of_many_threads_one_is_told_that_a_proof_is_new() {
        let store = InProcess::new(100_000, None);
        for key in 0..50 {
            let told = thread::scope(|scope| {
                let asked: Vec<_> =
                    (0..8).map(|_| scope.spawn(|| spend(&store, proof(key % 3, key, 0), 0, 0))).collect();
                asked.into_iter().map(|asked| asked.join().unwrap()).filter(|said| *said == Spending::New).count()
            });
            assert_eq!(told, 1);
        }
    }

    #[test]
    fn proof_stays_until_both_clocks_say_that_it_is_over() {
        for (wall, monotonic, is_there) in [
            (0, 0, true),
            (60, 60, true),
            // By one clock alone.
            (3600, 1, true),
            (-3600, 3600, true),
            (30, 3600, true),
            (3600, 60, true),
            (66, 66, false),
            (3600, 62, false),
        ] {
            let store = InProcess::new(100, None);
            assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
            let said = spend(&store, proof(1, 1, 0), wall, monotonic);
            assert_eq!(said == Spending::Seen, is_there, "{wall} {monotonic}");
        }
    }

    /// DP53: there and back again, whatever was let go in between.
    #[test]
    fn clock_that_steps_lets_nothing_in_twice() {
        let store = InProcess::new(100, None);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
        for (wall, monotonic) in
            [(3600, 1), (1, 2), (-30, 3), (-3600, 4), (-3000, 604), (-10, 3594), (0, 3604), (60, 3664)]
        {
            assert_eq!(spend(&store, proof(1, 1, 0), wall, monotonic), Spending::Seen, "{wall} {monotonic}");
        }
        assert_eq!(spend(&store, proof(2, 2, 70), 70, 3674), Spending::New);
        assert_eq!(kept(&store), 1, "and once it is over it goes");
    }

    #[test]
    fn one_holder_has_a_share_and_all_have_what_there_is() {
        let store = InProcess::new(160, None);
        for holder in 0..16 {
            for key in 0..10 {
                assert_eq!(spend(&store, proof(holder, holder * 1000 + key, 0), 0, 0), Spending::New);
            }
            // The share of one is full before all are.
            let full = spend(&store, proof(holder, holder * 1000 + 10, 0), 5, 5);
            let Spending::Full { retry_after } = full else { panic!("{full:?}") };
            assert!((seconds(56)..=seconds(60)).contains(&retry_after), "{retry_after:?}");
        }
        assert_eq!(kept(&store), 160);
        let full = spend(&store, proof(16, 1, 0), 0, 0);
        assert!(matches!(full, Spending::Full { retry_after } if retry_after >= LEAST_WAIT), "{full:?}");
        // What was spent stays spent.
        assert_eq!(spend(&store, proof(3, 3001, 0), 6, 6), Spending::Seen);
        // A minute later there is room for everybody, whoever comes.
        assert_eq!(spend(&store, proof(16, 1, 66), 66, 66), Spending::New);
        assert_eq!(kept(&store), 1);
    }

    #[test]
    fn smallest_store_has_one_place() {
        let store = InProcess::new(1, None);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
        assert!(matches!(spend(&store, proof(1, 2, 0), 0, 0), Spending::Full { .. }));
        assert!(matches!(spend(&store, proof(2, 3, 0), 0, 0), Spending::Full { .. }));
    }

    #[test]
    fn store_judges_what_was_made_ten_seconds_after_its_birth() {
        let born = std::time::SystemTime::UNIX_EPOCH + seconds(NOW);
        let store = InProcess::new(100, Some(Clock::new(move || born)));
        assert_eq!(store.health(), StoreHealth::Young);
        for (made, now, wait) in [(0, 0, 10), (9, 3, 7), (5, 9, 1), (0, 60, 1)] {
            let said = spend(&store, proof(1, 1, made), now, 0);
            assert_eq!(said, Spending::TooYoung { retry_after: seconds(wait) }, "{made} {now}");
        }
        assert_eq!(spend(&store, proof(1, 1, 10), 0, 0), Spending::New);
    }

    /// DP48, at its worst: every proof is of another holder. A million take 96 MiB.
    #[test]
    fn place_takes_a_hundred_bytes_at_most() {
        const PLACES: u64 = 125_000;
        let store = InProcess::new(125_000, None);
        let measured = allocation_counter::measure(|| {
            for key in 0..PLACES {
                assert_eq!(spend(&store, proof(key, key, key * 60 / PLACES), 0, 0), Spending::New);
            }
        });
        assert!(measured.bytes_current * 8 <= 96 << 20, "{} bytes", measured.bytes_current);
    }
}
