//! DPoP (RFC 9449): the key of a client, and proofs of it, good or wrong in any one thing.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::encoding::{base64url, now, random};
use crate::jwt::{Jwt, jwt_builder};
use crate::key::{Algorithm, SignError, SigningKey};

/// The key pair of a client, which tokens are bound to and which signs the proofs; a clone is the same key.
///
/// ```
/// use rampart_issuer::{DpopKey, LocalIssuer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = LocalIssuer::start().await?;
/// let key = DpopKey::generate()?;
/// let token = issuer.token().bound_to(&key).sign()?;
/// let proof = key.proof("GET", "https://api.example/orders").access_token(&token).sign()?;
/// // GET https://api.example/orders with `Authorization: DPoP {token}` and `DPoP: {proof}`
/// # assert_eq!(proof.split('.').count(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct DpopKey(SigningKey);

impl DpopKey {
    /// A new key for ES256, the algorithm that most clients use.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn generate() -> Result<Self, SignError> {
        Self::generate_for(Algorithm::ES256)
    }

    /// A new key for another algorithm: RSA with 2048 bits, or the algorithm's curve.
    ///
    /// # Errors
    /// Where the cryptographic library fails.
    pub fn generate_for(algorithm: Algorithm) -> Result<Self, SignError> {
        SigningKey::generate(algorithm, "client").map(Self)
    }

    /// The key as one that signs tokens: a client assertion, or a token that is shown as if it were a proof.
    pub fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    /// The public half, as it stands in the header of a proof: the key itself, and no member besides.
    pub fn public_jwk(&self) -> Value {
        self.0.bare_jwk()
    }

    /// What `cnf.jkt` of a token holds that is bound to this key: the [thumbprint](jwk_thumbprint) of its public half.
    pub fn thumbprint(&self) -> String {
        jwk_thumbprint(&self.public_jwk()).unwrap_or_default()
    }

    /// A proof for one request with this method to this URL.
    pub fn proof(&self, method: &str, url: &str) -> ProofBuilder {
        ProofBuilder(Jwt::new(&self.0))
            .header("typ", "dpop+jwt")
            .algorithm(self.0.algorithm())
            .jwk(self.public_jwk())
            .jti(&base64url(random()))
            .claim("htm", method)
            .claim("htu", without_query(url))
            .at(now())
    }
}

/// A key that is made in another way, as by [`SigningKey::generate_sized`], or that is the issuer's own.
impl From<SigningKey> for DpopKey {
    fn from(key: SigningKey) -> Self {
        Self(key)
    }
}

/// A DPoP proof to be signed. It starts out as clients make them (RFC 9449 section 4.2): a header of `typ: dpop+jwt`, `alg` and
/// `jwk`, and the claims `jti` (128 random bits), `htm`, `htu` (without query and fragment, otherwise as given) and `iat` (now).
/// `ath` comes with [`access_token`](Self::access_token), and a `nonce` with [`nonce`](Self::nonce). Every part can be changed,
/// left out, or replaced by raw bytes, and nothing else changes with it.
///
/// `jti` and `iat` are made with the builder: signed twice, it gives two proofs with one `jti`. Each new
/// [`DpopKey::proof`] has another.
///
/// ```
/// use rampart_issuer::DpopKey;
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (key, stranger) = (DpopKey::generate()?, DpopKey::generate()?);
/// let proof = key.proof("GET", "https://api.example/orders").access_token("the.access.token");
/// let old = proof.clone().at(1_700_000_000).sign()?;
/// let forged = proof.clone().signed_by(&stranger).sign()?; // with `jwk` of the first
/// let of_a_stranger = proof.clone().signed_by(&stranger).jwk(stranger.public_jwk()).sign()?;
/// let unsigned = proof.clone().header("alg", "none").raw_signature([]).sign()?;
/// let twice = proof.clone().raw_payload(r#"{"htm":"GET","htm":"POST"}"#).sign()?;
/// let no_key = proof.without_header("jwk").claim("htm", json!(["GET"])).sign()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ProofBuilder(Jwt);

jwt_builder!(ProofBuilder);

impl ProofBuilder {
    /// `ath`: the proof is for a request with this access token.
    #[must_use]
    pub fn access_token(self, token: &str) -> Self {
        self.claim("ath", base64url(digest(&SHA256, token.as_bytes())))
    }

    /// `iat`, in seconds since 1970.
    #[must_use]
    pub fn at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at)
    }

    /// `nonce`: what the server has sent in `DPoP-Nonce`.
    #[must_use]
    pub fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", nonce)
    }

    /// `jti`.
    #[must_use]
    pub fn jti(self, jti: &str) -> Self {
        self.claim("jti", jti)
    }

    /// `jwk`, whatever it is; the signing key stays.
    #[must_use]
    pub fn jwk(self, jwk: impl Into<Value>) -> Self {
        self.header("jwk", jwk.into())
    }

    /// Signs with another key, by its algorithm; the header, with `alg` and `jwk`, stays.
    #[must_use]
    pub fn signed_by(mut self, key: &DpopKey) -> Self {
        self.0.key = key.0.clone();
        self.0.algorithm = key.0.algorithm();
        self
    }
}

/// The thumbprint of a JWK (RFC 7638, with SHA-256) in base64url; `None` where it is of an unknown kind, or a member of the key is
/// missing or no text. Members that do not make the key, such as `kid`, make no difference.
///
/// ```
/// use rampart_issuer::{DpopKey, jwk_thumbprint};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = DpopKey::generate()?;
/// let mut jwk = key.public_jwk();
/// jwk["kid"] = "mine".into();
/// assert_eq!(jwk_thumbprint(&jwk), Some(key.thumbprint()));
/// # Ok(()) }
/// ```
pub fn jwk_thumbprint(jwk: &Value) -> Option<String> {
    // RFC 7638 section 3.2, and RFC 8037 section 2 for OKP: in the order of their names.
    let members: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        "oct" => &["k", "kty"],
        _ => return None,
    };
    let member =
        |name: &&str| jwk.get(*name).filter(|value| value.is_string()).map(|value| format!("\"{name}\":{value}"));
    let members: Option<Vec<String>> = members.iter().map(member).collect();
    let required = format!("{{{}}}", members?.join(","));
    Some(base64url(digest(&SHA256, required.as_bytes())))
}

/// RFC 9449 section 4.2: `htu` has neither query nor fragment.
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
