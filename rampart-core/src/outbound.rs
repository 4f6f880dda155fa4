//! Plumbing for requests to the issuer, shared with the sister crate that fetches tokens: which addresses are allowed, and
//! the limits that no answer can exceed. Not meant for applications.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use serde::de::MapAccess;
use url::{Host, Url};

pub use crate::bearer::is_b64token;
use crate::error::ConfigError;
use crate::json::{self, Value};

/// To connect, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
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
    #[error("no complete answer within {} s", TOTAL_TIMEOUT.as_secs())]
    TimedOut,
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
            return Self::TimedOut;
        }
        // The URL may hold secrets; the innermost cause is what helps ("Connection refused").
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Self::Connection(cause.to_string())
    }
}

/// Parses an address and refuses what must not be called: anything but https, or http to this machine or by permission.
///
/// # Errors
/// [`ConfigError::Invalid`] that names `field` and the remedy.
pub fn checked_url(field: &'static str, text: &str, allow_http: bool) -> Result<Url, ConfigError> {
    let refuse = |problem: &str| Err(ConfigError::invalid(field, problem));
    if text.trim() != text || text.chars().any(char::is_control) {
        return refuse("has white space or control characters around or in it; write the URL alone");
    }
    // The parser mends `https:host` and `https:///host`: a setting that reads otherwise than it works is no setting.
    let is_absolute = text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !rest.starts_with('/') && !rest.contains('\\')
    });
    let Some(url) = Url::parse(text).ok().filter(|_| is_absolute) else {
        return refuse("is not an absolute URL; write it in full, such as https://auth.example.com");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("is not an http(s) URL; write it in full, such as https://auth.example.com");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("holds user information; remove what stands before the @");
    }
    if url.fragment().is_some() {
        return refuse("holds a fragment; remove the # and what follows");
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return refuse(
            "is http to another machine, so anybody on the way could read and change what is sent; use https, or allow_http(true) on a network you trust",
        );
    }
    Ok(url)
}

/// Whether the URL leads to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// The address of a well-known document or endpoint below the issuer's; a trailing slash of the issuer does not count.
///
/// # Errors
/// Where the two do not make a URL.
pub fn below(field: &'static str, issuer: &str, path: &str, allow_http: bool) -> Result<Url, ConfigError> {
    checked_url(field, &format!("{}{path}", issuer.trim_end_matches('/')), allow_http)
}

/// A client with our limits, after whatever the user has set: no redirects, no decompression, no connection kept.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn client(builder: ClientBuilder, to_loopback: bool) -> Result<Client, ConfigError> {
    let builder = if to_loopback { builder.no_proxy() } else { builder };
    builder
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(Policy::none())
        .referer(false)
        // It would log whole requests, secrets included.
        .connection_verbose(false)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .pool_max_idle_per_host(0)
        .user_agent(concat!("rampart-rust/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ConfigError::invalid("http_client", format!("cannot be built: {}", error.without_url())))
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

    /// After a failure: the address may have moved, so the metadata is asked again next time.
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
    let request = || client.get(metadata_url.clone()).header(header::ACCEPT, "application/json");
    let response = send(request).await?;
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
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !response.headers().get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
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
