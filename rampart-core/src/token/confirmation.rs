//! `cnf`: the key that a token is bound to (RFC 7800 section 3.1).

use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::jose::base64url;

/// What a token is bound to: nothing, or what its sender has to prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The thumbprint of a key that signs proofs (RFC 9449 section 6.1).
    pub(crate) jkt: Option<Thumbprint>,
}

/// Of a JSON Web Key, with SHA-256 (RFC 7638).
pub(crate) type Thumbprint = [u8; 32];

/// The registered members (RFC 7800 section 3.1, RFC 8705 section 3.1, RFC 9203 section 3.2.1) but for `jkt`: each would have to be
/// enforced. Others are ignored, as that RFC has it; Keycloak writes one.
const REGISTERED: [&str; 6] = ["jwk", "jwe", "jku", "kid", "x5t#S256", "osc"];

#[derive(Default)]
struct Members<'a> {
    jkt: Option<Value<'a>>,
    others: [Option<bool>; REGISTERED.len()],
}

impl<'de> json::Members<'de> for Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "jkt" {
            return json::fill_scalar(&mut self.jkt, map);
        }
        let other = REGISTERED.iter().zip(&mut self.others).find(|(own, _)| **own == name);
        other.map_or(Ok(false), |(_, slot)| json::fill_presence(slot, map))
    }
}

impl Confirmation {
    /// Whether it is of the right type, whatever it says: what is not is no `cnf` at all.
    pub(crate) fn is_typed(cnf: Option<&RawValue>) -> bool {
        let Some(cnf) = cnf.filter(|cnf| cnf.get() != "null") else { return true };
        let members = json::read_object(cnf.get(), Members::default());
        members.is_ok_and(|members| matches!(members.jkt, None | Some(Value::Null | Value::Str(_))))
    }

    /// `null` counts as absent. What is there binds the token to something, or confirms nothing at all.
    ///
    /// # Errors
    /// What of it cannot be enforced.
    pub(crate) fn read(cnf: Option<&RawValue>) -> Result<Self, &'static str> {
        let Some(cnf) = cnf.filter(|cnf| cnf.get() != "null") else { return Ok(Self::default()) };
        let members = json::read_object(cnf.get(), Members::default())
            .map_err(|_| "cnf is not a JSON object, or has duplicate members, a reserved name or too much nesting")?;
        if members.others.contains(&Some(true)) {
            return Err("cnf binds the token to something that is not accepted here");
        }
        let Some(Value::Str(jkt)) = members.jkt else {
            return Err("cnf names no key that a proof could be of: its jkt is missing or not a string");
        };
        let jkt = base64url::decode(jkt.as_bytes()).and_then(|bytes| Thumbprint::try_from(bytes).ok());
        Ok(Self { jkt: Some(jkt.ok_or("the jkt of cnf is not a SHA-256 in base64url")?) })
    }
}
