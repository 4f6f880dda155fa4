//! One verification a request, whoever asks: guards and groups.

use rampart_core::adapter::{Flight, Fresh, Outcome, Verification};
use rampart_core::{RampartAuth, Rejection};
use rocket::Request;

use crate::head::Head;
use crate::kept::{Kept, Verdicts};

/// What `admit` says of this request's outcome: of the one that is there already, if it counts, or of a new one.
pub(crate) async fn admission<T>(
    request: &Request<'_>,
    auth: &RampartAuth,
    admit: impl Fn(&Outcome<'_>) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let kept = Kept::of(request);
    let decide = |outcome: &Outcome<'_>| {
        let admitted = admit(outcome);
        kept.decided(outcome, admitted.is_ok());
        admitted
    };
    let decided = now(request, auth, &mut kept.verdicts(), decide);
    match decided {
        Ok(admitted) => admitted,
        // Nothing is locked here: whoever begins to ask and does not go on holds up nobody.
        Err(flight) => {
            let fresh = flight.await;
            store(fresh, &mut kept.verdicts(), decide)
        }
    }
}

/// What can be said at once, or what must be awaited.
fn now<T>(
    request: &Request<'_>,
    auth: &RampartAuth,
    verdicts: &mut Verdicts,
    decide: impl Fn(&Outcome<'_>) -> Result<T, Rejection>,
) -> Result<Result<T, Rejection>, Flight> {
    let head = Head(request);
    if let Some(outcome) = verdicts.verified.as_ref().and_then(|verified| verified.by(auth, &head)) {
        return Ok(decide(&outcome));
    }
    // The application may start several guards together: another one may be under way.
    if let Some(flight) = verdicts.flights.of(auth, &head) {
        return Err(flight);
    }
    match auth.verification_after(&head, verdicts.verified.as_ref()) {
        Verification::Ready(fresh) => Ok(store(fresh, verdicts, decide)),
        Verification::Pending(pending) => Err(verdicts.flights.begin(pending)),
    }
}

/// What a new outcome says, which is kept.
fn store<T>(
    fresh: Fresh<'_>,
    verdicts: &mut Verdicts,
    decide: impl Fn(&Outcome<'_>) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let fresh = fresh.after(verdicts.verified.as_ref());
    let admitted = decide(&fresh.outcome());
    verdicts.verified = Some(fresh.into_verified());
    admitted
}
