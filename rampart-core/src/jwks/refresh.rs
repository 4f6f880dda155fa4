//! Fetching because the operator asks for it.

use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::Purpose;
use super::cache::KeyCache;
use super::fetch::FetchError;
use super::flight::outcome;
use crate::answer::error::AuthError;

impl KeyCache {
    /// Fetches now, past bucket and back-off, and takes what the issuer says, an empty set too.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where the fetch failed; the keys stay as they were.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<(), AuthError> {
        self.require_runtime()?;
        let asked = Instant::now();
        let mut has_begun = false;
        loop {
            let now = Instant::now();
            let joined = {
                let mut state = self.state.lock();
                match self.join(&mut state, now) {
                    Some(joined) => joined,
                    None if has_begun => return Err(state.unavailable(now)),
                    None => {
                        has_begun = true;
                        self.begin(&mut state, now, Purpose::ByHand)
                    }
                }
            };
            // What began before the call may have read the set before the change that the caller knows of.
            let is_ours = *joined.purpose() == Purpose::ByHand && joined.due() >= asked;
            match outcome(joined, now + self.fetcher.abandoned_after()).await {
                Some(Ok(())) if is_ours => return Ok(()),
                Some(Err(error)) if is_ours && (has_begun || error != FetchError::Abandoned) => {
                    return Err(self.state.lock().unavailable(Instant::now()));
                }
                _ => {}
            }
        }
    }
}
