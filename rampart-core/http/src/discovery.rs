//! What an issuer's metadata says of one address: asked once for all who come meanwhile, and kept until it may have changed.

use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::endpoint_url::EndpointUrl;
use crate::headers::OriginHeaders;
use crate::issuer_url::IssuerUrl;
use crate::metadata::{Member, Metadata, MetadataError};

/// How long to wait for somebody else's request for the metadata. It may be that of a runtime that nobody drives any more.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// An address that the issuer's metadata gives.
#[derive(Debug)]
pub struct Discovery {
    /// As the metadata must have it.
    issuer: String,
    /// Where the issuer itself is; its metadata, where the issuer is a mere name.
    home: EndpointUrl,
    member: Member,
    allow_http: bool,
    /// Whether the address must be at home.
    stays_at_home: bool,
    /// Where the metadata may be: a first one, and others to which only the absence of those before leads.
    first: EndpointUrl,
    others: Vec<EndpointUrl>,
    known: Mutex<Known>,
}

type Found = Result<EndpointUrl, MetadataError>;

#[derive(Debug, Default)]
struct Known {
    url: Option<EndpointUrl>,
    /// Whether whoever comes next looks whether it is there still.
    is_in_doubt: bool,
    /// What somebody is about to learn, and until when to wait for that.
    asked: Option<(watch::Receiver<Option<Found>>, Instant)>,
    /// Where the metadata was asked for last.
    at: Option<EndpointUrl>,
}

/// What there is to do about an address.
enum Step {
    Know(EndpointUrl),
    /// To ask whether this is it still.
    AskAgain(EndpointUrl),
    Wait(watch::Receiver<Option<Found>>, Instant),
    Ask(watch::Sender<Option<Found>>),
}

impl Discovery {
    /// By the metadata at its usual addresses: OpenID Connect's, and RFC 8414's where that is not there.
    pub fn of(issuer: &IssuerUrl, member: Member) -> Self {
        let [first, other] = issuer.metadata();
        Self {
            issuer: issuer.as_str().to_owned(),
            home: issuer.as_endpoint().clone(),
            member,
            allow_http: issuer.allow_http,
            stays_at_home: false,
            first,
            others: vec![other],
            known: Mutex::default(),
        }
    }

    /// By the metadata at this address alone. The issuer may be a mere name.
    pub fn at(url: EndpointUrl, issuer: &str, member: Member, allow_http: bool) -> Self {
        Self {
            issuer: issuer.to_owned(),
            home: EndpointUrl::parse("issuer_url", issuer, true).unwrap_or_else(|_| url.clone()),
            member,
            allow_http,
            stays_at_home: false,
            first: url,
            others: Vec::new(),
            known: Mutex::default(),
        }
    }

    /// Takes no address on another origin than the issuer's.
    #[must_use]
    pub fn staying_at_home(self) -> Self {
        Self { stays_at_home: true, ..self }
    }

    /// Whether an address is on another origin than the issuer's.
    pub fn is_elsewhere(&self, url: &EndpointUrl) -> bool {
        !url.is_of_origin(&self.home)
    }

    /// Where the metadata is asked for first.
    pub fn first(&self) -> &EndpointUrl {
        &self.first
    }

    /// Where it was asked for last.
    pub fn asked_at(&self) -> EndpointUrl {
        self.known.lock().at.clone().unwrap_or_else(|| self.first.clone())
    }

    /// The address; the metadata is asked once and its word kept until [`forget`](Self::forget). Those that come meanwhile share
    /// what comes of it.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn resolve(&self, client: &Client) -> Result<EndpointUrl, MetadataError> {
        self.resolve_with(client, &OriginHeaders::default()).await
    }

    /// As [`resolve`](Self::resolve), with these headers on requests to their origin.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn resolve_with(&self, client: &Client, headers: &OriginHeaders) -> Result<EndpointUrl, MetadataError> {
        loop {
            match self.step() {
                Step::Know(url) => return Ok(url),
                Step::AskAgain(old) => return Ok(self.ask_again(client, headers, old).await),
                Step::Wait(mut asked, until) => {
                    let told = timeout_at(until, asked.wait_for(Option::is_some)).await;
                    // Where whoever asks goes away or takes too long, one of those who wait asks instead.
                    if let Some(found) = told.ok().and_then(Result::ok).and_then(|found| found.clone()) {
                        return found;
                    }
                }
                Step::Ask(sender) => return self.ask(client, headers, &sender).await,
            }
        }
    }

    /// Whether [`resolve`](Self::resolve) answers with what the metadata said before.
    pub fn is_remembered(&self) -> bool {
        self.known.lock().url.is_some()
    }

    /// The address may have moved: the metadata is asked again next time, whoever else may be asking already.
    pub fn forget(&self) {
        let mut known = self.known.lock();
        (known.url, known.asked) = (None, None);
    }

    /// The address may have moved: whoever comes next asks the metadata, for a short time; unless another one is found, the one that was
    /// known stays, and it is that of all who come meanwhile.
    pub fn doubt(&self) {
        self.known.lock().is_in_doubt = true;
    }

    fn step(&self) -> Step {
        let now = Instant::now();
        let mut known = self.known.lock();
        let is_in_doubt = std::mem::take(&mut known.is_in_doubt);
        if let Some(url) = &known.url {
            return if is_in_doubt { Step::AskAgain(url.clone()) } else { Step::Know(url.clone()) };
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

    async fn ask(&self, client: &Client, headers: &OriginHeaders, told: &watch::Sender<Option<Found>>) -> Found {
        let found = self.search(client, headers).await;
        let mut known = self.known.lock();
        if let Ok(url) = &found {
            known.url = Some(url.clone());
        }
        known.asked.take_if(|(asked, _)| asked.same_channel(&told.subscribe()));
        told.send_replace(Some(found.clone()));
        drop(known);
        found
    }

    async fn ask_again(&self, client: &Client, headers: &OriginHeaders, old: EndpointUrl) -> EndpointUrl {
        let Ok(Ok(new)) = timeout(LONGEST_WAIT, self.search(client, headers)).await else { return old };
        let mut known = self.known.lock();
        // Where it was forgotten meanwhile, somebody else asks, and has the last word.
        if let Some(url) = &mut known.url {
            url.clone_from(&new);
        }
        new
    }

    /// Only 404 and 410 lead from one address to the next: what else an issuer says there, it means.
    async fn search(&self, client: &Client, headers: &OriginHeaders) -> Found {
        let (mut tried, mut last_retry_after) = (Vec::new(), None);
        for url in std::iter::once(&self.first).chain(&self.others) {
            self.known.lock().at = Some(url.clone());
            match Metadata::fetch(client, url, &self.issuer, self.member, headers).await {
                Ok(metadata) => return self.checked(metadata.address(self.member, url, self.allow_http)?),
                Err(MetadataError::Status { status: status @ (404 | 410), retry_after }) => {
                    tried.push((url.without_query(), status));
                    last_retry_after = retry_after;
                }
                Err(error) => return Err(error),
            }
        }
        Err(MetadataError::Absent { tried, retry_after: last_retry_after, instead: self.member.instead() })
    }

    fn checked(&self, url: EndpointUrl) -> Found {
        if self.stays_at_home && self.is_elsewhere(&url) {
            return Err(MetadataError::AnotherOrigin { member: self.member, url: url.without_query() });
        }
        Ok(url)
    }
}
