//! Spent proofs in the memory of this process: bounded, and for any number of threads.
//!
//! Proofs are kept in generations by the time at which they cannot pass any more, so that those which are over go all at once, and nothing
//! has to be kept of each but that it was there. A generation goes when both clocks say so; where the wall clock was set back, a minute after
//! the monotonic one has said so, or as soon as its places are needed.
//!
//! Whatever the wall clock does, by whose time proofs are made, none passes twice: which generations are gone is remembered, and a proof
//! that would belong to one of them is not judged, for it may have been there. While the clock is right none comes that is that old; after a
//! step back there are some, until the clock is where it was.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::proof::AHEAD;
use super::replay::{Insertion, ReplayStore, Spending, SpentProof, StoreHealth};
use super::spans::Spans;
use crate::clock::{self, Clock};

/// Each has a lock of its own. All that one holder has spent is in one of them.
const SHARDS: usize = 64;
/// Seconds of expiry that make a generation: a proof stays for so much longer at most.
const GENERATION: u64 = 4;
/// What one holder may have of all places.
const SHARE: usize = 16;
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// For how long a wall clock that was set back can hold up what the monotonic one lets go.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

pub(crate) struct InProcess {
    capacity: usize,
    /// Of those that are kept, and not yet of those that have been told to go.
    kept: AtomicUsize,
    shards: Vec<Mutex<Shard>>,
    /// Which generations are gone. Locked within the lock of a shard, by whoever lets them go and whoever adds to one.
    gone: RwLock<Spans>,
    /// The second of the monotonic clock in which all generations were last looked through, and the same for want of places.
    swept: [AtomicU64; 2],
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
            gone: RwLock::default(),
            swept: [const { AtomicU64::new(0) }; 2],
            birth,
            hasher: RandomState::new(),
        }
    }

    fn spend(&self, proof: &SpentProof, uptime: Duration) -> Spending {
        if let Some(retry_after) = self.birth.as_ref().and_then(|birth| birth.wait_for(proof)) {
            return Spending::TooYoung { retry_after };
        }
        self.sweep(proof.now, uptime, Urgency::Tidy);
        match self.insert(proof, uptime) {
            // Others may have what nobody needs any more.
            Err(NoPlace { .. }) if self.sweep(proof.now, uptime, Urgency::Needed) => {
                self.insert(proof, uptime).unwrap_or_else(NoPlace::told)
            }
            inserted => inserted.unwrap_or_else(NoPlace::told),
        }
    }

    fn insert(&self, proof: &SpentProof, uptime: Duration) -> Result<Spending, NoPlace> {
        let holder = self.hasher.hash_one(proof.holder);
        let Some(shard) = self.shards.get(usize::try_from(holder % SHARDS as u64).unwrap_or_default()) else {
            return Err(NoPlace { wait: LEAST_WAIT });
        };
        let mut shard = shard.lock();
        let mut key = [0; 16];
        key.iter_mut().zip(proof.key).for_each(|(to, from)| *to = from);
        // Whatever generation it is in: the same key may come with another time.
        if shard.values().any(|generation| generation.keys.contains(&key)) {
            return Ok(Spending::Seen);
        }
        let end = proof.expires.as_secs().div_ceil(GENERATION);
        if let Some(last) = self.gone.read().last_around(end) {
            let retry_after = ends(last).saturating_sub(proof.expires).max(LEAST_WAIT);
            return Ok(Spending::TooYoung { retry_after });
        }
        let of_holder: usize = shard.values().map(|generation| generation.of(holder)).sum();
        if of_holder >= (self.capacity / SHARE).max(1) {
            let theirs = shard.iter().find(|(_, generation)| generation.of(holder) > 0);
            return Err(NoPlace { wait: wait(theirs, proof.now, uptime) });
        }
        let has_place = self
            .kept
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |kept| (kept < self.capacity).then_some(kept + 1));
        if has_place.is_err() {
            return Err(NoPlace { wait: wait(shard.first_key_value(), proof.now, uptime) });
        }
        let generation = shard.entry(end).or_default();
        let stays_until = uptime.saturating_add(proof.expires.saturating_sub(proof.now));
        generation.stays_until = generation.stays_until.max(stays_until);
        generation.keys.insert(key);
        *generation.of_holders.entry(holder).or_default() += 1;
        Ok(Spending::New)
    }

    /// Once a second whoever comes first lets go what is over, of all holders: nobody else may come for a long time. Says whether it was
    /// the first.
    fn sweep(&self, now: Duration, uptime: Duration, urgency: Urgency) -> bool {
        let second = uptime.as_secs();
        let [tidied, needed] = &self.swept;
        let last = if urgency == Urgency::Tidy { tidied } else { needed };
        if last.swap(second, Ordering::Relaxed) == second {
            return false;
        }
        for shard in &self.shards {
            let (mut shard, mut places) = (shard.lock(), 0);
            shard.retain(|end, generation| {
                let is_over = generation.is_over(*end, now, uptime, urgency);
                if is_over {
                    self.gone.write().add(*end);
                    places += generation.keys.len();
                }
                !is_over
            });
            self.kept.fetch_sub(places, Ordering::Relaxed);
        }
        true
    }
}

/// Why generations are looked through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// From time to time.
    Tidy,
    /// There is no place for another proof.
    Needed,
}

/// There is none, for this holder or for anybody.
struct NoPlace {
    wait: Duration,
}

impl NoPlace {
    const fn told(self) -> Spending {
        Spending::Full { retry_after: self.wait }
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

    fn is_over(&self, end: u64, now: Duration, uptime: Duration, urgency: Urgency) -> bool {
        let is_held_up = now < ends(end) && uptime < self.stays_until.saturating_add(LONGEST_HOLD);
        uptime >= self.stays_until && (!is_held_up || urgency == Urgency::Needed)
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

    /// Whoever comes next is another one.
    fn kept_at(wall: i64, monotonic: u64) -> bool {
        let store = InProcess::new(100, None);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
        spend(&store, proof(2, 2, 100_000), wall, monotonic);
        kept(&store) == 2
    }

    #[test]
    fn proof_stays_until_both_clocks_say_that_it_is_over_or_one_has_said_so_for_long() {
        for (wall, monotonic, is_there) in [
            (0, 0, true),
            (60, 60, true),
            (3600, 1, true),
            (3600, 60, true),
            (-3600, 120, true),
            (30, 120, true),
            (66, 66, false),
            (3600, 62, false),
            (-3600, 122, false),
            (30, 122, false),
        ] {
            assert_eq!(kept_at(wall, monotonic), is_there, "{wall} {monotonic}");
        }
    }

    /// What is gone may have been there.
    #[test]
    fn proof_that_may_have_been_there_is_not_judged() {
        let store = InProcess::new(100, None);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
        assert_eq!(spend(&store, proof(2, 2, 70), 70, 70), Spending::New, "and the first is gone");
        for (wall, monotonic) in [(59, 71), (0, 1800), (10, 3600)] {
            let said = spend(&store, proof(1, 1, 0), wall, monotonic);
            assert!(matches!(said, Spending::TooYoung { .. }), "{said:?} at {wall} {monotonic}");
            // So is any other that is as old; one that is younger is not.
            assert!(matches!(spend(&store, proof(3, 3, 0), wall, monotonic), Spending::TooYoung { .. }));
        }
        assert_eq!(spend(&store, proof(3, 3, 20), 20, 3600), Spending::New);
    }

    /// A clock that was ahead for a while locks nobody out once it is right.
    #[test]
    fn what_was_spent_while_the_clock_was_ahead_is_no_reason_to_refuse_now() {
        let store = InProcess::new(100, None);
        assert_eq!(spend(&store, proof(1, 1, 90_000), 90_000, 0), Spending::New);
        assert_eq!(spend(&store, proof(1, 2, 0), 0, 80), Spending::New);
        assert_eq!(spend(&store, proof(1, 3, 120), 120, 200), Spending::New);
        assert_eq!(kept(&store), 1);
        let said = spend(&store, proof(1, 1, 90_000), 90_000, 90_080);
        assert_eq!(
            said,
            Spending::TooYoung {
                retry_after: LEAST_WAIT.max(ends((NOW + 90_061).div_ceil(4)).saturating_sub(seconds(NOW + 90_061)))
            }
        );
    }

    /// DP53: there and back again, whatever was let go in between.
    #[test]
    fn clock_that_steps_lets_nothing_in_twice() {
        let store = InProcess::new(100, None);
        assert_eq!(spend(&store, proof(1, 1, 0), 0, 0), Spending::New);
        for (wall, monotonic) in [(3600, 1), (1, 2), (-30, 3), (-3600, 4), (-3540, 64)] {
            assert_eq!(spend(&store, proof(1, 1, 0), wall, monotonic), Spending::Seen, "{wall} {monotonic}");
        }
        for (wall, monotonic) in [(-3000, 604), (-10, 3594), (0, 3604), (60, 3664), (30, 9000)] {
            let said = spend(&store, proof(1, 1, 0), wall, monotonic);
            assert!(matches!(said, Spending::TooYoung { .. }), "{said:?} at {wall} {monotonic}");
        }
        assert_eq!(spend(&store, proof(2, 2, 70), 70, 9040), Spending::New);
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

    /// The places of what only a clock that was set back still holds are given away.
    #[test]
    fn store_that_is_full_does_not_wait_for_a_clock_that_was_set_back() {
        let store = InProcess::new(16, None);
        for holder in 0..16 {
            assert_eq!(spend(&store, proof(holder, holder, 0), 0, 0), Spending::New);
        }
        assert!(matches!(spend(&store, proof(16, 16, 5), -3600, 5), Spending::Full { .. }));
        let mut later = proof(16, 16, 0);
        later.expires = seconds(NOW - 3600 + 70 + 61);
        assert_eq!(spend(&store, later, -3530, 70), Spending::New);
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
