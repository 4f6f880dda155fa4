//! One request for a token, in a task of its own, and those who wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::cache::{Outcome, Slot};

/// A request that has said nothing for so much longer than it may take was left behind by a runtime that nobody drives any more.
const GRACE: Duration = Duration::from_secs(10);

/// A request that is under way, or about to be.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) number: u64,
    pub(crate) due: Instant,
    abandoned_at: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl InFlight {
    /// Whether it has been silent for so long that nobody can be driving it.
    pub(crate) fn is_abandoned(&self, now: Instant) -> bool {
        now >= self.abandoned_at
    }

    /// `None` where it has none: the request is bounded in itself and reports even where its task is dropped, but not where that
    /// merely stands still.
    pub(crate) async fn outcome(&mut self) -> Option<Outcome> {
        let reported = timeout_at(self.abandoned_at, self.outcome.wait_for(Option::is_some)).await;
        reported.ok().and_then(Result::ok).and_then(|outcome| outcome.clone())
    }
}

/// A request that is noted but not yet running; its task is spawned without the lock, which its report needs.
#[must_use]
pub(crate) struct Launch {
    pub(crate) request: InFlight,
    report: Report,
}

impl Launch {
    /// One that starts when it is due, and is done within a limit.
    pub(crate) fn new(slot: Arc<Slot>, number: u64, due: Instant, limit: Duration) -> Self {
        let (sender, outcome) = watch::channel(None);
        let request = InFlight { number, due, abandoned_at: due + limit + GRACE, outcome };
        Self { request, report: Report { slot, number, sender } }
    }

    pub(crate) fn go(self) -> InFlight {
        let Self { request, report } = self;
        let due = request.due;
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if due > Instant::now() {
                    sleep_until(due).await;
                }
                // Where nobody drove the runtime for long, others may have followed it.
                if !report.slot.awaits(report.number) {
                    return;
                }
                let outcome = report.slot.run().await;
                report.finish(outcome);
            });
        }
        request
    }
}

/// Tells the slot and the waiters how a request ended, also where its task is dropped half-way.
struct Report {
    slot: Arc<Slot>,
    number: u64,
    sender: watch::Sender<Option<Outcome>>,
}

impl Report {
    fn finish(self, outcome: Outcome) {
        self.slot.complete(self.number, outcome, |outcome| drop(self.sender.send_replace(Some(outcome))));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // Does nothing after a report.
        self.slot.lose(self.number);
    }
}
