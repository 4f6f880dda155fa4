//! Text that must not be shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Text that is shown to nobody: `Debug` and `Display` say `[redacted]`. Its memory is overwritten when it is dropped; what the HTTP
/// client makes of it, such as a header, is that client's.
///
/// ```
/// # use rampart_http as rampart_client;
/// use rampart_client::Secret;
///
/// fn header(access_token: &Secret) -> String {
///     assert_eq!(access_token.to_string(), "[redacted]");
///     format!("Bearer {}", access_token.expose())
/// }
/// # assert_eq!(header(&Secret::new("abc")), "Bearer abc");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    #[doc(hidden)]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(SecretString::new(text.into()))
    }

    /// The text itself: for a header, never for a log. An access token has visible ASCII characters alone, no space, line break
    /// or control, and so is safe in a header; it need not be a JWT or a b64token (RFC 6749 appendix A.12). The HTTP client that sends
    /// it must not take it elsewhere: see `redirects_within_origin` of `rampart-client`.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_equal_to_its_like_and_shows_itself_only_when_it_is_asked_to() {
        let secret = Secret::new("a secret");
        let (like, unlike) = (secret.clone(), Secret::new(String::from("a Secret")));
        assert!(secret == like && secret != unlike);
        assert_eq!(like.expose(), "a secret");
        assert_eq!(
            format!("{secret} {secret:?} {secret:#?} {:?}", Some(&like)),
            "[redacted] [redacted] [redacted] Some([redacted])"
        );
    }
}
