//! A request as the core reads it.

use axum::extract::OriginalUri;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Uri};
use rampart_core::adapter::RequestHead;

/// Borrows from a request.
pub(crate) struct Head<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
    extensions: &'r Extensions,
}

impl<'r> Head<'r> {
    pub(crate) fn of_parts(parts: &'r Parts) -> Self {
        Self { method: &parts.method, uri: &parts.uri, headers: &parts.headers, extensions: &parts.extensions }
    }

    pub(crate) fn of_request<B>(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl RequestHead for Head<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        // A constant is found faster than a name that must be read first.
        let values = match name {
            "authorization" => Some(self.headers.get_all(AUTHORIZATION)),
            other => other.parse::<HeaderName>().ok().map(|name| self.headers.get_all(name)),
        };
        values.into_iter().flatten().map(http::HeaderValue::as_bytes)
    }

    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        // What nesting has left of the path is not what the client sent. Around a whole `Router` there is no nesting yet.
        self.extensions.get::<OriginalUri>().map_or(self.uri, |original| &original.0).path()
    }
}
