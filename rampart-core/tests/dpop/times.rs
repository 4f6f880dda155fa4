//! P8: when a proof was made.

use rampart_core::Dpop;
use serde_json::{Value, json};

use super::common::*;

const GOOD: &str = "user-1";
const BAD: &str = "401 invalid_dpop_proof";

fn ground() -> Ground {
    Ground::new(Dpop::accepted().public_url(API))
}

/// What a proof with these claims gets; `null` takes one away.
fn with(ground: &Ground, claims: &Value) -> String {
    let token = ground.bound();
    let mut proof = proof(&token);
    for (name, value) in claims.as_object().unwrap() {
        proof = if value.is_null() { proof.without(name) } else { proof.claim(name, value.clone()) };
    }
    said(&ground.auth, &Request::new("DPoP", &token, [proof.sign().unwrap()]))
}

#[test]
fn dp32_proof_is_a_minute_old_at_most_and_ten_seconds_ahead() {
    let ground = ground();
    for (iat, expected) in [
        (json!(NOW - 60), GOOD),
        (json!(NOW + 10), GOOD),
        (json!(1_799_999_999.5), GOOD),
        (json!(NOW - 61), BAD),
        (json!(1_799_999_939.75), BAD),
        (json!(NOW + 11), BAD),
        (json!(1_800_000_010.25), BAD),
        (json!(0), BAD),
        (json!(-1), BAD),
        (json!(1e300), BAD),
        (json!(u64::MAX), BAD),
        (json!(253_402_300_800_u64), BAD),
        (json!(NOW.to_string()), BAD),
        (json!(true), BAD),
        (json!([NOW]), BAD),
        (Value::Null, BAD),
    ] {
        assert_eq!(with(&ground, &json!({ "iat": iat })), expected, "{iat}");
    }
    let token = ground.bound();
    let null = proof(&token).claim("iat", Value::Null).sign().unwrap();
    assert_eq!(said(&ground.auth, &Request::new("DPoP", &token, [null])), BAD);
}

#[test]
fn dp32_further_dates_are_obeyed_and_never_widen_the_window() {
    let ground = ground();
    for (claims, expected) in [
        (json!({"exp": NOW + 1}), GOOD),
        (json!({"nbf": NOW}), GOOD),
        (json!({"exp": NOW}), BAD),
        (json!({"exp": NOW - 1}), BAD),
        (json!({"exp": "later"}), BAD),
        (json!({"nbf": NOW + 11}), BAD),
        (json!({"nbf": "now"}), BAD),
        (json!({"exp": NOW + 3600, "iat": NOW - 61}), BAD),
        (json!({"nbf": NOW - 3600, "iat": NOW - 61}), BAD),
        (json!({"exp": NOW + 7200, "nbf": NOW - 1, "iat": NOW + 3600}), BAD),
    ] {
        assert_eq!(with(&ground, &claims), expected, "{claims}");
    }
}

/// Longer than what any server lets a header be.
#[test]
fn dp40_ids_that_are_none() {
    let ground = ground();
    for (jti, expected) in [
        (json!("a"), GOOD),
        (json!("a".repeat(128)), GOOD),
        (json!("\u{e9}"), GOOD),
        (json!("a".repeat(129)), BAD),
        (json!("\u{e9}".repeat(65)), BAD),
        (json!("a".repeat(1024 * 1024)), BAD),
        (json!(format!("{}1", "a".repeat(128))), BAD),
        (json!(format!("{}2", "a".repeat(128))), BAD),
        (json!(""), BAD),
        (json!("a\u{0}"), BAD),
        (json!("\u{9f}"), BAD),
        (json!(1), BAD),
        (json!(["a"]), BAD),
        (Value::Null, BAD),
    ] {
        assert_eq!(with(&ground, &json!({ "jti": jti })), expected, "{jti:.100}");
    }
}

#[test]
fn max_age_is_what_the_settings_say() {
    let ground = Ground::new(Dpop::accepted().public_url(API).max_age(std::time::Duration::from_secs(5)));
    for (age, expected) in [(0, GOOD), (5, GOOD), (6, BAD), (60, BAD)] {
        assert_eq!(with(&ground, &json!({"iat": NOW - age})), expected, "{age} s old");
    }
}

#[test]
fn clock_before_1970_decides_nothing() {
    let ground = ground();
    let head = ground.good();
    ground.clock.stand_before_1970();
    let rejection = ask(&ground.auth, &head).unwrap_err();
    assert_eq!((rejection.status(), rejection.error().code()), (503, "temporarily_unavailable"));
    ground.clock.set(NOW);
    assert_eq!(said(&ground.auth, &head), GOOD);
}
