//! In step with the store that replicas share: what is revoked here is stored there, what is stored there is in force here, and what the
//! store has lost it is given again.
//!
//! Whether the list can be relied on is a matter of times alone: the store was heard of within `max_stale`, or it was not. Nobody has to say
//! so for it to be true, not a task that has been left behind either.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rampart_http::fit_runtime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::core::{Core, Said, Taken};
use super::ids::Id;
use super::kind::RevokeError;
use super::log::{Followed, LogError, Place, RevocationLog, Snapshot};
use super::wire::Wire;
use crate::answer::error::AuthError;
use crate::clock;
use crate::event::Event;
use crate::rule::{Refusal, Rule};
use crate::together::together;
use crate::verifier::strangers::Strangers;

/// The longest pause before the store is asked again: who comes back is noticed within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A store ends each call by itself. One that does not is given up.
const STORING: Duration = Duration::from_secs(5);
const FOLLOWING: Duration = Duration::from_secs(10);
const READING: Duration = Duration::from_secs(60);
/// So many entries are given to the store at once.
const AT_ONCE: usize = 128;
/// What goes on for long has a line of the log so often.
const LINE_EVERY: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A clock that moves by more than this beside the other was set.
const RESET: Duration = Duration::from_secs(30);
const TOO_EARLY: &str = "it is of a time to come and would lock everybody out: is this clock right?";

/// Time since some moment, which no setting of the clock moves.
pub(crate) type Uptime = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What is said of a store that is shared.
pub(crate) struct FeedSettings {
    pub(crate) max_stale: Duration,
    pub(crate) initialize: bool,
    pub(crate) ignores_outages: bool,
    pub(crate) uptime: Option<Uptime>,
}

pub(crate) struct Feed {
    pub(crate) core: Arc<Core>,
    log: Arc<dyn RevocationLog>,
    wire: Wire,
    settings: FeedSettings,
    /// When the store was last asked what then was an answer, and until when that lets the list be relied on: milliseconds of the uptime.
    heard: AtomicU64,
    fresh_until: AtomicU64,
    /// Whether the list was ever read whole, or begun.
    is_loaded: AtomicBool,
    /// In force here, and not taken by the store.
    unsent: Mutex<HashSet<Id>>,
    trouble: Mutex<Option<String>>,
    /// What has come of reading the list; nothing at first.
    loaded: watch::Sender<Option<Result<(), LogError>>>,
    /// Whether a task keeps the list in step.
    is_driven: AtomicBool,
    /// When it was last said that outages are ignored.
    warned: AtomicU64,
    skipped: Strangers,
}

impl Feed {
    pub(crate) fn new(core: Arc<Core>, log: Arc<dyn RevocationLog>, wire: Wire, settings: FeedSettings) -> Self {
        Self {
            core,
            log,
            wire,
            settings,
            heard: AtomicU64::new(0),
            fresh_until: AtomicU64::new(0),
            is_loaded: AtomicBool::new(false),
            unsent: Mutex::default(),
            trouble: Mutex::default(),
            loaded: watch::Sender::new(None),
            is_driven: AtomicBool::new(false),
            warned: AtomicU64::new(0),
            skipped: Strangers::default(),
        }
    }

    /// Whether the list can be relied on: asked on every request.
    pub(crate) fn is_in_touch(&self) -> bool {
        self.now() < self.fresh_until.load(Ordering::Relaxed)
    }

    /// What becomes of requests while it cannot.
    #[cold]
    pub(crate) fn out_of_touch(&self) -> Result<(), Refusal> {
        if !self.settings.ignores_outages {
            let why = if self.is_loaded.load(Ordering::Relaxed) {
                "the store of revocations has not been heard of for max_stale"
            } else {
                "what is revoked is not known yet"
            };
            return Err(Refusal::new(AuthError::StateUnavailable { retry_after: RETRY_AFTER }, Rule::R1, why));
        }
        // 0 is never: the first has a line.
        let now = self.now();
        let warned = self.warned.load(Ordering::Relaxed);
        let is_due = warned == 0 || now >= warned.saturating_add(millis(LINE_EVERY));
        let due = || self.warned.compare_exchange(warned, now.max(1), Ordering::Relaxed, Ordering::Relaxed);
        if is_due && due().is_ok() {
            self.core.tell(&Event::RevocationOutageIgnored { age: self.age() });
        }
        Ok(())
    }

    pub(crate) const fn ignores_outages(&self) -> bool {
        self.settings.ignores_outages
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Relaxed)
    }

    /// For how long nothing was heard of the store.
    pub(crate) fn age(&self) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Relaxed);
        (heard > 0).then(|| Duration::from_millis(self.now().saturating_sub(heard)))
    }

    pub(crate) fn unsent(&self) -> usize {
        self.unsent.lock().len()
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Waits until the list was read whole, or could not be.
    pub(crate) async fn loaded(&self) -> Result<(), LogError> {
        let mut loaded = self.loaded.subscribe();
        match loaded.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
            Err(_) => Ok(()),
        }
    }

    /// Puts into the store what is in force here. What it does not take, for whatever reason, it is given again.
    pub(crate) async fn store(&self, said: &[(Id, Said)]) -> Result<(), RevokeError> {
        let mut unsent = Unsent { feed: self, ids: said.iter().map(|(id, _)| *id).collect() };
        for (id, said) in said {
            self.publish(id, *said).await.map_err(RevokeError::NotStored)?;
            unsent.ids.retain(|own| own != id);
        }
        Ok(())
    }

    async fn publish(&self, id: &Id, said: Said) -> Result<(), LogError> {
        let entry = self.wire.write(id, said, self.core.terms());
        let keep_until = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(self.core.end(said)));
        let publishing = self.log.publish(&entry, keep_until);
        within(STORING, publishing).await?;
        self.core.set_stored(id, said);
        Ok(())
    }

    /// Gives the store these, many at a time.
    async fn publish_all(&self, ids: &[Id]) -> Result<(), LogError> {
        for some in ids.chunks(AT_ONCE) {
            let publishing = some.iter().filter_map(|id| {
                let said = self.core.said(id)?;
                Some(async move { self.publish(id, said).await })
            });
            together(publishing).await?;
        }
        Ok(())
    }

    /// Gives the store what it did not take before.
    async fn send_again(&self) -> Result<(), LogError> {
        let ids: Vec<Id> = self.unsent.lock().drain().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut unsent = Unsent { feed: self, ids };
        self.publish_all(&unsent.ids).await?;
        unsent.ids.clear();
        Ok(())
    }

    /// An entry of the store is in force here from now on.
    fn take(&self, entry: &[u8]) -> Taken {
        let (taken, why) = match self.wire.read(entry) {
            Ok((id, said, terms)) => (self.core.take(&id, said, terms), TOO_EARLY),
            Err(why) => (Taken::Done, why),
        };
        if (why != TOO_EARLY || taken == Taken::TooEarly)
            && let Some(left_out) = self.skipped.line(clock::uptime())
        {
            self.core.tell(&Event::RevocationSkipped { why, left_out });
        }
        taken
    }

    /// What this clock says beside the time that no setting moves.
    fn clock_offset(&self) -> i128 {
        let wall = self.core.now().unwrap_or_default().as_millis();
        i128::try_from(wall).unwrap_or(i128::MAX) - i128::from(self.now())
    }

    /// The store was asked then, and has answered.
    fn beat(&self, asked: u64) {
        let until = asked.saturating_add(millis(self.settings.max_stale));
        self.heard.fetch_max(asked.max(1), Ordering::Relaxed);
        self.fresh_until.fetch_max(until, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        millis(self.settings.uptime.as_ref().map_or_else(clock::uptime, |uptime| uptime()))
    }

    /// Takes over, unless somebody has.
    pub(crate) fn begin_to_drive(&self) -> bool {
        fit_runtime().is_ok() && !self.is_driven.swap(true, Ordering::AcqRel)
    }
}

/// Told to send again what it holds, when it is dropped: by an error, or because nobody waits any more.
struct Unsent<'f> {
    feed: &'f Feed,
    ids: Vec<Id>,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if !self.ids.is_empty() {
            self.feed.unsent.lock().extend(self.ids.iter().copied());
        }
    }
}

/// The task that keeps a list in step with its store.
pub(crate) struct Driver {
    feed: Arc<Feed>,
    failures: u32,
    line: Option<Duration>,
    /// What this clock said beside the time that no setting moves when the list was last read.
    offset: i128,
}

/// Why following has ended.
enum Ended {
    /// The list must be read again.
    ReadAgain,
    Failed(LogError),
}

impl Driver {
    pub(crate) const fn new(feed: Arc<Feed>) -> Self {
        Self { feed, failures: 0, line: None, offset: 0 }
    }

    /// Until it is dropped.
    pub(crate) async fn drive(mut self) {
        loop {
            self.offset = self.feed.clock_offset();
            let read = self.read().await;
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
            while let Ended::Failed(error) = self.follow(&mut place).await {
                self.fail(&error).await;
            }
        }
    }

    /// Reads the list whole, and gives the store what it lacks.
    async fn read(&self) -> Result<Place, LogError> {
        let Feed { core, log, is_loaded, settings, .. } = &*self.feed;
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
                    self.feed.publish_all(&lacking).await?;
                    self.feed.beat(asked);
                    is_loaded.store(true, Ordering::Relaxed);
                    if was_loaded && lost > 0 {
                        core.tell(&Event::RevocationsRestored { entries: lost });
                    } else {
                        core.tell(&Event::RevocationsLoaded { entries: core.list.len() });
                    }
                    return Ok(place);
                }
                Snapshot::Unknown if was_loaded || settings.initialize => {
                    self.feed.publish_all(&lacking).await?;
                    within(STORING, log.mark_whole()).await?;
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
                Ok(Followed::Next(next)) => *place = next,
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
        let longest = FIRST_PAUSE.saturating_mul(1 << self.failures.saturating_sub(1).min(8)).min(LONGEST_PAUSE);
        sleep(longest.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
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

/// The remedy is the operator's.
const UNKNOWN: &str = "the store does not say that it holds all that is in force, and no replica here knows: start one that does, or, if the store is new and nothing was ever revoked, say so once by initialize()";

/// A call ends, whatever the store does.
async fn within<T>(time: Duration, call: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    // Whoever revokes may be on a runtime of another kind.
    if fit_runtime().is_err() {
        return call.await;
    }
    timeout(time, call).await.unwrap_or_else(|_| Err(LogError::new("the store has not answered in time")))
}

fn millis(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(time.subsec_millis()))
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("log", &self.log).field("is_in_touch", &self.is_in_touch()).finish_non_exhaustive()
    }
}
