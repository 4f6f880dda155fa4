//! One proof: P2 to P6 and P8 (RFC 9449 section 4.3). What it says of itself is verified here; whether it is new is asked elsewhere.

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::target::PublicUrl;
use crate::answer::error::AuthError;
use crate::jose::algorithm::Algorithms;
use crate::jose::base64url;
use crate::jose::jws::{Scratch, TypRule, Unverified};
use crate::jose::key::{Unusable, VerifyingKey};
use crate::rule::{Refusal, Rule};
use crate::token::confirmation::Thumbprint;
use crate::token::times::numeric_date;

/// Proofs of usual keys have a tenth of that.
pub(crate) const MAX_PROOF_BYTES: usize = 8 * 1024;
/// The sender chooses the key, and so the cost of a signature.
const MAX_RSA_BYTES: usize = 4096 / 8;
const MAX_JTI_BYTES: usize = 128;
/// How far a sender's clock may be ahead.
pub(crate) const AHEAD: Duration = Duration::from_secs(10);

/// What a proof must have been made for.
pub(crate) struct Purpose<'p> {
    pub(crate) method: &'p str,
    pub(crate) path: &'p str,
    pub(crate) public_url: &'p PublicUrl,
    /// The SHA-256 of the access token.
    pub(crate) token: [u8; 32],
    /// Of the key that the token is bound to.
    pub(crate) jkt: Thumbprint,
}

/// A proof as it came, before anything of it is verified but its form.
pub(crate) struct Proof<'t> {
    token: Unverified<'t>,
    key: VerifyingKey,
    thumbprint: Thumbprint,
}

impl<'t> Proof<'t> {
    /// P2, and of P3 that there is a key.
    pub(crate) fn read(value: &'t [u8], scratch: &'t mut Scratch, algorithms: Algorithms) -> Result<Self, Refusal> {
        if value.len() > MAX_PROOF_BYTES {
            return Err(invalid(Rule::P1, "the proof is longer than 8 KiB"));
        }
        let token = Unverified::read(value, scratch, algorithms, TypRule::Proof)
            .map_err(|refusal| invalid(Rule::P2, refusal.why))?;
        let header = json::read_object(token.header, KeyMember::default());
        let jwk = header.ok().and_then(|members| members.jwk).map(RawValue::get).filter(|jwk| *jwk != "null");
        let jwk = jwk.ok_or_else(|| invalid(Rule::P3, "the header has no jwk"))?;
        let key = VerifyingKey::from_jwk(jwk, Algorithms::of(&[token.algorithm]))
            .map_err(|(Unusable::Wrong(why) | Unusable::NotForUs(why))| invalid(Rule::P3, why))?;
        if !key.fits(token.algorithm) {
            return Err(invalid(Rule::P3, "the key belongs to another algorithm than that of the proof"));
        }
        if key.signature_bytes() > MAX_RSA_BYTES {
            return Err(invalid(Rule::P3, "the modulus of the key has more than 4096 bits"));
        }
        let thumbprint = thumbprint(jwk).ok_or_else(|| {
            invalid(Rule::P3, "a number of the key begins with zeros, so that its thumbprint is another's")
        })?;
        Ok(Self { token, key, thumbprint })
    }

    /// The payload.
    pub(crate) fn payload(&self) -> Result<Payload<'_>, Refusal> {
        std::str::from_utf8(&self.token.payload)
            .ok()
            .and_then(|text| json::read_object(text, Payload::default()).ok())
            .ok_or_else(|| {
                let why = "the payload of the proof is not a JSON object, or has duplicate members, a reserved name or more than 32 levels of nesting";
                invalid(Rule::P4, why)
            })
    }

    /// P3: the key is the one that the token is bound to.
    pub(crate) fn check_key(&self, purpose: &Purpose<'_>) -> Result<(), Refusal> {
        if self.thumbprint == purpose.jkt {
            return Ok(());
        }
        // The token may be stolen: it is not for whoever has this key (RFC 9449 section 7.1).
        Err(Refusal::invalid(Rule::P3, "the proof is of another key than the token is bound to"))
    }

    /// P6.
    pub(crate) fn check_signature(&self) -> Result<(), Refusal> {
        let Unverified { algorithm, signing_input, signature, .. } = &self.token;
        if self.key.verify(*algorithm, signing_input, signature) {
            return Ok(());
        }
        Err(invalid(Rule::P6, "the signature of the proof does not hold"))
    }
}

#[derive(Default)]
struct KeyMember<'a> {
    jwk: Option<&'a RawValue>,
}

impl<'de> json::Members<'de> for KeyMember<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "jwk" { json::fill_raw(&mut self.jwk, map) } else { Ok(false) }
    }
}

/// What a proof says.
#[derive(Default)]
pub(crate) struct Payload<'a> {
    htm: Option<Value<'a>>,
    htu: Option<Value<'a>>,
    ath: Option<Value<'a>>,
    nonce: Option<Value<'a>>,
    jti: Option<Value<'a>>,
    iat: Option<&'a RawValue>,
    exp: Option<&'a RawValue>,
    nbf: Option<&'a RawValue>,
}

impl<'de> json::Members<'de> for Payload<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let number = match name {
            "htm" => return json::fill_scalar(&mut self.htm, map),
            "htu" => return json::fill_scalar(&mut self.htu, map),
            "ath" => return json::fill_scalar(&mut self.ath, map),
            "nonce" => return json::fill_scalar(&mut self.nonce, map),
            "jti" => return json::fill_scalar(&mut self.jti, map),
            "iat" => &mut self.iat,
            "exp" => &mut self.exp,
            "nbf" => &mut self.nbf,
            _ => return Ok(false),
        };
        json::fill_raw(number, map)
    }
}

/// When a proof was made, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dates {
    pub(crate) iat: Duration,
    exp: Option<Duration>,
    nbf: Option<Duration>,
}

impl Payload<'_> {
    /// P4, but for the form of the payload.
    pub(crate) fn check_target(&self, purpose: &Purpose<'_>) -> Result<(), Refusal> {
        let Some(Value::Str(htm)) = &self.htm else {
            return Err(invalid(Rule::P4, "htm is missing or not a string"));
        };
        if **htm != *purpose.method {
            return Err(invalid(Rule::P4, "htm is not the method of the request"));
        }
        let Some(Value::Str(htu)) = &self.htu else {
            return Err(invalid(Rule::P4, "htu is missing or not a string"));
        };
        if !purpose.public_url.is_target(htu, purpose.path) {
            return Err(invalid(Rule::P4, "htu is not the target of the request: public_url and its path"));
        }
        Ok(())
    }

    /// P5.
    pub(crate) fn check_token(&self, purpose: &Purpose<'_>) -> Result<(), Refusal> {
        let Some(Value::Str(ath)) = &self.ath else {
            return Err(invalid(Rule::P5, "ath is missing or not a string"));
        };
        // Nothing of it is secret: the sender has the token.
        if base64url::decode(ath.as_bytes()).is_some_and(|ath| ath == purpose.token) {
            return Ok(());
        }
        Err(invalid(Rule::P5, "ath is not the hash of the access token"))
    }

    /// P7: the nonce, if there is one.
    pub(crate) fn nonce(&self) -> Result<Option<&str>, Refusal> {
        match &self.nonce {
            None => Ok(None),
            Some(Value::Str(nonce)) => Ok(Some(nonce)),
            Some(_) => Err(invalid(Rule::P7, "nonce is not a string")),
        }
    }

    /// P8: the form of the dates.
    pub(crate) fn dates(&self) -> Result<Dates, Refusal> {
        let date = |raw: &RawValue, why| numeric_date(raw.get()).ok_or_else(|| invalid(Rule::P8, why));
        let iat = self.iat.ok_or_else(|| invalid(Rule::P8, "iat is missing"))?;
        Ok(Dates {
            iat: date(iat, "iat is not a number of seconds from 1970 to the year 9999")?,
            exp: self
                .exp
                .map(|exp| date(exp, "exp is not a number of seconds from 1970 to the year 9999"))
                .transpose()?,
            nbf: self
                .nbf
                .map(|nbf| date(nbf, "nbf is not a number of seconds from 1970 to the year 9999"))
                .transpose()?,
        })
    }

    /// P9: the form of `jti`.
    pub(crate) fn jti(&self) -> Result<&str, Refusal> {
        match &self.jti {
            Some(Value::Str(jti)) if (1..=MAX_JTI_BYTES).contains(&jti.len()) && !jti.chars().any(char::is_control) => {
                Ok(jti)
            }
            _ => Err(invalid(Rule::P9, "jti is not a string of 1 to 128 bytes without control characters")),
        }
    }
}

impl Dates {
    /// P8: neither old nor of the future.
    pub(crate) fn check_age(self, now: Duration, max_age: Duration) -> Result<(), Refusal> {
        if self.iat > now.saturating_add(AHEAD) {
            return Err(invalid(Rule::P8, "iat lies in the future"));
        }
        if now > self.iat.saturating_add(max_age) {
            return Err(invalid(Rule::P8, "the proof is older than max_age"));
        }
        Ok(())
    }

    /// P8: what else a proof may say of its time never widens the window.
    pub(crate) fn check_bounds(self, now: Duration) -> Result<(), Refusal> {
        if self.exp.is_some_and(|exp| now >= exp) {
            return Err(invalid(Rule::P8, "exp has passed"));
        }
        if self.nbf.is_some_and(|nbf| nbf > now.saturating_add(AHEAD)) {
            return Err(invalid(Rule::P8, "nbf has not come yet"));
        }
        Ok(())
    }
}

pub(crate) const fn invalid(rule: Rule, why: &'static str) -> Refusal {
    Refusal::new(AuthError::InvalidProof { is_missing: false }, rule, why)
}

/// The members that make a key that key (RFC 7638 section 3.2).
#[derive(Default)]
struct Required<'a> {
    kty: Option<Value<'a>>,
    crv: Option<Value<'a>>,
    n: Option<Value<'a>>,
    e: Option<Value<'a>>,
    x: Option<Value<'a>>,
    y: Option<Value<'a>>,
}

impl<'de> json::Members<'de> for Required<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let slot = match name {
            "kty" => &mut self.kty,
            "crv" => &mut self.crv,
            "n" => &mut self.n,
            "e" => &mut self.e,
            "x" => &mut self.x,
            "y" => &mut self.y,
            _ => return Ok(false),
        };
        json::fill_scalar(slot, map)
    }
}

/// The thumbprint of a public key that has been read (RFC 7638 section 3): its numbers are strict base64url, which needs no escape.
/// `None` where it would be another's, for a number begins with zeros (RFC 7518 section 6.3.1.1).
fn thumbprint(jwk: &str) -> Option<Thumbprint> {
    let Required { kty, crv, n, e, x, y } = json::read_object(jwk, Required::default()).ok()?;
    let kty = text(kty)?;
    let canonical = match &*kty {
        "RSA" => {
            let (n, e) = (text(n)?, text(e)?);
            if begins_with_zeros(&n) || begins_with_zeros(&e) {
                return None;
            }
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
        }
        "EC" => format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, text(crv)?, text(x)?, text(y)?),
        _ => format!(r#"{{"crv":"{}","kty":"{kty}","x":"{}"}}"#, text(crv)?, text(x)?),
    };
    let mut thumbprint = Thumbprint::default();
    thumbprint.copy_from_slice(digest(&SHA256, canonical.as_bytes()).as_ref());
    Some(thumbprint)
}

fn text(value: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    value.and_then(Value::into_str)
}

/// Whether the first octet is zero: the first six bits, and the next two.
fn begins_with_zeros(base64url: &str) -> bool {
    matches!(base64url.as_bytes(), [b'A', b'A'..=b'P', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638 section 3.1, and RFC 9449 section 6.1 for the key of section 4.1.
    #[test]
    fn thumbprints_are_those_of_the_standards() {
        let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        let ec = r#"{"y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","crv":"P-256"}"#;
        for (jwk, expected) in
            [(rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), (ec, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")]
        {
            let expected = base64url::decode(expected.as_bytes()).unwrap();
            assert_eq!(thumbprint(jwk).unwrap().as_slice(), expected);
        }
    }

    #[test]
    fn number_that_begins_with_zeros_has_no_thumbprint() {
        for (n, has_one) in [("AQAB", true), ("QAAB", true), ("AP__", false), ("AAAB", false), ("AABB", false)] {
            assert_eq!(thumbprint(&format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#)).is_some(), has_one, "{n}");
        }
    }
}
