//! What the claims of an issuer's tokens are checked against.

use std::sync::Arc;
use std::time::Duration;

use super::demands::Demand;
use super::implied::Implied;
use super::pointer::Pointer;
use super::role_names::RoleNames;
use super::subject::SubjectClaim;
use crate::claim_settings::Mark;
use crate::grants::Grants;
use crate::revocation::ids::RevocableIssuer;

/// What the claims are checked against.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) issuer: String,
    /// Other spellings of it.
    pub(crate) aliases: Vec<String>,
    pub(crate) audiences: Vec<String>,
    /// Stands in for `aud` where that is absent.
    pub(crate) audience_claim: Option<Pointer>,
    /// Stands in for `sub` where that is absent or empty.
    pub(crate) subject_claim: Option<SubjectClaim>,
    pub(crate) tolerance: Duration,
    pub(crate) is_iat_optional: bool,
    pub(crate) required_claims: Vec<RequiredClaim>,
    pub(crate) demands: Vec<Demand>,
    pub(crate) accept_id_tokens: bool,
    pub(crate) ignored_marks: Vec<Mark>,
    pub(crate) max_lifetime: Option<Duration>,
    /// `None` for the claims of a Rampart token.
    pub(crate) roles_claims: Option<Vec<Pointer>>,
    pub(crate) role_names: Option<RoleNames>,
    pub(crate) scope_claim: Option<Pointer>,
    /// What the scopes are narrowed to.
    pub(crate) permissions_claim: Option<Pointer>,
    /// Whether a token may be bound to a key.
    pub(crate) takes_proofs: bool,
    pub(crate) grants: Grants,
    pub(crate) implied: Arc<Implied>,
    /// Where its tokens can be revoked.
    pub(crate) revocable: Option<RevocableIssuer>,
}

impl Rules {
    /// The issuer's own name for itself, or another spelling of it.
    pub(crate) fn is_issuer(&self, iss: &str) -> bool {
        self.names().any(|name| name == iss)
    }

    /// The issuer's own name for itself, and the other spellings of it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.issuer).chain(&self.aliases).map(String::as_str)
    }
}

/// A claim that must be there, as the settings name it, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct RequiredClaim {
    pub(crate) name: String,
    pub(crate) pointer: Pointer,
}
