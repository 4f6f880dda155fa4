//! What an issuer says of itself: where its keys are, or its tokens.

use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Client, StatusCode, header};
use serde::de::MapAccess;
use url::Url;

use crate::address::{checked_url, is_loopback};
use crate::backoff::retry_after;
use crate::exchange::{ExchangeError, read_body, send};
use crate::json::{self, Value};
use crate::redirect::Redirect;

/// Why the metadata of an issuer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It cannot be had.
    #[error("{0}")]
    Exchange(#[from] ExchangeError),
    /// It is another answer than 200.
    #[error("the issuer answered the request for its metadata with status {status}")]
    Status {
        /// The status.
        status: u16,
        /// When to come back.
        retry_after: Option<Duration>,
    },
    /// It is elsewhere.
    #[error(
        "the issuer answered the request for its metadata with {redirect}; write the final address of the issuer where it is the iss of its tokens too, or leave out discovery and give {instead}"
    )]
    Redirected {
        /// Where to.
        redirect: Redirect,
        /// The setting that does without metadata.
        instead: &'static str,
    },
    /// It says the wrong thing.
    #[error("the issuer's metadata cannot be used: {0}")]
    Unusable(&'static str),
}

/// Where an issuer's metadata is (OpenID Connect Discovery 1.0 section 4).
pub const METADATA_PATH: &str = "/.well-known/openid-configuration";

/// Where something of the issuer's is: at an address that is given, or at one that its metadata gives.
#[derive(Debug)]
pub struct Location {
    url: Url,
    metadata: Option<Metadata>,
}

#[derive(Debug)]
struct Metadata {
    issuer: String,
    member: &'static str,
    known: Mutex<Option<Url>>,
}

impl Location {
    /// An address that is given.
    pub fn given(url: Url) -> Self {
        Self { url, metadata: None }
    }

    /// A member of the metadata at `url`.
    pub fn in_metadata(url: Url, issuer: String, member: &'static str) -> Self {
        Self { url, metadata: Some(Metadata { issuer, member, known: Mutex::default() }) }
    }

    /// The address of the first request as it may stand in a log: without the query, which may hold a secret.
    pub fn without_query(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }

    /// The address of the first request.
    pub fn first_url(&self) -> &Url {
        &self.url
    }

    /// Whether the first request goes to this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// The address; the metadata is asked once and its word kept until [`forget`](Self::forget).
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn resolve(&self, client: &Client, allow_http: bool) -> Result<Url, MetadataError> {
        let Some(Metadata { issuer, member, known }) = &self.metadata else { return Ok(self.url.clone()) };
        if let Some(url) = known.lock().clone() {
            return Ok(url);
        }
        let url = discover(client, &self.url, issuer, member, allow_http).await?;
        *known.lock() = Some(url.clone());
        Ok(url)
    }

    /// Whether [`resolve`](Self::resolve) answers with what the metadata said before.
    pub fn is_remembered(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.known.lock().is_some())
    }

    /// The address may have moved: the metadata is asked again next time.
    pub fn forget(&self) {
        if let Some(metadata) = &self.metadata {
            *metadata.known.lock() = None;
        }
    }
}

/// One address from the issuer's metadata, whose `issuer` must be exactly the one expected (RFC 8414 section 3.3).
///
/// # Errors
/// See [`MetadataError`].
async fn discover(
    client: &Client,
    metadata_url: &Url,
    issuer: &str,
    member: &'static str,
    allow_http: bool,
) -> Result<Url, MetadataError> {
    let request = || {
        client
            .get(metadata_url.clone())
            .header(header::ACCEPT, "application/json")
            // An HTTP cache on the way must ask the issuer (RFC 9111 section 5.2.1.4).
            .header(header::CACHE_CONTROL, "no-cache")
    };
    let response = send(request).await?;
    if let Some(redirect) = Redirect::of(&response) {
        let instead = if member == "token_endpoint" { "token_url(..)" } else { "jwks_url(..)" };
        return Err(MetadataError::Redirected { redirect, instead });
    }
    if response.status() != StatusCode::OK {
        let retry_after = retry_after(response.headers());
        return Err(MetadataError::Status { status: response.status().as_u16(), retry_after });
    }
    let body = read_body(response).await?;
    let unusable = |problem| Err(MetadataError::Unusable(problem));
    let Ok(metadata) = json::read_object(&body, MetadataMembers { member, issuer: None, address: None }) else {
        return unusable("it is not a JSON object without duplicate members");
    };
    if metadata.issuer.and_then(Value::into_str).as_deref() != Some(issuer) {
        return unusable("its issuer is not exactly the configured one");
    }
    let address = metadata.address.and_then(Value::into_str);
    match address.map(|url| checked_url(member, &url, allow_http)) {
        // This machine is not what a server elsewhere can mean, and such a request might go through a proxy.
        Some(Ok(url)) if url.scheme() == "http" && !allow_http && !is_loopback(metadata_url) => {
            unusable("the address it gives is http on this machine")
        }
        Some(Ok(url)) => Ok(url),
        Some(Err(_)) => unusable("the address it gives is not an https URL"),
        None => unusable("it does not give the address that is looked for"),
    }
}

struct MetadataMembers<'a> {
    member: &'static str,
    issuer: Option<Value<'a>>,
    address: Option<Value<'a>>,
}

impl<'de> json::Members<'de> for MetadataMembers<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "issuer" => json::fill(&mut self.issuer, map),
            name if name == self.member => json::fill(&mut self.address, map),
            _ => Ok(false),
        }
    }
}
