//! V6 to V12: what the payload of an access token must say.

use std::borrow::Cow;
use std::time::Duration;

use rampart_http::json::Value;

use super::answer::Believed;
use super::claims::{Audience, ClaimFields, Content};
use super::diagnosis::with_remedy;
use super::elsewhere::Elsewhere;
use super::mapping::{self, leads_somewhere, profile};
use super::payload::Payload;
use super::pointer::{Duplicate, Found};
use super::rules::Rules;
use super::subject::Subject;
use super::times::Times;
use crate::rule::{Refusal, Rule};

/// Who turns introspection on meets it first with servers that check the audience themselves, or not at all.
const ANSWER_WITHOUT_AUDIENCE_HINT: &str = "where the issuer makes sure itself that a token is for this API before it calls it active, say so by audience_is_checked_by_issuer";
/// What people who are new to a Rampart server get wrong first.
const AUDIENCE_HINT: &str = "with Rampart, aud is the client ID of the front end, or the issuer's URL after a direct login or a renewal: accept each that you serve";

/// A revocation is remembered for as long as a token can live: what lives longer would outlive it.
const LIFETIME_HINT: &str = "with revocations no token may live longer than max_token_lifetime, 24 h unless given, for which each of them is remembered: raise it where this issuer's tokens live longer";

/// V7.
pub(super) fn check_issuer(iss: Option<&Value<'_>>, rules: &Rules) -> Result<(), Refusal> {
    let refuse = |why| Err(Refusal::invalid(Rule::V7, why));
    match iss {
        Some(Value::Str(iss)) if rules.is_issuer(iss) => Ok(()),
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

/// V8, of `aud` or of the claim that stands in for it.
pub(super) fn check_audience(audiences: &[Cow<'_, str>], is_aud: bool, rules: &Rules) -> Result<(), Refusal> {
    let pairs = || audiences.iter().flat_map(|own| rules.audiences.iter().map(move |accepted| (own, accepted)));
    if pairs().any(|(own, accepted)| *accepted == **own) {
        return Ok(());
    }
    let why =
        if is_aud { "aud holds no accepted audience" } else { "what stands in for aud holds no accepted audience" };
    let refusal = Refusal::invalid(Rule::V8, why);
    let Some(difference) = pairs().find_map(|(own, accepted)| Difference::between(own, accepted)) else {
        return Err(if is_aud { refusal.hinting(AUDIENCE_HINT) } else { refusal });
    };
    Err(refusal.hinting(match difference {
        Difference::Slash => {
            "one of aud differs from an accepted audience only by a trailing slash: write the audience exactly as the tokens do"
        }
        Difference::Spelling => {
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

/// An object on the way of a pointer holds a member twice.
pub(super) fn ambiguous(_: Duplicate) -> Refusal {
    Refusal::invalid(Rule::V6, "an object on the way to a claim that the settings name has duplicate members")
}

fn not_utf8() -> Refusal {
    Refusal::invalid(Rule::V6, "the payload is not UTF-8")
}

/// What the rules have found.
pub(crate) struct Valid {
    pub(crate) claims: Content,
    /// Claims that are there, but of another type than they should be.
    pub(crate) mistyped: Vec<&'static str>,
}

/// V6 to V12, in their order, of a token whose signature holds.
pub(crate) fn validate(payload: Vec<u8>, is_at_jwt: bool, rules: &Rules, now: Duration) -> Result<Valid, Refusal> {
    let payload = String::from_utf8(payload).map_err(|_| not_utf8())?;
    match Payload::read(&payload).and_then(|members| judge(&payload, members, Form::Jwt { is_at_jwt }, rules, now)) {
        Ok(mut valid) => {
            valid.claims.payload = payload.into_boxed_str();
            Ok(valid)
        }
        Err(refusal) => Err(with_remedy(refusal, &payload, is_at_jwt, rules)),
    }
}

/// What says of itself what the rules ask for.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// The payload of a token.
    Jwt { is_at_jwt: bool },
    /// What the issuer says of one (RFC 7662 section 2.2). It may leave out what a token may not.
    Answer(Believed),
}

/// V6b to V12, in their order; less the payload itself.
pub(super) fn judge<'a>(
    text: &'a str,
    mut members: Payload<'a>,
    form: Form,
    rules: &Rules,
    now: Duration,
) -> Result<Valid, Refusal> {
    let mut elsewhere = Elsewhere::find(text, &members, rules).map_err(ambiguous)?;
    let mut believed_until = None;
    match form {
        Form::Jwt { .. } => members.require_registered(rules, &elsewhere.stand_ins)?,
        Form::Answer(believed) => believed_until = (!members.has_exp()).then_some(believed.until),
    }
    let has_iss = members.has_iss() || matches!(form, Form::Jwt { .. });
    if has_iss {
        check_issuer(members.iss.as_ref(), rules).map_err(|refusal| match &members.iss {
            Some(Value::Str(iss)) => refusal.saying(iss),
            _ => refusal,
        })?;
    }
    let has_aud = members.has_aud();
    let stand_in = elsewhere.stand_ins.audience.take();
    let audiences = match form {
        Form::Answer(Believed { audience_is_checked: true, .. }) if !has_aud && stand_in.is_none() => Vec::new(),
        Form::Answer(_) if !has_aud && stand_in.is_none() => {
            return Err(Refusal::invalid(Rule::V8, "the answer has no aud").hinting(ANSWER_WITHOUT_AUDIENCE_HINT));
        }
        _ => {
            let audiences = members.audiences(stand_in)?;
            check_audience(&audiences, has_aud, rules).map_err(|refusal| refusal.saying(&audiences))?;
            audiences
        }
    };
    let times = Times::read_or(members.exp, members.iat, members.nbf, believed_until)?;
    times.check(now, rules.tolerance)?;
    if believed_until.is_none() {
        times.check_lifetime(now, rules.max_lifetime, rules.tolerance).map_err(|refusal| match rules.revocable {
            Some(_) => refusal.hinting(LIFETIME_HINT),
            None => refusal,
        })?;
    }

    let subject = Subject::of(members.sub.take(), elsewhere.stand_ins.subject, rules.subject_claim.as_ref())?;
    let missing = rules.required_claims.iter().zip(elsewhere.required).find(|(_, is_there)| !is_there);
    if let Some((claim, _)) = missing {
        return Err(Refusal::missing_claim(Rule::V10, Cow::Owned(claim.name.clone())));
    }
    check_demands(elsewhere.demanded, rules)?;

    let roles = mapping::all_roles(members.roles.take(), elsewhere.roles, elsewhere.role_names)?;
    let scope = match elsewhere.scope {
        None => members.scope.take().filter(|scope| *scope != Value::Null).or_else(|| members.scp.take()),
        Some(found) => leads_somewhere(found)?,
    };
    let scope = mapping::scope(scope)?;
    let scope = match elsewhere.permissions {
        None => scope,
        Some(found) => mapping::permitted(&scope, found)?,
    };
    let (roles, scope) = (rules.grants.roles_of(roles), rules.grants.scope_of(scope));

    match form {
        Form::Jwt { is_at_jwt } => members.check_kind(rules, is_at_jwt)?,
        Form::Answer(believed) => members.check_kind_of_answer(rules, believed, has_aud)?,
    }
    let confirmation = members.confirmation(rules)?;
    let mut mistyped = Vec::new();
    let email_verified = profile(&mut mistyped, "email_verified", members.email_verified.take(), Value::into_bool);
    let mut text = |claim, value: Option<Value<'_>>| {
        profile(&mut mistyped, claim, value, |value| value.into_str().map(Cow::into_owned))
    };
    let fields = ClaimFields {
        sub: subject.name,
        email: text("email", members.email.take()),
        email_verified,
        name: text("name", members.name.take()),
        preferred_username: text("preferred_username", members.preferred_username.take()),
        given_name: text("given_name", members.given_name.take()),
        family_name: text("family_name", members.family_name.take()),
        roles,
        scope,
        org_id: rules.grants.organization_of(text("org_id", members.org_id.take())),
        iss: rules.issuer.clone(),
        aud: Audience(audiences.into_iter().map(Cow::into_owned).collect()),
        exp: times.exp.as_secs(),
        iat: times.iat.map(|iat| iat.as_secs()),
    };
    let revocable =
        rules.revocable.as_ref().map(|issuer| Box::new(issuer.token(&members.naming(&fields.sub, times.iat))));
    let implied_roles = rules.implied.by_roles(&fields.roles);
    let implied_scopes = rules.implied.by_scopes(&fields.scope);
    Ok(Valid {
        claims: Content {
            fields,
            is_client: subject.is_client,
            confirmation,
            implied_roles,
            implied_scopes,
            times,
            payload: Box::default(),
            revocable,
        },
        mistyped,
    })
}

fn check_demands(demanded: Vec<Found<'_>>, rules: &Rules) -> Result<(), Refusal> {
    rules.demands.iter().zip(demanded).try_for_each(|(demand, found)| demand.check(found))
}

/// Whether a token could pass if only its key were known: V6 to V8, `exp` of V9, and what the settings require of claims by V10. No key
/// makes a token good that fails here; as nothing of it is authentic, nothing is quoted of it, and its bearer is told no more than that it
/// is invalid. Of one that could, when it was signed at the latest: by its own word, or before it came, which is now.
pub(crate) fn could_pass(unverified_payload: &[u8], rules: &Rules, now: Duration) -> Result<Duration, Refusal> {
    judge_unverified(unverified_payload, rules, now).map_err(Refusal::unquoted)
}

fn judge_unverified(unverified_payload: &[u8], rules: &Rules, now: Duration) -> Result<Duration, Refusal> {
    let text = std::str::from_utf8(unverified_payload).map_err(|_| not_utf8())?;
    let mut members = Payload::read(text)?;
    let mut elsewhere = Elsewhere::find(text, &members, rules).map_err(ambiguous)?;
    members.require_registered(rules, &elsewhere.stand_ins)?;
    check_issuer(members.iss.as_ref(), rules)?;
    let has_aud = members.has_aud();
    check_audience(&members.audiences(elsewhere.stand_ins.audience.take())?, has_aud, rules)?;
    let times = Times::read(members.exp, members.iat, members.nbf)?;
    times.check_expiry(now, rules.tolerance)?;
    check_demands(elsewhere.demanded, rules)?;
    Ok(times.iat.map_or(now, |iat| iat.saturating_add(rules.tolerance)))
}
