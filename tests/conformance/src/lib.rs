//! The conformance suite: what every adapter must do, as data, and the means to ask each of them over a real socket.
//!
//! - [`case`]: what a case is; [`credentials`]: what its requests show; [`cases`]: the cases themselves, by topic;
//! - [`apps`]: the same application on each framework, and without HTTP on the core alone; the one list of who is asked;
//! - [`subject`]: asks one of them a case, and compares its answer;
//! - [`wire`]: a client that sends exactly the bytes it is given;
//! - [`fixture`]: the issuer, its keys, and the auth objects that all applications share; [`resolver`]: its tenants;
//!   [`revoked`]: whose tokens pass no more; [`full_store`]: where no more can be revoked; [`sender`]: whoever makes proofs;
//!   [`introspection`]: APIs that ask their issuer about tokens.
//!
//! `tests/conformance.rs` makes one test of each case and subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    reason = "a test fails by a panic"
)]
#![allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "a table of cases names every part of a case")]
#![allow(clippy::too_many_lines, reason = "a table of cases is as long as it is")]

pub mod apps;
pub mod case;
pub mod cases;
pub mod credentials;
pub mod fixture;
pub mod full_store;
pub mod introspection;
pub mod resolver;
pub mod revoked;
pub mod sender;
pub mod subject;
pub mod wire;
