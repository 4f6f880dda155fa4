//! Issuers that are revoked as a whole, until they are lifted: few, and never forgotten.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::ids::Id;

/// What was last said of an issuer, and when: seconds since 1970. Of two the later counts, and of one second the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Standing {
    pub(crate) said: u32,
    pub(crate) is_closed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Closed {
    issuers: RwLock<HashMap<Id, Known>>,
    count: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    standing: Standing,
    is_stored: bool,
}

impl Closed {
    pub(crate) fn is_closed(&self, issuer: &Id) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && self.issuers.read().get(issuer).is_some_and(|known| known.standing.is_closed)
    }

    pub(crate) fn get(&self, issuer: &Id) -> Option<Standing> {
        self.issuers.read().get(issuer).map(|known| known.standing)
    }

    /// Says something anew: it counts, whatever was said before, by whomever.
    pub(crate) fn say(&self, issuer: &Id, now: u32, is_closed: bool) -> Standing {
        let mut issuers = self.issuers.write();
        let said = issuers.get(issuer).map_or(now, |known| now.max(known.standing.said.saturating_add(1)));
        let standing = Standing { said, is_closed };
        issuers.insert(*issuer, Known { standing, is_stored: false });
        self.count.store(issuers.len(), Ordering::Release);
        standing
    }

    /// The shared store has this, unless something else was said since.
    pub(crate) fn set_stored(&self, issuer: &Id, standing: Standing) {
        if let Some(known) = self.issuers.write().get_mut(issuer).filter(|known| known.standing == standing) {
            known.is_stored = true;
        }
    }

    /// Nothing is known any more of what the shared store has.
    pub(crate) fn forget_what_is_stored(&self) {
        self.issuers.write().values_mut().for_each(|known| known.is_stored = false);
    }

    pub(crate) fn not_stored(&self) -> Vec<Id> {
        let issuers = self.issuers.read();
        issuers.iter().filter(|(_, known)| !known.is_stored).map(|(id, _)| *id).collect()
    }

    /// What somebody has said. Says whether that is new here.
    pub(crate) fn add(&self, issuer: &Id, standing: Standing) -> bool {
        let mut issuers = self.issuers.write();
        if issuers.get(issuer).is_some_and(|known| known.standing >= standing) {
            return false;
        }
        issuers.insert(*issuer, Known { standing, is_stored: false });
        self.count.store(issuers.len(), Ordering::Release);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Id = [1; 16];

    #[test]
    fn later_word_counts_in_whatever_order_words_come() {
        let words = [(10, true), (12, false), (11, true)].map(|(said, is_closed)| Standing { said, is_closed });
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            let closed = Closed::default();
            for at in order.into_iter().chain(order) {
                closed.add(&A, words[at]);
            }
            assert!(!closed.is_closed(&A), "{order:?}");
        }
        let closed = Closed::default();
        for is_closed in [false, true, false] {
            closed.add(&A, Standing { said: 10, is_closed });
        }
        assert!(closed.is_closed(&A), "of one second the stricter");
    }

    #[test]
    fn what_is_said_here_counts_from_now_on() {
        let closed = Closed::default();
        for is_closed in [true, false, true, true, false] {
            closed.say(&A, 10, is_closed);
            assert_eq!(closed.is_closed(&A), is_closed);
        }
        closed.add(&A, Standing { said: 100, is_closed: true });
        assert_eq!(closed.say(&A, 11, false), Standing { said: 101, is_closed: false });
        assert!(!closed.is_closed(&A) && !closed.is_closed(&[2; 16]));
    }
}
