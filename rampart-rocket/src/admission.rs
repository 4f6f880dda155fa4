//! One verification a request, whoever asks: guards and groups.

use rampart_core::adapter::{Outcome, Verification};
use rampart_core::{RampartAuth, Rejection};
use rocket::Request;

use crate::head::Head;
use crate::kept::Kept;

/// What `admit` says of this request's outcome: of the one that is there already, if it counts, or of a new one.
pub(crate) async fn admission<T>(
    request: &Request<'_>,
    auth: &RampartAuth,
    admit: impl FnOnce(&Outcome<'_>) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let (kept, head) = (Kept::of(request), Head(request));
    let decide = |outcome: &Outcome<'_>| {
        let admitted = admit(outcome);
        kept.decided(outcome, admitted.is_ok());
        admitted
    };
    // Guards that the application starts together wait here for the first: it may have to fetch keys.
    let mut verified = kept.verified().await;
    if let Some(outcome) = verified.as_ref().and_then(|verified| verified.by(auth, &head)) {
        return decide(&outcome);
    }
    let fresh = match auth.verification(&head) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(pending) => pending.await,
    };
    let fresh = fresh.after(verified.as_ref());
    let admitted = decide(&fresh.outcome());
    *verified = Some(fresh.into_verified());
    admitted
}
