#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod authentication;
mod client;
mod config;
mod endpoint;
mod environment;
mod error;
mod exchange;
mod introspection;
mod lifetime;
#[cfg(feature = "middleware")]
mod middleware;
mod news;
mod pause;
mod proxy;
mod redaction;
mod redirects;
mod registration;
mod request;
mod revocation;
mod sets;
mod settings;
mod shown;
mod slot;
mod state;
mod token;
mod token_type;
mod turns;

#[cfg(feature = "middleware")]
#[cfg_attr(docsrs, doc(cfg(feature = "middleware")))]
#[doc(inline)]
pub use crate::middleware::RampartMiddleware;
#[doc(inline)]
pub use crate::{
    authentication::SigningAlgorithm,
    client::RampartClient,
    config::RampartClientBuilder,
    error::ClientError,
    redirects::redirects_within_origin,
    request::TokenRequest,
    token::{AccessToken, Token},
};
#[doc(inline)]
pub use rampart_http::{
    AnswerFormat, ConfigError, Introspecting, IntrospectionError, IntrospectionMode, IntrospectionSettings, Question,
    Secret, TokenIntrospector,
};
