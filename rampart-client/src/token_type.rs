//! Types of tokens other than Bearer.

/// Whether it is a type that is registered, and is not Bearer (RFC 6749 section 11.1): no other spelling of it.
pub(crate) fn is_another(kind: &str) -> bool {
    ["DPoP", "PoP", "N_A", "MAC"].iter().any(|other| kind.eq_ignore_ascii_case(other))
}
