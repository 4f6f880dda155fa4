//! The logout token (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6).

use std::time::Duration;

use rampart_http::json::{self, Value};
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::token::rules::Rules;
use crate::token::times::numeric_date;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// It is sent when it is made.
const OLDEST: Duration = Duration::from_secs(120);

/// What is wrong with a logout token: a constant sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem(pub(crate) &'static str);

/// For whom the logout tokens of an issuer are.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogoutRules {
    /// Client IDs; the audiences of the issuer's tokens where none are named.
    pub(crate) clients: Vec<String>,
    pub(crate) is_exp_optional: bool,
}

/// Who has signed out.
#[derive(Debug)]
pub(crate) struct Logout {
    pub(crate) issued_at: Duration,
    pub(crate) sub: Option<String>,
    pub(crate) sid: Option<String>,
}

#[derive(Default)]
struct Members<'a> {
    iss: Option<Value<'a>>,
    aud: Option<Value<'a>>,
    azp: Option<Value<'a>>,
    sub: Option<Value<'a>>,
    sid: Option<Value<'a>>,
    jti: Option<Value<'a>>,
    iat: Option<&'a RawValue>,
    exp: Option<&'a RawValue>,
    nbf: Option<&'a RawValue>,
    events: Option<&'a RawValue>,
    nonce: bool,
}

impl<'de> json::Members<'de> for Members<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "iss" => json::fill_scalar(&mut self.iss, map),
            "aud" => json::fill(&mut self.aud, map),
            "azp" => json::fill_scalar(&mut self.azp, map),
            "sub" => json::fill_scalar(&mut self.sub, map),
            "sid" => json::fill_scalar(&mut self.sid, map),
            "jti" => json::fill_scalar(&mut self.jti, map),
            "iat" => json::fill_raw(&mut self.iat, map),
            "exp" => json::fill_raw(&mut self.exp, map),
            "nbf" => json::fill_raw(&mut self.nbf, map),
            "events" => json::fill_raw(&mut self.events, map),
            "nonce" => json::mark(&mut self.nonce, map),
            _ => Ok(false),
        }
    }
}

/// The one event that it is about.
#[derive(Default)]
struct Events<'a> {
    logout: Option<&'a RawValue>,
}

impl<'de> json::Members<'de> for Events<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == EVENT { json::fill_raw(&mut self.logout, map) } else { Ok(false) }
    }
}

impl Logout {
    /// What it says, once the signature holds. `nonce` is what keeps ID tokens out, `events` what keeps out all else.
    pub(crate) fn read(payload: &[u8], rules: &Rules, own: &LogoutRules, now: Duration) -> Result<Self, Problem> {
        const MALFORMED: Problem = Problem(
            "the payload of the logout token is not a JSON object, or has duplicate members, a reserved name or too much nesting",
        );
        let text = std::str::from_utf8(payload).map_err(|_| MALFORMED)?;
        let members = json::read_object(text, Members::default()).map_err(|_| MALFORMED)?;
        if !matches!(&members.iss, Some(Value::Str(iss)) if rules.is_issuer(iss)) {
            return Err(Problem("iss of the logout token is not the configured issuer"));
        }
        check_audience(&members, rules, own)?;
        let issued_at = check_times(&members, rules, own, now)?;
        check_events(members.events)?;
        if members.nonce {
            return Err(Problem("nonce is present, as in an ID token"));
        }
        if !matches!(&members.jti, Some(Value::Str(jti)) if !jti.is_empty()) {
            return Err(Problem("jti of the logout token is missing, or not a string"));
        }
        let name = |value| match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Str(name)) if !name.is_empty() => Ok(Some(name.into_owned())),
            Some(_) => Err(Problem("sub or sid of the logout token is not a non-empty string")),
        };
        let (sub, sid) = (name(members.sub)?, name(members.sid)?);
        if sub.is_none() && sid.is_none() {
            return Err(Problem("the logout token has neither sub nor sid"));
        }
        Ok(Self { issued_at, sub, sid })
    }
}

fn check_audience(members: &Members<'_>, rules: &Rules, own: &LogoutRules) -> Result<(), Problem> {
    let clients = if own.clients.is_empty() { &rules.audiences } else { &own.clients };
    let is_ours = |name: &str| clients.iter().any(|client| client == name);
    let is_for_us = match &members.aud {
        Some(Value::Str(aud)) => is_ours(aud),
        Some(Value::List(several)) => several.iter().any(|aud| is_ours(aud)),
        _ => false,
    };
    if !is_for_us {
        return Err(Problem("aud of the logout token holds none of the logout_clients"));
    }
    match &members.azp {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Str(azp)) if is_ours(azp) => Ok(()),
        Some(_) => Err(Problem("azp of the logout token is none of the logout_clients")),
    }
}

fn check_times(members: &Members<'_>, rules: &Rules, own: &LogoutRules, now: Duration) -> Result<Duration, Problem> {
    let date = |raw: Option<&RawValue>, problem| match raw.map(RawValue::get).filter(|text| *text != "null") {
        None => Ok(None),
        Some(text) => numeric_date(text).map(Some).ok_or(Problem(problem)),
    };
    let (tolerance, latest) = (rules.tolerance, now.saturating_add(rules.tolerance));
    let iat = date(members.iat, "iat of the logout token is not a number of seconds")?
        .ok_or(Problem("iat of the logout token is missing"))?;
    if iat > latest {
        return Err(Problem("iat of the logout token lies in the future"));
    }
    if iat.saturating_add(OLDEST) < now {
        return Err(Problem("the logout token is older than two minutes"));
    }
    match date(members.exp, "exp of the logout token is not a number of seconds")? {
        Some(exp) if now >= exp.saturating_add(tolerance) => return Err(Problem("exp of the logout token has passed")),
        None if !own.is_exp_optional => {
            return Err(Problem(
                "exp of the logout token is missing: an issuer that sends none needs allow_logout_without_exp",
            ));
        }
        _ => {}
    }
    if date(members.nbf, "nbf of the logout token is not a number of seconds")?.is_some_and(|nbf| nbf > latest) {
        return Err(Problem("nbf of the logout token has not come yet"));
    }
    Ok(iat)
}

fn check_events(events: Option<&RawValue>) -> Result<(), Problem> {
    const MISSING: Problem =
        Problem("events does not say that this is a logout token: the member of back-channel logout is an object");
    let events = events.ok_or(MISSING)?;
    let events = json::read_object(events.get(), Events::default()).map_err(|_| MISSING)?;
    if events.logout.is_some_and(|logout| logout.get().starts_with('{')) { Ok(()) } else { Err(MISSING) }
}
