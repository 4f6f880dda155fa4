//! The users of the local issuer, and their tokens. For development only: whoever asks is believed.

use rampart_issuer::{Issuer, TokenBuilder};
use serde::Deserialize;
use serde_json::json;

use crate::Answer;

const HOUR: i64 = 3600;

/// Someone whom the local issuer signs tokens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    pub fn token(self, issuer: &Issuer) -> TokenBuilder {
        let token = issuer.token().expires_in(HOUR);
        match self {
            Self::User => token,
            Self::Writer => token.sub("writer").scope("tasks:write email:send"),
            Self::Admin => token.sub("admin").roles(["admin"]),
        }
    }
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
pub fn local_token(issuer: &Issuer, body: &[u8]) -> Answer {
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
