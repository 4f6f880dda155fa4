//! What an issuer says of a token (RFC 7662 section 2.2), held to the rules for claims.
//!
//! What is of another type than it must be makes the answer malformed: that is no fault of whoever presents the token, and nothing is known
//! of the token then. What is of the right type and says the wrong thing refuses the token.

use std::borrow::Cow;
use std::time::Duration;

use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::claims::Claims;
use super::confirmation::Confirmation;
use super::elsewhere::Elsewhere;
use super::mapping::{self, leads_somewhere};
use super::payload::Payload;
use super::pointer::Pointer;
use super::rules::Rules;
use super::scope as scopes;
use super::times::{Times, numeric_date};
use super::validation::{Form, Valid, ambiguous, check_audience, check_issuer, judge};
use crate::rule::{Refusal, Rule};

/// What of an answer is believed although it does not say so.
#[derive(Clone, Copy)]
pub(crate) struct Believed {
    /// Until when, where it has no `exp`. Time since 1970.
    pub(crate) until: Duration,
    /// That the token is for this API, where it has no `aud`.
    pub(crate) audience_is_checked: bool,
    /// That it is an access token.
    pub(crate) any_kind: bool,
}

/// Why nobody is signed in by an answer.
pub(crate) enum Flaw {
    /// It is none; why, for the log.
    Malformed(Cow<'static, str>),
    /// The token is refused by it.
    Refused(Refusal),
}

impl Flaw {
    const fn malformed(why: &'static str) -> Self {
        Self::Malformed(Cow::Borrowed(why))
    }
}

impl From<Refusal> for Flaw {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // What is of another type, or there twice.
            Refusal { rule: Rule::V6 | Rule::V11, why, hint, .. } => Self::Malformed(match hint {
                Some(hint) => Cow::Owned(format!("{why}; {hint}")),
                None => Cow::Borrowed(why),
            }),
            refusal => Self::Refused(refusal),
        }
    }
}

#[derive(Default)]
struct Members<'a> {
    active: Option<Value<'a>>,
    payload: Payload<'a>,
}

impl<'de> json::Members<'de> for Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "active" { json::fill_scalar(&mut self.active, map) } else { self.payload.take(name, map) }
    }
}

/// The claims of a token that nothing else is known of; and whether its end is said, or only believed.
pub(crate) fn of_opaque(text: &str, believed: Believed, rules: &Rules, now: Duration) -> Result<(Valid, bool), Flaw> {
    let members = read(text)?;
    let has_end = members.has_exp();
    let mut valid = judge(text, members, Form::Answer(believed), rules, now)?;
    valid.claims.payload = text.into();
    Ok((valid, has_end))
}

/// What an answer takes away of the claims of a token that was verified; `None` where it takes nothing. It adds nothing.
pub(crate) fn beside(text: &str, own: &Claims, rules: &Rules, now: Duration) -> Result<Option<Claims>, Flaw> {
    let mut members = read(text)?;
    let found = own.content();
    if members.has_iss() {
        check_issuer(members.iss.as_ref(), rules).map_err(|_| CONTRADICTS)?;
    }
    if members.has_aud() {
        check_audience(&members.audiences(None)?, true, rules)?;
    }
    let times = Times::read_or(members.exp, members.iat, members.nbf, (!members.has_exp()).then_some(found.times.exp))?;
    times.check(now, rules.tolerance)?;
    members.check_kind_beside(rules)?;
    // RFC 9449 section 6.2.
    if members.is_called_bound() && own.content().confirmation == Confirmation::default() {
        return Err(CONTRADICTS);
    }
    if members.cnf.is_some_and(|cnf| cnf.get() != "null") {
        let bound = Confirmation::read(members.cnf).map_err(|_| CONTRADICTS)?;
        if bound != found.confirmation {
            return Err(CONTRADICTS);
        }
    }
    let own_members = Ids::read(&found.payload)?;
    Ids::read(text)?.check_against(&own_members)?;
    let scope = said_scope(text, &mut members, rules, own_members.names_scopes_beside(rules))?.map(|said| {
        let said = rules.grants.scope_of(said);
        let both = scopes::names(&own.scope).filter(|name| scopes::names(&said).any(|other| other == *name));
        both.collect::<Vec<_>>().join(" ")
    });
    let exp = times.exp.min(found.times.exp);
    if exp == found.times.exp && scope.as_ref().is_none_or(|scope| *scope == own.scope) {
        return Ok(None);
    }
    let scope = scope.unwrap_or_else(|| own.scope.clone());
    let implied = rules.implied.by_scopes(&scope);
    Ok(Some(own.narrowed(exp, scope, implied)))
}

const CONTRADICTS: Flaw = Flaw::malformed("it contradicts the token itself");

/// The members of an active answer.
fn read(text: &str) -> Result<Payload<'_>, Flaw> {
    let members = json::read_object(text, Members::default());
    let Ok(Members { active, mut payload }) = members else {
        return Err(Flaw::malformed(
            "it is not a JSON object, or has duplicate members, a reserved name or more than 32 levels of nesting",
        ));
    };
    match active {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => {
            return Err(Refusal::invalid(Rule::I2, "the issuer says that the token is not active").into());
        }
        _ => return Err(Flaw::malformed("its active is neither true nor false")),
    }
    check_types(&payload)?;
    payload.nbf = payload.nbf.filter(|nbf| nbf.get() != "null");
    Ok(payload)
}

fn check_types(members: &Payload<'_>) -> Result<(), Flaw> {
    let is_text = |value: &Option<Value<'_>>| matches!(value, None | Some(Value::Null | Value::Str(_)));
    let is_texts = |value: &Option<Value<'_>>| is_text(value) || matches!(value, Some(Value::List(_)));
    let is_date =
        |raw: Option<&RawValue>| raw.is_none_or(|raw| raw.get() == "null" || numeric_date(raw.get()).is_some());
    let types = [
        (is_date(members.exp), "its exp is not a number of seconds from 1970 to the year 9999"),
        (is_date(members.iat), "its iat is not a number of seconds from 1970 to the year 9999"),
        (is_date(members.nbf), "its nbf is not a number of seconds from 1970 to the year 9999"),
        (is_text(&members.iss), "its iss is not a string"),
        (is_text(&members.sub), "its sub is not a string"),
        (is_texts(&members.aud), "its aud is neither a string nor an array of strings"),
        (is_texts(&members.scope), "its scope is neither a string nor an array of strings"),
        (is_text(&members.token_type), "its token_type is not a string"),
        (is_text(&members.token_use), "its token_use is not a string"),
        (is_text(&members.typ), "its typ is not a string"),
        (Confirmation::is_typed(members.cnf), "its cnf is not an object, or has members twice or of another type"),
    ];
    match types.into_iter().find(|(holds, _)| !holds) {
        Some((_, why)) => Err(Flaw::malformed(why)),
        None => Ok(()),
    }
}

/// The scopes that an answer names, where it names any: by the claim that the settings name, and where that is not there by `scope`, unless
/// that is about something else.
fn said_scope<'a>(
    text: &'a str,
    members: &mut Payload<'a>,
    rules: &Rules,
    scope_is_another: bool,
) -> Result<Option<String>, Flaw> {
    let said = match Elsewhere::find(text, members, rules).map_err(ambiguous)?.scope {
        None => None,
        Some(found) => match leads_somewhere(found)?.filter(|said| *said != Value::Null) {
            None if scope_is_another => return Ok(None),
            said => said,
        },
    };
    let usual = || members.scope.take().filter(|scope| *scope != Value::Null).or_else(|| members.scp.take());
    match said.or_else(usual) {
        None | Some(Value::Null) => Ok(None),
        said => Ok(Some(mapping::scope(said)?)),
    }
}

/// What names a token, whoever speaks of it.
#[derive(Default)]
struct Ids<'a> {
    jti: Option<Value<'a>>,
    sub: Option<Value<'a>>,
    client_id: Option<Value<'a>>,
    has_scope: Option<bool>,
    has_scp: Option<bool>,
}

impl<'de> json::Members<'de> for Ids<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "jti" => json::fill(&mut self.jti, map),
            "sub" => json::fill(&mut self.sub, map),
            "client_id" => json::fill(&mut self.client_id, map),
            "scope" => json::fill_presence(&mut self.has_scope, map),
            "scp" => json::fill_presence(&mut self.has_scp, map),
            _ => Ok(false),
        }
    }
}

impl<'a> Ids<'a> {
    fn read(text: &'a str) -> Result<Self, Flaw> {
        json::read_object(text, Self::default()).map_err(|_| Flaw::malformed("it cannot be read again"))
    }

    /// Whether the token has its scopes in a claim that the settings name, and in `scope` something else.
    fn names_scopes_beside(&self, rules: &Rules) -> bool {
        let named = rules.scope_claim.as_ref().map(Pointer::member);
        let is_another = |name, is_there| is_there == Some(true) && named.is_some_and(|named| named != Some(name));
        is_another("scope", self.has_scope) || is_another("scp", self.has_scp)
    }

    /// Both say the same where both say something.
    fn check_against(&self, own: &Self) -> Result<(), Flaw> {
        let agree = |said: &Option<Value<'_>>, own: &Option<Value<'_>>| match (said, own) {
            (None | Some(Value::Null), _) | (_, None | Some(Value::Null)) => true,
            (Some(said), Some(own)) => said == own && !matches!(said, Value::Object | Value::Other),
        };
        let agree = agree(&self.jti, &own.jti) && agree(&self.sub, &own.sub) && agree(&self.client_id, &own.client_id);
        if agree { Ok(()) } else { Err(CONTRADICTS) }
    }
}
