//! A redirect: never followed, and told with where it leads, for the operator to write that instead.

use std::fmt;
use std::time::Duration;

use reqwest::{Response, header};
use url::Url;

use crate::backoff::retry_after;

/// Longer addresses are cut in the log.
const LONGEST_TARGET: usize = 256;

/// An answer that leads elsewhere (RFC 9110 section 15.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirect {
    /// The status: 300, 301, 302, 303, 307 or 308.
    pub status: u16,
    /// When to come back.
    pub retry_after: Option<Duration>,
    target: Option<String>,
}

impl Redirect {
    /// The redirect that an answer is, if it is one.
    pub fn of(response: &Response) -> Option<Self> {
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION);
        let is_redirect = match status {
            301 | 302 | 303 | 307 | 308 => true,
            300 => location.is_some(),
            _ => false,
        };
        if !is_redirect {
            return None;
        }
        let target = location.and_then(|value| value.to_str().ok()).and_then(|text| response.url().join(text).ok());
        let target = target.and_then(presentable);
        Some(Self { status, retry_after: retry_after(response.headers()), target })
    }
}

/// An address as it may stand in a log: without what may be secret. The parser has escaped what is not printable ASCII.
fn presentable(mut url: Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") || url.set_username("").is_err() || url.set_password(None).is_err() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let mut text = String::from(url);
    if text.len() > LONGEST_TARGET {
        text = text.chars().take(LONGEST_TARGET).chain("...".chars()).collect();
    }
    Some(text)
}

impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, target, .. } = self;
        match target {
            Some(target) => write!(f, "status {status}, a redirect to {target}, and redirects are not followed"),
            None => write!(f, "status {status}, a redirect to no http(s) address, and redirects are not followed"),
        }
    }
}
