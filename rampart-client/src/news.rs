//! What happens to the token of a set, as the log has it.

use std::time::Duration;

use crate::error::ClientError;
use crate::request::TokenRequest;

/// What has happened to the token, for the log.
#[derive(Debug)]
pub(crate) enum News {
    Got { lifetime: Duration },
    Failed { url: String, error: ClientError, failures: u32, retry_in: Duration },
    Lost { error: ClientError },
    Refused,
}

impl News {
    /// Writes it to the log: of which set.
    pub(crate) fn log(&self, request: &TokenRequest) {
        match self {
            Self::Got { lifetime } => {
                let lifetime_s = lifetime.as_secs_f64();
                tracing::debug!(target: "rampart", ?request, lifetime_s, "a new access token");
            }
            Self::Failed { url, error, failures, retry_in } => {
                let retry_in_ms = retry_in.as_millis();
                tracing::warn!(
                    target: "rampart", url, ?request, %error, failures, retry_in_ms, "a request for an access token failed"
                );
            }
            Self::Lost { error } => {
                tracing::warn!(target: "rampart", ?request, %error, "no access token could be had");
            }
            Self::Refused => {
                tracing::info!(
                    target: "rampart", ?request, "an access token was refused by the service called; getting a new one"
                );
            }
        }
    }
}
