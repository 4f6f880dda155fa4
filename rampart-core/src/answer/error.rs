//! Errors by blame: the caller's and the issuer's ([`AuthError`]). The operator's is [`ConfigError`](crate::ConfigError).

use std::borrow::Cow;
use std::time::Duration;

/// Why a request was refused.
///
/// Neither `Display` nor `Debug` ever contains text of the token or of a key. What exactly was wrong with a token is
/// written to the log (`tracing` target `rampart`) and told to nobody else.
///
/// | variant | [`status`](Self::status) | [`code`](Self::code) |
/// |---|---|---|
/// | `MissingToken` | 401 | `unauthorized` |
/// | `InvalidRequest` | 400 | `invalid_request` |
/// | `InvalidToken`, `MissingClaim`, `TokenRevoked` | 401 | `invalid_token` |
/// | `TokenExpired` | 401 | `token_expired` |
/// | `InsufficientRole` | 403 | `insufficient_role` |
/// | `InsufficientScope` | 403 | `insufficient_scope` |
/// | `InvalidProof` | 401 | `invalid_dpop_proof` |
/// | `UseNonce` | 401 | `use_dpop_nonce` |
/// | `KeysUnavailable`, `StateUnavailable` | 503 | `temporarily_unavailable` |
/// | `NotConfigured` | 500 | `server_error` |
///
/// Variants with fields may get more of them: they are matched with `..` and made by the functions below. Those without are
/// compared as they are.
///
/// ```
/// use rampart_core::AuthError;
///
/// fn is_worth_a_retry(error: &AuthError) -> bool {
///     matches!(error, AuthError::KeysUnavailable { .. }) || *error == AuthError::TokenExpired
/// }
/// assert!(!is_worth_a_retry(&AuthError::missing_claim("email")));
/// ```
///
/// ```compile_fail,E0638
/// # use rampart_core::AuthError;
/// fn wait(error: &AuthError) -> Option<std::time::Duration> {
///     match error {
///         AuthError::KeysUnavailable { retry_after } => Some(*retry_after), // `..` is missing
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The request carries no bearer token (RFC 6750 section 3.1).
    #[error("the request carries no bearer token")]
    MissingToken,
    /// The request carries more than one `Authorization` value, so it is ambiguous which one counts.
    #[error("the request carries more than one Authorization header")]
    InvalidRequest,
    /// The token is malformed, forged, or not meant for this API.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The token lacks a claim that must be present.
    #[error("the access token lacks the required claim {claim:?}")]
    #[non_exhaustive]
    MissingClaim {
        /// Its name.
        claim: Cow<'static, str>,
    },
    /// The token is genuine, but `exp` has passed.
    #[error("the access token expired")]
    TokenExpired,
    /// The token was good when it was issued, and has been revoked since. The caller is told no more than that it is not valid.
    #[error("the access token was revoked")]
    TokenRevoked,
    /// The token is good, but lacks one of these roles.
    #[error("the access token lacks a required role: {}", .required.join(", "))]
    #[non_exhaustive]
    InsufficientRole {
        /// All roles that the route requires.
        required: Vec<String>,
    },
    /// The token is good, but lacks one of these scopes.
    #[error("the access token lacks a required scope: {}", .required.join(" "))]
    #[non_exhaustive]
    InsufficientScope {
        /// All scopes that the route requires.
        required: Vec<String>,
    },
    /// The issuer's keys cannot be had at the moment, so nothing can be decided. The token may well be good: never a 401.
    #[error("the keys of the issuer are not available; retry in {} s", seconds_up(*.retry_after))]
    #[non_exhaustive]
    KeysUnavailable {
        /// When another attempt makes sense.
        retry_after: Duration,
    },
    /// The token is good and bound to a key, but the proof of that key is missing or not good (RFC 9449 section 7.1).
    #[error("the DPoP proof is {}", if *.is_missing { "missing" } else { "not valid" })]
    #[non_exhaustive]
    InvalidProof {
        /// Whether there is none.
        is_missing: bool,
    },
    /// The proof must hold a nonce that this API has given, which comes with the answer (RFC 9449 section 9).
    #[error("the DPoP proof needs a new nonce")]
    UseNonce,
    /// What all replicas must know cannot be asked or kept at the moment, so nothing can be decided. The request may well be good: never
    /// a 401.
    #[error("what this request needs to be checked is not available; retry in {} s", seconds_up(*.retry_after))]
    #[non_exhaustive]
    StateUnavailable {
        /// When another attempt makes sense.
        retry_after: Duration,
    },
    /// The adapter was not set up: the application holds no `RampartAuth`.
    #[error("no RampartAuth is configured in this application")]
    NotConfigured,
}

impl AuthError {
    /// A token that lacks one of `required`: for hand-written [`Requirement`](crate::Requirement)s.
    pub fn insufficient_role<S: Into<String>>(required: impl IntoIterator<Item = S>) -> Self {
        Self::InsufficientRole { required: required.into_iter().map(Into::into).collect() }
    }

    /// A token that lacks one of `required`: for hand-written [`Requirement`](crate::Requirement)s.
    pub fn insufficient_scope<S: Into<String>>(required: impl IntoIterator<Item = S>) -> Self {
        Self::InsufficientScope { required: required.into_iter().map(Into::into).collect() }
    }

    /// A token without a claim that must be there: for hand-written [`Requirement`](crate::Requirement)s.
    pub fn missing_claim(name: impl Into<Cow<'static, str>>) -> Self {
        Self::MissingClaim { claim: name.into() }
    }

    /// The proof is not good: for what stands in for a verification, as in a test.
    pub const fn invalid_proof() -> Self {
        Self::InvalidProof { is_missing: false }
    }

    /// Nothing can be decided at the moment: for what stands in for a verification, as in a test.
    pub const fn keys_unavailable(retry_after: Duration) -> Self {
        Self::KeysUnavailable { retry_after }
    }

    /// Nothing can be decided for want of what replicas share: for what stands in for a verification, as in a test.
    pub const fn state_unavailable(retry_after: Duration) -> Self {
        Self::StateUnavailable { retry_after }
    }

    /// The HTTP status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::MissingToken
            | Self::InvalidToken
            | Self::MissingClaim { .. }
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::InvalidProof { .. }
            | Self::UseNonce => 401,
            Self::InsufficientRole { .. } | Self::InsufficientScope { .. } => 403,
            Self::NotConfigured => 500,
            Self::KeysUnavailable { .. } | Self::StateUnavailable { .. } => 503,
        }
    }

    /// The `error` member of the answer's body.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingToken => "unauthorized",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken | Self::MissingClaim { .. } | Self::TokenRevoked => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::InsufficientRole { .. } => "insufficient_role",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::InvalidProof { .. } => "invalid_dpop_proof",
            Self::UseNonce => "use_dpop_nonce",
            Self::KeysUnavailable { .. } | Self::StateUnavailable { .. } => "temporarily_unavailable",
            Self::NotConfigured => "server_error",
        }
    }

    /// What the caller is told: constants, and those of the names that the API itself has configured which can be shown.
    pub(crate) fn description(&self, shows: fn(&str) -> bool) -> Cow<'static, str> {
        match self {
            Self::MissingToken => "This resource requires an access token: Authorization: Bearer <token>".into(),
            Self::InvalidRequest => "The request has more than one Authorization header".into(),
            Self::InvalidToken | Self::TokenRevoked => "The access token is invalid".into(),
            Self::MissingClaim { claim } if shows(claim) => format!("The access token lacks the claim {claim}").into(),
            Self::MissingClaim { .. } => "The access token lacks a required claim".into(),
            Self::TokenExpired => "The access token expired".into(),
            Self::InsufficientRole { required } => lacking("role", required, ", ", shows),
            Self::InsufficientScope { required } => lacking("scope", required, " ", shows),
            Self::InvalidProof { is_missing: true } => "The DPoP proof is missing".into(),
            Self::InvalidProof { .. } => "The DPoP proof is invalid".into(),
            Self::UseNonce => "The DPoP proof must hold the nonce of the DPoP-Nonce header".into(),
            Self::KeysUnavailable { .. } => "The access token cannot be checked at the moment; retry later".into(),
            Self::StateUnavailable { .. } => "The request cannot be checked at the moment; retry later".into(),
            Self::NotConfigured => "Authentication is not configured on this server".into(),
        }
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

/// Whole seconds, rounded up and at least one: the unit of `Retry-After`.
pub(crate) fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
