//! What a token endpoint answers (RFC 6749 section 5), read as leniently as servers differ and as strictly as a token needs.

use rampart_http::ExchangeError;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::error::ClientError;
use crate::token_type;

/// What services accept: a longer one would be refused by each of them.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Members of a token response and of an error. What is not listed is not read: a refresh token or an ID token goes nowhere.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    access_token: Option<&'a RawValue>,
    #[serde(borrow)]
    token_type: Option<&'a RawValue>,
    #[serde(borrow)]
    expires_in: Option<&'a RawValue>,
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    error_description: Option<&'a RawValue>,
}

/// A token as the server has given it.
#[derive(Debug)]
pub(crate) struct Granted<'b> {
    pub(crate) access_token: String,
    pub(crate) token_type: String,
    pub(crate) expires_in: Option<&'b RawValue>,
    pub(crate) scope: Option<String>,
}

/// Why there is none, in the server's own words where it has any: not yet fit for anybody's eyes.
#[derive(Debug)]
pub(crate) enum Denied {
    /// An OAuth error.
    OAuth { error: String, description: Option<String>, token: Option<String> },
    /// A token of another type than Bearer.
    TokenType { token_type: String, token: String },
    /// Something else.
    Other(ClientError),
}

/// How an answer is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) status: StatusCode,
    pub(crate) assume_bearer: bool,
}

impl Reader {
    pub(crate) fn read<'b>(
        self,
        headers: &HeaderMap,
        body: &'b Result<String, ExchangeError>,
    ) -> Result<Granted<'b>, Denied> {
        if !self.status.is_success() {
            return Err(self.refusal(headers, body.as_ref().ok()));
        }
        let body = body.as_ref().map_err(|error| Denied::Other(error.clone().into()))?;
        let members = members(body).map_err(|problem| self.malformed(problem))?;
        self.grant(&members)
    }

    /// Any 2xx with a token is one: some servers say 201.
    fn grant<'b>(self, members: &Members<'b>) -> Result<Granted<'b>, Denied> {
        let token = text(members.access_token);
        // Some servers say 200 and that it was nothing.
        match members.error.map(error_code) {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(error))) => {
                return Err(Denied::OAuth { error, description: text(members.error_description), token });
            }
            Some(Err(problem)) => return Err(self.malformed(problem)),
        }
        let Some(access_token) = token else { return Err(self.malformed("access_token is missing or not a string")) };
        let token_type = self.token_type(members.token_type, &access_token)?;
        // Of what a token may be (`1*VSCHAR`, RFC 6749 appendix A.12) the space alone cannot stand in the header.
        if access_token.is_empty() || !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.malformed("access_token is empty or has characters that cannot stand in a header"));
        }
        if access_token.len() > LONGEST_TOKEN {
            return Err(self.malformed("access_token is longer than 16 KiB, which services do not accept"));
        }
        let scope = match members.scope {
            None => None,
            Some(scope) => {
                Some(scopes(scope).ok_or_else(|| self.malformed("scope is neither a string nor an array of strings"))?)
            }
        };
        Ok(Granted { access_token, token_type, expires_in: members.expires_in, scope })
    }

    fn token_type(self, value: Option<&RawValue>, token: &str) -> Result<String, Denied> {
        match value.map(|value| text(Some(value))) {
            Some(Some(kind)) if kind.eq_ignore_ascii_case("Bearer") => Ok(kind),
            Some(Some(kind)) if self.assume_bearer && !token_type::is_another(&kind) => Ok(kind),
            Some(Some(token_type)) => Err(Denied::TokenType { token_type, token: token.to_owned() }),
            Some(None) => Err(self.malformed("token_type is not a string")),
            None if self.assume_bearer => Ok("Bearer".to_owned()),
            None => Err(self.malformed("token_type is missing; assume_bearer(true) takes such tokens as Bearer")),
        }
    }

    fn refusal(self, headers: &HeaderMap, body: Option<&String>) -> Denied {
        let status = self.status.as_u16();
        if let Some(error) = ClientError::rate_limit(status, rampart_http::retry_after(headers), false) {
            return Denied::Other(error);
        }
        if self.status.is_redirection() {
            return self.malformed("it redirects, which a token endpoint must not; give its address with token_url()");
        }
        let members = body.map_or(Err("the body is no OAuth error"), |body| members(body));
        let said = members.and_then(|members| {
            let error = members.error.map(error_code).and_then(Result::ok).flatten();
            error.map(|error| (error, text(members.error_description))).ok_or("the body is no OAuth error")
        });
        match said {
            Ok((error, description)) => Denied::OAuth { error, description, token: None },
            // What a gateway says in place of the server: there is no other reason for this status (RFC 6749 section 5.2).
            Err(_) if self.status == StatusCode::UNAUTHORIZED => {
                Denied::OAuth { error: "invalid_client".into(), description: None, token: None }
            }
            Err(problem) => self.malformed(problem),
        }
    }

    fn malformed(self, problem: &'static str) -> Denied {
        Denied::Other(ClientError::Malformed { status: self.status.as_u16(), problem })
    }
}

/// A derived struct can also be read from an array, by position; the answer is an object (RFC 6749 section 5.1).
fn members(body: &str) -> Result<Members<'_>, &'static str> {
    let is_object = body.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    match serde_json::from_str(body) {
        Ok(members) if is_object => Ok(members),
        _ if serde_json::from_str::<IgnoredAny>(body).is_err() => Err("the body is not JSON"),
        _ => Err("the body is not a JSON object without duplicate members"),
    }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// The `error` member; an empty one and `false` are none.
fn error_code(value: &RawValue) -> Result<Option<String>, &'static str> {
    match text(Some(value)) {
        Some(error) => Ok(Some(error).filter(|error| !error.is_empty())),
        None if value.get() == "false" => Ok(None),
        None => Err("error is not a string"),
    }
}

/// Separated by spaces (RFC 6749 section 3.3), or an array, as some servers have it.
fn scopes(value: &RawValue) -> Option<String> {
    text(Some(value)).or_else(|| serde_json::from_str::<Vec<String>>(value.get()).ok().map(|list| list.join(" ")))
}
