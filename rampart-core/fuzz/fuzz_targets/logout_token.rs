//! Logout tokens: the first line of the input is the header, the rest the payload of one that the issuer has genuinely signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rampart_core::{RampartAuth, Revocations};
use rampart_core_fuzz::{AUDIENCE, ISSUER, NOW, builder, ready, sign};
use serde_json::{Value, json};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

static AUTH: LazyLock<RampartAuth> =
    LazyLock::new(|| builder().revocations(Revocations::new()).build().expect("the settings are good"));

/// An independent reading of what has signed somebody out.
fn check(header: &Value, payload: &Value) {
    let typ = header.get("typ").map(|typ| typ.as_str().expect("a string").to_ascii_lowercase());
    let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    assert!(matches!(typ, None | Some("jwt" | "logout+jwt")));
    let members = payload.as_object().expect("an object");
    assert_eq!(members.get("iss"), Some(&json!(ISSUER)));
    let aud = &members["aud"];
    assert!(*aud == json!(AUDIENCE) || aud.as_array().is_some_and(|all| all.contains(&json!(AUDIENCE))));
    assert!(members["events"][EVENT].is_object());
    assert!(!members.contains_key("nonce"));
    let is_text = |name: &str| members.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    assert!(is_text("jti") && (is_text("sub") || is_text("sid")));
    assert!(["sub", "sid"].into_iter().all(|name| is_text(name) || members.get(name).is_none_or(Value::is_null)));
    let (now, iat, exp) = (NOW as f64, members["iat"].as_f64(), members["exp"].as_f64());
    assert!(iat.is_some_and(|iat| (now - 120.0..=now + 5.0).contains(&iat)) && exp.is_some_and(|exp| exp > now - 5.0));
}

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, payload) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let token = sign(header, payload);
    let body = format!("logout_token={token}");
    let reply = ready(AUTH.backchannel_logout(["application/x-www-form-urlencoded"], Some(body.as_bytes())));
    match reply.status() {
        200 => {
            let read = |text: &[u8]| serde_json::from_slice::<Value>(text).expect("what passes is JSON");
            check(&read(header), &read(payload));
            // It is no access token.
            assert!(ready(AUTH.verify(&token)).is_err());
        }
        status => assert_eq!(status, 400),
    }
    // As a body of its own it is no form, or the token of nobody.
    assert_eq!(ready(AUTH.backchannel_logout(["application/x-www-form-urlencoded"], Some(data))).status(), 400);
});
