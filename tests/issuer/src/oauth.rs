//! The token endpoint: the client credentials grant (RFC 6749 section 4.4), for tokens that are bound to a key of the client (RFC 9449
//! section 5) or are not.

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Refused, RequestId, json_answer};
use crate::client::{self, Form};
use crate::encoding::{base64url, random};
use crate::fault::Endpoint;
use crate::introspection;
use crate::proof;
use crate::record::RecordedRequest;
use crate::state::Shared;

/// RFC 9449 section 8: the nonce for the next proof.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

const UNSIGNED: Refused = (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The token could not be signed");

pub(crate) fn token(request: &RecordedRequest, shared: &Shared, id: &RequestId) -> Answer {
    let granted = grant(request, shared).map(|body| json_answer(StatusCode::OK, Value::Object(body).to_string()));
    let mut answer = id.to_client(granted);
    let nonce = shared.state.lock().dpop_nonce.clone();
    if let Some(Ok(nonce)) = nonce.map(|nonce| HeaderValue::from_str(&nonce)) {
        answer.headers_mut().insert(DPOP_NONCE, nonce);
    }
    answer
}

/// A logout token for whoever tries an API: of `sub`, of `sid`, of both, or of the user of the issuer's tokens.
pub(crate) fn logout_token(request: &RecordedRequest, shared: &Shared, id: &RequestId) -> Answer {
    let made = || {
        let form = Form::read(request)?;
        client::authenticate(request, &form, Endpoint::LogoutToken, shared)?;
        let mut token = shared.logout_token();
        token = match (form.given("sub"), form.given("sid")) {
            (None, None) => token.without("sid"),
            (Some(user), None) => token.sub(user).without("sid"),
            (None, Some(session)) => token.without("sub").sid(session),
            (Some(user), Some(session)) => token.sub(user).sid(session),
        };
        Ok(json_answer(StatusCode::OK, json!({"logout_token": token.sign().map_err(|_| UNSIGNED)?}).to_string()))
    };
    id.to_client(made())
}

fn grant(request: &RecordedRequest, shared: &Shared) -> Result<Map<String, Value>, Refused> {
    let form = &Form::read(request)?;
    match form.one("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type", "Only client_credentials is supported"));
        }
        None => return Err((StatusCode::BAD_REQUEST, "invalid_request", "grant_type is missing")),
    }
    let client = client::authenticate(request, form, Endpoint::Token, shared)?;
    let key = proof::proven_key(request, shared)?;
    let audiences: Vec<_> = form.all("audience").chain(form.all("resource")).map(str::to_owned).collect();
    let scope = form.given("scope");
    let (lifetime, overrides) = {
        let state = shared.state.lock();
        (state.token_lifetime, state.token_response.clone())
    };
    let lifetime_seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let mut token = shared.token_of_client(&client, (&audiences, scope)).expires_in(lifetime_seconds);
    if let Some(thumbprint) = &key {
        token = token.bound_to_thumbprint(thumbprint);
    }
    let token = match form.given("token_format") {
        None | Some("jwt") => token.sign().map_err(|_| UNSIGNED)?,
        Some("opaque") => {
            let (text, answer) = (base64url([random(), random()].concat()), introspection::active(token.into_claims()));
            shared.state.lock().tokens.register(&text, Value::Object(answer).to_string().into_bytes());
            text
        }
        Some(_) => return Err((StatusCode::BAD_REQUEST, "invalid_request", "token_format is neither jwt nor opaque")),
    };
    let token_type = if key.is_some() { "DPoP" } else { "Bearer" };
    let body = json!({"access_token": token, "token_type": token_type, "expires_in": lifetime.as_secs()});
    let mut body = if let Value::Object(body) = body { body } else { Map::new() };
    if let Some(scope) = scope {
        body.insert("scope".into(), scope.into());
    }
    if let Some(Value::Object(overrides)) = overrides {
        for (name, value) in overrides {
            if value.is_null() {
                body.shift_remove(&name);
            } else {
                body.insert(name, value);
            }
        }
    }
    Ok(body)
}
