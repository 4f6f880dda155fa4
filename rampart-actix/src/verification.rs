//! One verification a request, however many guards and middleware ask.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use rampart_core::adapter::{Carry, Flight, Flights, Fresh, Outcome, Verification, Verified};
use rampart_core::{Claims, RampartAuth, Rejection};

use crate::head::Head;

/// What a guard or middleware makes of an outcome.
pub(crate) type Admitted<T> = Result<T, Rejection>;

/// What `admit` says of this request's outcome: of the one that is there already, if it counts, or of a new one; or what must be
/// awaited for it.
pub(crate) fn verify<T>(
    request: &HttpRequest,
    auth: &RampartAuth,
    admit: impl Fn(&Outcome<'_>) -> Admitted<T>,
) -> Result<Admitted<T>, Flight> {
    if let Some(admitted) = stored(request, auth, &admit) {
        return Ok(admitted);
    }
    // actix-web starts all guards of a handler together: another one may be under way.
    let under_way = request.extensions().get().and_then(|flights: &Flights| flights.of(auth, &Head(request)));
    if let Some(flight) = under_way {
        return Err(flight);
    }
    let begun = auth.verification_after(&Head(request), request.extensions().get());
    match begun {
        Verification::Ready(fresh) => Ok(store(request, fresh, admit)),
        Verification::Pending(pending) => {
            Err(request.extensions_mut().get_or_insert_with(Flights::default).begin(pending))
        }
    }
}

/// What `admit` says of the outcome that is stored with the request, if that counts.
fn stored<T>(
    request: &HttpRequest,
    auth: &RampartAuth,
    admit: impl FnOnce(&Outcome<'_>) -> Admitted<T>,
) -> Option<Admitted<T>> {
    let (admitted, carry) = {
        let extensions = request.extensions();
        let outcome = extensions.get::<Verified>().and_then(|verified| verified.by(auth, &Head(request)))?;
        let admitted = admit(&outcome);
        let carry = outcome.carry(admitted.is_ok(), extensions.get());
        (admitted, carry)
    };
    apply(carry, request);
    Some(admitted)
}

/// What `admit` says of a new outcome, which is stored with the request.
pub(crate) fn store<T>(
    request: &HttpRequest,
    fresh: Fresh<'_>,
    admit: impl FnOnce(&Outcome<'_>) -> Admitted<T>,
) -> Admitted<T> {
    let fresh = fresh.after(request.extensions().get());
    let outcome = fresh.outcome();
    let admitted = admit(&outcome);
    let carry = outcome.carry(admitted.is_ok(), request.extensions().get());
    apply(carry, request);
    request.extensions_mut().insert(fresh.into_verified());
    admitted
}

/// The claims of whoever is signed in stand in the extensions, for middleware, handlers and `ReqData<Arc<Claims>>`.
fn apply(carry: Carry, request: &HttpRequest) {
    match carry {
        Carry::Unchanged => {}
        Carry::Insert(claims) => drop(request.extensions_mut().insert(claims)),
        Carry::Remove => drop(request.extensions_mut().remove::<Arc<Claims>>()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::test::TestRequest;
    use rampart_core::{AnyUser, Event};
    use rampart_issuer::{Algorithm, LocalIssuer};

    use super::*;

    /// Middleware of one object may run while a guard of another waits.
    #[actix_web::test]
    async fn objects_verify_apart_and_each_once_while_keys_are_fetched() {
        let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap();
        let counting = || {
            let refused = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&refused);
            let auth = RampartAuth::builder(issuer.url(), issuer.audience()).on_event(move |event| {
                count.fetch_add(usize::from(matches!(event, Event::TokenRefused(_))), Ordering::Relaxed);
            });
            (auth.build().unwrap(), refused)
        };
        let ((ours, by_ours), (other, by_other)) = (counting(), counting());
        let (kid, stranger) = (issuer.key().kid().to_owned(), issuer.add_unpublished_key(Algorithm::ES256).unwrap());
        let forged = format!("Bearer {}", issuer.token().key(&stranger).kid(&kid).sign().unwrap());
        let request = TestRequest::default().insert_header(("authorization", forged)).to_http_request();
        let admit = |outcome: &Outcome<'_>| outcome.required::<AnyUser>();
        let flights = [&other, &ours, &other, &ours].map(|auth| verify(&request, auth, admit).unwrap_err());
        for flight in flights {
            assert!(store(&request, flight.await, admit).is_err());
        }
        let told = [by_ours, by_other].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(told, [1, 1]);
    }
}
