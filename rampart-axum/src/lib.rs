//! [setting]: rampart_core#settings-1
//! [answers]: rampart_core#what-the-caller-gets
//! [the log]: rampart_core#the-log
//! [manual]: rampart_core::manual
//!
#![doc = include_str!("../README.md")]

mod extract;
mod grpc;
mod head;
mod layer;
mod logout;
mod rejection;
mod responses;
mod state;

#[doc(inline)]
pub use crate::{
    extract::{OptionalAuth, RequireAuth},
    layer::{AuthLayer, AuthService, RampartAuthExt, ResponseFuture},
    logout::backchannel_logout,
    rejection::AuthRejection,
    responses::{AnswerFuture, ResponsesLayer, ResponsesService, responses},
    state::AuthState,
};
#[doc(no_inline)]
pub use rampart_core::{
    Algorithm, AnyOf, AnyUser, Audience, AuthError, ClaimError, ClaimFields, Claims, ConfigError, Dpop, Event, Grants,
    Health, Introspection, Issuer, JwksState, Mark, NonceKey, Policy, RampartAuth, RampartAuthBuilder, Requirement,
    Revocation, Revocations, RolesFromNames, Rule, Settings, issued_by, roles, scopes,
};
