//! Where something of an issuer's is.

use parking_lot::Mutex;
use reqwest::Client;

use crate::endpoint_url::EndpointUrl;
use crate::issuer_url::IssuerUrl;
use crate::metadata::{METADATA_PATH, Member, Metadata, MetadataError};

/// Where something of the issuer's is: at an address that is given, or at one that its metadata gives.
#[derive(Debug)]
pub struct Location {
    first: EndpointUrl,
    discovery: Option<Discovery>,
}

#[derive(Debug)]
struct Discovery {
    issuer: IssuerUrl,
    member: Member,
    known: Mutex<Option<EndpointUrl>>,
}

impl Location {
    /// At an address that is given.
    pub fn given(url: EndpointUrl) -> Self {
        Self { first: url, discovery: None }
    }

    /// Where the metadata of the issuer says.
    pub fn in_metadata(issuer: IssuerUrl, member: Member) -> Self {
        let first = issuer.below(METADATA_PATH);
        Self { first, discovery: Some(Discovery { issuer, member, known: Mutex::default() }) }
    }

    /// The address of the first request.
    pub fn first(&self) -> &EndpointUrl {
        &self.first
    }

    /// The address; the metadata is asked once and its word kept until [`forget`](Self::forget).
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn resolve(&self, client: &Client) -> Result<EndpointUrl, MetadataError> {
        let Some(Discovery { issuer, member, known }) = &self.discovery else { return Ok(self.first.clone()) };
        if let Some(url) = known.lock().clone() {
            return Ok(url);
        }
        let url = Metadata::fetch(client, &self.first, issuer, *member).await?.address(*member)?;
        *known.lock() = Some(url.clone());
        Ok(url)
    }

    /// Whether [`resolve`](Self::resolve) answers with what the metadata said before.
    pub fn is_remembered(&self) -> bool {
        self.discovery.as_ref().is_some_and(|discovery| discovery.known.lock().is_some())
    }

    /// The address may have moved: the metadata is asked again next time.
    pub fn forget(&self) {
        if let Some(discovery) = &self.discovery {
            *discovery.known.lock() = None;
        }
    }
}
