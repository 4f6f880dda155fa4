//! Why there is no store.

use rampart_core::ConfigError;

/// Why a store cannot be used from the start. No message holds a password, a user's name or the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server is not there, or does not answer in time. It may be there later:
    /// [`connect_in_background`](crate::RedisStoreBuilder::connect_in_background) does not mind.
    #[error("Redis at {server} cannot be reached: {why}")]
    #[non_exhaustive]
    Unreachable {
        /// Its host and port.
        server: String,
        /// What became of the attempt.
        why: String,
    },
    /// The server is there, and must not be used: it may forget what it was told, or takes no writes.
    #[error("Redis at {server} cannot be used: {why}")]
    #[non_exhaustive]
    Refused {
        /// Its host and port.
        server: String,
        /// What is wrong with it, and the remedy.
        why: String,
    },
}
