//! A key set with its age: what the read path looks at, never changed once it is published.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::jose::key_set::KeySet;

/// The TTL of the operator is never shortened below this by a `max-age`.
const SHORTEST_TTL: Duration = Duration::from_secs(60);
/// Differences between the two clocks up to this are corrections, not a suspended machine.
const CLOCK_CORRECTION: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) fetched_at: Instant,
    /// As the issuer has given it.
    pub(crate) max_age: Option<Duration>,
    fetched_wall: Duration,
    refresh_at: Instant,
    pub(crate) expires_at: Instant,
    dead_at: Instant,
}

/// Ages of a key set, as the design names them; `cold` is the absence of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    /// Still fresh, and time to fetch the next one in the background.
    Due,
    Stale,
    Dead,
}

impl Snapshot {
    pub(crate) fn new(
        keys: Arc<KeySet>,
        ttl: Duration,
        max_stale: Duration,
        max_age: Option<Duration>,
        wall: Duration,
    ) -> Self {
        let ttl = max_age.map_or(ttl, |given| given.max(SHORTEST_TTL).min(ttl));
        let now = Instant::now();
        // From 80 % of the TTL, up to 10 % later, so that many processes do not ask at the same moment.
        let refresh = ttl.mul_f64(0.8 + 0.1 * fastrand::f64());
        let expires_at = after(now, ttl);
        Self {
            keys,
            fetched_at: now,
            max_age,
            fetched_wall: wall,
            refresh_at: after(now, refresh),
            expires_at,
            dead_at: after(expires_at, max_stale),
        }
    }

    /// Other keys with the age of these: what was found without asking anew where the keys are does not put that question off.
    pub(crate) fn with_keys(&self, keys: Arc<KeySet>) -> Self {
        Self { keys, ..self.clone() }
    }

    pub(crate) fn age(&self, now: Instant, wall: Duration) -> Age {
        if now < self.refresh_at {
            // The monotonic clock stands still while a machine is suspended; the wall clock then runs ahead of it.
            let elapsed = wall.saturating_sub(self.fetched_wall);
            let suspended = elapsed > now.duration_since(self.fetched_at) + CLOCK_CORRECTION;
            if suspended { Age::Due } else { Age::Fresh }
        } else if now < self.expires_at {
            Age::Due
        } else if now < self.dead_at {
            Age::Stale
        } else {
            Age::Dead
        }
    }
}

/// An instant as far away as the clock can tell.
fn after(start: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    start + wait.min(FAR)
}
