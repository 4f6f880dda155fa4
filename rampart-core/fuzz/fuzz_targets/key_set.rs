//! V4: the input is a JSON Web Key Set.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rampart_core::{AuthError, KeySet};
use rampart_core_fuzz::{ALL, HEADER, PAYLOAD, sign, unsigned};
use serde_json::Value;
use serde_json::value::RawValue;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(keys) = KeySet::from_json(text) else { return };
    let document: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).expect("read, so JSON");
    let entries: Vec<&RawValue> = serde_json::from_str(document["keys"].get()).expect("read, so an array");
    assert!((1..=100).contains(&keys.len()) && keys.len() <= entries.len());
    // None of these keys has signed any of this.
    let stranger = sign(HEADER.as_bytes(), PAYLOAD.as_bytes());
    assert_eq!(keys.verify(&stranger, &ALL), Err(AuthError::InvalidToken));
    for (alg, length) in [("RS256", 256), ("PS256", 256), ("ES256", 64), ("ES384", 96), ("ES512", 132), ("EdDSA", 64)] {
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        for fill in [0, 1, 0xff] {
            let token = unsigned(header.as_bytes(), b"x", &vec![fill; length]);
            assert_eq!(keys.verify(&token, &ALL), Err(AuthError::InvalidToken));
        }
    }
    // A key that carries a secret is never among those taken.
    let has_secret = |entry: &&&RawValue| {
        let value: Option<Value> = serde_json::from_str(entry.get()).ok();
        value.is_some_and(|value| {
            let is_there = |name: &&str| value.get(*name).is_some_and(|value| !value.is_null());
            ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(is_there)
        })
    };
    assert!(keys.len() + entries.iter().filter(has_secret).count() <= entries.len());
});
