//! Whole answers of a Task API: what is the same on every framework.

use reqwest::blocking::Response;

/// Everything in an answer that a client may build on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `WWW-Authenticate`; where there are several, a line each.
    pub challenge: Option<String>,
    /// Whether there is a `Retry-After`; how long depends on the moment.
    pub retry_after: bool,
    /// The body.
    pub body: String,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let header = |name| {
            let mut values = response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
            let first = values.next();
            assert_eq!(values.next(), None, "{name} came twice");
            first
        };
        let challenges = response.headers().get_all("www-authenticate").iter();
        let challenges: Vec<_> = challenges.map(|value| value.to_str().unwrap()).collect();
        let challenge = (!challenges.is_empty()).then(|| challenges.join("\n"));
        Self {
            status: response.status().as_u16(),
            content_type: header("content-type"),
            cache_control: header("cache-control"),
            challenge,
            retry_after: header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()),
            body: response.text().unwrap(),
        }
    }
}

impl Answer {
    /// A handler's own.
    pub fn ok(body: &str) -> Self {
        Self {
            status: 200,
            content_type: Some("application/json".into()),
            cache_control: None,
            challenge: None,
            retry_after: false,
            body: body.into(),
        }
    }

    /// The handler's own to a new task that is none: whoever gets it may make tasks.
    pub fn task_missing() -> Self {
        let description = r#"The body must be JSON: {\"title\": \"..\"}"#;
        let body = format!(r#"{{"error":"invalid_request","error_description":"{description}","status":400}}"#);
        Self { status: 400, ..Self::ok(&body) }
    }

    /// Done as it was asked for.
    pub fn done() -> Self {
        Self { status: 204, content_type: None, ..Self::ok("") }
    }

    /// What a logout token says has been done (OpenID Connect Back-Channel Logout 1.0 section 2.8).
    pub fn logged_out() -> Self {
        Self { content_type: None, cache_control: Some("no-store".into()), ..Self::ok("") }
    }

    /// It is not good.
    pub fn invalid_logout() -> Self {
        Self::refusal(400, "invalid_request", "The logout token is not valid", None)
    }

    fn refusal(status: u16, error: &str, description: &str, challenge: Option<String>) -> Self {
        Self {
            status,
            content_type: Some("application/json".into()),
            cache_control: Some("no-store".into()),
            challenge: challenge.map(|parameters| format!(r#"Bearer realm="default"{parameters}"#)),
            retry_after: false,
            body: format!(r#"{{"error":"{error}","error_description":"{description}","status":{status}}}"#),
        }
    }

    fn error(status: u16, code: &str, error: &str, description: &str, more: &str) -> Self {
        let parameters = format!(r#", error="{error}", error_description="{description}"{more}"#);
        Self::refusal(status, code, description, Some(parameters))
    }

    /// The request brings no token.
    pub fn unauthorized() -> Self {
        Self::token_missing("")
    }

    /// The request brings no token, where one with this scope is needed.
    pub fn unauthorized_for(scope: &str) -> Self {
        Self::token_missing(&format!(r#", scope="{scope}""#))
    }

    fn token_missing(more: &str) -> Self {
        let description = "This resource requires an access token: Authorization: Bearer <token>";
        Self::refusal(401, "unauthorized", description, Some(more.into()))
    }

    /// The token is forged, malformed, or not meant for this API: which of these, nobody is told.
    pub fn invalid_token() -> Self {
        Self::error(401, "invalid_token", "invalid_token", "The access token is invalid", "")
    }

    /// The token lacks a claim that must be there.
    pub fn missing_claim(claim: &str) -> Self {
        Self::error(401, "invalid_token", "invalid_token", &format!("The access token lacks the claim {claim}"), "")
    }

    /// The token is genuine, but its time has passed.
    pub fn token_expired() -> Self {
        Self::error(401, "token_expired", "invalid_token", "The access token expired", "")
    }

    /// The user lacks a role.
    pub fn insufficient_role(role: &str) -> Self {
        let description = format!("The access token lacks the role {role}");
        Self::error(403, "insufficient_role", "insufficient_scope", &description, "")
    }

    /// The token lacks a scope.
    pub fn insufficient_scope(scope: &str) -> Self {
        let description = format!("The access token lacks the scope {scope}");
        Self::error(403, "insufficient_scope", "insufficient_scope", &description, &format!(r#", scope="{scope}""#))
    }

    /// The same from those who take proofs too: said in the challenge of the scheme that was used, beside that of the other.
    #[must_use]
    pub fn offering_proofs(self, used: &str) -> Self {
        const PROOFS: &str = r#"DPoP realm="default", algs="ES256 EdDSA Ed25519""#;
        const BEARER: &str = r#"Bearer realm="default""#;
        let said = self.challenge.as_deref().unwrap_or_default().strip_prefix(BEARER).unwrap().to_owned();
        let challenge = match used {
            "DPoP" => format!("{BEARER}\n{PROOFS}{said}"),
            _ => format!("{BEARER}{said}\n{PROOFS}"),
        };
        Self { challenge: Some(challenge), ..self }
    }

    /// The proof is not good.
    pub fn invalid_proof() -> Self {
        Self::error(401, "invalid_dpop_proof", "invalid_dpop_proof", "The DPoP proof is invalid", "")
            .offering_proofs("DPoP")
    }

    /// There is no proof.
    pub fn proof_missing() -> Self {
        Self::error(401, "invalid_dpop_proof", "invalid_dpop_proof", "The DPoP proof is missing", "")
            .offering_proofs("DPoP")
    }

    /// The keys cannot be had at the moment.
    pub fn unavailable() -> Self {
        Self::later("The access token cannot be checked at the moment; retry later")
    }

    /// Whoever has to be asked about the token cannot be asked at the moment.
    pub fn undecided() -> Self {
        Self::later("The request cannot be checked at the moment; retry later")
    }

    fn later(description: &str) -> Self {
        Self { retry_after: true, ..Self::refusal(503, "temporarily_unavailable", description, None) }
    }
}
