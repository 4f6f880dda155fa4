//! What the user's HTTP client shows of itself.

use reqwest::Client;

/// No client says what proxies it has and what redirects it follows but in its `Debug` output. That is put together anew each time
/// and never changes, so whoever keeps a client asks it once.
#[derive(Debug)]
pub(crate) struct Shown(String);

impl Shown {
    pub(crate) fn by(client: &Client) -> Self {
        Self(format!("{client:?}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
