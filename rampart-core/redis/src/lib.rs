#![doc = include_str!("../README.md")]

mod address;
mod bounded;
mod connection;
mod error;
mod link;
mod look;
mod names;
mod proofs;
mod store;
mod tls;

pub use crate::{
    error::ConnectError,
    proofs::SpentProofs,
    store::{RedisStore, RedisStoreBuilder},
};
