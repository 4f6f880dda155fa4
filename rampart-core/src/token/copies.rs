//! Cached tokens that a thread asks for often, close at hand of that thread.
//!
//! A token that all threads use (one service that calls another) would have them all write in the same places for each request: the lock of its
//! part of the cache, and the counter of its claims. So each of a number of [stands](crate::stands) keeps the entries that are asked for most
//! there, each with claims of its own that are counted there alone ([`Claims::counted_apart`]); a hit then writes nothing that another stand
//! reads.
//!
//! A stand decides nothing. What is found there is judged as what is found in the cache is, by the issuer, the key and the times of the moment; what
//! the cache lets go is taken from all stands at once ([`Copies::withdraw`]), so that nothing lives longer for it; and the cache is told of each
//! token that is used while others come ([`Found::is_due`]), so that it lets go the same ones as without.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::stands;
use crate::token::cache::{Entry, Key};
use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;

/// Places that a token may have in a stand.
const WAYS: usize = 4;
/// The most a stand has, and all stands together of the memory of the cache.
const MOST_PLACES: usize = 64;
const SHARE_OF_MEMORY: usize = 32;
/// So often a token is asked for, more or less in a row, before it gets claims of its own.
const OFTEN: u8 = 3;
/// No token is so much in use that it keeps its place for long when it is used no more.
const HOTTEST: u8 = 16;

/// The stands of one cache.
pub(super) struct Copies {
    stands: Box<[Stand]>,
    /// Of each stand: a multiple of [`WAYS`].
    places: usize,
}

/// A line of the processor's cache is written by the threads of one stand alone; they come in pairs.
#[repr(align(128))]
#[derive(Default)]
struct Stand(Mutex<Box<[Place]>>);

#[derive(Default)]
struct Place {
    token: Option<Fingerprint>,
    /// How much the token is asked for, beside the others that might have this place.
    heat: u8,
    /// How many tokens had come to the cache when it was told last that this one is used.
    told: u64,
    entry: Option<Entry>,
}

/// An entry that is at hand.
pub(super) struct Found {
    pub(super) entry: Entry,
    /// Whether the cache should be told that it is used: other tokens have come since it was.
    pub(super) is_due: bool,
}

impl Copies {
    /// Those of a cache of so many bytes, and the part of it that they may take.
    pub(super) fn within(bytes: usize, threads: usize) -> (Self, usize) {
        /// With claims that are counted apart, and what an allocator adds to them.
        const PLACE: usize = size_of::<Place>() + size_of::<Claims>() + 32;
        let stands = stands::number(threads);
        let places = (bytes / SHARE_OF_MEMORY / stands / PLACE / WAYS * WAYS).min(MOST_PLACES);
        let stands = if places == 0 { 0 } else { stands };
        let copies = Self { stands: (0..stands).map(|_| Stand::default()).collect(), places };
        (copies, stands * places * PLACE)
    }

    /// What this thread has close at hand; `come` is how many tokens have come to the cache.
    pub(super) fn get(&self, key: &Key, come: u64) -> Option<Found> {
        let (_, stand) = stands::own(&self.stands)?;
        // Another thread is there at the moment: the cache has it too.
        let mut places = stand.0.try_lock()?;
        let place = set(&mut places, key).iter_mut().find(|place| place.is_of(key))?;
        let entry = place.entry.clone()?;
        place.heat = HOTTEST.min(place.heat + 1);
        let is_due = place.told != come;
        place.told = come;
        Some(Found { entry, is_due })
    }

    /// A token that this thread has asked for, and the cache has: it is taken where it is asked for more than others.
    pub(super) fn offer(&self, key: &Key, entry: &Entry, come: u64) {
        self.warm(key, entry, come, OFTEN, Claims::counted_apart);
    }

    /// A token that this thread has just verified: it has the claims, which nobody else has yet, as they are.
    pub(super) fn take(&self, key: &Key, entry: &Entry, come: u64) {
        self.warm(key, entry, come, 0, Arc::clone);
    }

    fn warm(&self, key: &Key, entry: &Entry, come: u64, often: u8, copy: impl FnOnce(&Arc<Claims>) -> Arc<Claims>) {
        let Some((number, stand)) = stands::own(&self.stands) else { return };
        let Some(mut places) = stand.0.try_lock() else { return };
        if places.is_empty() {
            *places = (0..self.places).map(|_| Place::default()).collect();
        }
        let set = set(&mut places, key);
        let known = set.iter().position(|place| place.is_of(key));
        let coolest = || (0..set.len()).min_by_key(|at| set.get(*at).map(|place| place.heat));
        let Some(place) = known.or_else(coolest).and_then(|at| set.get_mut(at)) else { return };
        if !place.is_of(key) {
            if place.heat > 0 {
                place.heat -= 1;
                return;
            }
            *place = Place { token: Some(key.token), ..Place::default() };
        }
        place.heat = HOTTEST.min(place.heat + 1);
        if place.heat >= often && place.entry.is_none() && entry.claims.may_stand_in(number) {
            place.entry = Some(Entry { claims: copy(&entry.claims), ..*entry });
            place.told = come;
        }
    }

    /// Takes a token that the cache has let go from every stand; none takes it any more.
    pub(super) fn withdraw(&self, key: &Key, entry: &Entry) {
        let stood_in = entry.claims.let_go();
        for (_, stand) in self.stands.iter().enumerate().filter(|(number, _)| stood_in & (1 << number) != 0) {
            let mut places = stand.0.lock();
            for place in set(&mut places, key).iter_mut().filter(|place| place.is_of(key)) {
                *place = Place::default();
            }
        }
    }
}

impl Place {
    fn is_of(&self, key: &Key) -> bool {
        self.token.as_ref() == Some(&key.token)
    }
}

/// Where a token may be: by bits of its place in the cache of which the cache makes less use.
fn set<'p>(places: &'p mut [Place], key: &Key) -> &'p mut [Place] {
    let sets = places.len() / WAYS;
    let number = usize::try_from(((key.place >> 32) * sets as u64) >> 32).unwrap_or_default();
    places.get_mut(number * WAYS..).and_then(|places| places.get_mut(..WAYS)).unwrap_or_default()
}

/// For a test: all that is close at hand of any thread.
#[cfg(test)]
impl Copies {
    pub(super) fn held(&self) -> Vec<(Fingerprint, Entry)> {
        let of = |stand: &Stand| {
            let places = stand.0.lock();
            places.iter().filter_map(|place| Some((place.token?, place.entry.clone()?))).collect::<Vec<_>>()
        };
        self.stands.iter().flat_map(of).collect()
    }
}
