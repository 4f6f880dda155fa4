//! The facade: from the `Authorization` values of a request to verified claims, or the reason why not.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rampart_http::ConfigError;

use crate::algorithm::Algorithms;
use crate::bearer;
use crate::challenge::Challenges;
use crate::claims::Claims;
use crate::clock::{Clock, Glance};
use crate::config::{RampartAuthBuilder, of_environment};
use crate::error::{AuthError, Refusal};
use crate::health::{JwksHealth, JwksState};
use crate::jwks::cache::KeyCache;
use crate::jwks::search::{KidSearch, NotFound, Sought};
use crate::jwks::set::KeySet;
use crate::jws::{self, Failure, TypRule, UnknownKid};
use crate::rejection::Rejection;
use crate::request::{AUTHORIZATION, RequestHead, Trace};
use crate::settings::Settings;
use crate::token_cache::{Entry, TokenCache, TokenHash};
use crate::validation::{self, AUDIENCE_HINT, NO_ACCEPTED_AUDIENCE, Rules};
use crate::verification::Verification;

/// Verifies the access tokens of one issuer. Made once, cloned everywhere: a clone is one more pointer to the same keys.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use rampart_core::RampartAuth;
///
/// let auth = RampartAuth::new("https://auth.example.com", "my-api")?;
/// let claims = auth.verify("eyJhbGciOiJSUzI1NiIs...").await?;
/// println!("{} has the roles {:?}", claims.sub, claims.roles);
/// # Ok(()) }
/// ```
///
/// Making one does no I/O. Keys are fetched when the first token comes (or by [`warm_up`](Self::warm_up)), kept fresh in
/// the background by the requests themselves, and go on serving while the issuer is down. A `tokio` runtime with time and
/// I/O is needed wherever keys are fetched.
#[derive(Clone)]
pub struct RampartAuth(Arc<Inner>);

pub(crate) struct Inner {
    /// Unique in this process and never used again.
    pub(crate) number: u64,
    pub(crate) rules: Rules,
    pub(crate) algorithms: Algorithms,
    pub(crate) typ_rule: TypRule,
    pub(crate) max_token_bytes: usize,
    pub(crate) keys: Keys,
    pub(crate) tokens: Option<TokenCache>,
    pub(crate) clock: Clock,
    pub(crate) challenges: Challenges,
}

pub(crate) enum Keys {
    Static(Arc<KeySet>),
    Fetched(Arc<KeyCache>),
}

impl Inner {
    /// How the keys are; nothing comes of asking.
    fn look(&self) -> JwksHealth {
        match &self.keys {
            Keys::Static(set) => JwksHealth { state: JwksState::Static, age: None, keys: set.len(), last_error: None },
            Keys::Fetched(cache) => cache.health(self.clock.now().unwrap_or_default()),
        }
    }
}

/// A token, and its identity where verified tokens are kept: computed once, for the cache and for whoever asks again.
#[derive(Clone, Copy)]
struct Presented<'t> {
    bytes: &'t [u8],
    identity: Option<TokenHash>,
}

/// A known key ID never makes the issuer be asked: a forger could then have it asked at will.
const SAME_KID_HINT: &str = "forged, unless the issuer has a new key under the same ID since, as one for development may that was restarted: then call refresh_keys()";

type Verdict = Result<Arc<Claims>, AuthError>;
type OptionalVerdict = Result<Option<Arc<Claims>>, AuthError>;

/// What can be said of a token without waiting.
enum Step {
    Done(Verdict),
    /// Keys must be fetched before anything more can be said.
    NeedsKeys,
}

impl RampartAuth {
    /// An object with all defaults: `RampartAuth::builder(issuer_url, audience).build()`.
    ///
    /// # Errors
    /// [`ConfigError`] where a setting cannot be used.
    pub fn new(issuer_url: impl Into<String>, audience: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(issuer_url, audience).build()
    }

    /// From the environment: `RAMPART_URL` (the issuer), `RAMPART_CLIENT_ID` (the audience, or several separated by commas), and
    /// `RAMPART_REALM` (optional).
    ///
    /// # Errors
    /// [`ConfigError::MissingVariable`] with the name of a variable that is missing; [`ConfigError::Invalid`] where a value
    /// cannot be used, with the variable that it comes from.
    pub fn from_env() -> Result<Self, ConfigError> {
        RampartAuthBuilder::from_env()?.build().map_err(of_environment)
    }

    /// From a section of a configuration file; see [`Settings`] for an example.
    ///
    /// # Errors
    /// [`ConfigError`] where a setting cannot be used.
    pub fn from_settings(settings: Settings) -> Result<Self, ConfigError> {
        RampartAuthBuilder::from(settings).build()
    }

    /// A builder with every default. `issuer_url` must be written exactly as the `iss` claim of the tokens, and be an http(s) URL unless
    /// [`jwks_url`](RampartAuthBuilder::jwks_url) or [`static_jwks`](RampartAuthBuilder::static_jwks) says where the keys are;
    /// `audience` is what the tokens have in `aud`: of a Rampart server the client ID of the front end (see
    /// [`manual::rampart_itself`](crate::manual::rampart_itself)), of others mostly the ID of the API.
    pub fn builder(issuer_url: impl Into<String>, audience: impl Into<String>) -> RampartAuthBuilder {
        RampartAuthBuilder::new(issuer_url.into(), audience.into())
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Verifies a token that was taken out of a request already.
    ///
    /// # Errors
    /// [`AuthError`]: the token's fault, or [`AuthError::KeysUnavailable`].
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, AuthError> {
        let token = self.presented(token.as_bytes());
        match self.step(token) {
            Step::Done(verdict) => verdict,
            Step::NeedsKeys => self.verify_with_fetch(token).await,
        }
    }

    /// Verifies the values of a request's `Authorization` header; none, or another scheme, is [`AuthError::MissingToken`].
    /// Give all values there are: two are [`AuthError::InvalidRequest`], whatever they say.
    ///
    /// The work is done in the call; the future only waits where keys must be fetched, and only then allocates.
    ///
    /// ```
    /// # async fn example(auth: rampart_core::RampartAuth) {
    /// // From any framework: the values of the header as bytes or text.
    /// let values = ["Bearer eyJhbGciOiJSUzI1NiIs..."];
    /// match auth.authenticate(values).await {
    ///     Ok(claims) => println!("{}", claims.sub),
    ///     Err(error) => {
    ///         let answer = auth.rejection(error);
    ///         println!("{} {:?} {}", answer.status(), answer.headers().collect::<Vec<_>>(), answer.body());
    ///     }
    /// }
    /// # }
    /// ```
    pub fn authenticate<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>) -> Authenticate {
        Authenticate(self.authenticate_optional(values))
    }

    /// As [`authenticate`](Self::authenticate), but a request without a token is `Ok(None)`. A token that is not good is an
    /// error all the same: it never passes as anonymous.
    pub fn authenticate_optional<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>) -> AuthenticateOptional {
        self.begin(values.into_iter()).0
    }

    /// The verification of a request with these `Authorization` values, and the identity of its token where one was computed.
    fn begin<V: AsRef<[u8]>>(&self, values: impl Iterator<Item = V>) -> (AuthenticateOptional, Option<TokenHash>) {
        let ready = |outcome| AuthenticateOptional(Progress::Ready(Some(outcome)));
        let token = match bearer::token(values) {
            Ok(Some(token)) => token,
            Ok(None) => return (ready(Ok(None)), None),
            Err(refusal) => return (ready(Err(self.refused(refusal, None))), None),
        };
        let token = self.presented(token.as_bytes());
        let outcome = match self.step(token) {
            Step::Done(verdict) => ready(verdict.map(Some)),
            Step::NeedsKeys => {
                let (auth, bytes, identity) = (self.clone(), token.bytes.to_owned(), token.identity);
                AuthenticateOptional(Progress::Waiting(Box::pin(async move {
                    auth.verify_with_fetch(Presented { bytes: &bytes, identity }).await.map(Some)
                })))
            }
        };
        (outcome, token.identity)
    }

    /// Verifies a request, and keeps apart for which object and which request the outcome counts: for adapters.
    ///
    /// All of the request is read in the call.
    pub fn verification<'a>(&'a self, head: &impl RequestHead) -> Verification<'a> {
        let (outcome, identity) = self.begin(head.values(AUTHORIZATION));
        Verification::new(self, Trace::of(head, identity), outcome)
    }

    /// Verifies a request: the claims of its token, or [`AuthError::MissingToken`].
    ///
    /// ```
    /// # async fn example(auth: rampart_core::RampartAuth, head: impl rampart_core::adapter::RequestHead) {
    /// if let Ok(claims) = auth.verify_with(&head).await {
    ///     println!("{}", claims.sub);
    /// }
    /// # }
    /// ```
    pub fn verify_with(&self, head: &impl RequestHead) -> Authenticate {
        Authenticate(self.begin(head.values(AUTHORIZATION)).0)
    }

    /// The HTTP answer for an error, with the realm of this object (RFC 6750 section 3).
    pub fn rejection(&self, error: AuthError) -> Rejection {
        self.rejection_of_route(error, &[])
    }

    /// The same, of a route that asks for these scopes.
    pub(crate) fn rejection_of_route(&self, error: AuthError, scopes: &[&str]) -> Rejection {
        Rejection::new(error, scopes, &self.0.challenges)
    }

    /// Whether both are clones of one object, and so have the same rules and keys.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Fetches the keys unless there are fresh ones, so that the first request need not wait. It waits for as long as a fetch may
    /// take: [`fetch_timeout`](RampartAuthBuilder::fetch_timeout), and 5 s at least.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`]: not fatal. It goes on in the background, by the usual back-off, until there are keys.
    pub async fn warm_up(&self) -> Result<(), AuthError> {
        match &self.0.keys {
            Keys::Static(_) => Ok(()),
            Keys::Fetched(cache) => cache.warm_up(self.0.clock.now().unwrap_or_default()).await,
        }
    }

    /// Fetches the keys now, whatever their age and whatever failed before: for emergency revocation. What the issuer says
    /// is taken even where it is an empty set; then no token passes. With [`discovery`](RampartAuthBuilder::discovery) it is
    /// asked first where its keys are now.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where the issuer could not be asked for either: the old keys go on serving, and [`health`](Self::health) says why.
    pub async fn refresh_keys(&self) -> Result<(), AuthError> {
        match &self.0.keys {
            Keys::Static(_) => Ok(()),
            Keys::Fetched(cache) => cache.refresh().await,
        }
    }

    /// State, age and number of the keys, and why the last fetch failed.
    ///
    /// The call does no I/O and waits for nothing. Where it finds no keys that may serve ([`JwksState::Cold`] or
    /// [`JwksState::Dead`]) and is called on a runtime, a task fetches them in the background, by the usual back-off, until there are
    /// some: an API that gets no traffic before it is ready becomes ready by being asked.
    pub fn health(&self) -> JwksHealth {
        let health = self.0.look();
        if let Keys::Fetched(cache) = &self.0.keys
            && matches!(health.state, JwksState::Cold | JwksState::Dead)
        {
            cache.pursue();
        }
        health
    }

    /// Which object this is: no other in this process ever has its number.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    /// Whether claims that were good some time ago are so still.
    pub(crate) fn still_valid(&self, claims: &Claims) -> Result<(), AuthError> {
        let checked = self.0.clock.now().ok_or_else(no_date);
        let checked = checked.and_then(|now| claims.times.check(now, self.0.rules.tolerance));
        checked.map_err(|refusal| self.refused(refusal, None))
    }

    fn presented<'t>(&self, bytes: &'t [u8]) -> Presented<'t> {
        // A token that is too long is refused before anything is computed of it.
        let is_cached = self.0.tokens.is_some() && bytes.len() <= self.0.max_token_bytes;
        Presented { bytes, identity: is_cached.then(|| TokenCache::hash(bytes)) }
    }

    /// All that can be done without waiting.
    fn step(&self, token: Presented<'_>) -> Step {
        let Some(glance) = self.0.clock.glance() else { return Step::Done(Err(no_clock())) };
        let now = glance.at;
        let cache = match &self.0.keys {
            Keys::Static(set) => {
                return Step::Done(self.attempt(token, set, glance).map_err(|failure| self.settle(failure)));
            }
            Keys::Fetched(cache) => cache,
        };
        let current = cache.serve(now);
        let keys = current.as_ref().and_then(|current| current.keys());
        let Some(keys) = keys else { return self.step_without_keys(token.bytes, now) };
        match self.attempt(token, keys, glance) {
            Ok(claims) => Step::Done(Ok(claims)),
            Err(Failure::UnknownKid(unknown)) => match self.sought(&unknown, now) {
                Err(error) => Step::Done(Err(error)),
                Ok(sought) => match cache.dismiss(&sought) {
                    Some(not_found) => Step::Done(Err(self.not_found(not_found, &sought))),
                    None => Step::NeedsKeys,
                },
            },
            Err(failure) => Step::Done(Err(self.settle(failure))),
        }
    }

    /// V2 and V3, and then what the token says of itself, decide about one that no key could make good; only a token that could
    /// pass waits for keys.
    fn step_without_keys(&self, token: &[u8], now: Duration) -> Step {
        let Inner { algorithms, typ_rule, rules, .. } = &*self.0;
        match jws::read_unverified(self.within_limit(token), *algorithms, *typ_rule) {
            Err(failure) => Step::Done(Err(self.settle(failure))),
            Ok((kid, payload)) => match validation::could_pass(&payload, rules, now) {
                Err(refusal) => Step::Done(Err(self.refused(refusal, kid.as_deref()))),
                Ok(_) => Step::NeedsKeys,
            },
        }
    }

    /// Waits for keys, and looks for the token's key once if the keys that came do not hold it.
    async fn verify_with_fetch(&self, token: Presented<'_>) -> Verdict {
        let Keys::Fetched(cache) = &self.0.keys else { return Err(AuthError::InvalidToken) };
        let Some(now) = self.0.clock.now() else { return Err(no_clock()) };
        let begun = cache.begun();
        cache.wait(now).await?;
        let unknown = match self.attempt_current(token, cache) {
            Ok(claims) => return Ok(claims),
            Err(Failure::UnknownKid(unknown)) => unknown,
            Err(failure) => return Err(self.settle(failure)),
        };
        let sought = self.sought(&unknown, now)?;
        match cache.find_kid(&sought, begun).await {
            KidSearch::Found => self.attempt_current(token, cache).map_err(|failure| self.settle(failure)),
            KidSearch::NotFound(not_found) => Err(self.not_found(not_found, &sought)),
        }
    }

    /// What to look for, where a fetch for the token's key is worth it; else its refusal.
    fn sought<'u>(&self, unknown: &'u UnknownKid, now: Duration) -> Result<Sought<'u>, AuthError> {
        match validation::could_pass(&unknown.unverified_payload, &self.0.rules, now) {
            Ok(signed_by) => Ok(Sought { kid: &unknown.kid, signed_by }),
            Err(_) => Err(self.unknown_kid(&unknown.kid)),
        }
    }

    fn unknown_kid(&self, kid: &str) -> AuthError {
        self.refused(Refusal::invalid("V4", NotFound::UNKNOWN.why), Some(kid))
    }

    fn not_found(&self, not_found: NotFound, sought: &Sought<'_>) -> AuthError {
        let NotFound { error, why } = not_found;
        self.refused(Refusal { error, rule: "V4", why }, Some(sought.kid))
    }

    /// Against the keys and the time of this very moment: both may have changed while the request waited.
    fn attempt_current(&self, token: Presented<'_>, cache: &Arc<KeyCache>) -> Result<Arc<Claims>, Failure> {
        let now = self.0.clock.now().ok_or_else(no_date)?;
        let current = cache.serve(now);
        match current.as_ref().and_then(|current| current.keys()) {
            Some(keys) => self.attempt(token, keys, Glance::exact(now)),
            // They were there a moment ago, and have died since.
            None => {
                let error = AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) };
                Err(Refusal { error, rule: "V4", why: "the keys are too old to serve" }.into())
            }
        }
    }

    /// V2 to V12 against the keys at hand, or the two of them that can change for a token that was verified before: whether
    /// its key is still there, and what time it is.
    fn attempt(&self, token: Presented<'_>, keys: &KeySet, glance: Glance) -> Result<Arc<Claims>, Failure> {
        let Inner { rules, algorithms, typ_rule, tokens, clock, .. } = &*self.0;
        let exactly = || clock.exactly(glance).ok_or_else(no_date);
        if token.bytes.len() > self.0.max_token_bytes {
            return Err(Refusal::invalid("V2", "the token is longer than max_token_bytes").into());
        }
        let hash = tokens.as_ref().zip(token.identity);
        if let Some((tokens, hash)) = &hash
            && let Some(Entry { claims, key }) = tokens.get(hash)
            && keys.holds(key)
        {
            if !glance.surely(|now| claims.times.check(now, rules.tolerance).is_ok()) {
                claims.times.check(exactly()?, rules.tolerance)?;
            }
            return Ok(claims);
        }
        let (claims, key) = jws::verify(token.bytes, keys, *algorithms, *typ_rule, |signed| {
            Ok((validation::validate(signed.payload, signed.is_at_jwt, rules, exactly()?)?, signed.key.serial))
        })?;
        let claims = Arc::new(claims);
        if let Some((tokens, hash)) = hash {
            tokens.insert(hash, Entry { claims: Arc::clone(&claims), key });
        }
        Ok(claims)
    }

    /// The token, or nothing of it where it is too long: an empty token fails the same rule.
    fn within_limit<'t>(&self, token: &'t [u8]) -> &'t [u8] {
        if token.len() > self.0.max_token_bytes { &[] } else { token }
    }

    fn settle(&self, failure: Failure) -> AuthError {
        match failure {
            Failure::Refused(refusal, kid) => self.refused(refusal, kid.as_deref()),
            Failure::UnknownKid(unknown) => self.unknown_kid(&unknown.kid),
        }
    }

    /// How long ago the issuer confirmed the keys; `None` for those that are fixed.
    fn keys_age(&self) -> Option<Duration> {
        match &self.0.keys {
            Keys::Static(_) => None,
            Keys::Fetched(cache) => cache.age(),
        }
    }

    /// Writes the reason to the log, the only place that learns it; where the settings may be to blame, with the setting.
    fn refused(&self, refusal: Refusal, kid: Option<&str>) -> AuthError {
        let Refusal { error, rule, why } = refusal;
        // Unverified text: `Debug` escapes what could forge a line of the log.
        let kid = kid.map(jws::shorten).map(tracing::field::debug);
        match &error {
            AuthError::TokenExpired | AuthError::KeysUnavailable { .. } => {
                tracing::debug!(target: "rampart", rule, why, kid, "access token refused");
            }
            AuthError::MissingClaim { claim } => {
                tracing::info!(target: "rampart", rule, why, %claim, kid, "access token refused");
            }
            _ => {
                let Rules { issuer, audiences, .. } = &self.0.rules;
                let issuer = (rule == "V7").then_some(issuer.as_str());
                let accepted = (rule == "V8").then(|| tracing::field::debug(audiences));
                let keys_age_s = if rule == "V5" { self.keys_age().map(|age| age.as_secs()) } else { None };
                let hint = match rule {
                    "V5" => keys_age_s.map(|_| SAME_KID_HINT),
                    _ => (why == NO_ACCEPTED_AUDIENCE).then_some(AUDIENCE_HINT),
                };
                tracing::info!(
                    target: "rampart", rule, why, issuer, accepted, keys_age_s, hint, kid, "access token refused"
                );
            }
        }
        error
    }
}

impl fmt::Debug for RampartAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RampartAuth")
            .field("issuer", &self.0.rules.issuer)
            .field("audiences", &self.0.rules.audiences)
            .field("tolerance", &self.0.rules.tolerance)
            .field("tokens", &self.0.tokens)
            .field("keys", &self.0.look())
            .finish_non_exhaustive()
    }
}

fn no_date() -> Refusal {
    Refusal { error: no_clock(), rule: "V9", why: "the clock stands before 1970" }
}

fn no_clock() -> AuthError {
    tracing::error!(target: "rampart", "the system clock stands before 1970: no token can be judged");
    AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) }
}

/// The outcome of [`RampartAuth::authenticate`]: ready at once unless keys must be fetched.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Authenticate(AuthenticateOptional);

/// The outcome of [`RampartAuth::authenticate_optional`]: ready at once unless keys must be fetched.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct AuthenticateOptional(Progress);

enum Progress {
    /// `None` once it has been taken.
    Ready(Option<OptionalVerdict>),
    /// Keys must be fetched first.
    Waiting(Pin<Box<dyn Future<Output = OptionalVerdict> + Send>>),
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Ready(_)) { "Ready" } else { "Waiting" })
    }
}

impl AuthenticateOptional {
    /// The outcome where it is known already, so that nothing needs to be awaited; `None` where keys must be fetched, and
    /// once the outcome has been taken.
    pub fn now(&mut self) -> Option<Result<Option<Arc<Claims>>, AuthError>> {
        if let Progress::Ready(outcome) = &mut self.0 { outcome.take() } else { None }
    }
}

impl Future for AuthenticateOptional {
    type Output = Result<Option<Arc<Claims>>, AuthError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out, so that nothing that has ended, or has panicked, is ever polled again.
        match std::mem::replace(&mut self.0, Progress::Ready(None)) {
            Progress::Ready(outcome) => Poll::Ready(outcome.unwrap_or_else(|| Err(taken_already()))),
            Progress::Waiting(mut future) => {
                let poll = future.as_mut().poll(context);
                if poll.is_pending() {
                    self.0 = Progress::Waiting(future);
                }
                poll
            }
        }
    }
}

/// A future that is polled again after it was done: a mistake of the program, which says nothing about the token. An error
/// rather than a panic, and rather than waiting for ever.
fn taken_already() -> AuthError {
    tracing::error!(target: "rampart", "the outcome of a verification was asked for again after it had been taken");
    AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) }
}

impl Future for Authenticate {
    type Output = Result<Arc<Claims>, AuthError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(outcome.and_then(|claims| claims.ok_or(AuthError::MissingToken)))
    }
}
