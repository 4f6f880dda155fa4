//! A list that replicas share, in the making.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rampart_http::{ConfigError, fit_runtime};

use super::Revocations;
use super::core::Core;
use super::feed::{Feed, FeedSettings, Uptime};
use super::ids::Hashing;
use super::log::RevocationLog;
use super::wire::{Wire, keys_of};

const DEFAULT_MAX_STALE: Duration = Duration::from_secs(60);
/// The store is heard of once a second.
const LEAST_MAX_STALE: Duration = Duration::from_secs(3);

/// Revocations that replicas share through a store, from [`Revocations::over`]: settings, and then [`start`](Self::start).
///
/// ```
/// use std::time::Duration;
/// use rampart_core::{ConfigError, RevocationLog, Revocations};
///
/// fn shared(log: impl RevocationLog, state_key: [u8; 32]) -> Result<Revocations, ConfigError> {
///     Revocations::over(log).state_key(state_key).max_stale(Duration::from_secs(30)).start()
/// }
/// ```
#[must_use = "call start() to get Revocations"]
pub struct SharedRevocations {
    log: Arc<dyn RevocationLog>,
    state_key: Option<[u8; 32]>,
    max_stale: Duration,
    initialize: bool,
    ignores_outages: bool,
    uptime: Option<Uptime>,
}

impl SharedRevocations {
    pub(super) fn new(log: Arc<dyn RevocationLog>) -> Self {
        Self {
            log,
            state_key: None,
            max_stale: DEFAULT_MAX_STALE,
            initialize: false,
            ignores_outages: false,
            uptime: None,
        }
    }

    /// For how long the list is relied on while the store is away: 60 s unless given, 3 s at least. After that every request with a token gets
    /// 503 ([`AuthError::StateUnavailable`](crate::AuthError::StateUnavailable)), for what another replica has revoked since is not
    /// known. Other replicas go on.
    pub const fn max_stale(mut self, max_stale: Duration) -> Self {
        self.max_stale = max_stale;
        self
    }

    /// The store is new: nothing was ever revoked in it. For the first start, and for that alone.
    ///
    /// Without it a store that does not say of itself that it is whole is not believed to be empty: requests get 503 until another replica
    /// has filled it. Left on, it makes a store that was emptied while no replica ran pass for a new one, and what was revoked passes.
    pub const fn initialize(mut self) -> Self {
        self.initialize = true;
        self
    }

    /// A key that the replicas share: 32 bytes from a generator of random numbers, such as `openssl rand 32`; never a password. Entries are
    /// sealed with it, and others are skipped: without it, whoever can write to the store can lock everybody out. The store then holds
    /// nothing by which somebody could try names either.
    ///
    /// Another key is another list: what was sealed by the one before is skipped. `rampart-redis` knows whose mark it has and is unknown
    /// to the new key until [`initialize`](Self::initialize); a store of one's own is to be emptied, its mark too, and what is still to be
    /// refused revoked again.
    pub const fn state_key(mut self, key: [u8; 32]) -> Self {
        self.state_key = Some(key);
        self
    }

    /// Goes on with what is known while the store is away, and where it never was: what another replica has revoked meanwhile passes. The
    /// log has a warning a minute.
    pub const fn insecure_ignore_outages(mut self) -> Self {
        self.ignores_outages = true;
        self
    }

    /// The time by which it is judged whether the store was heard of lately.
    ///
    /// Not part of the public interface, and free to change or go in any release: it exists for tests, which do not wait to see time pass.
    #[doc(hidden)]
    pub fn __uptime(mut self, uptime: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.uptime = Some(Arc::new(uptime));
        self
    }

    /// Begins to read the list, and then keeps it in step with the store, in a task of this runtime: until the last clone of what is returned is
    /// gone. Until the list was read whole, requests get 503; [`Revocations::loaded`] waits for it.
    ///
    /// The runtime should live as long as the program does. Where it ends before, the next request on another one that finds the list too
    /// old takes over.
    ///
    /// # Errors
    /// [`ConfigError`] where a setting cannot be used, and where there is no tokio runtime with timers and I/O.
    pub fn start(self) -> Result<Revocations, ConfigError> {
        let Self { log, state_key, max_stale, initialize, ignores_outages, uptime } = self;
        if max_stale < LEAST_MAX_STALE {
            return Err(ConfigError::invalid(
                "max_stale",
                "is shorter than 3 s, although the store is heard of once a second: requests would be refused although nothing is wrong; leave it out for 60 s",
            ));
        }
        fit_runtime().map_err(|unfit| ConfigError::invalid("revocations", format!("cannot be followed: {unfit}")))?;
        let (hashing, wire) = state_key.map_or((Hashing::PLAIN, Wire::BARE), |key| keys_of(&key));
        let core = Arc::new(Core::new(hashing, true));
        let settings = FeedSettings { max_stale, initialize, ignores_outages, uptime };
        let revocations = Revocations::of_feed(Arc::new(Feed::new(core, log, wire, settings)));
        revocations.keep_in_step();
        Ok(revocations)
    }
}

/// Without the key.
impl fmt::Debug for SharedRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, state_key, max_stale, initialize, ignores_outages, uptime: _ } = self;
        f.debug_struct("SharedRevocations")
            .field("log", log)
            .field("has_state_key", &state_key.is_some())
            .field("max_stale", max_stale)
            .field("initialize", initialize)
            .field("insecure_ignore_outages", ignores_outages)
            .finish_non_exhaustive()
    }
}
