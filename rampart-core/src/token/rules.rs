//! What the claims of an issuer's tokens are checked against.

use std::time::Duration;

use super::pointer::Pointer;

/// What the claims are checked against.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) tolerance: Duration,
    pub(crate) required_claims: Vec<RequiredClaim>,
    pub(crate) accept_id_tokens: bool,
    /// `None` for the claims of a Rampart token.
    pub(crate) roles_claim: Option<Pointer>,
    pub(crate) scope_claim: Option<Pointer>,
}

/// A claim that must be there, as the settings name it, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct RequiredClaim {
    pub(crate) name: String,
    pub(crate) pointer: Pointer,
}
