//! Settings of the client, checked by `build()`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rampart_http::{
    ConfigError, Discovery, EndpointUrl, IssuerUrl, Location, Member, Secret, SetUp, TOTAL_TIMEOUT, Timeouts,
    checked_issuer_name, checked_secret, checked_text,
};
use reqwest::ClientBuilder;

use crate::authentication::{Authentication, SecretIn, SigningAlgorithm};
use crate::client::RampartClient;
use crate::endpoint::{Clients, Endpoint, TokenService};
use crate::environment::{self, Environment};
use crate::error::ClientError;
use crate::exchange::Exchange;
use crate::registration::Registration;
use crate::settings;

/// For a token, whatever timeouts the operator sets.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of a [`RampartClient`], from [`RampartClient::builder`] or [`RampartClientBuilder::from_env`].
///
/// ```no_run
/// use rampart_client::RampartClientBuilder;
///
/// let client = RampartClientBuilder::from_env()?.discovery().build()?;
/// # Ok::<(), rampart_client::ClientError>(())
/// ```
#[must_use = "call build() to get a RampartClient"]
pub struct RampartClientBuilder {
    source: Source,
    issuer_url: String,
    client_id: String,
    client_secret: Secret,
    secret_in: SecretIn,
    private_key: Option<PrivateKey>,
    token_url: Option<String>,
    discovery: bool,
    introspection_url: Option<String>,
    revocation_url: Option<String>,
    allow_http: bool,
    assume_bearer: bool,
    http_client: Option<SetUp>,
}

/// Where the settings have been read, for what is wrong with them to be told by its name there.
#[derive(Debug)]
pub(crate) enum Source {
    Arguments,
    Environment,
    /// A section of a file, of which the secret is in a file or a variable.
    Introspection {
        secret: Option<String>,
    },
}

struct PrivateKey {
    algorithm: SigningAlgorithm,
    pem: Vec<u8>,
    key_id: Option<String>,
}

impl RampartClientBuilder {
    pub(crate) fn new(source: Source, issuer_url: String, client_id: String, client_secret: Secret) -> Self {
        Self {
            source,
            issuer_url,
            client_id,
            client_secret,
            secret_in: SecretIn::default(),
            private_key: None,
            token_url: None,
            discovery: false,
            introspection_url: None,
            revocation_url: None,
            allow_http: false,
            assume_bearer: false,
            http_client: None,
        }
    }

    /// A builder from `RAMPART_URL`, `RAMPART_CLIENT_ID` and `RAMPART_CLIENT_SECRET`. The last one may be missing where a
    /// [key](Self::private_key_jwt) takes its place; otherwise [`build`](Self::build) says so.
    ///
    /// # Errors
    /// [`ClientError::Config`] with the name of the variable that is missing; and for an ID with a comma: an API may have several
    /// audiences in `RAMPART_CLIENT_ID`, a service that calls has one ID. Errors of `build` name the variable too.
    ///
    /// ```no_run
    /// use rampart_client::{RampartClientBuilder, SigningAlgorithm};
    ///
    /// let client = RampartClientBuilder::from_env()?
    ///     .private_key_jwt(SigningAlgorithm::ES256, std::fs::read("billing.pem")?, None)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env() -> Result<Self, ClientError> {
        let Environment { issuer_url, client_id, client_secret } = Environment::read()?;
        Ok(Self::new(Source::Environment, issuer_url, client_id, client_secret))
    }

    /// The token endpoint. An https URL, or http to this machine; it may hold a query.
    ///
    /// Unless given, it is the token endpoint that the issuer's metadata gives, as with [`discovery`](Self::discovery), and
    /// `{issuer_url}/oauth/token` where there is no metadata. Then it must be on the origin of the issuer: on the word of a document alone the
    /// secret goes nowhere else. Whichever of the two has given a token first is the only one from then on, until a restart.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret")
    ///     .token_url("https://auth.example.com/realms/main/protocol/openid-connect/token")
    ///     .build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    /// Takes the token endpoint from the issuer's metadata, whose `issuer` must equal `issuer_url` exactly (RFC 8414 section 3.3). It
    /// is asked for at `{issuer_url}/.well-known/openid-configuration`, and where that answers 404 or 410, at
    /// `/.well-known/oauth-authorization-server` with the path of the issuer behind it: with the first request for a token, and again
    /// after a failure that may mean that the endpoint has moved: no answer, or none of a token endpoint.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").discovery().build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn discovery(mut self) -> Self {
        self.discovery = true;
        self
    }

    /// The introspection endpoint (RFC 7662), for a client that [asks about tokens](crate::TokenIntrospector). An https URL, or http to this
    /// machine; it may hold a query.
    ///
    /// Unless given, it is the one that the issuer's metadata gives, asked for as with [`discovery`](Self::discovery). Then it must be on
    /// the origin of the issuer: on the word of a document alone neither the secret nor anybody's token goes elsewhere. There is no
    /// default address.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "my-api", "secret")
    ///     .introspection_url("http://127.0.0.1:4445/admin/oauth2/introspect")
    ///     .build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn introspection_url(mut self, url: impl Into<String>) -> Self {
        self.introspection_url = Some(url.into());
        self
    }

    /// The revocation endpoint (RFC 7009), for [`revoke`](RampartClient::revoke). The same rules hold as for
    /// [`introspection_url`](Self::introspection_url).
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret")
    ///     .revocation_url("https://auth.example.com/oauth2/revoke")
    ///     .build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn revocation_url(mut self, url: impl Into<String>) -> Self {
        self.revocation_url = Some(url.into());
        self
    }

    /// Allows http to other machines than this one, which is refused unless given. Whoever is on the way can then read the secret
    /// and every token.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// assert!(RampartClient::builder("http://auth.internal", "billing", "secret").build().is_err());
    /// let client = RampartClient::builder("http://auth.internal", "billing", "secret").allow_http(true).build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Sends client ID and secret in the body (`client_secret_post`) instead of HTTP Basic.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").secret_in_body().build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn secret_in_body(mut self) -> Self {
        self.secret_in = SecretIn::Body;
        self
    }

    /// Does not form-urlencode the parts of HTTP Basic: for servers that do not decode them, against RFC 6749 section 2.3.1.
    /// It makes a difference only for an ID or a secret with other characters than letters, digits and `*-._`.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "s/e+c:ret").basic_raw().build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn basic_raw(mut self) -> Self {
        self.secret_in = SecretIn::RawBasic;
        self
    }

    /// Authenticates with a signed assertion (`private_key_jwt`, RFC 7523) instead of the secret, which may then be empty. `pem` is
    /// the private key, `key_id` the ID under which the server knows its public half. Each request carries an assertion of its
    /// own, with the token endpoint as audience and a lifetime of 60 s.
    ///
    /// ```no_run
    /// use rampart_client::{RampartClient, SigningAlgorithm};
    ///
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "")
    ///     .private_key_jwt(SigningAlgorithm::ES256, std::fs::read("billing.pem")?, Some("billing-2026"))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn private_key_jwt(
        mut self,
        algorithm: SigningAlgorithm,
        pem: impl Into<Vec<u8>>,
        key_id: Option<&str>,
    ) -> Self {
        self.private_key = Some(PrivateKey { algorithm, pem: pem.into(), key_id: key_id.map(str::to_owned) });
        self
    }

    /// Takes a token as Bearer although the server does not say `token_type`, or spells it otherwise, such as `BearerToken`: for
    /// servers that forget what RFC 6749 section 5.1 requires. A token of another type that is registered, such as `DPoP`, is
    /// refused all the same: no service would take it as Bearer.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").assume_bearer(true).build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn assume_bearer(mut self, assume: bool) -> Self {
        self.assume_bearer = assume;
        self
    }

    /// Sets up the HTTP client, such as with a root certificate. Proxies come from `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` of the
    /// environment; `no_proxy()` here turns them off where the secret must not go through one. To this machine none is ever used.
    /// A `User-Agent` set here is the one that is sent. Timeouts set here hold instead of ours, which are 2 s to connect and 5 s for a
    /// request; a token, with discovery and a second try, takes 30 s at most then, and 5 s where this is not called. Redirects and
    /// decompression are set after it and cannot be changed.
    ///
    /// ```
    /// # use rampart_client::RampartClient;
    /// use std::time::Duration;
    ///
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret")
    ///     .http_client(|http| http.no_proxy().timeout(Duration::from_secs(20))) // a server that wakes slowly
    ///     .build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn http_client(mut self, set_up: impl FnOnce(ClientBuilder) -> ClientBuilder + Send + 'static) -> Self {
        self.http_client = Some(Box::new(set_up));
        self
    }

    /// Checks every setting and makes the client. No I/O: whether the issuer is there shows with the first request for a token.
    ///
    /// # Errors
    /// [`ClientError::Config`] with the field and the remedy, and with the variable where it was read from one.
    ///
    /// ```
    /// let error = rampart_client::RampartClient::builder("https://auth.example.com", "billing", "").build().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "client_secret: is empty; write the secret of this service, or use private_key_jwt()"
    /// );
    /// ```
    pub fn build(mut self) -> Result<RampartClient, ClientError> {
        let source = std::mem::replace(&mut self.source, Source::Arguments);
        let client = self.checked(&source);
        Ok(client.map_err(|error| match source {
            Source::Arguments => error,
            Source::Environment => environment::read_from_it(error),
            Source::Introspection { secret } => settings::read_from_it(error, secret.as_deref()),
        })?)
    }

    fn checked(mut self, source: &Source) -> Result<RampartClient, ConfigError> {
        self.check_credentials(source)?;
        checked_issuer_name(&self.issuer_url)?;
        let token = self.token_location();
        let introspection = self.service_location(
            "introspection_url",
            self.introspection_url.as_deref(),
            Member::IntrospectionEndpoint,
        );

        let revocation =
            self.service_location("revocation_url", self.revocation_url.as_deref(), Member::RevocationEndpoint);

        let (limit, timeouts) = match self.http_client {
            // What is set there cannot be asked for, so it bounds each request by itself.
            Some(_) => (LONGEST_TIMEOUT, Timeouts::Operators(TOTAL_TIMEOUT)),
            None => (TOTAL_TIMEOUT, Timeouts::Ours),
        };
        let mut clients = Clients::new(self.http_client.take(), timeouts);
        let mut endpoint = |location: Result<Location, ConfigError>| {
            let location = location?;
            Ok(Endpoint { client: clients.get(location.first())?, limit, location })
        };
        // What such a client is made for comes first, and must be in order. What nobody has given may never be asked for.
        let (token, introspection) = if matches!(source, Source::Introspection { .. }) {
            let introspection = endpoint(introspection)?;
            (endpoint(token), Ok(introspection))
        } else {
            let token = endpoint(token)?;
            (Ok(token), checked_if(self.introspection_url.is_some(), endpoint(introspection))?)
        };

        let revocation = checked_if(self.revocation_url.is_some(), endpoint(revocation))?;

        let assume_bearer = self.assume_bearer;
        let registration = Arc::new(self.registration()?);
        let exchange =
            token.map(|endpoint| Exchange { registration: Arc::clone(&registration), endpoint, assume_bearer });
        let service = |endpoint: Result<Endpoint, ConfigError>| {
            endpoint.map(|endpoint| TokenService::new(&registration, endpoint))
        };
        let (introspection, revocation) = (service(introspection), service(revocation));
        Ok(RampartClient::new(registration, exchange, introspection, revocation))
    }

    fn check_credentials(&self, source: &Source) -> Result<(), ConfigError> {
        let invalid = |field, problem: &str| Err(ConfigError::invalid(field, problem));
        if self.client_id.is_empty() {
            return invalid("client_id", "is empty; write the ID under which this service is registered");
        }
        if self.private_key.is_none() && self.client_secret.expose().is_empty() {
            return Err(match source {
                Source::Arguments => ConfigError::invalid(
                    "client_secret",
                    "is empty; write the secret of this service, or use private_key_jwt()",
                ),
                Source::Environment => environment::missing_secret(),
                Source::Introspection { .. } => settings::missing_secret(),
            });
        }
        checked_text("client_id", &self.client_id)?;
        checked_secret("client_secret", self.client_secret.expose())?;
        if let Some(key_id) = self.private_key.as_ref().and_then(|key| key.key_id.as_deref()) {
            if key_id.is_empty() {
                return invalid("key_id", "is empty; write the one that the server knows, or None");
            }
            checked_text("key_id", key_id)?;
        }
        Ok(())
    }

    fn token_location(&self) -> Result<Location, ConfigError> {
        if let Some(url) = &self.token_url {
            if self.discovery {
                return Err(ConfigError::invalid("token_url", "is given together with discovery; keep one of the two"));
            }
            return Ok(Location::given(EndpointUrl::parse("token_url", url, self.allow_http)?));
        }
        let issuer = IssuerUrl::parse(&self.issuer_url, self.allow_http)?;
        let metadata = Discovery::of(&issuer, Member::TokenEndpoint);
        Ok(if self.discovery {
            Location::in_metadata(metadata)
        } else {
            Location::open(issuer.below("/oauth/token"), metadata.staying_at_home())
        })
    }

    /// Where an endpoint is that tokens are presented to: none is guessed.
    fn service_location(
        &self,
        field: &'static str,
        given: Option<&str>,
        member: Member,
    ) -> Result<Location, ConfigError> {
        if let Some(url) = given {
            return Ok(Location::given(EndpointUrl::parse(field, url, self.allow_http)?));
        }
        let issuer = IssuerUrl::parse(&self.issuer_url, self.allow_http).map_err(|error| {
            ConfigError::invalid(
                field,
                format!("is missing, and the issuer has no metadata that could give it ({error})"),
            )
        })?;
        Ok(Location::in_metadata(Discovery::of(&issuer, member).staying_at_home()))
    }

    fn registration(self) -> Result<Registration, ConfigError> {
        let (client_id, secret) = (self.client_id, self.client_secret.expose());
        let mut redacted = vec![self.client_secret.clone()];
        let authentication = match self.private_key {
            Some(key) => Authentication::assertion(&client_id, key.algorithm, &key.pem, key.key_id)?,
            None => Authentication::secret(&client_id, secret, self.secret_in)?,
        };
        redacted.extend(authentication.spellings());
        Ok(Registration { client_id, authentication, redacted })
    }
}

/// An endpoint that was given must be one that can be asked.
fn checked_if<T>(is_given: bool, endpoint: Result<T, ConfigError>) -> Result<Result<T, ConfigError>, ConfigError> {
    if is_given { endpoint.map(Ok) } else { Ok(endpoint) }
}

impl fmt::Debug for RampartClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RampartClientBuilder")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret)
            .finish_non_exhaustive()
    }
}
