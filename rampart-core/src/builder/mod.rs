//! Settings, their defaults and their limits: every mistake is found by `build()`, before the first request.

mod first_issuer;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rampart_http::{ConfigError, LookUp};

use crate::answer::challenge::{Challenges, Offered};
use crate::auth::{Inner, RampartAuth};
use crate::binding::dpop::Dpop;
use crate::binding::proofs::Proofs;
use crate::clock::Clock;
use crate::environment;
use crate::event::{Event, Listeners};
use crate::grants::Grants;
use crate::issuer::Issuer;
use crate::jwks::budget::SharedUnavailables;
use crate::jwks::cache::Surroundings;
use crate::jwks::source::{Fetching, HttpClient};
use crate::outcome::RECENT;
use crate::revocation::Revocations;
use crate::settings::Settings;
use crate::token::cache::TokenCache;
use crate::token::implied::Implied;
use crate::verifier::Verifier;
use crate::verifier::issuers::Issuers;
use crate::verifier::live::{ASK_AGAIN_AFTER, DEFAULT_MOST, IssuerResolver, Live};
use crate::verifier::strangers::Strangers;
use crate::verifier::trusted::{Floor, Trusted};

const DEFAULT_TOLERANCE: Duration = Duration::from_secs(5);
const DEFAULT_TOKEN_BYTES: usize = 16 * 1024;
const DEFAULT_CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Tells the objects of this process apart.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// Settings of a [`RampartAuth`], from [`RampartAuth::builder`]. Those that an [`Issuer`] has too concern the first issuer, so that one
/// issuer needs no other type; the rest bind the object, whatever its issuers.
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
    /// What binds the object, and the issuers; the first of them first.
    settings: Settings,
    issuers: Vec<Issuer>,
    resolver: Option<Arc<dyn IssuerResolver>>,
    http_client: Option<HttpClient>,
    clock: Clock,
    listeners: Listeners,
    unavailables: SharedUnavailables,
    look_up: Option<LookUp>,
    dpop: Option<Dpop>,
    revocations: Option<Revocations>,
    recent: Duration,
}

impl From<Settings> for RampartAuthBuilder {
    fn from(mut settings: Settings) -> Self {
        let issuers = std::mem::take(&mut settings.issuers).into_iter().map(Issuer::from).collect();
        let dpop = settings.dpop.take().map(Dpop::from);
        Self {
            settings,
            issuers,
            resolver: None,
            http_client: None,
            clock: Clock::default(),
            listeners: Listeners::default(),
            unavailables: SharedUnavailables::of_process(),
            look_up: None,
            dpop,
            revocations: None,
            recent: RECENT,
        }
    }
}

impl RampartAuthBuilder {
    pub(crate) fn of(issuer: Issuer) -> Self {
        let mut builder = Self::from(Settings::default());
        builder.issuers.push(issuer);
        builder
    }

    pub(crate) fn of_resolver(resolver: impl IssuerResolver + 'static) -> Self {
        Self::from(Settings::default()).issuers(resolver)
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
    /// (RFC 7519 section 4.1.4), of every issuer.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.settings.clock_tolerance = Some(tolerance);
        self
    }

    /// Claims that the tokens of every issuer must have, and not null, besides `iss`, `aud`, `exp`, `iat` and `sub`, which always must. Names of
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

    /// A further issuer, whose tokens are accepted too: by its own keys and rules, for what its [`grants`](Issuer::grants) say. Whose a
    /// token is stands in its [`iss`](crate::ClaimFields::iss).
    ///
    /// ```
    /// use rampart_core::{Grants, Issuer, RampartAuth};
    ///
    /// # fn example() -> Result<RampartAuth, rampart_core::ConfigError> {
    /// RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .issuer(Issuer::new("https://sso.example.com/realms/shop", "shop-api").grants(Grants::everything()))
    ///     .build()
    /// # }
    /// ```
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Issuers that are known only at run time, such as a tenant's own: asked for by the `iss` of a token, after those that the settings
    /// name. See [`IssuerResolver`] for what it must and must not do. Its issuers are asked for again every 60 s
    /// ([`issuers_expire_after`](Self::issuers_expire_after)); [`forget_issuer`](RampartAuth::forget_issuer) takes one away at once.
    ///
    /// Their keys are fetched from addresses that the internet can reach, over https, and from the issuer's own origin: see
    /// [`Issuer::allow_private_addresses`] and [`Issuer::jwks_url`].
    pub fn issuers(mut self, resolver: impl IssuerResolver + 'static) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// How many issuers of a resolver are kept: 1,000 unless given. Beyond that those go first of which no token was ever good, and then
    /// those whose tokens have not come for the longest.
    pub fn max_issuers(mut self, most: usize) -> Self {
        self.settings.max_issuers = Some(most);
        self
    }

    /// How long a resolver's word for an issuer holds: 60 s unless given. Then it is asked again, without I/O; where it says no, the issuer
    /// is dropped with all that was verified by its rules, and where it says something else, it begins anew.
    pub fn issuers_expire_after(mut self, time: Duration) -> Self {
        self.settings.issuers_expire_after = Some(time);
        self
    }

    /// A scope that includes others, whichever issuer grants it: expanded once when a token is verified, after the issuer's
    /// [`grants`](Issuer::grants), and on through what those include. [`scope`](crate::ClaimFields::scope) stays as the token writes it;
    /// [`has_scope`](crate::Claims::has_scope), guards and layers see the included ones too. A circle is an error.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .scope_implies("tasks:write", ["tasks:read"])
    ///     .role_implies("admin", ["editor"])
    ///     .build()
    /// # }
    /// ```
    pub fn scope_implies<S: Into<String>>(
        mut self,
        scope: impl Into<String>,
        others: impl IntoIterator<Item = S>,
    ) -> Self {
        self.settings.scope_implies.entry(scope.into()).or_default().extend(others.into_iter().map(Into::into));
        self
    }

    /// A role that includes others: as [`scope_implies`](Self::scope_implies). [`roles`](crate::ClaimFields::roles) stay as the token
    /// lists them.
    pub fn role_implies<S: Into<String>>(
        mut self,
        role: impl Into<String>,
        others: impl IntoIterator<Item = S>,
    ) -> Self {
        self.settings.role_implies.entry(role.into()).or_default().extend(others.into_iter().map(Into::into));
        self
    }

    /// The longest life of a token of any issuer that is still accepted: `exp` may be no further ahead. No limit unless given; with
    /// [`revocations`](Self::revocations) 24 h.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.max_token_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens that are bound to a key of their sender, who proves with each request to hold it (DPoP, RFC 9449). Without it such a
    /// token is refused, of whatever issuer. See [`Dpop`].
    ///
    /// ```
    /// use rampart_core::{Dpop, RampartAuth};
    ///
    /// # fn example() -> Result<RampartAuth, rampart_core::ConfigError> {
    /// RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .dpop(Dpop::required().public_url("https://api.example.com"))
    ///     .build()
    /// # }
    /// ```
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = Some(dpop);
        self
    }

    /// Refuses what was revoked: asked on every request, of tokens that were verified before as well. Clones of one list may be given to
    /// several objects. With it no token lives longer than [`max_token_lifetime`](Self::max_token_lifetime), 24 h unless given, for
    /// that is how long a revocation is remembered. See [`Revocations`], and [`manual::revocation`](crate::manual::revocation).
    pub fn revocations(mut self, revocations: impl Into<Revocations>) -> Self {
        self.revocations = Some(revocations.into());
        self
    }

    /// The longest token that is looked at, in bytes: 16 KiB unless given. Longer ones are refused before anything is decoded.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_token_bytes = Some(bytes);
        self
    }

    /// Accepts only tokens whose header says `typ: at+jwt` (RFC 9068), of every issuer: the sure way to keep other kinds of token out.
    pub fn require_at_jwt(mut self, require: bool) -> Self {
        self.settings.require_at_jwt = require;
        self
    }

    /// The `resource_metadata` parameter of challenges (RFC 9728 section 5.1): the URL of a document that this API publishes. It is
    /// https, or http to this machine; [`allow_http`](Self::allow_http) is about what is fetched here, not about what clients fetch.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.settings.resource_metadata = Some(url.into());
        self
    }

    /// Memory for tokens that have been verified, in bytes: 16 MiB unless given, which is about 10,000 tokens; 0 turns that
    /// cache off. A hit is as strict as a full verification.
    pub fn token_cache_bytes(mut self, bytes: usize) -> Self {
        self.settings.token_cache_bytes = Some(bytes);
        self
    }

    /// Sets up the HTTP client that fetches keys, such as with a root certificate, a proxy, or a `User-Agent` of your own: asked once for
    /// each issuer. Timeouts ([`fetch_timeout`](Self::fetch_timeout)), redirects and decompression are set after it and cannot be
    /// changed. Not where every issuer has [`static_jwks`](Self::static_jwks), with which nothing is fetched.
    ///
    /// ```
    /// # fn example(root: reqwest::Certificate) -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://auth.internal", "my-api")
    ///     .http_client(move |client| client.add_root_certificate(root.clone()).no_proxy())
    ///     .build()
    /// # }
    /// ```
    pub fn http_client(
        mut self,
        set_up: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http_client = Some(Arc::new(set_up));
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

    /// An object whose outcomes are old at once, so that whoever asks again asks for the token's times and revocations too.
    ///
    /// Not part of the public interface, and free to change or go in any release: it exists for tests, which do not wait for a minute.
    #[doc(hidden)]
    pub const fn __outcomes_are_old_at_once(mut self) -> Self {
        self.recent = Duration::ZERO;
        self
    }

    /// How the names of a resolver's issuers are looked up, instead of by the system. The ports do not count.
    ///
    /// Not part of the public interface, and free to change or go in any release: it exists for tests, for which no name server can be slow.
    #[doc(hidden)]
    pub fn __looking_up_by(
        mut self,
        look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.look_up = Some(Arc::new(look_up));
        self
    }

    /// Checks every setting and makes the object. No I/O.
    ///
    /// # Errors
    /// [`ConfigError`] with the field and the remedy, and of several issuers the one that it is about.
    pub fn build(self) -> Result<RampartAuth, ConfigError> {
        let Self {
            settings,
            issuers,
            resolver,
            http_client,
            clock,
            listeners,
            unavailables,
            look_up,
            dpop,
            revocations,
            recent,
        } = self;
        let Settings { clock_tolerance, require_at_jwt, max_token_lifetime, .. } = settings;
        let floor = Floor {
            tolerance: clock_tolerance.unwrap_or(DEFAULT_TOLERANCE),
            require_at_jwt,
            required_claims: settings.required_claims.clone(),
            max_token_lifetime,
            takes_proofs: dpop.is_some(),
            implied: Arc::new(Implied::new(&settings.role_implies, &settings.scope_implies)?),
            revocations: revocations.clone(),
            fetching: Fetching::new(http_client),
            surroundings: Surroundings { clock: clock.clone(), listeners: listeners.clone(), unavailables },
        };
        if issuers.is_empty() && resolver.is_none() {
            return Err(ConfigError::invalid(
                "issuers",
                "is empty, so that every token would be refused; name an issuer",
            ));
        }
        let fixed = trusted(&issuers, &floor, resolver.is_some())?;
        let live = resolver.map(|resolver| live(resolver, look_up, &settings, &floor, fixed.len())).transpose()?;
        let issuers = Issuers::new(fixed, live, &listeners)?;
        let max_token_bytes = settings.max_token_bytes.unwrap_or(DEFAULT_TOKEN_BYTES);
        if max_token_bytes == 0 {
            return Err(ConfigError::invalid(
                "max_token_bytes",
                "is 0, so that every token would be refused; leave it out for 16 KiB",
            ));
        }
        let audiences: Vec<&str> =
            issuers.fixed().iter().flat_map(|issuer| &issuer.rules.audiences).map(String::as_str).collect();
        let proofs = dpop.map(|dpop| dpop.build(&audiences, &clock)).transpose()?;
        let offered = proofs.as_ref().map_or_else(|| vec![Offered::BEARER], Proofs::offered);
        let challenges = Challenges::new(settings.realm, settings.resource_metadata.as_deref(), offered)?;
        let token_cache_bytes = settings.token_cache_bytes.unwrap_or(DEFAULT_CACHE_BYTES);
        let verifier = Verifier {
            takes_opaque: issuers.take_opaque(),
            issuers,
            strangers: Strangers::default(),
            undecided_logouts: Strangers::default(),
            tolerance: floor.tolerance,
            max_token_bytes,
            tokens: (token_cache_bytes > 0).then(|| TokenCache::new(token_cache_bytes)),
            revocations,
            recent,
            clock,
            listeners,
        };
        let auth = RampartAuth::from_inner(Inner {
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            verifier,
            challenges,
            proofs: proofs.map(Arc::new),
        });
        let Verifier { revocations, clock, listeners, takes_opaque, .. } = auth.verifier();
        if let Some(revocations) = revocations {
            revocations.serve(clock, auth.downgrade());
            if *takes_opaque {
                listeners.tell(&Event::RevocationsOutlived);
            }
        }
        Ok(auth)
    }
}

/// Each of the issuers with its settings checked; every one but the first says what it may grant.
fn trusted(issuers: &[Issuer], floor: &Floor, has_resolver: bool) -> Result<Vec<Trusted>, ConfigError> {
    let fetches = has_resolver || issuers.iter().any(|issuer| issuer.settings.static_jwks.is_none());
    if floor.fetching.sets_up_clients() && !fetches {
        return Err(ConfigError::invalid(
            "http_client",
            "is given together with static_jwks, with which nothing is fetched; keep one of the two",
        ));
    }
    let is_one_of_several = issuers.len() > 1;
    let check = |(number, issuer): (u64, &Issuer)| {
        let everything = Grants::everything();
        let grants = issuer.settings.grants.as_ref().or((number == 0).then_some(&everything));
        let trusted = match grants {
            Some(grants) => Trusted::new(number, issuer, grants, floor),
            None => Err(ConfigError::invalid(
                "grants",
                "is missing: say what this further issuer may grant, such as Grants::roles([..]), Grants::nothing(), or, of an issuer of your own, Grants::everything()",
            )),
        };
        let name = issuer.settings.issuer_url.as_deref().unwrap_or_default();
        trusted.map_err(|error| if is_one_of_several { error.of_issuer(name) } else { error })
    };
    (0..).zip(issuers).map(check).collect()
}

/// The issuers of a resolver, which has its own bounds.
fn live(
    resolver: Arc<dyn IssuerResolver>,
    look_up: Option<LookUp>,
    settings: &Settings,
    floor: &Floor,
    fixed: usize,
) -> Result<Live, ConfigError> {
    let most = settings.max_issuers.unwrap_or(DEFAULT_MOST);
    if most == 0 {
        return Err(ConfigError::invalid("max_issuers", "is 0, so that none could be kept; leave it out for 1,000"));
    }
    resolver.check()?;
    // A further issuer's rules are those of its settings alone: its floor is checked with the first that comes.
    floor.check()?;
    let fetching = floor.fetching.for_strangers(look_up);
    let ask_again_after = settings.issuers_expire_after.unwrap_or(ASK_AGAIN_AFTER);
    Ok(Live::new(resolver, Floor { fetching, ..floor.clone() }, most, ask_again_after, fixed as u64))
}

impl fmt::Debug for RampartAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RampartAuthBuilder")
            .field("settings", &self.settings)
            .field("issuers", &self.issuers)
            .field("dpop", &self.dpop)
            .field("revocations", &self.revocations)
            .field("clock", &self.clock)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
