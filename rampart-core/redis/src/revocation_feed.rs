//! Revocations and nothing else, in one line.

use rampart_core::Revocations;

use crate::error::ConnectError;
use crate::store::RedisStore;

/// What all keys begin with where nothing is said.
const PREFIX: &str = "rampart:";

/// Revocations that all replicas share, for an API that needs nothing else of Redis and says nothing else of it: what [`RedisStore::revocations`]
/// gives, with every default and the prefix `rampart:`.
///
/// ```no_run
/// use rampart_core::{RampartAuth, Revocation};
/// use rampart_redis::RevocationFeed;
///
/// # async fn example(url: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let revocations = RevocationFeed::connect(url).await?;
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api").revocations(revocations.clone()).build()?;
/// revocations.revoke(Revocation::session("https://auth.example.com", "session-1")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RevocationFeed;

impl RevocationFeed {
    /// Connects and begins to read what is in force. A server that is new must first be said to be so, once, by
    /// [`initialize`](rampart_core::SharedRevocations::initialize) of [`RedisStore::revocations`] with this prefix.
    ///
    /// # Errors
    /// As of [`RedisStoreBuilder::connect`](crate::RedisStoreBuilder::connect).
    pub async fn connect(url: &str) -> Result<Revocations, ConnectError> {
        Ok(RedisStore::connect(url, PREFIX).await?.revocations().start()?)
    }
}
