//! What a handler asks further of a request that a guard has let in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::headers::Headers;
use crate::answer::rejection::Rejection;
use crate::asked::Asked;
use crate::auth::{Had, Hold};
use crate::bearer::Scheme;
use crate::outcome::{Outcome, valid_still};
use crate::requirement::policy::Policy;
use crate::token::claims::Claims;

/// Kept by a guard for its handler, which learns only on its way what the request must be allowed: its refusals are those that a guard
/// would have made, with the same realm, and they name the scopes of the guards before.
pub struct Inquiry {
    auth: Arc<Hold>,
    recent_until: Duration,
    scheme: Scheme,
    headers: Headers,
    asked: Asked,
}

impl Outcome<'_> {
    /// For the handler of the request, with the claims that this outcome has let in.
    pub fn inquiry(&self) -> Inquiry {
        let Self { auth, recent_until, scheme, headers, asked, .. } = *self;
        Inquiry { auth: auth.hold(), recent_until, scheme, headers: headers.clone(), asked: asked.shared() }
    }
}

impl Inquiry {
    /// The claims, where there are some and they meet the policy. What passes is asked for too, as by a guard.
    ///
    /// # Errors
    /// The answer for the caller: that of a request without a token where there are no claims.
    pub fn require<'c>(
        &'c self,
        claims: Option<&'c Arc<Claims>>,
        policy: &Policy,
    ) -> Result<&'c Arc<Claims>, Rejection> {
        let Self { auth, recent_until, scheme, headers, asked } = self;
        let auth = Had::Held(auth);
        let claims = valid_still(auth, claims, *recent_until);
        Outcome { auth, claims, recent_until: *recent_until, scheme: *scheme, headers, asked }.meeting(policy)
    }
}

/// Of the same request.
impl Clone for Inquiry {
    fn clone(&self) -> Self {
        let Self { auth, recent_until, scheme, headers, asked } = self;
        Self {
            auth: Arc::clone(auth),
            recent_until: *recent_until,
            scheme: *scheme,
            headers: headers.clone(),
            asked: asked.shared(),
        }
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inquiry")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use rampart_issuer::LocalIssuer;

    use super::*;
    use crate::answer::error::AuthError;
    use crate::auth::RampartAuth;
    use crate::outcome::Verified;
    use crate::request::Authorization;
    use crate::requirement::AnyUser;
    use crate::revocation::Revocations;
    use crate::revocation::kind::Revocation;
    use crate::stands::take_turn;
    use crate::verification::Verification;

    const NOW: u64 = 1_800_000_000;

    /// Where threads of two stands take inquiries, neither writes a counter of the other's, nor one of the object.
    #[tokio::test]
    async fn inquiries_of_threads_are_counted_apart() {
        let auth = RampartAuth::new("https://auth.example.com", "my-api").unwrap();
        let head = Authorization::new([""; 0]);
        let inquiry = |turn| {
            take_turn(turn);
            let Verification::Ready(fresh) = auth.verification(&head) else { panic!("there is no token") };
            fresh.outcome().inquiry()
        };
        let (first, other) = (inquiry(0), inquiry(1));
        assert!(!Arc::ptr_eq(&first.auth, &other.auth));
        let inner = auth.downgrade();
        let counts = || [Arc::strong_count(&first.auth), Arc::strong_count(&other.auth), inner.strong_count()];
        let before = counts();
        let more = [0, 0, 1].map(inquiry);
        assert!(Arc::ptr_eq(&first.auth, &more[0].auth));
        let [of_first, of_other, of_object] = before;
        assert_eq!(counts(), [of_first + 2, of_other + 1, of_object]);
        drop(more);
        assert_eq!(counts(), before);
    }

    /// An inquiry that outlives its object, as that of a handler may, refuses as before; and the object goes with the last of them.
    #[tokio::test]
    async fn object_goes_with_the_last_inquiry() {
        let auth = RampartAuth::builder("https://auth.example.com", "my-api").realm("here").build().unwrap();
        let head = Authorization::new([""; 0]);
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("there is no token") };
        let inquiry = fresh.outcome().inquiry();
        drop(fresh);
        let (inner, expected) = (auth.downgrade(), auth.rejection(AuthError::MissingToken));
        drop(auth);
        assert_eq!(inquiry.require(None, &Policy::roles(["admin"])).map(drop), Err(expected));
        let clone = inquiry.clone();
        drop(inquiry);
        assert_eq!(inner.strong_count(), 1);
        drop(clone);
        assert_eq!(inner.strong_count(), 0);
    }

    /// One that takes its time, as that of a web socket does, or that has kept a clone of its guard.
    #[tokio::test]
    async fn handler_that_asks_after_a_minute_learns_that_the_token_has_expired() {
        let issuer = LocalIssuer::start().await.unwrap();
        let time = Arc::new(AtomicU64::new(NOW));
        let clock = Arc::clone(&time);
        let auth = RampartAuth::builder(issuer.url(), issuer.audience())
            .static_jwks(issuer.jwks_json())
            .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)))
            .clock_tolerance(Duration::ZERO)
            .build()
            .unwrap();
        let token = issuer.token().at(NOW).expires_in(30).roles(["admin"]).sign().unwrap();
        let head = Authorization::new([format!("Bearer {token}")]);
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("the keys are there") };
        let outcome = fresh.outcome();
        let (claims, recent) = (outcome.required::<AnyUser>().unwrap(), outcome.inquiry());
        let old = Inquiry { recent_until: Duration::ZERO, ..recent.clone() };

        let ask = |inquiry: &Inquiry, role| inquiry.require(Some(&claims), &Policy::roles([role])).map(drop);
        time.store(NOW + 30, Ordering::Relaxed);
        assert_eq!(ask(&recent, "admin"), Ok(()), "within a minute one request has one answer");
        for (inquiry, role) in [(&old, "admin"), (&old.clone(), "admin"), (&old, "root")] {
            assert_eq!(ask(inquiry, role), Err(auth.rejection(AuthError::TokenExpired)));
        }
        time.store(NOW + 29, Ordering::Relaxed);
        assert_eq!(ask(&old, "admin"), Ok(()));
        assert_eq!(ask(&old, "root"), Err(auth.rejection(AuthError::insufficient_role(["root"]))));
    }

    /// RV37: an upload takes two minutes, and the token is revoked meanwhile.
    #[tokio::test]
    async fn handler_that_asks_after_a_minute_learns_that_the_token_was_revoked() {
        let issuer = LocalIssuer::start().await.unwrap();
        let revocations = Revocations::new();
        let auth = RampartAuth::builder(issuer.url(), issuer.audience())
            .static_jwks(issuer.jwks_json())
            .revocations(revocations.clone())
            .build()
            .unwrap();
        let token = issuer.token().sub("user-1").roles(["admin"]).sign().unwrap();
        let head = Authorization::new([format!("Bearer {token}")]);
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("the keys are there") };
        let outcome = fresh.outcome();
        let (claims, recent) = (outcome.required::<AnyUser>().unwrap(), outcome.inquiry());
        let old = Inquiry { recent_until: Duration::ZERO, ..recent.clone() };
        let mut kept = fresh.into_verified();

        let ask = |inquiry: &Inquiry, role| inquiry.require(Some(&claims), &Policy::roles([role])).map(drop);
        assert_eq!(ask(&old, "admin"), Ok(()));
        revocations.revoke(Revocation::subject(issuer.url(), "user-1")).await.unwrap();
        assert_eq!(ask(&recent, "admin"), Ok(()), "within a minute one request has one answer");
        for role in ["admin", "root"] {
            assert_eq!(ask(&old, role), Err(auth.rejection(AuthError::TokenRevoked)));
        }
        let guard = |kept: &Verified| {
            let outcome = kept.by(&auth, &head).expect("the same object and request");
            outcome.required::<AnyUser>().map(drop)
        };
        assert_eq!(guard(&kept), Ok(()));
        kept.recent_until = Duration::ZERO;
        assert_eq!(guard(&kept), Err(auth.rejection(AuthError::TokenRevoked)));
    }
}
