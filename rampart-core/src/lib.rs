//! [manual]: crate::manual
//!
#![doc = include_str!("../README.md")]

pub mod adapter;
mod algorithm;
mod auth;
mod bearer;
mod challenge;
mod claims;
mod clock;
mod combination;
mod config;
mod error;
mod guards;
mod headers;
mod health;
mod jwks;
mod jws;
mod key;
pub mod manual;
mod material;
mod mistakes;
mod pointer;
mod rejection;
mod request;
mod requirement;
mod roca;
mod settings;
mod times;
mod token_cache;
mod validation;
mod verification;

#[doc(inline)]
pub use crate::{
    algorithm::{Algorithm, UnknownAlgorithm},
    auth::{Authenticate, AuthenticateOptional, RampartAuth},
    claims::{Audience, ClaimError, ClaimFields, Claims},
    combination::AnyOf,
    config::RampartAuthBuilder,
    error::AuthError,
    health::{JwksHealth, JwksState},
    jwks::set::{Jws, KeySet, KeySetError},
    rejection::Rejection,
    requirement::{AnyUser, Policy, Requirement},
    settings::Settings,
};

#[doc(inline)]
pub use rampart_http::ConfigError;

#[doc(hidden)]
pub use crate::requirement::__private;
