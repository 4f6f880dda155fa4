//! The one place where an error becomes an HTTP answer: status, headers and body (RFC 6750 section 3, RFC 9110 section 11.6.1).

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Serialize;

use crate::error::{AuthError, seconds_up};
use crate::validation::is_scope_token;

/// What every challenge of one `RampartAuth` says.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    pub(crate) realm: String,
    /// RFC 9728 section 5.1.
    pub(crate) resource_metadata: Option<String>,
}

/// The answer to a refused request, for any HTTP framework: made by [`RampartAuth::rejection`](crate::RampartAuth::rejection).
///
/// ```
/// use rampart_core::{AuthError, RampartAuth};
///
/// let auth = RampartAuth::new("https://auth.example.com", "my-api")?;
/// let answer = auth.rejection(AuthError::MissingToken);
/// assert_eq!((answer.status(), answer.challenge()), (401, Some(r#"Bearer realm="default""#)));
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    error: AuthError,
    challenge: Option<String>,
    retry_after: Option<String>,
    body: String,
}

impl Rejection {
    /// `scopes` are those that the route asks for, where it is known: for a request that brings no token.
    pub(crate) fn new(error: AuthError, scopes: &[&str], challenge: &Challenge) -> Self {
        Self::with(challenge.for_error(&error, scopes), error)
    }

    /// The answer where no `RampartAuth` is set up, so that nothing is known about the realm.
    pub fn not_configured() -> Self {
        Self::with(None, AuthError::NotConfigured)
    }

    fn with(challenge: Option<String>, error: AuthError) -> Self {
        let retry_after = match &error {
            AuthError::KeysUnavailable { retry_after } => Some(seconds_up(*retry_after).to_string()),
            _ => None,
        };
        let body =
            Body { error: error.code(), error_description: &description(&error, |_| true), status: error.status() };
        let body = serde_json::to_string(&body).unwrap_or_default();
        Self { error, challenge, retry_after, body }
    }

    /// Why the request was refused.
    pub const fn error(&self) -> &AuthError {
        &self.error
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.error.status()
    }

    /// The value of `WWW-Authenticate`, where there is one: for an answer of your own that keeps it.
    pub fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    /// All headers of the answer, names in lower case, in a fixed order. Values are visible ASCII.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fixed = [("content-type", "application/json"), ("cache-control", "no-store")];
        let challenge = self.challenge.as_deref().map(|value| ("www-authenticate", value));
        let retry_after = self.retry_after.as_deref().map(|value| ("retry-after", value));
        fixed.into_iter().chain(challenge).chain(retry_after)
    }

    /// The body: JSON with `error`, `error_description` and `status`.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body, taken out.
    pub fn into_body(self) -> String {
        self.body
    }
}

/// The reason alone: everything else follows from it.
impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejection").field(&self.error).finish()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
    status: u16,
}

/// What the caller is told: constants, and those of the names that the API itself has configured which can be shown.
fn description(error: &AuthError, shows: fn(&str) -> bool) -> Cow<'static, str> {
    match error {
        AuthError::MissingToken => "This resource requires an access token: Authorization: Bearer <token>".into(),
        AuthError::InvalidRequest => "The request has more than one Authorization header".into(),
        AuthError::InvalidToken => "The access token is invalid".into(),
        AuthError::MissingClaim { claim } if shows(claim) => format!("The access token lacks the claim {claim}").into(),
        AuthError::MissingClaim { .. } => "The access token lacks a required claim".into(),
        AuthError::TokenExpired => "The access token expired".into(),
        AuthError::InsufficientRole { required } => lacking("role", required, ", ", shows),
        AuthError::InsufficientScope { required } => lacking("scope", required, " ", shows),
        AuthError::KeysUnavailable { .. } => "The access token cannot be checked at the moment; retry later".into(),
        AuthError::NotConfigured => "Authentication is not configured on this server".into(),
    }
}

fn lacking(kind: &str, required: &[String], separator: &str, shows: fn(&str) -> bool) -> Cow<'static, str> {
    let shown: Vec<&str> = required.iter().map(String::as_str).filter(|name| shows(name)).collect();
    match (required.len(), shown.as_slice()) {
        (0, _) => "Access to this resource is denied".into(),
        (_, []) => format!("The access token lacks a required {kind}").into(),
        (1, [name]) => format!("The access token lacks the {kind} {name}").into(),
        _ => format!("The access token lacks one of the required {kind}s {}", shown.join(separator)).into(),
    }
}

/// Whether a name can stand in the header (RFC 6750 section 3 says what an `error_description` may hold). One that cannot
/// stands in the body alone.
fn fits_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

impl Challenge {
    fn for_error(&self, error: &AuthError, scopes: &[&str]) -> Option<String> {
        let code = match error {
            AuthError::KeysUnavailable { .. } | AuthError::NotConfigured => return None,
            AuthError::MissingToken => None,
            AuthError::InvalidRequest => Some("invalid_request"),
            AuthError::InvalidToken | AuthError::MissingClaim { .. } | AuthError::TokenExpired => Some("invalid_token"),
            AuthError::InsufficientRole { .. } | AuthError::InsufficientScope { .. } => Some("insufficient_scope"),
        };
        let mut value = format!("Bearer realm={}", quoted(&self.realm));
        if let Some(code) = code {
            parameter(&mut value, "error", code);
            parameter(&mut value, "error_description", &description(error, fits_header));
        }
        let scopes: Vec<&str> = match error {
            AuthError::MissingToken => scopes.to_vec(),
            AuthError::InsufficientScope { required } => required.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let scopes: Vec<&str> = scopes.into_iter().filter(|name| is_scope_token(name)).collect();
        if !scopes.is_empty() {
            parameter(&mut value, "scope", &scopes.join(" "));
        }
        if let Some(url) = &self.resource_metadata {
            parameter(&mut value, "resource_metadata", url);
        }
        Some(value)
    }
}

fn parameter(value: &mut String, name: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = write!(value, ", {name}={}", quoted(text));
}

/// A quoted-string (RFC 9110 section 5.6.4). Nothing that stands in a challenge needs an escape; what would could not break out.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}
