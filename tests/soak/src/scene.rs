//! What an API stands on: its issuers, and the Redis that its replicas share.

use std::sync::Arc;
use std::time::Duration;

use rampart_core::{AuthError, RampartAuth, Revocations};
use rampart_issuer::{Algorithm, LocalIssuer};
use tokio::runtime::Runtime;

use crate::api::{CLIENT, SECRET, Setup, store};
use crate::away::Away;
use crate::redis::Redis;
use crate::settings::Settings;

/// The issuers.
#[derive(Clone)]
pub(crate) struct Issuing {
    /// The first, whose keys rotate, and which fails in every way.
    pub(crate) home: LocalIssuer,
    pub(crate) partner: LocalIssuer,
    /// Is asked about opaque tokens.
    pub(crate) asked: LocalIssuer,
    /// Has the keys of the tenants.
    pub(crate) tenants: LocalIssuer,
}

/// What can be away, as far as good requests need it.
#[derive(Clone, Default)]
pub(crate) struct Aways {
    /// Where spent proofs are.
    pub(crate) proofs: Arc<Away>,
    /// The list of revocations, for whoever writes to it or waits for what is new in it.
    pub(crate) revocations: Arc<Away>,
    /// The issuer's word about opaque tokens.
    pub(crate) asked: Arc<Away>,
    /// The same, for those whom it has vouched for already.
    pub(crate) asked_for_long: Arc<Away>,
}

pub(crate) struct Scene {
    pub(crate) issuing: Issuing,
    pub(crate) aways: Aways,
    pub(crate) redis: Redis,
    /// Of another replica, which is here.
    pub(crate) revocations: Revocations,
    pub(crate) runtime: Runtime,
}

impl Scene {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let redis = Redis::start();
        let (issuing, revocations) = runtime.block_on(async {
            let issuer = || LocalIssuer::builder().algorithm(Algorithm::ES256);
            let issuing = Issuing {
                home: issuer().start().await.unwrap(),
                partner: issuer().start().await.unwrap(),
                asked: issuer().client(CLIENT, SECRET).start().await.unwrap(),
                tenants: issuer().start().await.unwrap(),
            };
            (issuing, another_replica(&redis).await)
        });
        Self { issuing, aways: Aways::default(), redis, revocations, runtime }
    }

    pub(crate) fn setup(&self, framework: &str, settings: &Settings) -> Setup {
        let Issuing { home, partner, asked, tenants } = &self.issuing;
        Setup {
            framework: framework.to_owned(),
            audience: home.audience().to_owned(),
            ttl: settings.ttl,
            home: home.url().to_owned(),
            partner: partner.url().to_owned(),
            asked: asked.url().to_owned(),
            tenants: tenants.url().to_owned(),
            redis: self.redis.url(),
        }
    }

    /// How many of these tokens of the partner's a replica that starts now does not refuse as revoked.
    pub(crate) fn passing_at_a_new_replica(&self, tokens: &[String]) -> usize {
        let Issuing { partner, .. } = &self.issuing;
        while self.aways.revocations.is_felt() {
            std::thread::sleep(Duration::from_millis(100));
        }
        self.runtime.block_on(async {
            let store = store(&self.redis.url()).connect().await.unwrap();
            let revocations = store.revocations().start().unwrap();
            revocations.loaded().await.unwrap();
            let builder = RampartAuth::builder(partner.url(), partner.audience()).static_jwks(partner.jwks_json());
            let auth = builder.revocations(revocations).build().unwrap();
            let mut passing = 0;
            for token in tokens {
                passing += usize::from(auth.verify(token).await.err() != Some(AuthError::TokenRevoked));
            }
            passing
        })
    }
}

/// The list is said to be new once; whoever has said so ends, and another one comes.
async fn another_replica(redis: &Redis) -> Revocations {
    let begin = || async { store(&redis.url()).connect().await.unwrap().revocations() };
    begin().await.initialize().start().unwrap().loaded().await.unwrap();
    let revocations = begin().await.start().unwrap();
    revocations.loaded().await.unwrap();
    revocations
}
