//! What tokens and proofs are both made of: a header, claims and a signature, each as it should be or not.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::encoding::base64url;
use crate::key::{Algorithm, SignError, SigningKey};

/// A compact JWS over exactly these bytes, whatever they are.
///
/// # Errors
/// Where the key cannot sign with the algorithm.
pub fn compact(header: &[u8], payload: &[u8], key: &SigningKey, algorithm: Algorithm) -> Result<String, SignError> {
    signed(header, payload, |signing_input| key.sign_with(algorithm, signing_input))
}

fn signed(
    header: &[u8],
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
) -> Result<String, SignError> {
    let signing_input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = sign(signing_input.as_bytes())?;
    Ok(format!("{signing_input}.{}", base64url(signature)))
}

/// A JWT to be signed.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) raw_header: Option<Vec<u8>>,
    pub(crate) raw_payload: Option<Vec<u8>>,
    pub(crate) signature: Signature,
    pub(crate) key: SigningKey,
    pub(crate) algorithm: Algorithm,
}

/// What a JWT ends with.
#[derive(Clone, Debug)]
pub(crate) enum Signature {
    Good,
    Tampered,
    Raw(Vec<u8>),
}

impl Jwt {
    pub(crate) fn new(key: &SigningKey) -> Self {
        Self {
            header: Map::new(),
            claims: Map::new(),
            raw_header: None,
            raw_payload: None,
            signature: Signature::Good,
            key: key.clone(),
            algorithm: key.algorithm(),
        }
    }

    pub(crate) fn set_claim(&mut self, name: &str, value: impl Serialize) {
        self.claims.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }

    pub(crate) fn set_header(&mut self, name: &str, value: impl Serialize) {
        self.header.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }

    pub(crate) fn protected_header(&self) -> Vec<u8> {
        self.raw_header.clone().unwrap_or_else(|| serde_json::to_vec(&self.header).unwrap_or_default())
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        self.raw_payload.clone().unwrap_or_else(|| serde_json::to_vec(&self.claims).unwrap_or_default())
    }

    pub(crate) fn sign(&self) -> Result<String, SignError> {
        signed(&self.protected_header(), &self.payload(), |signing_input| match &self.signature {
            Signature::Raw(octets) => Ok(octets.clone()),
            Signature::Good => self.key.sign_with(self.algorithm, signing_input),
            Signature::Tampered => {
                let mut octets = self.key.sign_with(self.algorithm, signing_input)?;
                if let Some(last) = octets.last_mut() {
                    *last ^= 1;
                }
                Ok(octets)
            }
        })
    }
}

/// What every builder over a [`Jwt`] offers: any part changed, left out, or replaced by raw bytes.
macro_rules! jwt_builder {
    ($builder:ident) => {
        impl $builder {
            /// Any claim.
            #[must_use]
            pub fn claim(mut self, name: &str, value: impl ::serde::Serialize) -> Self {
                self.0.set_claim(name, value);
                self
            }

            /// Leaves a claim out.
            #[must_use]
            pub fn without(mut self, name: &str) -> Self {
                self.0.claims.shift_remove(name);
                self
            }

            /// Any header parameter.
            #[must_use]
            pub fn header(mut self, name: &str, value: impl ::serde::Serialize) -> Self {
                self.0.set_header(name, value);
                self
            }

            /// Leaves a header parameter out.
            #[must_use]
            pub fn without_header(mut self, name: &str) -> Self {
                self.0.header.shift_remove(name);
                self
            }

            /// Signs with another algorithm of the same kind of key; `alg` follows. For a name alone, whatever signs:
            /// `header("alg", "none")`.
            #[must_use]
            pub fn algorithm(mut self, algorithm: $crate::key::Algorithm) -> Self {
                self.0.algorithm = algorithm;
                self.header("alg", algorithm.as_str())
            }

            /// These bytes instead of the header: a member twice, nesting, or no JSON at all.
            #[must_use]
            pub fn raw_header(mut self, header: impl Into<Vec<u8>>) -> Self {
                self.0.raw_header = Some(header.into());
                self
            }

            /// These bytes instead of the payload.
            #[must_use]
            pub fn raw_payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
                self.0.raw_payload = Some(payload.into());
                self
            }

            /// These bytes instead of the signature; none of them leaves it empty.
            #[must_use]
            pub fn raw_signature(mut self, signature: impl Into<Vec<u8>>) -> Self {
                self.0.signature = $crate::jwt::Signature::Raw(signature.into());
                self
            }

            /// The signature with its last bit flipped.
            #[must_use]
            pub fn tampered(mut self) -> Self {
                self.0.signature = $crate::jwt::Signature::Tampered;
                self
            }

            /// The header as it will be signed.
            pub fn protected_header(&self) -> Vec<u8> {
                self.0.protected_header()
            }

            /// The payload as it will be signed.
            pub fn payload(&self) -> Vec<u8> {
                self.0.payload()
            }

            /// The compact serialization, signed.
            ///
            /// # Errors
            /// Where the key cannot sign with the algorithm.
            pub fn sign(&self) -> Result<String, $crate::key::SignError> {
                self.0.sign()
            }
        }
    };
}

pub(crate) use jwt_builder;
