//! What is verified, rule by rule: V1 to V12, the keys, the settings, and what the caller gets. Cases are data; their ids
//! (`A01`, `B07`, ..) are those of `tests/security-cases.toml`.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test fails by a panic")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/threads.rs"]
mod threads;

mod adapter;
mod asked;
mod bearer;
mod claim_names;
mod claims;
mod config;
mod curve_signature;
mod entra;
mod events;
mod header;
mod inquiry;
mod issuers;
mod jws_vectors;
mod keys;
mod kinds;
mod log_lines;
mod mac;
mod names;
mod order;
mod other_claims;
mod outcome;
mod payload;
mod presets;
mod public_api;
mod rampart_server;
mod reading;
mod rejection;
mod requirement;
mod resolver;
mod roca;
mod rsa_signature;
mod serialization;
mod signature;
mod times;
mod unusable_keys;
