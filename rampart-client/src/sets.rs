//! The sets of scopes and parameters that a client keeps: a bounded number with a token, and a bounded number without.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::time::Instant;

use crate::error::ClientError;
use crate::request::TokenRequest;
use crate::slot::Slot;

/// Of those with a token that serves, and of those without one.
const MOST: usize = 256;

/// Those that have a token make room only for others that have one, those that have none only for others that have none: a set
/// that merely fails pushes out none that works.
#[derive(Default)]
pub(crate) struct Sets(RwLock<HashMap<TokenRequest, Arc<Slot>>>);

impl Sets {
    pub(crate) fn get(&self, request: &TokenRequest) -> Option<Arc<Slot>> {
        self.0.read().get(request).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.0.read().values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().len()
    }

    /// The slot of a set, which is a new one unless somebody else was faster. Where there is no room for it, `reason` says what
    /// keeps those that have no token from getting one.
    pub(crate) fn add(
        &self,
        request: &TokenRequest,
        slot: impl FnOnce() -> Slot,
        reason: impl FnOnce() -> Option<ClientError>,
    ) -> Result<Arc<Slot>, ClientError> {
        let mut sets = self.0.write();
        if let Some(slot) = sets.get(request) {
            return Ok(Arc::clone(slot));
        }
        if !make_room(&mut sets, false, MOST - 1) {
            return Err(reason().unwrap_or(ClientError::TooManySets));
        }
        let slot = Arc::new(slot());
        sets.insert(request.clone(), Arc::clone(&slot));
        Ok(slot)
    }

    /// A set has been given its first token.
    pub(crate) fn has_grown(&self) {
        if self.len() > MOST {
            make_room(&mut self.0.write(), true, MOST);
        }
    }
}

/// Forgets sets of one kind until there are no more than so many: those idle for longest, and of those without a token first the
/// ones that do not wait after a failure, or they would not wait. Not where a request is under way: so it may be in vain.
fn make_room(sets: &mut HashMap<TokenRequest, Arc<Slot>>, serves: bool, most: usize) -> bool {
    if sets.len() <= most {
        return true;
    }
    let now = Instant::now();
    let standings = sets.iter().map(|(request, slot)| (slot.standing(now), request));
    let alike: Vec<_> = standings.filter(|(standing, _)| standing.serves == serves).collect();
    let excess = alike.len().saturating_sub(most);
    if excess == 0 {
        return true;
    }
    let mut idle: Vec<_> = alike.into_iter().filter(|(standing, _)| !standing.is_busy).collect();
    idle.sort_unstable_by_key(|(standing, _)| (!serves && standing.is_backing_off, standing.last_use));
    let forgotten: Vec<_> = idle.into_iter().take(excess).map(|(_, request)| request.clone()).collect();
    for request in &forgotten {
        sets.remove(request);
    }
    forgotten.len() == excess
}
