//! What this client is registered as at its issuer, and how it shows that with each request.

use rampart_http::{EndpointUrl, Secret};
use reqwest::header::{self, HeaderValue};
use reqwest::{Client, RequestBuilder};
use url::form_urlencoded::Serializer;

use crate::authentication::Authentication;
use crate::error::ClientError;
use crate::redaction;

/// Values that are shorter are words such as `true`, which an error may hold.
pub(crate) const SHORTEST_REDACTED: usize = 8;

#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) authentication: Authentication,
    /// What an answer must not be able to bring into an error.
    pub(crate) redacted: Vec<Secret>,
}

impl Registration {
    /// A request that carries this form and the client's credentials, for an answer of that type. Each is used once: an assertion must not
    /// come twice.
    pub(crate) fn post(
        &self,
        client: &Client,
        url: &EndpointUrl,
        mut form: Vec<(String, String)>,
        accept: &'static str,
    ) -> Result<RequestBuilder, ClientError> {
        let authorization = self.authentication.apply(&mut form, &self.client_id, url.as_str())?;
        let request = client
            .post(url.as_url().clone())
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Serializer::new(String::new()).extend_pairs(&form).finish());
        Ok(match authorization {
            Some(value) => request.header(header::AUTHORIZATION, sensitive(value)?),
            None => request,
        })
    }

    /// Text of the server as it may stand in an error: without what the client has sent, of which `others` are a part.
    pub(crate) fn presentable<'s>(
        &'s self,
        text: &str,
        longest: usize,
        others: impl Iterator<Item = &'s str>,
    ) -> String {
        let own = self.redacted.iter().map(Secret::expose);
        let secrets: Vec<_> = own.chain(others).filter(|secret| !secret.is_empty()).collect();
        redaction::presentable(text, longest, &secrets, &|text| self.assertion(text))
    }

    /// The same, where a token has been presented: a short one is a word that an error may hold.
    pub(crate) fn presentable_without(&self, token: &str, text: &str, longest: usize) -> String {
        let token = Some(token).filter(|token| token.len() >= SHORTEST_REDACTED);
        self.presentable(text, longest, token.into_iter())
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
