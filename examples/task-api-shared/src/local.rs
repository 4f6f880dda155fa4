//! The users of the local issuer, and their tokens. For development only: whoever asks is believed.

use rampart_issuer::{LocalIssuer, TokenBuilder};
use serde::Deserialize;
use serde_json::json;

use crate::{Answer, WEB_ORIGIN};

const HOUR: i64 = 3600;

/// Someone whom the local issuer signs tokens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LocalUser {
    /// Has the role `user`.
    User,
    /// Has the scopes `tasks:write` and `email:send`.
    Writer,
    /// Has the role `admin`.
    Admin,
}

impl LocalUser {
    /// A token of this user, valid for an hour unless changed.
    pub fn token(self, issuer: &LocalIssuer) -> TokenBuilder {
        let token = issuer.token().roles(["user"]).expires_in(HOUR);
        match self {
            Self::User => token,
            Self::Writer => token.sub("writer").email("writer@example.com").scope("tasks:write email:send"),
            Self::Admin => token.sub("admin").email("admin@example.com").roles(["admin"]),
        }
    }
}

/// Refuses, with 403, what another site may have sent through a browser on this machine: a `Host` that is not this machine, which
/// is what a name of theirs that has come to resolve to 127.0.0.1 looks like (DNS rebinding), and the `Origin` of another page.
///
/// # Errors
/// The answer to give instead.
pub fn check_local(host: Option<&[u8]>, origins: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(), Answer> {
    let host = host.and_then(|host| std::str::from_utf8(host).ok()).filter(|host| is_this_machine(host));
    let Some(host) = host else {
        let description = "This is for this machine alone: ask for http://127.0.0.1 or http://localhost, with the port that \
                           the program has printed, and not for another name or address";
        return Err(Answer::problem(403, "host_not_allowed", description));
    };
    let own = format!("http://{host}");
    if origins.into_iter().any(|origin| ![own.as_bytes(), WEB_ORIGIN.as_bytes()].contains(&origin.as_ref())) {
        let description = format!("The page must come from this server or from {WEB_ORIGIN}: open it there");
        return Err(Answer::problem(403, "origin_not_allowed", &description));
    }
    Ok(())
}

/// Whether the value of `Host`, with or without a port, is one that no name server has a say in.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

#[derive(Deserialize)]
struct TokenRequest {
    user: LocalUser,
    #[serde(default = "an_hour")]
    expires_in: i64,
}

const fn an_hour() -> i64 {
    HOUR
}

/// A token for a page that runs beside the local issuer: `{"user": "writer", "expires_in": 60}`. With a negative time it has
/// expired already, to see what happens then.
///
/// The body must be declared as JSON: a browser then asks with a preflight before it sends another site's request.
pub fn local_token(issuer: &LocalIssuer, content_type: Option<&[u8]>, body: &[u8]) -> Answer {
    let declared = content_type.and_then(|value| value.split(|byte| *byte == b';').next()).unwrap_or_default();
    if !declared.trim_ascii().eq_ignore_ascii_case(b"application/json") {
        let description = "Send the header Content-Type: application/json, and the body as JSON";
        return Answer::problem(415, "unsupported_media_type", description);
    }
    let request =
        serde_json::from_slice(body).ok().filter(|TokenRequest { expires_in, .. }| (-HOUR..=HOUR).contains(expires_in));
    let Some(TokenRequest { user, expires_in }) = request else {
        let description =
            "The body must be JSON: {\"user\": \"user\", \"writer\" or \"admin\", \"expires_in\": -3600 to 3600}";
        return Answer::problem(400, "invalid_request", description);
    };
    match user.token(issuer).expires_in(expires_in).sign() {
        Ok(token) => {
            Answer::new(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in}))
        }
        Err(error) => Answer::problem(500, "server_error", &error.to_string()),
    }
}
