//! Who may present a token: sender-constrained tokens are bound to a key, and each request proves that its sender holds it.
//!
//! A token's claims may come from the cache, its proof never does. [`Proofs::judge`](proofs::Proofs::judge) asks P1 to P8 of a request whose token is good;
//! what is left is to spend the proof (P9), the last step of all.

pub(crate) mod dpop;
pub(crate) mod in_process;
pub(crate) mod nonce;
mod path;
mod proof;
pub(crate) mod proofs;
pub(crate) mod replay;
pub(crate) mod sender;
mod spans;
pub(crate) mod spent;
pub(crate) mod target;
mod uri;
