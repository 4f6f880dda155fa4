//! Headers of the application's own on the fetches of an issuer's keys: asked for at each fetch, and sent to one origin alone.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rampart_http::{ConfigError, EndpointUrl, OriginHeaders};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Semaphore;

const FIELD: &str = "fetch_header";
/// Characters of what a closure says of its failure that are shown.
const SHOWN_OF_AN_ERROR: usize = 200;

const OURS: &str = "is set by this library; leave it out";

/// Whose value is asked for at each fetch.
type Value = Arc<dyn Fn() -> io::Result<String> + Send + Sync>;

/// A header as the application has described it.
#[derive(Clone)]
pub(crate) struct FetchHeader {
    name: String,
    value: Value,
}

/// The headers of one issuer.
pub(crate) struct FetchHeaders {
    headers: Arc<[(HeaderName, Value)]>,
    /// Whoever asks for the values holds it, also when nobody waits for them any more: a closure that hangs costs one thread.
    turn: Arc<Semaphore>,
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("fetch_header(..) has no value for the header {0}: {1}")]
    Failed(HeaderName, String),
    #[error("the closure of fetch_header(..) for the header {0} has panicked")]
    Panicked(HeaderName),
    #[error("what the closure of fetch_header(..) gives for the header {0} {1}")]
    Unusable(HeaderName, &'static str),
    #[error("fetch_header(..) has given no value within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
}

/// Why nothing can be sent.
pub(super) enum NoHeaders {
    /// The runtime that was to ask for them has ended.
    Abandoned,
    Wrong(HeaderError),
}

impl From<HeaderError> for NoHeaders {
    fn from(error: HeaderError) -> Self {
        Self::Wrong(error)
    }
}

impl FetchHeader {
    pub(crate) fn new(name: String, value: impl Fn() -> io::Result<String> + Send + Sync + 'static) -> Self {
        Self { name, value: Arc::new(value) }
    }

    fn checked(&self) -> Result<(HeaderName, Value), ConfigError> {
        let refuse = |problem: String| Err(ConfigError::invalid(FIELD, problem));
        let Ok(name) = HeaderName::try_from(&*self.name) else {
            return refuse(format!(
                "{:?} is no name of a header; write it as it is sent, such as authorization",
                self.name
            ));
        };
        match problem(name.as_str()) {
            Some(problem) => refuse(format!("{name} {problem}")),
            None => Ok((name, Arc::clone(&self.value))),
        }
    }
}

/// The same closure, not one that does the same.
impl PartialEq for FetchHeader {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.value, &other.value)
    }
}

/// The name alone.
impl fmt::Debug for FetchHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

impl FetchHeaders {
    pub(super) fn of(headers: &[FetchHeader]) -> Result<Self, ConfigError> {
        let headers: Arc<[_]> = headers.iter().map(FetchHeader::checked).collect::<Result<_, _>>()?;
        let mut names = HashSet::new();
        if let Some((name, _)) = headers.iter().find(|(name, _)| !names.insert(name.clone())) {
            return Err(ConfigError::invalid(FIELD, format!("gives {name} twice; keep one of the two")));
        }
        Ok(Self { headers, turn: Arc::new(Semaphore::new(1)) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Asks for the values, for requests to the origin of `url`. In a thread that may block, as they may stand in files.
    pub(super) async fn ask(&self, url: &EndpointUrl) -> Result<OriginHeaders, NoHeaders> {
        if self.is_empty() {
            return Ok(OriginHeaders::default());
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| NoHeaders::Abandoned)?;
        let headers = Arc::clone(&self.headers);
        let asked = tokio::task::spawn_blocking(move || {
            let _until_all_are_there = turn;
            headers.iter().map(|(name, value)| Ok((name.clone(), ask(name, value)?))).collect()
        });
        let values: Result<HeaderMap, HeaderError> = asked.await.map_err(|_| NoHeaders::Abandoned)?;
        Ok(OriginHeaders::of(url.clone(), values?))
    }
}

/// The names alone.
impl fmt::Debug for FetchHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers.iter().map(|(name, _)| name)).finish()
    }
}

fn ask(name: &HeaderName, value: &Value) -> Result<HeaderValue, HeaderError> {
    let Ok(value) = catch_unwind(AssertUnwindSafe(|| value())) else {
        return Err(HeaderError::Panicked(name.clone()));
    };
    let value = value.map_err(|error| HeaderError::Failed(name.clone(), presentable(&error)))?;
    let unusable = |why| Err(HeaderError::Unusable(name.clone(), why));
    if value.is_empty() {
        return unusable("is empty");
    }
    // A server would not see it (RFC 9110 section 5.5): of a token from an empty file, nothing but its scheme would be left.
    if value.trim_ascii().len() < value.len() {
        return unusable("begins or ends with white space, as text from a file may: trim() it");
    }
    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let Some(mut value) = HeaderValue::try_from(value).ok().filter(|_| is_plain) else {
        return unusable("cannot stand in a header, which is one line of visible ASCII characters");
    };
    value.set_sensitive(true);
    Ok(value)
}

/// What a closure says of its failure, in one line.
fn presentable(error: &io::Error) -> String {
    let text = error.to_string();
    text.chars().take(SHOWN_OF_AN_ERROR).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Why a header is not the application's to set.
fn problem(name: &str) -> Option<&'static str> {
    match name {
        // Of the message and the connection (RFC 9110 sections 7.2, 7.6.1 and 8.6, RFC 9112 section 6.1).
        "host" | "content-length" | "transfer-encoding" | "connection" | "keep-alive" | "proxy-connection" | "te"
        | "trailer" | "upgrade" | "expect" | "http2-settings" => Some("belongs to the HTTP client; leave it out"),
        "proxy-authorization" | "proxy-authenticate" => {
            Some("is for a proxy, not for the issuer; give the proxy's credentials with http_client(..)")
        }
        // By these it is told what may come back.
        "accept" | "accept-encoding" | "cache-control" | "pragma" | "range" => Some(OURS),
        _ if name.starts_with("if-") => Some(OURS),
        _ => None,
    }
}
