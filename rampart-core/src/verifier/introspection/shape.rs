//! Which tokens are JWTs, by their looks.

use rampart_http::json::TextSeed;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use std::fmt;

use crate::jose::jws::Scratch;

/// Whether the first part of a token is the header of a JWT, a JSON object with `alg`: it is one then, good or bad, however many parts it
/// has, and no issuer is asked about it. An issuer that reads the first three parts of more would call it active, although nothing of it
/// was verified here. All else is opaque, and so is an encrypted token: five parts, and a header with `enc` (RFC 7516 section 4.1.2).
pub(super) fn is_jwt(token: &[u8]) -> bool {
    let mut dots = memchr::memchr_iter(b'.', token);
    let mut scratch = Scratch::new();
    let header = dots.next().and_then(|end| token.get(..end)).and_then(|header| scratch.decode(header));
    let Some(header) = header else { return false };
    let mut header_members = Header::default();
    // Where something is wrong after them, or with them, that is a bad header of a JWT.
    let _ = serde_json::Deserializer::from_slice(header).deserialize_map(&mut header_members);
    let Header { has_alg, has_enc } = header_members;
    has_alg && !(has_enc && dots.count() == 3)
}

#[derive(Default)]
struct Header {
    has_alg: bool,
    has_enc: bool,
}

impl<'de> Visitor<'de> for &mut Header {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(TextSeed)? {
            match &*name {
                "alg" => self.has_alg = true,
                "enc" => self.has_enc = true,
                _ => {}
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn jwt_has_a_header_with_alg() {
        let token = |header: &str| format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"none"}"#,
            r#"{"typ":"JWT","alg":null}"#,
            r#"{"x":[1,{"alg":1}],"alg":2}"#,
            r#"{"\u0061lg":"HS256"}"#,
            r#"{"alg":"a","alg":"b"}"#,
            r#"{"alg":"a"} and more"#,
            r#"{"alg":"a","x":"#,
        ] {
            assert!(is_jwt(token(header).as_bytes()), "{header}");
        }
        for header in ["{}", r#"{"x":{"alg":"RS256"}}"#, r#"["alg"]"#, r#""alg""#, "alg", ""] {
            assert!(!is_jwt(token(header).as_bytes()), "{header}");
        }
        let jwe = URL_SAFE_NO_PAD.encode(r#"{"alg":"A256GCMKW","enc":"A256GCM"}"#);
        for opaque in ["a.b.c", "..", "", "ory_at_abc.def", &format!("{jwe}.a.b.c.d"), &format!("{jwe}...."), &jwe] {
            assert!(!is_jwt(opaque.as_bytes()), "{opaque}");
        }
        assert!(is_jwt(format!("{jwe}..").as_bytes()), "a bad one is one");
    }

    #[test]
    fn jwt_with_other_than_three_parts_is_a_bad_one_and_not_opaque() {
        let jws = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"at+jwt"}"#);
        for rest in [".", ".e30", ".e30.", ".e30.c2ln.", ".e30.c2ln..", ".e30.c2ln.a.b", ".e30.c2ln.a.b.c"] {
            assert!(is_jwt(format!("{jws}{rest}").as_bytes()), "{rest}");
        }
        let jwe = URL_SAFE_NO_PAD.encode(r#"{"alg":"dir","enc":"A256GCM"}"#);
        for rest in [".a", ".a.b.c", ".a.b.c.d.e"] {
            assert!(is_jwt(format!("{jwe}{rest}").as_bytes()), "{rest}");
        }
    }
}
