//! [manual]: crate::manual
//!
#![doc = include_str!("../README.md")]

pub mod adapter;
mod auth;
mod authenticate;
mod bearer;
mod builder;
mod challenge;
mod clock;
mod combination;
mod error;
mod event;
mod headers;
mod health;
mod issuer;
mod jose;
mod jwks;
pub mod manual;
mod mistakes;
mod outcome;
mod rejection;
mod request;
mod requirement;
mod rule;
mod scopes;
mod settings;
mod token;
mod verifier;

#[doc(inline)]
pub use crate::{
    auth::RampartAuth,
    authenticate::{Authenticate, AuthenticateOptional},
    builder::RampartAuthBuilder,
    combination::AnyOf,
    error::AuthError,
    event::{AmbiguousKey, Event, RefusedToken},
    health::{JwksHealth, JwksState},
    jose::algorithm::{Algorithm, UnknownAlgorithm},
    jose::key_set::{Jws, KeySet, KeySetError},
    rejection::Rejection,
    requirement::{AnyUser, Policy, Requirement},
    rule::Rule,
    settings::Settings,
    token::claims::{Audience, ClaimError, ClaimFields, Claims},
};

#[doc(inline)]
pub use rampart_http::ConfigError;

#[doc(hidden)]
pub use crate::requirement::__private;
