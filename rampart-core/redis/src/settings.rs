//! A store as a section of a configuration file has it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::ConfigError;
use serde::Deserialize;

use crate::address::Address;
use crate::store::{RedisStore, RedisStoreBuilder};

/// What a file can say of a [`RedisStore`], in any format that serde reads: the section `[redis]`, beside `[auth]`. `Debug` shows nothing of a URL.
///
/// ```
/// use rampart_redis::{RedisSettings, RedisStore};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let settings: RedisSettings = toml::from_str(
///     r#"
///     url_env = "REDIS_URL"                  # the variable that has the URL, with its password
///     prefix = "my-api:"
///     deadline_ms = 100
///     state_key_file = "/run/secrets/state"  # 32 bytes in base64url
///     "#,
/// )?;
/// let store = RedisStore::from_settings(&settings)?.connect_in_background()?;
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RedisSettings {
    /// The name of the environment variable that has the URL. A URL with a password has its place there.
    pub url_env: Option<String>,
    /// The URL itself, without a password.
    pub url: Option<String>,
    /// What all keys begin with.
    pub prefix: String,
    /// See [`RedisStoreBuilder::allow_plaintext`].
    #[serde(default)]
    pub allow_plaintext: bool,
    /// See [`RedisStoreBuilder::deadline`]: in milliseconds.
    pub deadline_ms: Option<u64>,
    /// See [`SharedRevocations::max_stale`](rampart_core::SharedRevocations::max_stale): in seconds.
    pub max_stale_seconds: Option<u64>,
    /// See [`SharedRevocations::initialize`](rampart_core::SharedRevocations::initialize): for the very first start on an empty store, and for that
    /// alone.
    #[serde(default)]
    pub initialize: bool,
    /// A file that holds the key of [`RedisStoreBuilder::state_key`]: 32 bytes in base64url.
    pub state_key_file: Option<PathBuf>,
}

impl RedisSettings {
    /// With every default, and without the URL, which must be said.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            url_env: None,
            url: None,
            prefix: prefix.into(),
            allow_plaintext: false,
            deadline_ms: None,
            max_stale_seconds: None,
            initialize: false,
            state_key_file: None,
        }
    }

    pub(crate) fn builder(
        &self,
        variable: impl FnOnce(&str) -> Option<String>,
    ) -> Result<RedisStoreBuilder, ConfigError> {
        let url = self.url(variable)?;
        let mut builder = RedisStore::builder(&url, &self.prefix).allow_plaintext(self.allow_plaintext);
        if let Some(milliseconds) = self.deadline_ms {
            builder = builder.deadline(Duration::from_millis(milliseconds));
        }
        builder.shared.max_stale = self.max_stale_seconds.map(Duration::from_secs);
        builder.shared.initialize = self.initialize;
        if let Some(file) = &self.state_key_file {
            builder = builder.state_key(key_of(file)?);
        }
        Ok(builder)
    }

    fn url(&self, variable: impl FnOnce(&str) -> Option<String>) -> Result<String, ConfigError> {
        match (&self.url, &self.url_env) {
            (Some(_), Some(_)) => {
                Err(ConfigError::invalid("redis.url_env", "is given together with url; keep one of the two"))
            }
            (None, None) => Err(ConfigError::invalid(
                "redis.url_env",
                "is missing; name the environment variable that has the URL, or write url, where it needs no password",
            )),
            (Some(url), None) => {
                // Whatever else is wrong with it, the builder says.
                if Address::parse(url).is_ok_and(|address| address.has_password()) {
                    return Err(ConfigError::invalid(
                        "redis.url",
                        "has a password in it, and files are read by many; put the URL into an environment variable, and name that in url_env",
                    ));
                }
                Ok(url.clone())
            }
            (None, Some(name)) => variable(name).filter(|url| !url.is_empty()).ok_or_else(|| missing_variable(name)),
        }
    }
}

fn missing_variable(name: &str) -> ConfigError {
    // What stands there by mistake may be the URL itself.
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let named = if is_name { format!("{name}, which") } else { "a variable that".into() };
    ConfigError::invalid(
        "redis.url_env",
        format!("names {named} is missing, empty or not UTF-8; set it to the URL of Redis, such as rediss://HOST:PORT"),
    )
}

fn key_of(file: &Path) -> Result<[u8; 32], ConfigError> {
    let unusable =
        |problem: String| ConfigError::invalid("redis.state_key_file", format!("{} {problem}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let key = URL_SAFE_NO_PAD.decode(text.trim_end()).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
    key.ok_or_else(|| unusable("does not hold 32 bytes in base64url, which are 43 characters without padding".into()))
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url_env, url, prefix, allow_plaintext, deadline_ms, max_stale_seconds, initialize, state_key_file } =
            self;
        f.debug_struct("RedisSettings")
            .field("url_env", &url_env.is_some())
            .field("url", &url.is_some())
            .field("prefix", prefix)
            .field("allow_plaintext", allow_plaintext)
            .field("deadline_ms", deadline_ms)
            .field("max_stale_seconds", max_stale_seconds)
            .field("initialize", initialize)
            .field("state_key_file", state_key_file)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_comes_from_the_variable_that_is_named_and_from_no_other() {
        let settings = RedisSettings { url_env: Some("REDIS_URL".into()), ..RedisSettings::new("api:") };
        let read = |url: &'static str| {
            settings.builder(move |name| {
                assert_eq!(name, "REDIS_URL");
                Some(url.to_owned())
            })
        };
        let builder = format!("{:?}", read("redis://:hunter2@127.0.0.1:7000").unwrap());
        assert!(builder.contains("127.0.0.1:7000") && !builder.contains("hunter2"), "{builder}");
        for missing in [None, Some(String::new())] {
            let error = settings.builder(|_| missing).unwrap_err();
            assert_eq!(error.field(), "redis.url_env");
            assert!(error.to_string().contains("REDIS_URL, which is missing"), "{error}");
        }
        // The URL where its variable should be named.
        let mistaken = RedisSettings { url_env: Some("redis://:hunter2@host".into()), ..RedisSettings::new("api:") };
        let error = mistaken.builder(|_| None).unwrap_err();
        assert!(!format!("{error} {mistaken:?}").contains("hunter2"), "{error}");
    }
}
