//! Durations as configuration files have them.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// Whole seconds, in members whose names end in `_seconds`.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Option::<u64>::deserialize(deserializer).map(|seconds| seconds.map(Duration::from_secs))
}
