//! An address that may be called.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::error::ConfigError;
use crate::loopback::is_loopback;
use crate::text::{checked_text, holds_braces};

/// An address that may be called: https, or http to this machine or by permission. Whoever has one need not ask again.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// Parses a setting and refuses what must not be called.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] that names `field` and the remedy.
    pub fn parse(field: &'static str, text: &str, allow_http: bool) -> Result<Self, ConfigError> {
        let refuse = |problem: &str| Err(ConfigError::invalid(field, problem));
        checked_text(field, text)?;
        if text.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file")) {
            return refuse(match field {
                "jwks_url" => {
                    "is the address of a file, which is not fetched; read it and give its content to static_jwks(..)"
                }
                _ => "is the address of a file; write an http(s) URL in full, such as https://auth.example.com",
            });
        }
        if holds_braces(text) {
            return refuse("holds { or }, as templates do; write the address with the values in their places");
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
        // The parser drops one that is empty.
        let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
        if authority.is_some_and(|authority| authority.contains('@')) {
            return refuse("holds user information; remove what stands before the @");
        }
        if url.fragment().is_some() {
            return refuse("holds a fragment; remove the # and what follows");
        }
        if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
            return refuse(match field {
                // Others fetch it: no permission of ours makes that safe.
                "resource_metadata" => {
                    "is http to another machine, and clients take such a document over https alone (RFC 9728 section 1.2); use https"
                }
                _ => {
                    "is http to another machine, so anybody on the way could read and change what is sent; use https, or allow_http(true) on a network you trust"
                }
            });
        }
        Ok(Self(url))
    }

    /// The same, for the HTTP client.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The same, as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As it may stand in a log: without the query, which may hold a secret.
    pub fn without_query(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.into()
    }

    /// Whether both are of one origin: scheme, host and port (RFC 6454 section 4).
    pub fn is_of_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Its host, where that is an address and no name.
    pub fn host_address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_http(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// A path below it; a slash at its own end does not count. Only of one that has no query.
    pub(crate) fn below(&self, path: &str) -> Self {
        self.with_path(&format!("{}{path}", self.0.path().trim_end_matches('/')))
    }

    /// A path between its host and its own path, whose slash at the end does not count. Only of one that has no query.
    pub(crate) fn above(&self, path: &str) -> Self {
        self.with_path(&format!("{path}{}", self.0.path().trim_end_matches('/')))
    }

    fn with_path(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        url.set_path(path);
        Self(url)
    }
}

/// Without the query, which may hold a secret.
impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_query())
    }
}
