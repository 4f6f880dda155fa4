//! Plumbing for requests to the issuer, shared with the sister crate that fetches tokens: which addresses are allowed, and
//! the limits that no answer can exceed. Not meant for applications.

mod address;
mod client;
mod redirect;
mod runtime;

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::MapAccess;
use url::Url;

pub use self::address::{
    below, checked_issuer, checked_secret, checked_text, checked_url, is_loopback, is_loopback_for_any_client,
};
pub use self::client::{SetUp, Timeouts, client};
pub use self::redirect::Redirect;
pub use self::runtime::{Unfit, fit_runtime};
pub use crate::bearer::is_b64token;
use crate::json::{self, Value};

/// For a whole exchange, from the first connection to the last byte.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest body that is read.
pub const MAX_BODY_BYTES: usize = 512 * 1024;
/// `Retry-After` is honoured up to this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Why an exchange with the issuer failed. Never holds a body, a header value or a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// No connection, or it broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The whole exchange took too long.
    #[error("no complete answer within {} s", limit.as_secs_f64())]
    TimedOut {
        /// How long it may take.
        limit: Duration,
    },
    /// It took longer than the operator allows for an exchange, or for what comes next in one.
    #[error("no complete answer in time; timeouts set with http_client(..) can allow more")]
    Late,
    /// The body is longer than is read.
    #[error("the answer is longer than {MAX_BODY_BYTES} bytes")]
    TooLong,
    /// The body is compressed although that was not asked for.
    #[error("the answer has a content encoding that was not asked for")]
    Encoded,
    /// The body is not UTF-8.
    #[error("the answer is not UTF-8")]
    NotUtf8,
}

impl From<reqwest::Error> for ExchangeError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            // The first step of an exchange, or what the operator has set a limit to.
            return if error.is_connect() { Self::Connection("none in time".into()) } else { Self::Late };
        }
        // The URL may hold secrets; the innermost cause is what helps ("Connection refused").
        let error = error.without_url();
        Self::Connection(client::innermost(&error).to_string())
    }
}

/// Sends a request, and once more at once where the connection failed. Bounded by the client's timeouts only.
///
/// # Errors
/// See [`ExchangeError`].
pub async fn send(request: impl Fn() -> RequestBuilder) -> Result<Response, ExchangeError> {
    send_anew(|| Ok(request())).await
}

/// As [`send`], for requests that must not be alike: the second is made when it is needed.
///
/// # Errors
/// See [`ExchangeError`]; and where a request cannot be made.
pub async fn send_anew<E: From<ExchangeError>>(request: impl Fn() -> Result<RequestBuilder, E>) -> Result<Response, E> {
    let uncompressed = || request().map(|request| request.header(header::ACCEPT_ENCODING, "identity"));
    let sent = match uncompressed()?.send().await {
        Err(error) if !error.is_timeout() && (error.is_connect() || error.is_request()) => uncompressed()?.send().await,
        other => other,
    };
    sent.map_err(|error| ExchangeError::from(error).into())
}

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
    pub(crate) fn first_url(&self) -> &Url {
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
    pub(crate) fn is_remembered(&self) -> bool {
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

/// The body of an answer as text, read up to the limit and no further.
///
/// # Errors
/// See [`ExchangeError`].
pub async fn read_body(mut response: Response) -> Result<String, ExchangeError> {
    if !is_plain(response.headers()) {
        return Err(ExchangeError::Encoded);
    }
    if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(ExchangeError::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ExchangeError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| ExchangeError::NotUtf8)
}

/// Whether the content is as it is: no coding (RFC 9110 section 8.4), or a word for that. Servers send `none` and empty values too.
fn is_plain(headers: &HeaderMap) -> bool {
    let is_no_coding = |coding: &[u8]| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") || coding.eq_ignore_ascii_case(b"none")
    };
    let values = headers.get_all(header::CONTENT_ENCODING);
    values.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).all(is_no_coding)
}

/// `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, at most five minutes.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time all the same.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Waits after failures in a row: `first` doubling to `longest`, with full jitter above a floor of 250 ms.
pub fn back_off(failures: u32, first: Duration, longest: Duration) -> Duration {
    const FLOOR: Duration = Duration::from_millis(250);
    let ceiling = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest);
    ceiling.mul_f64(fastrand::f64()).max(FLOOR)
}
