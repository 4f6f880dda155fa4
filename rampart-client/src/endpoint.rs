//! Where the issuer is asked, and how.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_http::{ConfigError, EndpointUrl, ExchangeError, Location, MetadataError, SetUp, Timeouts};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::error::ClientError;
use crate::registration::Registration;

/// The metadata is asked again for an address that may have moved at most this often: a stranger's token may bring about what looks so.
const SEARCH_INTERVAL: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) client: Client,
    /// How long an exchange may take, with the search for the address.
    pub(crate) limit: Duration,
    pub(crate) location: Location,
}

/// HTTP clients for endpoints, alike where the endpoints are: to this machine no proxy is used, and http needs no certificates.
pub(crate) struct Clients {
    set_up: Option<SetUp>,
    is_set_up: bool,
    timeouts: Timeouts,
    made: Vec<(Kind, Client)>,
}

/// Whether it is on this machine, and whether it is http.
type Kind = (bool, bool);

impl Clients {
    pub(crate) const fn new(set_up: Option<SetUp>, timeouts: Timeouts) -> Self {
        Self { is_set_up: set_up.is_some(), set_up, timeouts, made: Vec::new() }
    }

    /// The one for this address.
    pub(crate) fn get(&mut self, url: &EndpointUrl) -> Result<Client, ConfigError> {
        let kind = (url.is_loopback(), is_http(url));
        if let Some((_, client)) = self.made.iter().find(|(known, _)| *known == kind) {
            return Ok(client.clone());
        }
        if self.is_set_up && self.set_up.is_none() {
            return Err(ConfigError::invalid(
                "http_client",
                "is set up once and cannot serve addresses on this machine and on another, or http and https; make a client for each",
            ));
        }
        let client = rampart_http::client(self.set_up.take(), url, self.timeouts)?;
        self.made.push((kind, client.clone()));
        Ok(client)
    }
}

/// Whether what is sent there, and what comes from there, can be read and changed on the way.
pub(crate) fn is_exposed(url: &EndpointUrl) -> bool {
    is_http(url) && !url.is_loopback()
}

fn is_http(url: &EndpointUrl) -> bool {
    url.as_url().scheme() == "http"
}

/// An endpoint to which tokens are presented, with the credentials of the client: that of introspection (RFC 7662 section 2.1), or that of
/// revocation (RFC 7009 section 2.1).
#[derive(Debug)]
pub(crate) struct TokenService {
    registration: Arc<Registration>,
    endpoint: Endpoint,
    searched: Mutex<Option<Instant>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Where to ask is not known.
    Nowhere(MetadataError),
    /// It was asked in vain.
    Failed(ExchangeError),
    /// It cannot be asked.
    Unasked(ClientError),
}

impl From<ExchangeError> for Unanswered {
    fn from(error: ExchangeError) -> Self {
        Self::Failed(error)
    }
}

/// When an exchange must be over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    by: Instant,
}

impl Deadline {
    async fn keep<T, E: From<ExchangeError>>(self, exchange: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let Self { limit, by } = self;
        timeout_at(by, exchange).await.unwrap_or_else(|_| Err(ExchangeError::TimedOut { limit }.into()))
    }

    /// The body of an answer.
    pub(crate) async fn body(self, response: Response) -> Result<String, ExchangeError> {
        self.keep(rampart_http::read_body(response)).await
    }
}

impl TokenService {
    pub(crate) fn new(registration: &Arc<Registration>, endpoint: Endpoint) -> Self {
        Self { registration: Arc::clone(registration), endpoint, searched: Mutex::new(None) }
    }

    /// An exchange begins.
    pub(crate) fn begin(&self) -> Result<Deadline, Unanswered> {
        rampart_http::fit_runtime()
            .map_err(|problem| Unanswered::Unasked(ClientError::Transport(problem.to_string())))?;
        let limit = self.endpoint.limit;
        Ok(Deadline { limit, by: Instant::now() + limit })
    }

    /// One of its addresses, for what is the same at all of them.
    pub(crate) fn first(&self) -> &EndpointUrl {
        self.endpoint.location.first()
    }

    pub(crate) async fn locate(&self, deadline: Deadline) -> Result<EndpointUrl, Unanswered> {
        let Endpoint { client, location, .. } = &self.endpoint;
        let found = deadline.keep(location.resolve(client)).await;
        found.map(|(url, _)| url).map_err(Unanswered::Nowhere)
    }

    /// Presents a token there. It stands in the body and nowhere else.
    pub(crate) async fn present(
        &self,
        token: &str,
        url: &EndpointUrl,
        accept: &'static str,
        deadline: Deadline,
    ) -> Result<Response, Unanswered> {
        let request = || {
            let form = [("token", token), ("token_type_hint", "access_token")];
            let form = form.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            self.registration.post(&self.endpoint.client, url, form, accept).map_err(Unanswered::Unasked)
        };
        let response = deadline.keep(rampart_http::send_anew(request)).await?;
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE) {
            self.search_again();
        }
        Ok(response)
    }

    /// Nothing is there, perhaps for this token alone: the next exchange asks the metadata whether it has moved.
    fn search_again(&self) {
        let now = Instant::now();
        let mut searched = self.searched.lock();
        if searched.is_none_or(|last| now >= last + SEARCH_INTERVAL) {
            *searched = Some(now);
            self.endpoint.location.doubt();
        }
    }
}
