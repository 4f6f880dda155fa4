//! The key cache and the cache of verified tokens, against an issuer on a real socket and on clocks that stand still. Ids
//! (`S01`, `T01`, ..) are those of `tests/security-cases.toml`.
#![cfg(test)]
#![allow(clippy::string_slice, clippy::unchecked_time_subtraction, reason = "a test fails by a panic")]

#[path = "../common/log.rs"]
#[allow(dead_code, reason = "each test program uses its own part")]
mod log;
mod support;
#[path = "../common/threads.rs"]
mod threads;

mod by_hand;
mod default_address;
mod discovery;
mod failures;
mod fetch;
mod floods;
mod header;
mod issuers;
mod misuse;
mod names;
mod readiness;
mod rotation;
mod runtimes;
mod shapes;
mod states;
mod tls;
mod token_cache;
mod transport;
mod unknown_kids;
mod validators;
mod without_keys;
