//! What is refused although it was good when it was issued.

mod closed;
mod core;
mod driver;
mod feed;
pub(crate) mod health;
pub(crate) mod ids;
pub(crate) mod kind;
mod list;
pub(crate) mod log;
pub(crate) mod shared;
pub(crate) mod terms;
mod wire;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rampart_http::fit_runtime;
use tokio::task::AbortHandle;

use self::core::{Core, SWEEP, Said};
use self::driver::Driver;
use self::feed::Feed;
use self::health::{RevocationHealth, RevocationState};
use self::ids::{Hashing, Id, Revocable, RevocableIssuer};
use self::kind::{Revocation, RevokeError};
use self::log::{LogError, RevocationLog};
use self::shared::SharedRevocations;
use crate::answer::error::AuthError;
use crate::auth::Inner;
use crate::clock::Clock;
use crate::rule::{Refusal, Rule};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What was revoked, and what therefore no longer passes: tokens, sessions, users, clients, issuers. Made once, cloned everywhere; for
/// [`RampartAuthBuilder::revocations`](crate::RampartAuthBuilder::revocations).
///
/// It is asked on every request, of tokens that were verified before as well, without I/O; [`manual::revocation`](crate::manual::revocation)
/// says which revocation reaches which token.
///
/// ```
/// use rampart_core::{RampartAuth, Revocation, Revocations, RevokeError};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let revocations = Revocations::new();
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api").revocations(revocations.clone()).build()?;
///
/// // The user has lost a telephone.
/// revocations.revoke(Revocation::subject("https://auth.example.com", "user-1")).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Revocations(Arc<Handle>);

/// What lives for as long as anybody can ask.
struct Handle {
    core: Arc<Core>,
    feed: Option<Arc<Feed>>,
    driver: Mutex<Option<AbortHandle>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.get_mut() {
            driver.abort();
        }
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocations {
    /// Those of this process alone: other replicas know nothing of them, nor does this one after a restart.
    pub fn new() -> Self {
        Self::of(Arc::new(Core::new(Hashing::PLAIN, false)), None)
    }

    /// Those of all replicas that have this store, of which each keeps a list of its own: requests are never made to wait for it.
    pub fn over(log: impl RevocationLog) -> SharedRevocations {
        SharedRevocations::new(Arc::new(log))
    }

    fn of_feed(feed: Arc<Feed>) -> Self {
        Self::of(Arc::clone(&feed.core), Some(feed))
    }

    fn of(core: Arc<Core>, feed: Option<Arc<Feed>>) -> Self {
        Self(Arc::new(Handle { core, feed, driver: Mutex::new(None) }))
    }

    /// Revokes something, from now on: once this has returned, no request that begins later passes in this process, and the store has it
    /// for the others, where there is one. One that was let in before runs on; what it asks after a minute (`user.require(..)` in its
    /// handler) is refused.
    ///
    /// # Errors
    /// [`RevokeError`]. Of [`RevokeError::NotStored`] alone something is in force: here, and elsewhere as soon as the store takes it.
    pub async fn revoke(&self, revocation: impl Into<Revocation>) -> Result<(), RevokeError> {
        let said = self.0.core.revoke(&revocation.into())?;
        self.keep(&said).await
    }

    /// Lets the tokens of an issuer pass again that [`Revocation::issuer`] has stopped. Other revocations of its tokens stay.
    ///
    /// # Errors
    /// As of [`revoke`](Self::revoke).
    pub async fn lift_issuer(&self, iss: impl AsRef<str>) -> Result<(), RevokeError> {
        let said = self.0.core.lift(iss.as_ref())?;
        self.keep(&said).await
    }

    /// Ends what a logout token speaks of (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.7), which must have been verified: the
    /// session `sid`, and with `sub` also that subject's tokens without a `sid`, which no session could end; or with `sub` alone all of that
    /// subject's tokens. In each case those that were issued up to `issued_at`, its own `iat`, and the clock tolerance.
    ///
    /// Whatever the store says, all of it is in force here.
    pub(crate) async fn log_out(
        &self,
        iss: &str,
        sub: Option<&str>,
        sid: Option<&str>,
        issued_at: Duration,
    ) -> Result<(), RevokeError> {
        let said = self.0.core.log_out(iss, sub, sid, issued_at)?;
        self.keep(&said).await
    }

    /// How the list is at this moment. Without I/O.
    pub fn health(&self) -> RevocationHealth {
        let Handle { core, feed, .. } = &*self.0;
        core.sweep();
        let state = match feed {
            None => RevocationState::InProcess,
            Some(feed) if feed.is_in_touch() => RevocationState::Current,
            Some(feed) if feed.is_loaded() => RevocationState::Stale,
            Some(_) => RevocationState::Unknown,
        };
        RevocationHealth {
            state,
            entries: core.list.len(),
            age: feed.as_ref().and_then(|feed| feed.age()),
            unsent: feed.as_ref().map_or(0, |feed| feed.unsent()),
            last_error: feed.as_ref().and_then(|feed| feed.trouble()),
        }
    }

    /// Waits until the list was read from the store, or could not be: for a program that would rather not start than answer 503. At once
    /// where it is that of this process.
    ///
    /// # Errors
    /// Why it could not be read. It is tried again all the same.
    pub async fn loaded(&self) -> Result<(), LogError> {
        match &self.0.feed {
            Some(feed) => feed.loaded().await,
            None => Ok(()),
        }
    }

    async fn keep(&self, said: &[(Id, Said)]) -> Result<(), RevokeError> {
        self.0.core.sweep();
        match &self.0.feed {
            None => {
                self.sweep_in_background();
                Ok(())
            }
            Some(feed) => {
                self.keep_in_step();
                feed.store(said).await
            }
        }
    }

    /// What has ended is dropped although nobody revokes anything more.
    fn sweep_in_background(&self) {
        let core = &self.0.core;
        if fit_runtime().is_ok() && !core.is_swept.swap(true, Ordering::AcqRel) {
            let sweeper = Sweeper(Arc::downgrade(core));
            drop(tokio::spawn(async move { sweeper.run().await }));
        }
    }

    /// Sees to it that a task keeps the list in step with its store.
    fn keep_in_step(&self) {
        if let Some(feed) = self.0.feed.as_ref().filter(|feed| feed.begin_to_drive()) {
            let driver = Driver::new(Arc::clone(feed));
            *self.0.driver.lock() = Some(tokio::spawn(driver.drive()).abort_handle());
        }
    }

    /// An issuer whose tokens are accepted by this list.
    pub(crate) fn accept(
        &self,
        name: &str,
        aliases: &[String],
        lifetime: Duration,
        tolerance: Duration,
    ) -> RevocableIssuer {
        self.0.core.accept(name, aliases, lifetime, tolerance)
    }

    /// Goes by the clock of an object that has one of its own, and tells those who listen to it.
    pub(crate) fn serve(&self, clock: &Clock, object: Weak<Inner>) {
        if clock.is_injected() {
            self.0.core.go_by(clock);
        }
        self.0.core.tell_also(object);
    }

    /// Whether a token may pass: on every request.
    pub(crate) fn check(&self, token: Option<&Revocable>) -> Result<(), Refusal> {
        // Claims come out of rules that know of this list.
        let Some(token) = token else {
            let error = AuthError::StateUnavailable { retry_after: RETRY_AFTER };
            return Err(Refusal::new(error, Rule::R1, "nothing is known by which it could be revoked"));
        };
        if self.0.core.revokes(token) {
            return Err(Refusal::new(AuthError::TokenRevoked, Rule::R1, "the token was revoked"));
        }
        match &self.0.feed {
            None => Ok(()),
            Some(feed) if feed.is_in_touch() => Ok(()),
            Some(feed) => {
                self.keep_in_step();
                feed.out_of_touch()
            }
        }
    }

    /// Whether requests are answered: while nobody can say what is revoked they are not.
    pub(crate) fn is_ready(&self) -> bool {
        self.0.feed.as_ref().is_none_or(|feed| feed.ignores_outages() || feed.is_in_touch())
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handle { core, feed, driver: _ } = &*self.0;
        let mut shown = f.debug_struct("Revocations");
        shown.field("entries", &core.list.len());
        if let Some(feed) = feed {
            shown.field("feed", feed);
        }
        shown.finish_non_exhaustive()
    }
}

/// Drops what has ended, for as long as anybody can ask.
struct Sweeper(Weak<Core>);

impl Sweeper {
    async fn run(self) {
        loop {
            tokio::time::sleep(Duration::from_secs(SWEEP)).await;
            let Some(core) = self.0.upgrade() else { return };
            core.sweep();
        }
    }
}

/// Its runtime has ended.
impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(core) = self.0.upgrade() {
            core.is_swept.store(false, Ordering::Release);
        }
    }
}
