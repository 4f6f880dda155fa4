//! One fetch in flight: a task of its own, so that callers that go away cancel nothing. A task that dies with its runtime
//! reports a failure as it is dropped.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::cache::KeyCache;
use super::fetch::{ETag, FetchError, Fetched};
use crate::outbound;

pub(super) type Outcome = Result<(), FetchError>;

#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) number: u64,
    pub(super) started: Instant,
    pub(super) forced: bool,
    outcome: watch::Receiver<Option<Outcome>>,
}

pub(super) fn can_fetch() -> bool {
    outbound::fit_runtime().is_ok()
}

/// The outcome of a fetch; `None` where it takes longer than the caller may wait.
pub(super) async fn finished(mut fetch: InFlight, deadline: Instant) -> Option<Outcome> {
    match timeout_at(deadline, fetch.outcome.wait_for(Option::is_some)).await {
        Ok(Ok(outcome)) => Some(outcome.clone().unwrap_or(Err(FetchError::Abandoned))),
        Ok(Err(_)) => Some(Err(FetchError::Abandoned)),
        Err(_) => None,
    }
}

/// A fetch that is noted but not yet running. Its task is spawned without the lock: a runtime that is shutting down drops
/// the task at once, and the report then needs the lock.
#[must_use]
pub(super) struct Launch {
    pub(super) fetch: InFlight,
    etag: Option<ETag>,
    report: Report,
}

impl Launch {
    pub(super) fn new(cache: Arc<KeyCache>, number: u64, now: Instant, forced: bool, etag: Option<ETag>) -> Self {
        let (sender, outcome) = watch::channel(None);
        let fetch = InFlight { number, started: now, forced, outcome };
        Self { fetch, etag, report: Report { cache, number, forced, sender, reported: false } }
    }

    pub(super) fn go(self) {
        let Self { etag, report, .. } = self;
        // Asked before; where it has gone since, the report is dropped and says so.
        let Ok(runtime) = Handle::try_current() else { return drop(report) };
        runtime.spawn(async move {
            let fetched = report.cache.fetcher.fetch(etag).await;
            report.finish(fetched);
        });
    }
}

/// Tells the cache and the waiters how a fetch ended, also where its task is dropped half-way.
struct Report {
    cache: Arc<KeyCache>,
    number: u64,
    forced: bool,
    sender: watch::Sender<Option<Outcome>>,
    reported: bool,
}

impl Report {
    fn finish(mut self, fetched: Result<Fetched, FetchError>) {
        self.report(fetched);
    }

    fn report(&mut self, fetched: Result<Fetched, FetchError>) {
        self.reported = true;
        self.cache.complete(self.number, self.forced, fetched, |outcome| {
            self.sender.send_replace(Some(outcome));
        });
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.reported {
            let is_panic = std::thread::panicking();
            self.report(Err(if is_panic { FetchError::Panicked } else { FetchError::Abandoned }));
        }
    }
}
