//! Replicas of one API, each with a list, a clock and a way to the store of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rampart_core::{
    AuthError, RampartAuthBuilder, Revocation, RevocationState, Revocations, RevokeError, SharedRevocations,
};
use tokio::time::{Instant, sleep};

use crate::common::Draft;
use crate::ground::{Clock, Ground, named};
use crate::store::{Store, Way};

pub(crate) struct Replica {
    pub(crate) ground: Ground,
    pub(crate) way: Way,
}

impl Replica {
    /// One that has read the list, or knows why not.
    pub(crate) async fn start(store: &Store) -> Self {
        Self::with(store, |shared| shared).await
    }

    pub(crate) async fn with(store: &Store, set_up: impl FnOnce(SharedRevocations) -> SharedRevocations) -> Self {
        Self::of(store, set_up, |builder| builder).await
    }

    pub(crate) async fn of(
        store: &Store,
        share: impl FnOnce(SharedRevocations) -> SharedRevocations,
        set_up: impl Fn(RampartAuthBuilder) -> RampartAuthBuilder,
    ) -> Self {
        Self::at(store, share, set_up, |_| {}).await
    }

    /// Whose clock is set before it reads anything.
    pub(crate) async fn at(
        store: &Store,
        share: impl FnOnce(SharedRevocations) -> SharedRevocations,
        set_up: impl Fn(RampartAuthBuilder) -> RampartAuthBuilder,
        set_clock: impl FnOnce(&Clock),
    ) -> Self {
        let (way, start) = (store.way(), Instant::now());
        let shared = Revocations::over(way.clone()).__uptime(move || start.elapsed() + Duration::from_secs(1000));
        let revocations = share(shared).start().unwrap();
        let ground = Ground::of(revocations, set_up);
        set_clock(&ground.clock);
        let _ = ground.revocations.loaded().await;
        Self { ground, way }
    }

    pub(crate) async fn revoke(&self, revocation: impl Into<Revocation>) {
        self.try_to_revoke(revocation).await.unwrap();
    }

    pub(crate) async fn try_to_revoke(&self, revocation: impl Into<Revocation>) -> Result<(), RevokeError> {
        self.ground.revocations.revoke(revocation).await
    }

    pub(crate) fn passes(&self, draft: &Draft) -> bool {
        self.ground.passes(draft)
    }

    /// Whether requests are told that nothing can be decided.
    pub(crate) fn is_undecided(&self, draft: &Draft) -> bool {
        matches!(self.ground.ask(draft), Err(AuthError::StateUnavailable { .. }))
    }

    pub(crate) fn state(&self) -> RevocationState {
        self.ground.revocations.health().state
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ground.cached.health().is_ready()
    }
}

/// Longer than what is under way takes, where nothing is wrong.
pub(crate) async fn a_moment() {
    sleep(Duration::from_millis(100)).await;
}

pub(crate) async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// A token of this ID.
pub(crate) fn token(jti: &str) -> Draft {
    named().claim("jti", &format!("{jti:?}"))
}

/// A time that goes when it is told to.
#[derive(Clone, Default)]
pub(crate) struct ByHand(Arc<AtomicU64>);

impl ByHand {
    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}
