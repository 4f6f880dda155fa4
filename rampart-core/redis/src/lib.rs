#![doc = include_str!("../README.md")]

mod address;
mod bounded;
mod connection;
mod error;
mod feed;
mod info;
mod link;
mod log;
mod look;
mod names;
mod proofs;
mod random;
mod revocation_feed;
mod settings;
mod store;
mod tls;

pub use crate::{
    error::ConnectError,
    proofs::SpentProofs,
    revocation_feed::RevocationFeed,
    settings::RedisSettings,
    store::{RedisStore, RedisStoreBuilder},
};
