//! Good proofs that nobody can make again, each with its token: their keys were thrown away.

use std::sync::LazyLock;

use rampart_core::RampartAuth;

use crate::dpop::dpop;
use crate::{ALL, AUDIENCE, ISSUER, clock};

/// A token, and the proof for `GET https://api.example/v1/orders/1` with it.
#[derive(Debug)]
pub struct Bound {
    /// The access token, by the issuer's key of this folder.
    pub token: &'static str,
    /// The proof.
    pub proof: &'static [u8],
}

/// What the proofs are for.
pub const PATH: &str = "/orders/1";

/// One for each algorithm of proofs that is of a kind of its own.
pub const BOUND: [Bound; 3] = [
    Bound { token: include_str!("bound/es256.token"), proof: include_bytes!("../seeds/proof/es256") },
    Bound { token: include_str!("bound/eddsa.token"), proof: include_bytes!("../seeds/proof/eddsa") },
    Bound { token: include_str!("bound/ps256.token"), proof: include_bytes!("../seeds/proof/ps256") },
];

/// A verifier that knows the key of their issuer.
pub static AUTH: LazyLock<RampartAuth> = LazyLock::new(|| {
    let builder = RampartAuth::builder(ISSUER, AUDIENCE).static_jwks(include_str!("bound/issuer.json"));
    builder.algorithms(ALL).clock(clock).dpop(dpop()).build().expect("the settings are good")
});
