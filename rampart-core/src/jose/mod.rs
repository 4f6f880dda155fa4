//! What RFC 7515 to 7518 say, and nothing of claims: a token as it is read ([`jws`]), the keys ([`key`], of [`material`], without
//! the broken ones of [`roca`]), the set of them that decides who has signed it ([`key_set`]), and the algorithms ([`algorithm`]).

pub(crate) mod algorithm;
pub(crate) mod base64url;
pub(crate) mod jws;
pub(crate) mod key;
pub(crate) mod key_set;
mod material;
mod owner;
mod roca;
