//! The wall clock, injectable so that tests never wait to see time pass.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

type Source = Arc<dyn Fn() -> SystemTime + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Clock(Option<Source>);

impl Clock {
    pub(crate) fn new(source: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(source)))
    }

    pub(crate) const fn is_injected(&self) -> bool {
        self.0.is_some()
    }

    /// Time since 1970; `None` for a clock that stands before it, on which no token can be judged.
    pub(crate) fn now(&self) -> Option<Duration> {
        let now = self.0.as_ref().map_or_else(SystemTime::now, |source| source());
        now.duration_since(SystemTime::UNIX_EPOCH).ok()
    }

    /// The time to within [`Glance::slack`], at a fraction of the cost where the system has such a clock.
    pub(crate) fn glance(&self) -> Option<Glance> {
        if self.0.is_none()
            && let Some(at) = coarse()
        {
            return Some(Glance { at, slack: COARSE_SLACK });
        }
        self.now().map(Glance::exact)
    }

    /// The exact time, read only where the glance is not exact already.
    pub(crate) fn exactly(&self, glance: Glance) -> Option<Duration> {
        if glance.slack.is_zero() { Some(glance.at) } else { self.now() }
    }
}

/// The coarse clock is set at every tick of the kernel, 10 ms apart at most; a hundred times that is beyond doubt.
const COARSE_SLACK: Duration = Duration::from_secs(1);

#[cfg(target_os = "linux")]
fn coarse() -> Option<Duration> {
    use rustix::time::{ClockId, DynamicClockId, clock_gettime_dynamic};
    // The form that can say no: there are kernels and sandboxes without this clock.
    let time = clock_gettime_dynamic(DynamicClockId::Known(ClockId::RealtimeCoarse)).ok()?;
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(target_os = "linux"))]
const fn coarse() -> Option<Duration> {
    None
}

/// Time since some moment, which no setting of the clock moves: to within 10 ms, for the age of what is kept for a short while.
pub(crate) fn uptime() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    coarse_uptime().unwrap_or_else(|| START.elapsed())
}

#[cfg(target_os = "linux")]
fn coarse_uptime() -> Option<Duration> {
    use rustix::time::{ClockId, DynamicClockId, clock_gettime_dynamic};
    let time = clock_gettime_dynamic(DynamicClockId::Known(ClockId::MonotonicCoarse)).ok()?;
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(target_os = "linux"))]
const fn coarse_uptime() -> Option<Duration> {
    None
}

/// The time is `at`, or up to `slack` later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) at: Duration,
    slack: Duration,
}

impl Glance {
    pub(crate) const fn exact(at: Duration) -> Self {
        Self { at, slack: Duration::ZERO }
    }

    /// Whether something that is true from one time to another is true now, beyond doubt: at both ends of what now can be.
    pub(crate) fn surely(self, holds: impl Fn(Duration) -> bool) -> bool {
        holds(self.at) && (self.slack.is_zero() || holds(self.at.saturating_add(self.slack)))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(injected)" } else { "Clock(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glance_is_the_exact_time_or_a_little_before_it() {
        let clock = Clock::default();
        let (glance, now) = (clock.glance().unwrap(), clock.now().unwrap());
        assert!(glance.at <= now && now <= glance.at + COARSE_SLACK, "{glance:?} and {now:?}");
        assert!(clock.exactly(glance).unwrap() >= now);
    }

    #[test]
    fn injected_clock_is_asked_once_and_is_exact() {
        let clock = Clock::new(|| SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
        let glance = clock.glance().unwrap();
        assert_eq!((glance.at, glance.slack), (Duration::from_millis(1500), Duration::ZERO));
        assert_eq!(clock.exactly(Glance { at: Duration::ZERO, ..glance }), Some(Duration::ZERO));
    }

    #[test]
    fn what_ends_or_begins_within_the_slack_is_not_sure() {
        let glance = Glance { at: Duration::from_secs(10), slack: COARSE_SLACK };
        let (before, after) = (Duration::from_millis(10_500), Duration::from_millis(11_500));
        assert!(!glance.surely(|now| now < before) && !glance.surely(|now| now >= before));
        assert!(glance.surely(|now| now < after) && !glance.surely(|now| now >= after));
    }
}
