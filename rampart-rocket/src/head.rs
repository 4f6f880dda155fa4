//! A request as the core reads it.

use std::net::IpAddr;

use rampart_core::adapter::RequestHead;
use rocket::Request;

/// Borrows a request.
pub(crate) struct Head<'r, 'l>(pub(crate) &'r Request<'l>);

impl RequestHead for Head<'_, '_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.headers().get(name).map(str::as_bytes)
    }

    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        self.0.uri().path().as_str()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.remote().map(|address| address.ip())
    }
}
