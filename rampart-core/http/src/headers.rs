//! Headers for one server and no other.

use std::fmt;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;

use crate::endpoint_url::EndpointUrl;

/// Headers that go to one origin (RFC 6454 section 4) and nowhere else.
#[derive(Clone, Default)]
pub struct OriginHeaders(Option<(EndpointUrl, HeaderMap)>);

impl OriginHeaders {
    /// For the origin of this address.
    pub const fn of(url: EndpointUrl, headers: HeaderMap) -> Self {
        Self(Some((url, headers)))
    }

    /// Adds them to a request that goes to `url`, where that is of their origin.
    pub fn add_to(&self, request: RequestBuilder, url: &EndpointUrl) -> RequestBuilder {
        match &self.0 {
            Some((own, headers)) if url.is_of_origin(own) => request.headers(headers.clone()),
            _ => request,
        }
    }
}

/// Their names alone.
impl fmt::Debug for OriginHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().flat_map(|(_, headers)| headers.keys());
        f.debug_list().entries(names).finish()
    }
}
