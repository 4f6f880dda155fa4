//! What the operator may change so that tokens like a refused one pass: of tokens whose signature holds, and for the log alone.
//!
//! Only a setting is named that lets nobody else in: it says where this issuer writes what is looked for. One that checks less is no
//! remedy but a decision, and the log never suggests it, whatever would pass then.

use serde_json::{Map, Value};

use super::payload::Payload;
use super::rules::Rules;
use crate::answer::error::AuthError;
use crate::rule::{Refusal, Rule, shown};

/// Claims that name the client that a token was issued to.
const CLIENTS: [&str; 2] = ["client_id", "azp"];
/// The same of a token that speaks for no user.
const SUBJECTS: [&str; 3] = ["client_id", "azp", "common_name"];

/// The refusal, with the remedy where there is one and none is named yet.
pub(super) fn with_remedy(refusal: Refusal, payload: &str, is_at_jwt: bool, rules: &Rules) -> Refusal {
    if refusal.hint.is_some() {
        return refusal;
    }
    match remedy(&refusal, payload, is_at_jwt, rules) {
        Some(remedy) => refusal.hinting(remedy),
        None => refusal,
    }
}

fn remedy(refusal: &Refusal, payload: &str, is_at_jwt: bool, rules: &Rules) -> Option<String> {
    let missing = match &refusal.error {
        AuthError::MissingClaim { claim } => Some(&**claim),
        _ => None,
    };
    let members = || members_of_access_token(payload, is_at_jwt, rules);
    match (refusal.rule, missing) {
        (Rule::V6b, Some("aud")) if rules.audience_claim.is_none() => {
            let client = client(&members()?, &CLIENTS)?;
            Some(format!(
                "no aud; the token's {client}: if the audience of this issuer stands there, set audience_claim"
            ))
        }
        (Rule::V6b, Some("sub")) | (Rule::V10, None) if rules.subject_claim.is_none() => {
            let members = members()?;
            if !is_for_no_user(&members) {
                return None;
            }
            let client = client(&members, &SUBJECTS)?;
            Some(format!("no sub; the token's {client}: if it speaks for that client and no user, set subject_claim"))
        }
        (Rule::V6b, Some("iat")) => {
            members()?;
            Some("no iat: if the tokens of this issuer have none, set issued_at_optional".to_owned())
        }
        _ => None,
    }
}

/// Those of a token that is not of another kind (V12): no setting would make it good.
fn members_of_access_token(payload: &str, is_at_jwt: bool, rules: &Rules) -> Option<Map<String, Value>> {
    Payload::read(payload).and_then(|payload| payload.check_kind(rules, is_at_jwt)).ok()?;
    serde_json::from_str(payload).ok()
}

/// Whether its `sub` is absent, null or empty.
fn is_for_no_user(members: &Map<String, Value>) -> bool {
    match members.get("sub") {
        None | Some(Value::Null) => true,
        Some(sub) => sub == "",
    }
}

/// The first of these claims that is there, and what it says.
fn client(members: &Map<String, Value>, claims: &[&str]) -> Option<String> {
    claims.iter().find_map(|name| match members.get(*name) {
        Some(Value::String(client)) if !client.is_empty() => Some(format!("{name} is {}", shown(client))),
        _ => None,
    })
}
