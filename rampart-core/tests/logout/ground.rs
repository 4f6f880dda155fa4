//! An issuer, an API and their clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rampart_core::adapter::LogoutReply;
use rampart_core::{AuthError, RampartAuth, RampartAuthBuilder, Revocations};
use rampart_issuer::{LocalIssuer, TokenBuilder};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) struct Ground {
    pub(crate) issuer: LocalIssuer,
    pub(crate) auth: RampartAuth,
    pub(crate) revocations: Revocations,
    pub(crate) time: Arc<AtomicU64>,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(set_up: impl FnOnce(RampartAuthBuilder) -> RampartAuthBuilder) -> Self {
        let issuer = LocalIssuer::start().await.unwrap();
        let (revocations, time) = (Revocations::new(), Arc::new(AtomicU64::new(NOW)));
        let clock = Arc::clone(&time);
        let builder = RampartAuth::builder(issuer.url(), issuer.audience())
            .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)))
            .revocations(revocations.clone())
            .__apart_from_others();
        let auth = set_up(builder).build().unwrap();
        Self { issuer, auth, revocations, time }
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.time.store(seconds, Ordering::Relaxed);
    }

    /// A good one, made now.
    pub(crate) fn logout(&self) -> TokenBuilder {
        self.issuer.logout_token().at(NOW).expires_in(120).sub("ada").sid("s-1")
    }

    pub(crate) fn access(&self) -> TokenBuilder {
        self.issuer.token().at(NOW).sub("ada").sid("s-1")
    }

    pub(crate) async fn send(&self, token: &TokenBuilder) -> u16 {
        self.send_text(&token.sign().unwrap()).await
    }

    pub(crate) async fn send_text(&self, token: &str) -> u16 {
        self.post([FORM], format!("logout_token={token}")).await.status()
    }

    pub(crate) async fn post(
        &self,
        content_types: impl IntoIterator<Item = &'static str>,
        body: impl AsRef<[u8]>,
    ) -> LogoutReply {
        self.auth.backchannel_logout(content_types, Some(body.as_ref())).await
    }

    pub(crate) async fn verify(&self, token: &TokenBuilder) -> Result<(), AuthError> {
        self.auth.verify(&token.sign().unwrap()).await.map(drop)
    }

    /// Whether a token of the session still passes.
    pub(crate) async fn is_signed_in(&self) -> bool {
        self.verify(&self.access()).await.is_ok()
    }
}
