//! Where replicas share what is revoked.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

/// A store of revocations that replicas share: bytes in, bytes out. `rampart-redis` has one; a table with a sequence will do as well.
///
/// It keeps entries, each until its own time, in the order in which they came, and knows whether it is *whole*: whether somebody who knows
/// all that is in force has said so ([`mark_whole`](Self::mark_whole)). A store that has lost what it had (restarted empty, flushed,
/// replaced by one that lags) must not pass for one in which nothing is revoked: it has lost its mark too, or it says [`Followed::Lost`].
/// The mark is for the entries of one [`state_key`](crate::SharedRevocations::state_key): whoever sets another one empties the store.
///
/// What the entries say, whether they are genuine, and what to do while the store is away is not its concern. Entries are idempotent: one
/// that is stored or told twice, or out of order, does no harm; one that is lost lets somebody in.
///
/// No call blocks its thread, and each ends within the store's own deadline.
pub trait RevocationLog: fmt::Debug + Send + Sync + 'static {
    /// Keeps an entry, at least until that time, for all who follow. It is stored once this has ended well.
    fn publish<'a>(&'a self, entry: &'a [u8], keep_until: SystemTime) -> Logged<'a, ()>;

    /// Tells every entry that is kept, in any order, and says from where to follow: no entry that comes later is missed, one that comes
    /// meanwhile may be told twice.
    fn snapshot<'a>(&'a self, each: Each<'a>) -> Logged<'a, Snapshot>;

    /// Tells the entries after a place as they come. It waits for the next, for a second at most, and so is the heartbeat as well: a
    /// store that is there and has nothing to tell says so by [`Followed::Next`].
    fn follow<'a>(&'a self, after: &'a Place, each: Each<'a>) -> Logged<'a, Followed>;

    /// Says that the store holds all that is in force: by a replica that has filled it again, or by the operator's word that nothing is.
    fn mark_whole(&self) -> Logged<'_, ()>;
}

impl<L: RevocationLog + ?Sized> RevocationLog for Arc<L> {
    fn publish<'a>(&'a self, entry: &'a [u8], keep_until: SystemTime) -> Logged<'a, ()> {
        (**self).publish(entry, keep_until)
    }

    fn snapshot<'a>(&'a self, each: Each<'a>) -> Logged<'a, Snapshot> {
        (**self).snapshot(each)
    }

    fn follow<'a>(&'a self, after: &'a Place, each: Each<'a>) -> Logged<'a, Followed> {
        (**self).follow(after, each)
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        (**self).mark_whole()
    }
}

/// What a call to a [`RevocationLog`] comes to.
pub type Logged<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// Takes an entry.
pub type Each<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// Somewhere in a log: what that is, its [`RevocationLog`] alone knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Box<str>);

impl Place {
    /// As the store writes it.
    pub fn new(place: impl Into<Box<str>>) -> Self {
        Self(place.into())
    }

    /// The same again.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a store has told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Snapshot {
    /// All that is in force, for whoever follows from here.
    Whole(Place),
    /// It has no mark: what it told counts, and there may be more that it does not know. Not the same as nothing.
    Unknown,
}

/// What has come of following.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Followed {
    /// All up to here was told.
    Next(Place),
    /// Entries were dropped after the place: the snapshot must be read again. Nothing is lost.
    Gap,
    /// The store is not the one that it was, or has lost its mark: what one knows must be published again, and the snapshot be read.
    Lost,
}

/// A store of revocations cannot be used at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogError(String);

impl LogError {
    /// With the reason, for the operator's log: without secrets, and without what the store holds.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
