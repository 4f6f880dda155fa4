#![doc = include_str!("../README.md")]

mod answer;
mod builder;
mod encoding;
mod fault;
mod issuer;
mod key;
mod oauth;
mod record;
mod server;
mod state;
mod token;

#[doc(inline)]
pub use crate::{
    builder::Builder,
    encoding::base64url,
    fault::{Endpoint, Fault},
    issuer::LocalIssuer,
    key::{Algorithm, SignError, SigningKey},
    record::RecordedRequest,
    token::{TokenBuilder, compact},
};
