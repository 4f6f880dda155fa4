//! What becomes of a logout where replicas share what is revoked, and their store does not take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use rampart_core::{AuthError, Each, Followed, LogError, Logged, Place, RevocationLog, Revocations, Snapshot};

use crate::ground::Ground;

/// It is whole and empty, and full when it is told to be.
#[derive(Clone, Debug, Default)]
struct Store {
    is_full: Arc<AtomicBool>,
}

impl RevocationLog for Store {
    fn publish<'a>(&'a self, _: &'a [u8], _: SystemTime) -> Logged<'a, ()> {
        Box::pin(async move {
            if self.is_full.load(Ordering::Relaxed) { Err(LogError::new("out of memory")) } else { Ok(()) }
        })
    }

    fn snapshot<'a>(&'a self, _: Each<'a>) -> Logged<'a, Snapshot> {
        Box::pin(async { Ok(Snapshot::Whole(Place::new("0"))) })
    }

    fn follow<'a>(&'a self, after: &'a Place, _: Each<'a>) -> Logged<'a, Followed> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Followed::Next(after.clone()))
        })
    }

    fn mark_whole(&self) -> Logged<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// RV26: whoever has signed out is signed out here, and the issuer comes again for the others.
#[tokio::test]
async fn logout_that_the_store_does_not_take_is_503_and_in_force_here_as_a_whole() {
    let store = Store::default();
    let revocations = Revocations::over(store.clone()).start().unwrap();
    revocations.loaded().await.unwrap();
    let ground = Ground::with(|builder| builder.revocations(revocations.clone())).await;
    assert!(ground.is_signed_in().await);
    store.is_full.store(true, Ordering::Relaxed);
    assert_eq!(ground.send(&ground.logout()).await, 503);
    for token in [ground.access(), ground.access().without("sid")] {
        assert_eq!(ground.verify(&token).await, Err(AuthError::TokenRevoked));
    }
    assert_eq!(ground.verify(&ground.access().sid("s-2")).await, Ok(()));
    assert_eq!(revocations.health().unsent, 2);
    store.is_full.store(false, Ordering::Relaxed);
    assert_eq!(ground.send(&ground.logout()).await, 200);
}
