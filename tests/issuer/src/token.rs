//! Tokens: well-formed by default, malformed on demand.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::key::{Algorithm, SignError, SigningKey};

/// Base64url without padding (RFC 7515 section 2).
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A compact JWS over exactly these bytes, whatever they are.
///
/// # Errors
/// Where the key cannot sign with the algorithm.
pub fn compact(header: &[u8], payload: &[u8], key: &SigningKey, algorithm: Algorithm) -> Result<String, SignError> {
    let signing_input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = key.sign_with(algorithm, signing_input.as_bytes())?;
    Ok(format!("{signing_input}.{}", base64url(signature)))
}

/// A token to be signed. It starts out as a token of a plain user, shaped like those of the real server; every part of it
/// can be changed, left out, or replaced by raw bytes.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = rampart_issuer::LocalIssuer::start().await?;
/// let token = issuer.token().sub("ada").without("email").claim("department", "engines").header("typ", "at+jwt").sign()?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
    key: SigningKey,
    algorithm: Algorithm,
}

const LIFETIME: i64 = 900;

impl TokenBuilder {
    pub(crate) fn new(issuer: &str, audience: &str, key: &SigningKey) -> Self {
        let claims = json!({
            "iss": issuer,
            "sub": "0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01",
            "aud": [audience],
            "org_id": "7d3c1a52-90b4-4f0e-8a66-2f1d0c9b7e10",
            "preferred_username": "ada",
            "email": "ada@example.com",
            "email_verified": true,
            "given_name": "Ada",
            "family_name": "Lovelace",
            "roles": ["user"],
        });
        let claims = if let Value::Object(claims) = claims { claims } else { Map::new() };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let algorithm = key.algorithm();
        Self { header: Map::new(), claims, raw_header: None, raw_payload: None, key: key.clone(), algorithm }
            .key(key)
            .header("typ", "JWT")
            .at(now)
    }

    /// Any claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.claims.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.shift_remove(name);
        self
    }

    /// `sub`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "named after the claim")]
    pub fn sub(self, sub: &str) -> Self {
        self.claim("sub", sub)
    }

    /// `email`.
    #[must_use]
    pub fn email(self, email: &str) -> Self {
        self.claim("email", email)
    }

    /// `name`.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.claim("name", name)
    }

    /// `org_id`.
    #[must_use]
    pub fn org_id(self, org_id: &str) -> Self {
        self.claim("org_id", org_id)
    }

    /// `roles`.
    #[must_use]
    pub fn roles<S: Serialize>(self, roles: impl IntoIterator<Item = S>) -> Self {
        let roles: Vec<S> = roles.into_iter().collect();
        self.claim("roles", roles)
    }

    /// `scope`.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// `aud`: a string, an array, or anything else.
    #[must_use]
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience.into())
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// Issued at this second since 1970, expiring 15 minutes later.
    #[must_use]
    pub fn at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at).expires_in(LIFETIME)
    }

    /// `iat` alone.
    #[must_use]
    pub fn issued_at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at)
    }

    /// `exp`, in seconds after `iat`.
    #[must_use]
    pub fn expires_in(self, seconds: i64) -> Self {
        let issued_at = self.claims.get("iat").and_then(Value::as_i64).unwrap_or_default();
        self.claim("exp", issued_at.saturating_add(seconds))
    }

    /// Any header parameter.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Serialize) -> Self {
        self.header.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Leaves a header parameter out.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.shift_remove(name);
        self
    }

    /// `kid`.
    #[must_use]
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Signs with another key; `alg` and `kid` follow.
    #[must_use]
    pub fn key(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        let kid = key.kid().to_owned();
        self.algorithm(key.algorithm()).kid(&kid)
    }

    /// Signs with another algorithm of the same kind of key; `alg` follows.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self.header("alg", algorithm.as_str())
    }

    /// These bytes instead of the header.
    #[must_use]
    pub fn raw_header(mut self, header: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(header.into());
        self
    }

    /// These bytes instead of the payload.
    #[must_use]
    pub fn raw_payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(payload.into());
        self
    }

    /// The payload as it will be signed.
    pub fn payload(&self) -> Vec<u8> {
        self.raw_payload.clone().unwrap_or_else(|| serde_json::to_vec(&self.claims).unwrap_or_default())
    }

    /// The token.
    ///
    /// # Errors
    /// Where the key cannot sign with the algorithm.
    pub fn sign(&self) -> Result<String, SignError> {
        let header = self.raw_header.clone().unwrap_or_else(|| serde_json::to_vec(&self.header).unwrap_or_default());
        compact(&header, &self.payload(), &self.key, self.algorithm)
    }
}
