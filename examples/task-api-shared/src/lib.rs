//! What the three Task APIs share: everything that is not about a web framework.
//!
//! [`start`] reads the environment, starts a local issuer where none is given, and prints curl lines to try. [`Store`] keeps
//! the tasks; its methods take what a handler has at hand and give back the [`Answer`] to send.
#![allow(clippy::exhaustive_structs, reason = "an example: what uses it changes with it")]

mod answer;
mod arguments;
mod custom_error;
mod local;
mod revocations;
mod start;
mod store;

pub use answer::{Answer, MAX_BODY};
pub use custom_error::custom_error;
pub use local::{LocalUser, check_local, local_token};
pub use rampart_core::{Claims, DpopMode, RampartAuth, Revocations};
pub use rampart_issuer::LocalIssuer;
pub use revocations::revoke;
pub use start::{Running, StartError, start};
pub use store::Store;

/// The origin of the browser application that may call the API.
pub const WEB_ORIGIN: &str = "http://localhost:5173";

rampart_core::roles! {
    /// May see and manage everything.
    pub Admin = "admin";
}

rampart_core::scopes! {
    /// May create tasks.
    pub TasksWrite = "tasks:write";
    /// May send e-mail.
    pub EmailSend = "email:send";
}
