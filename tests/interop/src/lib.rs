//! Real servers, and the three Task APIs that accept their tokens.
//!
//! `cargo test --manifest-path tests/interop/Cargo.toml` brings each server into `target/interop` by `install.sh`, from the public
//! registries, and starts it on this machine; it fails where one cannot be had, and skips none. It ends all that it has started.
//!
//! The APIs are the programs in `examples`, as they are. Each server says what the `[auth]` section of their configuration file has to
//! say so that they accept its tokens; a server for which there is a preset says no more than that.
//!
//! - [`server`]: what the servers have in common;
//! - [`setup`]: what the Task APIs are told before they start;
//! - [`apis`]: the Task APIs on axum, actix-web and Rocket, asked the same;
//! - [`answer`]: what they answer;
//! - [`token`]: what a token says, and what others make of it;
//! - [`browser`]: a user who signs in;
//! - [`http`]: requests to a server;
//! - [`receiver`]: an address to which a server sends something;
//! - [`keys`]: keys to sign with;
//! - [`process`]: a program as a process;
//! - [`cases`]: what is asserted of every server;
//! - [`keycloak`], [`oidc_provider`], [`glewlwyd`], [`zitadel`]: the servers.

pub mod answer;
pub mod apis;
pub mod browser;
pub mod cases;
pub mod glewlwyd;
pub mod http;
pub mod keycloak;
pub mod keys;
pub mod oidc_provider;
pub mod process;
pub mod receiver;
pub mod server;
pub mod setup;
pub mod token;
pub mod zitadel;
