//! The claims (V6b to V12).

use super::common::{AUDIENCE, ISSUER, quoted};
use super::{Accepts, Agrees, Differs, Refuses, Row, Signer, now};

const NOT_CHECKED: &str = "the claim is none of those that are looked at there";
const KIND: &str = "another kind of token; nothing tells kinds apart there";
const RIGHTS: &str =
    "a claim that rights are read from has another type than it may have; it is left to the caller there";

fn with(signer: &Signer, name: &str, json: &str) -> Option<String> {
    Some(signer.draft().claim(name, json).sign())
}

fn without(signer: &Signer, name: &str) -> Option<String> {
    Some(signer.draft().without(name).sign())
}

pub(super) const ROWS: &[Row] = &[
    // V6b
    Row::new("no iss", Refuses, Agrees, |s| without(s, "iss")),
    Row::new("no aud", Refuses, Agrees, |s| without(s, "aud")),
    Row::new("no exp", Refuses, Agrees, |s| without(s, "exp")),
    Row::new("no sub", Refuses, Agrees, |s| without(s, "sub")),
    Row::new("no iat", Refuses, Differs("RFC 9068 section 2.2 requires it; it cannot be required there"), |s| {
        without(s, "iat")
    }),
    // V7
    Row::new("iss of another", Refuses, Agrees, |s| with(s, "iss", r#""https://attacker.example/""#)),
    Row::new("iss without its slash", Refuses, Agrees, |s| with(s, "iss", &quoted(ISSUER.trim_end_matches('/')))),
    Row::new("iss longer", Refuses, Agrees, |s| with(s, "iss", &quoted(&format!("{ISSUER}x")))),
    Row::new("iss in other letters", Refuses, Agrees, |s| with(s, "iss", &quoted(&ISSUER.to_uppercase()))),
    Row::new("iss null", Refuses, Agrees, |s| with(s, "iss", "null")),
    Row::new("iss a number", Refuses, Agrees, |s| with(s, "iss", "1")),
    Row::new(
        "iss an array with ours in it",
        Refuses,
        Differs("RFC 7519 section 4.1.1: one string; an array is taken there"),
        |s| with(s, "iss", &format!(r#"["https://attacker.example/","{ISSUER}"]"#)),
    ),
    // V8
    Row::new("aud an array with ours in it", Accepts, Agrees, |s| {
        with(s, "aud", &format!(r#"["other","{AUDIENCE}"]"#))
    }),
    Row::new("aud of another", Refuses, Agrees, |s| with(s, "aud", r#""https://other.example""#)),
    Row::new("aud longer", Refuses, Agrees, |s| with(s, "aud", &quoted(&format!("{AUDIENCE}/")))),
    Row::new("aud an empty array", Refuses, Agrees, |s| with(s, "aud", "[]")),
    Row::new("aud null", Refuses, Agrees, |s| with(s, "aud", "null")),
    Row::new("aud an object", Refuses, Agrees, |s| with(s, "aud", &format!(r#"{{"{AUDIENCE}":true}}"#))),
    Row::new("aud an array with a number", Refuses, Agrees, |s| with(s, "aud", &format!(r#"["{AUDIENCE}",1]"#))),
    Row::new("aud both in one string", Refuses, Agrees, |s| with(s, "aud", &quoted(&format!("other {AUDIENCE}")))),
    // V9
    Row::new("exp a minute ago", Refuses, Agrees, |s| with(s, "exp", &(now() - 60).to_string())),
    Row::new("exp with a fraction", Accepts, Agrees, |s| with(s, "exp", &format!("{}.5", now() + 60))),
    Row::new("exp with an exponent", Accepts, Agrees, |s| with(s, "exp", "2.5e9")),
    Row::new("exp a string", Refuses, Agrees, |s| with(s, "exp", &quoted(&(now() + 3600).to_string()))),
    Row::new("exp null", Refuses, Agrees, |s| with(s, "exp", "null")),
    Row::new("exp true", Refuses, Agrees, |s| with(s, "exp", "true")),
    Row::new("exp negative", Refuses, Agrees, |s| with(s, "exp", "-1")),
    Row::new("exp zero", Refuses, Agrees, |s| with(s, "exp", "0")),
    Row::new(
        "exp after the year 9999",
        Refuses,
        Differs("not a date any more; every number of 64 bits is one there"),
        |s| with(s, "exp", "253402300800"),
    ),
    Row::new("exp over 64 bits", Refuses, Agrees, |s| with(s, "exp", "1e30")),
    Row::new("nbf a minute ago", Accepts, Agrees, |s| with(s, "nbf", &(now() - 60).to_string())),
    Row::new("nbf in a minute", Refuses, Agrees, |s| with(s, "nbf", &(now() + 60).to_string())),
    Row::new("nbf a string", Refuses, Agrees, |s| with(s, "nbf", r#""0""#)),
    Row::new("nbf null", Refuses, Agrees, |s| with(s, "nbf", "null")),
    Row::new("nbf negative", Refuses, Agrees, |s| with(s, "nbf", "-1")),
    Row::new("iat in a minute", Refuses, Differs(NOT_CHECKED), |s| with(s, "iat", &(now() + 60).to_string())),
    Row::new("iat a string", Refuses, Differs(NOT_CHECKED), |s| with(s, "iat", r#""0""#)),
    Row::new("iat null", Refuses, Differs(NOT_CHECKED), |s| with(s, "iat", "null")),
    // V10
    Row::new("sub empty", Refuses, Differs("a token that speaks for nobody; any string is taken there"), |s| {
        with(s, "sub", r#""""#)
    }),
    Row::new("sub a number", Refuses, Agrees, |s| with(s, "sub", "1")),
    Row::new("sub null", Refuses, Agrees, |s| with(s, "sub", "null")),
    // V11
    Row::new("roles an array of strings", Accepts, Agrees, |s| with(s, "roles", r#"["admin"]"#)),
    Row::new("roles with a number", Refuses, Differs(RIGHTS), |s| with(s, "roles", r#"["admin",1]"#)),
    Row::new("roles an object", Refuses, Differs(RIGHTS), |s| with(s, "roles", r#"{"admin":true}"#)),
    Row::new("scope a string", Accepts, Agrees, |s| with(s, "scope", r#""read write""#)),
    Row::new("scope a number", Refuses, Differs(RIGHTS), |s| with(s, "scope", "1")),
    Row::new("scope with two in one element", Refuses, Differs(RIGHTS), |s| with(s, "scope", r#"["read write"]"#)),
    Row::new("email a number", Accepts, Agrees, |s| with(s, "email", "1")),
    Row::new("scp null", Accepts, Agrees, |s| with(s, "scp", "null")),
    // V12
    Row::new("an ID token, by nonce", Refuses, Differs(KIND), |s| {
        Some(s.draft().header("typ", r#""JWT""#).claim("nonce", r#""n""#).sign())
    }),
    Row::new("an ID token, by at_hash", Refuses, Differs(KIND), |s| with(s, "at_hash", r#""x""#)),
    Row::new("an ID token, by c_hash", Refuses, Differs(KIND), |s| with(s, "c_hash", r#""x""#)),
    Row::new("an ID token, by token_use", Refuses, Differs(KIND), |s| with(s, "token_use", r#""id""#)),
    Row::new("events that are no logout", Accepts, Agrees, |s| with(s, "events", r#"["login"]"#)),
    Row::new("every mark null", Accepts, Agrees, |s| {
        let marks = ["events", "at_hash", "c_hash", "nonce", "cnf", "typ", "token_use", "token_type", "type"];
        Some(marks.into_iter().fold(s.draft(), |draft, mark| draft.claim(mark, "null")).sign())
    }),
    Row::new("a refresh token, by token_type", Refuses, Differs(KIND), |s| with(s, "token_type", r#""refresh""#)),
    Row::new("a refresh token, by type", Refuses, Differs(KIND), |s| with(s, "type", r#""refresh""#)),
    Row::new("a logout token, by events", Refuses, Differs(KIND), |s| with(s, "events", "{}")),
    Row::new("a refresh token, by typ", Refuses, Differs(KIND), |s| with(s, "typ", r#""Refresh""#)),
    Row::new(
        "bound to a key, by cnf",
        Refuses,
        Differs("RFC 9449 section 7.2: not a bearer token; not looked at there"),
        |s| with(s, "cnf", r#"{"jkt":"x"}"#),
    ),
];
