//! How an issuer is asked about its tokens, as the application describes it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rampart_http::{AnswerFormat, ConfigError, IntrospectionMode, IntrospectionSettings, TokenIntrospector};

const CACHE_FOR: Duration = Duration::from_secs(30);
const LONGEST_CACHE: Duration = Duration::from_secs(3600);
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Asks the issuer about tokens (RFC 7662): those that are no JWTs, so that nothing in them can be verified here, or each of them. A setting
/// of an [`Issuer`](crate::Issuer).
///
/// ```
/// use rampart_core::{Introspection, RampartAuth, TokenIntrospector};
///
/// fn guard(client: impl TokenIntrospector) -> Result<RampartAuth, rampart_core::ConfigError> {
///     RampartAuth::builder("https://auth.example.com", "my-api").introspection(Introspection::of(client)).build()
/// }
/// ```
///
/// `RampartClient` of `rampart-client` is such a client. What the issuer says is kept for 30 s ([`cache_for`](Self::cache_for)) and no longer
/// than the token lives; many requests with one token make one question. A token that is not active is asked for again after 5 s. What the
/// issuer says is held to the rules for claims, and must say that it is an access token for this API: see the page
/// [introspection](crate::manual::introspection) of the manual.
///
/// While the issuer cannot be asked, requests with such tokens are 503, unless [`serve_stale`](Self::serve_stale) lets those go on that were
/// active a moment ago.
///
/// What is known of tokens is known to one issuer of one auth object. A resolver of issuers should keep one `Introspection` a client and
/// give clones of it: with another client an issuer is another one, and begins with an empty memory.
#[derive(Clone)]
#[must_use = "give it to an issuer"]
pub struct Introspection {
    pub(crate) introspector: Arc<dyn TokenIntrospector>,
    pub(crate) terms: Terms,
}

/// The settings of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) mode: IntrospectionMode,
    pub(crate) format: AnswerFormat,
    pub(crate) cache_for: Duration,
    pub(crate) cache_bytes: usize,
    pub(crate) serve_stale: Duration,
    pub(crate) token_prefix: Option<String>,
    pub(crate) token_lengths: Option<RangeInclusive<usize>>,
    pub(crate) audience_is_checked: bool,
    pub(crate) any_kind: bool,
    /// What a file has where it must not stand.
    pub(crate) misplaced: Option<ConfigError>,
}

impl Introspection {
    /// Asks by this client about the tokens that do not have the shape of a JWT. One that has it is verified here, and never asked for.
    ///
    /// What begins with the header of a JWT, a JSON object with `alg`, and a dot looks like one, however many parts it has; all else does not,
    /// an encrypted token of five parts, with `enc` in its header, neither.
    pub fn of(introspector: impl TokenIntrospector) -> Self {
        let terms = Terms {
            mode: IntrospectionMode::OpaqueOnly,
            format: AnswerFormat::Json,
            cache_for: CACHE_FOR,
            cache_bytes: CACHE_BYTES,
            serve_stale: Duration::ZERO,
            token_prefix: None,
            token_lengths: None,
            audience_is_checked: false,
            any_kind: false,
            misplaced: None,
        };
        Self { introspector: Arc::new(introspector), terms }
    }

    /// As a section of a configuration file has it; of its members that describe the client, none is read here. A secret that stands in it
    /// makes `build()` an error.
    pub fn from_settings(settings: &IntrospectionSettings, introspector: impl TokenIntrospector) -> Self {
        let mut introspection = Self::of(introspector);
        let terms = &mut introspection.terms;
        terms.mode = settings.mode;
        terms.format = if settings.signed { AnswerFormat::Jwt } else { AnswerFormat::Json };
        terms.cache_for = settings.cache_for_seconds.map_or(CACHE_FOR, Duration::from_secs);
        terms.cache_bytes = settings.cache_bytes.unwrap_or(CACHE_BYTES);
        terms.serve_stale = Duration::from_secs(settings.serve_stale_seconds);
        terms.token_prefix.clone_from(&settings.token_prefix);
        terms.audience_is_checked = settings.audience_is_checked_by_issuer;
        terms.any_kind = settings.insecure_any_kind;
        terms.misplaced = settings.check().err();
        introspection
    }

    /// Asks about tokens that are verified here as well: both must say yes. The claims are the token's own; the answer only takes away: an
    /// earlier `exp`, and the scopes that it does not name. A token is then refused within [`cache_for`](Self::cache_for) of its
    /// revocation at the issuer, and none passes while the issuer cannot be asked.
    pub fn every_token(mut self) -> Self {
        self.terms.mode = IntrospectionMode::EveryToken;
        self
    }

    /// For how long an answer is believed: 30 s unless given, from 1 s to 1 h, and never longer than the token's own `exp`. From 80 % of it
    /// on, a request that comes has it renewed in the background.
    pub fn cache_for(mut self, time: Duration) -> Self {
        self.terms.cache_for = time;
        self
    }

    /// Memory for answers about active tokens, in bytes: 16 MiB unless given, which is about 10,000 tokens, for each issuer that is asked.
    /// Answers about others have a small place of their own.
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.terms.cache_bytes = bytes;
        self
    }

    /// How every opaque token of this issuer begins, such as `ory_at_`: others are refused without asking. With several issuers that are
    /// asked about opaque tokens, which name none, the prefix says whose a token is.
    pub fn token_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.terms.token_prefix = Some(prefix.into());
        self
    }

    /// How long the opaque tokens of this issuer are, in bytes: others are refused without asking.
    pub fn token_lengths(mut self, lengths: RangeInclusive<usize>) -> Self {
        self.terms.token_lengths = Some(lengths);
        self
    }

    /// Believes an answer without `aud`, of an issuer that makes sure itself that the token is for the API that asks (RFC 7662 section 2.2
    /// lets it). An `aud` that is there must hold an accepted audience all the same, and the answer must say by `token_type`, `token_use`
    /// or `typ` that it is about an access token.
    pub fn audience_is_checked_by_issuer(mut self) -> Self {
        self.terms.audience_is_checked = true;
        self
    }

    /// Accepts answers that do not say what kind of token they are about. Issuers call refresh tokens active too: whoever has one then
    /// gets in with it, for as long as that lives.
    pub fn insecure_any_kind(mut self) -> Self {
        self.terms.any_kind = true;
        self
    }

    /// Demands signed answers (RFC 9701), by the issuer's keys and for the client ID that asks. An answer does not say which token it is
    /// about: what binds it to the question is the connection, which must be https but on this machine.
    pub fn signed(mut self) -> Self {
        self.terms.format = AnswerFormat::Jwt;
        self
    }

    /// Lets a token go on for so long after it was last said to be active, while the issuer cannot be asked about it. Not at all unless
    /// given: a token that is revoked meanwhile passes too. Longer than [`cache_for`](Self::cache_for), for which it is not asked about in
    /// any case, and 1 h at most.
    pub fn serve_stale(mut self, time: Duration) -> Self {
        self.terms.serve_stale = time;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Terms { cache_for, cache_bytes, serve_stale, token_prefix, token_lengths, .. } = &self.terms;
        if let Some(error) = &self.terms.misplaced {
            return Err(error.clone());
        }
        let invalid = |field, problem: &str| Err(ConfigError::invalid(field, problem.to_owned()));
        if !(Duration::from_secs(1)..=LONGEST_CACHE).contains(cache_for) {
            return invalid("cache_for", "is not from 1 s to 1 h; leave it out for 30 s");
        }
        if *serve_stale > LONGEST_CACHE {
            return invalid("serve_stale", "is more than 1 h, for which a revoked token would pass; use seconds");
        }
        if !serve_stale.is_zero() && serve_stale <= cache_for {
            return invalid(
                "serve_stale",
                "is no longer than cache_for, so that it changes nothing: it counts from when the token was last said to be active; give more, or leave it out",
            );
        }
        if *cache_bytes == 0 {
            return invalid(
                "introspection_cache_bytes",
                "is 0, so that every request would wait for the issuer; leave it out for 16 MiB",
            );
        }
        let is_token_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if token_prefix.as_ref().is_some_and(|prefix| prefix.is_empty() || !prefix.bytes().all(is_token_character)) {
            return invalid(
                "token_prefix",
                "is empty, or has characters that no token has; give the letters that every opaque token of the issuer begins with, or leave it out",
            );
        }
        if token_lengths.as_ref().is_some_and(|lengths| lengths.is_empty() || *lengths.end() == 0) {
            return invalid("token_lengths", "holds no length, so that every opaque token would be refused");
        }
        self.introspector.check(self.terms.format)
    }

    /// Whether both are the same: clients are alike only where they are the same one.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.introspector, &other.introspector) && self.terms == other.terms
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { introspector, terms } = self;
        f.debug_struct("Introspection").field("introspector", introspector).field("terms", terms).finish()
    }
}
