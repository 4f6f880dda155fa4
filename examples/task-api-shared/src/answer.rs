//! What a handler sends.

use serde_json::{Value, json};

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 8 * 1024;

/// What to send: the status, when to come again, and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// For `Retry-After` (RFC 9110 section 10.2.3): after how many seconds another attempt makes sense, where one does.
    pub retry_after: Option<u32>,
    /// JSON, or nothing with a status that has no body.
    pub body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &Value) -> Self {
        Self { status, retry_after: None, body: body.to_string() }
    }

    /// Done, and nothing to say of it.
    pub(crate) const fn done() -> Self {
        Self { status: 204, retry_after: None, body: String::new() }
    }

    /// Something is away that may be back in a moment.
    pub(crate) fn unavailable(description: &str) -> Self {
        Self { retry_after: Some(1), ..Self::problem(503, "temporarily_unavailable", description) }
    }

    /// In the form that refusals have too.
    pub(crate) fn problem(status: u16, error: &str, description: &str) -> Self {
        Self::new(status, &json!({"error": error, "error_description": description, "status": status}))
    }

    /// For a request that no handler has seen, because the framework could not route or read it: in the form of all others.
    pub fn unhandled(status: u16) -> Self {
        match status {
            404 => Self::problem(404, "not_found", "This API has no such route"),
            413 => Self::problem(413, "content_too_large", &format!("The body must have at most {MAX_BODY} bytes")),
            400..=499 => Self::problem(status, "invalid_request", "The request cannot be read"),
            _ => Self::problem(status, "server_error", "The request cannot be answered"),
        }
    }
}
