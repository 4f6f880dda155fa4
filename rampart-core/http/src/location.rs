//! Where something of an issuer's is, by the settings.

use parking_lot::Mutex;
use reqwest::Client;

use crate::discovery::Discovery;
use crate::endpoint_url::EndpointUrl;
use crate::metadata::MetadataError;

/// Where something of the issuer's is: at an address that is given, at one that its metadata gives, or at whichever of the two works
/// first.
#[derive(Debug)]
pub struct Location(Places);

#[derive(Debug)]
enum Places {
    Given(EndpointUrl),
    InMetadata(Discovery),
    Open { default: EndpointUrl, metadata: Discovery, settled: Mutex<Option<Settled>> },
}

/// Which of two places it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are these two")]
pub enum Settled {
    /// The default address.
    Default,
    /// The one that the metadata gives.
    InMetadata,
}

/// How to get there.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever goes has to know each way")]
pub enum Way<'l> {
    /// This is the address, by the operator's word.
    Given(&'l EndpointUrl),
    /// This is the address, as it was the first that worked.
    Default(&'l EndpointUrl),
    /// By the metadata alone.
    InMetadata(&'l Discovery),
    /// Nothing has worked yet.
    Open {
        /// The default address.
        default: &'l EndpointUrl,
        /// The way by the metadata.
        metadata: &'l Discovery,
    },
}

impl Location {
    /// At an address that is given.
    pub const fn given(url: EndpointUrl) -> Self {
        Self(Places::Given(url))
    }

    /// Where the metadata of the issuer says.
    pub const fn in_metadata(metadata: Discovery) -> Self {
        Self(Places::InMetadata(metadata))
    }

    /// At the default address or where the metadata says: whichever works first, and that one alone from then on. An answer of 404
    /// during a deployment must not lead to another place than yesterday's.
    pub const fn open(default: EndpointUrl, metadata: Discovery) -> Self {
        Self(Places::Open { default, metadata, settled: Mutex::new(None) })
    }

    /// One of the addresses, for what is the same at all of them: that it is on this machine, or that it is http.
    pub fn first(&self) -> &EndpointUrl {
        match &self.0 {
            Places::Given(url) | Places::Open { default: url, .. } => url,
            Places::InMetadata(metadata) => metadata.first(),
        }
    }

    /// How to get there; `anew` as if nothing had worked yet.
    pub fn way(&self, anew: bool) -> Way<'_> {
        match &self.0 {
            Places::Given(url) => Way::Given(url),
            Places::InMetadata(metadata) => Way::InMetadata(metadata),
            Places::Open { default, metadata, settled } => match *settled.lock() {
                Some(Settled::Default) if !anew => Way::Default(default),
                Some(Settled::InMetadata) if !anew => Way::InMetadata(metadata),
                _ => Way::Open { default, metadata },
            },
        }
    }

    /// This one has worked. Where another one had before, that stays; unless it was looked for `anew`.
    pub fn settle(&self, place: Settled, anew: bool) {
        if let Places::Open { settled, .. } = &self.0 {
            let mut settled = settled.lock();
            *settled = if anew { Some(place) } else { settled.or(Some(place)) };
        }
    }

    /// The address, where the metadata comes first and its absence alone leads to the default.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn resolve(&self, client: &Client) -> Result<(EndpointUrl, Settled), MetadataError> {
        match self.way(false) {
            Way::Given(url) | Way::Default(url) => Ok((url.clone(), Settled::Default)),
            Way::InMetadata(metadata) => Ok((metadata.resolve(client).await?, Settled::InMetadata)),
            Way::Open { default, metadata } => match metadata.resolve(client).await {
                Ok(url) => Ok((url, Settled::InMetadata)),
                Err(MetadataError::Absent { .. }) => Ok((default.clone(), Settled::Default)),
                Err(error) => Err(error),
            },
        }
    }

    /// The way by the metadata, if there is one.
    pub fn metadata(&self) -> Option<&Discovery> {
        match &self.0 {
            Places::Given(_) => None,
            Places::InMetadata(metadata) | Places::Open { metadata, .. } => Some(metadata),
        }
    }

    /// The address may have moved: the metadata is asked again next time, whoever else may be asking already.
    pub fn forget(&self) {
        if let Some(metadata) = self.metadata() {
            metadata.forget();
        }
    }

    /// The address may have moved: whoever comes next asks the metadata, and what was known stays unless another one is found.
    pub fn doubt(&self) {
        if let Some(metadata) = self.metadata() {
            metadata.doubt();
        }
    }
}
