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
use tokio::time::timeout;

use super::core::{Core, Said, Taken};
use super::ids::Id;
use super::kind::RevokeError;
use super::log::{LogError, RevocationLog};
use super::wire::Wire;
use crate::answer::error::AuthError;
use crate::clock;
use crate::event::Event;
use crate::rule::{Refusal, Rule};
use crate::together::together;
use crate::verifier::strangers::Strangers;

/// A store ends each call by itself. One that does not is given up.
pub(super) const STORING: Duration = Duration::from_secs(5);
/// For so long one gives the store what it lacks, before one asks again what is new.
const SENDING: Duration = Duration::from_secs(1);
/// So many entries are given to the store at once.
const AT_ONCE: usize = 128;
/// What goes on for long has a line of the log so often.
pub(super) const LINE_EVERY: Duration = Duration::from_secs(60);
const RETRY_AFTER: Duration = Duration::from_secs(1);
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
    pub(super) log: Arc<dyn RevocationLog>,
    pub(super) wire: Wire,
    pub(super) settings: FeedSettings,
    /// When the store was last asked what then was an answer, and until when that lets the list be relied on: milliseconds of the uptime.
    pub(super) heard: AtomicU64,
    fresh_until: AtomicU64,
    /// Whether the list was ever read whole, or begun.
    pub(super) is_loaded: AtomicBool,
    /// In force here, and not taken by the store.
    pub(super) unsent: Mutex<HashSet<Id>>,
    pub(super) trouble: Mutex<Option<String>>,
    /// What has come of reading the list; nothing at first.
    pub(super) loaded: watch::Sender<Option<Result<(), LogError>>>,
    /// Whether a task keeps the list in step.
    pub(super) is_driven: AtomicBool,
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
    pub(super) async fn publish_all(&self, ids: &[Id]) -> Result<(), LogError> {
        for some in ids.chunks(AT_ONCE) {
            let publishing = some.iter().filter_map(|id| {
                let said = self.core.said(id)?;
                Some(async move { self.publish(id, said).await })
            });
            together(publishing).await?;
        }
        Ok(())
    }

    /// Gives the store what it did not take before; where that is much, a part of it, so that one goes on to follow.
    pub(super) async fn send_again(&self) -> Result<(), LogError> {
        let ids: Vec<Id> = self.unsent.lock().drain().collect();
        let mut unsent = Unsent { feed: self, ids };
        let begun = self.now();
        while !unsent.ids.is_empty() && self.now().saturating_sub(begun) < millis(SENDING) {
            let sent = unsent.ids.len().saturating_sub(AT_ONCE);
            self.publish_all(unsent.ids.get(sent..).unwrap_or_default()).await?;
            unsent.ids.truncate(sent);
        }
        Ok(())
    }

    /// An entry of the store is in force here from now on.
    pub(super) fn take(&self, entry: &[u8]) -> Taken {
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
    pub(super) fn clock_offset(&self) -> i128 {
        let wall = self.core.now().unwrap_or_default().as_millis();
        i128::try_from(wall).unwrap_or(i128::MAX) - i128::from(self.now())
    }

    /// The store was asked then, and has answered.
    pub(super) fn beat(&self, asked: u64) {
        let until = asked.saturating_add(millis(self.settings.max_stale));
        self.heard.fetch_max(asked.max(1), Ordering::Relaxed);
        self.fresh_until.fetch_max(until, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
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

/// A call ends, whatever the store does.
pub(super) async fn within<T>(time: Duration, call: impl Future<Output = Result<T, LogError>>) -> Result<T, LogError> {
    // Whoever revokes may be on a runtime of another kind.
    if fit_runtime().is_err() {
        return call.await;
    }
    timeout(time, call).await.unwrap_or_else(|_| Err(LogError::new("the store has not answered in time")))
}

pub(super) fn millis(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(time.subsec_millis()))
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("log", &self.log).field("is_in_touch", &self.is_in_touch()).finish_non_exhaustive()
    }
}
