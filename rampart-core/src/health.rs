//! What an operator can ask about the keys.

use std::time::Duration;

/// How the issuers' keys are at this moment: for a health endpoint or a metric.
///
/// ```
/// # fn report(auth: &rampart_core::RampartAuth) {
/// let health = auth.health();
/// println!("{:?}, {} keys, last error: {:?}", health.state, health.keys, health.last_error);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The state of the key set.
    pub state: JwksState,
    /// Time since the issuer last confirmed the set; `None` where it never has.
    pub age: Option<Duration>,
    /// How many keys can verify tokens.
    pub keys: usize,
    /// Why the last fetch failed, and at which address; `None` where it succeeded.
    pub last_error: Option<String>,
    is_ready: bool,
}

/// One of the issuers, and how its keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerHealth {
    /// Its name: the `iss` of its tokens, as the settings have it.
    pub name: String,
    /// Its keys.
    pub keys: Health,
}

impl Health {
    pub(crate) const fn new(state: JwksState, age: Option<Duration>, keys: usize, last_error: Option<String>) -> Self {
        Self { state, age, keys, last_error, is_ready: state.can_verify() }
    }

    /// The worst of several; ready where one of them is.
    pub(crate) fn of(all: impl Iterator<Item = Self>) -> Self {
        let worse = |one: Self, other: Self| {
            let is_ready = one.is_ready || other.is_ready;
            let worst = if other.state.badness() > one.state.badness() { other } else { one };
            Self { is_ready, ..worst }
        };
        // Of none there is nothing to wait for: an API whose issuers are known only at run time would never get a request.
        all.reduce(worse).unwrap_or_else(|| Self { is_ready: true, ..Self::new(JwksState::Cold, None, 0, None) })
    }

    /// Keys are there, but something else that is needed is not.
    pub(crate) fn without_stores(self) -> Self {
        Self { is_ready: false, ..self }
    }

    /// Whether tokens can be verified: of at least one issuer that the settings name. An API is not unready for the sake of one that
    /// is down. One with a [resolver](crate::IssuerResolver) alone is always ready: which issuers there are is known only when their
    /// tokens come.
    pub const fn is_ready(&self) -> bool {
        self.is_ready
    }
}

/// The states of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwksState {
    /// No keys yet: the first request fetches them.
    Cold,
    /// Younger than the TTL.
    Fresh,
    /// Older than the TTL; serves as long as refreshes fail, until `max_stale` has passed too.
    Stale,
    /// Too old to serve: requests wait for a fetch, or get 503.
    Dead,
    /// Given as `static_jwks`: never fetched, never old.
    Static,
}

impl JwksState {
    const fn can_verify(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale | Self::Static)
    }

    const fn badness(self) -> u8 {
        match self {
            Self::Static => 0,
            Self::Fresh => 1,
            Self::Stale => 2,
            Self::Cold => 3,
            Self::Dead => 4,
        }
    }
}
