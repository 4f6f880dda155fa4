#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
#[cfg(feature = "auth")]
mod auth;
mod builder;
mod client;
mod dpop;
mod encoding;
mod fault;
mod flight;
mod introspection;
mod issuer;
mod jwt;
mod key;
mod oauth;
mod opaque;
mod proof;
mod record;
mod server;
mod shape;
mod state;
mod token;

#[doc(inline)]
pub use crate::{
    builder::Builder,
    dpop::{DpopKey, ProofBuilder, jwk_thumbprint},
    encoding::base64url,
    fault::{Endpoint, Fault},
    issuer::LocalIssuer,
    jwt::compact,
    key::{Algorithm, SignError, SigningKey},
    opaque::OpaqueBuilder,
    record::RecordedRequest,
    shape::Shape,
    token::TokenBuilder,
};
