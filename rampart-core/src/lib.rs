//! [manual]: crate::manual
//!
#![doc = include_str!("../README.md")]

pub mod adapter;
mod answer;
mod asked;
mod auth;
mod authenticate;
mod bearer;
mod builder;
mod clock;
mod combination;
mod environment;
mod event;
mod health;
mod issuer;
mod jose;
mod jwks;
pub mod manual;
mod mistakes;
mod outcome;
mod request;
mod requirement;
mod rule;
mod settings;
mod token;
mod verifier;

#[doc(inline)]
pub use crate::{
    answer::error::AuthError,
    answer::rejection::Rejection,
    auth::RampartAuth,
    authenticate::{Authenticate, AuthenticateOptional},
    builder::RampartAuthBuilder,
    combination::AnyOf,
    event::{AmbiguousKey, Event, RefusedToken},
    health::{JwksHealth, JwksState},
    jose::algorithm::{Algorithm, UnknownAlgorithm},
    jose::key_set::{Jws, KeySet, KeySetError},
    requirement::{AnyUser, Policy, Requirement},
    rule::Rule,
    settings::Settings,
    token::claims::{Audience, ClaimError, ClaimFields, Claims},
};

#[doc(inline)]
pub use rampart_http::ConfigError;

#[doc(hidden)]
pub use crate::requirement::__private;
