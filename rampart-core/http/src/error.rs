//! The error that is the operator's to mend.

use std::fmt;

/// A setting that cannot be used. Each message names the field and the remedy.
///
/// `Debug` says the same as `Display`: it is what the operator reads where `main` returns the error.
///
/// ```
/// # use rampart_http as rampart_core;
/// use rampart_core::ConfigError;
///
/// let error = ConfigError::invalid("issuer_url", "is empty; write the issuer as it stands in its tokens");
/// assert_eq!(error.field(), "issuer_url");
/// assert_eq!(error.to_string(), "issuer_url: is empty; write the issuer as it stands in its tokens");
/// assert_eq!(format!("{error:?}"), error.to_string());
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An environment variable is not set, or empty, or not UTF-8.
    #[error("the environment variable {name} is missing, empty or not UTF-8: set it to {meaning}")]
    #[non_exhaustive]
    MissingVariable {
        /// Its name.
        name: &'static str,
        /// What to set it to.
        meaning: &'static str,
    },
    /// A setting has a value that cannot be used.
    #[error("{field}: {problem}")]
    #[non_exhaustive]
    Invalid {
        /// The name of the setting, as the builder spells it.
        field: &'static str,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ConfigError {
    /// A setting with a value that cannot be used: its name, and what is wrong with it and what to write instead.
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }

    /// An environment variable that is missing: its name, and what to set it to.
    pub const fn missing_variable(name: &'static str, meaning: &'static str) -> Self {
        Self::MissingVariable { name, meaning }
    }

    /// The same, for a setting that has been read from a variable.
    #[doc(hidden)]
    #[must_use]
    pub fn read_from(self, variable: &str) -> Self {
        match self {
            Self::Invalid { field, problem } => Self::invalid(field, format!("{problem} (it is read from {variable})")),
            missing @ Self::MissingVariable { .. } => missing,
        }
    }

    /// The same, where there are several issuers.
    #[doc(hidden)]
    #[must_use]
    pub fn of_issuer(self, name: &str) -> Self {
        match self {
            Self::Invalid { field, problem } => {
                // Nothing of one that was refused for a password in it, or may hold a secret.
                let name = if name.contains('@') { ".." } else { name.split(['?', '#']).next().unwrap_or_default() };
                Self::invalid(field, format!("{problem} (of the issuer {name:?})"))
            }
            missing @ Self::MissingVariable { .. } => missing,
        }
    }

    /// The setting or variable at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::MissingVariable { name, .. } => name,
            Self::Invalid { field, .. } => field,
        }
    }
}
