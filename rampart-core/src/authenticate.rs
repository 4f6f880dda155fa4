//! What comes of a request, as a future: mostly there at once.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::answer::error::AuthError;
use crate::answer::headers::Headers;
use crate::bearer::Scheme;
use crate::binding::spent::Spent;
use crate::event::{self, Event};
use crate::token::claims::Claims;

pub(crate) type OptionalVerdict = Result<Option<Arc<Claims>>, AuthError>;

/// All that comes of a request.
pub(crate) struct Settled {
    pub(crate) verdict: OptionalVerdict,
    /// By which the token came; where there is none, the usual one.
    pub(crate) scheme: Scheme,
    /// For the answer.
    pub(crate) headers: Headers,
    /// The proof that it has cost.
    pub(crate) spent: Option<Spent>,
}

impl Settled {
    pub(crate) const fn new(verdict: OptionalVerdict, scheme: Scheme) -> Self {
        Self { verdict, scheme, headers: Headers::new(), spent: None }
    }
}

/// The outcome of [`RampartAuth::authenticate`](crate::RampartAuth::authenticate): ready at once unless keys must be fetched.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Authenticate(pub(crate) AuthenticateOptional);

/// The outcome of [`RampartAuth::authenticate_optional`](crate::RampartAuth::authenticate_optional): ready at once unless keys
/// must be fetched.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct AuthenticateOptional(Progress);

enum Progress {
    /// `None` once it has been taken.
    Ready(Option<Settled>),
    /// Keys must be fetched first, or a store be asked.
    Waiting(Pin<Box<dyn Future<Output = Settled> + Send>>),
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Ready(_)) { "Ready" } else { "Waiting" })
    }
}

impl AuthenticateOptional {
    /// Whether it is known that the request carries no token.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(&self.0, Progress::Ready(Some(Settled { verdict: Ok(None), .. })))
    }

    pub(crate) const fn ready(settled: Settled) -> Self {
        Self(Progress::Ready(Some(settled)))
    }

    pub(crate) fn waiting(settled: impl Future<Output = Settled> + Send + 'static) -> Self {
        Self(Progress::Waiting(Box::pin(settled)))
    }

    /// The outcome where it is known already, so that nothing needs to be awaited; `None` where keys must be fetched, and
    /// once the outcome has been taken.
    pub fn now(&mut self) -> Option<Result<Option<Arc<Claims>>, AuthError>> {
        self.settled().map(|settled| settled.verdict)
    }

    /// All of it, likewise.
    pub(crate) fn settled(&mut self) -> Option<Settled> {
        if let Progress::Ready(settled) = &mut self.0 { settled.take() } else { None }
    }

    pub(crate) fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<Settled> {
        // Taken out, so that nothing that has ended, or has panicked, is ever polled again.
        match std::mem::replace(&mut self.0, Progress::Ready(None)) {
            Progress::Ready(settled) => {
                Poll::Ready(settled.unwrap_or_else(|| Settled::new(Err(taken_already()), Scheme::Bearer)))
            }
            Progress::Waiting(mut future) => {
                let poll = future.as_mut().poll(context);
                if poll.is_pending() {
                    self.0 = Progress::Waiting(future);
                }
                poll
            }
        }
    }
}

impl Future for AuthenticateOptional {
    type Output = Result<Option<Arc<Claims>>, AuthError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_settled(context).map(|settled| settled.verdict)
    }
}

/// A future that is polled again after it was done: a mistake of the program, which says nothing about the token. An error
/// rather than a panic, and rather than waiting for ever.
fn taken_already() -> AuthError {
    event::log(&Event::OutcomeTaken);
    AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) }
}

impl Future for Authenticate {
    type Output = Result<Arc<Claims>, AuthError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(outcome.and_then(|claims| claims.ok_or(AuthError::MissingToken)))
    }
}
