//! What the operator may change so that tokens like a refused one pass: of tokens whose signature holds, and for the log alone.
//!
//! Only settings are named that check as much as before, in another place. One that checks less, or that lets in whom nobody has named,
//! is no remedy but a decision: the log never suggests it, whatever would pass then.

use serde_json::{Map, Value};

use super::rules::Rules;
use crate::answer::error::AuthError;
use crate::rule::{Refusal, Rule, shown};

/// Claims that name the client where nothing else does.
const CLIENTS: [&str; 3] = ["client_id", "azp", "common_name"];

/// The refusal, with the remedy where there is one and none is named yet.
pub(super) fn with_remedy(refusal: Refusal, payload: &str, rules: &Rules) -> Refusal {
    if refusal.hint.is_some() {
        return refusal;
    }
    match remedy(&refusal, payload, rules) {
        Some(remedy) => refusal.hinting(remedy),
        None => refusal,
    }
}

fn remedy(refusal: &Refusal, payload: &str, rules: &Rules) -> Option<String> {
    let missing = match &refusal.error {
        AuthError::MissingClaim { claim } => Some(&**claim),
        _ => None,
    };
    match (refusal.rule, missing) {
        (Rule::V6b, Some("aud")) if rules.audience_claim.is_none() => {
            let client = client(payload)?;
            Some(format!(
                "no aud; the token's {client}: if the audience of this issuer stands there, set audience_claim"
            ))
        }
        (Rule::V6b, Some("sub")) | (Rule::V10, None) if rules.subject_claim.is_none() && is_for_no_user(payload) => {
            let client = client(payload)?;
            Some(format!("no sub; the token's {client}: if it speaks for that client and no user, set subject_claim"))
        }
        (Rule::V6b, Some("iat")) => {
            Some("no iat: if the tokens of this issuer have none, set issued_at_optional".to_owned())
        }
        (Rule::V11, _) => Some(
            "if the roles or scopes of this issuer stand elsewhere, say where in roles_claims, roles_from_names or scope_claim"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whether its `sub` is absent, null or empty.
fn is_for_no_user(payload: &str) -> bool {
    let members: Option<Map<String, Value>> = serde_json::from_str(payload).ok();
    members.is_some_and(|members| match members.get("sub") {
        None | Some(Value::Null) => true,
        Some(sub) => sub == "",
    })
}

/// The first of them that is there, and what it says.
fn client(payload: &str) -> Option<String> {
    let members: Map<String, Value> = serde_json::from_str(payload).ok()?;
    CLIENTS.iter().find_map(|name| match members.get(*name) {
        Some(Value::String(client)) if !client.is_empty() => Some(format!("{name} is {}", shown(client))),
        _ => None,
    })
}
