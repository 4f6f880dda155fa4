//! A request as the core reads it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rampart_core::adapter::RequestHead;

/// Borrows a request.
pub(crate) struct Head<'r>(pub(crate) &'r HttpRequest);

impl RequestHead for Head<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        // A constant is found faster than a name that must be read first.
        let values = match name {
            "authorization" => Some(self.0.headers().get_all(AUTHORIZATION)),
            other => other.parse::<HeaderName>().ok().map(|name| self.0.headers().get_all(name)),
        };
        values.into_iter().flatten().map(HeaderValue::as_bytes)
    }

    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        // Whole inside scopes too.
        self.0.uri().path()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr().map(|address| address.ip())
    }
}
