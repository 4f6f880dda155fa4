//! Addresses that anybody on the internet can reach, and no others: for hosts that a stranger may have named.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::endpoint_url::EndpointUrl;
use crate::lookups::{Lookups, bare};

/// Whether an address is globally reachable unicast, by the IANA registries of special-purpose addresses (RFC 6890) as they stood in 2026. An
/// IPv4 address within an IPv6 one (mapped, NAT64, 6to4) is judged as itself.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        // This network, private use, loopback; multicast and reserved, broadcast included.
        [0 | 10 | 127 | 224..=255, ..]
        // Shared address space.
        | [100, 64..=127, ..]
        // Link local, private use.
        | [169, 254, ..] | [172, 16..=31, ..]
        // IETF protocol assignments and documentation, the relays of 6to4, private use.
        | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..]
        // Benchmarking, documentation.
        | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped (RFC 4291 section 2.5.5.2), NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            within(high, low)
        }
        // IETF protocol assignments (Teredo and others), documentation.
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x3fff, 0..0x1000, ..] => false,
        // All other global unicast that is handed out (RFC 4291 section 2.4, IANA).
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Names that a stranger may have given: looked up so many at once, and where it is asked for as far as they lead to public addresses.
pub(crate) struct Strangers {
    pub(crate) lookups: Arc<Lookups>,
    /// The one that is a stranger's, where not all are. Any other is that of a proxy, which the operator has named.
    pub(crate) only: Option<String>,
    pub(crate) must_be_public: bool,
}

impl Strangers {
    /// Of all names but this address's, the operator answers for.
    pub(crate) fn only(url: &EndpointUrl) -> String {
        bare(url.as_url().host_str().unwrap_or_default())
    }

    fn is_stranger(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| *only == bare(name))
    }
}

impl Resolve for Strangers {
    fn resolve(&self, name: Name) -> Resolving {
        if !self.is_stranger(name.as_str()) {
            return Box::pin(async move {
                let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
                let addresses: Addrs = Box::new(found.into_iter());
                Ok(addresses)
            });
        }
        let (lookups, must_be_public) = (Arc::clone(&self.lookups), self.must_be_public);
        Box::pin(async move {
            let mut found = lookups.addresses(name.as_str()).await?;
            found.retain(|address| !must_be_public || is_public(address.ip()));
            if must_be_public && found.is_empty() {
                return Err(Box::<dyn Error + Send + Sync>::from("its name leads to no public address"));
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public_in_whatever_form_they_come() {
        let special = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.1.2.3",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
        ];
        for v4 in special {
            let address: Ipv4Addr = v4.parse().unwrap();
            assert!(!is_public(address.into()), "{v4}");
            let [a, b, c, d] = address.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for v6 in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            ] {
                assert!(!is_public(v6.into()), "{v6}");
            }
        }
        for v6 in [
            "::",
            "::1",
            "::10.0.0.1",
            "::8.8.8.8",
            "fe80::1",
            "fd00::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2001:20::1",
            "3fff::1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "5f00::1",
            "fec0::1",
        ] {
            assert!(!is_public(v6.parse().unwrap()), "{v6}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "3fff:1000::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
