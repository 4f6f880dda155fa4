//! How deep arrays and objects may stand inside one another.

use serde::de::Error;

/// Inside one another within a member, at most.
pub(super) const MAX_NESTING: u8 = 32;

/// What is left of so many levels inside one of them.
pub(super) fn deeper<E: Error>(levels: u8) -> Result<u8, E> {
    levels.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))
}
