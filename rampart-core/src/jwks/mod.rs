//! The issuer's keys: what a set is ([`set`]), how it is fetched ([`fetch`]), and when ([`cache`]).

pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod fetch;
pub(crate) mod set;
pub(crate) mod snapshot;
