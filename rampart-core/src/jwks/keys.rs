//! The keys of an issuer: given, or fetched and kept fresh.

use std::sync::Arc;
use std::time::Duration;

use super::cache::KeyCache;
use super::search::{KidSearch, Sought};
use crate::answer::error::AuthError;
use crate::clock::Clock;
use crate::health::{Health, JwksState};
use crate::jose::key_set::KeySet;

pub(crate) enum Keys {
    Static(Arc<KeySet>),
    Fetched(Arc<KeyCache>),
}

/// Why a JWT of the issuer's that is no access token is not good by the keys at hand.
pub(crate) enum Flaw {
    /// A constant sentence.
    Why(&'static str),
    /// The set does not hold the key that it names.
    UnknownKid(String),
}

impl From<&'static str> for Flaw {
    fn from(why: &'static str) -> Self {
        Self::Why(why)
    }
}

/// Why it is not good, or cannot be judged.
pub(crate) enum NoVerdict {
    Refused(&'static str),
    /// For so long.
    Unavailable(Duration),
}

const UNKNOWN_KID: NoVerdict = NoVerdict::Refused("no key of the issuer has its kid");
const SOON: Duration = Duration::from_secs(1);

impl Keys {
    /// Reads a JWT of the issuer's that is no access token: waits for keys where there are none, and looks for its own once, within the
    /// budget for such searches. `read` judges it by the keys and the time of that moment. Whether an unknown key is the issuer's is not
    /// decided by how many come: a flood of made-up key IDs must not have a genuine one refused for good, as its sender would not come again.
    pub(crate) async fn read<T>(
        &self,
        clock: &Clock,
        read: impl Fn(&KeySet, Duration) -> Result<T, Flaw>,
    ) -> Result<T, NoVerdict> {
        let now = || clock.now().ok_or(NoVerdict::Unavailable(SOON));
        let settle = |flaw| match flaw {
            Flaw::Why(why) => NoVerdict::Refused(why),
            Flaw::UnknownKid(_) => UNKNOWN_KID,
        };
        let cache = match self {
            Self::Static(keys) => return read(keys, now()?).map_err(settle),
            Self::Fetched(cache) => cache,
        };
        let judge = |now| {
            let current = cache.serve(now);
            let keys = current.as_ref().and_then(|current| current.keys());
            keys.map(|keys| read(keys, now)).ok_or(NoVerdict::Unavailable(SOON))
        };
        let unavailable = |error| match error {
            AuthError::KeysUnavailable { retry_after } => NoVerdict::Unavailable(retry_after),
            _ => NoVerdict::Unavailable(SOON),
        };
        let begun = cache.begun();
        cache.wait(now()?).await.map_err(unavailable)?;
        let kid = match judge(now()?)? {
            Err(Flaw::UnknownKid(kid)) => kid,
            judged => return judged.map_err(settle),
        };
        let sought = Sought { kid: &kid, signed_by: now()? };
        match cache.find_kid(&sought, begun).await {
            KidSearch::Found => judge(now()?)?.map_err(settle),
            KidSearch::NotFound(not_found) if not_found.is_undecided() => Err(unavailable(not_found.error)),
            KidSearch::NotFound(_) => Err(UNKNOWN_KID),
        }
    }

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
