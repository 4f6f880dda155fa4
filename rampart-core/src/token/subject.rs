//! V10: who a token speaks for, where it has no subject of its own.

use rampart_http::json::Value;

use super::pointer::{Found, Pointer};
use crate::rule::{Refusal, Rule};

/// What the name of a client begins with, so that it is no user's.
const CLIENT: &str = "client:";

/// Where the client stands that stands in for a subject.
#[derive(Clone, Debug)]
pub(crate) struct SubjectClaim {
    pub(crate) pointer: Pointer,
    /// Whether its name becomes the subject as it is, and may be a user's too.
    pub(crate) is_verbatim: bool,
}

/// Who a token speaks for.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) is_client: bool,
}

impl Subject {
    /// V10: its own, or where that is missing or empty, the client that stands in.
    pub(super) fn of(
        own: Option<Value<'_>>,
        stand_in: Option<Found<'_>>,
        claim: Option<&SubjectClaim>,
    ) -> Result<Self, Refusal> {
        let refuse = |why| Err(Refusal::invalid(Rule::V10, why));
        match own {
            Some(Value::Str(sub)) if !sub.is_empty() => {
                if claim.is_some_and(|claim| !claim.is_verbatim) && sub.starts_with(CLIENT) {
                    return refuse("sub begins with client: although it is the token's own");
                }
                Ok(Self { name: sub.into_owned(), is_client: false })
            }
            None | Some(Value::Null | Value::Str(_)) => {
                let client = stand_in.and_then(Found::value).and_then(Value::into_str).filter(|name| !name.is_empty());
                let Some((client, claim)) = client.zip(claim) else {
                    return refuse("neither sub nor what may stand in for it is a non-empty string");
                };
                let name = if claim.is_verbatim { client.into_owned() } else { format!("{CLIENT}{client}") };
                Ok(Self { name, is_client: true })
            }
            Some(_) => refuse("sub is not a non-empty string"),
        }
    }
}
