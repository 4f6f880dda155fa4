//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0): whose word counts, and whom it signs out. The ids (`RV18`, ..) are those of
//! `tests/security-cases.toml`.
#![cfg(test)]

mod ground;
mod outages;
mod replies;
mod sessions;
mod tokens;
