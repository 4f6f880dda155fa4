//! What an issuer says of itself: where its keys are, or its tokens.

use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use serde::de::MapAccess;

use crate::backoff::retry_after;
use crate::endpoint_url::EndpointUrl;
use crate::exchange::{ExchangeError, read_body, send};
use crate::issuer_url::IssuerUrl;
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

/// Where an issuer's metadata is, below its address (OpenID Connect Discovery 1.0 section 4).
pub(crate) const METADATA_PATH: &str = "/.well-known/openid-configuration";

/// What metadata gives the address of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Member {
    /// The issuer's keys.
    JwksUri,
    /// Where tokens are to be had.
    TokenEndpoint,
}

impl Member {
    const fn name(self) -> &'static str {
        match self {
            Self::JwksUri => "jwks_uri",
            Self::TokenEndpoint => "token_endpoint",
        }
    }

    /// The setting that gives the address without metadata.
    const fn instead(self) -> &'static str {
        match self {
            Self::JwksUri => "jwks_url(..)",
            Self::TokenEndpoint => "token_url(..)",
        }
    }
}

/// The metadata of an issuer (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2), as far as anybody asks.
#[derive(Debug)]
pub struct Metadata<'i> {
    issuer: &'i IssuerUrl,
    jwks_uri: Option<String>,
    token_endpoint: Option<String>,
}

impl<'i> Metadata<'i> {
    /// Asks at `url` for the metadata of `issuer`, for the sake of one member of it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn fetch(
        client: &Client,
        url: &EndpointUrl,
        issuer: &'i IssuerUrl,
        member: Member,
    ) -> Result<Self, MetadataError> {
        let request = || {
            client
                .get(url.as_url().clone())
                .header(header::ACCEPT, "application/json")
                // An HTTP cache on the way must ask the issuer (RFC 9111 section 5.2.1.4).
                .header(header::CACHE_CONTROL, "no-cache")
        };
        let response = send(request).await?;
        if let Some(redirect) = Redirect::of(&response) {
            return Err(MetadataError::Redirected { redirect, instead: member.instead() });
        }
        if response.status() != StatusCode::OK {
            let retry_after = retry_after(response.headers());
            return Err(MetadataError::Status { status: response.status().as_u16(), retry_after });
        }
        Self::read(&read_body(response).await?, issuer)
    }

    /// Reads metadata, whose `issuer` must be exactly the one expected (RFC 8414 section 3.3).
    ///
    /// # Errors
    /// [`MetadataError::Unusable`].
    pub fn read(text: &str, issuer: &'i IssuerUrl) -> Result<Self, MetadataError> {
        let Ok(members) = json::read_object(text, Members::default()) else {
            return Err(MetadataError::Unusable("it is not a JSON object without duplicate members"));
        };
        if members.issuer.and_then(Value::into_str).as_deref() != Some(issuer.as_str()) {
            return Err(MetadataError::Unusable("its issuer is not exactly the configured one"));
        }
        let address = |value: Option<Value<'_>>| value.and_then(Value::into_str).map(String::from);
        Ok(Self { issuer, jwks_uri: address(members.jwks_uri), token_endpoint: address(members.token_endpoint) })
    }

    /// The address that it gives.
    ///
    /// # Errors
    /// [`MetadataError::Unusable`] for one that must not be called, and where there is none.
    pub fn address(&self, member: Member) -> Result<EndpointUrl, MetadataError> {
        let text = match member {
            Member::JwksUri => &self.jwks_uri,
            Member::TokenEndpoint => &self.token_endpoint,
        };
        let unusable = |problem| Err(MetadataError::Unusable(problem));
        let allow_http = self.issuer.allow_http;
        match text.as_ref().map(|text| EndpointUrl::parse(member.name(), text, allow_http)) {
            // This machine is not what a server elsewhere can mean, and such a request might go through a proxy.
            Some(Ok(url)) if url.is_http() && !allow_http && !self.issuer.is_loopback() => {
                unusable("the address it gives is http on this machine")
            }
            Some(Ok(url)) => Ok(url),
            Some(Err(_)) => unusable("the address it gives is not an https URL"),
            None => unusable("it does not give the address that is looked for"),
        }
    }
}

#[derive(Default)]
struct Members<'a> {
    issuer: Option<Value<'a>>,
    jwks_uri: Option<Value<'a>>,
    token_endpoint: Option<Value<'a>>,
}

impl<'de> json::Members<'de> for Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let slot = match name {
            "issuer" => &mut self.issuer,
            "jwks_uri" => &mut self.jwks_uri,
            "token_endpoint" => &mut self.token_endpoint,
            _ => return Ok(false),
        };
        json::fill(slot, map)
    }
}
