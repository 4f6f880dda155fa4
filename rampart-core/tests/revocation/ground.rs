//! An API whose tokens can be revoked, with and without the cache of verified tokens, and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rampart_core::{AuthError, RampartAuth, RampartAuthBuilder, Revocation, Revocations, RevokeError};

use crate::common::{AUDIENCE, Draft, ISSUER, NOW, all_keys, at, ready};

/// A clock that goes when it is told to.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn new(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> SystemTime {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => SystemTime::UNIX_EPOCH - Duration::from_secs(1),
            seconds => at(Duration::from_secs(seconds)),
        }
    }
}

pub(crate) struct Ground {
    pub(crate) revocations: Revocations,
    pub(crate) cached: RampartAuth,
    pub(crate) uncached: RampartAuth,
    pub(crate) clock: Clock,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(set_up: impl Fn(RampartAuthBuilder) -> RampartAuthBuilder) -> Self {
        Self::of(Revocations::new(), set_up)
    }

    pub(crate) fn of(revocations: Revocations, set_up: impl Fn(RampartAuthBuilder) -> RampartAuthBuilder) -> Self {
        let clock = Clock::new(NOW);
        let build = |bytes| {
            let time = clock.clone();
            let builder = RampartAuth::builder(ISSUER, AUDIENCE)
                .static_jwks(all_keys())
                .clock(move || time.now())
                .token_cache_bytes(bytes)
                .revocations(revocations.clone());
            set_up(builder).build().unwrap()
        };
        let (cached, uncached) = (build(1 << 20), build(0));
        Self { revocations, cached, uncached, clock }
    }

    /// What comes of a token, whether it is known or not.
    pub(crate) fn ask(&self, draft: &Draft) -> Result<String, AuthError> {
        self.present(&draft.sign())
    }

    pub(crate) fn present(&self, token: &str) -> Result<String, AuthError> {
        let ask = |auth: &RampartAuth| ready(auth.verify(token)).map(|claims| claims.sub.clone());
        let (first, uncached) = (ask(&self.cached), ask(&self.uncached));
        assert_eq!(first, uncached);
        assert_eq!(ask(&self.cached), first, "again");
        first
    }

    pub(crate) fn passes(&self, draft: &Draft) -> bool {
        match self.ask(draft) {
            Ok(_) => true,
            Err(AuthError::TokenRevoked) => false,
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) fn revoke(&self, revocation: impl Into<Revocation>) {
        self.try_to_revoke(revocation).unwrap();
    }

    pub(crate) fn try_to_revoke(&self, revocation: impl Into<Revocation>) -> Result<(), RevokeError> {
        ready(self.revocations.revoke(revocation))
    }

    pub(crate) fn lift(&self, iss: &str) {
        ready(self.revocations.lift_issuer(iss)).unwrap();
    }

    /// How many entries are kept.
    pub(crate) fn kept(&self) -> usize {
        self.revocations.health().entries
    }
}

/// A good token with everything that a revocation can name.
pub(crate) fn named() -> Draft {
    Draft::good().claim("jti", r#""token-1""#).claim("sid", r#""session-1""#).claim("client_id", r#""spa""#)
}
