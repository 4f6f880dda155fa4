//! Guards: what a handler takes as a parameter.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use rampart_core::adapter::{Verification, Verified};
use rampart_core::{RampartAuth, Rejection, Requirement};

use crate::rejection::AuthRejection;

rampart_core::__adapter_guards! {
    ///
    /// **Do not take `Option<RequireAuth>` instead.** In actix-web an `Option` turns *every* error of an extractor into
    /// `None`: a forged or expired token would pass as anonymous, and so would a request while no keys can be had. No
    /// library can prevent it; this type is what is meant.
}

/// The `RampartAuth` of the application. Without one, nobody passes.
fn configured(request: &HttpRequest) -> Result<&RampartAuth, Rejection> {
    let shared = request.app_data::<web::Data<RampartAuth>>().map(web::Data::get_ref);
    match (shared, request.app_data::<RampartAuth>()) {
        (Some(auth), None) | (None, Some(auth)) => return Ok(auth),
        (Some(auth), Some(bare)) if auth.is_same(bare) => return Ok(auth),
        (None, None) => tracing::error!(
            target: "rampart",
            "a guard found no RampartAuth: add `.app_data(web::Data::new(auth))` to the App or the scope"
        ),
        // One of them is nearer to the route, but nothing tells which.
        (Some(_), Some(_)) => tracing::error!(
            target: "rampart",
            "a guard found two RampartAuth, one in web::Data and one without: add each with `.app_data(web::Data::new(auth))`"
        ),
    }
    Err(Rejection::not_configured())
}

/// The outcome that is stored with the request, if it is by the same object.
fn stored(request: &HttpRequest, auth: &RampartAuth) -> Option<Verified> {
    request.extensions().get::<Verified>().filter(|verified| verified.is_by(auth)).cloned()
}

/// The outcome for this request, the stored one or a new one, or what must be awaited for it.
pub(crate) fn verify(request: &HttpRequest, auth: &RampartAuth) -> Result<Verified, Verification> {
    if let Some(verified) = stored(request, auth) {
        return Ok(verified);
    }
    let verified = auth.verification(request.headers().get_all(AUTHORIZATION)).now()?;
    request.extensions_mut().insert(verified.clone());
    Ok(verified)
}

impl<R: Requirement + 'static> FromRequest for RequireAuth<R> {
    type Error = AuthRejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extraction<Self> {
        Extraction::new(request, |verified| verified.required::<R>().map(Self::new))
    }
}

/// `None` only where the request carries no token.
impl<R: Requirement + 'static> FromRequest for OptionalAuth<R> {
    type Error = AuthRejection;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Extraction<Self> {
        Extraction::new(request, |verified| verified.optional::<R>().map(Self::new))
    }
}

/// The future of a guard: ready at once unless keys must be fetched.
#[must_use = "a future does nothing unless it is polled"]
pub struct Extraction<G>(State<G>);

enum State<G> {
    /// `None` once it has been taken.
    Ready(Option<Result<G, AuthRejection>>),
    /// Only here the request must outlive the call.
    Waiting { request: HttpRequest, auth: RampartAuth, verification: Verification, admit: Admit<G> },
}

type Admit<G> = fn(&Verified) -> Result<G, Rejection>;

impl<G> Extraction<G> {
    fn new(request: &HttpRequest, admit: Admit<G>) -> Self {
        let refused = |rejection| AuthRejection::of(rejection, request);
        Self(match configured(request).map(|auth| (auth, verify(request, auth))) {
            Err(rejection) => State::Ready(Some(Err(refused(rejection)))),
            Ok((_, Ok(verified))) => State::Ready(Some(admit(&verified).map_err(refused))),
            Ok((auth, Err(verification))) => {
                State::Waiting { request: request.clone(), auth: auth.clone(), verification, admit }
            }
        })
    }
}

impl<G: Unpin> Future for Extraction<G> {
    type Output = Result<G, AuthRejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // A future is not polled again once it is done.
            State::Ready(outcome) => outcome.take().map_or(Poll::Pending, Poll::Ready),
            State::Waiting { request, auth, verification, admit } => {
                // actix-web starts all guards of a handler together: another one may have been faster.
                let verified = match stored(request, auth) {
                    Some(verified) => verified,
                    None => {
                        let verified = ready!(Pin::new(verification).poll(context));
                        request.extensions_mut().insert(verified.clone());
                        verified
                    }
                };
                Poll::Ready(admit(&verified).map_err(|rejection| AuthRejection::of(rejection, request)))
            }
        }
    }
}

impl<G> fmt::Debug for Extraction<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extraction").finish_non_exhaustive()
    }
}
