//! The keys of an issuer: given, or fetched and kept fresh.

use std::sync::Arc;
use std::time::Duration;

use super::cache::KeyCache;
use crate::answer::error::AuthError;
use crate::health::{Health, JwksState};
use crate::jose::key_set::KeySet;

pub(crate) enum Keys {
    Static(Arc<KeySet>),
    Fetched(Arc<KeyCache>),
}

impl Keys {
    /// How they are; nothing comes of asking.
    pub(crate) fn look(&self, wall: Duration) -> Health {
        match self {
            Self::Static(set) => Health::new(JwksState::Static, None, set.len(), None),
            Self::Fetched(cache) => cache.health(wall),
        }
    }

    /// How they are, for somebody who would have them good: where none may serve, the cache sees to it.
    pub(crate) fn health(&self, wall: Duration) -> Health {
        let health = self.look(wall);
        if let Self::Fetched(cache) = self
            && matches!(health.state, JwksState::Cold | JwksState::Dead)
        {
            cache.pursue();
        }
        health
    }

    pub(crate) async fn warm_up(&self, wall: Duration) -> Result<(), AuthError> {
        match self {
            Self::Static(_) => Ok(()),
            Self::Fetched(cache) => cache.warm_up(wall).await,
        }
    }

    pub(crate) async fn refresh(&self) -> Result<(), AuthError> {
        match self {
            Self::Static(_) => Ok(()),
            Self::Fetched(cache) => cache.refresh().await,
        }
    }

    /// How long ago the issuer confirmed them; `None` for those that are fixed.
    pub(crate) fn age(&self) -> Option<Duration> {
        match self {
            Self::Static(_) => None,
            Self::Fetched(cache) => cache.age(),
        }
    }
}
