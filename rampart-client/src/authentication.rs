//! How the client says who it is: HTTP Basic, the body, or a signed assertion.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rampart_http::{ConfigError, Secret};
use serde::Serialize;
use url::form_urlencoded::byte_serialize;

/// Algorithms of client assertions, for [`private_key_jwt`](crate::RampartClientBuilder::private_key_jwt).
///
/// ```
/// use rampart_client::{RampartClient, SigningAlgorithm};
///
/// let wrong = RampartClient::builder("https://auth.example.com", "billing", "")
///     .private_key_jwt(SigningAlgorithm::ES256, "no PEM", None)
///     .build();
/// assert!(wrong.unwrap_err().to_string().starts_with("private_key_jwt: the key is not a private key on P-256 in PEM"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; a PKCS#1 or PKCS#8 key.
    RS256,
    /// ECDSA on P-256 with SHA-256; a PKCS#8 key.
    ES256,
    /// Ed25519; a PKCS#8 key.
    EdDSA,
}

/// How the secret travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SecretIn {
    /// HTTP Basic, both parts form-urlencoded first (RFC 6749 section 2.3.1).
    #[default]
    Basic,
    /// HTTP Basic as RFC 7617 alone has it, for servers that do not decode.
    RawBasic,
    /// The request's body.
    Body,
}

/// The client's credentials, ready for a request.
pub(crate) enum Authentication {
    Header(Secret),
    Body(Secret),
    Assertion(Box<Assertion>),
}

pub(crate) struct Assertion {
    key: EncodingKey,
    header: Header,
    /// The part of every assertion before the first dot.
    encoded_header: String,
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds: long enough for clocks that differ a little.
const ASSERTION_LIFETIME: u64 = 60;

impl Authentication {
    pub(crate) fn secret(client_id: &str, secret: &str, place: SecretIn) -> Result<Self, ConfigError> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let header = |credentials: String| Self::Header(Secret::new(format!("Basic {}", STANDARD.encode(credentials))));
        match place {
            SecretIn::Basic => Ok(header(format!("{}:{}", encoded(client_id), encoded(secret)))),
            SecretIn::RawBasic if client_id.contains(':') => Err(ConfigError::invalid(
                "client_id",
                "has a colon, which raw Basic cannot carry; use the default or secret_in_body()",
            )),
            SecretIn::RawBasic => Ok(header(format!("{client_id}:{secret}"))),
            SecretIn::Body => Ok(Self::Body(Secret::new(secret))),
        }
    }

    pub(crate) fn assertion(
        client_id: &str,
        algorithm: SigningAlgorithm,
        pem: &[u8],
        key_id: Option<String>,
    ) -> Result<Self, ConfigError> {
        let (key, algorithm, wanted) = match algorithm {
            SigningAlgorithm::RS256 => {
                (EncodingKey::from_rsa_pem(pem), Algorithm::RS256, "an RSA private key of 2048 to 8192 bits")
            }
            SigningAlgorithm::ES256 => (EncodingKey::from_ec_pem(pem), Algorithm::ES256, "a private key on P-256"),
            SigningAlgorithm::EdDSA => (EncodingKey::from_ed_pem(pem), Algorithm::EdDSA, "an Ed25519 private key"),
        };
        let unusable = |_| {
            ConfigError::invalid(
                "private_key_jwt",
                format!(
                    "the key is not {wanted} in PEM; give one, as PKCS#8 (`openssl pkcs8 -topk8 -nocrypt -in key.pem`)"
                ),
            )
        };
        let mut header = Header::new(algorithm);
        header.kid = key_id;
        let mut assertion = Assertion { key: key.map_err(unusable)?, header, encoded_header: String::new() };
        // A key that cannot sign is found now, not with the first request.
        let signed = assertion.sign(client_id, "https://issuer.example").map_err(unusable)?;
        assertion.encoded_header = signed.split_once('.').map(|(header, _)| header.to_owned()).unwrap_or_default();
        Ok(Self::Assertion(Box::new(assertion)))
    }

    /// The credentials of the header of every request, where there is one, as an answer may repeat them: base64 as it is, and as
    /// others write it, without padding, with the letters for URLs (RFC 4648 sections 3.2 and 5).
    pub(crate) fn spellings(&self) -> Vec<Secret> {
        let Self::Header(value) = self else { return Vec::new() };
        let Some((_, base64)) = value.expose().split_once(' ') else { return Vec::new() };
        let bare = base64.trim_end_matches('=');
        let for_urls = |text: &str| text.replace('+', "-").replace('/', "_");
        let spellings = [base64.to_owned(), bare.to_owned(), for_urls(base64), for_urls(bare)];
        spellings.into_iter().map(Secret::new).collect()
    }

    /// How every assertion of this client begins.
    pub(crate) fn encoded_header(&self) -> Option<&str> {
        if let Self::Assertion(assertion) = self { Some(&assertion.encoded_header) } else { None }
    }

    /// Adds what belongs into the body of a request to that address, and gives what belongs into the `Authorization` header.
    /// Assertions are used only once: this is called for each request by itself, also for one that is repeated.
    pub(crate) fn apply(
        &self,
        form: &mut Vec<(String, String)>,
        client_id: &str,
        url: &str,
    ) -> Result<Option<&Secret>, ConfigError> {
        let mut add = |name: &str, value: &str| form.push((name.to_owned(), value.to_owned()));
        match self {
            Self::Header(value) => return Ok(Some(value)),
            Self::Body(secret) => {
                add("client_id", client_id);
                add("client_secret", secret.expose());
            }
            Self::Assertion(assertion) => {
                let signed = assertion.sign(client_id, url).map_err(|_| {
                    ConfigError::invalid("private_key_jwt", "the key has failed to sign; give another one")
                })?;
                add("client_id", client_id);
                add("client_assertion_type", ASSERTION_TYPE);
                add("client_assertion", &signed);
            }
        }
        Ok(None)
    }
}

/// RFC 7523 section 3.
#[derive(Serialize)]
struct AssertionClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    iat: u64,
    jti: String,
}

impl Assertion {
    fn sign(&self, client_id: &str, url: &str) -> jsonwebtoken::errors::Result<String> {
        // Where another crate has installed a provider, that one serves as well; without either, signing would panic.
        let _ = DEFAULT_PROVIDER.install_default();
        let iat = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let jti = URL_SAFE_NO_PAD.encode([fastrand::u64(..).to_le_bytes(), fastrand::u64(..).to_le_bytes()].concat());
        let claims =
            AssertionClaims { iss: client_id, sub: client_id, aud: url, exp: iat + ASSERTION_LIFETIME, iat, jti };
        jsonwebtoken::encode(&self.header, &claims, &self.key)
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header(_) => "client_secret_basic",
            Self::Body(_) => "client_secret_post",
            Self::Assertion(_) => "private_key_jwt",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(client_id: &str, secret: &str, place: SecretIn) -> String {
        match Authentication::secret(client_id, secret, place).unwrap() {
            Authentication::Header(value) => value.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_parts_of_basic_are_form_urlencoded_first() {
        let secret = "z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=";
        let expected = "Basic MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA==";
        assert_eq!(header("1PpG/Q 1", secret, SecretIn::Basic), expected);
    }

    #[test]
    fn raw_basic_is_base64_of_the_text_as_it_is() {
        assert_eq!(header("id", "s:+%", SecretIn::RawBasic), format!("Basic {}", STANDARD.encode("id:s:+%")));
        assert!(Authentication::secret("a:b", "s", SecretIn::RawBasic).is_err());
    }
}
