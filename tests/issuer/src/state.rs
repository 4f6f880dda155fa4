//! What the server and its user both see.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::Form;
use crate::fault::{Endpoint, Fault};
use crate::introspection::{Introspection, Tokens};
use crate::key::{Algorithm, SigningKey};
use crate::record::{Flights, RecordedRequest, Records};
use crate::shape::Shape;
use crate::token::TokenBuilder;

/// One of an issuer, shared by its server and everybody who holds it.
pub(crate) struct Shared {
    pub(crate) shape: Shape,
    pub(crate) url: String,
    pub(crate) audience: String,
    pub(crate) port: u16,
    pub(crate) state: Mutex<State>,
    /// Changes with every request.
    pub(crate) arrivals: watch::Sender<u64>,
}

pub(crate) struct State {
    pub(crate) published: Vec<SigningKey>,
    pub(crate) signing: SigningKey,
    /// What it calls itself, where that is not its address.
    pub(crate) name: Option<String>,
    pub(crate) named: u32,
    pub(crate) jwks_body: Option<String>,
    pub(crate) discovery_body: Option<String>,
    pub(crate) etags: bool,
    pub(crate) cache_control: Option<String>,
    pub(crate) records: Records,
    pub(crate) faults: Vec<(Endpoint, Fault)>,
    pub(crate) limited: [VecDeque<Fault>; Endpoint::ALL.len()],
    /// Of the introspection endpoint, where it is asked about this token.
    pub(crate) token_faults: HashMap<String, Fault>,
    pub(crate) flights: [Flights; Endpoint::ALL.len()],
    pub(crate) clients: HashMap<String, Client>,
    pub(crate) token_lifetime: Duration,
    pub(crate) token_response: Option<Value>,
    pub(crate) decodes_basic: bool,
    /// What the proofs of clients must have.
    pub(crate) dpop_nonce: Option<String>,
    /// `iat` of proofs that have been used, by thumbprint and `jti`.
    pub(crate) spent_proofs: HashMap<(String, String), u64>,
    pub(crate) tokens: Tokens,
    pub(crate) introspection: Introspection,
}

pub(crate) enum Client {
    Secret(String),
    Key(Value),
}

impl Shared {
    pub(crate) fn token(&self) -> TokenBuilder {
        self.shape.access(&self.name(), &self.audience, &self.state.lock().signing)
    }

    /// A token of a client that speaks for itself, and has asked for these audiences and this scope.
    pub(crate) fn token_of_client(&self, client: &str, asked: (&[String], Option<&str>)) -> TokenBuilder {
        self.shape.of_client((&self.name(), &self.audience), client, asked, &self.state.lock().signing)
    }

    pub(crate) fn logout_token(&self) -> TokenBuilder {
        let user = self.token().claimed("sub");
        TokenBuilder::logout(&self.name(), &self.audience, user, &self.state.lock().signing)
    }

    /// Where an endpoint is.
    pub(crate) fn address(&self, endpoint: Endpoint) -> String {
        let path = self.shape.address(endpoint).unwrap_or_default();
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The name of the algorithm that it signs with now.
    pub(crate) fn signing_algorithm(&self) -> &'static str {
        self.state.lock().signing.algorithm().as_str()
    }

    /// What it calls itself.
    pub(crate) fn name(&self) -> String {
        self.state.lock().name.clone().unwrap_or_else(|| self.url.clone())
    }
}

impl State {
    pub(crate) fn jwks(&self) -> String {
        let keys: Vec<_> = self.published.iter().map(SigningKey::public_jwk).collect();
        self.jwks_body.clone().unwrap_or_else(|| json!({ "keys": keys }).to_string())
    }

    pub(crate) fn fault(&mut self, endpoint: Endpoint, request: &RecordedRequest) -> Option<Fault> {
        if endpoint == Endpoint::Introspection && !self.token_faults.is_empty() {
            let form = Form::read(request).ok();
            let fault = form.and_then(|form| self.token_faults.get(form.one("token")?).cloned());
            if fault.is_some() {
                return fault;
            }
        }
        let limited = self.limited.get_mut(endpoint as usize).and_then(VecDeque::pop_front);
        limited.or_else(|| self.faults.iter().find(|(own, _)| *own == endpoint).map(|(_, fault)| fault.clone()))
    }
}

/// A key named after its algorithm and number: `es256-1`.
pub(crate) fn new_key(algorithm: Algorithm, number: u32) -> io::Result<SigningKey> {
    SigningKey::generate(algorithm, format!("{}-{number}", algorithm.as_str().to_lowercase())).map_err(io::Error::other)
}
