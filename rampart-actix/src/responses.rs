//! Headers that good answers get from the verification of their request.

use std::fmt;
use std::future::{self, Future, Ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use pin_project_lite::pin_project;
use rampart_core::adapter::Verified;

use crate::head::DPOP;
use crate::rejection::add;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Middleware around an application whose handlers take guards as parameters, where proofs need a nonce
/// ([`Dpop::nonces`](rampart_core::Dpop::nonces)): good answers then bring a new one in time, which spares clients a refusal a minute.
/// Middleware of this crate does so by itself, and every refusal does.
///
/// An answer whose `Cache-Control` lets somebody keep it gets none; one without that field gets `no-store` with it. Where a request has
/// no `DPoP` header, it costs one look-up.
///
/// ```
/// use actix_web::{App, web};
/// use rampart_actix::{RampartAuth, RequireAuth, responses};
///
/// # fn example(auth: RampartAuth) {
/// async fn profile(user: RequireAuth) -> String {
///     user.sub.clone()
/// }
/// App::new().app_data(web::Data::new(auth)).route("/profile", web::get().to(profile)).wrap(responses());
/// # }
/// ```
pub const fn responses() -> ResponsesMiddleware {
    ResponsesMiddleware(())
}

/// See [`responses`].
#[derive(Clone, Copy, Debug)]
pub struct ResponsesMiddleware(());

impl<S, B> Transform<S, ServiceRequest> for ResponsesMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Transform = ResponsesService<S>;
    type InitError = ();
    type Future = Ready<Result<ResponsesService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        future::ready(Ok(ResponsesService(inner)))
    }
}

/// A service behind a [`ResponsesMiddleware`].
#[derive(Debug)]
pub struct ResponsesService<S>(S);

impl<S, B> Service<ServiceRequest> for ResponsesService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AnswerFuture<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let has_proof = request.headers().contains_key(DPOP);
        AnswerFuture { future: self.0.call(request), has_proof }
    }
}

pin_project! {
    /// The response of a [`ResponsesService`].
    pub struct AnswerFuture<F> {
        #[pin]
        future: F,
        has_proof: bool,
    }
}

impl<F, E, B> Future for AnswerFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(context));
        Poll::Ready(if *this.has_proof { response.map(completed) } else { response })
    }
}

impl<F> fmt::Debug for AnswerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerFuture").finish_non_exhaustive()
    }
}

/// An answer with what it lacks: where it has a nonce already, that is of a refusal, or of middleware further in.
pub(crate) fn completed<B>(mut response: ServiceResponse<B>) -> ServiceResponse<B> {
    if !response.headers().contains_key(DPOP_NONCE) {
        let request = response.request().clone();
        if let Some(verified) = request.extensions().get::<Verified>() {
            let own: Vec<HeaderValue> = response.headers().get_all(CACHE_CONTROL).cloned().collect();
            add(verified.answer_headers(own.iter().map(HeaderValue::as_bytes)), response.headers_mut());
        }
    }
    response
}
