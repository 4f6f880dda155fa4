//! The way in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rampart_core::{ConfigError, ReplayStore, RevocationLog};

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
#[derive(Clone, Debug)]
pub struct RedisStore {
    link: Arc<Link>,
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
            state_key: None,
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

    /// Where revocations are kept for all replicas, as [`RevocationLog`] has it. Waiting for the next one takes a connection of its own,
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
    state_key: Option<[u8; 32]>,
    deadline: Duration,
    certificates: Option<Vec<u8>>,
    allows_plaintext: bool,
    allows_eviction: bool,
}

impl RedisStoreBuilder {
    /// 32 random bytes that all replicas share: what leaves the process is then named under a key derived from it, so that
    /// who reads the server cannot tell whether a proof that he knows was shown. All replicas have the same one: with two, each
    /// refuses proofs for 10 s whenever the other has looked at the store, again and again.
    pub const fn state_key(mut self, key: [u8; 32]) -> Self {
        self.state_key = Some(key);
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
        Ok(RedisStore { link: Arc::new(Link::connect(self.plan()?).await?) })
    }

    /// Returns at once and goes on trying; until there is a server that may be used, proofs are answered by 503. For APIs
    /// that may start before their Redis does. Needs to be called on a tokio runtime.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn connect_in_background(self) -> Result<RedisStore, ConfigError> {
        let plan = self.plan()?;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ConfigError::invalid("redis", "is connected to without a tokio runtime; call from within one"));
        }
        Ok(RedisStore { link: Arc::new(Link::connect_in_background(plan)) })
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
        let names = Names::new(&self.prefix, self.state_key.as_ref());
        Ok(Plan { address, tls, names, deadline: self.deadline, allows_eviction: self.allows_eviction })
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("address", &self.address)
            .field("prefix", &self.prefix)
            .field("state_key", &self.state_key.is_some())
            .field("deadline", &self.deadline)
            .field("allow_plaintext", &self.allows_plaintext)
            .field("insecure_allow_eviction", &self.allows_eviction)
            .finish_non_exhaustive()
    }
}
