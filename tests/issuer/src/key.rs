//! Keys that sign, made at run time: there is no private key in the source.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use crate::encoding::base64url;

/// Signature algorithms the issuer can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
    Ed25519,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::Ed25519,
    ];

    /// The name in the `alg` header parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The left half of the hash that goes with the algorithm (OpenID Connect Core 3.1.3.6; Ed25519 hashes with SHA-512).
    pub(crate) fn half_hash(self, bytes: &[u8]) -> Vec<u8> {
        let hash = match self {
            Self::RS256 | Self::PS256 | Self::ES256 => &SHA256,
            Self::RS384 | Self::PS384 | Self::ES384 => &SHA384,
            Self::RS512 | Self::PS512 | Self::ES512 | Self::EdDSA | Self::Ed25519 => &SHA512,
        };
        let hash = digest(hash, bytes);
        hash.as_ref().iter().take(hash.as_ref().len() / 2).copied().collect()
    }

    fn rsa_encoding(self) -> Option<&'static dyn RsaEncoding> {
        match self {
            Self::RS256 => Some(&RSA_PKCS1_SHA256),
            Self::RS384 => Some(&RSA_PKCS1_SHA384),
            Self::RS512 => Some(&RSA_PKCS1_SHA512),
            Self::PS256 => Some(&RSA_PSS_SHA256),
            Self::PS384 => Some(&RSA_PSS_SHA384),
            Self::PS512 => Some(&RSA_PSS_SHA512),
            _ => None,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::RS256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::RS384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::RS512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::PS256 => &RSA_PSS_2048_8192_SHA256,
            Self::PS384 => &RSA_PSS_2048_8192_SHA384,
            Self::PS512 => &RSA_PSS_2048_8192_SHA512,
            Self::ES256 => &ECDSA_P256_SHA256_FIXED,
            Self::ES384 => &ECDSA_P384_SHA384_FIXED,
            Self::ES512 => &ECDSA_P521_SHA512_FIXED,
            Self::EdDSA | Self::Ed25519 => &ED25519,
        }
    }

    fn curve(self) -> Option<(&'static EcdsaSigningAlgorithm, &'static str)> {
        match self {
            Self::ES256 => Some((&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")),
            Self::ES384 => Some((&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")),
            Self::ES512 => Some((&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521")),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signature that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key is of another kind than the algorithm.
    #[error("a key of {key} cannot sign with {algorithm}")]
    #[non_exhaustive]
    WrongKey {
        /// The algorithm of the key.
        key: Algorithm,
        /// The one that was asked for.
        algorithm: Algorithm,
    },
    /// The cryptographic library refused.
    #[error("the key could not be made or used")]
    Failed,
}

impl From<aws_lc_rs::error::Unspecified> for SignError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Failed
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

struct Inner {
    kid: String,
    algorithm: Algorithm,
    pair: Pair,
}

/// A key pair with its key ID and algorithm; a clone is the same key.
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

impl SigningKey {
    /// A new key: RSA with 2048 bits, or the algorithm's curve.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn generate(algorithm: Algorithm, kid: impl Into<String>) -> Result<Self, SignError> {
        Self::generate_sized(algorithm, kid, 2048)
    }

    /// A new key; `rsa_bits` may be 2048, 3072 or 4096, and does not matter for curves.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn generate_sized(algorithm: Algorithm, kid: impl Into<String>, rsa_bits: usize) -> Result<Self, SignError> {
        let size = match rsa_bits {
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => KeySize::Rsa2048,
        };
        let pair = if algorithm.rsa_encoding().is_some() {
            Pair::Rsa(RsaKeyPair::generate(size)?)
        } else if let Some((curve, _)) = algorithm.curve() {
            Pair::Ec(EcdsaKeyPair::generate(curve)?)
        } else {
            Pair::Ed25519(Ed25519KeyPair::generate()?)
        };
        Ok(Self(Arc::new(Inner { kid: kid.into(), algorithm, pair })))
    }

    /// The key ID.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The algorithm it was made for.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// Signs with the key's own algorithm.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_with(self.0.algorithm, message)
    }

    /// Signs with an algorithm of the same kind of key.
    ///
    /// # Errors
    /// [`SignError::WrongKey`] for another kind.
    pub fn sign_with(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        let wrong = SignError::WrongKey { key: self.0.algorithm, algorithm };
        match &self.0.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(algorithm.rsa_encoding().ok_or(wrong)?, &random, message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ec(pair) => {
                let same_curve =
                    algorithm.curve().map(|(_, name)| name) == self.0.algorithm.curve().map(|(_, name)| name);
                if !same_curve {
                    return Err(wrong);
                }
                Ok(pair.sign(&random, message)?.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => match algorithm {
                Algorithm::EdDSA | Algorithm::Ed25519 => Ok(pair.sign(message).as_ref().to_vec()),
                _ => Err(wrong),
            },
        }
    }

    /// Whether this key has made the signature, with this algorithm.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let public = match &self.0.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        };
        // A key of another kind does not parse.
        UnparsedPublicKey::new(algorithm.verification(), public).verify(message, signature).is_ok()
    }

    /// The public half as it is published: `kty`, `use`, `alg`, `kid` and the key itself.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.bare_jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("use".into(), "sig".into());
            members.insert("alg".into(), self.0.algorithm.as_str().into());
            members.insert("kid".into(), self.0.kid.clone().into());
        }
        jwk
    }

    /// `kty` and the key itself.
    pub(crate) fn bare_jwk(&self) -> Value {
        match &self.0.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)})
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                let curve = self.0.algorithm.curve().map_or("", |(_, name)| name);
                json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
            }
            Pair::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())}),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.0.kid)
            .field("algorithm", &self.0.algorithm)
            .finish_non_exhaustive()
    }
}
