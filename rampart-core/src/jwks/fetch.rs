//! One fetch of the issuer's key set over HTTP, within fixed limits.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use rampart_http::{
    Discovery, EndpointUrl, ExchangeError, Location, MetadataError, OriginHeaders, Redirect, Settled, Way,
};
use reqwest::{Client, Response, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use crate::jose::algorithm::Algorithms;
use crate::jose::key_set::{KeySet, KeySetError, Parsed};
use crate::jwks::bounds::Bounds;
use crate::jwks::header::{FetchHeaders, HeaderError, NoHeaders};

/// A time-out that is noticed so much later is none of the issuer's.
const LATE: Duration = Duration::from_secs(1);

/// Why the keys could not be fetched. `Display` is what [`Health`](crate::Health) and the log show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0}")]
    Exchange(#[from] ExchangeError),
    #[error("the issuer answered with status {status}{}", advice.for_status(*.status))]
    Status { status: u16, retry_after: Option<Duration>, advice: Advice },
    #[error("the issuer answered with {0}; give the final address with jwks_url(..)")]
    Redirected(Redirect),
    #[error("{0}")]
    KeySet(#[from] KeySetError),
    #[error("{0}")]
    Metadata(#[from] MetadataError),
    #[error("there is no key set at {default} (status {status}), and {metadata}")]
    Nowhere { default: String, status: u16, metadata: MetadataError },
    #[error("{0}")]
    Header(#[from] HeaderError),
    #[error("the issuer, which a resolver has named, may not be asked: {0}")]
    OutOfBounds(&'static str),
    #[error("too many new issuers are asked for their keys at once; this one has not been asked")]
    Crowded,
    #[error("the fetch panicked: a bug in this library, or in what http_client(..) sets")]
    Panicked,
    #[error("the fetch was left behind: the runtime of its task has ended, or nobody drives it")]
    Abandoned,
}

impl From<NoHeaders> for FetchError {
    fn from(error: NoHeaders) -> Self {
        match error {
            NoHeaders::Abandoned => Self::Abandoned,
            NoHeaders::Wrong(error) => Self::Header(error),
        }
    }
}

impl FetchError {
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Redirected(redirect) => redirect.retry_after,
            Self::Metadata(error) | Self::Nowhere { metadata: error, .. } => error.retry_after(),
            _ => None,
        }
    }

    /// With what to do about it where nothing is at the address.
    fn advising(mut self, advised: Advice) -> Self {
        if let Self::Status { advice: advice @ Advice::None, .. } = &mut self {
            *advice = advised;
        }
        self
    }
}

/// What to do about an address where nothing is, by who gave it; or about one that gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    None,
    /// The operator.
    Given,
    /// Nobody; but it has worked.
    Default,
    /// The issuer's metadata.
    InMetadata,
    /// Of an address that wants to know who asks: whether there are headers of the application's, which stay where they are meant for.
    Unknown {
        has_headers: bool,
    },
}

impl Advice {
    const fn for_status(self, status: u16) -> &'static str {
        match self {
            Self::Given if is_gone(status) => {
                "; leave out jwks_url(..), so that the keys are looked for at the usual address, and where the issuer's metadata says"
            }
            Self::Default if is_gone(status) => {
                "; its keys were there before, so that no other address is asked: if they have moved, refresh_keys() or a restart looks for them anew"
            }
            Self::InMetadata if is_gone(status) => {
                "; its metadata gives this address: mend it there, or give another one with jwks_url(..)"
            }
            Self::Unknown { has_headers: true } => {
                "; headers of fetch_header(..) were not sent to this origin, which is named by the metadata alone: give the address with jwks_url(..)"
            }
            Self::Unknown { has_headers: false } => {
                "; where keys are given to those alone that are known, send a token with fetch_header(..)"
            }
            _ => "",
        }
    }
}

/// Whether nothing is there (RFC 9110 sections 15.5.5 and 15.5.11).
const fn is_gone(status: u16) -> bool {
    matches!(status, 404 | 410)
}

#[derive(Debug)]
pub(crate) struct Fetcher {
    /// For a whole fetch, its metadata included.
    pub(crate) timeout: Duration,
    pub(crate) client: Client,
    pub(crate) location: Location,
    pub(crate) algorithms: Algorithms,
    /// Of an issuer that a resolver has named.
    pub(crate) bounds: Option<Bounds>,
    pub(crate) headers: FetchHeaders,
    /// The address of keys that was asked last; none while the metadata is.
    asking: Mutex<Option<EndpointUrl>>,
}

/// What a fetch waits for, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Place,
    Headers,
    Issuer,
}

/// What is asked of the issuer.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// The validator of the set at hand.
    pub(crate) etag: Option<ETag>,
    /// The key ID that is looked for, if any.
    pub(crate) kid: Option<Arc<str>>,
    /// Whether the keys are looked for as if none had ever been found.
    pub(crate) anew: bool,
}

/// What the issuer has answered.
pub(crate) struct Answer {
    pub(crate) fetched: Fetched,
    /// Whether it has been asked where the keys are, too: not where a search has found its key at an address from before.
    pub(crate) is_whole: bool,
    pub(crate) place: Settled,
    /// The address, where it is on another origin than the issuer's by the word of the metadata alone.
    pub(crate) elsewhere: Option<EndpointUrl>,
}

pub(crate) enum Fetched {
    Keys { parsed: Box<Parsed>, etag: Option<ETag>, max_age: Option<Duration> },
    NotModified { max_age: Option<Duration> },
}

/// The validator of a key set, and the address that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ETag {
    url: EndpointUrl,
    value: header::HeaderValue,
}

impl Answer {
    fn from_default(fetched: Fetched) -> Self {
        Self { fetched, is_whole: true, place: Settled::Default, elsewhere: None }
    }

    fn by(metadata: &Discovery, url: EndpointUrl, fetched: Fetched) -> Self {
        let elsewhere = metadata.is_elsewhere(&url).then_some(url);
        Self { fetched, is_whole: true, place: Settled::InMetadata, elsewhere }
    }
}

impl Fetched {
    fn holds_kid(&self, kid: &str) -> bool {
        matches!(self, Self::Keys { parsed, .. } if parsed.set.holds_kid(kid))
    }
}

impl Fetcher {
    pub(crate) fn new(
        timeout: Duration,
        client: Client,
        location: Location,
        algorithms: Algorithms,
        bounds: Option<Bounds>,
        headers: FetchHeaders,
    ) -> Self {
        Self { timeout, client, location, algorithms, bounds, headers, asking: Mutex::default() }
    }

    /// The address that was asked last: that of the keys, or that of the metadata.
    pub(crate) fn asked(&self) -> EndpointUrl {
        let of_metadata = || self.location.metadata().map(Discovery::asked_at);
        self.asking.lock().clone().or_else(of_metadata).unwrap_or_else(|| self.location.first().clone())
    }

    /// A fetch that has said nothing for this long after it set out was abandoned by a runtime that nobody drives any more.
    pub(crate) fn abandoned_after(&self) -> Duration {
        self.timeout + Duration::from_secs(1)
    }

    pub(crate) async fn fetch(&self, question: Question) -> Result<Answer, FetchError> {
        let limit = self.timeout;
        let deadline = Instant::now() + limit;
        let waits_for = Mutex::new(Step::Place);
        let mut fetching = pin!(async {
            let _place = match &self.bounds {
                Some(bounds) => bounds.place(self.location.first()).await,
                None => None,
            };
            *waits_for.lock() = Step::Headers;
            let headers = self.headers.ask(self.location.first()).await?;
            *waits_for.lock() = Step::Issuer;
            self.fetch_unbounded(question, &headers).await
        });
        // One whose runtime wakes up too late sends nothing more.
        let in_time =
            poll_fn(|context| if Instant::now() < deadline { fetching.as_mut().poll(context) } else { Poll::Pending });
        let fetched = timeout_at(deadline, in_time).await.unwrap_or_else(|_| {
            // A runtime that stood still meanwhile says nothing about the issuer.
            let is_late = Instant::now() >= deadline + LATE;
            let step = *waits_for.lock();
            Err(match step {
                _ if is_late => FetchError::Abandoned,
                Step::Place => FetchError::Crowded,
                Step::Headers => HeaderError::TimedOut(limit).into(),
                Step::Issuer => ExchangeError::TimedOut { limit }.into(),
            })
        });
        if fetched.is_err() {
            self.location.forget();
        }
        fetched
    }

    /// Nothing but the absence of keys at the default address leads to the metadata, and only while nothing has ever worked.
    async fn fetch_unbounded(&self, question: Question, headers: &OriginHeaders) -> Result<Answer, FetchError> {
        let Question { etag, kid, anew } = question;
        let (url, advice) = match self.location.way(anew) {
            Way::Given(url) => (url, Advice::Given),
            Way::Default(url) => (url, Advice::Default),
            Way::InMetadata(metadata) => return self.follow(metadata, etag, kid, headers).await,
            Way::Open { default, metadata } => match self.fetch_from(default, etag.clone(), headers).await {
                Err(FetchError::Status { status, retry_after, .. }) if is_gone(status) => {
                    metadata.forget();
                    let nowhere = |error| match error {
                        FetchError::Metadata(metadata) => {
                            FetchError::Nowhere { default: default.without_query(), status, metadata }
                        }
                        other => other,
                    };
                    let url = self.locate(metadata, headers).await.map_err(nowhere)?;
                    if url == *default {
                        *self.asking.lock() = Some(url);
                        return Err(FetchError::Status { status, retry_after, advice: Advice::InMetadata });
                    }
                    let fetched = self.fetch_from(&url, etag, headers).await;
                    return Ok(Answer::by(metadata, url, fetched.map_err(|error| error.advising(Advice::InMetadata))?));
                }
                fetched => return Ok(Answer::from_default(fetched?)),
            },
        };
        let fetched = self.fetch_from(url, etag, headers).await;
        Ok(Answer::from_default(fetched.map_err(|error| error.advising(advice))?))
    }

    /// The metadata is asked each time where the keys are: old keys at an address that the issuer has left must not live on.
    /// A search, of which a rotation makes many, begins at the address from before and asks where that has not helped.
    async fn follow(
        &self,
        metadata: &Discovery,
        etag: Option<ETag>,
        kid: Option<Arc<str>>,
        headers: &OriginHeaders,
    ) -> Result<Answer, FetchError> {
        let mut before = None;
        if let Some(kid) = kid.filter(|_| metadata.is_remembered()) {
            let url = self.locate(metadata, headers).await?;
            let fetched = self.fetch_from(&url, etag.clone(), headers).await;
            match fetched {
                Ok(fetched) if fetched.holds_kid(&kid) => {
                    return Ok(Answer { is_whole: false, ..Answer::by(metadata, url, fetched) });
                }
                fetched => before = Some((url, fetched)),
            }
        }
        metadata.forget();
        let url = self.locate(metadata, headers).await?;
        let fetched = match before {
            Some((before, fetched)) if before == url => {
                *self.asking.lock() = Some(before);
                fetched
            }
            _ => self.fetch_from(&url, etag, headers).await,
        };
        Ok(Answer::by(metadata, url, fetched.map_err(|error| error.advising(Advice::InMetadata))?))
    }

    async fn locate(&self, metadata: &Discovery, headers: &OriginHeaders) -> Result<EndpointUrl, FetchError> {
        *self.asking.lock() = None;
        self.check(metadata.first())?;
        Ok(metadata.resolve_with(&self.client, headers).await?)
    }

    async fn fetch_from(
        &self,
        url: &EndpointUrl,
        etag: Option<ETag>,
        headers: &OriginHeaders,
    ) -> Result<Fetched, FetchError> {
        *self.asking.lock() = Some(url.clone());
        self.check(url)?;
        let etag = etag.filter(|etag| etag.url == *url);
        let response = self.get(url, etag.as_ref(), headers).await?;
        let max_age = max_age(response.headers());
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::NotModified { max_age }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let advice = match self.headers.is_empty() {
                    true => Advice::Unknown { has_headers: false },
                    false if url.is_of_origin(self.location.first()) => Advice::None,
                    false => Advice::Unknown { has_headers: true },
                };
                return Err(status_error(&response).advising(advice));
            }
            _ => return Err(status_error(&response)),
        }
        let etag = response.headers().get(header::ETAG).map(|value| ETag { url: url.clone(), value: value.clone() });
        let body = rampart_http::read_body(response).await?;
        let algorithms = self.algorithms;
        // Off the runtime's threads: half a megabyte of keys takes a while.
        let parsed = tokio::task::spawn_blocking(move || KeySet::read(&body, algorithms)).await;
        let parsed =
            parsed.map_err(|error| if error.is_panic() { FetchError::Panicked } else { FetchError::Abandoned })??;
        Ok(Fetched::Keys { parsed: Box::new(parsed), etag, max_age })
    }

    /// Whether an address may be called at all.
    fn check(&self, url: &EndpointUrl) -> Result<(), FetchError> {
        let problem = self.bounds.as_ref().and_then(|bounds| bounds.problem(url, self.location.first()));
        problem.map_or(Ok(()), |problem| Err(FetchError::OutOfBounds(problem)))
    }

    async fn get(
        &self,
        url: &EndpointUrl,
        etag: Option<&ETag>,
        headers: &OriginHeaders,
    ) -> Result<Response, ExchangeError> {
        rampart_http::send(|| {
            let request = self
                .client
                .get(url.as_url().clone())
                .header(header::ACCEPT, "application/jwk-set+json, application/json")
                // An HTTP cache on the way must ask the issuer (RFC 9111 section 5.2.1.4): an older set than the one that we
                // have would bring a revoked key back, and would hide a new one.
                .header(header::CACHE_CONTROL, "no-cache");
            let request = headers.add_to(request, url);
            match etag {
                Some(etag) => request.header(header::IF_NONE_MATCH, etag.value.clone()),
                None => request,
            }
        })
        .await
    }
}

fn status_error(response: &Response) -> FetchError {
    if let Some(redirect) = Redirect::of(response) {
        return FetchError::Redirected(redirect);
    }
    FetchError::Status {
        status: response.status().as_u16(),
        retry_after: rampart_http::retry_after(response.headers()),
        advice: Advice::None,
    }
}

/// The smallest `max-age` of the `Cache-Control` values (RFC 9111 section 5.2.2.1); what does not parse does not count.
fn max_age(headers: &header::HeaderMap) -> Option<Duration> {
    headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.trim().split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("max-age"))
        .filter_map(|(_, seconds)| {
            let seconds = seconds.trim_matches('"');
            let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| Duration::from_secs(seconds.parse().unwrap_or(u64::MAX)))
        })
        .min()
}
