//! An API, its clock, a client's key and tokens bound to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rampart_core::adapter::{Fresh, RequestHead, Verification};
use rampart_core::{AnyUser, Dpop, RampartAuth, RampartAuthBuilder, Rejection};
use rampart_issuer::{DpopKey, LocalIssuer, ProofBuilder};
use tokio::runtime::{Builder, Runtime};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const API: &str = "https://api.example";
pub(crate) const ORDERS: &str = "https://api.example/orders";

/// Keys that are made once.
pub(crate) static KEY: LazyLock<DpopKey> = LazyLock::new(|| DpopKey::generate().unwrap());
pub(crate) static OTHER_KEY: LazyLock<DpopKey> = LazyLock::new(|| DpopKey::generate().unwrap());

/// The issuer of all, which nobody asks for anything: its keys are given.
static ISSUER: LazyLock<(Runtime, LocalIssuer)> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let issuer = runtime.block_on(LocalIssuer::start()).unwrap();
    (runtime, issuer)
});

/// A clock that goes when it is told to.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    fn new(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn stand_before_1970(&self) {
        self.set(u64::MAX);
    }

    fn now(&self) -> SystemTime {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => SystemTime::UNIX_EPOCH - Duration::from_secs(1),
            seconds => SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }
}

/// An API, and its issuer.
pub(crate) struct Ground {
    pub(crate) issuer: &'static LocalIssuer,
    pub(crate) auth: RampartAuth,
    pub(crate) clock: Clock,
    dpop: Dpop,
}

impl Ground {
    /// Whose store of proofs is past its first seconds.
    pub(crate) fn new(dpop: Dpop) -> Self {
        let ground = Self::begun_at(NOW - 100, dpop);
        ground.clock.set(NOW);
        ground
    }

    /// Whose store of proofs has just begun.
    pub(crate) fn begun_at(seconds: u64, dpop: Dpop) -> Self {
        Self::with(seconds, dpop, |builder| builder)
    }

    pub(crate) fn with(
        begun_at: u64,
        dpop: Dpop,
        set_up: impl FnOnce(RampartAuthBuilder) -> RampartAuthBuilder,
    ) -> Self {
        let issuer = &ISSUER.1;
        let clock = Clock::new(begun_at);
        let time = clock.clone();
        let builder = RampartAuth::builder(issuer.url(), issuer.audience())
            .static_jwks(issuer.jwks_json())
            .clock(move || time.now())
            .dpop(dpop.clone());
        Self { issuer, auth: set_up(builder).build().unwrap(), clock, dpop }
    }

    /// The same without the cache of verified tokens.
    pub(crate) fn without_cache(&self) -> Self {
        let ground = Self::with(NOW - 100, self.dpop.clone(), |builder| builder.token_cache_bytes(0));
        ground.clock.set(NOW);
        ground
    }

    /// A token that is bound to [`KEY`].
    pub(crate) fn bound(&self) -> String {
        self.issuer.token().at(NOW).claim("sub", "user-1").bound_to(&KEY).sign().unwrap()
    }

    /// One that is bound to nothing.
    pub(crate) fn unbound(&self) -> String {
        self.issuer.token().at(NOW).claim("sub", "user-1").sign().unwrap()
    }

    /// A good request.
    pub(crate) fn good(&self) -> Request {
        let token = self.bound();
        Request::new("DPoP", &token, [proof(&token).sign().unwrap()])
    }
}

/// A proof of [`KEY`] for `GET /orders` with this token, made now.
pub(crate) fn proof(token: &str) -> ProofBuilder {
    KEY.proof("GET", ORDERS).access_token(token).at(NOW)
}

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) authorization: Vec<String>,
    pub(crate) proofs: Vec<String>,
}

impl Request {
    pub(crate) fn new(scheme: &str, token: &str, proofs: impl IntoIterator<Item = String>) -> Self {
        Self {
            method: "GET",
            path: "/orders",
            authorization: vec![format!("{scheme} {token}")],
            proofs: proofs.into_iter().collect(),
        }
    }
}

impl RequestHead for Request {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let values: &[String] = match name {
            "authorization" => &self.authorization,
            "dpop" => &self.proofs,
            _ => &[],
        };
        values.iter().map(String::as_bytes)
    }

    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.path
    }
}

pub(crate) fn fresh<'a>(auth: &'a RampartAuth, head: &Request) -> Fresh<'a> {
    let Verification::Ready(fresh) = auth.verification(head) else { panic!("nothing has to be awaited") };
    fresh
}

/// What a guard without further demands says.
pub(crate) fn ask(auth: &RampartAuth, head: &Request) -> Result<String, Rejection> {
    fresh(auth, head).outcome().required::<AnyUser>().map(|claims| claims.sub.clone())
}

/// The same in short: the user, or the `error` of the body.
pub(crate) fn said(auth: &RampartAuth, head: &Request) -> String {
    ask(auth, head).unwrap_or_else(|rejection| format!("{} {}", rejection.status(), rejection.error().code()))
}

/// As [`ask`], where something may have to be awaited.
pub(crate) async fn ask_waiting(auth: &RampartAuth, head: &Request) -> Result<String, Rejection> {
    let fresh = match auth.verification(head) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(pending) => pending.await,
    };
    fresh.outcome().required::<AnyUser>().map(|claims| claims.sub.clone())
}
