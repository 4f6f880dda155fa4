//! An access token, and how long it serves.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rampart_http::Secret;
use tokio::time::Instant;

/// What the token endpoint has given (RFC 6749 section 5.1). A refresh token or an ID token beside it is not kept.
///
/// ```
/// use rampart_client::AccessToken;
///
/// fn may_write(token: &AccessToken) -> bool {
///     token.scope.split(' ').any(|scope| scope == "users:write")
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Token {
    /// The token, for `Authorization: Bearer`: visible ASCII characters, which are safe in a header.
    pub access_token: Secret,
    /// When it expires, by this machine's clock: the start of the request for it and its lifetime, which is `expires_in`, or less
    /// where it is a JWT whose `exp` comes sooner. The client itself counts on a monotonic clock.
    pub expires_at: SystemTime,
    /// The scopes it has, separated by spaces; those asked for where the server did not say. A server may give fewer.
    pub scope: String,
    /// `Bearer`, as the server spells it; or what it says instead, with
    /// [`assume_bearer`](crate::RampartClientBuilder::assume_bearer).
    pub token_type: String,
    pub(crate) times: Times,
}

/// A token, as [`RampartClient`](crate::RampartClient) hands it out: it derefs to [`Token`], and a clone is one more pointer to the
/// same. Ask the client for it again rather than keep it: that costs less than a microsecond, and it may have been renewed.
///
/// ```no_run
/// # async fn example(client: rampart_client::RampartClient) -> Result<(), rampart_client::ClientError> {
/// let token = client.client_credentials_token(&["users:read"]).await?;
/// println!("{} with the scopes {}, until {:?}", token.token_type, token.scope, token.expires_at);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct AccessToken(pub(crate) Arc<Token>);

impl Deref for AccessToken {
    type Target = Token;

    fn deref(&self) -> &Token {
        &self.0
    }
}

/// When a token is renewed, and when it serves no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) lifetime: Duration,
    pub(crate) fresh_until: Instant,
    pub(crate) serves_until: Instant,
    /// The shortest time from one renewal in the background to the next.
    pub(crate) renewal_interval: Duration,
}

impl Times {
    /// For a token that lives so long from the start of the request for it.
    pub(crate) fn new(requested_at: Instant, lifetime: Duration) -> Self {
        let margin = lifetime.mul_f64(0.2).clamp(Duration::from_secs(30), Duration::from_secs(300)).min(lifetime / 2);
        // Up to 10 % earlier, so that many processes do not ask at the same moment.
        let fresh = lifetime.saturating_sub(margin).mul_f64(1.0 - 0.1 * fastrand::f64());
        let last = Duration::from_secs(10).min(lifetime / 10);
        Self {
            lifetime,
            fresh_until: requested_at + fresh,
            serves_until: requested_at + lifetime.saturating_sub(last),
            // A renewal that was lost with its runtime is followed by another in time, however long the token lives.
            renewal_interval: (lifetime / 10).min(margin / 3).max(Duration::from_secs(1)),
        }
    }

    /// Whether the token serves no more, not even those who have waited for it. One that the server says has no lifetime
    /// serves them, and nobody after them.
    pub(crate) fn is_spent(&self, now: Instant) -> bool {
        !self.lifetime.is_zero() && now >= self.serves_until
    }
}
