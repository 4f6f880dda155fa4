//! What the issuer says of a token: the introspection endpoint (RFC 7662), its signed answers (RFC 9701), and revocation (RFC 7009).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::answer::{Answer, Refused, RequestId};
use crate::client::{self, Form};
use crate::encoding::{from_base64url, now, uuid};
use crate::fault::{Endpoint, FaultyBody};
use crate::key::Algorithm;
use crate::record::RecordedRequest;
use crate::state::{Shared, State};
use crate::token::TokenBuilder;

/// RFC 9701 section 4.
const SIGNED: &str = "application/token-introspection+jwt";

/// RFC 7662 section 2.2: of a token that is not active, nothing else.
const INACTIVE: &str = r#"{"active":false}"#;

/// JWTs of the issuer that are no tokens for an API.
const OTHER_TYPES: [&str; 2] = ["logout+jwt", "token-introspection+jwt"];

/// Tokens that the issuer has been told of, by their text.
#[derive(Default)]
pub(crate) struct Tokens {
    /// What is said of each: a whole answer, whatever it is.
    answers: HashMap<String, Vec<u8>>,
    revoked: HashSet<String>,
}

impl Tokens {
    /// Says this of it from now on, even if it was revoked.
    pub(crate) fn register(&mut self, token: &str, answer: Vec<u8>) {
        self.revoked.remove(token);
        self.answers.insert(token.to_owned(), answer);
    }

    pub(crate) fn revoke(&mut self, token: &str) {
        self.revoked.insert(token.to_owned());
    }
}

type Change = Arc<dyn Fn(TokenBuilder) -> TokenBuilder + Send + Sync>;

/// How signed answers are made.
#[derive(Default)]
pub(crate) struct Introspection {
    pub(crate) never_signed: bool,
    pub(crate) change: Option<Change>,
}

pub(crate) fn introspect(request: &RecordedRequest, shared: &Shared, id: &RequestId) -> Answer {
    let asked = asked_about(request, Endpoint::Introspection, shared);
    id.to_client(asked.and_then(|(client, token)| {
        let (answer, signs) = {
            let state = shared.state.lock();
            (state.said_of(&token), !state.introspection.never_signed && wants_signed(request))
        };
        if signs { signed(&answer, &client, shared) } else { Ok(whole(answer, "application/json")) }
    }))
}

/// RFC 7009 section 2.2: 200 for a token that was never there, too.
pub(crate) fn revoke(request: &RecordedRequest, shared: &Shared, id: &RequestId) -> Answer {
    id.to_client(asked_about(request, Endpoint::Revocation, shared).map(|(_, token)| {
        shared.state.lock().tokens.revoke(&token);
        Response::new(FaultyBody::whole(Bytes::new()))
    }))
}

/// The client that asks, and the token that it asks about.
fn asked_about(request: &RecordedRequest, endpoint: Endpoint, shared: &Shared) -> Result<(String, String), Refused> {
    let form = Form::read(request)?;
    let client = client::authenticate(request, &form, endpoint, shared)?;
    let token = form.given("token").ok_or((StatusCode::BAD_REQUEST, "invalid_request", "token is missing"))?;
    Ok((client, token.to_owned()))
}

fn wants_signed(request: &RecordedRequest) -> bool {
    let accepted = request.headers.iter().filter(|(name, _)| name == "accept").flat_map(|(_, value)| value.split(','));
    let media_type = |range: &str| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(SIGNED);
    accepted.into_iter().any(media_type)
}

/// RFC 9701 section 5: for the client that asks, whatever it is said of.
fn signed(answer: &[u8], client: &str, shared: &Shared) -> Result<Answer, Refused> {
    let (key, change) = {
        let state = shared.state.lock();
        (state.signing.clone(), state.introspection.change.clone())
    };
    // In the place of the answer, which need not be JSON.
    let place = uuid();
    let parsed: Option<Value> = serde_json::from_slice(answer).ok();
    let said = parsed.unwrap_or_else(|| place.clone().into());
    let jwt = TokenBuilder::introspection(&shared.name(), client, said, &key);
    let mut jwt = change.map_or(jwt.clone(), |change| change(jwt));
    let payload = String::from_utf8_lossy(&jwt.payload()).into_owned();
    if payload.contains(&place) {
        jwt = jwt.raw_payload(payload.replace(&format!("\"{place}\""), &String::from_utf8_lossy(answer)));
    }
    let failed = (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The answer could not be signed");
    Ok(whole(jwt.sign().map_err(|_| failed)?.into_bytes(), SIGNED))
}

fn whole(body: Vec<u8>, media_type: &'static str) -> Answer {
    let mut answer = Response::new(FaultyBody::whole(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

impl State {
    fn said_of(&self, token: &str) -> Vec<u8> {
        if self.tokens.revoked.contains(token) {
            return INACTIVE.into();
        }
        let registered = self.tokens.answers.get(token).cloned();
        registered.or_else(|| self.said_of_own_jwt(token)).unwrap_or_else(|| INACTIVE.into())
    }

    /// Its own claims, where it is signed by a key of this issuer and has not expired.
    fn said_of_own_jwt(&self, token: &str) -> Option<Vec<u8>> {
        let (signing_input, signature) = token.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        let object = |part| serde_json::from_slice::<Map<String, Value>>(&from_base64url(part)?).ok();
        let (header, claims) = (object(header)?, object(payload)?);
        let text = |name| header.get(name).and_then(Value::as_str);
        if text("typ").is_some_and(|kind| OTHER_TYPES.contains(&kind)) {
            return None;
        }
        let algorithm = *Algorithm::ALL.iter().find(|algorithm| Some(algorithm.as_str()) == text("alg"))?;
        let signature = from_base64url(signature)?;
        let mut keys = self.published.iter().chain([&self.signing]);
        if !keys.any(|key| key.verifies(algorithm, signing_input.as_bytes(), &signature)) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far from 2^53")]
        let now = now() as f64;
        if claims.get("exp").and_then(Value::as_f64).is_some_and(|expires| expires <= now) {
            return None;
        }
        Some(Value::Object(active(claims)).to_string().into_bytes())
    }
}

/// What is said of a token with these claims.
pub(crate) fn active(claims: Map<String, Value>) -> Map<String, Value> {
    let bound = claims.get("cnf").is_some_and(|confirmation| confirmation.get("jkt").is_some());
    let mut answer = Map::new();
    answer.insert("active".into(), true.into());
    answer.extend(claims);
    // RFC 9449 section 6.2.
    answer.entry("token_type").or_insert_with(|| if bound { "DPoP" } else { "Bearer" }.into());
    answer
}
