//! The payload as JSON (V6).

use super::{Accepts, Agrees, Differs, Refuses, Row, Signer};

const DUPLICATE: &str = "RFC 7519 section 4: two readers may take different ones; the last of them counts there";

/// A claim that many arrays deep.
pub(super) fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn good(signer: &Signer) -> String {
    signer.draft().payload.to_json()
}

pub(super) const ROWS: &[Row] = &[
    Row::new("an empty array", Refuses, Agrees, |s| s.over_payload("[]")),
    Row::new(
        "the claims in an array, in the order of a struct",
        Refuses,
        Differs("RFC 7519 section 7.2: not an object; a struct can be read from an array there, by position"),
        |s| {
            let later = super::now() + 3600;
            s.over_payload(format!(r#"[{later},0,"user-1","{}","{}"]"#, super::ISSUER, super::AUDIENCE))
        },
    ),
    Row::new("a string", Refuses, Agrees, |s| s.over_payload(r#""x""#)),
    Row::new("null", Refuses, Agrees, |s| s.over_payload("null")),
    Row::new("trailing garbage", Refuses, Agrees, |s| s.over_payload(good(s) + "x")),
    Row::new("a second object", Refuses, Agrees, |s| s.over_payload(good(s) + "{}")),
    Row::new("white space around", Accepts, Agrees, |s| s.over_payload(format!("\r\n {}\t", good(s)))),
    Row::new("a byte order mark", Refuses, Agrees, |s| s.over_payload(format!("\u{feff}{}", good(s)))),
    Row::new("Latin-1 in a claim", Refuses, Agrees, |s| {
        let mut payload = s.draft().claim("name", r#""Zo?""#).payload.to_json().into_bytes();
        let at = payload.iter().position(|byte| *byte == b'?')?;
        payload[at] = 0xeb;
        s.over_payload(payload)
    }),
    Row::new("an escaped surrogate pair", Accepts, Agrees, |s| {
        Some(s.draft().claim("name", r#""\ud83d\ude00""#).sign())
    }),
    Row::new("a lone surrogate", Refuses, Agrees, |s| Some(s.draft().claim("name", r#""\ud83d""#).sign())),
    Row::new("a lone surrogate in a name", Refuses, Agrees, |s| Some(s.draft().claim(r"\ud83d", "1").sign())),
    Row::new("NaN", Refuses, Agrees, |s| Some(s.draft().claim("x", "NaN").sign())),
    Row::new("a leading zero", Refuses, Agrees, |s| Some(s.draft().claim("x", "01").sign())),
    Row::new("a trailing comma", Refuses, Agrees, |s| s.over_payload(good(s).replace('}', ",}"))),
    Row::new("a comment", Refuses, Agrees, |s| s.over_payload(format!("/**/{}", good(s)))),
    Row::new("single quotes", Refuses, Agrees, |s| s.over_payload(good(s).replace('"', "'"))),
    Row::new("iss twice", Refuses, Agrees, |s| Some(s.draft().also("iss", r#""https://attacker.example/""#).sign())),
    Row::new("exp twice", Refuses, Agrees, |s| Some(s.draft().also("exp", "9999999999").sign())),
    Row::new("sub twice", Refuses, Agrees, |s| Some(s.draft().also("sub", r#""admin""#).sign())),
    Row::new("sub twice, once escaped", Refuses, Agrees, |s| Some(s.draft().also(r"s\u0075b", r#""admin""#).sign())),
    Row::new("roles twice", Refuses, Differs(DUPLICATE), |s| {
        Some(s.draft().claim("roles", r#"["user"]"#).also("roles", r#"["admin"]"#).sign())
    }),
    Row::new("scope twice", Refuses, Differs(DUPLICATE), |s| {
        Some(s.draft().claim("scope", r#""read""#).also("scope", r#""write""#).sign())
    }),
    Row::new("an unknown claim twice", Refuses, Differs(DUPLICATE), |s| {
        Some(s.draft().claim("x", "1").also("x", "2").sign())
    }),
    Row::new("32 levels deep", Accepts, Agrees, |s| Some(s.draft().claim("x", &nested(32)).sign())),
    Row::new("33 levels deep", Refuses, Differs("the limit is 127 there, that of the JSON parser"), |s| {
        Some(s.draft().claim("x", &nested(33)).sign())
    }),
    Row::new("200 levels deep", Refuses, Agrees, |s| Some(s.draft().claim("x", &nested(200)).sign())),
    Row::new("longer than 16 KiB", Refuses, Differs("there is no limit there"), |s| {
        Some(s.draft().claim("x", &format!("\"{}\"", "x".repeat(16 * 1024))).sign())
    }),
];
