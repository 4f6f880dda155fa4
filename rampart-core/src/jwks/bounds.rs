//! What may be fetched for an issuer that a resolver has named instead of the operator: anybody who sends a token can cause it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rampart_http::{EndpointUrl, LookUp, Lookups, is_public};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many new issuers are fetched from at once, and how many of one host.
const PLACES: usize = 32;
const PLACES_OF_A_HOST: usize = 2;

/// Look-ups of names that are under way at once. New issuers have a place for each of theirs, so that this many less are left to those
/// that are known; together they are far from all threads that a runtime has for what blocks.
const LOOKUPS: usize = PLACES + 64;

/// The places of all new issuers of one object, and the look-ups of all that a resolver has named.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    of_hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    pub(super) lookups: Arc<Lookups>,
}

/// A place, for as long as it is held; and beyond that, while the name of its host is still being looked up.
#[derive(Debug)]
pub(crate) struct Place {
    permits: Option<[OwnedSemaphorePermit; 2]>,
    host: String,
    lookups: Arc<Lookups>,
}

impl Places {
    /// Names are looked up by the system, unless by something else.
    pub(super) fn new(look_up: Option<LookUp>) -> Self {
        let lookups = look_up.map_or_else(|| Lookups::new(LOOKUPS), |look_up| Lookups::by(LOOKUPS, look_up));
        Self { all: Arc::new(Semaphore::new(PLACES)), of_hosts: Mutex::default(), lookups: Arc::new(lookups) }
    }

    /// Waits for one: that of the host first, so that the issuers of one host take no place from the others.
    async fn take(&self, host: &str) -> Option<Place> {
        let of_host = {
            let mut of_hosts = self.of_hosts.lock();
            // A host of which nobody holds or awaits a place is forgotten.
            of_hosts.retain(|_, places| Arc::strong_count(places) > 1 || places.available_permits() < PLACES_OF_A_HOST);
            Arc::clone(of_hosts.entry(host.into()).or_insert_with(|| Arc::new(Semaphore::new(PLACES_OF_A_HOST))))
        };
        let of_host = of_host.acquire_owned().await.ok()?;
        let one_of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { permits: Some([of_host, one_of_all]), host: host.into(), lookups: Arc::clone(&self.lookups) })
    }
}

/// A fetch that has run out of time leaves its look-up behind, which goes on in a thread: were its place free at once, the next one could
/// leave another behind, and so on until there are no threads.
impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permits) = self.permits.take() {
            self.lookups.keep_while_under_way(&self.host, permits);
        }
    }
}

/// The bounds of one issuer.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) places: Arc<Places>,
    /// Whether a token of its has ever been verified.
    pub(crate) is_proven: Arc<AtomicBool>,
    pub(crate) allow_private_addresses: bool,
}

impl Bounds {
    pub(super) fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// A place, for an issuer that is not known for good tokens yet.
    pub(super) async fn place(&self, url: &EndpointUrl) -> Option<Place> {
        if self.is_proven() {
            return None;
        }
        self.places.take(url.as_url().host_str().unwrap_or_default()).await
    }

    /// Why an address must not be called, where the first one of the issuer is `first`.
    pub(super) fn problem(&self, url: &EndpointUrl, first: &EndpointUrl) -> Option<&'static str> {
        if !url.is_of_origin(first) {
            return Some(
                "its metadata leads to another origin, and nobody has said that keys may come from there: give jwks_url(..) for it",
            );
        }
        let is_private = url.host_address().is_some_and(|address| !is_public(address));
        (is_private && !self.allow_private_addresses)
            .then_some("its address is not a public one, and allow_private_addresses(true) is not set for it")
    }
}
