//! The way in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rampart_core::{ConfigError, ReplayStore, RevocationLog, Revocations, SharedRevocations};

use crate::address::Address;
use crate::error::ConnectError;
use crate::link::{Link, Plan};
use crate::log::Log;
use crate::names::Names;
use crate::proofs::SpentProofs;
use crate::settings::RedisSettings;
use crate::tls;

const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);
const LONGEST_DEADLINE: Duration = Duration::from_secs(10);

/// A server of Redis (6.2 or newer) or Valkey that the replicas of an API share. Clones are the same store; it is closed with the last
/// one, and with all that was made of it.
///
/// ```no_run
/// use rampart_core::{Dpop, RampartAuth};
/// use rampart_redis::RedisStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("rediss://redis.example.com", "my-api:").await?;
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
///     .dpop(Dpop::accepted().public_url("https://api.example.com").replay(store.spent_proofs()))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<Link>,
    shared: Shared,
}

/// What is said of the revocations that a store is for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shared {
    pub(crate) state_key: Option<[u8; 32]>,
    pub(crate) max_stale: Option<Duration>,
    pub(crate) initialize: bool,
}

impl RedisStore {
    /// With every default. The URL is `rediss://USER:PASSWORD@HOST:PORT/DATABASE`, `redis://` for a server on this machine, or
    /// `redis+unix://PATH`; the prefix, such as `my-api:`, is what all keys begin with, and tells two APIs apart.
    ///
    /// The connections live on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// See [`RedisStoreBuilder::connect`].
    pub async fn connect(url: &str, prefix: &str) -> Result<Self, ConnectError> {
        Self::builder(url, prefix).connect().await
    }

    /// To say more than URL and prefix.
    pub fn builder(url: &str, prefix: &str) -> RedisStoreBuilder {
        RedisStoreBuilder {
            address: Address::parse(url),
            prefix: prefix.to_owned(),
            shared: Shared::default(),
            deadline: DEFAULT_DEADLINE,
            certificates: None,
            allows_plaintext: false,
            allows_eviction: false,
        }
    }

    /// As a section of a file says it.
    ///
    /// # Errors
    /// A setting that cannot be used. Nothing of a URL is shown.
    pub fn from_settings(settings: &RedisSettings) -> Result<RedisStoreBuilder, ConfigError> {
        settings.builder(|name| std::env::var(name).ok())
    }

    /// Where spent proofs are remembered, for [`Dpop::replay`](rampart_core::Dpop::replay).
    pub fn spent_proofs(&self) -> Arc<dyn ReplayStore> {
        Arc::new(SpentProofs::new(Arc::clone(&self.link)))
    }

    /// What was revoked on any replica: settings, with the state key of this store and what its section of a file says, and then
    /// [`start`](SharedRevocations::start). Requests never wait for the server.
    ///
    /// A server that is new says of nothing that it is whole, and nothing passes: it must be said once that nothing was ever revoked, by
    /// [`initialize`](SharedRevocations::initialize).
    ///
    /// ```no_run
    /// use rampart_core::{RampartAuth, Revocation};
    /// use rampart_redis::RedisStore;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = RedisStore::connect("rediss://redis.example.com", "my-api:").await?;
    /// let revocations = store.revocations().start()?;
    /// let auth = RampartAuth::builder("https://auth.example.com", "my-api").revocations(revocations.clone()).build()?;
    ///
    /// revocations.revoke(Revocation::subject("https://auth.example.com", "user-1")).await?; // on every replica
    /// # Ok(()) }
    /// ```
    pub fn revocations(&self) -> SharedRevocations {
        let Shared { state_key, max_stale, initialize } = self.shared;
        let mut shared = Revocations::over(Log::new(Arc::clone(&self.link)));
        if let Some(key) = state_key {
            shared = shared.state_key(key);
        }
        if let Some(max_stale) = max_stale {
            shared = shared.max_stale(max_stale);
        }
        if initialize { shared.initialize() } else { shared }
    }

    /// The store of [`revocations`](Self::revocations) by itself, for whoever keeps a list of his own in step with it. Waiting for the next one takes a connection of its own,
    /// which is made when it is first followed.
    pub fn revocation_log(&self) -> Arc<dyn RevocationLog> {
        Arc::new(Log::new(Arc::clone(&self.link)))
    }
}

/// What a [`RedisStore`] is made of. `Debug` shows neither user, password nor key.
#[must_use]
pub struct RedisStoreBuilder {
    address: Result<Address, &'static str>,
    prefix: String,
    pub(crate) shared: Shared,
    deadline: Duration,
    certificates: Option<Vec<u8>>,
    allows_plaintext: bool,
    allows_eviction: bool,
}

impl RedisStoreBuilder {
    /// 32 random bytes that all replicas share: what leaves the process is then named under a key derived from it, so that
    /// who reads the server cannot tell whether a proof that he knows was shown, and who writes there cannot revoke anything. All replicas have the same one: with two, each
    /// refuses proofs for 10 s whenever the other has looked at the store, again and again.
    pub const fn state_key(mut self, key: [u8; 32]) -> Self {
        self.shared.state_key = Some(key);
        self
    }

    /// How long a call may take: 100 ms unless given, 10 s at most. What takes longer is 503 for the caller.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The authorities that may vouch for the server's certificate, in PEM, in place of those that the system trusts.
    pub fn certificate_authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates = Some(pem.into());
        self
    }

    /// Allows `redis://` to another machine: whoever can read or change what is on the way then reads the password, and can have proofs
    /// pass twice.
    pub const fn allow_plaintext(mut self, allow: bool) -> Self {
        self.allows_plaintext = allow;
        self
    }

    /// Takes a server whose `maxmemory-policy` is another than `noeviction`. When memory runs short it drops what it was told, so that a
    /// proof that was spent passes once more, and a revoked token passes again; nobody is told.
    pub const fn insecure_allow_eviction(mut self, allow: bool) -> Self {
        self.allows_eviction = allow;
        self
    }

    /// Connects, and looks whether the server may be used.
    ///
    /// # Errors
    /// [`ConnectError::Config`] for what cannot be used, [`ConnectError::Unreachable`] where nobody answers within a second, and
    /// [`ConnectError::Refused`] for a server that may forget (a `maxmemory-policy` other than `noeviction`), a replica and a node
    /// of a cluster.
    pub async fn connect(self) -> Result<RedisStore, ConnectError> {
        let shared = self.shared;
        Ok(RedisStore { link: Arc::new(Link::connect(self.plan()?).await?), shared })
    }

    /// Returns at once and goes on trying; until there is a server that may be used, proofs are answered by 503, and where revocations are on,
    /// so is every token. For APIs
    /// that may start before their Redis does. Needs to be called on a tokio runtime.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn connect_in_background(self) -> Result<RedisStore, ConfigError> {
        let shared = self.shared;
        let plan = self.plan()?;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ConfigError::invalid("redis", "is connected to without a tokio runtime; call from within one"));
        }
        Ok(RedisStore { link: Arc::new(Link::connect_in_background(plan)), shared })
    }

    fn plan(self) -> Result<Plan, ConfigError> {
        let address = self.address.map_err(|why| ConfigError::invalid("redis.url", why))?;
        if !address.is_private() && !self.allows_plaintext {
            return Err(ConfigError::invalid(
                "redis.url",
                "leads to another machine without TLS, where anybody on the way reads the password; write rediss://, or set \
                 allow_plaintext",
            ));
        }
        if self.prefix.is_empty() {
            let why = "is empty; name this API, such as my-api:, so that two APIs on one server do not meet";
            return Err(ConfigError::invalid("redis.prefix", why));
        }
        if self.deadline.is_zero() || self.deadline > LONGEST_DEADLINE {
            return Err(ConfigError::invalid(
                "redis.deadline",
                "is not from 1 ms to 10 s: requests wait for it; leave it out for 100 ms",
            ));
        }
        let tls = if address.is_encrypted() { Some(tls::client(self.certificates.as_deref())?) } else { None };
        let names = Names::new(&self.prefix, self.shared.state_key.as_ref());
        Ok(Plan { address, tls, names, deadline: self.deadline, allows_eviction: self.allows_eviction })
    }
}

/// Without the key.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("link", &self.link).finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("address", &self.address)
            .field("prefix", &self.prefix)
            .field("state_key", &self.shared.state_key.is_some())
            .field("deadline", &self.deadline)
            .field("allow_plaintext", &self.allows_plaintext)
            .field("insecure_allow_eviction", &self.allows_eviction)
            .finish_non_exhaustive()
    }
}
