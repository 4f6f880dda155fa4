//! What is refused although it was good when it was issued.

pub(crate) mod log;
