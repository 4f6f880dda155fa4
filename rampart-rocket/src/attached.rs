//! The auth object that the fairing has attached to a Rocket, for the guards.

use rampart_core::{RampartAuth, adapter};
use rocket::{Ignite, Request, Rocket};

/// Managed state that is there only where the fairing is attached.
pub(crate) struct Attached(pub(crate) RampartAuth);

impl Attached {
    pub(crate) fn of<'r>(request: &'r Request<'_>) -> Option<&'r RampartAuth> {
        let attached: Option<&Self> = request.rocket().state();
        attached.map(|Self(auth)| auth)
    }

    /// What a sentinel asks: without a fairing there is nothing to launch.
    pub(crate) fn is_missing(rocket: &Rocket<Ignite>) -> bool {
        let is_missing = rocket.state::<Self>().is_none();
        if is_missing {
            adapter::not_set_up("a route needs a RampartAuth: add `.attach(Rampart::fairing(auth))` to the Rocket");
        }
        is_missing
    }
}
