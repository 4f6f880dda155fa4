//! Tower layers: authentication in front of a service, for axum routes, tonic and plain hyper.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;
use rampart_core::adapter::{Carry, Fresh, Gate, Outcome, Verification, Verified};
use rampart_core::{Policy, RampartAuth};
use tower_layer::Layer;
use tower_service::Service;

use crate::extract::apply;
use crate::grpc;
use crate::head::Head;
use crate::rejection::AuthRejection;
use crate::responses::complete;

/// Layers made from a [`RampartAuth`]: authentication for a whole route or group of routes.
///
/// Each inserts `Arc<Claims>` into the request's extensions, or removes it where nobody is signed in, and lets guards further in reuse
/// its result.
///
/// It is of [`RampartAuth`] alone, and may get more methods:
///
/// ```compile_fail,E0277
/// use rampart_axum::{AuthLayer, Policy, RampartAuthExt};
///
/// struct Mine;
///
/// impl RampartAuthExt for Mine {
///     fn require_auth(&self) -> AuthLayer { unimplemented!() }
///     fn require_roles<S: Into<String>>(&self, _: impl IntoIterator<Item = S>) -> AuthLayer { unimplemented!() }
///     fn require_scopes<S: Into<String>>(&self, _: impl IntoIterator<Item = S>) -> AuthLayer { unimplemented!() }
///     fn require(&self, _: Policy) -> AuthLayer { unimplemented!() }
///     fn optional_auth(&self) -> AuthLayer { unimplemented!() }
/// }
/// ```
pub trait RampartAuthExt: sealed::Sealed {
    /// Any good token.
    fn require_auth(&self) -> AuthLayer;

    /// A good token with all of these roles. An empty list denies everyone.
    fn require_roles<S: Into<String>>(&self, roles: impl IntoIterator<Item = S>) -> AuthLayer;

    /// A good token with all of these scopes. An empty list denies everyone.
    fn require_scopes<S: Into<String>>(&self, scopes: impl IntoIterator<Item = S>) -> AuthLayer;

    /// A good token that meets a policy.
    fn require(&self, policy: Policy) -> AuthLayer;

    /// No token, or a good one; a bad one is refused.
    fn optional_auth(&self) -> AuthLayer;
}

rampart_core::__impl_layers!(AuthLayer);

/// A [`tower_layer::Layer`] that lets only requests pass which meet its gate: made by [`RampartAuthExt`].
///
/// Use it with `Router::layer`, around the finished group: `.nest("/admin", admin.layer(auth.require_roles(["admin"])))`. What is
/// added to a router after its layer is not guarded, and `Router::route_layer` guards no fallback.
///
/// The answer to a refused call of gRPC (`Content-Type: application/grpc`) has no body, but a status of gRPC and its message:
/// `UNAUTHENTICATED` with 401, `PERMISSION_DENIED` with 403, `UNAVAILABLE` with 503, `INVALID_ARGUMENT` with 400. The challenge is
/// metadata then.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    auth: RampartAuth,
    gate: Gate,
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { inner, layer: self.clone() }
    }
}

/// A service behind an [`AuthLayer`].
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    inner: S,
    layer: AuthLayer,
}

impl AuthLayer {
    const fn new(auth: RampartAuth, gate: Gate) -> Self {
        Self { auth, gate }
    }

    /// Lets the request pass, with the claims in its extensions, or makes the answer.
    fn admit(&self, outcome: &Outcome<'_>, extensions: &Extensions) -> Result<Carry, AuthRejection> {
        outcome.pass(&self.gate)?;
        Ok(outcome.carry(true, extensions.get()))
    }

    /// The same by a new outcome, which is kept.
    fn admit_fresh<B>(&self, fresh: Fresh<'_>, request: &mut Request<B>) -> Result<ForAnswer, AuthRejection> {
        let fresh = fresh.after(request.extensions().get());
        let carry = self.admit(&fresh.outcome(), request.extensions())?;
        apply(carry, request.extensions_mut());
        let verified = fresh.into_verified();
        let for_answer = verified.has_answer_headers().then(|| Box::new(verified.clone()));
        request.extensions_mut().insert(verified);
        Ok(for_answer)
    }
}

impl<S, B, ResponseBody> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
    ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    ResponseBody::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let layer = &self.layer;
        let head = Head::of_request(&request);
        let known = request.extensions().get::<Verified>().and_then(|verified| verified.by(&layer.auth, &head));
        let admitted = match known.map(|outcome| layer.admit(&outcome, request.extensions())) {
            // Whoever has made the outcome completes the answer.
            Some(admitted) => Ok(admitted.map(|carry| {
                apply(carry, request.extensions_mut());
                None
            })),
            None => match layer.auth.verification_after(&head, request.extensions().get()) {
                Verification::Ready(fresh) => Ok(layer.admit_fresh(fresh, &mut request)),
                Verification::Pending(pending) => Err(pending),
            },
        };
        let kind = match admitted {
            Ok(Ok(for_answer)) => Kind::Inner { future: self.inner.call(request), for_answer },
            Ok(Err(rejection)) => {
                Kind::Rejected { response: Some(grpc::answer(rejection, grpc::is_call(request.headers()))) }
            }
            Err(pending) => {
                // Only here the service must outlive the call: take the one that is ready, leave a clone.
                let clone = self.inner.clone();
                let mut inner = std::mem::replace(&mut self.inner, clone);
                let layer = self.layer.clone();
                Kind::Waiting {
                    future: Box::pin(async move {
                        let is_grpc = grpc::is_call(request.headers());
                        match layer.admit_fresh(pending.await, &mut request) {
                            Ok(for_answer) => {
                                inner.call(request).await.map(|response| completed(response, for_answer.as_deref()))
                            }
                            Err(rejection) => Ok(grpc::answer(rejection, is_grpc)),
                        }
                    }),
                }
            }
        };
        ResponseFuture { kind }
    }
}

pin_project! {
    /// The response of an [`AuthService`]: the inner service's own future, unboxed, unless keys must be fetched first.
    pub struct ResponseFuture<F, E> {
        #[pin]
        kind: Kind<F, E>,
    }
}

/// What has headers for the answer, which is seldom.
type ForAnswer = Option<Box<Verified>>;

fn completed<B>(mut response: Response<B>, for_answer: Option<&Verified>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    if let Some(verified) = for_answer {
        complete(response.headers_mut(), verified);
    }
    response.map(Body::new)
}

type Waiting<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

pin_project! {
    #[project = KindProjection]
    enum Kind<F, E> {
        Inner { #[pin] future: F, for_answer: ForAnswer },
        Rejected { response: Option<Response<Body>> },
        Waiting { future: Waiting<E> },
    }
}

impl<F, E> fmt::Debug for ResponseFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, E, ResponseBody> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<Response<ResponseBody>, E>>,
    ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    ResponseBody::Error: Into<axum::BoxError>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { future, for_answer } => {
                let response = ready!(future.poll(context));
                Poll::Ready(response.map(|response| completed(response, for_answer.as_deref())))
            }
            // A future is not polled again once it is done.
            KindProjection::Rejected { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            KindProjection::Waiting { future } => future.as_mut().poll(context),
        }
    }
}
