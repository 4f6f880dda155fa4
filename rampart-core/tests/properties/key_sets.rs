//! Any text as a key set: read or refused, never more than the limit, and what is read does not verify what it did not sign.

use proptest::collection::vec;
use proptest::prelude::*;
use rampart_core::{AuthError, KeySet};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::common::{Draft, EC, EC_384, EC_521, ED, RSA, base64url, jwk, quoted};
use super::{ALL, cases, json_text, object};

/// A key of the tests with up to three members set to something else, or taken away.
fn nearly_a_key() -> impl Strategy<Value = String> {
    let names = &["kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "x", "y", "d", "k", "x5c"];
    let value = prop_oneof![
        2 => json_text(),
        2 => prop::sample::select(&["RSA", "EC", "OKP", "oct", "P-256", "P-384", "P-521", "Ed25519", "sig", "enc", "ES256", "RS256", "EdDSA", ""][..])
            .prop_map(quoted),
        3 => vec(any::<u8>(), 0..300).prop_map(|bytes| quoted(&base64url(bytes))),
        1 => prop::sample::select(&[32_usize, 48, 66, 256]).prop_flat_map(|length| vec(any::<u8>(), length))
            .prop_map(|bytes| quoted(&base64url(bytes))),
    ];
    let edit = (prop::sample::select(&names[..]), prop::option::weighted(0.8, value));
    (0_usize..5, vec(edit, 0..4)).prop_map(|(which, edits)| {
        let key = jwk([&*RSA, &*EC, &*EC_384, &*EC_521, &*ED][which]);
        let mut members: Vec<(String, String)> =
            key.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
        for (name, value) in edits {
            members.retain(|(own, _)| own != name);
            members.extend(value.map(|value| (name.to_owned(), value)));
        }
        object(&members)
    })
}

/// Entries stay text: one that no reader would take spoils nothing but itself.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// What holds for whatever has been read.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Ok(keys) = KeySet::from_json(text) else { return Ok(()) };
    prop_assert!((1..=100).contains(&keys.len()));
    let Document { keys: entries } = serde_json::from_str(text).unwrap();
    prop_assert!(entries.len() >= keys.len());
    // No key of the set has signed this: RFC 8037 A.4 is by a key that nobody here has.
    let stranger = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                    hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    prop_assert_eq!(keys.verify(stranger, &ALL), Err(AuthError::InvalidToken));
    Ok(())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        prop_assert!(KeySet::from_json(&text).is_err());
    }

    #[test]
    fn any_json_is_read_or_refused(json in prop_oneof![json_text(), json_text().prop_map(|keys| format!(r#"{{"keys":{keys}}}"#))]) {
        check(&json)?;
    }

    #[test]
    fn nearly_good_keys_are_read_or_skipped(keys in vec(nearly_a_key(), 0..5), more in prop::option::weighted(0.3, json_text())) {
        let keys: Vec<_> = keys.into_iter().chain(more).collect();
        check(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))?;
    }

    /// A malformed entry spoils nothing but itself: the good key beside it verifies.
    #[test]
    fn a_good_key_serves_whatever_stands_beside_it(keys in vec(nearly_a_key(), 0..4), at in any::<prop::sample::Index>()) {
        let mut entries: Vec<_> = keys.into_iter().filter(|key| serde_json::from_str::<Value>(key).is_ok()).collect();
        let mut good = jwk(&ED);
        good["kid"] = "the good one".into();
        entries.insert(at.index(entries.len() + 1), good.to_string());
        let set = KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, entries.join(","))).unwrap();
        let token = Draft::by(&ED).header("kid", r#""the good one""#).sign();
        prop_assert!(set.verify(&token, &ALL).is_ok());
    }
}

#[test]
fn no_more_than_a_hundred_keys_are_taken() {
    let keys = vec![jwk(&ED).to_string(); 250];
    assert_eq!(KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap().len(), 100);
}
