//! What the tests of the rules share: a fixed clock, keys made once per test program, and tokens written member by member,
//! so that a token can be wrong in exactly one place.
#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod forge;
pub(crate) mod log;
pub(crate) mod rsa;

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::adapter::{Authorization, Fresh, Verification};
use rampart_core::{Algorithm, AuthError, ClaimFields, Claims, KeySet, RampartAuth, RampartAuthBuilder};
use rampart_issuer::SigningKey;
pub(crate) use rampart_issuer::{Algorithm as SignWith, base64url};
use serde_json::Value;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const AUDIENCE: &str = "https://api.example";

/// Those of the default, and those that must be asked for.
pub(crate) const EVERY: [Algorithm; 11] = {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    [RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA, Ed25519]
};

pub(crate) type Outcome = Result<Arc<Claims>, AuthError>;
pub(crate) type Key = LazyLock<SigningKey>;

pub(crate) static RSA: Key = LazyLock::new(|| generate(SignWith::RS256, "rsa-1"));
pub(crate) static RSA_2: Key = LazyLock::new(|| generate(SignWith::RS256, "rsa-2"));
pub(crate) static EC: Key = LazyLock::new(|| generate(SignWith::ES256, "ec-1"));
pub(crate) static EC_384: Key = LazyLock::new(|| generate(SignWith::ES384, "ec-384"));
pub(crate) static EC_521: Key = LazyLock::new(|| generate(SignWith::ES512, "ec-521"));
pub(crate) static ED: Key = LazyLock::new(|| generate(SignWith::EdDSA, "ed-1"));

pub(crate) fn generate(algorithm: SignWith, kid: &str) -> SigningKey {
    SigningKey::generate(algorithm, kid).unwrap()
}

/// The public half, for any algorithm of its kind: without `alg`.
pub(crate) fn jwk(key: &SigningKey) -> Value {
    let mut jwk = key.public_jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk
}

/// The public half with one member more, or another value in it; `null` takes the member away.
pub(crate) fn jwk_with(key: &SigningKey, name: &str, value: impl Into<Value>) -> Value {
    let (mut jwk, value) = (jwk(key), value.into());
    let members = jwk.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.into(), value)
    };
    jwk
}

/// One of the numbers of the public half.
pub(crate) fn part(key: &SigningKey, name: &str) -> Vec<u8> {
    decode(key.public_jwk()[name].as_str().unwrap())
}

pub(crate) fn jwk_with_bytes(key: &SigningKey, name: &str, bytes: impl AsRef<[u8]>) -> Value {
    jwk_with(key, name, base64url(bytes))
}

pub(crate) fn key_set<J: ToString>(jwks: impl IntoIterator<Item = J>) -> String {
    let jwks: Vec<String> = jwks.into_iter().map(|jwk| jwk.to_string()).collect();
    format!(r#"{{"keys":[{}]}}"#, jwks.join(","))
}

/// One key of each kind, and a second RSA key.
pub(crate) fn all_keys() -> String {
    key_set([&RSA, &RSA_2, &EC, &EC_384, &EC_521, &ED].map(|key| jwk(key)))
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A JSON string with this content.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Values of `alg`, as JSON, that no verifier with the default settings may accept (A01, A02).
pub(crate) fn wrong_algs() -> impl Iterator<Item = String> {
    let values = [
        "null",
        "256",
        "true",
        r#"["none"]"#,
        r#"["ES256"]"#,
        r#"["RS256"]"#,
        r#"{"RS256":1}"#,
        "[]",
        "{}",
        "1.5",
        r#""RS\u0032\u0035\u0036 ""#,
    ];
    WRONG_ALGS.into_iter().map(quoted).chain(values.map(String::from))
}

const WRONG_ALGS: [&str; 42] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    "NoNe",
    "none ",
    " none",
    "none\0",
    "nоne",
    "",
    "es256",
    "Es256",
    "ES256 ",
    " ES256",
    "ES256\0",
    "ES-256",
    "ES",
    "ＥＳ256",
    "rs256",
    "Rs256",
    "RS256 ",
    "RS256\0",
    "RS-256",
    "RS",
    "ＲＳ256",
    "RSA256",
    "XX999",
    "HS256",
    "HS384",
    "HS512",
    "RSA-OAEP",
    "ES521",
    "ES256K",
    "RS1",
    "ML-DSA-65",
    "ECDSA",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "PS256",
    "EdDSA",
    "Ed25519",
    "RS256,ES256",
    "dir",
];

/// The three parts of a token.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// A token over this signing input, whatever it is.
pub(crate) fn sign_text(signing_input: &str, key: &SigningKey, algorithm: SignWith) -> String {
    let signature = key.sign_with(algorithm, signing_input.as_bytes()).unwrap();
    format!("{signing_input}.{}", base64url(signature))
}

/// A genuine token over these bytes.
pub(crate) fn sign(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, key: &SigningKey) -> String {
    rampart_issuer::compact(header.as_ref(), payload.as_ref(), key, key.algorithm()).unwrap()
}

/// A token in the making: names and values are JSON text as it will stand in the token.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) header: Members,
    pub(crate) payload: Members,
    pub(crate) key: SigningKey,
    pub(crate) algorithm: SignWith,
}

impl Draft {
    /// A good token by a P-256 key.
    pub(crate) fn good() -> Self {
        Self::by(&EC)
    }

    /// A good token by this key.
    pub(crate) fn by(key: &SigningKey) -> Self {
        let algorithm = key.algorithm();
        let mut header = Members::default();
        header.set("alg", &quoted(algorithm.as_str()));
        header.set("typ", r#""at+jwt""#);
        header.set("kid", &quoted(key.kid()));
        let mut payload = Members::default();
        payload.set("iss", &quoted(ISSUER));
        payload.set("aud", &quoted(AUDIENCE));
        payload.set("sub", r#""user-1""#);
        payload.set("iat", &(NOW - 60).to_string());
        payload.set("exp", &(NOW + 600).to_string());
        Self { header, payload, key: key.clone(), algorithm }
    }

    pub(crate) fn header(mut self, name: &str, json: &str) -> Self {
        self.header.set(name, json);
        self
    }

    pub(crate) fn claim(mut self, name: &str, json: &str) -> Self {
        self.payload.set(name, json);
        self
    }

    /// One member more, even where there is one of this name.
    pub(crate) fn also(mut self, name: &str, json: &str) -> Self {
        self.payload.0.push((name.into(), json.into()));
        self
    }

    pub(crate) fn also_header(mut self, name: &str, json: &str) -> Self {
        self.header.0.push((name.into(), json.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.payload.0.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.header.0.retain(|(own, _)| own != name);
        self
    }

    /// Signed with another algorithm of the same kind of key, and `alg` says so.
    pub(crate) fn with(mut self, algorithm: SignWith) -> Self {
        self.algorithm = algorithm;
        self.header("alg", &quoted(algorithm.as_str()))
    }

    pub(crate) fn sign(&self) -> String {
        let (header, payload) = (self.header.to_json(), self.payload.to_json());
        rampart_issuer::compact(header.as_bytes(), payload.as_bytes(), &self.key, self.algorithm).unwrap()
    }
}

/// The members of a JSON object, in order.
#[derive(Clone, Default)]
pub(crate) struct Members(Vec<(String, String)>);

impl Members {
    fn set(&mut self, name: &str, json: &str) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, value)) => json.clone_into(value),
            None => self.0.push((name.into(), json.into())),
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let members: Vec<String> = self.0.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// Two verifiers with the same settings, with and without the cache of verified tokens, and their keys alone.
pub(crate) struct Auth {
    pub(crate) cached: RampartAuth,
    pub(crate) uncached: RampartAuth,
}

/// Every default, and the keys of [`all_keys`].
pub(crate) static AUTH: LazyLock<Auth> = LazyLock::new(|| Auth::new(|builder| builder));

/// The keys of [`all_keys`] by themselves.
pub(crate) static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::from_json(&all_keys()).unwrap());

pub(crate) fn builder() -> RampartAuthBuilder {
    RampartAuth::builder(ISSUER, AUDIENCE).static_jwks(all_keys()).clock(|| at(Duration::from_secs(NOW)))
}

pub(crate) fn at(since_1970: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + since_1970
}

impl Auth {
    pub(crate) fn new(set_up: impl Fn(RampartAuthBuilder) -> RampartAuthBuilder) -> Self {
        let build = |builder| set_up(builder).build().unwrap();
        Self { cached: build(builder()), uncached: build(builder().token_cache_bytes(0)) }
    }

    /// Every default, with these keys.
    pub(crate) fn with_keys<J: ToString>(jwks: impl IntoIterator<Item = J>) -> Self {
        let keys = key_set(jwks);
        Self::new(|builder| builder.static_jwks(&*keys))
    }

    /// Every default, for this issuer and audience.
    pub(crate) fn of(issuer: &str, audience: &str) -> Self {
        let build = |bytes| {
            let builder = RampartAuth::builder(issuer, audience).static_jwks(all_keys()).token_cache_bytes(bytes);
            builder.clock(|| at(Duration::from_secs(NOW))).build().unwrap()
        };
        Self { cached: build(1 << 20), uncached: build(0) }
    }

    /// The one answer for a token, and the rule that decided: asked twice with the cache and once without, it must be the
    /// same each time; and whatever it is, nothing of the token may be in the log.
    pub(crate) fn ask(&self, id: &str, token: &str) -> (Outcome, Option<String>) {
        log::clear();
        let first = ready(self.cached.verify(token));
        let rule = log::rule();
        let again = ready(self.cached.verify(token));
        let uncached = ready(self.uncached.verify(token));
        for (which, other) in [("again, from the cache", &again), ("without the cache", &uncached)] {
            assert_eq!(summary(&first), summary(other), "{id}: {which}");
        }
        if let (Ok(first), Ok(again), Ok(uncached)) = (&first, &again, &uncached) {
            // Threads may have them counted apart, but nobody has a copy. The largest are not worth the room they would take.
            let is_cached = first.sub.as_ptr() == again.sub.as_ptr() || token.len() > 256 * 1024;
            assert!(is_cached, "{id}: the second answer did not come from the cache");
            assert!(first.sub.as_ptr() != uncached.sub.as_ptr(), "{id}: two caches share an entry");
        }
        let logged = log::take();
        for record in &logged {
            // What is said of a token that passes names no rule.
            assert!(record.rule.is_none() || record.rule == rule, "{id}: {}", record.text);
            assert!(!record.text.contains(log::misleads), "{id}: {:?}", record.text);
            for part in token.split('.').filter(|part| part.len() > 16) {
                assert!(!record.text.contains(part), "{id}: part of the token in the log: {}", record.text);
            }
        }
        (first, rule)
    }

    pub(crate) fn accepts(&self, id: &str, token: &str) -> Arc<Claims> {
        match self.ask(id, token) {
            (Ok(claims), None) => claims,
            (outcome, rule) => panic!("{id}: expected to pass: {outcome:?} by {rule:?}"),
        }
    }

    /// Refused as invalid, by this rule.
    pub(crate) fn refuses(&self, id: &str, token: &str, rule: &str) {
        self.answers(id, token, &AuthError::InvalidToken, rule);
    }

    pub(crate) fn answers(&self, id: &str, token: &str, error: &AuthError, rule: &str) {
        let (outcome, by) = self.ask(id, token);
        assert_eq!((outcome.as_ref().err(), by.as_deref()), (Some(error), Some(rule)), "{id}: {outcome:?}");
    }
}

fn summary(outcome: &Outcome) -> Result<String, AuthError> {
    let claims = outcome.as_ref().map_err(Clone::clone)?;
    let ClaimFields { sub, roles, scope, org_id, iss, aud, exp, iat, .. } = &***claims;
    let ClaimFields { email, email_verified, name, preferred_username, given_name, family_name, .. } = &***claims;
    let profile = (email, email_verified, name, preferred_username, given_name, family_name);
    let is_client = claims.is_client();
    Ok(format!("{sub:?} {is_client} {profile:?} {roles:?} {scope:?} {org_id:?} {iss:?} {aud:?} {exp} {iat:?}"))
}

/// The outcome of a future that has nothing to wait for: with a fixed key set that is every verification.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("a verification with a fixed key set waits"),
    }
}

/// The outcome of a request with these `Authorization` values, where nothing must be awaited.
pub(crate) fn fresh<V: AsRef<[u8]>>(auth: &RampartAuth, values: impl IntoIterator<Item = V>) -> Fresh<'_> {
    match auth.verification(&Authorization::new(values)) {
        Verification::Ready(fresh) => fresh,
        Verification::Pending(_) => panic!("a fixed key set needs no waiting"),
    }
}
