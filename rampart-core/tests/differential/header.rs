//! The JOSE header (V3), and what it says about the key (V4).

use super::common::{EC, RSA_2, jwk, quoted};
use super::{Accepts, Agrees, Differs, Refuses, Row, SignWith, Signer};

const CRIT: &str =
    "RFC 7515 section 4.1.11: an extension that is not understood must be refused; crit is not looked at there";
const IGNORED: &str = "the member is not looked at there";
const DUPLICATE: &str = "RFC 7515 section 4: the last of two unknown members counts there";

const UNBOUNDED: &str = "an unsigned header may cost no more than a signature check; there is no limit there";

fn with_members(signer: &Signer, count: usize) -> String {
    (3..count).fold(signer.draft(), |draft, at| draft.header(&format!("x{at}"), r#""x""#)).sign()
}

fn with(signer: &Signer, name: &str, json: &str) -> Option<String> {
    Some(signer.draft().header(name, json).sign())
}

pub(super) const ROWS: &[Row] = &[
    Row::new("a good token", Accepts, Agrees, |s| Some(s.draft().sign())),
    Row::new("typ JWT", Accepts, Agrees, |s| with(s, "typ", r#""JWT""#)),
    Row::new("typ in another case", Accepts, Agrees, |s| with(s, "typ", r#""AT+JWT""#)),
    Row::new("typ as a full media type", Accepts, Agrees, |s| with(s, "typ", r#""application/at+jwt""#)),
    Row::new("no typ", Accepts, Agrees, |s| Some(s.draft().without_header("typ").sign())),
    Row::new("typ of an ID token", Refuses, Differs(IGNORED), |s| with(s, "typ", r#""id+jwt""#)),
    Row::new("typ of a logout token", Refuses, Differs(IGNORED), |s| with(s, "typ", r#""logout+jwt""#)),
    Row::new("typ of a DPoP proof", Refuses, Differs(IGNORED), |s| with(s, "typ", r#""dpop+jwt""#)),
    Row::new("typ a number", Refuses, Agrees, |s| with(s, "typ", "1")),
    Row::new("typ null", Refuses, Differs("null counts as absent there"), |s| with(s, "typ", "null")),
    Row::new("alg none, signed all the same", Refuses, Agrees, |s| with(s, "alg", r#""none""#)),
    Row::new("alg none, no signature", Refuses, Agrees, |s| {
        let token = s.draft().header("alg", r#""none""#).sign();
        Some(token[..=token.rfind('.')?].to_owned())
    }),
    Row::new("alg missing", Refuses, Agrees, |s| Some(s.draft().without_header("alg").sign())),
    Row::new("alg in lower case", Refuses, Agrees, |s| with(s, "alg", &quoted(&s.algorithm.as_str().to_lowercase()))),
    Row::new("alg with a space", Refuses, Agrees, |s| with(s, "alg", &quoted(&format!("{} ", s.algorithm)))),
    Row::new("alg in an array", Refuses, Agrees, |s| with(s, "alg", &format!(r#"["{}"]"#, s.algorithm))),
    Row::new("alg null", Refuses, Agrees, |s| with(s, "alg", "null")),
    Row::new("alg HS256", Refuses, Agrees, |s| with(s, "alg", r#""HS256""#)),
    Row::new("alg unknown", Refuses, Agrees, |s| with(s, "alg", r#""ES256K""#)),
    Row::new("alg of another kind of key", Refuses, Agrees, |s| {
        with(s, "alg", if s.key.kid() == EC.kid() { r#""RS256""# } else { r#""ES256""# })
    }),
    Row::new("alg of another hash", Refuses, Agrees, |s| {
        let other = match s.algorithm {
            SignWith::RS256 => "RS512",
            SignWith::RS384 | SignWith::RS512 => "RS256",
            SignWith::PS256 => "PS384",
            SignWith::PS384 | SignWith::PS512 => "PS256",
            SignWith::ES256 => "ES384",
            SignWith::ES384 => "ES256",
            _ => return None,
        };
        with(s, "alg", &quoted(other))
    }),
    Row::new("alg written with an escape", Accepts, Agrees, |s| {
        let header = s.draft().header.to_json().replacen("alg", r"\u0061lg", 1);
        Some(s.over(header, s.draft().payload.to_json()))
    }),
    Row::new("crit with an unknown name", Refuses, Differs(CRIT), |s| {
        Some(s.draft().header("crit", r#"["urn:x"]"#).header("urn:x", "1").sign())
    }),
    Row::new("crit with exp", Refuses, Differs(CRIT), |s| with(s, "crit", r#"["exp"]"#)),
    Row::new("crit empty", Refuses, Differs(CRIT), |s| with(s, "crit", "[]")),
    Row::new("crit a string", Refuses, Agrees, |s| with(s, "crit", r#""b64""#)),
    Row::new("b64 false in crit", Refuses, Differs(CRIT), |s| {
        Some(s.draft().header("b64", "false").header("crit", r#"["b64"]"#).sign())
    }),
    Row::new("b64 false", Refuses, Differs(IGNORED), |s| with(s, "b64", "false")),
    Row::new(
        "enc",
        Refuses,
        Differs("RFC 7516 section 9: an enc makes it no JWS; it is read and not used there"),
        |s| with(s, "enc", r#""A128GCM""#),
    ),
    Row::new("zip", Refuses, Differs("a JWS has no compression; it is read and not used there"), |s| {
        with(s, "zip", r#""DEF""#)
    }),
    Row::new(
        "cty JWT",
        Refuses,
        Differs("RFC 7519 section 5.2: it says that a token is nested; not looked at there"),
        |s| with(s, "cty", r#""JWT""#),
    ),
    Row::new("cty json", Accepts, Agrees, |s| with(s, "cty", r#""json""#)),
    Row::new("no kid", Accepts, Agrees, |s| Some(s.draft().without_header("kid").sign())),
    Row::new("kid of nobody", Refuses, Agrees, |s| with(s, "kid", r#""nobody""#)),
    Row::new("kid of another key of the same kind", Refuses, Agrees, |s| {
        (s.key.kid() == "rsa-1").then(|| with(s, "kid", r#""rsa-2""#))?
    }),
    Row::new("kid of another kind of key", Refuses, Agrees, |s| {
        with(s, "kid", if s.key.kid() == "rsa-1" { r#""ec-1""# } else { r#""rsa-1""# })
    }),
    Row::new(
        "kid null",
        Refuses,
        Differs("RFC 7515 section 4.1.4: it must be a string; null counts as absent there"),
        |s| with(s, "kid", "null"),
    ),
    Row::new("kid a number", Refuses, Agrees, |s| with(s, "kid", "1")),
    Row::new("kid empty", Refuses, Agrees, |s| with(s, "kid", r#""""#)),
    Row::new("kid in other letters", Refuses, Agrees, |s| with(s, "kid", &quoted(&s.key.kid().to_uppercase()))),
    Row::new("jku", Accepts, Agrees, |s| with(s, "jku", r#""https://attacker.example/jwks.json""#)),
    Row::new("x5u", Accepts, Agrees, |s| with(s, "x5u", r#""https://attacker.example/x5u.pem""#)),
    Row::new("jwk of the signer, kid of another key", Refuses, Agrees, |s| {
        Some(s.draft().header("jwk", &jwk(s.key).to_string()).header("kid", r#""nobody""#).sign())
    }),
    Row::new("jwk of a stranger beside a genuine signature", Accepts, Agrees, |s| {
        with(s, "jwk", &jwk(&RSA_2).to_string())
    }),
    Row::new("an unknown member", Accepts, Agrees, |s| with(s, "custom", r#""x""#)),
    Row::new("an unknown member that is no string", Accepts, Agrees, |s| with(s, "custom", r#"{"a":[1]}"#)),
    Row::new("alg twice, the same", Refuses, Agrees, |s| {
        Some(s.draft().also_header("alg", &quoted(s.algorithm.as_str())).sign())
    }),
    Row::new("alg twice, then none", Refuses, Agrees, |s| Some(s.draft().also_header("alg", r#""none""#).sign())),
    Row::new("kid twice", Refuses, Agrees, |s| Some(s.draft().also_header("kid", &quoted(s.key.kid())).sign())),
    Row::new("an unknown member twice", Refuses, Differs(DUPLICATE), |s| {
        Some(s.draft().header("custom", r#""x""#).also_header("custom", r#""y""#).sign())
    }),
    Row::new("an array", Refuses, Agrees, |s| {
        Some(s.over(format!(r#"["{}"]"#, s.algorithm), s.draft().payload.to_json()))
    }),
    Row::new("trailing garbage", Refuses, Agrees, |s| {
        Some(s.over(s.draft().header.to_json() + "x", s.draft().payload.to_json()))
    }),
    Row::new("white space", Accepts, Agrees, |s| {
        Some(s.over(format!(" {}\r\n\t", s.draft().header.to_json()), s.draft().payload.to_json()))
    }),
    Row::new("a byte order mark", Refuses, Agrees, |s| {
        Some(s.over(format!("\u{feff}{}", s.draft().header.to_json()), s.draft().payload.to_json()))
    }),
    Row::new("64 members", Accepts, Agrees, |s| Some(with_members(s, 64))),
    Row::new("65 members", Refuses, Differs(UNBOUNDED), |s| Some(with_members(s, 65))),
    Row::new("longer than 4 KiB", Refuses, Differs(UNBOUNDED), |s| with(s, "custom", &quoted(&"x".repeat(4096)))),
    Row::new("33 levels deep", Refuses, Differs("the limit is 127 there, that of the JSON parser"), |s| {
        with(s, "deep", &super::payload::nested(33))
    }),
];
