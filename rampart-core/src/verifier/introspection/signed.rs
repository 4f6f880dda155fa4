//! Signed answers (RFC 9701): whose they are and for whom, before anything in them counts.

use std::time::Duration;

use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::jose::jws::{Scratch, TypRule, Unverified};
use crate::jose::key_set::{KeySet, NoSigner};
use crate::jwks::keys::{Flaw, NoVerdict};
use crate::token::times::numeric_date;
use crate::verifier::trusted::Trusted;

/// An answer is made when it is asked for.
const OLDEST: Duration = Duration::from_secs(60);

/// What a signed answer says, as JSON.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn open(issuer: &Trusted, jwt: &str, client_id: &str, clock: &Clock) -> Result<String, &'static str> {
    let read = |keys: &KeySet, now| read(issuer, jwt, client_id, keys, now);
    issuer.keys.read(clock, read).await.map_err(|none| match none {
        NoVerdict::Refused(why) => why,
        NoVerdict::Unavailable(_) => "there are no keys to check its signature with",
    })
}

fn read(issuer: &Trusted, jwt: &str, client_id: &str, keys: &KeySet, now: Duration) -> Result<String, Flaw> {
    let mut scratch = Scratch::new();
    let token = Unverified::read(jwt.as_bytes(), &mut scratch, issuer.algorithms, TypRule::Introspection)
        .map_err(|refusal| refusal.why)?;
    match keys.signer(&token, |key| key.is_of(issuer.rules.names())) {
        Ok(_) => {}
        Err(NoSigner::UnknownKid) => return Err(Flaw::UnknownKid(token.kid.unwrap_or_default().into_owned())),
        Err(_) => return Err("its signature is by no key of the issuer".into()),
    }
    let payload = String::from_utf8(token.payload).map_err(|_| "its payload is not UTF-8")?;
    let envelope = json::read_object(&payload, Envelope::default()).map_err(
        |_| "its payload is not a JSON object, or has duplicate members, a reserved name or too much nesting",
    )?;
    Ok(envelope.check(issuer, client_id, now)?.to_owned())
}

/// RFC 9701 section 5.
#[derive(Default)]
struct Envelope<'a> {
    iss: Option<Value<'a>>,
    aud: Option<Value<'a>>,
    iat: Option<&'a RawValue>,
    exp: Option<&'a RawValue>,
    active: Option<bool>,
    token_introspection: Option<&'a RawValue>,
}

impl<'de> json::Members<'de> for Envelope<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "iss" => json::fill_scalar(&mut self.iss, map),
            "aud" => json::fill(&mut self.aud, map),
            "iat" => json::fill_raw(&mut self.iat, map),
            "exp" => json::fill_raw(&mut self.exp, map),
            "active" => json::fill_presence(&mut self.active, map),
            "token_introspection" => json::fill_raw(&mut self.token_introspection, map),
            _ => Ok(false),
        }
    }
}

impl<'a> Envelope<'a> {
    fn check(&self, issuer: &Trusted, client_id: &str, now: Duration) -> Result<&'a str, &'static str> {
        let tolerance = issuer.rules.tolerance;
        if !matches!(&self.iss, Some(Value::Str(iss)) if issuer.rules.is_issuer(iss)) {
            return Err("its iss is not the issuer");
        }
        let is_for_us = match &self.aud {
            Some(Value::Str(aud)) => aud == client_id,
            Some(Value::List(several)) => several.iter().any(|aud| aud == client_id),
            _ => false,
        };
        if !is_for_us {
            return Err("its aud is not the client ID that has asked");
        }
        let date = |raw: &RawValue| numeric_date(raw.get());
        let iat = self.iat.and_then(date).ok_or("its iat is missing, or no number of seconds")?;
        if iat > now.saturating_add(tolerance) || iat.saturating_add(OLDEST).saturating_add(tolerance) < now {
            return Err("its iat is not now: it was made for another question, or the clocks differ");
        }
        match self.exp.filter(|exp| exp.get() != "null").map(date) {
            None => {}
            Some(Some(exp)) if now < exp.saturating_add(tolerance) => {}
            Some(_) => return Err("its exp has passed, or is no number of seconds"),
        }
        if self.active.is_some() {
            return Err("active stands outside of its token_introspection");
        }
        match self.token_introspection.map(RawValue::get) {
            Some(said) if said.starts_with('{') => Ok(said),
            _ => Err("its token_introspection is missing, or not an object"),
        }
    }
}
