//! The wall clock, injectable so that tests never wait to see time pass.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

type Source = Arc<dyn Fn() -> SystemTime + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Clock(Option<Source>);

impl Clock {
    pub(crate) fn new(source: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(source)))
    }

    /// Time since 1970; `None` for a clock that stands before it, on which no token can be judged.
    pub(crate) fn now(&self) -> Option<Duration> {
        let now = self.0.as_ref().map_or_else(SystemTime::now, |source| source());
        now.duration_since(SystemTime::UNIX_EPOCH).ok()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(injected)" } else { "Clock(system)" })
    }
}
