//! Tokens that are not needed any more (RFC 7009).

use rampart_http::{ConfigError, Redirect};
use serde::Deserialize;

use crate::client::RampartClient;
use crate::endpoint::Unanswered;
use crate::error::ClientError;
use crate::token::AccessToken;

/// Characters of the server's words that an error keeps.
const LONGEST_TEXT: usize = 400;
const LONGEST_ERROR: usize = 200;

impl RampartClient {
    /// Revokes a token at its issuer (RFC 7009), by the [revocation endpoint](crate::RampartClientBuilder::revocation_url): one that is not
    /// needed any more, or that somebody else may have. From this call on the client hands it out no more, whatever comes of it; whoever
    /// asks for its set next waits for a new one.
    ///
    /// Success says that the issuer no longer takes the token for good, also where it never knew it. Services that verify tokens by
    /// themselves may do so until it expires.
    ///
    /// It is one request, of the same limits as one for a token, and makes no other wait. It is not tried again by itself, unless there was
    /// no connection.
    ///
    /// # Errors
    /// [`ClientError::NotRevoked`], with `retry_after` where the issuer wants to be asked later; [`ClientError::Metadata`] and the like
    /// where its metadata does not say where to ask, [`ClientError::Config`] where the settings do not.
    ///
    /// ```no_run
    /// # async fn example(client: rampart_client::RampartClient) -> Result<(), rampart_client::ClientError> {
    /// let token = client.client_credentials_token(&["users:read"]).await?;
    /// // ...
    /// client.revoke(&token).await?;
    /// # Ok(()) }
    /// ```
    pub async fn revoke(&self, token: &AccessToken) -> Result<(), ClientError> {
        self.revoke_text(token.access_token.expose()).await
    }

    /// As [`revoke`](Self::revoke), of a token that has come from elsewhere. The issuer is told that it is an access token, which does
    /// not keep it from finding a refresh token (RFC 7009 section 2.1).
    ///
    /// # Errors
    /// As there; and [`ClientError::Config`] for an empty token.
    ///
    /// ```no_run
    /// # async fn example(client: rampart_client::RampartClient, found: String) -> Result<(), rampart_client::ClientError> {
    /// client.revoke_text(found.trim_end()).await?;
    /// # Ok(()) }
    /// ```
    pub async fn revoke_text(&self, token: &str) -> Result<(), ClientError> {
        if token.is_empty() {
            return Err(ConfigError::invalid("token", "is empty; give the token that is to be revoked").into());
        }
        self.discard(token);
        let service = self.revocation()?;
        let unanswered = |why| self.unanswered(why, token);
        let deadline = service.begin().map_err(unanswered)?;
        let url = service.locate(deadline).await.map_err(unanswered)?;
        let response = service.present(token, &url, "application/json", deadline).await.map_err(unanswered)?;

        let (status, address) = (response.status(), url.without_query());
        let retry_after = rampart_http::retry_after(response.headers());
        let redirect = Redirect::of(&response);
        // What cannot be read says nothing (RFC 7009 section 2.2): the status does.
        let refusal = deadline.body(response).await.ok().and_then(|body| Refusal::read(&body));
        // Nothing to tell is as good as 200; some servers say 200 and that it was nothing. A token that was not good, as Keycloak calls those
        // that it does not know any more, is what 200 is for.
        let is_done = refusal.as_ref().is_none_or(|refusal| refusal.error == "invalid_token");
        if matches!(status.as_u16(), 200 | 204) && is_done {
            return Ok(());
        }
        let presentable = |text: &str, longest| self.presentable(text, longest, token);
        let answered = match redirect {
            None => format!("status {}", status.as_u16()),
            Some(redirect) => {
                let redirect = presentable(&redirect.to_string(), LONGEST_TEXT);
                format!("{redirect}; if the endpoint is there, give it with revocation_url(..)")
            }
        };
        let (error, description) = refusal.map(|refusal| (refusal.error, refusal.error_description)).unzip();
        let error = error.map(|error| presentable(&error, LONGEST_ERROR));
        let said = error.as_ref().map(|error| format!(" and {error:?}")).unwrap_or_default();
        let description = description.flatten().map(|text| format!(": {}", presentable(&text, LONGEST_TEXT)));
        let why = format!("{address} answered with {answered}{said}{}", description.unwrap_or_default());
        Err(ClientError::NotRevoked { status: Some(status.as_u16()), error, retry_after, why })
    }

    fn unanswered(&self, why: Unanswered, token: &str) -> ClientError {
        match why {
            Unanswered::Nowhere(error) => match ClientError::from(error) {
                ClientError::Metadata(text) => ClientError::Metadata(self.presentable(&text, LONGEST_TEXT, token)),
                other => other,
            },
            Unanswered::Failed(error) => ClientError::NotRevoked {
                status: None,
                error: None,
                retry_after: None,
                why: format!("the revocation endpoint: {error}"),
            },
            Unanswered::Unasked(error) => error,
        }
    }

    fn presentable(&self, text: &str, longest: usize, token: &str) -> String {
        self.registration().presentable_without(token, text, longest)
    }
}

/// RFC 7009 section 2.2.1.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl Refusal {
    fn read(body: &str) -> Option<Self> {
        // A derived struct can also be read from an array.
        let is_object = body.trim_start().starts_with('{');
        serde_json::from_str(body).ok().filter(|Self { error, .. }| is_object && !error.is_empty())
    }
}
