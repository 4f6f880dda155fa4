//! One exchange with an issuer, and the limits that no answer can exceed.

use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{RequestBuilder, Response};

use crate::client;

/// For a whole exchange, from the first connection to the last byte.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest body that is read.
const MAX_BODY_BYTES: usize = 512 * 1024;

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
