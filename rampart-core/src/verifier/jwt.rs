//! A signed token against the keys of its issuer: V2 to V12 in their order, and nothing that waits.

use std::borrow::Cow;
use std::time::Duration;

use super::trusted::Trusted;
use crate::event::Listeners;
use crate::jose::jws::{Scratch, Unverified};
use crate::jose::key_set::{KeySet, NoSigner};
use crate::rule::Refusal;
use crate::token::validation::{self, Valid};

/// A token that holds, and the key that says so.
pub(crate) struct Good {
    pub(crate) valid: Valid,
    pub(crate) key: u64,
}

pub(crate) enum Failure {
    /// Refused; with the `kid`, if the header was read so far, for the log.
    Refused(Refusal, Option<String>),
    UnknownKid(UnknownKid),
}

/// A token that names a key which the set does not hold, and what is known of it. Nothing of it is verified.
pub(crate) struct UnknownKid {
    pub(crate) kid: String,
    pub(crate) payload: Vec<u8>,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None)
    }
}

pub(crate) fn verify(
    token: &[u8],
    issuer: &Trusted,
    keys: &KeySet,
    now: Duration,
    listeners: &Listeners,
) -> Result<Good, Failure> {
    let mut scratch = Scratch::new();
    let token = Unverified::read(token, &mut scratch, issuer.algorithms, issuer.typ_rule)?;
    let key = match keys.signer(&token, |key| key.is_of(issuer.rules.names())) {
        Ok(key) => key.serial,
        Err(NoSigner::UnknownKid) => {
            let Unverified { kid, payload, .. } = token;
            return Err(Failure::UnknownKid(UnknownKid { kid: kid.unwrap_or_default().into_owned(), payload }));
        }
        Err(no_signer) => {
            if let Some(complaint) = keys.complaint(no_signer, &token) {
                listeners.tell(&complaint);
            }
            return Err(Failure::Refused(no_signer.into(), token.kid.map(Cow::into_owned)));
        }
    };
    let Unverified { kid, payload, is_at_jwt, .. } = token;
    match validation::validate(payload, is_at_jwt, &issuer.rules, now) {
        Ok(valid) => Ok(Good { valid, key }),
        Err(refusal) => Err(Failure::Refused(refusal, kid.map(Cow::into_owned))),
    }
}
