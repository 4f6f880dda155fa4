//! The issuer as its user holds it: keys, tokens, faults, counts.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

use crate::builder::Builder;
use crate::fault::{Endpoint, Fault};
use crate::key::{Algorithm, SigningKey};
use crate::record::{Flights, RecordedRequest, Records};
use crate::server::Server;
use crate::state::{Client, Shared, State, new_key};
use crate::token::TokenBuilder;

/// A running issuer on 127.0.0.1; a clone is the same one, and the server stops with the last of them.
///
/// ```
/// use rampart_issuer::{Algorithm, LocalIssuer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let issuer = LocalIssuer::builder().algorithm(Algorithm::ES256).audience("my-api").start().await?;
/// assert!(issuer.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(issuer.kids(), ["es256-1"]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct LocalIssuer(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    server: Mutex<Option<Server>>,
}

impl LocalIssuer {
    /// An issuer on a free port, with one RS256 key and the audience `task-api`.
    ///
    /// # Errors
    /// Where no port is free, or no key can be made.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// An issuer with settings of your own.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The issuer's URL, without a trailing slash: `iss` of its tokens.
    pub fn url(&self) -> &str {
        &self.0.shared.url
    }

    /// The address of the key set.
    pub fn jwks_url(&self) -> String {
        self.0.shared.address(Endpoint::Jwks)
    }

    /// The address of the token endpoint.
    pub fn token_url(&self) -> String {
        self.0.shared.address(Endpoint::Token)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.0.shared.port
    }

    /// From now on it calls itself so, as an issuer does that stands behind a proxy or has a path: tokens have this `iss`, and the metadata this
    /// `issuer`. Where it is does not change: whoever verifies its tokens says where its keys are.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// issuer.issues_as("https://login.example/tenant");
    /// let token = issuer.token().sign()?; // its `iss` is https://login.example/tenant, its key is at issuer.jwks_url()
    /// # Ok(()) }
    /// ```
    pub fn issues_as(&self, iss: impl Into<String>) {
        self.state().name = Some(iss.into());
    }

    /// The client ID of the front end, which is the audience of its tokens.
    pub fn audience(&self) -> &str {
        &self.0.shared.audience
    }

    /// An access token of a plain user, to be changed and signed; as Rampart makes them, or whose [`Shape`](crate::Shape) the issuer has.
    pub fn token(&self) -> TokenBuilder {
        self.0.shared.token()
    }

    /// The ID token that the server hands out beside this access token: the same `iss`, `sub`, `aud`, `exp`, `iat` and person, and
    /// the same `typ`. Only `at_hash`, and a `nonce` where the front end has asked for one, tell it apart; `roles` are not in it. That is
    /// Rampart's; of another [`Shape`](crate::Shape) it is as that server makes them.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// let access_token = issuer.token().roles(["editor"]).sign()?;
    /// let id_token = issuer.id_token(&access_token).claim("nonce", "n-0S6_WzA2Mj").sign()?;
    /// # Ok(()) }
    /// ```
    pub fn id_token(&self, access_token: &str) -> TokenBuilder {
        self.0.shared.shape.id_token(access_token, &self.key())
    }

    /// A refresh token as the server makes them: a text that it alone can read. This issuer takes none back.
    pub fn refresh_token(&self) -> String {
        self.0.shared.shape.refresh_token()
    }

    /// The challenge that `POST /login` answers with where the user has a second factor: a token of the audience `rampart:mfa`
    /// with the `purpose` `mfa_challenge`, good for five minutes, that no API must accept.
    pub fn mfa_challenge(&self) -> TokenBuilder {
        TokenBuilder::mfa_challenge(&self.0.shared.name(), &self.key())
    }

    /// A logout token (OpenID Connect Back-Channel Logout 1.0) for the front end: a good one, to be changed and signed. It has the `typ`
    /// `logout+jwt`, and `iss`, `aud`, `iat`, `exp` (in two minutes), `jti`, `events` with its one event, `sub` (the user of
    /// [`token`](Self::token)) and `sid` (a new one). The issuer sends it to nobody: an API takes it by a POST as the parameter `logout_token` of a form.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// let token = issuer.token().sub("ada").sid("s-1").sign()?;
    /// let session = issuer.logout_token().without("sub").sid("s-1").sign()?; // of this session
    /// let all = issuer.logout_token().sub("ada").without("sid").sign()?; // of all of the user
    /// let wrong = issuer.logout_token().claim("nonce", "n-1").claim("events", ["logout"]).header("typ", "at+jwt").sign()?;
    /// # Ok(()) }
    /// ```
    pub fn logout_token(&self) -> TokenBuilder {
        self.0.shared.logout_token()
    }

    /// A new key in the published set. It signs once [`use_key`](Self::use_key) says so.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn add_key(&self, algorithm: Algorithm) -> io::Result<SigningKey> {
        let key = self.add_unpublished_key(algorithm)?;
        self.publish(key.clone());
        Ok(key)
    }

    /// A new key that nobody is told of.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn add_unpublished_key(&self, algorithm: Algorithm) -> io::Result<SigningKey> {
        let number = {
            let mut state = self.state();
            state.named += 1;
            state.named
        };
        new_key(algorithm, number)
    }

    /// Publishes a key.
    pub fn publish(&self, key: SigningKey) {
        self.state().published.push(key);
    }

    /// Signs with this key from now on.
    pub fn use_key(&self, key: &SigningKey) {
        self.state().signing = key.clone();
    }

    /// The key that signs now.
    pub fn key(&self) -> SigningKey {
        self.state().signing.clone()
    }

    /// Takes a key out of the published set.
    pub fn remove_key(&self, kid: &str) {
        self.state().published.retain(|key| key.kid() != kid);
    }

    /// A new key of the same algorithm instead of all that were published.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn rotate(&self) -> io::Result<SigningKey> {
        let key = self.add_unpublished_key(self.key().algorithm())?;
        let mut state = self.state();
        state.published = vec![key.clone()];
        state.signing = key.clone();
        Ok(key)
    }

    /// A new key of the same algorithm beside those that are published.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn rotate_keeping_old(&self) -> io::Result<SigningKey> {
        let key = self.add_key(self.key().algorithm())?;
        self.use_key(&key);
        Ok(key)
    }

    /// The IDs of the published keys.
    pub fn kids(&self) -> Vec<String> {
        self.state().published.iter().map(|key| key.kid().to_owned()).collect()
    }

    /// A published key as JSON.
    pub fn public_jwk(&self, kid: &str) -> Option<Value> {
        self.state().published.iter().find(|key| key.kid() == kid).map(SigningKey::public_jwk)
    }

    /// The key set as it is served now.
    pub fn jwks_json(&self) -> String {
        self.state().jwks()
    }

    /// Serves this text instead of the key set, or the key set again.
    pub fn set_jwks_body(&self, body: Option<String>) {
        self.state().jwks_body = body;
    }

    /// Serves this text instead of the metadata, at both of its addresses, or the metadata again.
    pub fn set_discovery_body(&self, body: Option<String>) {
        self.state().discovery_body = body;
    }

    /// Whether the key set has an `ETag` and answers 304 to it; it does unless told otherwise.
    pub fn use_etags(&self, etags: bool) {
        self.state().etags = etags;
    }

    /// `Cache-Control` of the key set; none unless given.
    pub fn cache_control(&self, value: Option<&str>) {
        self.state().cache_control = value.map(str::to_owned);
    }

    /// A fault for every request to an endpoint, until [`clear_faults`](Self::clear_faults).
    pub fn inject(&self, endpoint: Endpoint, fault: Fault) {
        let mut state = self.state();
        state.faults.retain(|(own, _)| *own != endpoint);
        state.faults.push((endpoint, fault));
    }

    /// A fault for the next requests to an endpoint.
    pub fn inject_times(&self, endpoint: Endpoint, fault: &Fault, times: usize) {
        if let Some(queue) = self.state().limited.get_mut(endpoint as usize) {
            queue.extend(std::iter::repeat_n(fault.clone(), times));
        }
    }

    /// No more faults.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.limited = Default::default();
        state.token_faults.clear();
    }

    /// How many requests an endpoint has had, faulty ones included.
    pub fn requests(&self, endpoint: Endpoint) -> usize {
        self.state().records.counted(endpoint)
    }

    /// Waits until an endpoint has had so many requests.
    pub async fn received(&self, endpoint: Endpoint, requests: usize) {
        let mut arrivals = self.0.shared.arrivals.subscribe();
        while self.requests(endpoint) < requests {
            if arrivals.changed().await.is_err() {
                return;
            }
        }
    }

    /// The last requests of an endpoint, at most 1,024 of all endpoints together.
    pub fn recorded(&self, endpoint: Endpoint) -> Vec<RecordedRequest> {
        self.state().records.of(endpoint)
    }

    /// Counts from zero again.
    pub fn reset_counts(&self) {
        let mut state = self.state();
        state.records = Records::default();
        state.flights.iter_mut().for_each(Flights::reset);
    }

    /// A client that authenticates with assertions signed by this key (RFC 7523).
    pub fn client_jwk(&self, id: &str, jwk: Value) {
        self.state().clients.insert(id.to_owned(), Client::Key(jwk));
    }

    /// The lifetime of tokens from the token endpoint; 15 minutes unless given.
    pub fn token_lifetime(&self, lifetime: Duration) {
        self.state().token_lifetime = lifetime;
    }

    /// Members that replace those of the token endpoint's answer; `null` leaves one out.
    pub fn token_response(&self, members: Option<Value>) {
        self.state().token_response = members;
    }

    /// Whether the two parts of HTTP Basic are form-urldecoded, as RFC 6749 section 2.3.1 says; they are unless told otherwise.
    pub fn decode_basic(&self, decode: bool) {
        self.state().decodes_basic = decode;
    }

    /// The nonce that the DPoP proofs of clients must have at the token endpoint (RFC 9449 section 8): one without it is refused
    /// with `use_dpop_nonce`, and every answer has it in `DPoP-Nonce`. None is wanted unless given.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// issuer.dpop_nonce(Some("n-1")); // a client must take it over
    /// issuer.dpop_nonce(Some("n-2")); // and again, once it has changed
    /// # Ok(()) }
    /// ```
    pub fn dpop_nonce(&self, nonce: Option<&str>) {
        self.state().dpop_nonce = nonce.map(str::to_owned);
    }

    /// Closes the listener and every connection.
    pub fn stop(&self) {
        let server = self.0.server.lock().take();
        drop(server);
    }

    /// Listens on the same port again, with the same keys.
    ///
    /// # Errors
    /// Where the port has been taken meanwhile.
    pub fn restart(&self) -> io::Result<()> {
        self.stop();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port()))?;
        *self.0.server.lock() = Some(Server::start(listener, Arc::clone(&self.0.shared))?);
        Ok(())
    }

    pub(crate) fn run(listener: TcpListener, shared: Arc<Shared>) -> io::Result<Self> {
        let server = Server::start(listener, Arc::clone(&shared))?;
        Ok(Self(Arc::new(Running { shared, server: Mutex::new(Some(server)) })))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.shared.state.lock()
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer").field("url", &self.url()).field("kids", &self.kids()).finish_non_exhaustive()
    }
}
