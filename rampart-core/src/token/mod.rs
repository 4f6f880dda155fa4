//! What a token says: its claims ([`claims`]) as the rules demand them ([`validation`], [`times`]), found where the settings say
//! ([`pointer`]), and kept for the next request with the same token ([`cache`]), or for the next guard of one request ([`fingerprint`]).

pub(crate) mod cache;
pub(crate) mod claims;
pub(crate) mod fingerprint;
pub(crate) mod pointer;
pub(crate) mod times;
pub(crate) mod validation;
