//! Headers that good answers get from the verification of their request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, HeaderName};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use rampart_core::adapter::Verified;
use tower_layer::Layer;
use tower_service::Service;

use crate::head::DPOP;
use crate::rejection::add;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A layer around a whole `Router` whose handlers take guards as parameters, where proofs need a nonce
/// ([`Dpop::nonces`](rampart_core::Dpop::nonces)): good answers then bring a new one in time, which spares clients a refusal a minute.
/// Layers of this crate do so by themselves, and every refusal does.
///
/// An answer whose `Cache-Control` lets somebody keep it gets none; one without that field gets `no-store` with it. Where a request has
/// no `DPoP` header, it costs one look-up.
///
/// ```
/// use axum::{Router, routing::get};
/// use rampart_axum::{RampartAuth, RequireAuth, responses};
///
/// fn app(auth: RampartAuth) -> Router {
///     async fn profile(user: RequireAuth) -> String {
///         user.sub.clone()
///     }
///     Router::new().route("/profile", get(profile)).layer(responses()).with_state(auth)
/// }
/// ```
pub const fn responses() -> ResponsesLayer {
    ResponsesLayer(())
}

/// See [`responses`].
#[derive(Clone, Copy, Debug)]
pub struct ResponsesLayer(());

impl<S> Layer<S> for ResponsesLayer {
    type Service = ResponsesService<S>;

    fn layer(&self, inner: S) -> ResponsesService<S> {
        ResponsesService(inner)
    }
}

/// A service behind a [`ResponsesLayer`].
#[derive(Clone, Debug)]
pub struct ResponsesService<S>(S);

impl<S, B, ResponseBody> Service<Request<B>> for ResponsesService<S>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AnswerFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let slot = request.headers().contains_key(DPOP).then(Slot::default);
        if let Some(slot) = &slot {
            request.extensions_mut().insert(slot.clone());
        }
        AnswerFuture { future: self.0.call(request), slot }
    }
}

pin_project! {
    /// The response of a [`ResponsesService`].
    pub struct AnswerFuture<F> {
        #[pin]
        future: F,
        slot: Option<Slot>,
    }
}

impl<F, E, ResponseBody> Future for AnswerFuture<F>
where
    F: Future<Output = Result<Response<ResponseBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.future.poll(context));
        if let (Ok(response), Some(slot)) = (&mut response, &*this.slot)
            && let Some(verified) = &*slot.0.lock()
        {
            complete(response.headers_mut(), verified);
        }
        Poll::Ready(response)
    }
}

impl<F> fmt::Debug for AnswerFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerFuture").finish_non_exhaustive()
    }
}

/// Where guards leave what they have for the answer: the extensions of a request end with its handler.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Verified>>>);

impl Slot {
    /// Leaves it there, where anybody waits for it.
    pub(crate) fn leave(extensions: &Extensions, verified: &Verified) {
        if verified.has_answer_headers()
            && let Some(slot) = extensions.get::<Self>()
        {
            *slot.0.lock() = Some(verified.clone());
        }
    }
}

/// Gives an answer what it lacks: where it has a nonce already, that is of a refusal, or of a layer further in.
pub(crate) fn complete(headers: &mut HeaderMap, verified: &Verified) {
    if headers.contains_key(DPOP_NONCE) {
        return;
    }
    let own: Vec<HeaderValue> = headers.get_all(CACHE_CONTROL).iter().cloned().collect();
    add(verified.answer_headers(own.iter().map(HeaderValue::as_bytes)), headers);
}
