//! The names of roles, scopes or issuers that a route asks for: one check behind types and values.

use crate::answer::error::AuthError;
use crate::token::claims::Claims;
use crate::token::mapping::is_scope_token;

/// Which claim the names are looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    Roles,
    Scopes,
    /// Those of which one must have issued the token.
    Issuers,
}

impl Names {
    pub(super) fn check<S: AsRef<str>>(self, claims: &Claims, names: &[S]) -> Result<(), AuthError> {
        if self.are_met(claims, names) { Ok(()) } else { Err(self.lacking(names)) }
    }

    pub(super) fn are_met<S: AsRef<str>>(self, claims: &Claims, names: &[S]) -> bool {
        match self {
            Self::Roles => claims.has_all_roles(names),
            Self::Scopes => claims.has_all_scopes(names),
            Self::Issuers => names.iter().any(|name| claims.iss == name.as_ref()),
        }
    }

    pub(super) fn lacking<S: AsRef<str>>(self, names: &[S]) -> AuthError {
        let names = names.iter().map(AsRef::as_ref);
        match self {
            Self::Roles => AuthError::insufficient_role(names),
            Self::Scopes => AuthError::insufficient_scope(names),
            // Nothing that could be asked for would help: whose tokens pass is nobody's business.
            Self::Issuers => AuthError::insufficient_role::<String>([]),
        }
    }

    /// What is wrong with a name that no token can have.
    pub(super) fn problem(self, name: &str) -> Option<&'static str> {
        match self {
            Self::Roles => name.is_empty().then_some("a role is empty"),
            Self::Issuers => name.is_empty().then_some("an issuer is empty"),
            Self::Scopes => (!is_scope_token(name))
                .then_some("a scope is empty, or has a space, quotes, control or non-ASCII characters"),
        }
    }
}
