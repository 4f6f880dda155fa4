//! What a token says: its payload ([`payload`]) as the rules ([`rules`]) demand it, in their order ([`validation`], [`times`], [`kind`]);
//! what is found where the settings say ([`mod@pointer`]) and what it becomes ([`mapping`]); the claims ([`claims`]). Kept for the next
//! request with the same token ([`cache`]), which is known by its [`fingerprint`].

pub(crate) mod answer;
pub(crate) mod cache;
pub(crate) mod claims;
pub(crate) mod confirmation;
mod copies;
pub(crate) mod demands;
mod diagnosis;
mod elsewhere;
pub(crate) mod fingerprint;
pub(crate) mod hash;
pub(crate) mod implied;
mod kind;
pub(crate) mod mapping;
mod payload;
pub(crate) mod pointer;
pub(crate) mod role_names;
pub(crate) mod rules;
mod scope;
pub(crate) mod subject;
pub(crate) mod times;
pub(crate) mod unverified;
pub(crate) mod validation;
