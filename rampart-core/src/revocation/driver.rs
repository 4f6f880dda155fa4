//! The task that keeps a list in step with its store: it reads what there is, gives what is lacking, and follows what comes.

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

use super::core::Taken;
use super::feed::{Feed, LINE_EVERY, STORING, millis, within};
use super::log::{Followed, LogError, Place, Snapshot};
use crate::event::Event;

/// The longest pause before the store is asked again: who comes back is noticed within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const FOLLOWING: Duration = Duration::from_secs(10);
const READING: Duration = Duration::from_secs(60);
/// A clock that moves by more than this beside the other was set.
const RESET: Duration = Duration::from_secs(30);

/// The task that keeps a list in step with its store.
pub(crate) struct Driver {
    feed: Arc<Feed>,
    failures: u32,
    line: Option<Duration>,
    /// What this clock said beside the time that no setting moves when the list was last read.
    offset: i128,
    /// Whether following has gone well since then.
    is_going: bool,
}

/// Why following has ended.
enum Ended {
    /// The list must be read again.
    ReadAgain,
    Failed(LogError),
}

impl Driver {
    pub(crate) const fn new(feed: Arc<Feed>) -> Self {
        Self { feed, failures: 0, line: None, offset: 0, is_going: false }
    }

    /// Until it is dropped.
    pub(crate) async fn drive(mut self) {
        let mut again = 0_u32;
        loop {
            self.offset = self.feed.clock_offset();
            let read = caught(self.read()).await.flatten();
            let outcome = read.as_ref().map(drop).map_err(Clone::clone);
            self.feed.loaded.send_replace(Some(outcome));
            let mut place = match read {
                Ok(place) => place,
                Err(error) => {
                    self.fail(&error).await;
                    continue;
                }
            };
            self.recover();
            self.is_going = false;
            loop {
                match caught(self.follow(&mut place)).await {
                    Ok(Ended::ReadAgain) => break,
                    Ok(Ended::Failed(error)) | Err(error) => self.fail(&error).await,
                }
            }
            // A store with which one gets no further is not read without end.
            again = if self.is_going { 0 } else { again.saturating_add(1) };
            if again > 1 {
                sleep(pause(again)).await;
            }
        }
    }

    /// Reads the list whole, and gives the store what it lacks.
    async fn read(&self) -> Result<Place, LogError> {
        let Feed { core, log, is_loaded, settings, .. } = &*self.feed;
        let mut was_marked = false;
        loop {
            let asked = self.feed.now();
            core.has_grown.store(false, Ordering::Release);
            let mut has_begun = false;
            let mut too_short = HashSet::new();
            let mut each = |entry: &[u8]| {
                // Not before there is something: a store that is away takes nothing away.
                if !std::mem::replace(&mut has_begun, true) {
                    core.forget_what_is_stored();
                }
                if let Taken::TooShort(id) = self.feed.take(entry) {
                    too_short.insert(id);
                }
            };
            let snapshot = within(READING, log.snapshot(&mut each)).await?;
            if !has_begun {
                core.forget_what_is_stored();
            }
            let was_loaded = is_loaded.load(Ordering::Relaxed);
            let lacking = core.not_stored();
            let lost = lacking.iter().filter(|id| !too_short.contains(*id)).count();
            match snapshot {
                Snapshot::Whole(place) => {
                    // It is all there is, whether or not the store takes something in return.
                    self.feed.beat(asked);
                    is_loaded.store(true, Ordering::Relaxed);
                    self.feed.unsent.lock().extend(lacking);
                    // Where that fails it is said by who follows.
                    let is_sent = self.feed.send_again().await.is_ok();
                    if was_loaded && lost > 0 && is_sent {
                        core.tell(&Event::RevocationsRestored { entries: lost });
                    } else {
                        core.tell(&Event::RevocationsLoaded { entries: core.list.len() });
                    }
                    return Ok(place);
                }
                Snapshot::Unknown if was_marked => return Err(LogError::new(UNMARKED)),
                Snapshot::Unknown if was_loaded || settings.initialize => {
                    self.feed.publish_all(&lacking).await?;
                    within(STORING, log.mark_whole()).await?;
                    was_marked = true;
                    if was_loaded {
                        core.tell(&Event::RevocationsRestored { entries: lost });
                    } else {
                        core.tell(&Event::RevocationsInitialized);
                    }
                    // What is lost a second time is told by another that knows it.
                    is_loaded.store(true, Ordering::Relaxed);
                }
                Snapshot::Unknown => return Err(LogError::new(UNKNOWN)),
            }
        }
    }

    async fn follow(&mut self, place: &mut Place) -> Ended {
        /// A store that says at once that there is nothing is not asked without end.
        const BREATH: Duration = Duration::from_millis(50);
        loop {
            let asked = self.feed.now();
            let (mut told, mut to_send) = (false, Vec::new());
            let mut each = |entry: &[u8]| {
                told = true;
                if let Taken::TooShort(id) = self.feed.take(entry) {
                    to_send.push(id);
                }
            };
            let followed = within(FOLLOWING, self.feed.log.follow(place, &mut each)).await;
            if !to_send.is_empty() {
                self.feed.unsent.lock().extend(to_send);
            }
            match followed {
                Err(error) => return Ended::Failed(error),
                Ok(Followed::Gap | Followed::Lost) => return Ended::ReadAgain,
                Ok(Followed::Next(next)) => {
                    // What is told once more is nothing to tell.
                    told &= next != *place;
                    *place = next;
                    self.is_going = true;
                }
            }
            self.feed.beat(asked);
            if let Err(error) = self.feed.send_again().await {
                return Ended::Failed(error);
            }
            self.recover();
            self.feed.core.sweep();
            if self.must_read_again() {
                return Ended::ReadAgain;
            }
            if !told && self.feed.now().saturating_sub(asked) < millis(BREATH) {
                sleep(BREATH).await;
            }
        }
    }

    /// Whether what was skipped or dropped, or is kept for too short a time, may be judged otherwise by now: this clock was set, perhaps
    /// right, so that what lay ahead of it may not do so any more, and what had ended may not have; or tokens are accepted for longer.
    fn must_read_again(&self) -> bool {
        self.feed.core.has_grown.load(Ordering::Acquire)
            || self.feed.clock_offset().abs_diff(self.offset) > u128::from(millis(RESET))
    }

    /// Says what is wrong, now and then, and waits a little.
    async fn fail(&mut self, error: &LogError) {
        self.failures = self.failures.saturating_add(1);
        *self.feed.trouble.lock() = Some(error.to_string());
        let now = Duration::from_millis(self.feed.now());
        if self.line.is_none_or(|line| now >= line + LINE_EVERY) {
            self.line = Some(now);
            let (age, is_stale) = (self.feed.age(), !self.feed.is_in_touch() && !self.feed.ignores_outages());
            let (error, failures) = (&*error.to_string(), self.failures);
            self.feed.core.tell(&Event::RevocationFeedFailed { error, failures, age, is_stale });
        }
        sleep(pause(self.failures)).await;
    }

    fn recover(&mut self) {
        if self.failures > 0 {
            (self.failures, self.line) = (0, None);
            *self.feed.trouble.lock() = None;
            self.feed.core.tell(&Event::RevocationFeedRecovered);
        }
    }
}

/// Its runtime has ended, or nobody can ask any more: somebody else may take over.
impl Drop for Driver {
    fn drop(&mut self) {
        self.feed.is_driven.store(false, Ordering::Release);
    }
}

/// After so many times that it went wrong: doubled up to the longest, less a part by chance, so that replicas do not come all at once.
fn pause(times: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << times.saturating_sub(1).min(8)).min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// The remedy is the operator's.
const UNKNOWN: &str = "the store does not say that it holds all that is in force, and no replica here knows: start one that does, or, if the store is new and nothing was ever revoked, say so once by initialize()";

const UNMARKED: &str = "the store was said to hold all that is in force, and does not say so; it is tried again";
const PANICKED: &str = "the code of the store has panicked";

/// A panic of the store's code is a failure of the store.
async fn caught<T>(work: impl Future<Output = T>) -> Result<T, LogError> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(Err(LogError::new(PANICKED))),
    })
    .await
}
