#![doc = include_str!("../README.md")]

mod backoff;
mod client;
mod discovery;
mod endpoint_url;
mod error;
mod exchange;
mod form;
mod headers;
mod introspection;
mod issuer_url;
pub mod json;
mod location;
mod lookups;
mod loopback;
mod metadata;
pub mod outbox;
mod reach;
mod redirect;
mod runtime;
mod secret;
pub mod single_flight;
mod text;

pub use crate::{
    backoff::{Backoff, retry_after},
    client::{SetUp, Timeouts, client, client_to_strangers_host, public_client},
    discovery::Discovery,
    endpoint_url::EndpointUrl,
    error::ConfigError,
    exchange::{ExchangeError, TOTAL_TIMEOUT, read_body, send, send_anew},
    form::single_form_value,
    headers::OriginHeaders,
    introspection::{
        AnswerFormat, Introspecting, IntrospectionError, IntrospectionMode, IntrospectionSettings, Misplaced, Question,
        TokenIntrospector,
    },
    issuer_url::{IssuerUrl, checked_issuer_name},
    location::{Location, Settled, Way},
    lookups::{LookUp, Lookups},
    loopback::is_loopback_for_any_client,
    metadata::{Member, Metadata, MetadataError},
    reach::is_public,
    redirect::Redirect,
    runtime::{Unfit, fit_runtime},
    secret::Secret,
    text::{checked_secret, checked_text},
};
