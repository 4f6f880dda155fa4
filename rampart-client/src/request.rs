//! What is asked for: scopes and further parameters.

use std::fmt;

use rampart_http::ConfigError;

/// A request for a token. Tokens are kept per set of scopes and parameters; order and repeats do not matter.
///
/// Made once and kept, it also saves the sorting that [`client_credentials_token`] does with every call.
///
/// [`client_credentials_token`]: crate::RampartClient::client_credentials_token
///
/// ```
/// use rampart_client::TokenRequest;
///
/// let request = TokenRequest::new(["users:read"]).parameter("audience", "https://users.example.com");
/// assert_eq!(TokenRequest::new(["b", "a", "b"]), TokenRequest::new(["a", "b"]));
/// // Values of parameters may be secret, so they are not shown.
/// assert_eq!(format!("{request:?}"), r#"TokenRequest { scopes: ["users:read"], parameters: ["audience"] }"#);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenRequest {
    scopes: Vec<String>,
    parameters: Vec<(String, String)>,
}

/// Parameters that belong to the client itself.
const RESERVED: [&str; 6] =
    ["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope"];

impl TokenRequest {
    /// A request for these scopes, one a string (RFC 6749 section 3.3); empty ones are left out. Without a scope, the server
    /// decides. A scope that holds a space or a quote is an error of the call that uses the request.
    ///
    /// ```
    /// use rampart_client::TokenRequest;
    ///
    /// let both = TokenRequest::new("users:read users:write".split(' '));
    /// assert_eq!(both, TokenRequest::new(["users:write", "users:read"]));
    /// ```
    pub fn new<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        let mut scopes: Vec<String> =
            scopes.into_iter().map(Into::into).filter(|scope: &String| !scope.is_empty()).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self { scopes, parameters: Vec::new() }
    }

    /// A further parameter, such as `audience`, or `resource` (RFC 8707), which may be given several times. A name that the
    /// client sets itself, such as `client_id` or `scope`, is an error of the call that uses the request.
    ///
    /// ```
    /// use rampart_client::TokenRequest;
    ///
    /// let request = TokenRequest::new(["orders:read"])
    ///     .parameter("resource", "https://orders.example.com")
    ///     .parameter("resource", "https://stock.example.com");
    /// ```
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let parameter = (name.into(), value.into());
        if let Err(at) = self.parameters.binary_search(&parameter) {
            self.parameters.insert(at, parameter);
        }
        self
    }

    pub(crate) fn scope(&self) -> String {
        self.scopes.join(" ")
    }

    pub(crate) fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// Nothing that the caller adds may say who the client is or what it wants.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let invalid = |field, problem: String| Err(ConfigError::invalid(field, problem));
        if self.parameters.iter().any(|(name, _)| name.is_empty()) {
            return invalid("parameter", "has no name; give it one, such as audience".into());
        }
        if let Some((name, _)) = self.parameters.iter().find(|(name, _)| RESERVED.contains(&name.as_str())) {
            return invalid("parameter", format!("{name:?} is set by the client itself; leave it out"));
        }
        // RFC 6749 section 3.3.
        let is_token = |scope: &String| scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        match self.scopes.iter().find(|scope| !is_token(scope)) {
            Some(scope) => {
                invalid("scope", format!("{scope:?} is not one scope; give each by itself, without spaces and quotes"))
            }
            None => Ok(()),
        }
    }
}

/// Parameters may hold secrets, so only their names are shown.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("TokenRequest").field("scopes", &self.scopes).field("parameters", &parameters).finish()
    }
}
