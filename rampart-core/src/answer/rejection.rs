//! The one place where an error becomes an HTTP answer: status, headers and body (RFC 6750 section 3, RFC 9110 section 11.6.1).

use std::fmt;

use serde::Serialize;

use crate::answer::challenge::Challenges;
use crate::answer::error::{AuthError, seconds_up};
use crate::answer::headers::Headers;
use crate::bearer::Scheme;

/// The answer to a refused request, for any HTTP framework: made by [`RampartAuth::rejection`](crate::RampartAuth::rejection).
///
/// ```
/// use rampart_core::{AuthError, RampartAuth};
///
/// let auth = RampartAuth::new("https://auth.example.com", "my-api")?;
/// let answer = auth.rejection(AuthError::MissingToken);
/// assert_eq!(answer.status(), 401);
/// assert!(answer.challenges().eq([r#"Bearer realm="default""#]));
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    error: AuthError,
    headers: Headers,
    body: String,
}

const CHALLENGE: &str = "www-authenticate";

impl Rejection {
    /// `scopes` are those that a new token needs besides any which the error names; `used` is the scheme that the token came by.
    pub(crate) fn new(error: AuthError, scopes: &[&str], used: Scheme, challenges: &Challenges) -> Self {
        let description = challenges.description(&error);
        Self::with(challenges.for_error(&error, scopes, used), error, &description)
    }

    /// The answer where no `RampartAuth` is set up, so that nothing is known about the realm.
    pub fn not_configured() -> Self {
        let error = AuthError::NotConfigured;
        let description = error.description(|_| true);
        Self::with(Vec::new(), error, &description)
    }

    fn with(challenges: Vec<String>, error: AuthError, description: &str) -> Self {
        let mut headers = Headers::new();
        headers.add("content-type", "application/json");
        headers.add("cache-control", "no-store");
        for challenge in challenges {
            headers.add(CHALLENGE, challenge);
        }
        if let AuthError::KeysUnavailable { retry_after } | AuthError::StateUnavailable { retry_after } = &error {
            headers.add("retry-after", seconds_up(*retry_after).to_string());
        }
        let body = Body { error: error.code(), error_description: description, status: error.status() };
        let body = serde_json::to_string(&body).unwrap_or_default();
        Self { error, headers, body }
    }

    /// The same with these headers besides.
    pub(crate) fn with_headers(mut self, headers: &Headers) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Why the request was refused.
    pub const fn error(&self) -> &AuthError {
        &self.error
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.error.status()
    }

    /// The challenges, each the value of a `WWW-Authenticate` field of its own, in their order: for an answer of your own that keeps
    /// them. None where other credentials would not help.
    pub fn challenges(&self) -> impl Iterator<Item = &str> {
        self.headers().filter(|(name, _)| *name == CHALLENGE).map(|(_, value)| value)
    }

    /// All headers of the answer, names in lower case, in a fixed order; `www-authenticate` once for each challenge, so that they
    /// are to be added, not set. Values are visible ASCII.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::challenge::Offered;

    fn both() -> Challenges {
        let proofs = Offered { scheme: Scheme::Dpop, algorithms: Some("ES256 EdDSA".into()) };
        Challenges {
            realm: "tasks".into(),
            resource_metadata: Some("https://api.example".into()),
            offered: vec![Offered::BEARER, proofs],
        }
    }

    /// RFC 9110 section 11.6.1: several challenges may stand in several fields, and their order is kept. RFC 9449 section 7.2: what was
    /// wrong stands in that of the scheme that was used.
    #[test]
    fn each_scheme_has_a_challenge_and_the_one_that_was_used_says_what_was_wrong() {
        let challenges = both();
        let details = r#", error="invalid_token", error_description="The access token expired""#;
        let metadata = r#", resource_metadata="https://api.example""#;
        for (used, of_bearer, of_dpop) in [(Scheme::Bearer, details, ""), (Scheme::Dpop, "", details)] {
            let answer = Rejection::new(AuthError::TokenExpired, &[], used, &challenges);
            let bearer = format!(r#"Bearer realm="tasks"{of_bearer}{metadata}"#);
            let dpop = format!(r#"DPoP realm="tasks", algs="ES256 EdDSA"{of_dpop}{metadata}"#);
            let headers: Vec<_> = answer.headers().collect();
            assert_eq!(
                headers,
                [
                    ("content-type", "application/json"),
                    ("cache-control", "no-store"),
                    ("www-authenticate", &*bearer),
                    ("www-authenticate", &*dpop),
                ]
            );
            assert!(answer.challenges().eq([&*bearer, &*dpop]));
        }
        // Where no credentials help, none are asked for, in whatever scheme.
        let error = AuthError::keys_unavailable(std::time::Duration::from_secs(7));
        let answer = Rejection::new(error, &[], Scheme::Dpop, &challenges);
        assert_eq!(answer.challenges().count(), 0);
        assert!(answer.headers().any(|header| header == ("retry-after", "7")));
    }

    #[test]
    fn scheme_that_is_not_offered_is_answered_in_the_first_that_is() {
        let mut challenges = both();
        challenges.offered.remove(0);
        let answer = Rejection::new(AuthError::InvalidToken, &[], Scheme::Bearer, &challenges);
        let said = r#"DPoP realm="tasks", algs="ES256 EdDSA", error="invalid_token", error_description="The access token is invalid", resource_metadata="https://api.example""#;
        assert!(answer.challenges().eq([said]));
    }
}
