//! Signature algorithms, and sets of them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, VerificationAlgorithm,
};
use serde::de::{Error, Expected, Unexpected};
use serde::{Deserialize, Deserializer};

/// What there is to know of an algorithm.
pub(crate) struct Row {
    /// As it stands in the `alg` header parameter.
    pub(crate) name: &'static str,
    /// Each algorithm belongs to one kind of key (RFC 7518 sections 3.3 to 3.5, RFC 8037).
    pub(crate) kind: Kind,
    /// Whether it is accepted where nobody has named any.
    by_default: bool,
    pub(crate) scheme: Scheme,
}

/// What the cryptographic library is told.
pub(crate) enum Scheme {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
}

/// Kind of key: `kty` with its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl Kind {
    /// Bytes of one coordinate (RFC 7518 section 6.2.1.2, RFC 8037 section 2).
    pub(crate) const fn coordinate_bytes(self) -> usize {
        match self {
            Self::Rsa => 0,
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

const BY_DEFAULT: bool = true;
const ON_REQUEST: bool = false;

/// Makes of the one table the enum, the list of its members, and the row of each.
macro_rules! algorithms {
    (
        $(#[$of_enum:meta])*
        enum {
            $($(#[$of_member:meta])* $name:ident: $kind:ident, $by_default:ident, $scheme:ident($parameters:ident);)*
        }
    ) => {
        $(#[$of_enum])*
        pub enum Algorithm {
            $($(#[$of_member])* $name,)*
        }

        impl Algorithm {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        name: stringify!($name),
                        kind: Kind::$kind,
                        by_default: $by_default,
                        scheme: Scheme::$scheme(&$parameters),
                    },)*
                }
            }
        }
    };
}

algorithms! {
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
    enum {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        RS256: Rsa, BY_DEFAULT, Rsa(RSA_PKCS1_2048_8192_SHA256);
        /// RSASSA-PKCS1-v1_5 with SHA-384.
        RS384: Rsa, BY_DEFAULT, Rsa(RSA_PKCS1_2048_8192_SHA384);
        /// RSASSA-PKCS1-v1_5 with SHA-512.
        RS512: Rsa, BY_DEFAULT, Rsa(RSA_PKCS1_2048_8192_SHA512);
        /// ECDSA on P-256 with SHA-256.
        ES256: P256, BY_DEFAULT, Curve(ECDSA_P256_SHA256_FIXED);
        /// ECDSA on P-384 with SHA-384.
        ES384: P384, BY_DEFAULT, Curve(ECDSA_P384_SHA384_FIXED);
        /// ECDSA on P-521 with SHA-512.
        ES512: P521, BY_DEFAULT, Curve(ECDSA_P521_SHA512_FIXED);
        /// RSASSA-PSS with SHA-256.
        PS256: Rsa, ON_REQUEST, Rsa(RSA_PSS_2048_8192_SHA256);
        /// RSASSA-PSS with SHA-384.
        PS384: Rsa, ON_REQUEST, Rsa(RSA_PSS_2048_8192_SHA384);
        /// RSASSA-PSS with SHA-512.
        PS512: Rsa, ON_REQUEST, Rsa(RSA_PSS_2048_8192_SHA512);
        /// Ed25519 under its RFC 8037 name.
        EdDSA: Ed25519, ON_REQUEST, Curve(ED25519);
        /// Ed25519 under its fully specified RFC 9864 name.
        Ed25519: Ed25519, ON_REQUEST, Curve(ED25519);
    }
}

impl Algorithm {
    /// The name as it stands in the `alg` header parameter.
    pub const fn as_str(self) -> &'static str {
        self.row().name
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
#[error("unknown signature algorithm; use one of {}", names())]
#[expect(clippy::exhaustive_structs, reason = "it is compared as it is")]
pub struct UnknownAlgorithm;

fn names() -> String {
    Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

/// What a file may say, for the errors of whatever reads it.
struct OneOf;

impl Expected for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", names())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|_| D::Error::invalid_value(Unexpected::Other("another name"), &OneOf))
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
        let by_default: Vec<_> =
            Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.row().by_default).collect();
        Self::of(&by_default)
    }
}
