//! What an operator can ask about revocations.

use std::time::Duration;

/// How the list of what is revoked is at this moment: for a health endpoint or a metric.
///
/// ```
/// # fn report(revocations: &rampart_core::Revocations) {
/// let health = revocations.health();
/// println!("{:?}, {} entries, last error: {:?}", health.state, health.entries, health.last_error);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationHealth {
    /// Whether it can be relied on.
    pub state: RevocationState,
    /// How many entries are in force, issuers as a whole not counted. What has ended is dropped within a minute.
    pub entries: usize,
    /// For how long nothing has been heard of the store that replicas share; `None` where there is none, or it never was.
    pub age: Option<Duration>,
    /// How many entries are in force here which that store did not take yet. They are sent again.
    pub unsent: usize,
    /// Why that store cannot be used; `None` where it can.
    pub last_error: Option<String>,
}

/// Whether the list of what is revoked can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationState {
    /// It is that of this process.
    InProcess,
    /// It was read whole from the store that replicas share, which was heard of within `max_stale`.
    Current,
    /// The store has not been heard of for `max_stale`: something may be revoked that is not known here.
    Stale,
    /// It was never read whole: the store has not answered, or cannot tell what is in force.
    Unknown,
}

impl RevocationState {
    /// Whether it says of every token whether it is revoked.
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::InProcess | Self::Current)
    }
}
