//! Tokens that are bound to a key, and the proofs of their senders (RFC 9449): what the conformance suite cannot show, because it
//! takes a clock, a store or a wait of its own. The ids (`DP41`, ..) are those of `tests/security-cases.toml`.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test fails by a panic")]

mod common;
mod keys;
mod nonces;
mod requests;
mod settings;
mod spending;
mod targets;
mod times;
