//! Keys for an API that nobody calls yet: where there are none that may serve, one task keeps trying by the usual back-off.
//!
//! Requests fetch keys by themselves. But an API that gets no requests until it is ready would wait for ever, and so whoever
//! asks how the keys are, or has warmed up in vain, starts a pursuit.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::cache::KeyCache;
use super::flight::{Joined, LOOK_AGAIN, can_fetch, outcome};
use super::snapshot::Age;
use super::state::{LATE_START, Pursuit};

/// The least that lies between two attempts, where one has come to nothing without a back-off of the issuer's.
const BREATH: Duration = Duration::from_secs(1);

impl KeyCache {
    /// Keeps trying to get keys in the background, where there are none that may serve and nobody does so yet. Costs the caller
    /// no wait. Without a runtime that can fetch, nothing happens.
    pub(crate) fn pursue(self: &Arc<Self>) {
        if !can_fetch() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let Some(number) = self.state.lock().pursue(Instant::now()) else { return };
        runtime.spawn(pursue(Arc::downgrade(self), number));
    }

    /// What a pursuit does next; `None` where it is over.
    fn pursuit_step(self: &Arc<Self>, number: u64) -> Option<Step> {
        let now = self.now();
        let mut state = self.state.lock();
        let has_keys = self.snapshot.load().as_ref().is_some_and(|keys| keys.age(now.at, now.wall) != Age::Dead);
        let mine = state.pursuit.take_if(|pursuit| pursuit.number == number)?;
        if has_keys {
            return None;
        }
        let (step, wakes_at) = match self.join_or_begin(&mut state, now.at) {
            Some(joined) => (Step::Await(joined), now.at + LOOK_AGAIN + BREATH),
            None => {
                let retry_at = now.at + state.back_off(now.at);
                (Step::Sleep(retry_at), retry_at)
            }
        };
        state.pursuit = Some(Pursuit { alive_until: wakes_at + LATE_START, ..mine });
        Some(step)
    }
}

enum Step {
    /// A fetch is in flight, or noted now.
    Await(Joined),
    /// None may be made before.
    Sleep(Instant),
}

/// Owns nothing of the cache while it waits, so that a cache that nobody uses any more goes, and this with it.
async fn pursue(cache: Weak<KeyCache>, number: u64) {
    loop {
        let Some(step) = cache.upgrade().and_then(|cache| cache.pursuit_step(number)) else { return };
        match step {
            Step::Sleep(until) => sleep_until(until).await,
            Step::Await(joined) => {
                let next = Instant::now() + BREATH;
                // A failure brings a back-off. Whatever else has come to nothing must not be tried again at once.
                if outcome(joined, Instant::now() + LOOK_AGAIN).await.is_some_and(|outcome| outcome.is_err()) {
                    sleep_until(next).await;
                }
            }
        }
    }
}
