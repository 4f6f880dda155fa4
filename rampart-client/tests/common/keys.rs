//! Private keys of clients, made at run time.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rampart_client::SigningAlgorithm;
use serde_json::{Value, json};

/// The private half as PKCS#8 PEM, the public half as a JWK.
pub(crate) struct ClientKey {
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) pem: String,
    pub(crate) jwk: Value,
}

impl ClientKey {
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Self {
        let base64url = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (der, jwk) = match algorithm {
            SigningAlgorithm::RS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
                let jwk = json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)});
                (der.as_ref().to_vec(), jwk)
            }
            SigningAlgorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)});
                (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), jwk)
            }
            SigningAlgorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())});
                (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), jwk)
            }
            other => panic!("no key for {other:?}"),
        };
        let text = STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let (start, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        Self { algorithm, pem: format!("{start}\n{}\n{end}\n", lines.join("\n")), jwk }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.algorithm {
            SigningAlgorithm::RS256 => "RS256",
            SigningAlgorithm::ES256 => "ES256",
            _ => "EdDSA",
        }
    }
}

pub(crate) const ALGORITHMS: [SigningAlgorithm; 3] =
    [SigningAlgorithm::RS256, SigningAlgorithm::ES256, SigningAlgorithm::EdDSA];

/// What an assertion says.
pub(crate) fn claims(assertion: &str) -> Value {
    let payload = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
