//! Where the server is, out of a URL that may hold a password: nothing of it is ever shown but host and port.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

const WRONG: &str =
    "is no URL of Redis; write rediss://HOST:PORT, or redis://127.0.0.1:PORT for a server on this machine";

pub(crate) struct Address {
    pub(crate) place: Place,
    /// User, password and number of the database.
    pub(crate) login: RedisConnectionInfo,
}

pub(crate) enum Place {
    Tcp { host: String, port: u16, is_encrypted: bool },
    Unix(PathBuf),
}

impl Address {
    /// # Errors
    /// What is wrong with it, without anything of it.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        // The scheme is read here: the client has no TLS of its own, and would refuse it.
        let (scheme, rest) = url.split_once("://").ok_or(WRONG)?;
        let is_encrypted = ["rediss", "valkeys"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
        let url = if is_encrypted { format!("redis://{rest}") } else { url.to_owned() };
        if is_encrypted && rest.contains('#') {
            return Err(
                "asks for TLS in another way than with a look at the certificate; take away what begins with #",
            );
        }
        // The reasons of the parser are not passed on: they may show what they are about.
        let info = url.into_connection_info().map_err(|_| WRONG)?;
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp { host: host.clone(), port: *port, is_encrypted },
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return Err(WRONG),
        };
        let login = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        Ok(Self { place, login })
    }

    pub(crate) fn has_password(&self) -> bool {
        self.login.password().is_some()
    }

    /// Whether what is said on the way stays on this machine, or is encrypted.
    pub(crate) fn is_private(&self) -> bool {
        match &self.place {
            Place::Unix(_) => true,
            Place::Tcp { is_encrypted, host, .. } => *is_encrypted || is_loopback(host),
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.place, Place::Tcp { is_encrypted: true, .. })
    }
}

fn is_loopback(host: &str) -> bool {
    // No name but this: what else ends in `localhost` may be asked of a name server.
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Host and port.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Place::Unix(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_host_and_port_and_shows_nothing_else() {
        for (url, shown, is_private, is_encrypted) in [
            ("redis://127.0.0.1:7000", "127.0.0.1:7000", true, false),
            ("redis://bob:hunter2@[::1]/3", "[::1]:6379", true, false),
            ("redis://LOCALHOST", "LOCALHOST:6379", true, false),
            ("rediss://:hunter2@redis.example.com:6380", "redis.example.com:6380", true, true),
            ("redis://:hunter2@redis.example.com", "redis.example.com:6379", false, false),
            ("redis://api.localhost", "api.localhost:6379", false, false),
            ("redis+unix:///run/redis.sock?pass=hunter2", "/run/redis.sock", true, false),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
            assert_eq!((address.is_private(), address.is_encrypted()), (is_private, is_encrypted), "{url}");
        }
    }

    #[test]
    fn url_that_is_refused_is_not_shown() {
        for url in ["", "hunter2", "http://:hunter2@redis", "redis://:hunter2@redis:99999", "rediss://hunter2#insecure"]
        {
            let why = Address::parse(url).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
