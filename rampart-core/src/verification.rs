//! The verification of a request: done in the call, or waiting for keys.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::auth::RampartAuth;
use crate::authenticate::AuthenticateOptional;
use crate::outcome::{Outcome, Verified};
use crate::request::{RequestHead, Trace};

impl RampartAuth {
    /// Verifies a request, and keeps apart for which object and which request the outcome counts: for adapters.
    ///
    /// All of the request is read in the call.
    pub fn verification<'a>(&'a self, head: &impl RequestHead) -> Verification<'a> {
        self.verification_after(head, None)
    }

    /// The same of a request with which an outcome is kept already that does not count here, such as that of another object: a proof that
    /// this has cost is not spent a second time where both remember spent proofs in one store. See [`Fresh::after`] too.
    pub fn verification_after<'a>(&'a self, head: &impl RequestHead, earlier: Option<&Verified>) -> Verification<'a> {
        let (outcome, found) = self.begin_with(head, earlier.map(Verified::spent).unwrap_or_default());
        Verification::new(self, Trace::of(head, found, self.proofs().is_some()), outcome)
    }
}

/// A verification: done in the call, or waiting for keys.
#[expect(
    clippy::large_enum_variant,
    reason = "a box would cost every request an allocation, to save those that wait some bytes"
)]
#[expect(clippy::exhaustive_enums, reason = "an adapter has to say what it does in each case")]
#[must_use]
#[derive(Debug)]
pub enum Verification<'a> {
    /// It is done: nothing had to be awaited.
    Ready(Fresh<'a>),
    /// Keys must be fetched first.
    Pending(Pending),
}

/// A verification that waits for keys. It borrows nothing, so that it can be awaited anywhere.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Pending(Box<Waiting>);

#[derive(Debug)]
struct Waiting {
    auth: RampartAuth,
    trace: Trace,
    outcome: AuthenticateOptional,
}

impl Pending {
    /// Whether it is the verification that this object would make of a request: whoever asks for that one may wait for this.
    pub fn is_of(&self, auth: &RampartAuth, head: &impl RequestHead) -> bool {
        self.0.auth.is_same(auth) && self.0.trace.is_of(head)
    }
}

impl Future for Pending {
    type Output = Fresh<'static>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fresh<'static>> {
        let Waiting { auth, trace, outcome } = &mut *self.0;
        let settled = ready!(outcome.poll_settled(context));
        let auth = auth.clone();
        let verified = Verified::new(&auth, trace.clone(), settled);
        Poll::Ready(Fresh { auth: Cow::Owned(auth), verified })
    }
}

impl<'a> Verification<'a> {
    pub(crate) fn new(auth: &'a RampartAuth, trace: Trace, mut outcome: AuthenticateOptional) -> Self {
        match outcome.settled() {
            Some(settled) => {
                let verified = Verified::new(auth, trace, settled);
                Self::Ready(Fresh { auth: Cow::Borrowed(auth), verified })
            }
            None => Self::Pending(Pending(Box::new(Waiting { auth: auth.clone(), trace, outcome }))),
        }
    }
}

/// A verification that has just been made: its outcome counts for the request that it was made from.
#[derive(Debug)]
pub struct Fresh<'a> {
    auth: Cow<'a, RampartAuth>,
    verified: Verified,
}

/// For whoever has waited for it too, of the same request: what either is asked, both know.
impl Clone for Fresh<'_> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), verified: self.verified.clone() }.after(Some(&self.verified))
    }
}

impl Fresh<'_> {
    /// What it says.
    pub fn outcome(&self) -> Outcome<'_> {
        self.verified.as_it_is(&self.auth)
    }

    /// Where an outcome is kept with the request already that does not count here, such as that of another object: what was asked
    /// of the same token by then is not forgotten.
    #[must_use]
    pub fn after(mut self, earlier: Option<&Verified>) -> Self {
        if let Some(earlier) = earlier {
            self.verified.inherit(earlier);
        }
        self
    }

    /// To be kept with the request.
    pub fn into_verified(self) -> Verified {
        self.verified
    }
}
