//! When a part of what the API stands on is away: then, and only then, a good request that needs it may be answered by 503.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct Away(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_away: bool,
    /// It is back, and what it has lost is felt until then.
    felt_until: Option<Instant>,
}

impl Away {
    /// Before anything happens to it.
    pub(crate) fn begin(&self) {
        self.0.lock().is_away = true;
    }

    /// It is there again; for so long it may still be felt.
    pub(crate) fn end(&self, felt_for: Duration) {
        let mut state = self.0.lock();
        state.is_away = false;
        state.felt_until = state.felt_until.max(Some(Instant::now() + felt_for));
    }

    /// At any time since then.
    pub(crate) fn was_felt_since(&self, since: Instant) -> bool {
        let state = self.0.lock();
        state.is_away || state.felt_until.is_some_and(|until| until > since)
    }

    pub(crate) fn is_felt(&self) -> bool {
        self.was_felt_since(Instant::now())
    }
}
