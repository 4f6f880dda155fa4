//! Proofs that have been spent: a proof passes once (RFC 9449 section 11.1).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Where spent proofs are remembered: in the process unless another store is given, such as one that several replicas share.
///
/// Insertion is one atomic step: of two callers with one proof, exactly one is told that it is new. A store that cannot say so says that
/// it is unavailable; then the request is refused, for now (503).
pub trait ReplayStore: fmt::Debug + Send + Sync + 'static {
    /// Remembers a proof, if it is new.
    fn insert_new(&self, proof: &SpentProof) -> Insertion;

    /// Whether proofs can be spent now.
    fn health(&self) -> StoreHealth;
}

/// A proof to be spent. It is known by hashes alone: nothing that a client has sent is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpentProof {
    /// Whose proof: a hash of the thumbprint of its key, and of the name of the store.
    pub holder: [u8; 32],
    /// Which proof: a hash of that, and of its `jti`.
    pub key: [u8; 32],
    /// When it was made: its `iat`, or with nonces the time of its nonce. Time since 1970.
    pub made_at: Duration,
    /// From when on no proof with this key can pass any more. Time since 1970.
    pub expires: Duration,
    /// What the clock of the object says: time since 1970.
    pub now: Duration,
}

impl SpentProof {
    /// For the tests of a store: in an API, core makes them.
    pub const fn new(holder: [u8; 32], key: [u8; 32], made_at: Duration, expires: Duration, now: Duration) -> Self {
        Self { holder, key, made_at, expires, now }
    }
}

/// What came of an insertion: at once, or after waiting for a store outside of the process.
#[expect(clippy::exhaustive_enums, reason = "there is no third way to answer")]
pub enum Insertion {
    /// It is done.
    Done(Result<Spending, Unavailable>),
    /// It must be awaited.
    Pending(Pin<Box<dyn Future<Output = Result<Spending, Unavailable>> + Send>>),
}

/// What a store says of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spending {
    /// Nobody has shown it before. From now on it is spent.
    New,
    /// It was shown before.
    Seen,
    /// It was made before this store can know of all that were shown: so shortly before its birth, or before, that another store may have seen it.
    TooYoung {
        /// When a proof that is made then can be judged.
        retry_after: Duration,
    },
    /// There is no place for it: of this holder, or of anybody.
    Full {
        /// When there may be.
        retry_after: Duration,
    },
}

/// A store cannot be asked at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unavailable {
    /// When another attempt makes sense.
    pub retry_after: Duration,
}

impl Unavailable {
    /// For so long.
    pub const fn new(retry_after: Duration) -> Self {
        Self { retry_after }
    }
}

/// Whether a store can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreHealth {
    /// Every proof can be judged.
    Ready,
    /// Those that were made before its birth cannot be judged yet.
    Young,
    /// It cannot be asked.
    Unavailable,
}

impl fmt::Debug for Insertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(done) => f.debug_tuple("Done").field(done).finish(),
            Self::Pending(_) => f.write_str("Pending"),
        }
    }
}
