//! Where the keys come from, by the settings.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rampart_http::{
    ConfigError, Discovery, EndpointUrl, IssuerUrl, Location, LookUp, Member, SetUp, Timeouts, checked_issuer_name,
};
use reqwest::{Client, ClientBuilder};

use super::bounds::{Bounds, Places};
use super::cache::{KeyCache, Surroundings};
use super::fetch::Fetcher;
use super::header::{FetchHeader, FetchHeaders};
use crate::jose::algorithm::Algorithms;
use crate::jose::key_set::KeySet;
use crate::jwks::keys::Keys;
use crate::mistakes::unusable_keys;
use crate::settings::IssuerSettings;

/// Keys must outlive the fetch that brings them.
const SHORTEST_TTL: Duration = Duration::from_secs(1);
const DEFAULT_TTL: Duration = Duration::from_secs(600);
const DEFAULT_MAX_STALE: Duration = Duration::from_secs(3600);
const DEFAULT_FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const MIN_FETCH_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// What the application does to an HTTP client of ours.
pub(crate) type HttpClient = Arc<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>;

/// Who fetches the keys of an issuer, and within which bounds.
#[derive(Clone)]
pub(crate) struct Fetching {
    http_client: Option<HttpClient>,
    /// One HTTP client for all issuers of the settings that would have the very same: each brings the certificates of all authorities
    /// along.
    shared: Arc<OnceLock<Client>>,
    /// Where a resolver has named the issuer.
    strangers: Option<Arc<Strangers>>,
}

/// What fetches for issuers that a resolver has named share.
struct Strangers {
    places: Arc<Places>,
    /// One HTTP client for all, made when the first is named: it has no address of its own.
    client: OnceLock<Client>,
}

impl Fetching {
    /// For issuers of the settings.
    pub(crate) fn new(http_client: Option<HttpClient>) -> Self {
        Self { http_client, shared: Arc::default(), strangers: None }
    }

    /// For those of a resolver. Names are looked up by the system, unless by something else.
    pub(crate) fn for_strangers(&self, look_up: Option<LookUp>) -> Self {
        let strangers = Strangers { places: Arc::new(Places::new(look_up)), client: OnceLock::new() };
        Self { strangers: Some(Arc::new(strangers)), ..self.clone() }
    }

    pub(crate) fn sets_up_clients(&self) -> bool {
        self.http_client.is_some()
    }

    pub(crate) fn is_for_strangers(&self) -> bool {
        self.strangers.is_some()
    }

    fn client(&self, first: &EndpointUrl, settings: &IssuerSettings) -> Result<Client, ConfigError> {
        let set_up = || self.http_client.clone().map(|set_up| -> SetUp { Box::new(move |client| set_up(client)) });
        let Some(strangers) = &self.strangers else { return self.client_of_settings(first, set_up) };
        let lookups = Arc::clone(&strangers.places.lookups);
        if settings.allow_private_addresses {
            return rampart_http::client_to_strangers_host(set_up(), first, Timeouts::Ours, lookups);
        }
        if settings.allow_proxy {
            return rampart_http::public_client(set_up(), Timeouts::Ours, Some(first), lookups);
        }
        shared(&strangers.client, || rampart_http::public_client(set_up(), Timeouts::Ours, None, lookups))
    }

    /// What a client is like depends on its first address only where that is on this machine, or http.
    fn client_of_settings(
        &self,
        first: &EndpointUrl,
        set_up: impl Fn() -> Option<SetUp>,
    ) -> Result<Client, ConfigError> {
        let make = || rampart_http::client(set_up(), first, Timeouts::Ours);
        let is_like_others = !self.sets_up_clients() && !first.is_loopback() && first.as_url().scheme() == "https";
        if is_like_others { shared(&self.shared, make) } else { make() }
    }

    fn bounds(&self, settings: &IssuerSettings, is_proven: &Arc<AtomicBool>) -> Option<Bounds> {
        self.strangers.as_ref().map(|strangers| Bounds {
            places: Arc::clone(&strangers.places),
            is_proven: Arc::clone(is_proven),
            allow_private_addresses: settings.allow_private_addresses,
        })
    }
}

/// The one that is there, or a new one, for all who come later.
fn shared(place: &OnceLock<Client>, make: impl FnOnce() -> Result<Client, ConfigError>) -> Result<Client, ConfigError> {
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let client = make()?;
    Ok(place.get_or_init(|| client).clone())
}

/// Where the keys come from.
pub(crate) enum Source {
    /// A key set as JSON.
    Fixed(String),
    Fetched(Box<Location>),
}

impl Source {
    /// One place, and an issuer that goes with it.
    pub(crate) fn of(issuer_url: &str, settings: &IssuerSettings) -> Result<Self, ConfigError> {
        let IssuerSettings { jwks_url, metadata_url, static_jwks, discovery, allow_http, .. } = settings;
        let allow_http = *allow_http;
        match (static_jwks, jwks_url, metadata_url, discovery) {
            (None, None, None, true) => {
                let issuer = IssuerUrl::parse(issuer_url, allow_http)?;
                Ok(Self::fetched(Location::in_metadata(Discovery::of(&issuer, Member::JwksUri))))
            }
            (None, None, None, false) => {
                let issuer = IssuerUrl::parse(issuer_url, allow_http)?;
                let metadata = Discovery::of(&issuer, Member::JwksUri);
                Ok(Self::fetched(Location::open(issuer.below("/.well-known/jwks.json"), metadata)))
            }
            (Some(json), None, None, false) => {
                checked_issuer_name(issuer_url)?;
                Ok(Self::Fixed(json.clone()))
            }
            (None, Some(url), None, false) => {
                checked_issuer_name(issuer_url)?;
                Ok(Self::fetched(Location::given(EndpointUrl::parse("jwks_url", url, allow_http)?)))
            }
            (None, None, Some(url), false) => {
                checked_issuer_name(issuer_url)?;
                let url = EndpointUrl::parse("metadata_url", url, allow_http)?;
                let metadata = Discovery::at(url, issuer_url, Member::JwksUri, allow_http);
                Ok(Self::fetched(Location::in_metadata(metadata)))
            }
            _ => Err(ConfigError::invalid(
                "jwks_url",
                "is given together with discovery, metadata_url or static_jwks, or two of these are; keep one source of keys",
            )),
        }
    }

    fn fetched(from: Location) -> Self {
        Self::Fetched(Box::new(from))
    }

    /// The keys, from there.
    pub(crate) fn keys(
        self,
        settings: &IssuerSettings,
        headers: &[FetchHeader],
        algorithms: Algorithms,
        fetching: &Fetching,
        is_proven: &Arc<AtomicBool>,
        surroundings: Surroundings,
    ) -> Result<Keys, ConfigError> {
        let ttl = settings.jwks_cache_ttl.unwrap_or(DEFAULT_TTL);
        if ttl < SHORTEST_TTL {
            return Err(ConfigError::invalid(
                "jwks_cache_ttl",
                "is shorter than 1 s, so that keys would be too old before they are there; leave it out for 10 minutes",
            ));
        }
        let timeout = settings.fetch_timeout.unwrap_or(DEFAULT_FETCH_TIMEOUT);
        if !(MIN_FETCH_TIMEOUT..=MAX_FETCH_TIMEOUT).contains(&timeout) {
            return Err(ConfigError::invalid(
                "fetch_timeout",
                "is not between 1 s and 30 s: a shorter one fails on a busy network, a longer one helps nobody; leave it out for 5 s",
            ));
        }
        let max_stale = settings.max_stale.unwrap_or(DEFAULT_MAX_STALE);
        let headers = FetchHeaders::of(headers)?;
        let location = match self {
            Self::Fetched(location) => *location,
            Self::Fixed(_) if !headers.is_empty() => {
                return Err(ConfigError::invalid(
                    "fetch_header",
                    "is given together with static_jwks, with which nothing is fetched; keep one of the two",
                ));
            }
            Self::Fixed(json) => {
                let unusable = |error| ConfigError::invalid("static_jwks", unusable_keys(&json, error));
                let parsed = KeySet::read(&json, algorithms).map_err(unusable)?;
                parsed.events.iter().for_each(|event| surroundings.listeners.tell(event));
                return Ok(Keys::Static(Arc::new(parsed.into_usable().map_err(unusable)?)));
            }
        };
        let client = fetching.client(location.first(), settings)?;
        let bounds = fetching.bounds(settings, is_proven);
        let fetcher = Fetcher::new(timeout, client, location, algorithms, bounds, headers);
        Ok(Keys::Fetched(Arc::new(KeyCache::new(fetcher, ttl, max_stale, surroundings))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an issuer at this address gets the client that is shared.
    fn shares(fetching: &Fetching, url: &str, settings: &IssuerSettings) -> bool {
        let fetching = Fetching { shared: Arc::default(), ..fetching.clone() };
        fetching.client(&EndpointUrl::parse("jwks_url", url, true).unwrap(), settings).unwrap();
        fetching.shared.get().is_some()
    }

    #[test]
    fn http_client_is_shared_by_issuers_of_the_settings_that_would_have_the_very_same() {
        let (ours, plain) = (Fetching::new(None), IssuerSettings::default());
        assert!(shares(&ours, "https://auth.example.com/keys", &plain));
        assert!(shares(&ours, "https://192.0.2.1/keys", &plain));
        for own in ["http://auth.example.com", "http://127.0.0.1", "https://127.0.0.1", "https://keys.localhost"] {
            assert!(!shares(&ours, own, &plain), "{own}");
        }
        // The operator's settings may be other ones each time.
        assert!(!shares(&Fetching::new(Some(Arc::new(|client| client))), "https://auth.example.com", &plain));
        // One that a resolver has named is led by another one, if not by its own.
        let strangers = ours.for_strangers(None);
        let private = IssuerSettings { allow_private_addresses: true, ..IssuerSettings::default() };
        let by_proxy = IssuerSettings { allow_proxy: true, ..IssuerSettings::default() };
        for settings in [&plain, &private, &by_proxy] {
            assert!(!shares(&strangers, "https://auth.example.com", settings));
        }
    }
}
