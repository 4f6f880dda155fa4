//! A URL as it was written, taken apart and not mended.

use std::net::Ipv6Addr;

/// Longer ones name nothing. A whole proof has no more, and a request line seldom.
pub(super) const LONGEST: usize = 8 * 1024;

/// An http(s) URL in its parts, as they were written.
pub(super) struct Parts<'u> {
    is_https: bool,
    pub(super) authority: &'u str,
    path: &'u str,
    /// Query and fragment, from the `?` or `#` on.
    pub(super) rest: &'u str,
}

impl<'u> Parts<'u> {
    pub(super) fn of(url: &'u str) -> Option<Self> {
        // A URI is visible ASCII (RFC 3986 section 2).
        if url.len() > LONGEST || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (authority, rest) = split_before(rest, &['/', '?', '#'])?;
        let (path, rest) = split_before(rest, &['?', '#'])?;
        Some(Self { is_https, authority, path, rest })
    }

    /// An empty path is the root (RFC 3986 section 6.2.3).
    pub(super) const fn path_or_root(&self) -> &'u str {
        if self.path.is_empty() { "/" } else { self.path }
    }

    pub(super) fn origin(&self) -> Option<Origin<&'u str>> {
        let (host, port) = match self.authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                // Without a zone, which means something on one machine alone.
                (Host::V6(address.parse().ok()?), port)
            }
            None => {
                let (name, port) = split_before(self.authority, &[':'])?;
                (Host::Name(is_name(name).then_some(name)?), port)
            }
        };
        let port = match port {
            "" | ":" => default_port(self.is_https),
            // A number has one spelling.
            _ => port.strip_prefix(':').filter(|port| !port.starts_with(['0', '+']))?.parse().ok()?,
        };
        Some(Origin { is_https: self.is_https, host, port })
    }
}

/// Before the first of these characters, or at the end.
fn split_before<'t>(text: &'t str, ends: &[char]) -> Option<(&'t str, &'t str)> {
    text.split_at_checked(text.find(ends).unwrap_or(text.len()))
}

pub(super) const fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

/// What a host name of the internet can be made of, a trailing dot included; no user information and nothing percent-encoded, with which
/// one host would have many names.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin<Name> {
    pub(super) is_https: bool,
    pub(super) host: Host<Name>,
    pub(super) port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<Name> {
    /// Also an IPv4 address: whoever writes it otherwise than the URL of this API does means another name.
    Name(Name),
    V6(Ipv6Addr),
}

impl Origin<String> {
    pub(super) fn is_same(&self, other: &Origin<&str>) -> bool {
        let is_same_host = match (&self.host, &other.host) {
            (Host::Name(name), Host::Name(other)) => name.eq_ignore_ascii_case(other),
            (Host::V6(address), Host::V6(other)) => address == other,
            _ => false,
        };
        is_same_host && self.is_https == other.is_https && self.port == other.port
    }
}
