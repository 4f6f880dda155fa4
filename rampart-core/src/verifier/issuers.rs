//! Which issuer's rules and keys decide about a token.

use std::collections::HashMap;
use std::sync::Arc;

use rampart_http::ConfigError;

use super::trusted::Trusted;
use crate::jose::jws::unverified_payload;
use crate::rule::{Refusal, Rule};
use crate::token::unverified;

/// The issuers of one object.
pub(crate) enum Issuers {
    /// Whose name a token has is for its rules to say (V7): nothing is read before.
    One(Arc<Trusted>),
    /// The token's own word picks one, and decides nothing else.
    Several(Directory),
}

/// Several issuers by their names.
pub(crate) struct Directory {
    /// In the order of the settings; each has its place as its number.
    fixed: Vec<Arc<Trusted>>,
    /// Every spelling of every name.
    places: HashMap<Box<str>, usize>,
}

impl Issuers {
    /// Checks that no two of them go by one name.
    pub(crate) fn new(fixed: Vec<Trusted>) -> Result<Self, ConfigError> {
        let mut fixed: Vec<_> = fixed.into_iter().map(Arc::new).collect();
        match (fixed.pop(), fixed.is_empty()) {
            (Some(one), true) => {
                places(std::slice::from_ref(&one))?;
                Ok(Self::One(one))
            }
            (last, _) => {
                fixed.extend(last);
                Ok(Self::Several(Directory { places: places(&fixed)?, fixed }))
            }
        }
    }

    /// The one that a token names. What else is wrong with the token is said later, by the rules of that issuer.
    pub(crate) fn named_by(&self, token: &[u8]) -> Result<&Arc<Trusted>, Refusal> {
        match self {
            Self::One(issuer) => Ok(issuer),
            Self::Several(directory) => {
                let payload = unverified_payload(token)?;
                let iss = unverified::iss(&payload)?;
                let found = directory.places.get(&*iss).and_then(|place| directory.fixed.get(*place));
                found.ok_or_else(|| Refusal::invalid(Rule::V7, "iss is none of the configured issuers").saying(&iss))
            }
        }
    }

    /// The one of this number, where it still is one of them.
    pub(crate) fn numbered(&self, number: u64) -> Option<&Arc<Trusted>> {
        match self {
            Self::One(issuer) => (issuer.number == number).then_some(issuer),
            Self::Several(directory) => {
                let place = usize::try_from(number).ok()?;
                directory.fixed.get(place)
            }
        }
    }

    /// Those that the settings name, in their order.
    pub(crate) fn fixed(&self) -> &[Arc<Trusted>] {
        match self {
            Self::One(issuer) => std::slice::from_ref(issuer),
            Self::Several(directory) => &directory.fixed,
        }
    }
}

fn places(issuers: &[Arc<Trusted>]) -> Result<HashMap<Box<str>, usize>, ConfigError> {
    let mut places = HashMap::new();
    for (place, issuer) in issuers.iter().enumerate() {
        let rules = &issuer.rules;
        for (field, name) in
            std::iter::once(("issuer_url", &rules.issuer)).chain(rules.aliases.iter().map(|alias| ("aliases", alias)))
        {
            if places.insert(name.as_str().into(), place).is_some() {
                return Err(ConfigError::invalid(
                    field,
                    format!("{name:?} is the name or an alias of two issuers, or stands there twice; keep it once"),
                ));
            }
        }
    }
    Ok(places)
}
