//! What goes back: why a request is refused ([`error`]), and what that is in HTTP ([`rejection`]): its challenges ([`challenge`]) and
//! other headers ([`headers`]).

pub(crate) mod challenge;
pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod rejection;
