//! [manual]: crate::manual
//!
#![doc = include_str!("../README.md")]

pub mod adapter;
mod answer;
mod asked;
mod auth;
mod authenticate;
mod bearer;
mod binding;
mod builder;
mod claim_settings;
mod clock;
mod environment;
mod event;
mod flights;
mod gate;
mod grants;
mod health;
mod inquiry;
mod inspection;
mod introspection;
mod issuer;
mod jose;
mod jwks;
mod logout;
pub mod manual;
mod mistakes;
mod outcome;
mod presets;
mod request;
mod requirement;
mod revocation;
mod rule;
mod seconds;
mod settings;
mod stands;
#[cfg(feature = "axum")]
mod state;
mod together;
mod token;
mod verification;
mod verifier;

#[doc(inline)]
pub use crate::{
    answer::error::AuthError,
    answer::rejection::Rejection,
    auth::{Beginning, RampartAuth},
    authenticate::{Authenticate, AuthenticateOptional},
    binding::dpop::{Dpop, DpopMode, DpopSettings},
    binding::nonce::NonceKey,
    binding::replay::{Insertion, ReplayStore, Spending, SpentProof, StoreHealth, Unavailable},
    builder::RampartAuthBuilder,
    claim_settings::{Mark, RequireClaim, RolesFromNames},
    event::{AmbiguousKey, Event, RefusedToken},
    grants::Grants,
    health::{Health, IssuerHealth, JwksState},
    introspection::Introspection,
    issuer::Issuer,
    jose::algorithm::{Algorithm, UnknownAlgorithm},
    jose::key_set::{Jws, KeySet, KeySetError},
    presets::entra::EntraTenants,
    requirement::combination::AnyOf,
    requirement::policy::Policy,
    requirement::{AnyUser, Requirement},
    revocation::Revocations,
    revocation::health::{RevocationHealth, RevocationState},
    revocation::kind::{NamedRevocation, Revocation, RevokeError},
    revocation::log::{Each, Followed, LogError, Logged, Place, RevocationLog, Snapshot},
    revocation::shared::SharedRevocations,
    rule::Rule,
    settings::{IssuerSettings, Settings},
    token::claims::{Audience, ClaimError, ClaimFields, Claims},
    verifier::live::IssuerResolver,
};

#[doc(inline)]
pub use rampart_http::{
    AnswerFormat, ConfigError, Introspecting, IntrospectionError, IntrospectionMode, IntrospectionSettings, Question,
    TokenIntrospector,
};

#[doc(hidden)]
pub use crate::requirement::__private;
