//! V3: the input is the header of a genuinely signed token.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rampart_core::AuthError;
use rampart_core_fuzz::{AUTH, PAYLOAD, ready, sign};
use serde_json::Value;

fuzz_target!(|header: &[u8]| {
    match ready(AUTH.verify(&sign(header, PAYLOAD.as_bytes()))) {
        Ok(claims) => {
            assert_eq!(claims.sub, "user-1");
            assert!(header.len() <= 4096);
            let header: Value = serde_json::from_slice(header).expect("accepted, so JSON");
            assert!(header["alg"] == "EdDSA" || header["alg"] == "Ed25519");
            assert!(header.get("kid").is_none_or(|kid| kid == "ed-1"));
            assert!(["crit", "enc", "zip"].iter().all(|name| header.get(name).is_none()));
            assert!(header.get("b64").is_none_or(|b64| *b64 == Value::Bool(true)));
            let typ = header.get("typ").map(|typ| typ.as_str().expect("a string").to_ascii_lowercase());
            let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
            assert!(matches!(typ, None | Some("jwt" | "at+jwt")));
            assert!(header.as_object().is_some_and(|members| members.len() <= 64));
        }
        Err(error) => assert_eq!(error, AuthError::InvalidToken),
    }
});
