//! Settings, their defaults and their limits: every mistake is found by `build()`, before the first request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rampart_http::{ConfigError, SetUp};

use crate::answer::challenge::Challenges;
use crate::auth::{Inner, RampartAuth};
use crate::clock::Clock;
use crate::environment;
use crate::event::{Event, Listeners};
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::jwks::budget::SharedUnavailables;
use crate::jwks::cache::Surroundings;
use crate::settings::Settings;
use crate::token::cache::TokenCache;
use crate::verifier::Verifier;

/// Tells the objects of this process apart.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// Settings of a [`RampartAuth`], from [`RampartAuth::builder`].
///
/// ```
/// use std::time::Duration;
/// use rampart_core::{Algorithm, RampartAuth};
///
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
///     .audiences(["https://auth.example.com"])
///     .algorithms([Algorithm::ES256])
///     .clock_tolerance(Duration::from_secs(2))
///     .required_claims(["email"])
///     .build()?;
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
#[must_use = "call build() to get a RampartAuth"]
pub struct RampartAuthBuilder {
    settings: Settings,
    http_client: Option<SetUp>,
    clock: Clock,
    listeners: Listeners,
    unavailables: SharedUnavailables,
}

impl From<Settings> for RampartAuthBuilder {
    fn from(settings: Settings) -> Self {
        Self {
            settings,
            http_client: None,
            clock: Clock::default(),
            listeners: Listeners::default(),
            unavailables: SharedUnavailables::of_process(),
        }
    }
}

impl RampartAuthBuilder {
    pub(crate) fn new(issuer_url: String, audience: String) -> Self {
        Settings::new(issuer_url, audience).into()
    }

    /// A builder from the environment, for settings that the environment does not hold: `RAMPART_URL` (the issuer),
    /// `RAMPART_CLIENT_ID` (the audience, or several separated by commas), and `RAMPART_REALM` (optional).
    ///
    /// # Errors
    /// [`ConfigError::MissingVariable`] with the name of the first variable that is missing, or whose value is no UTF-8;
    /// [`ConfigError::Invalid`] where one of several audiences is empty.
    pub fn from_env() -> Result<Self, ConfigError> {
        environment::settings(std::env::var).map(Self::from)
    }

    /// The `realm` of challenges; `default` unless given. It restricts nothing: to accept one organisation only, check
    /// `org_id`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.settings.realm = Some(realm.into());
        self
    }

    /// How far the clocks of issuer and API may differ: 5 s unless given, 10 min at most. It applies to `exp`, `nbf` and `iat`
    /// (RFC 7519 section 4.1.4).
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.settings.durations.clock_tolerance = Some(tolerance);
        self
    }

    /// How long fetched keys are fresh: 600 s unless given, 1 s at least. A `max-age` of the issuer may shorten it, to 60 s at
    /// least (RFC 9111 section 5.2.2.1). From 80 to 90 % of it on they are refreshed in the background.
    pub fn jwks_cache_ttl(mut self, ttl: Duration) -> Self {
        self.settings.durations.jwks_cache_ttl = Some(ttl);
        self
    }

    /// How long keys serve beyond their TTL while the issuer cannot be reached: 1 h unless given. After that requests with a
    /// token get 503.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.settings.durations.max_stale = Some(max_stale);
        self
    }

    /// How long one fetch of the keys may take, its metadata included: 5 s unless given, from 1 s to 30 s. For an issuer that
    /// wakes slowly: a request waits for it no longer than 5 s all the same and then gets 503, but the fetch goes on in the
    /// background, and those that come later find its keys.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .fetch_timeout(Duration::from_secs(20))
    ///     .build()
    /// # }
    /// ```
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.settings.durations.fetch_timeout = Some(timeout);
        self
    }

    /// Claims that must be present and not null, besides `iss`, `aud`, `exp`, `iat` and `sub`, which always must. Names of
    /// members at the top of the payload, or, beginning with a slash, JSON pointers (RFC 6901) to those below: a claim whose
    /// own name begins with one is written `/~1name`. A name may be in any script. A token without one is
    /// [`AuthError::MissingClaim`](crate::AuthError::MissingClaim). Called again, it adds to them.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://sso.example.com/realms/shop", "shop-api")
    ///     .required_claims(["email", "/realm_access/roles"])
    ///     .build()
    /// # }
    /// ```
    pub fn required_claims<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.settings.required_claims.extend(claims.into_iter().map(Into::into));
        self
    }

    /// Further accepted audiences, compared as whole strings (RFC 7519 section 4.1.3). A Rampart
    /// server issues tokens for the client ID of each front end, and for its own URL after a direct login or a renewal: see
    /// [`manual::rampart_itself`](crate::manual::rampart_itself). Called again, it adds to them.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// let issuer = "https://auth.example.com";
    /// rampart_core::RampartAuth::builder(issuer, "my-api").audiences([issuer]).build()
    /// # }
    /// ```
    pub fn audiences<S: Into<String>>(mut self, audiences: impl IntoIterator<Item = S>) -> Self {
        self.settings.audiences.extend(audiences.into_iter().map(Into::into));
        self
    }

    /// The accepted algorithms, instead of the default RS256, RS384, RS512, ES256, ES384 and ES512 (RFC 8725 section 3.1), or
    /// of those given before.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.settings.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Where the key set is: `{issuer_url}/.well-known/jwks.json` unless given. With it nothing is fetched from the issuer itself, which
    /// may then be any name that `iss` gives it.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.settings.jwks_url = Some(url.into());
        self
    }

    /// Takes the address of the key set from `{issuer_url}/.well-known/openid-configuration`, whose `issuer` must equal
    /// `issuer_url` exactly (`OpenID` Connect Discovery 1.0 section 4.3). It is asked again with each refresh of the keys.
    pub fn discovery(mut self) -> Self {
        self.settings.discovery = true;
        self
    }

    /// The longest token that is looked at, in bytes: 16 KiB unless given. Longer ones are refused before anything is decoded.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_token_bytes = Some(bytes);
        self
    }

    /// Allows http to other machines than this one. Whoever can answer in the issuer's place can then sign any token.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.settings.allow_http = allow;
        self
    }

    /// Accepts only tokens whose header says `typ: at+jwt` (RFC 9068): the sure way to keep other kinds of token out.
    pub fn require_at_jwt(mut self, require: bool) -> Self {
        self.settings.require_at_jwt = require;
        self
    }

    /// Where the roles are, as a JSON pointer (RFC 6901): for other issuers. `/roles` unless given. Within a name, `/` is
    /// written `~1`.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://sso.example.com/realms/shop", "shop-api")
    ///     .discovery()
    ///     .roles_claim("/realm_access/roles")
    ///     .build()
    /// # }
    /// ```
    pub fn roles_claim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.roles_claim = Some(pointer.into());
        self
    }

    /// Where the scopes are, as a JSON pointer (RFC 6901): for other issuers. `scope`, and `scp` where that is absent, unless given.
    pub fn scope_claim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.scope_claim = Some(pointer.into());
        self
    }

    /// The `resource_metadata` parameter of challenges (RFC 9728 section 5.1): the URL of a document that this API publishes. It is
    /// https, or http to this machine; [`allow_http`](Self::allow_http) is about what is fetched here, not about what clients fetch.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.settings.resource_metadata = Some(url.into());
        self
    }

    /// Accepts ID tokens too. They are meant for the client that signed the user in, not for an API, and say nothing about
    /// what the bearer may do. The marks that are waived are those of an ID token and no others: `at_hash`, `c_hash`, `nonce`, the
    /// payload's `typ: ID`, and `token_use: id` or `id_token`. Refresh, logout and sender-constrained tokens are refused all the same.
    pub fn insecure_accept_id_tokens(mut self, accept: bool) -> Self {
        self.settings.insecure_accept_id_tokens = accept;
        self
    }

    /// A fixed key set (RFC 7517 section 5, as JSON) instead of a fetched one: no HTTP at all, no runtime, and no rotation. The issuer
    /// may then be any name that `iss` gives it.
    pub fn static_jwks(mut self, json: impl Into<String>) -> Self {
        self.settings.static_jwks = Some(json.into());
        self
    }

    /// Memory for tokens that have been verified, in bytes: 16 MiB unless given, which is about 10,000 tokens; 0 turns that
    /// cache off. A hit is as strict as a full verification.
    pub fn token_cache_bytes(mut self, bytes: usize) -> Self {
        self.settings.token_cache_bytes = Some(bytes);
        self
    }

    /// Sets up the HTTP client that fetches keys, such as with a root certificate, a proxy, or a `User-Agent` of your own. Timeouts
    /// ([`fetch_timeout`](Self::fetch_timeout)), redirects and decompression are set after it and cannot be changed. Not together with
    /// [`static_jwks`](Self::static_jwks), with which nothing is fetched.
    ///
    /// ```
    /// # fn example(root: reqwest::Certificate) -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://auth.internal", "my-api")
    ///     .http_client(|client| client.add_root_certificate(root).no_proxy())
    ///     .build()
    /// # }
    /// ```
    pub fn http_client(
        mut self,
        set_up: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + 'static,
    ) -> Self {
        self.http_client = Some(Box::new(set_up));
        self
    }

    /// The clock that tokens are judged by, instead of the system's: for tests. The ages of keys are measured on tokio's
    /// clock.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .clock(|| SystemTime::now() + Duration::from_secs(3600)) // an hour later
    ///     .build()
    /// # }
    /// ```
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Somebody to tell of what happens, besides the log: for metrics, traces, alarms. Called in the thread of whatever tells, so it
    /// must be quick and not panic; it may call the object itself, minding that this may tell it something again. Called again, it adds one more. See [`Event`] for an example.
    pub fn on_event(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// An object that counts by itself what all objects of a process count together: how many answers of 503 a stranger has
    /// brought about.
    ///
    /// Not part of the public interface, and free to change or go in any release: it exists for tests, whose clocks do not run alike.
    #[doc(hidden)]
    pub fn __apart_from_others(mut self) -> Self {
        self.unavailables = SharedUnavailables::apart();
        self
    }

    /// Checks every setting and makes the object. No I/O.
    ///
    /// # Errors
    /// [`ConfigError`] with the field and the remedy.
    pub fn build(self) -> Result<RampartAuth, ConfigError> {
        let Self { settings, http_client, clock, listeners, unavailables } = self;
        let surroundings = Surroundings { clock: clock.clone(), listeners: listeners.clone(), unavailables };
        let issuer = Issuer::from_settings(&settings, http_client, surroundings)?;
        let max_token_bytes = settings.max_token_bytes.unwrap_or(16 * 1024);
        if max_token_bytes == 0 {
            return Err(ConfigError::invalid(
                "max_token_bytes",
                "is 0, so that every token would be refused; leave it out for 16 KiB",
            ));
        }
        let challenges = Challenges::from_settings(&settings)?;
        let token_cache_bytes = settings.token_cache_bytes.unwrap_or(16 * 1024 * 1024);
        let verifier = Verifier {
            issuer,
            max_token_bytes,
            tokens: (token_cache_bytes > 0).then(|| TokenCache::new(token_cache_bytes)),
            clock,
            listeners,
        };
        Ok(RampartAuth::from_inner(Inner { number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed), verifier, challenges }))
    }
}

impl fmt::Debug for RampartAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RampartAuthBuilder")
            .field("settings", &self.settings)
            .field("clock", &self.clock)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
