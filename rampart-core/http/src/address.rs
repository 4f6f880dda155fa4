//! Which addresses may be called, and how a setting that names one must be written.

use std::net::IpAddr;

use url::{Host, Url};

use crate::error::ConfigError;

/// Parses an address and refuses what must not be called: anything but https, or http to this machine or by permission.
///
/// # Errors
/// [`ConfigError::Invalid`] that names `field` and the remedy.
pub fn checked_url(field: &'static str, text: &str, allow_http: bool) -> Result<Url, ConfigError> {
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

/// An issuer, as the `iss` claim has it: a URL where an address derives from it, else whatever name it goes by (RFC 7519
/// section 4.1.1). What begins like a URL must be one all the same, without a query or fragment (RFC 8414 section 2).
///
/// # Errors
/// [`ConfigError::Invalid`] for `issuer_url`, with the remedy.
pub fn checked_issuer(text: &str, address_derives: bool, allow_http: bool) -> Result<(), ConfigError> {
    const FIELD: &str = "issuer_url";
    let refuse = |problem: &str| Err(ConfigError::invalid(FIELD, problem));
    checked_text(FIELD, text)?;
    if text.is_empty() {
        return refuse("is empty; write the issuer exactly as it stands in the iss claim of its tokens");
    }
    if holds_braces(text) {
        return refuse(
            "holds { or }, as templates do, and no token comes from a template; write the issuer of one tenant, exactly as it stands in the iss claim of its tokens",
        );
    }
    let is_http = text
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    if !address_derives && !is_http {
        return Ok(());
    }
    // From a mere name nothing is fetched, so it may say http.
    let url = checked_url(FIELD, text, allow_http || !address_derives)?;
    if url.query().is_some() {
        return refuse("holds a query; remove the ? and what follows");
    }
    Ok(())
}

/// RFC 3986 knows neither in an address.
fn holds_braces(text: &str) -> bool {
    text.contains(['{', '}'])
}

/// Refuses what files and secrets add to a value without anybody's doing: the line break of `echo`, the quotes of a file of
/// variables, the mark at the start of a file. Compared byte for byte, such a value would match nothing.
///
/// # Errors
/// [`ConfigError::Invalid`] that names `field` and the remedy.
pub fn checked_text(field: &'static str, text: &str) -> Result<(), ConfigError> {
    checked_secret(field, text)?;
    if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
        return Err(ConfigError::invalid(field, IN_QUOTES));
    }
    Ok(())
}

const IN_QUOTES: &str = "stands in quotes, which count as a part of it; remove them";

/// As [`checked_text`], for a text made by chance, which may well begin or end with a quote: only one on either side is a mistake.
///
/// # Errors
/// [`ConfigError::Invalid`] that names `field` and the remedy; never with the text.
pub fn checked_secret(field: &'static str, text: &str) -> Result<(), ConfigError> {
    if text.trim() != text || text.chars().any(|character| character.is_control() || character == '\u{feff}') {
        return Err(ConfigError::invalid(
            field,
            "has white space around it, or a line break or another control character in it; write the value alone (echo adds a line break, printf does not)",
        ));
    }
    let is_in = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_in('"') || is_in('\'') {
        return Err(ConfigError::invalid(field, IN_QUOTES));
    }
    Ok(())
}

/// Whether the URL leads to this machine: by its address, or by a name below `localhost` (RFC 6761 section 6.3), which our
/// client never asks a name server for.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// As [`is_loopback`], for a client that is not ours: one that may ask a name server for what is below `localhost`.
pub fn is_loopback_for_any_client(url: &Url) -> bool {
    is_loopback(url) && url.domain().is_none_or(|name| name == "localhost")
}

pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let top = name.rsplit('.').next().unwrap_or_default();
    top.eq_ignore_ascii_case("localhost")
}

/// The address of a well-known document or endpoint below the issuer's; a trailing slash of the issuer does not count.
///
/// # Errors
/// Where the two do not make a URL.
pub fn below(field: &'static str, issuer: &str, path: &str, allow_http: bool) -> Result<Url, ConfigError> {
    checked_url(field, &format!("{}{path}", issuer.trim_end_matches('/')), allow_http)
}
