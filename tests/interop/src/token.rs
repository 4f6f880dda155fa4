//! What a token says, and what others make of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_else(|| panic!("no JWT: {token}"));
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The header of a JWT.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// The payload of a JWT.
pub fn payload(token: &str) -> Value {
    part(token, 1)
}

/// The subject.
pub fn sub(token: &str) -> String {
    payload(token)["sub"].as_str().unwrap().to_owned()
}

/// How long until the token expires.
pub fn remaining(token: &str) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Duration::from_secs(payload(token)["exp"].as_u64().unwrap()).saturating_sub(now)
}

fn with(mut value: Value, name: &str, member: Value) -> String {
    value[name] = member;
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// What somebody may make of a genuine token, each with a name.
pub fn tampered(token: &str) -> Vec<(&'static str, String)> {
    let [head, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let altered = |at: usize| {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= 1;
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    };
    let of_header = |name, member| format!("{}.{body}.{signature}", with(header(token), name, member));
    let of_payload = |name, member| format!("{head}.{}.{signature}", with(payload(token), name, member));
    let none = with(header(token), "alg", json!("none"));
    vec![
        ("another user", of_payload("sub", json!("somebody-else"))),
        ("a role more", of_payload("roles", json!(["admin"]))),
        ("a longer life", of_payload("exp", json!(4_000_000_000_u64))),
        ("the first bit of the signature", format!("{head}.{body}.{}", altered(0))),
        ("the last bit of the signature", format!("{head}.{body}.{}", altered(usize::MAX))),
        ("a signature that is cut", format!("{head}.{body}.{}", &signature[..signature.len() / 4 * 2])),
        ("no signature", format!("{head}.{body}.")),
        ("no signature, and none claimed", format!("{none}.{body}.")),
        ("a signature that is claimed to be none", format!("{none}.{body}.{signature}")),
        ("a secret instead of a key", of_header("alg", json!("HS256"))),
        ("another algorithm", of_header("alg", json!(if header(token)["alg"] == "ES256" { "RS256" } else { "ES256" }))),
        ("a key that is not there", of_header("kid", json!("unknown"))),
        ("no key named", of_header("kid", Value::Null)),
        ("another type", of_header("typ", json!("refresh+jwt"))),
    ]
}
