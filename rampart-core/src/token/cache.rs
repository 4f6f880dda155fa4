//! Tokens that have been verified, so that the next request with the same one costs a [fingerprint](super::fingerprint) instead of a
//! signature check.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, Weighter};

use crate::token::claims::Claims;
use crate::token::copies::Copies;
use crate::token::fingerprint::Fingerprint;

/// By the fingerprint of the whole token, signature included: nothing else stands for it, and the token itself is not kept.
pub(crate) struct TokenCache {
    kept: Cache<Key, Entry, Bytes, BuildHasherDefault<AsItIs>, LettingGo>,
    /// What is asked for most, close at hand of each thread.
    copies: Copies,
    places: RandomState,
    come: Come,
}

/// How many tokens have come. Written with each, read with each hit: it has a line of the processor's cache to itself, with its neighbour.
#[repr(align(128))]
#[derive(Default)]
struct Come(AtomicU64);

/// A token, and where it has its place, which a keyed pseudorandom function says: see [`fingerprint`](super::fingerprint).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) token: Fingerprint,
    pub(super) place: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.place);
    }
}

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
        Self::for_threads(available_parallelism().map_or(1, usize::from), bytes)
    }

    fn for_threads(threads: usize, bytes: usize) -> Self {
        const TYPICAL_ENTRY: usize = 1536;
        let (copies, of_copies) = Copies::within(bytes, threads);
        let bytes = bytes - of_copies;
        let tokens = (bytes / TYPICAL_ENTRY).max(16);
        let kept = Cache::with(tokens, bytes as u64, Bytes, BuildHasherDefault::default(), LettingGo);
        Self { kept, copies, places: RandomState::new(), come: Come::default() }
    }

    pub(crate) fn get(&self, token: &Fingerprint) -> Option<Entry> {
        let (key, come) = (self.key(*token), self.come.0.load(Ordering::Relaxed));
        if let Some(found) = self.copies.get(&key, come) {
            if found.is_due {
                // It goes on being one of those that are used.
                self.kept.get(&key);
            }
            return Some(found.entry);
        }
        let entry = self.kept.get(&key)?;
        self.copies.offer(&key, &entry, come);
        Some(entry)
    }

    pub(crate) fn insert(&self, token: Fingerprint, entry: &Entry) {
        let key = self.key(token);
        let mut gone = Gone::default();
        self.kept.insert_with_lifecycle(key, entry.clone(), &mut gone);
        let come = self.come.0.fetch_add(1, Ordering::Relaxed) + 1;
        // One that was there before under the same key, and is no good any more, is among them.
        for (key, entry) in gone.first.into_iter().flatten().chain(gone.more) {
            self.copies.withdraw(&key, &entry);
        }
        self.copies.take(&key, entry, come);
    }

    fn key(&self, token: Fingerprint) -> Key {
        Key { token, place: self.places.hash_one(token) }
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (tokens, bytes) = (self.kept.len(), self.kept.weight());
        f.debug_struct("TokenCache").field("tokens", &tokens).field("bytes", &bytes).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        /// Measured by what the process grows: the cache's own part of an entry, and the counters of the `Arc`.
        const OVERHEAD: usize = 176;
        (OVERHEAD + size_of::<Claims>() + entry.claims.heap_bytes()) as u64
    }
}

/// What the cache lets go is kept until its lock is released: copies are withdrawn then, and memory is given back.
#[derive(Clone)]
struct LettingGo;

/// As a rule one token goes where one comes; a large one takes the place of several.
#[derive(Default)]
struct Gone {
    first: [Option<(Key, Entry)>; 2],
    more: Vec<(Key, Entry)>,
}

impl Lifecycle<Key, Entry> for LettingGo {
    type RequestState = Gone;

    fn on_evict(&self, gone: &mut Gone, key: Key, entry: Entry) {
        match gone.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some((key, entry)),
            None => gone.more.push((key, entry)),
        }
    }
}

/// The place of a [`Key`] is as evenly spread as any hash of it.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        // Of nothing that is used here.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, place: u64) {
        self.0 = place;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;
    use std::sync::Weak;
    use std::thread::scope;
    use std::time::Duration;

    use rampart_issuer::LocalIssuer;

    use super::*;
    use crate::auth::RampartAuth;
    use crate::stands::take_turn;
    use crate::token::claims::Content;

    const BYTES: usize = 1 << 20;

    /// With four stands, and this thread at the first of them.
    fn cache() -> TokenCache {
        take_turn(0);
        TokenCache::for_threads(2, BYTES)
    }

    /// Claims of as many tokens as are asked for, each of its own.
    async fn claims() -> impl Fn() -> Arc<Claims> {
        let issuer = LocalIssuer::start().await.unwrap();
        let auth = RampartAuth::builder(issuer.url(), issuer.audience()).token_cache_bytes(0).build().unwrap();
        let claims = auth.verify(&issuer.token().sign().unwrap()).await.unwrap();
        let exp = claims.content().times.exp + Duration::from_secs(1);
        move || Arc::new(claims.narrowed(exp, String::new(), Box::default()))
    }

    fn token(number: u32) -> Fingerprint {
        Fingerprint::of(&number.to_be_bytes())
    }

    fn insert(cache: &TokenCache, number: u32, claims: Arc<Claims>) -> Weak<Claims> {
        let weak = Arc::downgrade(&claims);
        cache.insert(token(number), &Entry { claims, issuer: 0, key: number.into() });
        weak
    }

    /// Often enough to have it close at hand.
    fn hit(cache: &TokenCache, number: u32) -> Arc<Claims> {
        (0..2 * HITS).find_map(|at| cache.get(&token(number)).filter(|_| at >= HITS)).unwrap().claims
    }

    const HITS: u32 = 20;

    #[tokio::test]
    async fn threads_that_share_a_token_count_its_claims_apart() {
        let (cache, claims) = (cache(), claims().await);
        let verified = insert(&cache, 1, claims()).upgrade().unwrap();
        assert!(Arc::ptr_eq(&verified, &hit(&cache, 1)), "whoever has verified it has the claims themselves");
        let threads = scope(|scope| {
            let cache = &cache;
            let at = |turn| {
                scope.spawn(move || {
                    take_turn(turn);
                    hit(cache, 1)
                })
            };
            let threads = [1, 2].map(at);
            threads.map(|thread| thread.join().unwrap())
        });
        let [one, other] = &threads;
        assert!([&verified, other].iter().all(|claims| !Arc::ptr_eq(claims, one)) && !Arc::ptr_eq(&verified, other));
        assert!(
            threads.iter().all(|claims| std::ptr::eq(claims.content(), verified.content())),
            "and all are the same"
        );
        // The cache and this thread's stand have one each, as each of the two other stands' copies has; and this test.
        assert_eq!(Arc::strong_count(&verified), 5);
    }

    #[tokio::test]
    #[cfg_attr(not(target_pointer_width = "64"), ignore = "where pointers are shorter, what stands first is too")]
    async fn what_every_hit_reads_stands_apart_from_where_claims_are_counted() {
        let claims = (claims().await)();
        let Content { fields, confirmation, times, revocable, .. } = claims.content();
        let read = [ptr::from_ref(fields).addr(), ptr::from_ref(confirmation).addr()];
        let read = read.into_iter().chain([ptr::from_ref(times).addr(), ptr::from_ref(revocable).addr()]);
        // The line of the counter may begin with it: two numbers, and then the claims.
        let counter = Arc::as_ptr(&claims).addr() - 2 * size_of::<usize>();
        assert!(read.into_iter().all(|place| place - counter >= 64));
    }

    #[tokio::test]
    async fn what_the_cache_lets_go_is_nowhere_any_more() {
        let (cache, claims) = (cache(), claims().await);
        let kept: Vec<_> = (0..20_000)
            .map(|number| {
                let claims = insert(&cache, number, claims());
                if number % 10 == 0 {
                    for turn in 1..4 {
                        take_turn(turn);
                        (0..HITS).for_each(|_| drop(cache.get(&token(number))));
                    }
                    take_turn(0);
                }
                claims
            })
            .collect();
        let alive = (0..).zip(&kept).filter(|(_, claims)| claims.strong_count() > 0);
        assert!(alive.clone().all(|(number, _)| cache.kept.peek(&cache.key(token(number))).is_some()));
        assert_eq!(alive.count(), cache.kept.len());
        assert!(cache.kept.len() < 2_000);
    }

    #[tokio::test]
    async fn token_that_is_used_close_at_hand_alone_is_not_let_go() {
        let (cache, claims) = (cache(), claims().await);
        for number in 0..10_000 {
            insert(&cache, number, claims());
            // Each is used once elsewhere, so that it would be as good as the one that is used all the time.
            take_turn(1);
            cache.get(&token(number));
            take_turn(0);
            if number > 2_000 {
                // One that came when the cache was full, and would be the next to go.
                assert!(cache.get(&token(2_000)).is_some(), "{number}");
                assert!(cache.kept.peek(&cache.key(token(2_000))).is_some(), "{number}");
            }
        }
    }

    /// Tokens that come, are replaced and go while other threads take them close at hand: whatever the order, nothing stays anywhere that
    /// the cache does not have, and no token is taken for another.
    #[tokio::test]
    async fn threads_that_race_keep_nothing_that_the_cache_lets_go() {
        const TOKENS: u32 = 1200;
        const THREADS: usize = 6;
        let (cache, claims) = (cache(), claims().await);
        let (cache, claims) = (&cache, &claims);
        scope(|scope| {
            for turn in 0..THREADS {
                scope.spawn(move || {
                    take_turn(turn);
                    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(turn as u64 + 1);
                    for _ in 0..30_000 {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        // Some are asked for far more often than others.
                        let number = u32::try_from(random >> 40).unwrap() % TOKENS;
                        let number = if random.is_multiple_of(2) { number % 8 } else { number };
                        match cache.get(&token(number)) {
                            // Its key is withdrawn now and then, so that another takes its place.
                            Some(entry) if !random.is_multiple_of(50) => assert_eq!(entry.key, u64::from(number)),
                            _ => drop(insert(cache, number, claims())),
                        }
                    }
                });
            }
        });
        // However the race ended, one at least is close at hand: asked for until it has pushed another away.
        drop(insert(cache, TOKENS, claims()));
        (0..100).for_each(|_| drop(cache.get(&token(TOKENS))));
        let held = cache.copies.held();
        assert!(held.iter().any(|(_, entry)| entry.key == u64::from(TOKENS)));
        for (token, entry) in held {
            let kept = cache.kept.peek(&cache.key(token)).expect("the cache has it");
            assert!(std::ptr::eq(kept.claims.content(), entry.claims.content()));
        }
    }

    /// Its key was replaced, say: what comes in its place is found from then on, by every thread.
    #[tokio::test]
    async fn what_comes_in_place_of_a_token_is_found_by_all_threads() {
        let (cache, claims) = (cache(), claims().await);
        let first = insert(&cache, 1, claims());
        let other = || {
            take_turn(1);
            let claims = hit(&cache, 1);
            take_turn(0);
            claims
        };
        assert!(std::ptr::eq(other().content(), first.upgrade().unwrap().content()));
        let second = insert(&cache, 1, claims());
        assert_eq!(first.strong_count(), 0);
        assert!(std::ptr::eq(other().content(), second.upgrade().unwrap().content()));
    }

    #[test]
    fn small_cache_has_nothing_close_at_hand_and_a_large_one_gives_a_part_of_itself() {
        for bytes in [1, 1000, 64 * 1024, BYTES, 16 * BYTES] {
            let (_, taken) = Copies::within(bytes, 2);
            assert!(taken <= bytes / 32, "{bytes}: {taken}");
        }
        assert!(Copies::within(BYTES, 2).1 > 0);
    }
}
