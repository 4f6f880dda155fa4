//! An issuer, as the `iss` claim has it.

use crate::endpoint_url::EndpointUrl;
use crate::error::ConfigError;
use crate::text::{checked_text, holds_braces};

const FIELD: &str = "issuer_url";

/// An issuer that addresses derive from: a URL without a query or fragment (RFC 8414 section 2), byte for byte as the `iss` claim
/// has it.
#[derive(Clone, Debug)]
pub struct IssuerUrl {
    text: String,
    url: EndpointUrl,
    /// Whether what it refers to may be http to other machines, too.
    pub(crate) allow_http: bool,
}

impl IssuerUrl {
    /// Parses the setting.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] for `issuer_url`, with the remedy.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, ConfigError> {
        check(text)?;
        Ok(Self { text: text.to_owned(), url: parse(text, allow_http)?, allow_http })
    }

    /// As the `iss` claim has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address of a well-known document or endpoint below the issuer's, whose trailing slash does not count.
    pub fn below(&self, path: &str) -> EndpointUrl {
        self.url.below(path)
    }

    /// Where its metadata is, in the order in which it is asked for: by OpenID Connect Discovery 1.0 section 4, and by RFC 8414
    /// section 3.1, which inserts its path between the host and that of the issuer.
    pub(crate) fn metadata(&self) -> [EndpointUrl; 2] {
        let oidc = self.url.below("/.well-known/openid-configuration");
        [oidc, self.url.above("/.well-known/oauth-authorization-server")]
    }

    /// The same, as an address.
    pub(crate) fn as_endpoint(&self) -> &EndpointUrl {
        &self.url
    }
}

/// Checks an issuer that no address derives from: whatever name it goes by (RFC 7519 section 4.1.1). What begins like a URL must be
/// one all the same; nothing is fetched from it, so it may say http.
///
/// # Errors
/// [`ConfigError::Invalid`] for `issuer_url`, with the remedy.
pub fn checked_issuer_name(text: &str) -> Result<(), ConfigError> {
    check(text)?;
    let is_http = text
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    if is_http { parse(text, true).map(drop) } else { Ok(()) }
}

fn check(text: &str) -> Result<(), ConfigError> {
    checked_text(FIELD, text)?;
    if text.is_empty() {
        return refuse("is empty; write the issuer exactly as it stands in the iss claim of its tokens");
    }
    if holds_braces(text) {
        return refuse(
            "holds { or }, as templates do, and no token comes from a template; write the issuer of one tenant, exactly as it stands in the iss claim of its tokens",
        );
    }
    Ok(())
}

fn parse(text: &str, allow_http: bool) -> Result<EndpointUrl, ConfigError> {
    let url = EndpointUrl::parse(FIELD, text, allow_http)?;
    if url.as_url().query().is_some() {
        return refuse("holds a query; remove the ? and what follows");
    }
    Ok(url)
}

fn refuse<T>(problem: &str) -> Result<T, ConfigError> {
    Err(ConfigError::invalid(FIELD, problem))
}
