//! The token endpoint: the client credentials grant (RFC 6749 section 4.4) with the three ways to authenticate a client, for
//! tokens that are bound to a key of the client (RFC 9449 section 5) or are not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{self, HeaderName, HeaderValue};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value, json};

use crate::answer::{Answer, RequestId, json_answer};
use crate::fault::Endpoint;
use crate::proof;
use crate::record::RecordedRequest;
use crate::state::{Client, Shared};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// RFC 9449 section 8: the nonce for the next proof.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// RFC 6749 section 3.2: no parameter more than once; RFC 8693 and RFC 8707 exempt `audience` and `resource`.
const ONCE: [&str; 6] =
    ["grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Those that both an assertion's signer and the check below know.
pub(crate) const ASSERTION_ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Status, error, and what it is about.
pub(crate) type Refused = (StatusCode, &'static str, &'static str);

pub(crate) fn token(request: &RecordedRequest, shared: &Shared, id: &RequestId) -> Answer {
    let form = Form::read(&request.body);
    let mut answer = match grant(request, &form, shared) {
        Ok(body) => json_answer(StatusCode::OK, Value::Object(body).to_string()),
        Err((status, error, description)) => {
            let mut answer = id.problem(status, error, description);
            if status == StatusCode::UNAUTHORIZED {
                // RFC 9110 section 15.5.2, and RFC 6749 section 5.2: the scheme that a client uses.
                answer
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"rampart\""));
            }
            answer
        }
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nonce = shared.state.lock().dpop_nonce.clone();
    if let Some(Ok(nonce)) = nonce.map(|nonce| HeaderValue::from_str(&nonce)) {
        answer.headers_mut().insert(DPOP_NONCE, nonce);
    }
    answer
}

/// The members of a form-urlencoded body, in order.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &str) -> Self {
        Self(url::form_urlencoded::parse(body.as_bytes()).into_owned().collect())
    }

    fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
}

fn grant(request: &RecordedRequest, form: &Form, shared: &Shared) -> Result<Map<String, Value>, Refused> {
    let media_type = request.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err((StatusCode::BAD_REQUEST, "invalid_request", "The body must be form-urlencoded"));
    }
    if ONCE.iter().any(|name| form.all(name).count() > 1) {
        return Err((StatusCode::BAD_REQUEST, "invalid_request", "A parameter is given twice"));
    }
    match form.one("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type", "Only client_credentials is supported"));
        }
        None => return Err((StatusCode::BAD_REQUEST, "invalid_request", "grant_type is missing")),
    }
    let client = authenticate(request, form, shared)?;
    let key = proof::proven_key(request, shared)?;
    let audiences: Vec<_> = form.all("audience").chain(form.all("resource")).map(str::to_owned).collect();
    // An empty value counts as none (RFC 6749 section 3.2), and a scope is never empty (section 3.3).
    let scope = form.one("scope").filter(|scope| !scope.is_empty());
    let (lifetime, overrides) = {
        let state = shared.state.lock();
        (state.token_lifetime, state.token_response.clone())
    };
    let lifetime_seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    let mut token = shared.token_of_client(&client, (&audiences, scope)).expires_in(lifetime_seconds);
    if let Some(thumbprint) = &key {
        token = token.bound_to_thumbprint(thumbprint);
    }
    let token = token
        .sign()
        .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The token could not be signed"))?;
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

fn authenticate(request: &RecordedRequest, form: &Form, shared: &Shared) -> Result<String, Refused> {
    let refused = (StatusCode::UNAUTHORIZED, "invalid_client", "The client is unknown, or its credentials are wrong");
    let authorization = request.header("authorization");
    let ways = [authorization, form.one("client_secret"), form.one("client_assertion")];
    if ways.iter().flatten().count() > 1 {
        return Err((StatusCode::BAD_REQUEST, "invalid_request", "The client authenticates in more than one way"));
    }
    let state = shared.state.lock();
    if let Some(assertion) = form.one("client_assertion") {
        if form.one("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err((StatusCode::BAD_REQUEST, "invalid_request", "client_assertion_type is missing or unknown"));
        }
        let client = state.clients.iter().find_map(|(id, client)| match client {
            Client::Key(jwk) if asserts(assertion, id, jwk, shared) => Some(id.clone()),
            _ => None,
        });
        // RFC 7521 section 4.2: a `client_id` is not needed, and must be the same.
        let client = client.filter(|id| form.one("client_id").is_none_or(|given| given == id));
        return client.ok_or(refused);
    }
    let (id, secret) = match authorization {
        Some(value) => basic(value, state.decodes_basic).ok_or(refused)?,
        None => match (form.one("client_id"), form.one("client_secret")) {
            (Some(id), Some(secret)) => (id.to_owned(), secret.to_owned()),
            _ => return Err(refused),
        },
    };
    match state.clients.get(&id) {
        Some(Client::Secret(own)) if *own == secret => Ok(id),
        _ => Err(refused),
    }
}

fn basic(value: &str, decodes: bool) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_start_matches(' ')).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let part = |text: &str| {
        if !decodes {
            return text.to_owned();
        }
        // As the name of a form's one member, whatever the client has left unencoded.
        let text = text.replace('&', "%26").replace('=', "%3D");
        url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Some((part(id), part(secret)))
}

/// RFC 7523 section 3: issuer and subject are the client, the audience is this server.
fn asserts(assertion: &str, client: &str, jwk: &Value, shared: &Shared) -> bool {
    let Ok(header) = jsonwebtoken::decode_header(assertion) else { return false };
    let Ok(jwk) = serde_json::from_value::<Jwk>(jwk.clone()) else { return false };
    let Ok(key) = DecodingKey::from_jwk(&jwk) else { return false };
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[shared.url.clone(), shared.address(Endpoint::Token)]);
    validation.set_issuer(&[client]);
    validation.sub = Some(client.to_owned());
    validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    jsonwebtoken::decode::<Value>(assertion, &key, &validation).is_ok()
}
