//! Answers to logout requests (OpenID Connect Back-Channel Logout 1.0 section 2.8).

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde::Serialize;

use crate::answer::error::seconds_up;
use crate::answer::headers::Headers;

const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The answer to a back-channel logout request, for any HTTP framework: made by
/// [`RampartAuth::backchannel_logout`](crate::RampartAuth::backchannel_logout). The body is empty, or JSON as that of a
/// [`Rejection`](crate::Rejection); no answer may be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutReply {
    status: u16,
    headers: Headers,
    body: String,
}

/// The status alone: everything else follows from it.
impl fmt::Debug for LogoutReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogoutReply").field(&self.status).finish()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
    status: u16,
}

impl LogoutReply {
    /// Bytes of the longest body that is read: many times what a logout token needs.
    pub const LONGEST_BODY: usize = 64 * 1024;

    /// For a request by another method than POST.
    pub fn not_post() -> Self {
        let mut reply = Self::failed(405, "invalid_request", "A logout request is a POST");
        reply.headers.add("allow", "POST");
        reply
    }

    /// Whether the body of a request is read that has this `Content-Length`: what is too long is not waited for.
    ///
    /// # Errors
    /// The answer to one that is.
    pub fn check_length(content_length: Option<&[u8]>) -> Result<(), Self> {
        let length = content_length.and_then(|length| std::str::from_utf8(length).ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > Self::LONGEST_BODY as u64) { Err(Self::too_long()) } else { Ok(()) }
    }

    /// For one whose body cannot be read, as HTTP has it.
    pub fn unreadable() -> Self {
        Self::failed(400, "invalid_request", "The logout request cannot be read")
    }

    /// Waits for the body of a request, ten seconds at most: whoever sends one takes no longer.
    ///
    /// # Errors
    /// The answer for whom does.
    pub async fn in_time<T>(body: impl Future<Output = T>) -> Result<T, Self> {
        let late = |_| Self::failed(408, "invalid_request", "The logout request has not come in time");
        tokio::time::timeout(LONGEST_WAIT, body).await.map_err(late)
    }

    pub(crate) fn done() -> Self {
        Self { status: 200, headers: Self::uncached(), body: String::new() }
    }

    pub(crate) fn too_long() -> Self {
        Self::failed(413, "invalid_request", "The logout request is too long")
    }

    pub(crate) fn refused() -> Self {
        Self::failed(400, "invalid_request", "The logout token is not valid")
    }

    pub(crate) fn unavailable(retry_after: Duration) -> Self {
        let mut reply = Self::failed(503, "temporarily_unavailable", "The logout cannot be carried out now");
        reply.headers.add("retry-after", seconds_up(retry_after).to_string());
        reply
    }

    pub(crate) fn not_configured() -> Self {
        Self::failed(500, "server_error", "Logout is not configured")
    }

    fn failed(status: u16, error: &str, error_description: &str) -> Self {
        let mut headers = Headers::new();
        headers.add("content-type", "application/json");
        headers.extend(&Self::uncached());
        let body = serde_json::to_string(&Body { error, error_description, status }).unwrap_or_default();
        Self { status, headers, body }
    }

    fn uncached() -> Headers {
        let mut headers = Headers::new();
        headers.add("cache-control", "no-store");
        headers
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// All headers: names in lower case, values in visible ASCII.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter()
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body, taken out.
    pub fn into_body(self) -> String {
        self.body
    }
}
