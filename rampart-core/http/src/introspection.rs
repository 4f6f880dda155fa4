//! What a resource server needs of whoever asks an issuer about tokens (RFC 7662).

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// Asks an issuer about its tokens (RFC 7662): text and bytes alone, so that any HTTP client will do. `RampartClient` of `rampart-client` is
/// one.
///
/// It keeps nothing and decides nothing: what an answer is worth is for the resource server to say, which also sees to it that no token is
/// asked for twice at once, nor too many at a time.
///
/// An implementation sends the token in the body of a POST, with `token_type_hint=access_token`, and shows it nowhere else: not in a URL, a
/// log or an error. It follows no redirect, bounds the time and the size of the exchange, and never asks another server instead.
pub trait TokenIntrospector: fmt::Debug + Send + Sync + 'static {
    /// Asks about a token. The exchange is over within a few seconds, whatever the issuer does.
    fn introspect<'a>(&'a self, question: Question<'a>) -> Introspecting<'a>;

    /// What it goes by at the issuer: the audience of signed answers (RFC 9701 section 5).
    fn client_id(&self) -> &str;

    /// What is wrong with its settings for such answers, as far as that can be said before a token comes: asked once, when the resource
    /// server is built. Nothing, unless it says otherwise.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) with the remedy.
    fn check(&self, format: AnswerFormat) -> Result<(), crate::ConfigError> {
        let _ = format;
        Ok(())
    }
}

/// The exchange, as [`TokenIntrospector::introspect`] gives it.
pub type Introspecting<'a> = Pin<Box<dyn Future<Output = Result<String, IntrospectionError>> + Send + 'a>>;

/// What is asked.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Question<'a> {
    /// The token, as it was presented: a b64token (RFC 6750 section 2.1).
    pub token: &'a str,
    /// What the answer must be. One of another kind is none: [`IntrospectionError::Unusable`].
    pub format: AnswerFormat,
}

impl<'a> Question<'a> {
    /// About this token.
    pub const fn new(token: &'a str, format: AnswerFormat) -> Self {
        Self { token, format }
    }
}

/// Without the token.
impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("format", &self.format).finish_non_exhaustive()
    }
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerFormat {
    /// `application/json` (RFC 7662 section 2.2).
    Json,
    /// A signed JWT, `application/token-introspection+jwt` (RFC 9701): the compact text, nothing of which is verified here.
    Jwt,
}

/// Why there is no answer. Never holds a token, a secret, a body or a header value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// The issuer does not let us ask: 401, or `invalid_client`. The operator's fault, and the same for every token.
    #[error("the issuer has refused our own credentials: {0}")]
    Unauthorized(String),
    /// There is no sensible answer for now, whatever the token: no connection, no answer in time, 429, 502, 503 or 504.
    #[error("the issuer cannot be asked: {why}")]
    Unavailable {
        /// What has happened.
        why: String,
        /// When the issuer wants to be asked again, if it has said so: clamped as elsewhere.
        retry_after: Option<Duration>,
    },
    /// An answer that is none, perhaps to this token alone: another status, another media type, one that is too long or compressed.
    #[error("the issuer's answer cannot be used: {0}")]
    Unusable(String),
    /// Where to ask is not known: the operator's fault.
    #[error("{0}")]
    Misconfigured(String),
}

/// Settings of introspection as they stand in a configuration file, in a section of their own: who asks, and what is done with the answers.
///
/// Of these the client of `rampart-client` takes where and as whom it asks, and the resource server of `rampart-core` the others. Unknown
/// members are errors.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct IntrospectionSettings {
    /// Which issuer's tokens: its name, exactly as in the settings of the issuers.
    pub issuer_url: String,
    /// Which tokens are asked for.
    pub mode: IntrospectionMode,
    /// Where to ask; else where the issuer's metadata says.
    pub endpoint: Option<String>,
    /// What this API is registered under at the issuer.
    pub client_id: String,
    /// The file that holds its secret, and nothing else.
    pub client_secret_file: Option<PathBuf>,
    /// The environment variable that holds its secret.
    pub client_secret_env: Option<String>,
    /// No place for a secret: see [`check`](Self::check).
    pub client_secret: Option<Misplaced>,
    /// For how long an answer is believed, in seconds.
    pub cache_for_seconds: Option<u64>,
    /// Memory for answers, in bytes.
    pub cache_bytes: Option<usize>,
    /// How the tokens of this issuer begin. Others are not asked for.
    pub token_prefix: Option<String>,
    /// Answers without `aud` are good: the issuer checks for whom a token is.
    pub audience_is_checked_by_issuer: bool,
    /// Answers that do not say that the token is an access token are good.
    pub insecure_any_kind: bool,
    /// Answers must be signed (RFC 9701).
    pub signed: bool,
    /// For how long a token that was active goes on while the issuer cannot be asked, in seconds. Not at all unless given.
    pub serve_stale_seconds: u64,
    /// Lets the endpoint be one of plain HTTP on another machine.
    pub allow_http: bool,
}

impl IntrospectionSettings {
    /// What whoever reads them asks first: that no secret stands among them, where a mistake in the file would bring it into the log.
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) that says where it belongs.
    pub fn check(&self) -> Result<(), crate::ConfigError> {
        match self.client_secret {
            None => Ok(()),
            Some(Misplaced) => Err(crate::ConfigError::invalid(
                "client_secret",
                "is no setting, as no secret belongs into this file; write the path of a file that holds it as client_secret_file, or the name of an environment variable as client_secret_env",
            )),
        }
    }
}

/// Without the query of the endpoint, which may hold a secret.
impl fmt::Debug for IntrospectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.endpoint.as_deref().and_then(|url| url.split(['?', '#']).next());
        f.debug_struct("IntrospectionSettings")
            .field("issuer_url", &self.issuer_url)
            .field("mode", &self.mode)
            .field("endpoint", &endpoint)
            .field("client_id", &self.client_id)
            .field("client_secret_file", &self.client_secret_file)
            .field("client_secret_env", &self.client_secret_env)
            .field("client_secret", &self.client_secret)
            .field("cache_for_seconds", &self.cache_for_seconds)
            .field("cache_bytes", &self.cache_bytes)
            .field("token_prefix", &self.token_prefix)
            .field("audience_is_checked_by_issuer", &self.audience_is_checked_by_issuer)
            .field("insecure_any_kind", &self.insecure_any_kind)
            .field("signed", &self.signed)
            .field("serve_stale_seconds", &self.serve_stale_seconds)
            .field("allow_http", &self.allow_http)
            .finish()
    }
}

/// Something that stands where it must not. Nothing is kept of it, and reading it is no error: errors of readers of files quote the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing in it")]
pub struct Misplaced;

impl<'de> Deserialize<'de> for Misplaced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// Which tokens the issuer is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntrospectionMode {
    /// Those that do not have the shape of a JWT.
    #[default]
    OpaqueOnly,
    /// Those as well that are verified here: both must say yes.
    EveryToken,
}
