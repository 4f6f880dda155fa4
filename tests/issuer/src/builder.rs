//! How an issuer is set up and started.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::introspection::{Introspection, Tokens};
use crate::issuer::LocalIssuer;
use crate::key::{Algorithm, SigningKey};
use crate::record::Records;
use crate::shape::Shape;
use crate::state::{Client, Shared, State, new_key};

/// Settings of a [`LocalIssuer`].
#[derive(Clone, Debug)]
#[must_use = "call start() to run it"]
pub struct Builder {
    shape: Shape,
    port: u16,
    audience: String,
    algorithm: Algorithm,
    key: Option<SigningKey>,
    clients: Vec<(String, String)>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            shape: Shape::default(),
            port: 0,
            audience: "task-api".into(),
            algorithm: Algorithm::RS256,
            key: None,
            clients: Vec::new(),
        }
    }

    /// The port; a free one unless given.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The client ID of the front end, which is the audience of its tokens; `task-api` unless given.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// The algorithm of the first key; RS256 unless given.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The first key, instead of a new one; [`algorithm`](Self::algorithm) then says nothing.
    ///
    /// ```
    /// use rampart_issuer::{Algorithm, LocalIssuer, SigningKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SigningKey::generate(Algorithm::ES256, "mine")?;
    /// let issuer = LocalIssuer::builder().key(&key).start().await?;
    /// assert_eq!(issuer.kids(), ["mine"]);
    /// # Ok(()) }
    /// ```
    pub fn key(mut self, key: &SigningKey) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// The server that it takes the place of; Rampart's own unless given.
    pub fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// A client that may ask for tokens, besides `service` with the secret `service-secret`.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.clients.push((id.into(), secret.into()));
        self
    }

    /// Makes the first key, unless it was given, and starts the server.
    ///
    /// # Errors
    /// Where the port is taken, or no key can be made.
    #[expect(clippy::unused_async, reason = "callers need not know that the server has a thread of its own")]
    pub async fn start(self) -> io::Result<LocalIssuer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let port = listener.local_addr()?.port();
        let key = self.key.map_or_else(|| new_key(self.algorithm, 1), Ok)?;
        let mut clients = HashMap::from([("service".to_owned(), Client::Secret("service-secret".to_owned()))]);
        clients.extend(self.clients.into_iter().map(|(id, secret)| (id, Client::Secret(secret))));
        let state = State {
            published: vec![key.clone()],
            signing: key,
            named: 1,
            jwks_body: None,
            discovery_body: None,
            name: None,
            etags: true,
            cache_control: None,
            records: Records::default(),
            faults: Vec::new(),
            limited: Default::default(),
            token_faults: HashMap::new(),
            flights: Default::default(),
            clients,
            token_lifetime: Duration::from_secs(900),
            token_response: None,
            decodes_basic: true,
            dpop_nonce: None,
            spent_proofs: HashMap::new(),
            tokens: Tokens::default(),
            introspection: Introspection::default(),
        };
        let url = format!("http://127.0.0.1:{port}{}", self.shape.path());
        let (arrivals, _) = watch::channel(0);
        let shared = Arc::new(Shared {
            shape: self.shape,
            url,
            audience: self.audience,
            port,
            state: Mutex::new(state),
            arrivals,
        });
        LocalIssuer::run(listener, shared)
    }
}
