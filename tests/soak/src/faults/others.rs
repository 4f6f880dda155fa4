//! The partner and the tenants are away: their keys are known, and their tokens pass on.

use std::time::Duration;

use rampart_issuer::{Endpoint, Fault};

use crate::scene::Issuing;

pub(super) const ROUND: Duration = Duration::from_secs(50);

#[derive(Clone, Copy)]
pub(super) enum Step {
    PartnerStops,
    PartnerRestarts,
    TenantsHang,
    TenantsHeal,
}

pub(super) const STEPS: [(u64, Step); 4] =
    [(100, Step::PartnerStops), (220, Step::PartnerRestarts), (300, Step::TenantsHang), (420, Step::TenantsHeal)];

pub(super) fn take(step: Step, issuing: &Issuing) -> Option<&'static str> {
    match step {
        Step::PartnerStops => {
            issuing.partner.stop();
            Some("partner away")
        }
        Step::PartnerRestarts => {
            issuing.partner.restart().expect("the port is still free");
            None
        }
        Step::TenantsHang => {
            issuing.tenants.inject(Endpoint::Jwks, Fault::Hang);
            Some("tenants' keys hang")
        }
        Step::TenantsHeal => {
            issuing.tenants.clear_faults();
            None
        }
    }
}
