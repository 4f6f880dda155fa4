//! The keys of an issuer as they are kept: the set at hand, and what is known of the fetches so far.
//!
//! The set is a [`Snapshot`], which nobody waits for. What is known of the fetches ([`State`]) stands behind a lock, which is never
//! held across I/O. What happens to the keys is told once it is released.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rampart_http::outbox::Outbox;
use tokio::time::Instant;

use super::attempt::Moment;
use super::budget::SharedUnavailables;
use super::fetch::Fetcher;
use super::snapshot::{Age, Snapshot};
use super::state::{News, State};
use crate::clock::Clock;
use crate::event::{Event, Listeners};
use crate::health::{Health, JwksState};

#[derive(Debug)]
pub(crate) struct KeyCache {
    pub(super) fetcher: Fetcher,
    pub(super) ttl: Duration,
    pub(super) max_stale: Duration,
    pub(super) clock: Clock,
    pub(super) listeners: Listeners,
    pub(super) snapshot: ArcSwapOption<Snapshot>,
    pub(super) state: Outbox<State>,
    pub(super) kid_waiters: AtomicUsize,
}

/// What a cache shares with others.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
    pub(crate) unavailables: SharedUnavailables,
}

impl KeyCache {
    pub(crate) fn new(fetcher: Fetcher, ttl: Duration, max_stale: Duration, surroundings: Surroundings) -> Self {
        let Surroundings { clock, listeners, unavailables } = surroundings;
        let state = State::new(fetcher.abandoned_after(), unavailables);
        let (url, told) = (fetcher.location.first().without_query(), listeners.clone());
        Self {
            fetcher,
            ttl,
            max_stale,
            clock,
            listeners,
            snapshot: ArcSwapOption::empty(),
            state: Outbox::new(state, move |news| tell(&told, &url, news)),
            kid_waiters: AtomicUsize::new(0),
        }
    }

    pub(super) fn holds_kid(&self, kid: &str) -> bool {
        self.snapshot.load().as_ref().is_some_and(|snapshot| snapshot.keys.holds_kid(kid))
    }

    /// How long ago the issuer confirmed the keys.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.snapshot.load().as_ref().map(|snapshot| Instant::now().saturating_duration_since(snapshot.fetched_at))
    }

    pub(crate) fn health(&self, wall: Duration) -> Health {
        let now = Instant::now();
        let last_error = self.state.lock().last_error();
        let snapshot = self.snapshot.load();
        let Some(snapshot) = snapshot.as_ref() else {
            return Health::new(JwksState::Cold, None, 0, last_error);
        };
        let state = match snapshot.age(now, wall) {
            Age::Fresh | Age::Due => JwksState::Fresh,
            Age::Stale => JwksState::Stale,
            Age::Dead => JwksState::Dead,
        };
        let age = now.saturating_duration_since(snapshot.fetched_at);
        Health::new(state, Some(age), snapshot.keys.len(), last_error)
    }

    pub(super) fn now(&self) -> Moment {
        Moment { at: Instant::now(), wall: self.clock.now().unwrap_or_default() }
    }
}

fn tell(listeners: &Listeners, url: &str, news: News) {
    match news {
        News::Entries(events) => events.iter().for_each(|event| listeners.tell(event)),
        News::Fetched { keys } => listeners.tell(&Event::KeysFetched { keys }),
        News::Changed { keys } => listeners.tell(&Event::KeysChanged { keys }),
        News::Elsewhere { url } => listeners.tell(&Event::KeysElsewhere { url: &url }),
        News::Failed { url, error, failures, retry_in } => {
            let error = error.to_string();
            listeners.tell(&Event::KeyFetchFailed { url: &url, error: &error, failures, retry_in });
        }
        News::Abandoned => listeners.tell(&Event::KeyFetchAbandoned { url }),
    }
}
