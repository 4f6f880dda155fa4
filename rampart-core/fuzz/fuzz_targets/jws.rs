//! V2 to V5: the input is a compact JWS; the key set holds the keys of the published examples (RFC 7515 appendix A,
//! RFC 7520 section 4, RFC 8037 appendix A), which the seeds are.
#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use rampart_core::{AuthError, KeySet};
use rampart_core_fuzz::{ALL, AUTH, ready};

static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::from_json(include_str!("../seeds/key_set/published")).expect("good keys"));

/// What the examples sign.
const PAYLOADS: [&[u8]; 4] =
    [b"{\"iss\":\"joe\",", b"Payload", "It\u{2019}s a dangerous business".as_bytes(), b"Example of Ed25519"];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match KEYS.verify(text, &ALL) {
        // Nobody has the private keys at hand, so it is one of the examples; in the curves' other form perhaps.
        Ok(jws) => {
            let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
            assert_eq!(payload.as_ref(), Some(&jws.payload));
            assert!(PAYLOADS.iter().any(|start| jws.payload.starts_with(start)));
        }
        Err(error) => assert_eq!(error, AuthError::InvalidToken),
    }
    assert_eq!(ready(AUTH.verify(text)).err(), Some(AuthError::InvalidToken));
});
