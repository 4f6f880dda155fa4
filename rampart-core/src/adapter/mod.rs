//! For adapters to web frameworks: what they share, so that they only hand in requests and convert answers.
//!
//! An adapter shows a request as a [`RequestHead`], calls [`RampartAuth::verification`](crate::RampartAuth::verification), lets a
//! [`Requirement`](crate::Requirement) or a [`Gate`] decide by the [`Outcome`], and keeps the [`Verified`] with the request for
//! whoever asks next. Where guards of one request may be asked at the same time, its [`Flights`] are kept with it too, so that it is
//! verified once also while keys are fetched.
//!
//! ```
//! use rampart_core::adapter::{RequestHead, Verification, Verified};
//! use rampart_core::{AnyUser, RampartAuth};
//!
//! /// What a framework calls with a request: the status and body of the answer.
//! async fn handle(auth: &RampartAuth, head: &impl RequestHead, stored: &mut Option<Verified>) -> (u16, String) {
//!     // One verification a request: what is stored counts where it is of this object, and of the request as it is now.
//!     let known = stored.as_ref().and_then(|verified| verified.by(auth, head));
//!     let decided = match known {
//!         Some(outcome) => outcome.required::<AnyUser>(),
//!         None => {
//!             let fresh = match auth.verification(head) {
//!                 Verification::Ready(fresh) => fresh,
//!                 Verification::Pending(pending) => pending.await, // keys must be fetched first
//!             };
//!             let fresh = fresh.after(stored.as_ref());
//!             let decided = fresh.outcome().required::<AnyUser>();
//!             *stored = Some(fresh.into_verified());
//!             decided
//!         }
//!     };
//!     match decided {
//!         Ok(claims) => (200, format!("Hello, {}", claims.sub)),
//!         Err(rejection) => (rejection.status(), rejection.into_body()), // and its headers()
//!     }
//! }
//! ```

mod macros;

use crate::event::{self, Event};

#[doc(inline)]
pub use crate::{
    flights::{Flight, Flights},
    gate::Gate,
    inquiry::Inquiry,
    logout::reply::LogoutReply,
    outcome::{Carry, Outcome, Verified},
    request::{Authorization, ClientCertificate, Connection, RequestHead},
    verification::{Fresh, Pending, Verification},
};

/// Says in the log that an application is not set up as its adapter needs it: what is missing, and the remedy.
pub fn not_set_up(problem: &str) {
    event::log(&Event::NotSetUp { problem });
}
