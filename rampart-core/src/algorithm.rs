//! Signature algorithms, and sets of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A JWS signature algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9864).
///
/// Only asymmetric algorithms exist here: `none` and the HMAC family cannot be expressed, so they can never be accepted.
/// The first six are accepted by default; the others are accepted only where they are asked for, each by itself.
///
/// ```
/// use rampart_core::Algorithm;
///
/// assert_eq!("ES512".parse(), Ok(Algorithm::ES512));
/// assert!("es512".parse::<Algorithm>().is_err()); // names are case-sensitive
/// assert_eq!(Algorithm::EdDSA.to_string(), "EdDSA");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// Ed25519 under its RFC 8037 name.
    EdDSA,
    /// Ed25519 under its fully specified RFC 9864 name.
    Ed25519,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 11] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::EdDSA,
        Self::Ed25519,
    ];

    /// The name as it stands in the `alg` header parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Whether a key published for `self` may verify a token that says `header`: equal, or both names of Ed25519.
    pub(crate) fn names_same_scheme(self, header: Self) -> bool {
        let ed25519 = |algorithm| matches!(algorithm, Self::EdDSA | Self::Ed25519);
        self == header || (ed25519(self) && ed25519(header))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name given is not that of an algorithm this library verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown signature algorithm; use one of RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA, Ed25519"
)]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of algorithms: one bit each, so that the allow-list costs one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Algorithms(u16);

impl Algorithms {
    pub(crate) const ALL: Self = Self((1 << Algorithm::ALL.len()) - 1);

    pub(crate) fn of(list: &[Algorithm]) -> Self {
        Self(list.iter().fold(0, |bits, algorithm| bits | 1 << *algorithm as u16))
    }

    pub(crate) const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & 1 << algorithm as u16 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Default for Algorithms {
    fn default() -> Self {
        use Algorithm::{ES256, ES384, ES512, RS256, RS384, RS512};
        Self::of(&[RS256, RS384, RS512, ES256, ES384, ES512])
    }
}
