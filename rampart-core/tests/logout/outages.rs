//! What becomes of a logout where something of ours is away: the store that replicas share, or who says whose token it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use rampart_core::{
    AuthError, Each, Followed, Grants, Issuer, LogError, Logged, Place, RevocationLog, Revocations, Snapshot,
};
use rampart_issuer::LocalIssuer;

use crate::ground::{Ground, NOW};

type Change = fn(Issuer) -> Issuer;

/// It is whole and empty, and full when it is told to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    is_full: Arc<AtomicBool>,
}

impl Store {
    pub(crate) fn full() -> Self {
        Self { is_full: Arc::new(AtomicBool::new(true)) }
    }
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

/// RV26: nor is a logout token to blame for who resolves its issuer.
#[tokio::test]
async fn logout_whose_issuer_cannot_be_resolved_now_is_for_later() {
    let tenant = LocalIssuer::start().await.unwrap();
    let known = Issuer::new(tenant.url(), tenant.audience()).grants(Grants::everything()).allow_private_addresses(true);
    let failures: [(&str, Change); 2] = [
        ("it panics", |_| panic!("as the test wants it")),
        ("its settings cannot be used", |issuer| issuer.jwks_url("nowhere")),
    ];
    for (what, fail) in failures {
        let (name, known, fails) = (tenant.url().to_owned(), known.clone(), Arc::new(AtomicBool::new(true)));
        let is_failing = Arc::clone(&fails);
        let resolve = move |iss: &str| {
            let known = || if is_failing.load(Ordering::Relaxed) { fail(known.clone()) } else { known.clone() };
            (iss == name).then(known)
        };
        let ground = Ground::with(|builder| builder.issuers(resolve)).await;
        let logout = tenant.logout_token().at(NOW).expires_in(120).sub("ada").sid("s-1");
        let access = tenant.token().at(NOW).sub("ada").sid("s-1");
        assert_eq!(ground.send(&logout).await, 503, "{what}");
        assert_eq!(ground.send(&logout.clone().issuer("https://stranger.example")).await, 400, "{what}: of nobody");
        assert_eq!(ground.revocations.health().entries, 0, "{what}");
        fails.store(false, Ordering::Relaxed);
        assert_eq!(ground.verify(&access).await, Ok(()), "{what}");
        assert_eq!(ground.send(&logout).await, 200, "{what}");
        assert_eq!(ground.verify(&access).await, Err(AuthError::TokenRevoked), "{what}");
    }
}
