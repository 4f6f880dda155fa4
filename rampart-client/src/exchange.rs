//! One request to the token endpoint, and what becomes of its answer.

use std::sync::Arc;
use std::time::SystemTime;

use rampart_http::{Discovery, EndpointUrl, ExchangeError, MetadataError, Secret, Settled, Way};
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap};
use tokio::time::{Instant, timeout_at};

use crate::answer::{Denied, Granted, Reader};
use crate::endpoint::Endpoint;
use crate::error::ClientError;
use crate::lifetime::{Clocks, lifetime};
use crate::registration::{Registration, SHORTEST_REDACTED};
use crate::request::TokenRequest;
use crate::token::{AccessToken, Times, Token};

/// Characters of a word of the server's that an error keeps, and of a sentence: there are servers that end theirs with IDs by
/// which the request can be found.
const SHORT_TEXT: usize = 200;
const LONG_TEXT: usize = 400;

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) registration: Arc<Registration>,
    pub(crate) endpoint: Endpoint,
    pub(crate) assume_bearer: bool,
}

/// What has come of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Who had the last word: the token endpoint, or the issuer's metadata, which does not tell where that is.
    pub(crate) asked: EndpointUrl,
    pub(crate) outcome: Result<AccessToken, ClientError>,
}

impl Exchange {
    pub(crate) async fn run(&self, request: &TokenRequest) -> Answer {
        let Endpoint { client, limit, location } = &self.endpoint;
        let (limit, by) = (*limit, Instant::now() + *limit);
        let located = timeout_at(by, location.resolve(client)).await;
        let (asked, place) = match located.unwrap_or(Err(ExchangeError::TimedOut { limit }.into())) {
            Ok(found) => found,
            Err(error) => {
                let asked = location.metadata().map_or_else(|| location.first().clone(), Discovery::asked_at);
                return Answer { asked, outcome: Err(self.of_metadata(error, request).into()) };
            }
        };
        let outcome = timeout_at(by, self.ask(&asked, request)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(ExchangeError::TimedOut { limit }.into()));
        let is_a_guess = place == Settled::Default && matches!(location.way(false), Way::Open { .. });
        match &outcome {
            Ok(_) => location.settle(place, false),
            Err(error) if error.may_mean_that_it_has_moved() => location.forget(),
            Err(_) => {}
        }
        let outcome = outcome.map_err(|error| if is_a_guess { error.of_a_guess() } else { error });
        Answer { asked, outcome }
    }

    async fn ask(&self, url: &EndpointUrl, request: &TokenRequest) -> Result<AccessToken, ClientError> {
        let requested_at = (Instant::now(), SystemTime::now());
        let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        let scope = request.scope();
        if !scope.is_empty() {
            form.push(("scope".to_owned(), scope.clone()));
        }
        form.extend(request.parameters().iter().cloned());
        let response = rampart_http::send_anew(|| {
            self.registration.post(&self.endpoint.client, url, form.clone(), "application/json")
        })
        .await?;
        let reader = Reader { status: response.status(), assume_bearer: self.assume_bearer };
        let headers = response.headers().clone();
        let body = rampart_http::read_body(response).await;
        match reader.read(&headers, &body) {
            Ok(granted) => Ok(accept(granted, requested_at, date(&headers), scope)),
            Err(denied) => Err(self.refuse(reader.status, denied, request)),
        }
    }

    fn refuse(&self, status: StatusCode, denied: Denied, request: &TokenRequest) -> ClientError {
        match denied {
            Denied::OAuth { error, description, token } => ClientError::OAuth {
                status: status.as_u16(),
                error: self.presentable(&error, SHORT_TEXT, request, token.as_deref()),
                description: description.map(|text| self.presentable(&text, LONG_TEXT, request, token.as_deref())),
            },
            Denied::TokenType { token_type, token } => {
                ClientError::TokenType(self.presentable(&token_type, SHORT_TEXT, request, Some(&token)))
            }
            Denied::Other(error) => error,
        }
    }

    /// What is wrong with the metadata, without what its words may repeat.
    fn of_metadata(&self, error: MetadataError, request: &TokenRequest) -> MetadataError {
        match error {
            MetadataError::AnotherIssuer(issuer) => {
                MetadataError::AnotherIssuer(self.presentable(&issuer, SHORT_TEXT, request, None))
            }
            MetadataError::AnotherOrigin { member, url } => {
                MetadataError::AnotherOrigin { member, url: self.presentable(&url, LONG_TEXT, request, None) }
            }
            other => other,
        }
    }

    /// Text of the server as it may stand in an error: without what the client has sent, or `token`.
    fn presentable(&self, text: &str, longest: usize, request: &TokenRequest, token: Option<&str>) -> String {
        let values = request.parameters().iter().map(|(_, value)| value.as_str());
        let values = values.filter(|value| value.len() >= SHORTEST_REDACTED);
        self.registration.presentable(text, longest, values.chain(token))
    }
}

fn accept(
    granted: Granted<'_>,
    (requested_at, wall): (Instant, SystemTime),
    date: Option<SystemTime>,
    asked: String,
) -> AccessToken {
    let Granted { access_token, token_type, expires_in, scope } = granted;
    let lifetime = lifetime(expires_in, &access_token, Clocks { own: wall, servers: date });
    AccessToken(Arc::new(Token {
        access_token: Secret::new(access_token),
        expires_at: wall + lifetime,
        scope: scope.unwrap_or(asked),
        token_type,
        times: Times::new(requested_at, lifetime),
    }))
}

/// When the server has answered, by its own clock (RFC 9110 section 6.6.1).
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()
}
