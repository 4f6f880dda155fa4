//! What an issuer says of itself: where its keys are, or where it is asked for tokens and about them.

use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use serde::de::MapAccess;

use crate::backoff::retry_after;
use crate::endpoint_url::EndpointUrl;
use crate::exchange::{ExchangeError, read_body, send};
use crate::headers::OriginHeaders;
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
    /// There is none.
    #[error("the issuer has no metadata: {}; give {instead}", listed(.tried))]
    Absent {
        /// The addresses without their queries, each with its answer: 404 or 410.
        tried: Vec<(String, u16)>,
        /// When to come back.
        retry_after: Option<Duration>,
        /// The setting that does without metadata.
        instead: &'static str,
    },
    /// It is elsewhere.
    #[error(
        "the issuer answered the request for its metadata with {redirect}; write the final address of the issuer where it is the iss of its tokens too, or give {instead}"
    )]
    Redirected {
        /// Where to.
        redirect: Redirect,
        /// The setting that does without metadata.
        instead: &'static str,
    },
    /// It is that of another issuer, which is shown cut.
    #[error(
        "the issuer's metadata cannot be used: its issuer is not exactly the configured one, but {:?}; where that is the iss of the tokens too, write it as issuer_url",
        .0.chars().take(LONGEST_ISSUER).collect::<String>()
    )]
    AnotherIssuer(String),
    /// It says the wrong thing.
    #[error("the issuer's metadata cannot be used: {0}")]
    Unusable(&'static str),
    /// It leads to another server, which is not where secrets go on the word of a document alone.
    #[error(
        "the issuer's metadata gives the {} {url}, on another origin than the issuer's, and the secret goes there; if that is right, give {}",
        member.meaning(),
        member.elsewhere()
    )]
    AnotherOrigin {
        /// What was looked for.
        member: Member,
        /// Where that is, without the query.
        url: String,
    },
}

impl MetadataError {
    /// When to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Absent { retry_after, .. } => *retry_after,
            Self::Redirected { redirect, .. } => redirect.retry_after,
            _ => None,
        }
    }
}

fn listed(tried: &[(String, u16)]) -> String {
    let each: Vec<_> = tried.iter().map(|(url, status)| format!("status {status} at {url}")).collect();
    each.join(", ")
}

/// Characters of another issuer's name that are shown.
const LONGEST_ISSUER: usize = 200;

/// What metadata gives the address of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Member {
    /// The issuer's keys.
    JwksUri,
    /// The token endpoint.
    TokenEndpoint,
    /// The introspection endpoint (RFC 7662).
    IntrospectionEndpoint,
    /// The revocation endpoint (RFC 7009).
    RevocationEndpoint,
}

impl Member {
    const fn name(self) -> &'static str {
        match self {
            Self::JwksUri => "jwks_uri",
            Self::TokenEndpoint => "token_endpoint",
            Self::IntrospectionEndpoint => "introspection_endpoint",
            Self::RevocationEndpoint => "revocation_endpoint",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::JwksUri => "key set",
            Self::TokenEndpoint => "token endpoint",
            Self::IntrospectionEndpoint => "introspection endpoint",
            Self::RevocationEndpoint => "revocation endpoint",
        }
    }

    /// The settings that do without metadata, or without that at its usual addresses.
    pub(crate) const fn instead(self) -> &'static str {
        match self {
            Self::JwksUri => "metadata_url(..) or jwks_url(..)",
            Self::TokenEndpoint => "token_url(..)",
            // In a configuration file it has another name.
            Self::IntrospectionEndpoint => "introspection_url(..), or endpoint in a file",
            Self::RevocationEndpoint => "revocation_url(..)",
        }
    }

    const fn missing(self) -> &'static str {
        match self {
            Self::JwksUri | Self::TokenEndpoint => "it does not give the address that is looked for",
            Self::IntrospectionEndpoint => {
                "it gives no introspection_endpoint; give introspection_url(..), or endpoint in a file"
            }
            Self::RevocationEndpoint => "it gives no revocation_endpoint; give revocation_url(..)",
        }
    }

    /// The settings by which it may be on another origin than the issuer's.
    const fn elsewhere(self) -> &'static str {
        match self {
            Self::TokenEndpoint => "it with token_url(..), or use discovery()",
            other => other.instead(),
        }
    }
}

/// The metadata of an issuer (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2), as far as anybody asks.
#[derive(Debug)]
pub struct Metadata {
    jwks_uri: Option<String>,
    token_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

impl Metadata {
    /// Asks at `url` for the metadata of `issuer`, for the sake of one member of it; with `headers` where they are for that origin.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn fetch(
        client: &Client,
        url: &EndpointUrl,
        issuer: &str,
        member: Member,
        headers: &OriginHeaders,
    ) -> Result<Self, MetadataError> {
        let request = || {
            let request = client
                .get(url.as_url().clone())
                .header(header::ACCEPT, "application/json")
                // An HTTP cache on the way must ask the issuer (RFC 9111 section 5.2.1.4).
                .header(header::CACHE_CONTROL, "no-cache");
            headers.add_to(request, url)
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
    /// [`MetadataError::AnotherIssuer`], [`MetadataError::Unusable`].
    pub fn read(text: &str, issuer: &str) -> Result<Self, MetadataError> {
        let Ok(members) = json::read_object(text, Members::default()) else {
            return Err(MetadataError::Unusable("it is not a JSON object without duplicate members"));
        };
        match members.issuer.and_then(Value::into_str) {
            Some(own) if own == issuer => {}
            Some(own) => return Err(MetadataError::AnotherIssuer(own.into())),
            None => return Err(MetadataError::Unusable("its issuer is missing, or no string")),
        }
        let address = |value: Option<Value<'_>>| value.and_then(Value::into_str).map(String::from);
        Ok(Self {
            jwks_uri: address(members.jwks_uri),
            token_endpoint: address(members.token_endpoint),
            introspection_endpoint: address(members.introspection_endpoint),
            revocation_endpoint: address(members.revocation_endpoint),
        })
    }

    /// The address that it gives, having come from `source`. `allow_http` is the operator's word for what is in the clear from the
    /// start: it takes nothing from a document that came over https.
    ///
    /// # Errors
    /// [`MetadataError::Unusable`] for one that must not be called, and where there is none.
    pub fn address(
        &self,
        member: Member,
        source: &EndpointUrl,
        allow_http: bool,
    ) -> Result<EndpointUrl, MetadataError> {
        let text = match member {
            Member::JwksUri => &self.jwks_uri,
            Member::TokenEndpoint => &self.token_endpoint,
            Member::IntrospectionEndpoint => &self.introspection_endpoint,
            Member::RevocationEndpoint => &self.revocation_endpoint,
        };
        let unusable = |problem| Err(MetadataError::Unusable(problem));
        let not_https = "the address it gives is not an https URL";
        match text.as_ref().map(|text| EndpointUrl::parse(member.name(), text, allow_http)) {
            Some(Ok(url)) if url.is_http() && !source.is_http() => unusable(not_https),
            Some(Ok(url)) => Ok(url),
            Some(Err(_)) => unusable(not_https),
            None => unusable(member.missing()),
        }
    }
}

#[derive(Default)]
struct Members<'a> {
    issuer: Option<Value<'a>>,
    jwks_uri: Option<Value<'a>>,
    token_endpoint: Option<Value<'a>>,
    introspection_endpoint: Option<Value<'a>>,
    revocation_endpoint: Option<Value<'a>>,
}

impl<'de> json::Members<'de> for Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let slot = match name {
            "issuer" => &mut self.issuer,
            "jwks_uri" => &mut self.jwks_uri,
            "token_endpoint" => &mut self.token_endpoint,
            "introspection_endpoint" => &mut self.introspection_endpoint,
            "revocation_endpoint" => &mut self.revocation_endpoint,
            _ => return Ok(false),
        };
        json::fill(slot, map)
    }
}
