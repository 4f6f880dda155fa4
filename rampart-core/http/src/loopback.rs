//! What is on this machine.

use std::net::IpAddr;

use url::{Host, Url};

/// Whether the URL leads to this machine: by its address, or by a name below `localhost` (RFC 6761 section 6.3), which our
/// client never asks a name server for.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Whether the URL leads to this machine for a client that is not ours, too: one that may ask a name server for what is below
/// `localhost`.
pub fn is_loopback_for_any_client(url: &Url) -> bool {
    is_loopback(url) && url.domain().is_none_or(|name| name == "localhost")
}

pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let top = name.rsplit('.').next().unwrap_or_default();
    top.eq_ignore_ascii_case("localhost")
}
