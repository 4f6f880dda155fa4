//! One fetch in flight, made by a task of its own, so that callers that go away cancel nothing.
//!
//! A task runs only while somebody drives its runtime, which a program that calls `block_on` now and then does not. So a
//! fetch is noted first, and the first task that comes to run makes it. Who waits for one that has not set out within a
//! second sends a task of its own after it; a task that finds nothing to be made sends nothing, however late it runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::cache::KeyCache;
use super::fetch::{Answer, FetchError};
use super::state::LATE_START;

pub(super) type Outcome = Result<(), FetchError>;

/// A waiter looks this often whether somebody still drives the fetch that it waits for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a fetch is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Because of the age of the keys.
    Refresh,
    /// Because the operator asks.
    ByHand,
    /// For a key ID that the set does not hold: charged to the bucket.
    Search(Arc<str>),
}

/// A fetch, for those who wait for it.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) number: u64,
    pub(super) started: Instant,
    pub(super) purpose: Purpose,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// The same moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// Time since 1970.
    pub(super) wall: Duration,
}

/// A fetch, for the key cache.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) fetch: InFlight,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Noted { order: Order, last_task: Instant },
    UnderWay(Moment),
}

/// What the task that makes a fetch is given.
#[derive(Debug)]
pub(super) struct Order {
    number: u64,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Flight {
    pub(super) fn new(number: u64, now: Instant, purpose: Purpose) -> Self {
        let (sender, outcome) = watch::channel(None);
        let order = Order { number, outcome: sender };
        Self {
            fetch: InFlight { number, started: now, purpose, outcome },
            stage: Stage::Noted { order, last_task: now },
        }
    }

    /// Since when it has been under way.
    pub(super) fn under_way(&self) -> Option<Moment> {
        if let Stage::UnderWay(since) = self.stage { Some(since) } else { None }
    }

    /// Whether its task should have said something by now.
    pub(super) fn is_overdue(&self, limit: Duration, now: Instant) -> bool {
        self.under_way().is_some_and(|since| now >= since.at + limit)
    }

    /// Whether it should have set out by now.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.under_way().is_none() && now >= self.fetch.started + LATE_START
    }

    /// Whether the caller should send a task for it too, as the last one has not come to run.
    pub(super) fn takes_another_task(&mut self, now: Instant) -> bool {
        match &mut self.stage {
            Stage::Noted { last_task, .. } if now >= *last_task + LATE_START => {
                *last_task = now;
                true
            }
            _ => false,
        }
    }

    /// Hands the fetch to the first task that asks.
    pub(super) fn set_out(&mut self, now: Moment) -> Option<Order> {
        match std::mem::replace(&mut self.stage, Stage::UnderWay(now)) {
            Stage::Noted { order, .. } => Some(order),
            under_way @ Stage::UnderWay(_) => {
                self.stage = under_way;
                None
            }
        }
    }
}

pub(super) fn can_fetch() -> bool {
    rampart_http::fit_runtime().is_ok()
}

/// A fetch that somebody needs, and the task that is to be spawned for it: not under the lock, as a runtime that is shutting
/// down drops the task at once, and its report then needs the lock.
#[must_use]
pub(super) struct Joined {
    pub(super) fetch: InFlight,
    pub(super) task: Option<Task>,
}

impl Joined {
    /// Sends the task on its way.
    pub(super) fn go(&mut self) {
        let Some(task) = self.task.take() else { return };
        // Asked before; where it has gone since, the task is dropped and says so.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(task.run());
    }

    /// The outcome; `None` where it is not there at the deadline, or when it is time to look again.
    pub(super) async fn outcome(mut self, deadline: Instant) -> Option<Outcome> {
        self.go();
        let deadline = deadline.min(Instant::now() + LOOK_AGAIN);
        match timeout_at(deadline, self.fetch.outcome.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => Some(outcome.clone().unwrap_or(Err(FetchError::Abandoned))),
            Ok(Err(_)) => Some(Err(FetchError::Abandoned)),
            Err(_) => None,
        }
    }
}

/// Makes the fetch that is noted, and tells the cache and the waiters how it ended, also where it is dropped half-way.
pub(super) struct Task {
    cache: Arc<KeyCache>,
    sent_for: u64,
    order: Option<Order>,
    is_done: bool,
}

impl Task {
    pub(super) fn new(cache: Arc<KeyCache>, number: u64) -> Self {
        Self { cache, sent_for: number, order: None, is_done: false }
    }

    async fn run(mut self) {
        let Some((order, question)) = self.cache.set_out() else {
            self.is_done = true;
            return;
        };
        self.order = Some(order);
        let answer = self.cache.fetcher.fetch(question).await;
        self.report(answer);
    }

    fn report(&mut self, answer: Result<Answer, FetchError>) {
        self.is_done = true;
        if let Some(Order { number, outcome }) = self.order.take() {
            self.cache.complete(number, answer, |told| {
                outcome.send_replace(Some(told));
            });
        } else {
            self.cache.lose(self.sent_for);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_done {
            let is_panic = std::thread::panicking();
            self.report(Err(if is_panic { FetchError::Panicked } else { FetchError::Abandoned }));
        }
    }
}
