//! V11: where roles, scopes and the other claims are found, and what they become.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rampart_http::json::Value;

use super::pointer::{AtEnd, Found};
use super::role_names::{self, Named};
use super::scope as scopes;
use crate::rule::{Refusal, Rule};

/// What the operator may change where a token holds another thing than expected: it says where to look, and lets nobody in.
const ROLES_ELSEWHERE: &str = "if the roles of this issuer stand elsewhere, say where in roles_claims";
const ROLES_ARE_NAMES: &str = "if the roles of this issuer are the names of that object's members, set roles_from_names; if they stand elsewhere, say where in roles_claims";
const SCOPES_ELSEWHERE: &str = "if the scopes of this issuer stand elsewhere, say where in scope_claim";
const PERMISSIONS_ELSEWHERE: &str = "if the permissions stand elsewhere, say where in permissions_claim";
const ELSEWHERE: &str =
    "say where they stand in the tokens of this issuer: in roles_claims, scope_claim or permissions_claim";

/// V11: the value at the end of the way, if any.
pub(super) fn leads_somewhere(found: Found<'_>) -> Result<Option<Value<'_>>, Refusal> {
    match found {
        Found::Value(value) => Ok(Some(value)),
        Found::Absent => Ok(None),
        Found::NoWay => {
            let why = "something on the way to the roles, scopes or permissions is no object";
            Err(Refusal::invalid(Rule::V11, why).hinting(ELSEWHERE))
        }
    }
}

/// V11: an array of strings, or one string.
fn roles(value: Option<Value<'_>>) -> Result<Vec<String>, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Str(one)) => Ok(vec![one.into_owned()]),
        Some(Value::List(several)) => Ok(several.into_iter().map(Cow::into_owned).collect()),
        Some(other) => {
            let hint = if other == Value::Object { ROLES_ARE_NAMES } else { ROLES_ELSEWHERE };
            Err(Refusal::invalid(Rule::V11, "the roles are neither a string nor an array of strings").hinting(hint))
        }
    }
}

/// V11: those at the ends of several ways, each once.
fn roles_of_all(found: Vec<Found<'_>>) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    for found in found {
        for role in roles(leads_somewhere(found)?)? {
            if !all.contains(&role) {
                all.push(role);
            }
        }
    }
    Ok(all)
}

/// V11: the roles of a token, by the claim of a Rampart token unless the settings say where they are.
pub(super) fn all_roles(
    own: Option<Value<'_>>,
    listed: Option<Vec<Found<'_>>>,
    named: Option<AtEnd<Named>>,
) -> Result<Vec<String>, Refusal> {
    let mut all = match listed {
        Some(found) => roles_of_all(found)?,
        None if named.is_some() => Vec::new(),
        None => roles(own)?,
    };
    if let Some(found) = named {
        role_names::add(&mut all, found)?;
    }
    Ok(all)
}

/// V11: a string separated by spaces, or an array of scope tokens.
pub(super) fn scope(value: Option<Value<'_>>) -> Result<String, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::Str(text)) => Ok(text.into_owned()),
        Some(Value::List(tokens)) if tokens.iter().all(|token| is_scope_token(token)) => Ok(tokens.join(" ")),
        Some(_) => {
            let why = "the scopes are neither a string nor an array of scope tokens";
            Err(Refusal::invalid(Rule::V11, why).hinting(SCOPES_ELSEWHERE))
        }
    }
}

/// V11: of the scopes those that are permissions too.
pub(super) fn permitted(scope: &str, permissions: Found<'_>) -> Result<String, Refusal> {
    let permissions: BTreeSet<Cow<'_, str>> = match leads_somewhere(permissions)? {
        None | Some(Value::Null) => BTreeSet::new(),
        Some(Value::Str(text)) => scopes::names(&text).map(|name| Cow::Owned(name.to_owned())).collect(),
        Some(Value::List(several)) => several.into_iter().collect(),
        Some(_) => {
            let why = "the permissions are neither a string nor an array of strings";
            return Err(Refusal::invalid(Rule::V11, why).hinting(PERMISSIONS_ELSEWHERE));
        }
    };
    Ok(scopes::names(scope).filter(|name| permissions.contains(*name)).collect::<Vec<_>>().join(" "))
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 section 3.3).
pub(crate) const fn is_scope_token(text: &str) -> bool {
    // Constant evaluation has no iterators.
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if !matches!(*byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e) {
            return false;
        }
        rest = after;
    }
    !text.is_empty()
}

/// V11: nothing is granted by these claims, so one of another type is as good as none. Asked last, so that it is told of tokens
/// that pass.
pub(super) fn profile<'a, T>(
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
