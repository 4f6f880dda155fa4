//! [manual]: rampart_core::manual
//!
#![doc = include_str!("../README.md")]

mod asked;
mod fairing;
mod guard;
mod head;
mod kept;
mod rejection;

#[doc(inline)]
pub use crate::{
    fairing::Rampart,
    guard::{AuthRejection, OptionalAuth, RequireAuth},
};
#[doc(no_inline)]
pub use rampart_core::{
    Algorithm, AnyOf, AnyUser, Audience, AuthError, ClaimError, ClaimFields, Claims, ConfigError, Event, JwksHealth,
    JwksState, Policy, RampartAuth, RampartAuthBuilder, Requirement, Rule, Settings, roles, scopes,
};
