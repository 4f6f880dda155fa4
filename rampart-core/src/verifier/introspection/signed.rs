//! Signed answers (RFC 9701): whose they are and for whom, before anything in them counts.

use std::sync::Arc;
use std::time::Duration;

use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::jose::jws::{Scratch, TypRule, Unverified};
use crate::jose::key_set::{KeySet, NoSigner};
use crate::jwks::cache::KeyCache;
use crate::jwks::keys::Keys;
use crate::jwks::search::{KidSearch, Sought};
use crate::token::times::numeric_date;
use crate::verifier::trusted::Trusted;

/// An answer is made when it is asked for.
const OLDEST: Duration = Duration::from_secs(60);

const NO_KEYS: &str = "there are no keys to check its signature with";

enum Flaw {
    Why(&'static str),
    UnknownKid(String),
}

impl From<&'static str> for Flaw {
    fn from(why: &'static str) -> Self {
        Self::Why(why)
    }
}

/// What a signed answer says, as JSON.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn open(issuer: &Trusted, jwt: &str, client_id: &str, clock: &Clock) -> Result<String, &'static str> {
    let now = || clock.now().ok_or("the clock stands before 1970");
    let flaw = |flaw| match flaw {
        Flaw::Why(why) => why,
        Flaw::UnknownKid(_) => "no key of the issuer has its kid",
    };
    let cache: &Arc<KeyCache> = match &issuer.keys {
        Keys::Static(keys) => return read(issuer, jwt, client_id, keys, now()?).map_err(flaw),
        Keys::Fetched(cache) => cache,
    };
    let judge = |now| {
        let current = cache.serve(now);
        let keys = current.as_ref().and_then(|current| current.keys()).ok_or(NO_KEYS)?;
        read(issuer, jwt, client_id, keys, now)
    };
    let begun = cache.begun();
    cache.wait(now()?).await.map_err(|_| NO_KEYS)?;
    match judge(now()?) {
        Err(Flaw::UnknownKid(kid)) => {
            let sought = Sought { kid: &kid, signed_by: now()? };
            match cache.find_kid(&sought, begun).await {
                KidSearch::Found => judge(now()?).map_err(flaw),
                KidSearch::NotFound(_) => Err("no key of the issuer has its kid"),
            }
        }
        other => other.map_err(flaw),
    }
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
