//! What an operator can ask about the keys.

use std::time::Duration;

/// How the issuer's keys are at this moment: for a health endpoint or a metric.
///
/// ```
/// # fn report(auth: &rampart_core::RampartAuth) {
/// let health = auth.health();
/// println!("{:?}, {} keys, last error: {:?}", health.state, health.keys, health.last_error);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwksHealth {
    /// The state of the key set.
    pub state: JwksState,
    /// Time since the issuer last confirmed the set; `None` where it never has.
    pub age: Option<Duration>,
    /// How many keys can verify tokens.
    pub keys: usize,
    /// Why the last fetch failed; `None` where it succeeded.
    pub last_error: Option<String>,
}

/// The states of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwksState {
    /// No keys yet: the first request fetches them.
    Cold,
    /// Younger than the TTL.
    Fresh,
    /// Older than the TTL; serves as long as refreshes fail, until `max_stale` has passed too.
    Stale,
    /// Too old to serve: requests wait for a fetch, or get 503.
    Dead,
    /// Given as `static_jwks`: never fetched, never old.
    Static,
}
