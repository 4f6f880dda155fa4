//! The client: tokens by request, always ones that serve.

use std::fmt;
use std::sync::Arc;

use rampart_http::{ConfigError, Secret};
use reqwest::RequestBuilder;
use reqwest::header::AUTHORIZATION;
use tokio::time::Instant;

use crate::config::{RampartClientBuilder, Source};
use crate::endpoint::TokenService;
use crate::error::ClientError;
use crate::exchange::Exchange;
use crate::pause::Pause;
use crate::proxy;
use crate::redirects;
use crate::registration::{Registration, sensitive};
use crate::request::TokenRequest;
use crate::sets::Sets;
use crate::shown::Shown;
use crate::slot::{Shared, Slot};
use crate::token::AccessToken;

/// Gets access tokens by the client credentials grant (RFC 6749 section 4.4) and keeps them fresh. Made once, cloned everywhere.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use rampart_client::{RampartClient, redirects_within_origin};
///
/// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").build()?;
/// let token = client.client_credentials_token(&["users:read"]).await?;
///
/// let http = reqwest::Client::builder().redirect(redirects_within_origin()).build()?;
/// let request = http.get("https://users.example.com/api/users");
/// let response = client.bearer(request, &["users:read"]).await?.send().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RampartClient(Arc<Inner>);

struct Inner {
    registration: Arc<Registration>,
    /// What is missing where tokens cannot be asked for.
    shared: Result<Arc<Shared>, ConfigError>,
    sets: Sets,
    introspection: Result<TokenService, ConfigError>,
    revocation: Result<TokenService, ConfigError>,
}

impl RampartClient {
    /// A builder with every default. `issuer_url` is where the issuer is, such as `https://auth.example.com`; `client_id` and
    /// `client_secret` are what this service is registered under there.
    ///
    /// ```
    /// use rampart_client::RampartClient;
    ///
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").secret_in_body().build()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn builder(
        issuer_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> RampartClientBuilder {
        RampartClientBuilder::new(
            Source::Arguments,
            issuer_url.into(),
            client_id.into(),
            Secret::new(client_secret.into()),
        )
    }

    /// From the environment: `RAMPART_URL`, `RAMPART_CLIENT_ID`, `RAMPART_CLIENT_SECRET`.
    ///
    /// # Errors
    /// [`ClientError::Config`] with the name of the variable that is missing, or of the setting that cannot be used.
    ///
    /// ```no_run
    /// let client = rampart_client::RampartClient::from_env()?;
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn from_env() -> Result<Self, ClientError> {
        RampartClientBuilder::from_env()?.build()
    }

    pub(crate) fn new(
        registration: Arc<Registration>,
        exchange: Result<Exchange, ConfigError>,
        introspection: Result<TokenService, ConfigError>,
        revocation: Result<TokenService, ConfigError>,
    ) -> Self {
        let shared = exchange.map(|exchange| Arc::new(Shared { exchange, pause: Pause::default() }));
        Self(Arc::new(Inner { registration, shared, sets: Sets::default(), introspection, revocation }))
    }

    pub(crate) fn registration(&self) -> &Registration {
        &self.0.registration
    }

    pub(crate) fn introspection(&self) -> Result<&TokenService, ConfigError> {
        self.0.introspection.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn revocation(&self) -> Result<&TokenService, ConfigError> {
        self.0.revocation.as_ref().map_err(Clone::clone)
    }

    /// A token with these scopes: the one at hand where it serves, otherwise a new one.
    ///
    /// While a token serves nobody waits: it is renewed in the background, and failures to do so are not seen before it
    /// has expired. Without one, all callers wait for one request and share its outcome.
    ///
    /// A call that finds a token needs no tokio runtime; one that has to get it needs one with time and I/O (`enable_all`).
    ///
    /// # Errors
    /// [`ClientError`]; after a failure, the same one again until the back-off has run out. After `invalid_client` and
    /// [`ClientError::RateLimited`] that holds for every request of this client; then one set goes ahead of the others, and not
    /// the one that failed.
    ///
    /// ```no_run
    /// # async fn example(client: rampart_client::RampartClient) -> Result<(), rampart_client::ClientError> {
    /// let token = client.client_credentials_token(&["users:read", "users:write"]).await?;
    /// let header = format!("Bearer {}", token.access_token.expose());
    /// # Ok(()) }
    /// ```
    pub async fn client_credentials_token(&self, scopes: &[&str]) -> Result<AccessToken, ClientError> {
        self.token(&TokenRequest::new(scopes.iter().copied())).await
    }

    /// As [`client_credentials_token`](Self::client_credentials_token), with further parameters.
    ///
    /// # Errors
    /// As there; and [`ClientError::Config`] for a scope or parameter that cannot be used.
    ///
    /// ```no_run
    /// # async fn example(client: rampart_client::RampartClient) -> Result<(), rampart_client::ClientError> {
    /// use rampart_client::TokenRequest;
    ///
    /// let request = TokenRequest::new(["users:read"]).parameter("audience", "https://users.example.com");
    /// let token = client.token(&request).await?;
    /// # Ok(()) }
    /// ```
    pub async fn token(&self, request: &TokenRequest) -> Result<AccessToken, ClientError> {
        if let Some(slot) = self.0.sets.get(request) {
            return slot.token().await;
        }
        let outcome = self.slot(request)?.token().await;
        if outcome.is_ok() {
            self.0.sets.has_grown();
        }
        outcome
    }

    /// Says that a service has refused this token (401): the next call gets a new one. However many requests say so of the same
    /// token, one new one is fetched: a token that has been replaced already is left alone. A set gets a new token by this at most
    /// once in 10 s, and none while attempts back off after a failure. If no other can be had, the refused token is handed out again for as
    /// long as it serves, until there is another.
    ///
    /// ```no_run
    /// # async fn example(client: rampart_client::RampartClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use rampart_client::redirects_within_origin;
    /// use reqwest::StatusCode;
    ///
    /// let http = reqwest::Client::builder().redirect(redirects_within_origin()).build()?;
    /// let url = "https://users.example.com/api/users";
    /// let token = client.client_credentials_token(&["users:read"]).await?;
    /// let mut response = http.get(url).bearer_auth(token.access_token.expose()).send().await?;
    /// if response.status() == StatusCode::UNAUTHORIZED {
    ///     client.invalidate(&token);
    ///     let token = client.client_credentials_token(&["users:read"]).await?;
    ///     response = http.get(url).bearer_auth(token.access_token.expose()).send().await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// `RampartMiddleware` does all this by itself.
    pub fn invalidate(&self, token: &AccessToken) {
        // Collected first: what they log is written while nothing is locked.
        for slot in self.0.sets.all() {
            slot.invalidate(token);
        }
    }

    /// No set hands out this token any more.
    pub(crate) fn discard(&self, token: &str) {
        for slot in self.0.sets.all() {
            slot.discard(token);
        }
    }

    /// Adds a token to a request, in place of any `Authorization` that it has. The header is marked as sensitive, so that the HTTP
    /// client does not show it.
    ///
    /// The HTTP client must be one that takes no token to another server where it is redirected there: built with
    /// [`redirects_within_origin`](crate::redirects_within_origin), with `Policy::none()`, or with a policy of your own, which
    /// then must not follow a redirect to another origin either. reqwest's default is refused.
    ///
    /// A request over http to this machine gets one only where its HTTP client surely sends it without a proxy, which could read
    /// the token: one built with `no_proxy()`, or one without proxies of its own while the environment names none for this
    /// address (`HTTP_PROXY`, `ALL_PROXY`, and `NO_PROXY` for exceptions).
    ///
    /// # Errors
    /// [`ClientError::FollowsRedirects`] for an HTTP client that may take the token elsewhere, [`ClientError::InsecureUrl`] for a
    /// request over http to another machine or by way of a proxy, [`ClientError::Request`] for one that cannot be built;
    /// otherwise as [`client_credentials_token`](Self::client_credentials_token).
    ///
    /// ```no_run
    /// # async fn example(client: rampart_client::RampartClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use rampart_client::redirects_within_origin;
    ///
    /// let http = reqwest::Client::builder().redirect(redirects_within_origin()).build()?; // made once
    /// let request = http.post("https://users.example.com/api/users").body("..");
    /// let response = client.bearer(request, &["users:write"]).await?.send().await?;
    /// # Ok(()) }
    /// ```
    pub async fn bearer(&self, request: RequestBuilder, scopes: &[&str]) -> Result<RequestBuilder, ClientError> {
        let (client, request) = request.build_split();
        let mut request = request.map_err(|_| ClientError::Request)?;
        // Nothing tells whether this is the client of the call before, so each call asks, and asks once.
        let shown = Shown::by(&client);
        if !proxy::is_private(&shown, request.url()) {
            return Err(ClientError::InsecureUrl);
        }
        if redirects::may_leave_origin(&shown) {
            return Err(ClientError::FollowsRedirects);
        }
        let token = self.client_credentials_token(scopes).await?;
        request.headers_mut().insert(AUTHORIZATION, sensitive(&authorization(&token))?);
        Ok(RequestBuilder::from_parts(client, request))
    }

    fn slot(&self, request: &TokenRequest) -> Result<Arc<Slot>, ClientError> {
        request.check()?;
        let Inner { shared, sets, .. } = &*self.0;
        let shared = shared.as_ref().map_err(Clone::clone)?;
        let slot = || Slot::new(Arc::clone(shared), request.clone());
        sets.add(request, slot, || shared.pause.reason(Instant::now()))
    }
}

/// The value of `Authorization` for a token.
pub(crate) fn authorization(token: &AccessToken) -> Secret {
    Secret::new(format!("Bearer {}", token.access_token.expose()))
}

impl fmt::Debug for RampartClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sets = self.0.sets.len();
        f.debug_struct("RampartClient")
            .field("authentication", &self.0.registration.authentication)
            .field("sets", &sets)
            .finish_non_exhaustive()
    }
}
