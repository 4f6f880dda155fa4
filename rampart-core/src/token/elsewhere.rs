//! Claims that the settings look for by pointers: found, and not yet judged.

use super::payload::{Payload, StandIns};
use super::pointer::{AtEnd, Duplicate, Found, Pointer};
use super::role_names::Named;
use super::rules::Rules;

/// What the settings look for by pointers, found in one go so that the ways are checked before anything is read (V6).
pub(super) struct Elsewhere<'a> {
    /// `None` where the claim of a Rampart token counts.
    pub(super) roles: Option<Vec<Found<'a>>>,
    pub(super) role_names: Option<AtEnd<Named>>,
    pub(super) scope: Option<Found<'a>>,
    pub(super) permissions: Option<Found<'a>>,
    pub(super) stand_ins: StandIns<'a>,
    /// Whether each of the required claims is there.
    pub(super) required: Vec<bool>,
    pub(super) demanded: Vec<Found<'a>>,
}

impl<'a> Elsewhere<'a> {
    pub(super) fn find(text: &'a str, members: &Payload<'_>, rules: &Rules) -> Result<Self, Duplicate> {
        let find = |pointer: Option<&Pointer>| pointer.map(|pointer| pointer.find(text)).transpose();
        let find_all = |pointers: &Vec<Pointer>| pointers.iter().map(|pointer| pointer.find(text)).collect();
        let required = rules.required_claims.iter().map(|claim| members.has(&claim.pointer, text));
        Ok(Self {
            roles: rules.roles_claims.as_ref().map(find_all).transpose()?,
            role_names: rules.role_names.as_ref().map(|names| names.find(text)).transpose()?,
            scope: find(rules.scope_claim.as_ref())?,
            permissions: find(rules.permissions_claim.as_ref())?,
            stand_ins: StandIns {
                audience: find(rules.audience_claim.as_ref())?,
                subject: find(rules.subject_claim.as_ref().map(|claim| &claim.pointer))?,
            },
            required: required.collect::<Result<_, _>>()?,
            demanded: rules.demands.iter().map(|demand| demand.pointer.find(text)).collect::<Result<_, _>>()?,
        })
    }
}
