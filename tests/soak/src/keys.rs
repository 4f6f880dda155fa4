//! The issuer's keys, and what the server must know of them.
//!
//! A new key is published every five seconds, whatever state the issuer is in. Once the server has accepted it, it must accept it
//! until it is withdrawn; once a withdrawn key has been refused, it must never be accepted again. In between, either is right.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use rampart_issuer::{Algorithm, LocalIssuer, SigningKey, TokenBuilder};

const ROTATION: Duration = Duration::from_secs(5);
/// How many keys sign at a time, and how many withdrawn ones are tried again.
const ACTIVE: usize = 4;
const REMEMBERED: usize = 16;
const REPEATED_TOKENS: usize = 32;
const PROBE_EVERY: Duration = Duration::from_millis(300);

/// A key, and tokens that come again and again.
pub(crate) struct Key {
    pub(crate) signing: SigningKey,
    pub(crate) tokens: Vec<String>,
    pub(crate) writer: String,
    pub(crate) admin: String,
    published: Instant,
}

impl Key {
    fn new(issuer: &LocalIssuer, signing: SigningKey) -> Arc<Self> {
        let token = issuer.token().key(&signing).expires_in(24 * 3600);
        let sign = |token: TokenBuilder| token.sign().unwrap();
        Arc::new(Self {
            tokens: (0..REPEATED_TOKENS).map(|user| sign(token.clone().sub(&format!("user-{user}")))).collect(),
            writer: sign(token.clone().sub("writer").scope("tasks:write email:send")),
            admin: sign(token.clone().sub("root").roles(["admin"])),
            signing,
            published: Instant::now(),
        })
    }
}

/// What has become of the rotations.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rotation {
    pub(crate) published: usize,
    pub(crate) taken_up: usize,
    pub(crate) withdrawn: usize,
    pub(crate) given_up: usize,
    pub(crate) slowest: Duration,
    /// How long the oldest key waits that has not been taken up yet.
    pub(crate) waiting: Duration,
}

#[derive(Default)]
struct State {
    /// Published, and not yet accepted.
    fresh: Vec<Arc<Key>>,
    /// Accepted, and still published.
    active: Vec<Arc<Key>>,
    /// No longer used for good requests, whose last ones may still be under way; still published.
    draining: Vec<Arc<Key>>,
    /// Withdrawn, and not yet refused.
    leaving: Vec<Arc<Key>>,
    /// Refused.
    gone: Vec<Arc<Key>>,
    rotation: Rotation,
    next_rotation: Duration,
    next_probe: Duration,
}

pub(crate) struct Keys(RwLock<State>);

impl Keys {
    /// The issuer's first key, which the server has.
    pub(crate) fn new(issuer: &LocalIssuer) -> Self {
        let active = vec![Key::new(issuer, issuer.key())];
        Self(RwLock::new(State { active, next_rotation: ROTATION, ..State::default() }))
    }

    /// A key that must be accepted for as long as it is held.
    pub(crate) fn good(&self, number: usize) -> Arc<Key> {
        let state = self.0.read();
        Arc::clone(&state.active[number % state.active.len()])
    }

    /// A key that must never be accepted again.
    pub(crate) fn gone(&self, number: usize) -> Option<Arc<Key>> {
        let state = self.0.read();
        state.gone.get(number % state.gone.len().max(1)).cloned()
    }

    /// A key that nobody can say anything about: too new, or about to be forgotten.
    pub(crate) fn fresh(&self) -> Option<Arc<Key>> {
        self.0.read().fresh.last().cloned()
    }

    pub(crate) fn leaving(&self) -> Option<Arc<Key>> {
        self.0.read().leaving.first().cloned()
    }

    pub(crate) fn rotation(&self) -> Rotation {
        let state = self.0.read();
        let waiting = state.fresh.iter().map(|key| key.published.elapsed()).max().unwrap_or_default();
        Rotation { waiting, ..state.rotation }
    }

    /// Rotates where it is time, and finds out what the server knows. `ask` sends it a token, and gives
    /// back the status.
    pub(crate) fn tend(&self, issuer: &LocalIssuer, elapsed: Duration, mut ask: impl FnMut(&str) -> u16) {
        if elapsed >= self.0.read().next_rotation {
            // Both kinds in turn.
            let algorithm =
                if self.0.read().rotation.published.is_multiple_of(2) { Algorithm::RS256 } else { Algorithm::ES256 };
            let key = Key::new(issuer, issuer.add_key(algorithm).unwrap());
            let mut state = self.0.write();
            state.fresh.push(key);
            state.rotation.published += 1;
            state.next_rotation += ROTATION;
        }
        self.withdraw(issuer);
        if elapsed < self.0.read().next_probe {
            return;
        }
        let (fresh, leaving) = {
            let mut state = self.0.write();
            state.next_probe = elapsed + PROBE_EVERY;
            (state.fresh.clone(), state.leaving.clone())
        };
        // The lock is not held while the server is asked.
        for key in fresh.into_iter().filter(|key| ask(&key.tokens[0]) == 200) {
            let mut state = self.0.write();
            state.fresh.retain(|own| !Arc::ptr_eq(own, &key));
            state.rotation.taken_up += 1;
            state.rotation.slowest = state.rotation.slowest.max(key.published.elapsed());
            state.active.push(key);
        }
        for key in leaving.into_iter().filter(|key| matches!(ask(&key.tokens[0]), 401 | 503)) {
            let mut state = self.0.write();
            state.leaving.retain(|own| !Arc::ptr_eq(own, &key));
            state.rotation.given_up += 1;
            state.gone.push(key);
            if state.gone.len() > REMEMBERED {
                state.gone.remove(0);
            }
        }
    }

    /// The oldest keys are used no more, and withdrawn when the last good request with them has been answered.
    fn withdraw(&self, issuer: &LocalIssuer) {
        let mut state = self.0.write();
        while state.active.len() > ACTIVE {
            let oldest = state.active.remove(0);
            state.draining.push(oldest);
        }
        let (unused, used): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.draining).into_iter().partition(|key| Arc::strong_count(key) == 1);
        state.draining = used;
        for key in unused {
            issuer.remove_key(key.signing.kid());
            state.rotation.withdrawn += 1;
            state.leaving.push(key);
        }
    }
}
