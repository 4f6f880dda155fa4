//! What is refused although it was good when it was issued.

mod closed;
mod core;
pub(crate) mod health;
pub(crate) mod ids;
pub(crate) mod kind;
mod list;
pub(crate) mod log;
pub(crate) mod terms;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rampart_http::fit_runtime;

use self::core::{Core, SWEEP, Said};
use self::health::{RevocationHealth, RevocationState};
use self::ids::{Hashing, Id, Revocable, RevocableIssuer};
use self::kind::{Revocation, RevokeError};
use crate::answer::error::AuthError;
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
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocations {
    /// Those of this process alone: other replicas know nothing of them, nor does this one after a restart.
    pub fn new() -> Self {
        Self(Arc::new(Handle { core: Arc::new(Core::new(Hashing::PLAIN, false)) }))
    }

    /// Revokes something, from now on: once this has returned, no request that begins later passes in this process. One that was let in
    /// before runs on; what it asks after a minute (`user.require(..)` in its handler) is refused.
    ///
    /// # Errors
    /// [`RevokeError`]. Of [`RevokeError::NotStored`] alone something is in force.
    #[allow(clippy::unused_async, reason = "for a store that replicas share")]
    pub async fn revoke(&self, revocation: impl Into<Revocation>) -> Result<(), RevokeError> {
        let said = self.0.core.revoke(&revocation.into())?;
        self.keep(&said);
        Ok(())
    }

    /// Lets the tokens of an issuer pass again that [`Revocation::issuer`] has stopped. Other revocations of its tokens stay.
    ///
    /// # Errors
    /// As of [`revoke`](Self::revoke).
    #[allow(clippy::unused_async, reason = "for a store that replicas share")]
    pub async fn lift_issuer(&self, iss: impl AsRef<str>) -> Result<(), RevokeError> {
        let said = self.0.core.lift(iss.as_ref())?;
        self.keep(&said);
        Ok(())
    }

    /// How the list is at this moment. Without I/O.
    pub fn health(&self) -> RevocationHealth {
        let core = &self.0.core;
        core.sweep();
        let state = RevocationState::InProcess;
        RevocationHealth { state, entries: core.list.len(), age: None, unsent: 0, last_error: None }
    }

    fn keep(&self, _: &[(Id, Said)]) {
        self.0.core.sweep();
        self.sweep_in_background();
    }

    /// What has ended is dropped although nobody revokes anything more.
    fn sweep_in_background(&self) {
        let core = &self.0.core;
        if fit_runtime().is_ok() && !core.is_swept.swap(true, std::sync::atomic::Ordering::AcqRel) {
            let sweeper = Sweeper(Arc::downgrade(core));
            drop(tokio::spawn(async move { sweeper.run().await }));
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

    /// Goes by the clock of an object that has one of its own.
    pub(crate) fn go_by(&self, clock: &Clock) {
        if clock.is_injected() {
            self.0.core.go_by(clock);
        }
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
        Ok(())
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Revocations").field(&self.0.core).finish()
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
            core.is_swept.store(false, std::sync::atomic::Ordering::Release);
        }
    }
}
