//! Tokens that the issuer is asked about (RFC 7662, RFC 9701): rules, memory and floods, with a clock and answers of their own. The ids
//! (`IN01`, ..) are those of `tests/security-cases.toml`.
#![cfg(test)]

mod answers;
mod common;
mod every_token;
mod failures;
mod floods;
mod memory;
mod revocation;
mod routing;
mod settings;
mod signed;
