//! The issuer's keys ([`keys`]): where they come from ([`source`]), how one fetch is made ([`fetch`]), as which flight ([`flight`]) and what is
//! taken of it ([`intake`]); when one is made ([`cache`], [`state`]), when without a request ([`pursuit`]), and when for an unknown
//! key ID ([`search`], [`budget`]).

pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod fetch;
mod flight;
mod intake;
pub(crate) mod keys;
mod pursuit;
pub(crate) mod search;
pub(crate) mod snapshot;
pub(crate) mod source;
mod state;
