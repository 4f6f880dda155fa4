//! Who asks: the form of a request, and the three ways in which a client authenticates itself with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;

use crate::answer::Refused;
use crate::fault::Endpoint;
use crate::record::RecordedRequest;
use crate::state::{Client, Shared};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// RFC 6749 section 3.2: no parameter more than once; RFC 8693 and RFC 8707 exempt `audience` and `resource`.
const ONCE: [&str; 11] = [
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "token",
    "token_type_hint",
    "token_format",
    "sub",
    "sid",
];

/// Those that both an assertion's signer and the check below know.
pub(crate) const ASSERTION_ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// The members of a form-urlencoded body, in order.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn read(request: &RecordedRequest) -> Result<Self, Refused> {
        let media_type = request.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err((StatusCode::BAD_REQUEST, "invalid_request", "The body must be form-urlencoded"));
        }
        let form = Self(url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect());
        if ONCE.iter().any(|name| form.all(name).count() > 1) {
            return Err((StatusCode::BAD_REQUEST, "invalid_request", "A parameter is given twice"));
        }
        Ok(form)
    }

    pub(crate) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// One that has a value: an empty one counts as none (RFC 6749 section 3.2).
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.one(name).filter(|value| !value.is_empty())
    }
}

/// The client that asks, by any of the three ways of the token endpoint (RFC 6749 section 2.3, RFC 7523 section 2.2).
pub(crate) fn authenticate(
    request: &RecordedRequest,
    form: &Form,
    asked: Endpoint,
    shared: &Shared,
) -> Result<String, Refused> {
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
        // RFC 7523 section 3: this server, by its name, its token endpoint, or the endpoint that is asked.
        let addresses = [shared.url.clone(), shared.address(Endpoint::Token), shared.address(asked)];
        let audiences: Vec<_> = addresses.into_iter().chain(state.name.clone()).collect();
        let client = state.clients.iter().find_map(|(id, client)| match client {
            Client::Key(jwk) if asserts(assertion, id, jwk, &audiences) => Some(id.clone()),
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
fn asserts(assertion: &str, client: &str, jwk: &Value, audiences: &[String]) -> bool {
    let Ok(header) = jsonwebtoken::decode_header(assertion) else { return false };
    let Ok(jwk) = serde_json::from_value::<Jwk>(jwk.clone()) else { return false };
    let Ok(key) = DecodingKey::from_jwk(&jwk) else { return false };
    let mut validation = Validation::new(header.alg);
    validation.set_audience(audiences);
    validation.set_issuer(&[client]);
    validation.sub = Some(client.to_owned());
    validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
    jsonwebtoken::decode::<Value>(assertion, &key, &validation).is_ok()
}
