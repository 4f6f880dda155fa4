//! A small issuer: one ES256 key made at run time, a key set on a real socket, tokens with any claims.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

pub struct Issuer {
    url: String,
    jwks: String,
    key: EncodingKey,
    requests: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Issuer {
    /// Listens on a free port of this machine, until the test is over.
    pub fn start() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let jwks = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "one", "alg": "ES256", "x": x, "y": y }] });
        let jwks = jwks.to_string();
        let key = EncodingKey::from_ec_der(key.to_pkcs8v1().unwrap().as_ref());
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, broken) = <(Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let (body, counter, fails) = (jwks.clone(), Arc::clone(&requests), Arc::clone(&broken));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut line = String::new();
                while stream.read_line(&mut line).unwrap_or(0) > 2 {
                    line.clear();
                }
                counter.fetch_add(1, Ordering::SeqCst);
                let status = if fails.load(Ordering::SeqCst) { "500 Broken" } else { "200 OK" };
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
                // The client may be gone already.
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        Self { url, jwks, key, requests, broken }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn audience(&self) -> &'static str {
        "task-api"
    }

    pub fn jwks_json(&self) -> &str {
        &self.jwks
    }

    /// How often the key set has been asked for.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// From now on the key set is answered with 500.
    pub fn fail(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    /// A token of a plain user, good for 15 minutes from now.
    pub fn token(&self) -> Token<'_> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "iss": self.url, "aud": [self.audience()], "sub": "ada", "roles": ["user"] });
        Token { issuer: self, claims }.at(now)
    }
}

pub struct Token<'a> {
    issuer: &'a Issuer,
    claims: Value,
}

impl Token<'_> {
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    pub fn roles<const N: usize>(self, roles: [&str; N]) -> Self {
        self.claim("roles", roles.as_slice())
    }

    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Issued at this second since 1970, expiring 15 minutes later.
    pub fn at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at).claim("exp", issued_at + 900)
    }

    pub fn sign(self) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("one".to_owned());
        jsonwebtoken::encode(&header, &self.claims, &self.issuer.key).unwrap()
    }
}
