//! A `reqwest-middleware` that attaches tokens.

use async_trait::async_trait;
use http::Extensions;
use rampart_http::{ConfigError, EndpointUrl};
use reqwest::header::AUTHORIZATION;
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next, Result};
use url::{Origin, Url};

use crate::client::{RampartClient, authorization};
use crate::error::ClientError;
use crate::proxy;
use crate::redirects;
use crate::registration::sensitive;
use crate::request::TokenRequest;
use crate::shown::Shown;
use crate::token::AccessToken;

/// Attaches a token to requests for the origins given, and to no others: a middleware, once it is [attached to](Self::attach_to)
/// an HTTP client.
///
/// A request over http to another machine goes out without a token; so does one that has an `Authorization` header of its
/// own. One over http to this machine is [`ClientError::InsecureUrl`] where a proxy would see the token: see
/// [`bearer`](RampartClient::bearer). On a 401 of the service that the request was for, not of another that it was redirected
/// to, that very token is invalidated and the request is sent once more, unless its body cannot be sent again.
///
/// ```no_run
/// # async fn example(client: rampart_client::RampartClient) -> Result<(), Box<dyn std::error::Error>> {
/// use rampart_client::{RampartMiddleware, TokenRequest, redirects_within_origin};
///
/// let http = reqwest::Client::builder().redirect(redirects_within_origin()).build()?;
/// let tokens = RampartMiddleware::new(client, TokenRequest::new(["users:read"]), ["https://users.example.com"])?;
/// let http = tokens.attach_to(http)?;
/// let response = http.get("https://users.example.com/api/users").send().await?;
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
        let origin = |url: S| match EndpointUrl::parse("origins", url.as_ref(), true)? {
            url if proxy::is_private_directly(url.as_url()) => Ok(url.as_url().origin()),
            _ => Err(invalid("hold one that is http to another machine, where the token could be read; use https")),
        };
        let origins: Vec<_> = origins.into_iter().map(origin).collect::<std::result::Result<_, ConfigError>>()?;
        if origins.is_empty() {
            return Err(invalid("are empty, so that no request would get a token; name the services to call").into());
        }
        Ok(Self { client, request, origins })
    }

    /// The HTTP client, with tokens: a `reqwest::Client`, or a `ClientWithMiddleware` that has others already. Those see no token
    /// and may send a request again: the token is attached last of all, to what is really sent. What is added to the client
    /// afterwards sees it.
    ///
    /// It must be a client that takes no token to another server where it is redirected there: built with
    /// [`redirects_within_origin`](crate::redirects_within_origin), with `Policy::none()`, or with a policy of your own, which
    /// then must not follow a redirect to another origin either. reqwest's default is refused.
    ///
    /// # Errors
    /// [`ClientError::FollowsRedirects`] for a client that may take the token elsewhere.
    ///
    /// ```
    /// # fn example(retries: impl reqwest_middleware::Middleware) -> Result<(), Box<dyn std::error::Error>> {
    /// use rampart_client::{ClientError, RampartClient, RampartMiddleware, TokenRequest, redirects_within_origin};
    ///
    /// let client = RampartClient::builder("https://auth.example.com", "billing", "secret").build()?;
    /// let tokens = RampartMiddleware::new(client, TokenRequest::new(["users:read"]), ["https://users.example.com"])?;
    /// let refused = tokens.clone().attach_to(reqwest::Client::new());
    /// assert_eq!(refused.unwrap_err(), ClientError::FollowsRedirects);
    ///
    /// let http = reqwest::Client::builder().redirect(redirects_within_origin()).build()?;
    /// let http = reqwest_middleware::ClientBuilder::new(http).with(retries).build();
    /// let http = tokens.attach_to(http)?;
    /// # Ok(()) }
    /// ```
    ///
    /// By itself it is no middleware, so that no client gets it unseen:
    ///
    /// ```compile_fail,E0277
    /// # fn example(tokens: rampart_client::RampartMiddleware) {
    /// reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(tokens);
    /// # }
    /// ```
    pub fn attach_to(
        self,
        http: impl Into<ClientWithMiddleware>,
    ) -> std::result::Result<ClientWithMiddleware, ClientError> {
        let http: ClientWithMiddleware = http.into();
        let shown = Shown::by(http.as_ref());
        if redirects::may_leave_origin(&shown) {
            return Err(ClientError::FollowsRedirects);
        }
        Ok(ClientBuilder::from_client(http).with(Attached { tokens: self, http: shown }).build())
    }

    fn is_for(&self, url: &Url) -> bool {
        proxy::is_private_directly(url) && self.origins.contains(&url.origin())
    }

    async fn attach(&self, request: &mut Request) -> Result<AccessToken> {
        let token = self.client.token(&self.request).await.map_err(Error::middleware)?;
        let value = sensitive(&authorization(&token)).map_err(Error::middleware)?;
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(token)
    }
}

/// The last middleware of a client, and what that shows of itself.
#[derive(Debug)]
struct Attached {
    tokens: RampartMiddleware,
    http: Shown,
}

#[async_trait]
impl Middleware for Attached {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let Self { tokens, http } = self;
        if !tokens.is_for(request.url()) || request.headers().contains_key(AUTHORIZATION) {
            return next.run(request, extensions).await;
        }
        if !proxy::is_private(http, request.url()) {
            return Err(Error::middleware(ClientError::InsecureUrl));
        }
        let (again, origin) = (request.try_clone(), request.url().origin());
        let token = tokens.attach(&mut request).await?;
        let response = next.clone().run(request, extensions).await?;
        // A policy of the user's own may have led to another origin. That must not have seen the token, and says nothing of it.
        if response.status() != StatusCode::UNAUTHORIZED || response.url().origin() != origin {
            return Ok(response);
        }
        tokens.client.invalidate(&token);
        let Some(mut again) = again else { return Ok(response) };
        // Without a new token, the answer of the service is what there is to tell.
        let Ok(newer) = tokens.attach(&mut again).await else { return Ok(response) };
        if newer.access_token == token.access_token {
            // Replaced a moment ago already: the same token would get the same answer.
            return Ok(response);
        }
        next.run(again, extensions).await
    }
}
