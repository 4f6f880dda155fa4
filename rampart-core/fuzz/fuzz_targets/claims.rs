//! V6 to V12: the input is the payload of a genuinely signed token.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rampart_core::AuthError;
use rampart_core_fuzz::{AUDIENCE, AUTH, AUTH_ELSEWHERE, HEADER, ISSUER, NOW, PLAIN_HEADER, ready, sign};
use serde_json::Value;

fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().map(|element| element.as_str().expect("a string")).collect(),
        Some(one) => vec![one.as_str().expect("a string")],
    }
}

fuzz_target!(|payload: &[u8]| {
    let token = sign(HEADER.as_bytes(), payload);
    let outcome = ready(AUTH.verify(&token));
    // A token that does not say what it is has one rule more (V12), and none less.
    let plain = ready(AUTH.verify(&sign(PLAIN_HEADER.as_bytes(), payload)));
    assert!(plain.is_err() || outcome.is_ok());
    // Other claims to read; the rest is the same.
    if let Ok(elsewhere) = ready(AUTH_ELSEWHERE.verify(&token)) {
        let value: Value = serde_json::from_slice(payload).expect("accepted, so JSON");
        assert_eq!(elsewhere.roles, strings(value.pointer("/realm_access/roles")));
    }
    let claims = match outcome {
        Ok(claims) => claims,
        Err(error) => {
            let is_of_claims =
                matches!(error, AuthError::InvalidToken | AuthError::TokenExpired | AuthError::MissingClaim { .. });
            assert!(is_of_claims && error.to_string().len() < 200);
            return;
        }
    };
    // An independent reading finds the same.
    let value: Value = serde_json::from_slice(payload).expect("accepted, so JSON");
    let is_there = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    let says_access = matches!(value["typ"].as_str(), Some("Bearer" | "DPoP"));
    assert!(plain.is_err() || !is_there("nonce") || says_access);
    let number = |name: &str| value.get(name).map(|number| number.as_f64().expect("a number"));
    let now = NOW as f64;
    assert_eq!(value["iss"], ISSUER);
    assert!(strings(value.get("aud")).contains(&AUDIENCE) && claims.aud.contains(AUDIENCE));
    assert!(number("exp").is_some_and(|exp| exp > now - 5.0) && number("iat").is_some_and(|iat| iat <= now + 5.0));
    assert!(number("nbf").is_none_or(|nbf| nbf <= now + 5.0));
    assert!(!claims.sub.is_empty() && value["sub"] == *claims.sub);
    assert_eq!(claims.roles, strings(value.get("roles")));
    let texts = [
        ("email", &claims.email),
        ("name", &claims.name),
        ("preferred_username", &claims.preferred_username),
        ("given_name", &claims.given_name),
        ("family_name", &claims.family_name),
        ("org_id", &claims.org_id),
    ];
    for (name, claim) in texts {
        assert_eq!(value.get(name).and_then(Value::as_str), claim.as_deref());
    }
    assert!(["at_hash", "c_hash", "cnf"].iter().all(|name| !is_there(name)));
    assert!(!value["events"].is_object());
    let is_refresh = |name: &str| value[name].as_str().is_some_and(|text| text.eq_ignore_ascii_case("refresh"));
    assert!(!["typ", "token_type", "tokenType", "type"].into_iter().any(is_refresh));
    assert_eq!(value["email_verified"].as_bool(), claims.email_verified);
    assert_eq!(claims.deserialize::<Value>().expect("nothing is lost"), value);
    assert_eq!(claims.to_json(), value);
});
