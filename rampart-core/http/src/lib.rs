#![doc = include_str!("../README.md")]

mod address;
mod backoff;
mod client;
mod error;
mod exchange;
pub mod json;
mod metadata;
pub mod outbox;
mod redirect;
mod runtime;
mod secret;
pub mod single_flight;

pub use crate::{
    address::{
        below, checked_issuer, checked_secret, checked_text, checked_url, is_loopback, is_loopback_for_any_client,
    },
    backoff::{Backoff, retry_after},
    client::{SetUp, Timeouts, client},
    error::ConfigError,
    exchange::{ExchangeError, MAX_BODY_BYTES, TOTAL_TIMEOUT, read_body, send, send_anew},
    metadata::{Location, METADATA_PATH, MetadataError},
    redirect::Redirect,
    runtime::{Unfit, fit_runtime},
    secret::Secret,
};
