//! V6: the payload as JSON, and the members of it that some rule looks at.

use std::borrow::Cow;
use std::time::Duration;

use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::pointer::{Duplicate, Found, Pointer};
use super::rules::Rules;
use crate::revocation::ids::Naming;
use crate::rule::{Refusal, Rule};

/// The members of the payload that some rule looks at, as they stand there.
#[derive(Default)]
pub(super) struct Payload<'a> {
    pub(super) iss: Option<Value<'a>>,
    pub(super) aud: Option<Value<'a>>,
    pub(super) sub: Option<Value<'a>>,
    pub(super) exp: Option<&'a RawValue>,
    pub(super) iat: Option<&'a RawValue>,
    pub(super) nbf: Option<&'a RawValue>,
    pub(super) email: Option<Value<'a>>,
    pub(super) email_verified: Option<Value<'a>>,
    pub(super) name: Option<Value<'a>>,
    pub(super) preferred_username: Option<Value<'a>>,
    pub(super) given_name: Option<Value<'a>>,
    pub(super) family_name: Option<Value<'a>>,
    pub(super) org_id: Option<Value<'a>>,
    pub(super) roles: Option<Value<'a>>,
    pub(super) scope: Option<Value<'a>>,
    pub(super) scp: Option<Value<'a>>,
    pub(super) typ: Option<Value<'a>>,
    pub(super) token_use: Option<Value<'a>>,
    pub(super) token_type: Option<Value<'a>>,
    pub(super) token_type_camel: Option<Value<'a>>,
    pub(super) kind: Option<Value<'a>>,
    pub(super) events: Option<Value<'a>>,
    pub(super) at_hash: Option<bool>,
    pub(super) c_hash: Option<bool>,
    pub(super) nonce: Option<bool>,
    pub(super) cnf: Option<&'a RawValue>,
    pub(super) jti: Option<Value<'a>>,
    pub(super) sid: Option<Value<'a>>,
    pub(super) client_id: Option<Value<'a>>,
    pub(super) azp: Option<Value<'a>>,
    pub(super) cid: Option<Value<'a>>,
    pub(super) appid: Option<Value<'a>>,
}

/// What is read where a claim is absent, as the settings say: found, or `None` where they name nothing.
pub(super) struct StandIns<'a> {
    pub(super) audience: Option<Found<'a>>,
    pub(super) subject: Option<Found<'a>>,
}

impl<'de> json::Members<'de> for Payload<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "iss" => json::fill(&mut self.iss, map),
            "aud" => json::fill(&mut self.aud, map),
            "sub" => json::fill(&mut self.sub, map),
            "exp" => json::fill_raw(&mut self.exp, map),
            "iat" => json::fill_raw(&mut self.iat, map),
            "nbf" => json::fill_raw(&mut self.nbf, map),
            "email" => json::fill_scalar(&mut self.email, map),
            "email_verified" => json::fill_scalar(&mut self.email_verified, map),
            "name" => json::fill_scalar(&mut self.name, map),
            "preferred_username" => json::fill_scalar(&mut self.preferred_username, map),
            "given_name" => json::fill_scalar(&mut self.given_name, map),
            "family_name" => json::fill_scalar(&mut self.family_name, map),
            "org_id" => json::fill_scalar(&mut self.org_id, map),
            "roles" => json::fill(&mut self.roles, map),
            "scope" => json::fill(&mut self.scope, map),
            "scp" => json::fill(&mut self.scp, map),
            "typ" => json::fill_scalar(&mut self.typ, map),
            "token_use" => json::fill_scalar(&mut self.token_use, map),
            "token_type" => json::fill_scalar(&mut self.token_type, map),
            "tokenType" => json::fill_scalar(&mut self.token_type_camel, map),
            "type" => json::fill_scalar(&mut self.kind, map),
            "events" => json::fill_scalar(&mut self.events, map),
            "at_hash" => json::fill_presence(&mut self.at_hash, map),
            "c_hash" => json::fill_presence(&mut self.c_hash, map),
            "nonce" => json::fill_presence(&mut self.nonce, map),
            "cnf" => json::fill_raw(&mut self.cnf, map),
            "jti" => json::fill_scalar(&mut self.jti, map),
            "sid" => json::fill_scalar(&mut self.sid, map),
            "client_id" => json::fill_scalar(&mut self.client_id, map),
            "azp" => json::fill_scalar(&mut self.azp, map),
            "cid" => json::fill_scalar(&mut self.cid, map),
            "appid" => json::fill_scalar(&mut self.appid, map),
            _ => Ok(false),
        }
    }
}

impl<'a> Payload<'a> {
    /// V6.
    pub(super) fn read(text: &'a str) -> Result<Self, Refusal> {
        json::read_object(text, Self::default()).map_err(|_| {
            let why = "the payload is not a JSON object, or has duplicate members, a reserved name or more than 32 levels of nesting";
            Refusal::invalid(Rule::V6, why)
        })
    }

    /// V6b, less what the settings let be absent. `null` counts as absent; of `iss`, which V7 looks at, nothing is asked here.
    pub(super) fn require_registered(&self, rules: &Rules, stand_ins: &StandIns<'_>) -> Result<(), Refusal> {
        let stands_in = |found: &Option<Found<'_>>| found.as_ref().is_some_and(Found::is_there);
        let present = [
            ("aud", self.has_aud() || stands_in(&stand_ins.audience)),
            ("exp", has_text(self.exp)),
            ("iat", has_text(self.iat) || rules.is_iat_optional),
            ("sub", is_there(self.sub.as_ref()) || stands_in(&stand_ins.subject)),
        ];
        match present.into_iter().find(|(_, present)| !present) {
            Some((name, _)) => Err(Refusal::missing_claim(Rule::V6b, Cow::Borrowed(name))),
            None => Ok(()),
        }
    }

    /// V8: whom the token is for. Another claim speaks where `aud` is silent, and only there: who asked for a token is not whom it is for.
    pub(super) fn audiences(&mut self, stand_in: Option<Found<'a>>) -> Result<Vec<Cow<'a, str>>, Refusal> {
        let (value, why) = match stand_in {
            Some(found) if !self.has_aud() => {
                (found.value(), "what stands in for aud is neither a string nor an array of strings")
            }
            _ => (self.aud.take(), "aud is neither a string nor an array of strings"),
        };
        match value {
            Some(Value::Str(one)) => Ok(vec![one]),
            Some(Value::List(several)) => Ok(several),
            _ => Err(Refusal::invalid(Rule::V8, why)),
        }
    }

    pub(super) fn has_aud(&self) -> bool {
        is_there(self.aud.as_ref())
    }

    pub(super) fn has_iss(&self) -> bool {
        is_there(self.iss.as_ref())
    }

    pub(super) fn has_exp(&self) -> bool {
        has_text(self.exp)
    }

    /// What the token can be revoked by.
    pub(super) fn naming<'n>(&'n self, subject: &'n str, issued: Option<Duration>) -> Naming<'n> {
        let text = |value: &'n Option<Value<'a>>| match value {
            Some(Value::Str(text)) if !text.is_empty() => Some(&**text),
            _ => None,
        };
        // RFC 9068 section 2.2; Keycloak and others write `azp` instead, Okta `cid`, and Entra's first version `appid`.
        let client = [&self.client_id, &self.azp, &self.cid, &self.appid].into_iter().find_map(text);
        Naming { subject, jti: text(&self.jti), sid: text(&self.sid), client, issued }
    }
}

impl Payload<'_> {
    /// V10, the configured part: present, not null, and of its type where another type counts as absent (V11).
    pub(super) fn has(&self, pointer: &Pointer, text: &str) -> Result<bool, Duplicate> {
        let is_text = |value: &Option<Value<'_>>| matches!(value, Some(Value::Str(_)));
        Ok(match pointer.member() {
            Some("email") => is_text(&self.email),
            Some("email_verified") => matches!(self.email_verified, Some(Value::Bool(_))),
            Some("name") => is_text(&self.name),
            Some("preferred_username") => is_text(&self.preferred_username),
            Some("given_name") => is_text(&self.given_name),
            Some("family_name") => is_text(&self.family_name),
            Some("org_id") => is_text(&self.org_id),
            Some("roles") => is_there(self.roles.as_ref()),
            Some("scope") => is_there(self.scope.as_ref()),
            Some("aud") => is_there(self.aud.as_ref()),
            Some("sub") => is_there(self.sub.as_ref()),
            Some("iat") => has_text(self.iat),
            // Checked by rules of their own.
            Some("iss" | "exp") => true,
            _ => pointer.find(text)?.is_there(),
        })
    }
}

/// `null` counts as absent.
fn is_there(value: Option<&Value<'_>>) -> bool {
    value.is_some_and(|value| *value != Value::Null)
}

/// The same of a number, which is kept as its text.
fn has_text(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get() != "null")
}
