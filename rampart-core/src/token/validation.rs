//! V6 to V12: what the payload of an access token must say.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::rule::{Refusal, Rule};
use crate::token::claims::{Audience, ClaimFields, Claims};
use crate::token::pointer::{Duplicate, Found, Pointer};
use crate::token::times::Times;
use rampart_http::json::{self, Value};

/// What whoever is new to a Rampart server gets wrong first.
const AUDIENCE_HINT: &str = "with Rampart, aud is the client ID of the front end, or the issuer's URL after a direct login or a renewal: accept each that you serve";

/// What the claims are checked against.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) tolerance: Duration,
    pub(crate) required_claims: Vec<RequiredClaim>,
    pub(crate) accept_id_tokens: bool,
    /// `None` for the claims of a Rampart token.
    pub(crate) roles_claim: Option<Pointer>,
    pub(crate) scope_claim: Option<Pointer>,
}

/// A claim that must be there, as the settings name it, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct RequiredClaim {
    pub(crate) name: String,
    pub(crate) pointer: Pointer,
}

/// The members of the payload that some rule looks at, as they stand there.
#[derive(Default)]
struct Payload<'a> {
    iss: Option<Value<'a>>,
    aud: Option<Value<'a>>,
    sub: Option<Value<'a>>,
    exp: Option<&'a RawValue>,
    iat: Option<&'a RawValue>,
    nbf: Option<&'a RawValue>,
    email: Option<Value<'a>>,
    email_verified: Option<Value<'a>>,
    name: Option<Value<'a>>,
    preferred_username: Option<Value<'a>>,
    given_name: Option<Value<'a>>,
    family_name: Option<Value<'a>>,
    org_id: Option<Value<'a>>,
    roles: Option<Value<'a>>,
    scope: Option<Value<'a>>,
    scp: Option<Value<'a>>,
    typ: Option<Value<'a>>,
    token_use: Option<Value<'a>>,
    token_type: Option<Value<'a>>,
    token_type_camel: Option<Value<'a>>,
    kind: Option<Value<'a>>,
    events: Option<Value<'a>>,
    at_hash: Option<bool>,
    c_hash: Option<bool>,
    nonce: Option<bool>,
    cnf: Option<bool>,
}

impl<'de> json::Members<'de> for Payload<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "iss" => json::fill(&mut self.iss, map),
            "aud" => json::fill(&mut self.aud, map),
            "sub" => json::fill(&mut self.sub, map),
            "exp" => json::fill_number(&mut self.exp, map),
            "iat" => json::fill_number(&mut self.iat, map),
            "nbf" => json::fill_number(&mut self.nbf, map),
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
            "cnf" => json::fill_presence(&mut self.cnf, map),
            _ => Ok(false),
        }
    }
}

impl<'a> Payload<'a> {
    /// V6.
    fn read(text: &'a str) -> Result<Self, Refusal> {
        json::read_object(text, Self::default()).map_err(|_| {
            let why = "the payload is not a JSON object, or has duplicate members, a reserved name or more than 32 levels of nesting";
            Refusal::invalid(Rule::V6, why)
        })
    }

    /// V6b. `null` counts as absent; of `iss`, which V7 looks at, nothing is asked here.
    fn require_registered(&self) -> Result<(), Refusal> {
        let is_there = |value: &Option<Value<'_>>| value.as_ref().is_some_and(|value| *value != Value::Null);
        let has_text = |value: Option<&RawValue>| value.is_some_and(|value| value.get() != "null");
        let present = [
            ("aud", is_there(&self.aud)),
            ("exp", has_text(self.exp)),
            ("iat", has_text(self.iat)),
            ("sub", is_there(&self.sub)),
        ];
        match present.into_iter().find(|(_, present)| !present) {
            Some((name, _)) => Err(Refusal::missing_claim(Rule::V6b, Cow::Borrowed(name))),
            None => Ok(()),
        }
    }

    /// V8: whom the token is for.
    fn audiences(&mut self) -> Result<Vec<Cow<'a, str>>, Refusal> {
        match self.aud.take() {
            Some(Value::Str(one)) => Ok(vec![one]),
            Some(Value::List(several)) => Ok(several),
            _ => Err(Refusal::invalid(Rule::V8, "aud is neither a string nor an array of strings")),
        }
    }

    /// V12. `null` counts as absent for every mark.
    fn check_kind(&self, rules: &Rules, is_at_jwt: bool) -> Result<(), Refusal> {
        let refuse = |why| Err(Refusal::invalid(Rule::V12, why));
        let typ = match &self.typ {
            None | Some(Value::Null) => None,
            Some(Value::Str(typ)) => Some(&**typ),
            Some(_) => return refuse("the payload's typ is not a string"),
        };
        let is = |kind: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(kind));
        // RFC 8417 section 2.2: an object, in security events and so in logout tokens.
        if self.events == Some(Value::Object) || is("Offline") || is("Logout") {
            return refuse("events or typ says that this is another kind of token");
        }
        let marks = [&self.typ, &self.token_type, &self.token_type_camel, &self.kind];
        let mut texts =
            marks.into_iter().filter_map(|mark| if let Some(Value::Str(text)) = mark { Some(text) } else { None });
        if texts.any(|text| names_refresh_token(text)) {
            return refuse("typ, token_type, tokenType or type says that this is a refresh token");
        }
        let is_access = |token_use: &str| matches!(token_use, "access" | "access_token");
        let is_id = |token_use: &str| rules.accept_id_tokens && matches!(token_use, "id" | "id_token");
        match &self.token_use {
            None | Some(Value::Null) => {}
            Some(Value::Str(token_use)) if is_access(token_use) || is_id(token_use) => {}
            Some(_) if rules.accept_id_tokens => {
                return refuse("token_use is that of neither an access token nor an ID token");
            }
            Some(_) => return refuse("token_use is neither access nor access_token"),
        }
        if !rules.accept_id_tokens {
            if self.at_hash == Some(true) || self.c_hash == Some(true) || is("ID") {
                return refuse("at_hash, c_hash or typ says that this is an ID token");
            }
            if self.nonce == Some(true) && !matches!(typ, Some("Bearer" | "DPoP")) && !is_at_jwt {
                return refuse("nonce is present, as in an ID token");
            }
        }
        if self.cnf == Some(true) {
            return refuse("cnf is present: a sender-constrained token is not a bearer token");
        }
        Ok(())
    }
}

/// V7.
fn check_issuer(iss: Option<&Value<'_>>, rules: &Rules) -> Result<(), Refusal> {
    let refuse = |why| Err(Refusal::invalid(Rule::V7, why));
    match iss {
        Some(Value::Str(iss)) if **iss == *rules.issuer => Ok(()),
        Some(Value::Str(iss)) => refuse(match Difference::between(iss, &rules.issuer) {
            None => "iss is not the configured issuer",
            Some(Difference::Slash) => {
                "iss differs from the configured issuer only by a trailing slash: write the issuer exactly as the tokens do"
            }
            Some(Difference::Spelling) => {
                "iss differs from the configured issuer only by the case of its host, http or https, or a trailing slash: write the issuer exactly as the tokens do"
            }
        }),
        _ => refuse("iss is missing or not a string"),
    }
}

/// V8.
fn check_audience(audiences: &[Cow<'_, str>], rules: &Rules) -> Result<(), Refusal> {
    let pairs = || audiences.iter().flat_map(|own| rules.audiences.iter().map(move |accepted| (own, accepted)));
    if pairs().any(|(own, accepted)| *accepted == **own) {
        return Ok(());
    }
    let refusal = Refusal::invalid(Rule::V8, "aud holds no accepted audience");
    let difference = pairs().find_map(|(own, accepted)| Difference::between(own, accepted));
    Err(refusal.hinting(match difference {
        None => AUDIENCE_HINT,
        Some(Difference::Slash) => {
            "one of aud differs from an accepted audience only by a trailing slash: write the audience exactly as the tokens do"
        }
        Some(Difference::Spelling) => {
            "one of aud differs from an accepted audience only by the case of its host, http or https, or a trailing slash: write the audience exactly as the tokens do"
        }
    }))
}

/// What two addresses that are not equal differ in, where that is so little that one of them is a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// In a trailing slash alone.
    Slash,
    /// In the case of scheme or host, in `http` and `https`, and perhaps in a trailing slash too.
    Spelling,
}

impl Difference {
    fn between(one: &str, other: &str) -> Option<Self> {
        let (one, other) = (one.trim_end_matches('/'), other.trim_end_matches('/'));
        if one == other {
            return Some(Self::Slash);
        }
        let ((own_host, own_path), (host, path)) = (host_and_path(one)?, host_and_path(other)?);
        (own_host.eq_ignore_ascii_case(host) && own_path == path).then_some(Self::Spelling)
    }
}

/// An http(s) address without its scheme, taken apart where its path begins.
fn host_and_path(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, "")))
}

/// `refresh`, `Refresh`, `refresh_token`, `refresh-token`, `refreshToken`, and the name of RFC 8693 section 3, whose last part
/// it is.
fn names_refresh_token(text: &str) -> bool {
    let last = text.rsplit(':').next().unwrap_or_default();
    let letters =
        || last.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b' ')).map(|byte| byte.to_ascii_lowercase());
    letters().eq(*b"refresh") || letters().eq(*b"refreshtoken")
}

/// An object on the way of a pointer holds a member twice.
fn ambiguous(_: Duplicate) -> Refusal {
    Refusal::invalid(
        Rule::V6,
        "an object on the way to the roles, the scopes or a required claim has duplicate members",
    )
}

fn not_utf8() -> Refusal {
    Refusal::invalid(Rule::V6, "the payload is not UTF-8")
}

/// What the rules have found.
pub(crate) struct Valid {
    pub(crate) claims: Claims,
    /// Claims that are there, but of another type than they should be.
    pub(crate) mistyped: Vec<&'static str>,
}

/// V6 to V12, in their order, of a token whose signature holds.
pub(crate) fn validate(payload: Vec<u8>, is_at_jwt: bool, rules: &Rules, now: Duration) -> Result<Valid, Refusal> {
    let payload = String::from_utf8(payload).map_err(|_| not_utf8())?;
    let text = payload.as_str();
    let mut members = Payload::read(text)?;
    let elsewhere = Elsewhere::find(text, &members, rules).map_err(ambiguous)?;
    members.require_registered()?;
    check_issuer(members.iss.as_ref(), rules).map_err(|refusal| match &members.iss {
        Some(Value::Str(iss)) => refusal.saying(iss),
        _ => refusal,
    })?;
    let audiences = members.audiences()?;
    check_audience(&audiences, rules).map_err(|refusal| refusal.saying(&audiences))?;
    let times = Times::read(members.exp, members.iat, members.nbf)?;
    times.check(now, rules.tolerance)?;

    let sub = match members.sub.take() {
        Some(Value::Str(sub)) if !sub.is_empty() => sub.into_owned(),
        _ => return Err(Refusal::invalid(Rule::V10, "sub is not a non-empty string")),
    };
    let missing = rules.required_claims.iter().zip(elsewhere.required).find(|(_, is_there)| !is_there);
    if let Some((claim, _)) = missing {
        return Err(Refusal::missing_claim(Rule::V10, Cow::Owned(claim.name.clone())));
    }

    let roles = match elsewhere.roles {
        None => members.roles.take(),
        Some(found) => leads_somewhere(found)?,
    };
    let scope = match elsewhere.scope {
        None => members.scope.take().filter(|scope| *scope != Value::Null).or_else(|| members.scp.take()),
        Some(found) => leads_somewhere(found)?,
    };
    let (roles, scope) = (self::roles(roles)?, self::scope(scope)?);

    members.check_kind(rules, is_at_jwt)?;
    let mut mistyped = Vec::new();
    let email_verified = profile(&mut mistyped, "email_verified", members.email_verified.take(), Value::into_bool);
    let mut text = |claim, value: Option<Value<'_>>| {
        profile(&mut mistyped, claim, value, |value| value.into_str().map(Cow::into_owned))
    };
    let fields = ClaimFields {
        sub,
        email: text("email", members.email.take()),
        email_verified,
        name: text("name", members.name.take()),
        preferred_username: text("preferred_username", members.preferred_username.take()),
        given_name: text("given_name", members.given_name.take()),
        family_name: text("family_name", members.family_name.take()),
        roles,
        scope,
        org_id: text("org_id", members.org_id.take()),
        iss: rules.issuer.clone(),
        aud: Audience(audiences.into_iter().map(Cow::into_owned).collect()),
        exp: times.exp.as_secs(),
        iat: times.iat.as_secs(),
    };
    drop(members);
    Ok(Valid { claims: Claims { fields, times, payload: payload.into_boxed_str(), token: None }, mistyped })
}

/// Whether a token could pass if only its key were known: V6 to V8, and `exp` of V9. No key makes a token good that fails here; as
/// nothing of it is authentic, its bearer is told no more than that it is invalid. Of one that could, when it was signed at the latest.
pub(crate) fn could_pass(unverified_payload: &[u8], rules: &Rules, now: Duration) -> Result<Duration, Refusal> {
    let text = std::str::from_utf8(unverified_payload).map_err(|_| not_utf8())?;
    let mut members = Payload::read(text)?;
    Elsewhere::find(text, &members, rules).map_err(ambiguous)?;
    members.require_registered()?;
    check_issuer(members.iss.as_ref(), rules)?;
    check_audience(&members.audiences()?, rules)?;
    let times = Times::read(members.exp, members.iat, members.nbf)?;
    times.check_expiry(now, rules.tolerance)?;
    Ok(times.iat.saturating_add(rules.tolerance))
}

/// What the settings look for by pointers, found in one go so that the ways are checked before anything is read (V6).
struct Elsewhere<'a> {
    /// `None` where the claim of a Rampart token counts.
    roles: Option<Found<'a>>,
    scope: Option<Found<'a>>,
    /// Whether each of the required claims is there.
    required: Vec<bool>,
}

impl<'a> Elsewhere<'a> {
    fn find(text: &'a str, members: &Payload<'_>, rules: &Rules) -> Result<Self, Duplicate> {
        let find = |pointer: &Option<Pointer>| pointer.as_ref().map(|pointer| pointer.find(text)).transpose();
        let required = rules.required_claims.iter().map(|claim| members.has(&claim.pointer, text));
        Ok(Self {
            roles: find(&rules.roles_claim)?,
            scope: find(&rules.scope_claim)?,
            required: required.collect::<Result<_, _>>()?,
        })
    }
}

impl Payload<'_> {
    /// V10, the configured part: present, not null, and of its type where another type counts as absent (V11).
    fn has(&self, pointer: &Pointer, text: &str) -> Result<bool, Duplicate> {
        let is_text = |value: &Option<Value<'_>>| matches!(value, Some(Value::Str(_)));
        let is_there = |value: &Option<Value<'_>>| value.as_ref().is_some_and(|value| *value != Value::Null);
        Ok(match pointer.member() {
            Some("email") => is_text(&self.email),
            Some("email_verified") => matches!(self.email_verified, Some(Value::Bool(_))),
            Some("name") => is_text(&self.name),
            Some("preferred_username") => is_text(&self.preferred_username),
            Some("given_name") => is_text(&self.given_name),
            Some("family_name") => is_text(&self.family_name),
            Some("org_id") => is_text(&self.org_id),
            Some("roles") => is_there(&self.roles),
            Some("scope") => is_there(&self.scope),
            // Checked by rules of their own.
            Some("iss" | "aud" | "exp" | "iat" | "sub") => true,
            _ => matches!(pointer.find(text)?, Found::Value(value) if value != Value::Null),
        })
    }
}

/// V11: the value at the end of the way, if any.
fn leads_somewhere(found: Found<'_>) -> Result<Option<Value<'_>>, Refusal> {
    match found {
        Found::Value(value) => Ok(Some(value)),
        Found::Absent => Ok(None),
        Found::NoWay => Err(Refusal::invalid(Rule::V11, "something on the way to the roles or scopes is no object")),
    }
}

/// V11: an array of strings, or one string.
fn roles(value: Option<Value<'_>>) -> Result<Vec<String>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Str(one)) => Ok(vec![one.into_owned()]),
        Some(Value::List(several)) => Ok(several.into_iter().map(Cow::into_owned).collect()),
        Some(_) => Err(Refusal::invalid(Rule::V11, "the roles are neither a string nor an array of strings")),
    }
}

/// V11: a string separated by spaces, or an array of scope tokens.
fn scope(value: Option<Value<'_>>) -> Result<String, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::Str(text)) => Ok(text.into_owned()),
        Some(Value::List(tokens)) if tokens.iter().all(|token| is_scope_token(token)) => Ok(tokens.join(" ")),
        Some(_) => Err(Refusal::invalid(Rule::V11, "the scopes are neither a string nor an array of scope tokens")),
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 section 3.3).
#[expect(clippy::indexing_slicing, reason = "constant evaluation has no iterators; the index is below the length")]
pub(crate) const fn is_scope_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], 0x21 | 0x23..=0x5b | 0x5d..=0x7e) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

/// V11: nothing is granted by these claims, so one of another type is as good as none. Asked last, so that it is told of tokens
/// that pass.
fn profile<'a, T>(
    mistyped: &mut Vec<&'static str>,
    claim: &'static str,
    value: Option<Value<'a>>,
    read: impl FnOnce(Value<'a>) -> Option<T>,
) -> Option<T> {
    let value = value.filter(|value| *value != Value::Null)?;
    let read = read(value);
    if read.is_none() {
        mistyped.push(claim);
    }
    read
}
