//! The issuer's keys. Each file needs only those that are named before it:
//!
//! - how one fetch is made ([`fetch`]), with which headers of the application's own ([`header`]), and within which bounds where a resolver has
//!   named the issuer ([`bounds`]), and what an attempt at one is ([`attempt`]);
//! - what is kept: the set at hand ([`snapshot`]), what unknown key IDs may cost ([`budget`]), what is known of the fetches so far
//!   ([`state`]), and all of it together ([`cache`]);
//! - what is taken of a fetch ([`intake`]), and as which flight it is made ([`flight`]);
//! - when it is made: because the set grows old ([`serve`]), without a request ([`pursuit`]), for those who wait ([`wait`]), for the
//!   operator ([`refresh`]), and for an unknown key ID ([`search`]);
//! - the keys as others see them, fetched or given ([`keys`]), and by which settings ([`source`]).

mod attempt;
pub(crate) mod bounds;
pub(crate) mod budget;
pub(crate) mod cache;
pub(crate) mod fetch;
mod flight;
pub(crate) mod header;
mod intake;
pub(crate) mod keys;
mod pursuit;
mod refresh;
pub(crate) mod search;
mod serve;
pub(crate) mod snapshot;
pub(crate) mod source;
mod state;
mod wait;
