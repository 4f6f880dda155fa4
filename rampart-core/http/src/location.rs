//! Where something of an issuer's is.

use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::endpoint_url::EndpointUrl;
use crate::issuer_url::IssuerUrl;
use crate::metadata::{METADATA_PATH, Member, Metadata, MetadataError};

/// For so long another one's request for the metadata is waited for. It may be that of a runtime that nobody drives any more.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

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
    known: Mutex<Known>,
}

type Found = Result<EndpointUrl, MetadataError>;

#[derive(Debug, Default)]
struct Known {
    url: Option<EndpointUrl>,
    /// What somebody is about to learn, and until when to wait for that.
    asked: Option<(watch::Receiver<Option<Found>>, Instant)>,
}

/// What there is to do about an address.
enum Step {
    Know(EndpointUrl),
    Wait(watch::Receiver<Option<Found>>, Instant),
    Ask(watch::Sender<Option<Found>>),
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

    /// The address; the metadata is asked once and its word kept until [`forget`](Self::forget). Those that come meanwhile share
    /// what comes of it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn resolve(&self, client: &Client) -> Result<EndpointUrl, MetadataError> {
        let Some(discovery) = &self.discovery else { return Ok(self.first.clone()) };
        loop {
            match discovery.step() {
                Step::Know(url) => return Ok(url),
                Step::Wait(mut asked, until) => {
                    let told = timeout_at(until, asked.wait_for(Option::is_some)).await;
                    // Where whoever asks goes away or takes too long, one of those who wait asks instead.
                    if let Some(found) = told.ok().and_then(Result::ok).and_then(|found| found.clone()) {
                        return found;
                    }
                }
                Step::Ask(sender) => return discovery.ask(client, &self.first, &sender).await,
            }
        }
    }

    /// Whether [`resolve`](Self::resolve) answers with what the metadata said before.
    pub fn is_remembered(&self) -> bool {
        self.discovery.as_ref().is_some_and(|discovery| discovery.known.lock().url.is_some())
    }

    /// The address may have moved: the metadata is asked again next time, whoever else may be asking already.
    pub fn forget(&self) {
        if let Some(discovery) = &self.discovery {
            *discovery.known.lock() = Known::default();
        }
    }
}

impl Discovery {
    fn step(&self) -> Step {
        let now = Instant::now();
        let mut known = self.known.lock();
        if let Some(url) = &known.url {
            return Step::Know(url.clone());
        }
        match &known.asked {
            Some((asked, until)) if now < *until && asked.has_changed().is_ok() => Step::Wait(asked.clone(), *until),
            _ => {
                let (sender, asked) = watch::channel(None);
                known.asked = Some((asked, now + LONGEST_WAIT));
                Step::Ask(sender)
            }
        }
    }

    async fn ask(&self, client: &Client, url: &EndpointUrl, told: &watch::Sender<Option<Found>>) -> Found {
        let metadata = Metadata::fetch(client, url, &self.issuer, self.member).await;
        let found = metadata.and_then(|metadata| metadata.address(self.member));
        let mut known = self.known.lock();
        if let Ok(url) = &found {
            known.url = Some(url.clone());
        }
        known.asked.take_if(|(asked, _)| asked.same_channel(&told.subscribe()));
        told.send_replace(Some(found.clone()));
        drop(known);
        found
    }
}
