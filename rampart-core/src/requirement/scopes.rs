//! The scopes of several requirements together.

use crate::answer::error::AuthError;

/// The scopes of several requirements that all must be met, each once.
pub(crate) fn union<S: PartialEq>(members: impl IntoIterator<Item = Vec<S>>) -> Vec<S> {
    let mut all = Vec::new();
    for scope in members.into_iter().flatten() {
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    all
}

/// The scopes of the first of several alternatives that has some.
pub(crate) fn first_of<S>(members: impl IntoIterator<Item = Vec<S>>) -> Vec<S> {
    members.into_iter().find(|scopes| !scopes.is_empty()).unwrap_or_default()
}

/// The error of one of several requirements that all must be met: where it lacks scopes, it names those of all of them, for a
/// new token needs the others too.
pub(crate) fn naming_all<S: Into<String>>(
    error: AuthError,
    failed: usize,
    members: impl IntoIterator<Item = Vec<S>>,
) -> AuthError {
    match error {
        AuthError::InsufficientScope { required } if !required.is_empty() => {
            let mut members: Vec<Vec<String>> =
                members.into_iter().map(|scopes| scopes.into_iter().map(Into::into).collect()).collect();
            if let Some(scopes) = members.get_mut(failed) {
                *scopes = required;
            }
            AuthError::InsufficientScope { required: union(members) }
        }
        error => error,
    }
}
