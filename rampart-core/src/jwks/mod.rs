//! The issuer's keys: what a set is ([`set`]), how it is fetched ([`fetch`], [`flight`]), and when ([`cache`], [`state`]).

pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod fetch;
mod flight;
pub(crate) mod set;
pub(crate) mod snapshot;
mod state;
