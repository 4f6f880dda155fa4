//! Why there is no token, told apart by what the caller can do about it.

use std::time::Duration;

use rampart_http::{ConfigError, ExchangeError, MetadataError};

use crate::token_type;

/// After a 429 that does not say how long to wait.
const UNTOLD_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why there is no token. No variant ever holds a secret, an `Authorization` header or a token.
///
/// ```
/// use std::time::Duration;
/// use rampart_client::ClientError;
///
/// /// When it makes sense to try again: the client itself asks no sooner.
/// fn retry_after(error: &ClientError) -> Option<Duration> {
///     match error {
///         ClientError::RateLimited { retry_after, .. } => Some(*retry_after),
///         ClientError::Transport(_) => Some(Duration::from_secs(1)),
///         ClientError::OAuth { error, .. } if error == "temporarily_unavailable" => Some(Duration::from_secs(5)),
///         _ => None, // somebody has to change something first
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A setting cannot be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The server refused, and said why (RFC 6749 section 5.2), whatever the status. A 401 without its word, as gateways give
    /// it, is `invalid_client`.
    #[error("the token endpoint refused with {error:?} (status {status}){}", explained(.description.as_deref(), .error))]
    #[non_exhaustive]
    OAuth {
        /// The HTTP status.
        status: u16,
        /// The `error` member, shortened, without control characters: `invalid_client`, `invalid_scope`, ...
        error: String,
        /// The `error_description` member, shortened, without control characters.
        description: Option<String>,
    },
    /// The server asks to slow down.
    #[error(
        "{} limits the rate (status {status}); retry in {} s",
        if *metadata { "the issuer, asked for its metadata," } else { "the token endpoint" },
        retry_after.as_secs().max(1)
    )]
    #[non_exhaustive]
    RateLimited {
        /// The HTTP status, 429 or 503.
        status: u16,
        /// How long to wait; requests before that are answered with this error at once.
        retry_after: Duration,
        /// Whether it was asked for the issuer's metadata; otherwise for a token.
        metadata: bool,
    },
    /// No connection, no answer in time, or one that is too long.
    #[error("{0}")]
    Transport(String),
    /// An answer that no token endpoint should give: another body than JSON, no token, one that cannot stand in a header, no
    /// `token_type` without [`assume_bearer`](crate::RampartClientBuilder::assume_bearer), ...
    #[error("the token endpoint gave an unexpected answer (status {status}): {problem}")]
    #[non_exhaustive]
    Malformed {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A token of a type that this client cannot use (RFC 6749 section 7.1), or that is spelled differently from `Bearer`: see
    /// [`assume_bearer`](crate::RampartClientBuilder::assume_bearer).
    #[error("the token endpoint gave a token of type {0:?}, but only Bearer is supported{hint}", hint = spelling(.0))]
    TokenType(String),
    /// The answer took so long that its token had expired, or was about to, when it came.
    #[error(
        "the token endpoint took longer to answer than its token serves (it lives for {lifetime:?}); let tokens live longer"
    )]
    #[non_exhaustive]
    Spent {
        /// How long the token lives, counted from the start of the request for it.
        lifetime: Duration,
    },
    /// The metadata of the issuer cannot be used, so the token endpoint is not known.
    #[error("{0}")]
    Metadata(String),
    /// A token could not be revoked, or nobody knows whether it was: it may still be good. The client hands it out no more all the same.
    #[error("the token is not known to be revoked: {why}{}", retried(.retry_after.as_ref()))]
    #[non_exhaustive]
    NotRevoked {
        /// The HTTP status, if the revocation endpoint has answered.
        status: Option<u16>,
        /// The `error` member of its answer (RFC 7009 section 2.2.1), shortened, without control characters.
        error: Option<String>,
        /// When it wants to be asked again, if it has said so: five minutes at most.
        retry_after: Option<Duration>,
        /// What has happened.
        why: String,
    },
    /// More than 256 sets of scopes and parameters wait for a request for their token at the same time.
    #[error("more than 256 different token requests are in progress; use fewer combinations of scopes and parameters")]
    TooManySets,
    /// The request would carry the token over plain http to another machine, or to this one by way of a proxy.
    #[error(
        "the request goes over http to another machine, or by way of a proxy, where the token could be read; use https, or for this machine an HTTP client with no_proxy(), or NO_PROXY"
    )]
    InsecureUrl,
    /// The HTTP client may follow a redirect to another server, and would take the token along: see
    /// [`redirects_within_origin`](crate::redirects_within_origin).
    #[error(
        "the HTTP client may follow a redirect to another server and take the token along; build it with .redirect(rampart_client::redirects_within_origin()), or with Policy::none()"
    )]
    FollowsRedirects,
    /// The request itself cannot be built.
    #[error("the request cannot be built; look at its URL, headers and body")]
    Request,
}

/// Whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// That of what was asked for.
    Set,
    /// That of the client's credentials, whatever it asks for: so it seems.
    Client,
    /// The server wants to be asked less.
    Server,
}

impl ClientError {
    /// Who would have met this failure.
    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::RateLimited { .. } => Blame::Server,
            // By the status where the server has a word of its own for it, and by GitHub's, which comes with 200.
            Self::OAuth { status: 401, .. } => Blame::Client,
            Self::OAuth { error, .. } if error == "invalid_client" || error == "incorrect_client_credentials" => {
                Blame::Client
            }
            _ => Blame::Set,
        }
    }

    /// What a status says of the rate, with `Retry-After` where there is one: of 503 only with it (RFC 9110 section 15.6.4).
    pub(crate) fn rate_limit(status: u16, retry_after: Option<Duration>, metadata: bool) -> Option<Self> {
        let retry_after = match status {
            429 => retry_after.unwrap_or(UNTOLD_RETRY_AFTER),
            503 => retry_after?,
            _ => return None,
        };
        Some(Self::RateLimited { status, retry_after, metadata })
    }

    /// Whether what has failed in this way may be no token endpoint any more. What judges the request is one.
    pub(crate) const fn may_mean_that_it_has_moved(&self) -> bool {
        match self {
            Self::Transport(_) | Self::Malformed { .. } => true,
            // In JSON, too.
            Self::OAuth { status, .. } => is_nothing(*status),
            _ => false,
        }
    }

    /// As it stands where the address was a mere guess: what to do where nothing is there.
    pub(crate) fn of_a_guess(self) -> Self {
        match self {
            Self::OAuth { status, .. } | Self::Malformed { status, .. } if is_nothing(status) => {
                let problem = "nothing is at /oauth/token, and the issuer has no metadata that gives another address; give it with token_url()";
                Self::Malformed { status, problem }
            }
            other => other,
        }
    }

    /// How long the server asked to wait.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        if let Self::RateLimited { retry_after, .. } = self { Some(*retry_after) } else { None }
    }
}

/// What web servers say where there is nothing, or nothing that can be posted to.
const fn is_nothing(status: u16) -> bool {
    matches!(status, 404 | 405 | 410)
}

impl From<ExchangeError> for ClientError {
    fn from(error: ExchangeError) -> Self {
        Self::Transport(format!("the token endpoint cannot be reached: {error}"))
    }
}

impl From<MetadataError> for ClientError {
    fn from(error: MetadataError) -> Self {
        match &error {
            MetadataError::Exchange(error) => {
                Self::Transport(format!("the metadata of the issuer cannot be reached: {error}"))
            }
            MetadataError::Status { status, retry_after, .. } => {
                Self::rate_limit(*status, *retry_after, true).unwrap_or_else(|| Self::Metadata(error.to_string()))
            }
            other => Self::Metadata(other.to_string()),
        }
    }
}

fn retried(after: Option<&Duration>) -> String {
    after.map(|after| format!("; retry in {} s", after.as_secs().max(1))).unwrap_or_default()
}

fn spelling(spelt: &str) -> &'static str {
    if token_type::is_another(spelt) { "" } else { "; if the server means that, use assume_bearer(true)" }
}

/// The server's description and our hint, with one full stop between them: a description may have its own.
fn explained(description: Option<&str>, error: &str) -> String {
    let description = description.map(|description| format!(": {description}")).unwrap_or_default();
    match hint(error) {
        None => description,
        Some(hint) => format!("{}. {hint}", description.trim_end_matches('.')),
    }
}

fn hint(error: &str) -> Option<&'static str> {
    match error {
        "unsupported_grant_type" => Some(
            "This server does not issue tokens for services: the original Rampart server of 2026 refuses client_credentials",
        ),
        "invalid_client" => Some(
            "Check RAMPART_CLIENT_ID and RAMPART_CLIENT_SECRET, and how the server wants them sent (basic_raw, secret_in_body)",
        ),
        _ => None,
    }
}
