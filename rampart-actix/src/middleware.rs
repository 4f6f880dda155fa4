//! Middleware: authentication in front of an application, a scope or a resource.

use std::fmt;
use std::future::{self, Future, Ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use pin_project_lite::pin_project;
use rampart_core::adapter::{Gate, Outcome};
use rampart_core::{Policy, RampartAuth};

use crate::config::RampartConfig;
use crate::rejection::AuthRejection;
use crate::responses::completed;
use crate::verification::{Admitted, store, verify};

/// Middleware made from a [`RampartAuth`]: authentication for a whole application, scope or resource.
///
/// Each inserts `Arc<Claims>` into the request's extensions, or removes it where nobody is signed in, and lets guards further in reuse
/// its result.
pub trait RampartAuthExt: sealed::Sealed {
    /// Any good token.
    fn require_auth(&self) -> AuthMiddleware;

    /// A good token with all of these roles. An empty list denies everyone.
    fn require_roles<S: Into<String>>(&self, roles: impl IntoIterator<Item = S>) -> AuthMiddleware;

    /// A good token with all of these scopes. An empty list denies everyone.
    fn require_scopes<S: Into<String>>(&self, scopes: impl IntoIterator<Item = S>) -> AuthMiddleware;

    /// A good token that meets a policy.
    fn require(&self, policy: Policy) -> AuthMiddleware;

    /// No token, or a good one; a bad one is refused.
    fn optional_auth(&self) -> AuthMiddleware;
}

rampart_core::__impl_layers!(AuthMiddleware);

/// Middleware that lets only requests pass which meet its gate: made by [`RampartAuthExt`].
///
/// The answer to a refused request is a response, not an error, so that middleware further out, such as CORS, treats it
/// as any other. `wrap` puts the last one outermost: CORS belongs after this, for it answers preflight requests,
/// which carry no token.
#[derive(Clone, Debug)]
pub struct AuthMiddleware {
    auth: RampartAuth,
    gate: Gate,
}

impl AuthMiddleware {
    const fn new(auth: RampartAuth, gate: Gate) -> Self {
        Self { auth, gate }
    }

    /// Whether the answer is to be completed, where the request passes.
    fn passes(&self, outcome: &Outcome<'_>) -> Admitted<bool> {
        outcome.pass(&self.gate)?;
        Ok(outcome.headers().next().is_some())
    }
}

/// Lets the request pass, or makes the rejection.
fn admit(passed: Admitted<bool>, request: &ServiceRequest) -> Result<bool, AuthRejection> {
    passed.map_err(|rejection| RampartConfig::refuse(rejection, request.request()))
}

impl<S, B> Transform<S, ServiceRequest> for AuthMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>> + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = S::Error;
    type Transform = AuthService<S>;
    type InitError = ();
    type Future = Ready<Result<AuthService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        future::ready(Ok(AuthService(Rc::new(Guarded { inner, middleware: self.clone() }))))
    }
}

/// A service behind an [`AuthMiddleware`].
#[derive(Debug)]
pub struct AuthService<S>(Rc<Guarded<S>>);

#[derive(Debug)]
struct Guarded<S> {
    inner: S,
    middleware: AuthMiddleware,
}

impl<S, B> Service<ServiceRequest> for AuthService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>> + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B, S::Error>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let Guarded { inner, middleware } = &*self.0;
        let kind = match verify(request.request(), &middleware.auth, |outcome| middleware.passes(outcome)) {
            Ok(passed) => match admit(passed, &request) {
                Ok(completes) => Kind::Inner { future: inner.call(request), completes },
                Err(rejection) => Kind::Rejected { response: Some(request.error_response(rejection)) },
            },
            Err(flight) => {
                // Only here the service must outlive the call.
                let guarded = Rc::clone(&self.0);
                Kind::Waiting {
                    future: Box::pin(async move {
                        let passed =
                            store(request.request(), flight.await, |outcome| guarded.middleware.passes(outcome));
                        match admit(passed, &request) {
                            Ok(completes) => {
                                let response = guarded.inner.call(request).await?;
                                Ok(if completes { completed(response) } else { response }.map_into_left_body())
                            }
                            Err(rejection) => Ok(request.error_response(rejection).map_into_right_body()),
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
    pub struct ResponseFuture<F, B, E> {
        #[pin]
        kind: Kind<F, B, E>,
    }
}

type Waiting<B, E> = Pin<Box<dyn Future<Output = Result<ServiceResponse<EitherBody<B>>, E>>>>;

pin_project! {
    #[project = KindProjection]
    enum Kind<F, B, E> {
        Inner { #[pin] future: F, completes: bool },
        Rejected { response: Option<ServiceResponse> },
        Waiting { future: Waiting<B, E> },
    }
}

impl<F, B, E> fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<F, B, E> Future for ResponseFuture<F, B, E>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { future, completes } => {
                let response = ready!(future.poll(context))?;
                let response = if *completes { completed(response) } else { response };
                Poll::Ready(Ok(response.map_into_left_body()))
            }
            // A future is not polled again once it is done.
            KindProjection::Rejected { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response.map_into_right_body())))
            }
            KindProjection::Waiting { future } => future.as_mut().poll(context),
        }
    }
}
