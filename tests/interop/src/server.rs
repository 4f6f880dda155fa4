//! What the servers have in common.

use serde_json::Value;

use crate::process::Service;

/// Whose tokens an API may accept.
pub trait Issuer {
    /// What the section `[auth]` of such an API's file says.
    fn settings(&self) -> Value;
}

/// A server that runs on this machine.
pub trait Server {
    /// What runs.
    fn service(&mut self) -> &mut Service;

    /// Stops it.
    fn stop(&mut self) {
        self.service().stop();
    }

    /// Starts it after a stop: at the same address, with what it had written down.
    fn start_again(&mut self) {
        self.service().start_again();
    }
}
