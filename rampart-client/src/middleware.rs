//! A `reqwest-middleware` that attaches tokens.

use async_trait::async_trait;
use http::Extensions;
use rampart_http::ConfigError;
use reqwest::header::AUTHORIZATION;
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{Error, Middleware, Next, Result};
use url::{Origin, Url};

use crate::client::{RampartClient, authorization, is_private};
use crate::error::ClientError;
use crate::exchange::sensitive;
use crate::proxy;
use crate::request::TokenRequest;
use crate::token::AccessToken;

/// Attaches a token to requests for the origins given, and to no others.
///
/// A request over http to another machine goes out without a token; so does one that has an `Authorization` header of its
/// own. One over http to this machine is [`ClientError::InsecureUrl`] while the environment names a proxy for it, which could read
/// the token (`NO_PROXY` makes an exception); a proxy of the HTTP client's own cannot be seen from here, so give it none for
/// this machine. On a 401 of the service that the request was for, not of another that it was redirected to, that very token is
/// invalidated and the request is sent once more, unless its body cannot be sent again.
///
/// ```no_run
/// # fn example(client: rampart_client::RampartClient) -> Result<(), rampart_client::ClientError> {
/// use rampart_client::{RampartMiddleware, TokenRequest};
///
/// let tokens = RampartMiddleware::new(client, TokenRequest::new(["users:read"]), ["https://users.example.com"])?;
/// let http = reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(tokens).build();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RampartMiddleware {
    client: RampartClient,
    request: TokenRequest,
    origins: Vec<Origin>,
}

impl RampartMiddleware {
    /// Tokens for `request`, sent to `origins` (scheme, host and port; a path is ignored).
    ///
    /// # Errors
    /// [`ClientError::Config`] for an origin that is neither an https URL nor http to this machine, and where there is none.
    ///
    /// ```
    /// use rampart_client::{RampartClient, RampartMiddleware, TokenRequest};
    ///
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").build()?;
    /// let refused = RampartMiddleware::new(client, TokenRequest::default(), ["http://users.example.com"]);
    /// assert!(refused.unwrap_err().to_string().starts_with("origins: hold one that is http to another machine"));
    /// # Ok::<(), rampart_client::ClientError>(())
    /// ```
    pub fn new<S: AsRef<str>>(
        client: RampartClient,
        request: TokenRequest,
        origins: impl IntoIterator<Item = S>,
    ) -> std::result::Result<Self, ClientError> {
        let invalid = |problem: &str| ConfigError::invalid("origins", problem);
        let origin = |url: S| match rampart_http::checked_url("origins", url.as_ref(), true)? {
            url if is_private(&url) => Ok(url.origin()),
            _ => Err(invalid("hold one that is http to another machine, where the token could be read; use https")),
        };
        let origins: Vec<_> = origins.into_iter().map(origin).collect::<std::result::Result<_, ConfigError>>()?;
        if origins.is_empty() {
            return Err(invalid("are empty, so that no request would get a token; name the services to call").into());
        }
        Ok(Self { client, request, origins })
    }

    fn is_for(&self, url: &Url) -> bool {
        is_private(url) && self.origins.contains(&url.origin())
    }

    async fn attach(&self, request: &mut Request) -> Result<AccessToken> {
        let token = self.client.token(&self.request).await.map_err(Error::middleware)?;
        let value = sensitive(&authorization(&token)).map_err(Error::middleware)?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(token)
    }
}

#[async_trait]
impl Middleware for RampartMiddleware {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        if !self.is_for(request.url()) || request.headers().contains_key(AUTHORIZATION) {
            return next.run(request, extensions).await;
        }
        if request.url().scheme() == "http" && proxy::is_in_environment(request.url()) {
            return Err(Error::middleware(ClientError::InsecureUrl));
        }
        let (again, origin) = (request.try_clone(), request.url().origin());
        let token = self.attach(&mut request).await?;
        let response = next.clone().run(request, extensions).await?;
        // An origin reached by a redirect has not seen the token, so its 401 says nothing of it.
        if response.status() != StatusCode::UNAUTHORIZED || response.url().origin() != origin {
            return Ok(response);
        }
        self.client.invalidate(&token);
        let Some(mut again) = again else { return Ok(response) };
        // Without a new token, the answer of the service is what there is to tell.
        let Ok(newer) = self.attach(&mut again).await else { return Ok(response) };
        if newer.access_token == token.access_token {
            // Replaced a moment ago already: the same token would get the same answer.
            return Ok(response);
        }
        next.run(again, extensions).await
    }
}
