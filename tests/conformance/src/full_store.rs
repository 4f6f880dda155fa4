//! A shared store of revocations that takes no more.

use std::time::{Duration, SystemTime};

use rampart_core::{Each, Followed, LogError, Logged, Place, RevocationLog, Snapshot};

/// A store that has nothing, and takes nothing.
#[derive(Debug)]
pub struct FullStore;

impl RevocationLog for FullStore {
    fn publish<'a>(&'a self, _: &'a [u8], _: SystemTime) -> Logged<'a, ()> {
        Box::pin(async { Err(LogError::new("full")) })
    }

    fn snapshot<'a>(&'a self, _: Each<'a>) -> Logged<'a, Snapshot> {
        Box::pin(async { Ok(Snapshot::Whole(Place::new("0"))) })
    }

    fn follow<'a>(&'a self, after: &'a Place, _: Each<'a>) -> Logged<'a, Followed> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Followed::Next(after.clone()))
        })
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
