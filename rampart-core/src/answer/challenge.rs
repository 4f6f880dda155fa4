//! `WWW-Authenticate`: what a refused caller is told to bring (RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9449 section 7.1).

use std::borrow::Cow;
use std::fmt::Write;

use rampart_http::{ConfigError, EndpointUrl};

use crate::answer::error::AuthError;
use crate::bearer::Scheme;
use crate::requirement::scopes::union;
use crate::token::mapping::is_scope_token;

/// What every challenge of one `RampartAuth` says.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    pub(crate) realm: String,
    /// RFC 9728 section 5.1.
    pub(crate) resource_metadata: Option<String>,
    /// Never empty.
    pub(crate) offered: Vec<Offered>,
}

/// A way to bring a token, in the order of their challenges: each has one of its own.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    pub(crate) scheme: Scheme,
    /// The algorithms of proofs, with blanks between them (RFC 9449 section 7.1).
    pub(crate) algorithms: Option<String>,
}

impl Offered {
    pub(crate) const BEARER: Self = Self { scheme: Scheme::Bearer, algorithms: None };
}

impl Challenges {
    /// Checks what the settings say.
    pub(crate) fn new(
        realm: Option<String>,
        resource_metadata: Option<&str>,
        offered: Vec<Offered>,
    ) -> Result<Self, ConfigError> {
        let realm = realm.unwrap_or_else(|| "default".into());
        if realm.is_empty() || !is_quotable(&realm) {
            return Err(ConfigError::invalid(
                "realm",
                "is empty, or has quotes, backslashes, control or non-ASCII characters; use plain words, or leave it out",
            ));
        }
        let resource_metadata = match resource_metadata {
            None => None,
            Some(url) => {
                let url = EndpointUrl::parse("resource_metadata", url, false)?;
                Some(url.as_str().to_owned())
            }
        };
        Ok(Self { realm, resource_metadata, offered })
    }

    /// One for each scheme that is offered; none for an error that other credentials would not mend. What was wrong stands in that of
    /// the scheme that was used (RFC 9449 section 7.2), or in the first where that one is not offered.
    ///
    /// `scopes` are those that a new token needs besides any which the error names.
    pub(crate) fn for_error(&self, error: &AuthError, scopes: &[&str], used: Scheme) -> Vec<String> {
        let Some(details) = details(error, scopes) else { return Vec::new() };
        let concerns_all = matches!(error, AuthError::MissingToken | AuthError::InvalidRequest);
        let of_used = self.offered.iter().position(|offered| offered.scheme == used).unwrap_or_default();
        let details_at = |at| if concerns_all || at == of_used { details.as_str() } else { "" };
        (0..).zip(&self.offered).map(|(at, offered)| self.challenge(offered, details_at(at))).collect()
    }

    /// What the caller is told in words.
    pub(crate) fn description(&self, error: &AuthError) -> Cow<'static, str> {
        let takes_bearer = self.offered.iter().any(|offered| offered.scheme == Scheme::Bearer);
        match error {
            AuthError::MissingToken if !takes_bearer => {
                "This resource requires an access token and a proof: Authorization: DPoP <token>".into()
            }
            _ => error.description(|_| true),
        }
    }

    fn challenge(&self, offered: &Offered, details: &str) -> String {
        let mut value = format!("{} realm={}", offered.scheme.name(), quoted(&self.realm));
        if let Some(algorithms) = &offered.algorithms {
            parameter(&mut value, "algs", algorithms);
        }
        value.push_str(details);
        if let Some(url) = &self.resource_metadata {
            parameter(&mut value, "resource_metadata", url);
        }
        value
    }
}

/// What was wrong, and what to ask the issuer for; `None` where nothing can be asked for that would help.
fn details(error: &AuthError, scopes: &[&str]) -> Option<String> {
    let code = match error {
        AuthError::KeysUnavailable { .. } | AuthError::StateUnavailable { .. } | AuthError::NotConfigured => {
            return None;
        }
        AuthError::MissingToken => None,
        AuthError::InvalidRequest => Some("invalid_request"),
        AuthError::InvalidToken
        | AuthError::MissingClaim { .. }
        | AuthError::TokenExpired
        | AuthError::TokenRevoked => Some("invalid_token"),
        AuthError::InvalidProof { .. } => Some("invalid_dpop_proof"),
        AuthError::UseNonce => Some("use_dpop_nonce"),
        AuthError::InsufficientRole { .. } | AuthError::InsufficientScope { .. } => Some("insufficient_scope"),
    };
    let mut details = String::new();
    if let Some(code) = code {
        parameter(&mut details, "error", code);
        parameter(&mut details, "error_description", &error.description(fits_header));
    }
    let scopes = scopes_to_ask_for(error, scopes);
    if !scopes.is_empty() {
        parameter(&mut details, "scope", &scopes.join(" "));
    }
    Some(details)
}

/// All that a new token needs. Where the error is one of scopes and names none, no token would help, whatever else was asked for.
fn scopes_to_ask_for<'s>(error: &'s AuthError, besides: &[&'s str]) -> Vec<&'s str> {
    let usable =
        |names: &[&'s str]| -> Vec<&'s str> { names.iter().copied().filter(|name| is_scope_token(name)).collect() };
    match error {
        AuthError::MissingToken => usable(besides),
        AuthError::InsufficientScope { required } => {
            let required = usable(&required.iter().map(String::as_str).collect::<Vec<_>>());
            if required.is_empty() { required } else { union([usable(besides), required]) }
        }
        _ => Vec::new(),
    }
}

/// Whether a name can stand in the header (RFC 6750 section 3 says what an `error_description` may hold). One that cannot
/// stands in the body alone.
fn fits_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
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

/// What can stand in a quoted-string without an escape: printable ASCII, no quotes, no backslash.
fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}
