//! [defaults]: self::defaults
//! [rules]: self::rules
//! [threats]: self::threats
//! [log]: self::log
//! [presets]: self::presets
//! [DPoP]: self::dpop
//! [introspection]: self::introspection
//! [revocation]: self::revocation
//! [how to]: self::how_to
//! [Rampart itself]: self::rampart_itself
//! [rampart-rust]: self::coming_from_rampart_rust
//! [FastAPI or Flask]: self::coming_from_python
//! [another JWT crate]: self::coming_from_jwt_crates
//! [versions]: self::versions
//!
#![doc = include_str!("README.md")]

/// Every default, and why it is what it is.
pub mod defaults {
    #![doc = include_str!("defaults.md")]
}

/// The rules of verification, by the names that the log gives them.
///
/// [DPoP]: crate::manual::dpop
/// [introspection]: crate::manual::introspection
/// [revocation]: crate::manual::revocation
pub mod rules {
    #![doc = include_str!("rules.md")]
}

/// Every attack and where it is stopped, and what the library does not protect against.
///
/// [dpop]: crate::manual::dpop
/// [introspection]: crate::manual::introspection
/// [revocation]: crate::manual::revocation
pub mod threats {
    #![doc = include_str!("threats.md")]
}

/// What is logged, at which level, with which fields.
///
/// [rules]: crate::manual::rules
/// [Rampart itself]: crate::manual::rampart_itself
pub mod log {
    #![doc = include_str!("log.md")]
}

/// What each preset of [`Issuer`](crate::Issuer) sets, and why.
///
/// [Rampart itself]: crate::manual::rampart_itself
pub mod presets {
    #![doc = include_str!("presets.md")]
}

/// What no longer passes although it has not expired.
pub mod revocation {
    #![doc = include_str!("revocation.md")]
}

// The examples of the pages below use the other crates of the workspace; `rampart-docs-tests` compiles them.

/// How to do what the first page of a crate does not show.
///
/// [Rampart itself]: crate::manual::rampart_itself
/// [revocation]: crate::manual::revocation
#[cfg(not(doctest))]
pub mod how_to {
    #![doc = include_str!("how_to.md")]
}

/// Tokens that are bound to a key of their sender (RFC 9449).
///
/// [rules]: crate::manual::rules
#[cfg(not(doctest))]
pub mod dpop {
    #![doc = include_str!("dpop.md")]
}

/// Opaque tokens, and JWTs that the issuer is asked about as well (RFC 7662).
///
/// [rules]: crate::manual::rules
/// [log]: crate::manual::log
#[cfg(not(doctest))]
pub mod introspection {
    #![doc = include_str!("introspection.md")]
}

/// What a Rampart server hands out, and which of it an API accepts.
///
/// [accept both]: crate::manual::how_to#several-issuers
/// [Coming from rampart-rust]: crate::manual::coming_from_rampart_rust
#[cfg(not(doctest))]
pub mod rampart_itself {
    #![doc = include_str!("rampart_itself.md")]
}

/// The Rampart project's own crate and these crates side by side.
///
/// [Rampart itself]: crate::manual::rampart_itself
/// [rules]: crate::manual::rules
/// [how to]: crate::manual::how_to
#[cfg(not(doctest))]
pub mod coming_from_rampart_rust {
    #![doc = include_str!("coming_from_rampart_rust.md")]
}

/// The Python package and these crates side by side.
///
/// [rules]: crate::manual::rules
#[cfg(not(doctest))]
pub mod coming_from_python {
    #![doc = include_str!("coming_from_python.md")]
}

/// jsonwebtoken, jwt-authorizer, axum-jwt-auth and actix-web-httpauth, and these crates side by side.
///
/// [rules]: crate::manual::rules
/// [how to]: crate::manual::how_to
#[cfg(not(doctest))]
pub mod coming_from_jwt_crates {
    #![doc = include_str!("coming_from_jwt_crates.md")]
}

/// Semantic versioning, the minimum supported Rust version, and features.
pub mod versions {
    #![doc = include_str!("versions.md")]
}
