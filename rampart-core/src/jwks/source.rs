//! Where the keys come from, by the settings.

use std::sync::Arc;
use std::time::Duration;

use rampart_http::{ConfigError, EndpointUrl, IssuerUrl, Location, Member, SetUp, Timeouts, checked_issuer_name};

use super::cache::{KeyCache, Surroundings};
use super::fetch::Fetcher;
use crate::jose::algorithm::Algorithms;
use crate::jose::key_set::KeySet;
use crate::jwks::keys::Keys;
use crate::mistakes::unusable_keys;
use crate::settings::Settings;

/// Keys must outlive the fetch that brings them.
const SHORTEST_TTL: Duration = Duration::from_secs(1);
const MIN_FETCH_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the keys come from.
pub(crate) enum Source {
    /// A key set as JSON.
    Fixed(String),
    Fetched(Box<Location>),
}

impl Source {
    /// One place, and an issuer that goes with it.
    pub(crate) fn of(settings: &Settings) -> Result<Self, ConfigError> {
        let Settings { issuer_url, jwks_url, static_jwks, discovery, allow_http, .. } = settings;
        if jwks_url.is_none() && static_jwks.is_none() {
            let issuer = IssuerUrl::parse(issuer_url, *allow_http)?;
            return Ok(Self::fetched(if *discovery {
                Location::in_metadata(issuer, Member::JwksUri)
            } else {
                Location::given(issuer.below("/.well-known/jwks.json"))
            }));
        }
        checked_issuer_name(issuer_url)?;
        match (static_jwks, jwks_url, discovery) {
            (Some(json), None, false) => Ok(Self::Fixed(json.clone())),
            (None, Some(url), false) => {
                Ok(Self::fetched(Location::given(EndpointUrl::parse("jwks_url", url, *allow_http)?)))
            }
            _ => Err(ConfigError::invalid(
                "jwks_url",
                "is given together with discovery or static_jwks, or these two are; keep one source of keys",
            )),
        }
    }

    fn fetched(from: Location) -> Self {
        Self::Fetched(Box::new(from))
    }

    /// The keys, from there.
    pub(crate) fn keys(
        self,
        settings: &Settings,
        algorithms: Algorithms,
        http_client: Option<SetUp>,
        surroundings: Surroundings,
    ) -> Result<Keys, ConfigError> {
        let ttl = Settings::duration(settings.durations.jwks_cache_ttl, settings.jwks_cache_ttl_seconds, 600);
        if ttl < SHORTEST_TTL {
            return Err(ConfigError::invalid(
                "jwks_cache_ttl",
                "is shorter than 1 s, so that keys would be too old before they are there; leave it out for 10 minutes",
            ));
        }
        let timeout = Settings::duration(settings.durations.fetch_timeout, settings.fetch_timeout_seconds, 5);
        if !(MIN_FETCH_TIMEOUT..=MAX_FETCH_TIMEOUT).contains(&timeout) {
            return Err(ConfigError::invalid(
                "fetch_timeout",
                "is not between 1 s and 30 s: a shorter one fails on a busy network, a longer one helps nobody; leave it out for 5 s",
            ));
        }
        let max_stale = Settings::duration(settings.durations.max_stale, settings.max_stale_seconds, 3600);
        let location = match self {
            Self::Fetched(location) => *location,
            Self::Fixed(json) => {
                if http_client.is_some() {
                    return Err(ConfigError::invalid(
                        "http_client",
                        "is given together with static_jwks, with which nothing is fetched; keep one of the two",
                    ));
                }
                let unusable = |error| ConfigError::invalid("static_jwks", unusable_keys(&json, error));
                let parsed = KeySet::read(&json, algorithms).map_err(unusable)?;
                parsed.events.iter().for_each(|event| surroundings.listeners.tell(event));
                return Ok(Keys::Static(Arc::new(parsed.into_usable().map_err(unusable)?)));
            }
        };
        let client = rampart_http::client(http_client, location.first(), Timeouts::Ours)?;
        let fetcher = Fetcher { timeout, client, location, algorithms };
        Ok(Keys::Fetched(Arc::new(KeyCache::new(fetcher, ttl, max_stale, surroundings))))
    }
}
