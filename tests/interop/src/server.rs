//! What the servers have in common.

use serde_json::{Map, Value};

use crate::http::Client;
use crate::process::Service;

/// Whose tokens an API may accept.
pub trait Issuer {
    /// What the section `[auth]` of such an API's file says.
    fn settings(&self) -> Value;
}

/// An issuer that can be asked about its tokens (RFC 7662).
pub trait Asked: Issuer {
    /// What the settings call it.
    fn name(&self) -> String;

    /// The client that asks.
    fn asker(&self) -> Client<'static>;

    /// What the section `[introspection]` has to say beside, because of what the answers of this server lack.
    fn habits(&self) -> Map<String, Value> {
        Map::new()
    }
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
