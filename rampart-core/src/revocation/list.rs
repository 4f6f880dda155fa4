//! What is revoked, in this process: looked up on every request, by any number of threads.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use super::ids::Id;
use super::terms::{Lasts, Retention};

/// Which tokens of those that an ID concerns: issued by then, in seconds since 1970, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound(u32);

impl Bound {
    pub(crate) const ALL: Self = Self(u32::MAX);

    pub(crate) const fn issued_by(time: u32) -> Self {
        Self(if time == u32::MAX { u32::MAX - 1 } else { time })
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The time, where there is one.
    pub(crate) fn time(self) -> Option<u32> {
        (self != Self::ALL).then_some(self.0)
    }

    fn widest(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }

    /// `iat` is whole seconds with most issuers, so that a token of the very second may be one from before. One that does not say when it was issued
    /// counts as one from before.
    fn concerns(self, issued: Option<Duration>) -> bool {
        let until = Duration::from_secs(u64::from(self.0));
        self == Self::ALL || issued.is_none_or(|issued| issued <= until)
    }
}

/// What is said of an ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) bound: Bound,
    pub(crate) lasts: Lasts,
}

impl Entry {
    /// Both together: the widest bound, the latest end.
    fn union(self, other: Self, retention: Retention) -> Self {
        Self { bound: self.bound.widest(other.bound), lasts: retention.later(self.lasts, other.lasts) }
    }
}

/// As many as the last byte of an ID has values: it need not be kept, and leaves room for what else must be.
const SHARDS: usize = 256;
const KEY: usize = 15;

type Key = [u8; KEY];
type Shard = HashMap<Key, Packed, FirstBytes>;

pub(crate) struct List {
    shards: Box<[RwLock<Shard>]>,
    count: AtomicUsize,
}

/// An entry in nine bytes, so that a million of them fit into 64 MB: bound and time, and the rest in [`OPEN`] and [`STORED`].
#[derive(Clone, Copy)]
struct Packed {
    bound: [u8; 4],
    time: [u8; 4],
    flags: u8,
}

/// It lasts for all tokens since a time.
const OPEN: u8 = 1;
/// The shared store has told it, or has taken it, since the store was last read.
const STORED: u8 = 2;

impl Packed {
    fn new(entry: Entry, is_stored: bool) -> Self {
        let (time, open) = match entry.lasts {
            Lasts::Until(time) => (time, 0),
            Lasts::Since(time) => (time, OPEN),
        };
        let flags = open | if is_stored { STORED } else { 0 };
        Self { bound: entry.bound.bits().to_le_bytes(), time: time.to_le_bytes(), flags }
    }

    const fn entry(self) -> Entry {
        let time = u32::from_le_bytes(self.time);
        let lasts = if self.flags & OPEN == 0 { Lasts::Until(time) } else { Lasts::Since(time) };
        Entry { bound: Bound::from_bits(u32::from_le_bytes(self.bound)), lasts }
    }

    const fn is_stored(self) -> bool {
        self.flags & STORED != 0
    }
}

impl List {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::default())).collect();
        Self { shards, count: AtomicUsize::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether a token of this ID that was issued then is revoked.
    pub(crate) fn revokes(&self, id: &Id, issued: Option<Duration>) -> bool {
        self.get(id).is_some_and(|entry| entry.bound.concerns(issued))
    }

    pub(crate) fn get(&self, id: &Id) -> Option<Entry> {
        let (shard, key) = self.place(id)?;
        shard.read().get(key).map(|packed| packed.entry())
    }

    /// Adds what is said of an ID to what was said of it before. Says what holds now, and whether that is more than before.
    pub(crate) fn add(&self, id: &Id, entry: Entry, retention: Retention) -> (Entry, bool) {
        let Some((shard, key)) = self.place(id) else { return (entry, false) };
        let mut shard = shard.write();
        match shard.get_mut(key) {
            None => {
                shard.insert(*key, Packed::new(entry, false));
                self.count.fetch_add(1, Ordering::Relaxed);
                (entry, true)
            }
            Some(packed) => {
                let before = packed.entry();
                let union = before.union(entry, retention);
                if union != before {
                    *packed = Packed::new(union, false);
                }
                (union, union != before)
            }
        }
    }

    /// The shared store has this of an ID: all that is in force of it, unless more has come since.
    pub(crate) fn set_stored(&self, id: &Id, entry: Entry) {
        let Some((shard, key)) = self.place(id) else { return };
        if let Some(packed) = shard.write().get_mut(key)
            && packed.entry() == entry
        {
            *packed = Packed::new(entry, true);
        }
    }

    pub(crate) fn is_stored(&self, id: &Id) -> bool {
        let Some((shard, key)) = self.place(id) else { return false };
        shard.read().get(key).is_some_and(|packed| packed.is_stored())
    }

    /// Nothing is known any more of what the shared store has.
    pub(crate) fn forget_what_is_stored(&self) {
        for shard in &self.shards {
            for packed in shard.write().values_mut() {
                *packed = Packed::new(packed.entry(), false);
            }
        }
    }

    /// What is in force here and was neither told nor taken by the shared store since it was last read.
    pub(crate) fn not_stored(&self) -> Vec<Id> {
        self.ids(|packed| !packed.is_stored())
    }

    /// Drops what has ended. Nobody who looks something up waits for the search, and for the rest as long as it takes to drop a few.
    pub(crate) fn drop_ended(&self, now: u32, retention: Retention) {
        const AT_ONCE: usize = 64;
        let has_ended = |packed: &Packed| retention.end(packed.entry().lasts) <= now;
        for shard in &self.shards {
            let ended: Vec<Key> =
                shard.read().iter().filter(|(_, packed)| has_ended(packed)).map(|(key, _)| *key).collect();
            for some in ended.chunks(AT_ONCE) {
                let mut shard = shard.write();
                for key in some {
                    // It may have been prolonged meanwhile.
                    if shard.get(key).is_some_and(has_ended) {
                        shard.remove(key);
                        self.count.fetch_sub(1, Ordering::Relaxed);
                    }
                }
                if shard.capacity() > 64 + shard.len().saturating_mul(4) {
                    shard.shrink_to_fit();
                }
            }
        }
    }

    fn ids(&self, is_wanted: impl Fn(Packed) -> bool) -> Vec<Id> {
        let mut ids = Vec::new();
        for (last, shard) in (0..=u8::MAX).zip(&self.shards) {
            let shard = shard.read();
            ids.extend(shard.iter().filter(|(_, packed)| is_wanted(**packed)).map(|(key, _)| {
                let mut id = [last; KEY + 1];
                id.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
                id
            }));
        }
        ids
    }

    fn place<'i>(&self, id: &'i Id) -> Option<(&RwLock<Shard>, &'i Key)> {
        let (last, _) = id.split_last()?;
        Some((self.shards.get(usize::from(*last))?, id.first_chunk()?))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("entries", &self.len()).finish_non_exhaustive()
    }
}

/// A hash is as evenly spread as any hash of it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::ids::{Hashing, Kind};
    use crate::revocation::terms::Terms;

    const RETENTION: Retention = Retention { terms: Terms { lifetime: 1000, tolerance: 5 }, is_shared: false };

    fn id(number: u32) -> Id {
        Hashing::PLAIN.id(Kind::Token, "https://a.example", &number.to_string())
    }

    fn entry(bound: Bound, lasts: Lasts) -> Entry {
        Entry { bound, lasts }
    }

    /// RV09: whatever the order, and however often.
    #[test]
    fn entries_come_together_to_the_widest_bound_and_the_latest_end() {
        let entries = [
            entry(Bound::issued_by(100), Lasts::Until(3000)),
            entry(Bound::issued_by(300), Lasts::Since(1000)),
            entry(Bound::issued_by(200), Lasts::Until(2500)),
            entry(Bound::issued_by(50), Lasts::Since(1500)),
        ];
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
        for order in orders {
            let list = List::new();
            for at in order.into_iter().chain(order) {
                list.add(&id(1), entries[at], RETENTION);
            }
            assert_eq!(list.get(&id(1)), Some(entry(Bound::issued_by(300), Lasts::Since(2000))), "{order:?}");
            assert_eq!(list.len(), 1);
        }
    }

    #[test]
    fn bound_concerns_the_very_second_and_tokens_of_no_date() {
        let bound = Bound::issued_by(10);
        let concerns = |millis| bound.concerns(Some(Duration::from_millis(millis)));
        assert!(concerns(9_000) && concerns(10_000) && bound.concerns(None));
        assert!(!concerns(10_500) && !concerns(11_000));
        assert!(Bound::ALL.concerns(Some(Duration::MAX)) && Bound::ALL.concerns(None));
        assert_ne!(Bound::issued_by(u32::MAX), Bound::ALL);
    }

    #[test]
    fn what_has_ended_is_dropped_and_nothing_else() {
        let list = List::new();
        let ends = [(1, Lasts::Until(100)), (2, Lasts::Until(101)), (3, Lasts::Since(100)), (4, Lasts::Since(101))];
        for (number, lasts) in ends {
            list.add(&id(number), entry(Bound::ALL, lasts), RETENTION);
        }
        let left = |now| {
            list.drop_ended(now, RETENTION);
            [1, 2, 3, 4].map(|number| list.get(&id(number)).is_some())
        };
        assert_eq!(left(164), [true; 4]);
        assert_eq!(left(165), [false, true, true, true]);
        assert_eq!(left(1164), [false, false, true, true]);
        assert_eq!(left(1165), [false, false, false, true]);
        assert_eq!(left(1166), [false; 4]);
        assert_eq!(list.len(), 0);
    }

    #[test]
    fn what_the_store_has_is_known_until_it_is_read_again_or_more_comes() {
        let list = List::new();
        let (one, more) = (entry(Bound::issued_by(1), Lasts::Until(9)), entry(Bound::issued_by(2), Lasts::Until(9)));
        list.add(&id(1), one, RETENTION);
        assert_eq!(list.not_stored(), [id(1)]);
        list.set_stored(&id(1), one);
        assert!(list.not_stored().is_empty());
        list.add(&id(1), one, RETENTION);
        assert!(list.not_stored().is_empty(), "nothing new");
        list.add(&id(1), more, RETENTION);
        assert_eq!(list.not_stored(), [id(1)]);
        list.set_stored(&id(1), one);
        assert_eq!(list.not_stored(), [id(1)], "it has less");
        list.set_stored(&id(1), more);
        list.forget_what_is_stored();
        assert_eq!((list.not_stored(), list.get(&id(1))), (vec![id(1)], Some(more)));
    }

    /// RV07. A table has the most room to spare just after it has grown.
    #[test]
    fn entry_takes_64_bytes_at_most() {
        for count in [115_000, 125_000] {
            let list = List::new();
            let measured = allocation_counter::measure(|| {
                for number in 0..count {
                    list.add(&id(number), entry(Bound::ALL, Lasts::Since(number)), RETENTION);
                }
            });
            assert_eq!(list.len(), count as usize);
            assert!(measured.bytes_current <= i64::from(count) * 64, "{} bytes", measured.bytes_current);
            list.drop_ended(u32::MAX, RETENTION);
            assert_eq!(list.len(), 0);
        }
    }
}
