//! The client as the one who asks its issuer about tokens (RFC 7662), for resource servers.

use std::fmt;

use rampart_http::{
    AnswerFormat, ConfigError, ExchangeError, Introspecting, IntrospectionError, MetadataError, Question, Redirect,
    TokenIntrospector,
};
use reqwest::header::{self, HeaderMap};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::client::RampartClient;
use crate::endpoint::{Deadline, Unanswered, is_exposed};
use crate::error::ClientError;

/// Characters of the issuer's words that an error keeps.
const LONGEST_TEXT: usize = 400;

/// Asks the introspection endpoint: that of [`introspection_url`](crate::RampartClientBuilder::introspection_url), else the one that
/// the issuer's metadata gives on its own origin. The client says who it is as it does to get tokens. An exchange takes
/// as long as one for a token at most; it is not tried again, unless there was no connection. Nothing of it makes a request for a token
/// wait, nor the other way round.
///
/// A JSON answer is one of status 200 with the media type `application/json`, a signed one with
/// `application/token-introspection+jwt`, whatever parameters it has; not `text/plain`, and nothing else that ends in `+json`.
///
/// ```no_run
/// # async fn example(client: rampart_client::RampartClient) -> Result<(), rampart_client::IntrospectionError> {
/// use rampart_client::{AnswerFormat, Question, TokenIntrospector};
///
/// let answer = client.introspect(Question::new("an.opaque-token", AnswerFormat::Json)).await?;
/// // {"active": true, ...}: what that is worth is for the resource server to say.
/// # Ok(()) }
/// ```
impl TokenIntrospector for RampartClient {
    fn introspect<'a>(&'a self, question: Question<'a>) -> Introspecting<'a> {
        Box::pin(async move {
            let asked = Asked { client: self, question };
            asked.answer().await
        })
    }

    fn client_id(&self) -> &str {
        &self.registration().client_id
    }

    /// Where to ask must be known, or be for the issuer's metadata to say; and signed answers must not come over http from another
    /// machine: they do not say what they are answers to, so whoever is on the way could give the answer to another token.
    fn check(&self, format: AnswerFormat) -> Result<(), ConfigError> {
        let service = self.introspection()?;
        if format == AnswerFormat::Jwt && is_exposed(service.first()) {
            return Err(exposed());
        }
        Ok(())
    }
}

/// RFC 9701 has no nonce.
fn exposed() -> ConfigError {
    ConfigError::invalid(
        "signed",
        "needs an introspection endpoint on https: a signed answer does not say to which question it is one, so over http somebody on the way could give that to another token; use https, or do without signed answers",
    )
}

struct Asked<'a> {
    client: &'a RampartClient,
    question: Question<'a>,
}

impl Asked<'_> {
    async fn answer(&self) -> Result<String, IntrospectionError> {
        let misconfigured = |error: ConfigError| IntrospectionError::Misconfigured(error.to_string());
        let service = self.client.introspection().map_err(misconfigured)?;
        let media_type = match self.question.format {
            AnswerFormat::Json => "application/json",
            AnswerFormat::Jwt => "application/token-introspection+jwt",
            other => return Err(IntrospectionError::Misconfigured(format!("answers cannot be {other:?}"))),
        };
        let deadline = service.begin().map_err(|why| self.unanswered(why, "the issuer"))?;
        let url = service.locate(deadline).await.map_err(|why| self.unanswered(why, "the issuer"))?;
        if self.question.format == AnswerFormat::Jwt && is_exposed(&url) {
            return Err(misconfigured(exposed()));
        }
        let address = url.without_query();
        let response = service.present(self.question.token, &url, media_type, deadline).await;
        let response = response.map_err(|why| self.unanswered(why, &address))?;
        self.read(response, media_type, &address, deadline).await
    }

    async fn read(
        &self,
        response: Response,
        media_type: &'static str,
        address: &str,
        deadline: Deadline,
    ) -> Result<String, IntrospectionError> {
        let status = response.status();
        let said = |problem: &str| format!("{address} answered with {problem}");
        if let Some(redirect) = Redirect::of(&response) {
            let redirect = self.presentable(&redirect.to_string());
            let remedy = "if the endpoint is there, give it with introspection_url(..), or as endpoint in a file";
            return Err(IntrospectionError::Unusable(said(&format!("{redirect}; {remedy}"))));
        }
        match status.as_u16() {
            401 => return Err(unauthorized(said("status 401"))),
            429 | 502..=504 => {
                let retry_after = rampart_http::retry_after(response.headers());
                let why = said(&format!("status {}", status.as_u16()));
                return Err(IntrospectionError::Unavailable { why, retry_after });
            }
            _ => {}
        }
        let is_wanted = status == StatusCode::OK && is_of_type(response.headers(), media_type);
        let is_of_another_type = status == StatusCode::OK && !is_wanted;
        let body = deadline.body(response).await;
        if body.as_ref().is_ok_and(|body| refuses_the_client(body)) {
            return Err(unauthorized(said(&format!("invalid_client (status {})", status.as_u16()))));
        }
        if is_wanted {
            return body.map_err(|error| self.unanswered(error.into(), address));
        }
        Err(IntrospectionError::Unusable(if is_of_another_type {
            said(&format!("another media type than {media_type}"))
        } else {
            said(&format!("status {}", status.as_u16()))
        }))
    }

    fn unanswered(&self, why: Unanswered, address: &str) -> IntrospectionError {
        let text = |error: &dyn fmt::Display| format!("{address}: {error}");
        match why {
            Unanswered::Nowhere(error @ (MetadataError::Exchange(_) | MetadataError::Status { .. })) => {
                let retry_after = error.retry_after();
                let why = self.presentable(&ClientError::from(error).to_string());
                IntrospectionError::Unavailable { why, retry_after }
            }
            Unanswered::Nowhere(error) => IntrospectionError::Misconfigured(self.presentable(&error.to_string())),
            Unanswered::Failed(
                error @ (ExchangeError::Connection(_) | ExchangeError::TimedOut { .. } | ExchangeError::Late),
            ) => IntrospectionError::Unavailable { why: text(&error), retry_after: None },
            Unanswered::Failed(error) => IntrospectionError::Unusable(text(&error)),
            Unanswered::Unasked(error @ ClientError::Transport(_)) => {
                IntrospectionError::Unavailable { why: text(&error), retry_after: None }
            }
            Unanswered::Unasked(error) => IntrospectionError::Misconfigured(text(&error)),
        }
    }

    /// Without what the issuer may repeat, such as in the address of a redirect.
    fn presentable(&self, text: &str) -> String {
        self.client.registration().presentable_without(self.question.token, text, LONGEST_TEXT)
    }
}

fn unauthorized(said: String) -> IntrospectionError {
    IntrospectionError::Unauthorized(
        said + "; check the client ID and its secret or key, how the issuer wants them sent (basic_raw, secret_in_body), and that this client may introspect",
    )
}

/// Whether a body is of this type (RFC 9110 section 8.3), whatever its parameters: JSON has none (RFC 8259 section 11), and what
/// is no UTF-8 is refused in any case.
fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let own = value.to_str().ok().and_then(|value| value.split(';').next());
    own.is_some_and(|own| own.trim_matches([' ', '\t']).eq_ignore_ascii_case(media_type))
}

/// RFC 6749 section 5.2, whatever the status: some servers say 400, some 200. What says whether the token is active is no refusal of the
/// client, whatever claims of the token it brings.
fn refuses_the_client(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        active: Option<IgnoredAny>,
    }
    // A derived struct can also be read from an array.
    body.trim_start().starts_with('{')
        && serde_json::from_str(body)
            .is_ok_and(|Refusal { error, active }| error == "invalid_client" && active.is_none())
}
