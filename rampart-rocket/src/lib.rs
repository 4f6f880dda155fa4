//! [setting]: rampart_core#settings-1
//! [answers]: rampart_core#what-the-caller-gets
//! [the log]: rampart_core#the-log
//! [manual]: rampart_core::manual
//!
#![doc = include_str!("../README.md")]

mod admission;
mod asked;
mod attached;
mod fairing;
mod group;
mod guard;
mod head;
mod kept;
mod logout;
mod refused;
mod rejection;
mod settings;

#[doc(inline)]
pub use crate::{
    fairing::Rampart,
    group::{AuthRoutes, RampartAuthExt},
    guard::{OptionalAuth, RequireAuth},
    logout::backchannel_logout,
    refused::Refused,
    rejection::AuthRejection,
};
#[doc(no_inline)]
pub use rampart_core::{
    Algorithm, AnyOf, AnyUser, Audience, AuthError, ClaimError, ClaimFields, Claims, ConfigError, Dpop, Event, Grants,
    Health, Introspection, Issuer, JwksState, Mark, NonceKey, Policy, RampartAuth, RampartAuthBuilder, Requirement,
    Revocation, Revocations, RolesFromNames, Rule, Settings, issued_by, roles, scopes,
};
