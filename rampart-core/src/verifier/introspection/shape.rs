//! Which tokens are JWTs, by their looks.

use rampart_http::json::TextSeed;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use std::fmt;

use crate::jose::base64url::decode;

/// Whether a token has three parts, of which the first is a JSON object with `alg`: it is a JWT, good or bad, and no issuer is asked about
/// it. All else is opaque: an encrypted token (RFC 7516) has five parts.
pub(super) fn is_jwt(token: &[u8]) -> bool {
    let mut dots = memchr::memchr_iter(b'.', token);
    let (Some(end), Some(_), None) = (dots.next(), dots.next(), dots.next()) else { return false };
    let Some(header) = token.get(..end).and_then(decode) else { return false };
    let mut has_alg = false;
    // Where something is wrong after it, or with it, that is a bad header of a JWT.
    let _ = serde_json::Deserializer::from_slice(&header).deserialize_map(Header { has_alg: &mut has_alg });
    has_alg
}

struct Header<'f> {
    has_alg: &'f mut bool,
}

impl<'de> Visitor<'de> for Header<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(TextSeed)? {
            if name == "alg" {
                *self.has_alg = true;
                return Ok(());
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
    fn jwt_has_three_parts_and_a_header_with_alg() {
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
        for opaque in ["a.b.c", "..", "", "ory_at_abc.def", &format!("{jwe}.a.b.c.d"), &format!("{jwe}.a"), &jwe] {
            assert!(!is_jwt(opaque.as_bytes()), "{opaque}");
        }
        assert!(is_jwt(format!("{jwe}..").as_bytes()), "a bad one is one");
    }
}
