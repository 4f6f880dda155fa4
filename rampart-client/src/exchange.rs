//! One request to the token endpoint, and what becomes of its answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rampart_core::outbound::{self, ExchangeError, Location, TOTAL_TIMEOUT};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::authentication::Authentication;
use crate::error::ClientError;
use crate::pause::Pause;
use crate::redaction;
use crate::request::TokenRequest;
use crate::token::{AccessToken, Secret, Times, Token};

const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
/// Nothing that lives longer is a lifetime; clocks could not count it.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// What services accept: a longer one would be refused by each of them.
const LONGEST_TOKEN: usize = 16 * 1024;
/// Values of parameters that are shorter are words such as `true`, which an error may hold.
const SHORTEST_REDACTED_VALUE: usize = 8;

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) client: Client,
    pub(crate) location: Location,
    pub(crate) allow_http: bool,
    pub(crate) authentication: Authentication,
    /// What an answer must not be able to bring into an error.
    pub(crate) redacted: Vec<Secret>,
    pub(crate) pause: Pause,
}

/// RFC 6749 section 5.1. What is not listed is not read: a refresh token or an ID token goes nowhere.
#[derive(Deserialize)]
struct Success<'a> {
    #[serde(borrow)]
    access_token: Option<&'a RawValue>,
    #[serde(borrow)]
    token_type: Option<&'a RawValue>,
    #[serde(borrow)]
    expires_in: Option<&'a RawValue>,
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    error_description: Option<&'a RawValue>,
}

/// A derived struct can also be read from an array, by position; the answer is an object (RFC 6749 section 5.1).
fn object<'a, T: Deserialize<'a>>(body: &'a str) -> Option<T> {
    let is_object = body.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    if is_object { serde_json::from_str(body).ok() } else { None }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

impl Exchange {
    pub(crate) async fn run(&self, request: &TokenRequest) -> Result<AccessToken, ClientError> {
        let result = timeout(TOTAL_TIMEOUT, self.run_unbounded(request)).await;
        let result = result.unwrap_or_else(|_| Err(ExchangeError::TimedOut { limit: TOTAL_TIMEOUT }.into()));
        if result.is_err() {
            self.location.forget();
        }
        result
    }

    async fn run_unbounded(&self, request: &TokenRequest) -> Result<AccessToken, ClientError> {
        let url = self.location.resolve(&self.client, self.allow_http).await?;
        let requested_at = (Instant::now(), SystemTime::now());
        let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        let scope = request.scope();
        if !scope.is_empty() {
            form.push(("scope".to_owned(), scope.clone()));
        }
        form.extend(request.parameters().iter().cloned());
        let response = outbound::send_anew(|| self.compose(&url, form.clone())).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = outbound::read_body(response).await;
        if status == StatusCode::OK {
            self.accept(&body?, requested_at, scope, request)
        } else {
            Err(self.refused(status, &headers, body, request))
        }
    }

    fn compose(&self, url: &Url, mut form: Vec<(String, String)>) -> Result<RequestBuilder, ClientError> {
        let authorization = self.authentication.apply(&mut form, url.as_str())?;
        let request = self
            .client
            .post(url.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Serializer::new(String::new()).extend_pairs(&form).finish());
        Ok(match authorization {
            Some(value) => request.header(header::AUTHORIZATION, sensitive(value)?),
            None => request,
        })
    }

    fn accept(
        &self,
        body: &str,
        (requested_at, wall): (Instant, SystemTime),
        asked: String,
        request: &TokenRequest,
    ) -> Result<AccessToken, ClientError> {
        let malformed = |problem| ClientError::Malformed { status: 200, problem };
        let answer: Success<'_> =
            object(body).ok_or(malformed("the body is not a JSON object without duplicate members"))?;
        let token_type = text(answer.token_type).ok_or(malformed("token_type is missing or not a string"))?;
        if !token_type.eq_ignore_ascii_case("Bearer") {
            let token = text(answer.access_token);
            return Err(ClientError::TokenType(self.presentable(&token_type, request, token.as_deref())));
        }
        let access_token = text(answer.access_token).ok_or(malformed("access_token is missing or not a string"))?;
        if !outbound::is_b64token(access_token.as_bytes()) {
            return Err(malformed("access_token has characters that a bearer token cannot have"));
        }
        if access_token.len() > LONGEST_TOKEN {
            return Err(malformed("access_token is longer than 16 KiB, which services do not accept"));
        }
        let scope = match answer.scope {
            Some(scope) => text(Some(scope)).ok_or(malformed("scope is not a string"))?,
            None => asked,
        };
        let lifetime = lifetime(answer.expires_in);
        Ok(AccessToken(Arc::new(Token {
            access_token: Secret::new(access_token),
            expires_at: wall + lifetime,
            scope,
            token_type,
            times: Times::new(requested_at, lifetime),
        })))
    }

    fn refused(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: Result<String, ExchangeError>,
        request: &TokenRequest,
    ) -> ClientError {
        let code = status.as_u16();
        let retry_after = outbound::retry_after(headers);
        if status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::SERVICE_UNAVAILABLE && retry_after.is_some())
        {
            return ClientError::RateLimited {
                status: code,
                retry_after: retry_after.unwrap_or(Duration::from_secs(1)),
            };
        }
        let problem = if status.is_redirection() {
            "it redirects, which a token endpoint must not; give its address with token_url()"
        } else {
            "the body is no OAuth error"
        };
        let unexpected = ClientError::Malformed { status: code, problem };
        let Ok(body) = body else { return unexpected };
        let Some(refusal) = object::<Refusal<'_>>(&body) else { return unexpected };
        match text(refusal.error) {
            Some(error) if !status.is_redirection() => ClientError::OAuth {
                status: code,
                error: self.presentable(&error, request, None),
                description: text(refusal.error_description).map(|text| self.presentable(&text, request, None)),
            },
            _ => unexpected,
        }
    }

    /// Text of the server as it may stand in an error: without what the client has sent, or `token`.
    fn presentable(&self, text: &str, request: &TokenRequest, token: Option<&str>) -> String {
        let own = self.redacted.iter().map(Secret::expose);
        let values = request.parameters().iter().map(|(_, value)| value.as_str());
        let values = values.filter(|value| value.len() >= SHORTEST_REDACTED_VALUE);
        let secrets: Vec<_> = own.chain(values).chain(token).filter(|secret| !secret.is_empty()).collect();
        redaction::presentable(text, &secrets, &|text| self.assertion(text))
    }

    /// How much of a text, from its start, is an assertion of this client.
    fn assertion(&self, text: &str) -> usize {
        let rest = self.authentication.encoded_header().and_then(|header| text.strip_prefix(header));
        rest.map_or(0, |rest| text.len() - rest.trim_start_matches(is_jws).len())
    }
}

/// A character of a compact JWS.
fn is_jws(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// A header value that no log of the HTTP client shows.
pub(crate) fn sensitive(secret: &Secret) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| ClientError::Request)?;
    value.set_sensitive(true);
    Ok(value)
}

/// `expires_in`: a number, a fraction, or either as a string; what is no number counts as missing.
fn lifetime(value: Option<&RawValue>) -> Duration {
    let seconds = value.and_then(|value| {
        let number = text(Some(value)).unwrap_or_else(|| value.get().to_owned());
        number.trim().parse::<f64>().ok().filter(|seconds| !seconds.is_nan())
    });
    match seconds {
        None => DEFAULT_LIFETIME,
        Some(seconds) if seconds <= 0.0 => Duration::ZERO,
        Some(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_LIFETIME).min(LONGEST_LIFETIME),
    }
}
