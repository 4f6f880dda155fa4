//! [setting]: rampart_core#settings-1
//! [answers]: rampart_core#what-the-caller-gets
//! [the log]: rampart_core#the-log
//! [manual]: rampart_core::manual
//!
#![doc = include_str!("../README.md")]

mod answer;
mod config;
mod extract;
mod head;
mod logout;
mod middleware;
mod rejection;
mod responses;
mod verification;

#[doc(inline)]
pub use crate::{
    config::RampartConfig,
    extract::{Extraction, OptionalAuth, RequireAuth},
    logout::backchannel_logout,
    middleware::{AuthMiddleware, AuthService, RampartAuthExt, ResponseFuture},
    rejection::AuthRejection,
    responses::{AnswerFuture, ResponsesMiddleware, ResponsesService, responses},
};
#[doc(no_inline)]
pub use rampart_core::{
    Algorithm, AnyOf, AnyUser, Audience, AuthError, ClaimError, ClaimFields, Claims, ConfigError, Dpop, Event, Grants,
    Health, Introspection, Issuer, JwksState, Mark, NonceKey, Policy, RampartAuth, RampartAuthBuilder, Requirement,
    Revocation, Revocations, RolesFromNames, Rule, Settings, issued_by, roles, scopes,
};
