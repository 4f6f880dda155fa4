#![doc = include_str!("../README.md")]

mod fault;
mod issuer;
mod key;
mod oauth;
mod record;
mod server;
mod token;

#[doc(inline)]
pub use crate::{
    fault::{Endpoint, Fault},
    issuer::{Builder, LocalIssuer},
    key::{Algorithm, SignError, SigningKey},
    record::RecordedRequest,
    token::{TokenBuilder, base64url, compact},
};
