//! V6 to V12: the input is the payload of a genuinely signed token.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rampart_core::AuthError;
use rampart_core_fuzz::{AUDIENCE, AUTH, HEADER, ISSUER, NOW, ready, sign};
use serde_json::Value;

fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(|element| element.as_str().expect("a string")).collect(),
        Some(one) => vec![one.as_str().expect("a string")],
    }
}

fuzz_target!(|payload: &[u8]| {
    let claims = match ready(AUTH.verify(&sign(HEADER.as_bytes(), payload))) {
        Ok(claims) => claims,
        Err(error) => {
            let is_of_claims =
                matches!(error, AuthError::InvalidToken | AuthError::TokenExpired | AuthError::MissingClaim(_));
            assert!(is_of_claims && error.to_string().len() < 200);
            return;
        }
    };
    // An independent reading finds the same.
    let value: Value = serde_json::from_slice(payload).expect("accepted, so JSON");
    let number = |name: &str| value.get(name).map(|number| number.as_f64().expect("a number"));
    let now = NOW as f64;
    assert_eq!(value["iss"], ISSUER);
    assert!(strings(value.get("aud")).contains(&AUDIENCE) && claims.aud.contains(AUDIENCE));
    assert!(number("exp").is_some_and(|exp| exp > now - 5.0) && number("iat").is_some_and(|iat| iat <= now + 5.0));
    assert!(number("nbf").is_none_or(|nbf| nbf <= now + 5.0));
    assert!(!claims.sub.is_empty() && value["sub"] == *claims.sub);
    assert_eq!(claims.roles, strings(value.get("roles")));
    for (name, claim) in [("email", &claims.email), ("name", &claims.name), ("org_id", &claims.org_id)] {
        assert_eq!(value.get(name).and_then(Value::as_str), claim.as_deref());
    }
    assert!(["at_hash", "c_hash", "events", "cnf"].iter().all(|name| value.get(name).is_none()));
    assert_eq!(claims.deserialize::<Value>().expect("nothing is lost"), value);
});
