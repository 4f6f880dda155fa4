//! What the replicas of an API share: the section `[redis]`.

use std::ops::Range;

use rampart_core::{ConfigError, Dpop, Revocations, Settings};
use rampart_redis::RedisStore;
use toml::de::DeTable;

use crate::mistakes::find;
use crate::{ConfigFile, ConfigFileError};

/// What replicas share, or each has for itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shared {
    /// What is revoked.
    pub revocations: Revocations,
    /// The store, where there is a section for it.
    pub store: Option<RedisStore>,
}

impl ConfigFile {
    /// What `[redis]` says, or without it the list of this process. The connections live on the tokio runtime that this is called on, and are
    /// made in the background: until there is a server, requests with a token are 503.
    ///
    /// # Errors
    /// [`ConfigFileError`] with the setting that cannot be used.
    pub fn shared(&self) -> Result<Shared, ConfigFileError> {
        let Some(settings) = &self.sections.redis else {
            return Ok(Shared { revocations: Revocations::new(), store: None });
        };
        let made = || {
            let store = RedisStore::from_settings(settings)?.connect_in_background()?;
            Ok(Shared { revocations: store.revocations().start()?, store: Some(store) })
        };
        made().map_err(|error: ConfigError| {
            let at = self.in_file(|table| place_in(table, error.field()));
            self.refusal(at, error.to_string())
        })
    }
}

impl Shared {
    /// Proofs that were spent, where proofs are accepted: remembered by all replicas.
    pub(crate) fn proofs(&self, settings: &mut Settings) -> Option<Dpop> {
        let store = self.store.as_ref()?;
        settings.dpop.take().map(|dpop| Dpop::from(dpop).replay(store.spent_proofs()))
    }
}

/// At the member, or where the section begins.
fn place_in(table: &DeTable<'_>, field: &str) -> Option<Range<usize>> {
    let (key, section) = table.get_key_value("redis")?;
    let member = field.rsplit('.').next().unwrap_or_default();
    let mut found = Vec::new();
    find(section.get_ref().as_table()?, member, &mut found);
    Some(found.pop().unwrap_or(key.span()))
}
