//! What the targets share: a verifier with a fixed clock, keys made at the start, and tokens genuinely signed over whatever
//! the fuzzer comes up with, so that it gets past the signature.

pub mod bound;
pub mod dpop;
pub mod endpoint;

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use rampart_core::{Algorithm, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{SigningKey, base64url, compact};
use serde_json::json;

/// Seconds since 1970, by the verifier's clock.
pub const NOW: u64 = 1_800_000_000;
/// The configured issuer.
pub const ISSUER: &str = "https://issuer.example/";
/// The accepted audience.
pub const AUDIENCE: &str = "https://api.example";

/// Every algorithm there is.
pub const ALL: [Algorithm; 11] = {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519]
};

/// The key that signs: Ed25519, the quickest, with the ID `ed-1`.
pub static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(rampart_issuer::Algorithm::EdDSA, "ed-1").expect("a key can be made"));

/// A verifier that knows [`KEY`].
pub static AUTH: LazyLock<RampartAuth> = LazyLock::new(|| builder().build().expect("the settings are good"));

/// The same, for an issuer that keeps roles and scopes elsewhere.
pub static AUTH_ELSEWHERE: LazyLock<RampartAuth> = LazyLock::new(|| {
    builder().roles_claims(["/realm_access/roles"]).scope_claim("/a~1b/1").build().expect("the settings are good")
});

/// The settings of it.
pub fn builder() -> RampartAuthBuilder {
    RampartAuth::builder(ISSUER, AUDIENCE)
        .static_jwks(json!({"keys": [KEY.public_jwk()]}).to_string())
        .algorithms(ALL)
        .clock(clock)
}

pub(crate) fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The header of a good token.
pub const HEADER: &str = r#"{"alg":"EdDSA","typ":"at+jwt","kid":"ed-1"}"#;

/// The header of a token that does not say that it is an access token.
pub const PLAIN_HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

/// The payload of a good token.
pub static PAYLOAD: LazyLock<String> = LazyLock::new(|| {
    let (exp, iat) = (NOW + 600, NOW - 60);
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": exp, "iat": iat}).to_string()
});

/// A genuine token over these bytes.
pub fn sign(header: &[u8], payload: &[u8]) -> String {
    compact(header, payload, &KEY, KEY.algorithm()).expect("the key can sign")
}

/// A token that nobody signed.
pub fn unsigned(header: &[u8], payload: &[u8], signature: &[u8]) -> String {
    format!("{}.{}.{}", base64url(header), base64url(payload), base64url(signature))
}

/// The outcome of a future that has nothing to wait for: with a fixed key set that is every verification.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("a verification with a fixed key set waits"),
    }
}
