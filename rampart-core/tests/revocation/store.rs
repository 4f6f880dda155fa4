//! A store that replicas share, in memory: the second implementation of the trait. It can be away, hang, take nothing, forget, and come back as another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rampart_core::{Each, Followed, LogError, Logged, Place, RevocationLog, Snapshot};
use tokio::sync::Notify;

#[derive(Clone, Debug, Default)]
pub(crate) struct Store(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    more: Notify,
    followed: AtomicUsize,
    read: AtomicUsize,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// Which store it is: another after a restart.
    incarnation: u64,
    entries: Vec<Kept>,
    /// Those up to here can be read in the snapshot alone.
    trimmed: usize,
    is_whole: bool,
    mode: Mode,
}

#[derive(Clone, Debug)]
struct Kept {
    bytes: Vec<u8>,
    until: SystemTime,
}

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Up,
    Down,
    Hangs,
    /// As when its memory is full.
    TakesNothing,
    /// A bug in the code of whoever wrote it.
    Panics,
    /// The same: it tells once more what it has told, says that it was lost, or forgets its mark.
    Repeats,
    Lost,
    Unmarked,
}

/// One replica's way to it.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    store: Store,
    is_cut: Arc<Mutex<bool>>,
}

impl Way {
    pub(crate) fn cut(&self, is_cut: bool) {
        *self.is_cut.lock() = is_cut;
    }

    async fn reach(&self, writes: bool) -> Result<(), LogError> {
        let mode = if *self.is_cut.lock() { Mode::Down } else { self.store.0.state.lock().mode };
        match mode {
            Mode::Down => Err(LogError::new("connection refused")),
            Mode::Hangs => std::future::pending().await,
            Mode::TakesNothing if writes => Err(LogError::new("out of memory")),
            Mode::Panics => panic!("a bug"),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// One that was said to be new.
    pub(crate) fn new() -> Self {
        let store = Self::default();
        store.0.state.lock().is_whole = true;
        store
    }

    /// One of which nobody has said anything.
    pub(crate) fn unknown() -> Self {
        Self::default()
    }

    pub(crate) fn way(&self) -> Way {
        Way { store: self.clone(), is_cut: Arc::default() }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.0.state.lock().mode = mode;
        self.0.more.notify_waiters();
    }

    /// As it is now, for later.
    pub(crate) fn saved(&self) -> impl Fn() + use<> {
        let (store, state) = (self.clone(), self.0.state.lock().clone());
        move || {
            let mut now = store.0.state.lock();
            let incarnation = now.incarnation + 1;
            *now = State { incarnation, mode: Mode::Up, ..state.clone() };
        }
    }

    pub(crate) fn restart_empty(&self) {
        self.restart_empty_in(Mode::Up);
    }

    pub(crate) fn restart_empty_in(&self, mode: Mode) {
        let mut state = self.0.state.lock();
        *state = State { incarnation: state.incarnation + 1, mode, ..State::default() };
    }

    /// The same store, in which nothing is any more.
    pub(crate) fn flush(&self) {
        let mut state = self.0.state.lock();
        (state.entries, state.is_whole, state.trimmed) = (Vec::new(), false, 0);
        drop(state);
        self.0.more.notify_waiters();
    }

    /// Whoever has not read on by now has missed something.
    pub(crate) fn trim(&self) {
        let mut state = self.0.state.lock();
        state.trimmed = state.entries.len();
    }

    /// Tells everything once more, and in another order.
    pub(crate) fn repeat_backwards(&self) {
        let mut state = self.0.state.lock();
        let again: Vec<_> = state.entries.iter().rev().cloned().collect();
        state.entries.extend(again.iter().cloned());
        state.entries.extend(again);
        drop(state);
        self.0.more.notify_waiters();
    }

    pub(crate) fn write(&self, bytes: impl Into<Vec<u8>>) {
        let kept = Kept { bytes: bytes.into(), until: SystemTime::UNIX_EPOCH };
        self.0.state.lock().entries.push(kept);
        self.0.more.notify_waiters();
    }

    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        self.0.state.lock().entries.iter().map(|kept| kept.bytes.clone()).collect()
    }

    pub(crate) fn latest_end(&self) -> u64 {
        let latest = self.0.state.lock().entries.iter().map(|kept| kept.until).max().unwrap();
        latest.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.0.state.lock().is_whole
    }

    /// How often somebody has waited for more.
    pub(crate) fn followed(&self) -> usize {
        self.0.followed.load(Ordering::Relaxed)
    }

    /// How often somebody has read it whole.
    pub(crate) fn read(&self) -> usize {
        self.0.read.load(Ordering::Relaxed)
    }

    fn place(state: &State) -> Place {
        Place::new(format!("{}-{}", state.incarnation, state.entries.len()))
    }

    /// What comes after a place, if anything.
    fn after(&self, place: &Place, each: Each<'_>) -> Option<Followed> {
        let state = self.0.state.lock();
        match state.mode {
            Mode::Lost => return Some(Followed::Lost),
            Mode::Repeats => {
                state.entries.iter().for_each(|kept| each(&kept.bytes));
                return Some(Followed::Next(place.clone()));
            }
            _ => {}
        }
        let (incarnation, read) = place.as_str().split_once('-').unwrap();
        let read: usize = read.parse().unwrap();
        if incarnation != state.incarnation.to_string() || !state.is_whole {
            return Some(Followed::Lost);
        }
        if read < state.trimmed {
            return Some(Followed::Gap);
        }
        let more = state.entries.get(read..).unwrap_or_default();
        for kept in more {
            each(&kept.bytes);
        }
        (!more.is_empty()).then(|| Followed::Next(Self::place(&state)))
    }
}

impl RevocationLog for Way {
    fn publish<'a>(&'a self, entry: &'a [u8], keep_until: SystemTime) -> Logged<'a, ()> {
        Box::pin(async move {
            self.reach(true).await?;
            let kept = Kept { bytes: entry.to_vec(), until: keep_until };
            self.store.0.state.lock().entries.push(kept);
            self.store.0.more.notify_waiters();
            Ok(())
        })
    }

    fn snapshot<'a>(&'a self, each: Each<'a>) -> Logged<'a, Snapshot> {
        Box::pin(async move {
            self.store.0.read.fetch_add(1, Ordering::Relaxed);
            self.reach(false).await?;
            let state = self.store.0.state.lock();
            for kept in &state.entries {
                each(&kept.bytes);
            }
            let is_whole = state.is_whole && state.mode != Mode::Unmarked;
            Ok(if is_whole { Snapshot::Whole(Store::place(&state)) } else { Snapshot::Unknown })
        })
    }

    fn follow<'a>(&'a self, after: &'a Place, each: Each<'a>) -> Logged<'a, Followed> {
        Box::pin(async move {
            self.store.0.followed.fetch_add(1, Ordering::Relaxed);
            let more = self.store.0.more.notified();
            self.reach(false).await?;
            if let Some(followed) = self.store.after(after, &mut *each) {
                return Ok(followed);
            }
            let waited = tokio::time::timeout(Duration::from_secs(1), more).await;
            self.reach(false).await?;
            let followed = waited.ok().and_then(|()| self.store.after(after, each));
            Ok(followed.unwrap_or_else(|| Followed::Next(after.clone())))
        })
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        Box::pin(async move {
            self.reach(true).await?;
            self.store.0.state.lock().is_whole = true;
            Ok(())
        })
    }
}
