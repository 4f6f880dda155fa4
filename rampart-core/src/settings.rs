//! Settings as data: what a configuration file may say.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::jose::algorithm::Algorithm;
#[cfg(doc)]
use crate::{auth::RampartAuth, builder::RampartAuthBuilder};

/// Settings as they stand in a configuration file: for [`RampartAuth::from_settings`].
///
/// Only `issuer_url` and `audience` must be given; the other fields, and their defaults, are those of
/// [`RampartAuthBuilder`]. Durations are whole seconds, sizes are bytes, unknown fields are errors.
///
/// ```
/// use rampart_core::{RampartAuth, Settings};
///
/// let settings: Settings = serde_json::from_str(
///     r#"{"issuer_url": "https://auth.example.com", "audience": "my-api", "clock_tolerance_seconds": 2}"#,
/// )?;
/// let auth = RampartAuth::from_settings(settings)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The issuer, exactly as in the `iss` claim.
    pub issuer_url: String,
    /// The audience: what the tokens have in `aud`, such as the client ID of the front end.
    pub audience: String,
    /// See [`RampartAuthBuilder::realm`].
    #[serde(default)]
    pub realm: Option<String>,
    /// See [`RampartAuthBuilder::audiences`].
    #[serde(default)]
    pub audiences: Vec<String>,
    /// See [`RampartAuthBuilder::clock_tolerance`].
    #[serde(default)]
    pub clock_tolerance_seconds: Option<u64>,
    /// See [`RampartAuthBuilder::jwks_cache_ttl`].
    #[serde(default)]
    pub jwks_cache_ttl_seconds: Option<u64>,
    /// See [`RampartAuthBuilder::max_stale`].
    #[serde(default)]
    pub max_stale_seconds: Option<u64>,
    /// See [`RampartAuthBuilder::fetch_timeout`].
    #[serde(default)]
    pub fetch_timeout_seconds: Option<u64>,
    /// See [`RampartAuthBuilder::required_claims`].
    #[serde(default)]
    pub required_claims: Vec<String>,
    /// See [`RampartAuthBuilder::algorithms`].
    #[serde(default)]
    pub algorithms: Option<Vec<Algorithm>>,
    /// See [`RampartAuthBuilder::jwks_url`].
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// See [`RampartAuthBuilder::discovery`].
    #[serde(default)]
    pub discovery: bool,
    /// See [`RampartAuthBuilder::static_jwks`].
    #[serde(default)]
    pub static_jwks: Option<String>,
    /// See [`RampartAuthBuilder::max_token_bytes`].
    #[serde(default)]
    pub max_token_bytes: Option<usize>,
    /// See [`RampartAuthBuilder::token_cache_bytes`].
    #[serde(default)]
    pub token_cache_bytes: Option<usize>,
    /// See [`RampartAuthBuilder::allow_http`].
    #[serde(default)]
    pub allow_http: bool,
    /// See [`RampartAuthBuilder::require_at_jwt`].
    #[serde(default)]
    pub require_at_jwt: bool,
    /// See [`RampartAuthBuilder::insecure_accept_id_tokens`].
    #[serde(default)]
    pub insecure_accept_id_tokens: bool,
    /// See [`RampartAuthBuilder::roles_claim`].
    #[serde(default)]
    pub roles_claim: Option<String>,
    /// See [`RampartAuthBuilder::scope_claim`].
    #[serde(default)]
    pub scope_claim: Option<String>,
    /// See [`RampartAuthBuilder::resource_metadata`].
    #[serde(default)]
    pub resource_metadata: Option<String>,
    // Kept to the nanosecond where the builder sets them.
    #[serde(skip)]
    pub(crate) durations: Durations,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Durations {
    pub(crate) clock_tolerance: Option<Duration>,
    pub(crate) jwks_cache_ttl: Option<Duration>,
    pub(crate) max_stale: Option<Duration>,
    pub(crate) fetch_timeout: Option<Duration>,
}

impl Settings {
    /// Settings with every default.
    pub fn new(issuer_url: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer_url: issuer_url.into(),
            audience: audience.into(),
            realm: None,
            audiences: Vec::new(),
            clock_tolerance_seconds: None,
            jwks_cache_ttl_seconds: None,
            max_stale_seconds: None,
            fetch_timeout_seconds: None,
            required_claims: Vec::new(),
            algorithms: None,
            jwks_url: None,
            discovery: false,
            static_jwks: None,
            max_token_bytes: None,
            token_cache_bytes: None,
            allow_http: false,
            require_at_jwt: false,
            insecure_accept_id_tokens: false,
            roles_claim: None,
            scope_claim: None,
            resource_metadata: None,
            durations: Durations::default(),
        }
    }

    pub(crate) fn duration(exact: Option<Duration>, seconds: Option<u64>, default: u64) -> Duration {
        exact.unwrap_or(Duration::from_secs(seconds.unwrap_or(default)))
    }
}

/// What of an address may be shown before it has been checked: not its query, and nothing of one that may hold a user's password.
fn public(url: &str) -> &str {
    if url.contains('@') {
        return "...";
    }
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Without what may be secret: the query of an address, and key material, which may have been given with its private half.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("issuer_url", &public(&self.issuer_url))
            .field("audience", &self.audience)
            .field("realm", &self.realm)
            .field("audiences", &self.audiences)
            .field("clock_tolerance_seconds", &self.clock_tolerance_seconds)
            .field("jwks_cache_ttl_seconds", &self.jwks_cache_ttl_seconds)
            .field("max_stale_seconds", &self.max_stale_seconds)
            .field("fetch_timeout_seconds", &self.fetch_timeout_seconds)
            .field("required_claims", &self.required_claims)
            .field("algorithms", &self.algorithms)
            .field("jwks_url", &self.jwks_url.as_deref().map(public))
            .field("discovery", &self.discovery)
            .field("static_jwks", &self.static_jwks.as_ref().map(String::len))
            .field("max_token_bytes", &self.max_token_bytes)
            .field("token_cache_bytes", &self.token_cache_bytes)
            .field("allow_http", &self.allow_http)
            .field("require_at_jwt", &self.require_at_jwt)
            .field("insecure_accept_id_tokens", &self.insecure_accept_id_tokens)
            .field("roles_claim", &self.roles_claim)
            .field("scope_claim", &self.scope_claim)
            .field("resource_metadata", &self.resource_metadata.as_deref().map(public))
            .field("durations", &self.durations)
            .finish()
    }
}
