//! An API, an issuer that says what it is told to say, and a clock for both.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rampart_core::{
    AnswerFormat, AuthError, Claims, Introspecting, Introspection, IntrospectionError, Question, RampartAuth,
    RampartAuthBuilder, TokenIntrospector,
};
use rampart_issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const CLIENT: &str = "api-client";
pub(crate) const TOKEN: &str = "opaque-1";

pub(crate) static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::ES256, "key-1").unwrap());
pub(crate) static OTHER_KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::ES256, "key-2").unwrap());

pub(crate) type Outcome = Result<Arc<Claims>, AuthError>;
type Said = Result<String, IntrospectionError>;

/// Another implementation of the trait: it answers what it is told to, and counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    said: Mutex<HashMap<String, Said>>,
    otherwise: Mutex<Option<Said>>,
    delay: Mutex<Duration>,
    asked: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    formats: Mutex<Vec<AnswerFormat>>,
}

impl Desk {
    /// That has this to say about the token of the tests.
    pub(crate) fn saying(answer: impl Into<Answer>) -> Self {
        let desk = Self::default();
        desk.say(TOKEN, answer);
        desk
    }

    pub(crate) fn say(&self, token: &str, answer: impl Into<Answer>) {
        self.0.said.lock().insert(token.to_owned(), answer.into().0);
    }

    /// About every token that nothing was said of.
    pub(crate) fn say_otherwise(&self, answer: impl Into<Answer>) {
        *self.0.otherwise.lock() = Some(answer.into().0);
    }

    pub(crate) fn take_time(&self, delay: Duration) {
        *self.0.delay.lock() = delay;
    }

    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn most_under_way(&self) -> usize {
        self.0.most_under_way.load(Ordering::SeqCst)
    }

    pub(crate) fn formats(&self) -> Vec<AnswerFormat> {
        self.0.formats.lock().clone()
    }
}

impl TokenIntrospector for Desk {
    fn introspect<'a>(&'a self, question: Question<'a>) -> Introspecting<'a> {
        Box::pin(async move {
            let desk = &self.0;
            desk.asked.fetch_add(1, Ordering::SeqCst);
            desk.formats.lock().push(question.format);
            let now = desk.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            desk.most_under_way.fetch_max(now, Ordering::SeqCst);
            let delay = *desk.delay.lock();
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            desk.under_way.fetch_sub(1, Ordering::SeqCst);
            let said = desk.said.lock().get(question.token).cloned();
            let otherwise = || desk.otherwise.lock().clone().unwrap_or_else(|| Ok(r#"{"active":false}"#.to_owned()));
            said.unwrap_or_else(otherwise)
        })
    }

    fn client_id(&self) -> &str {
        CLIENT
    }
}

/// What a desk says.
pub(crate) struct Answer(Said);

impl From<Value> for Answer {
    fn from(answer: Value) -> Self {
        Self(Ok(answer.to_string()))
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self(Ok(text.to_owned()))
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self(Ok(text))
    }
}

impl From<IntrospectionError> for Answer {
    fn from(error: IntrospectionError) -> Self {
        Self(Err(error))
    }
}

/// A good answer.
pub(crate) fn active() -> Value {
    json!({
        "active": true, "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "client_id": "web", "scope": "tasks:read tasks:write",
        "token_type": "Bearer", "exp": NOW + 3600, "iat": NOW
    })
}

/// A good one but for one member; `null` stays there as it is.
pub(crate) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut answer = active();
    answer[name] = value.into();
    answer
}

pub(crate) fn without(names: &[&str]) -> Value {
    let mut answer = active();
    for name in names {
        answer.as_object_mut().unwrap().remove(*name);
    }
    answer
}

pub(crate) const INACTIVE: &str = r#"{"active":false}"#;

pub(crate) fn down() -> IntrospectionError {
    IntrospectionError::Unavailable { why: "down".into(), retry_after: None }
}

/// The time since the epoch, which goes with tokio's.
pub(crate) fn builder() -> RampartAuthBuilder {
    let start = Instant::now();
    RampartAuth::builder(ISSUER, AUDIENCE)
        .static_jwks(json!({"keys": [KEY.public_jwk()]}).to_string())
        .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(NOW) + start.elapsed())
        .__apart_from_others()
}

pub(crate) fn auth(introspection: Introspection) -> RampartAuth {
    builder().introspection(introspection).build().unwrap()
}

/// What comes of the token of the tests where this is said about it.
pub(crate) async fn outcome(answer: impl Into<Answer>) -> Outcome {
    auth(Introspection::of(Desk::saying(answer))).verify(TOKEN).await
}

pub(crate) fn is_unavailable(outcome: &Outcome) -> bool {
    matches!(outcome, Err(AuthError::StateUnavailable { .. }))
}

pub(crate) fn error(outcome: Outcome) -> Option<AuthError> {
    outcome.err()
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// A JWT of the issuer's with these members.
pub(crate) fn jwt(claims: impl Into<Value>) -> String {
    let claims = claims.into();
    let mut own = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": NOW + 3600, "iat": NOW, "scope": "tasks:read tasks:write"});
    for (name, value) in claims.as_object().unwrap() {
        own[name] = value.clone();
    }
    sign(&KEY, json!({"alg": "ES256", "kid": "key-1", "typ": "at+jwt"}), &own)
}

pub(crate) fn sign(key: &SigningKey, header: impl Into<Value>, payload: &Value) -> String {
    let (header, payload) = (header.into().to_string(), payload.to_string());
    rampart_issuer::compact(header.as_bytes(), payload.as_bytes(), key, Algorithm::ES256).unwrap()
}
