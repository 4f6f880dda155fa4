//! The facade: from the `Authorization` values of a request to verified claims, or the reason why not.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use rampart_http::ConfigError;

use crate::answer::challenge::Challenges;
use crate::answer::error::AuthError;
use crate::answer::rejection::Rejection;
use crate::authenticate::{Authenticate, AuthenticateOptional};
use crate::bearer::Scheme;
use crate::binding::proofs::Proofs;
use crate::builder::RampartAuthBuilder;
use crate::environment::of_environment;
use crate::event::Event;
use crate::health::{Health, IssuerHealth};
use crate::issuer::Issuer;
use crate::request::RequestHead;
use crate::revocation::Revocations;
use crate::settings::Settings;
use crate::stands;
use crate::together::together;
use crate::token::claims::Claims;
use crate::verifier::live::IssuerResolver;
use crate::verifier::trusted::Trusted;
use crate::verifier::{Step, Verifier};

/// Verifies the access tokens of one issuer, or of several. Made once, cloned everywhere: a clone is one more pointer to the same keys.
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
pub struct RampartAuth(Arc<Shared>);

/// The object, and what keeps it for the length of a request.
struct Shared {
    inner: Arc<Inner>,
    holds: Box<[OnceLock<Arc<Hold>>]>,
}

/// A hold on an object, of each [stand](stands) its own: whoever takes one for a request writes nothing that all threads write.
#[repr(align(128))]
pub(crate) struct Hold(Arc<Inner>);

/// An object, as somebody has it for the length of a request.
#[derive(Clone, Copy)]
pub(crate) enum Had<'a> {
    Borrowed(&'a RampartAuth),
    Held(&'a Arc<Hold>),
}

impl Deref for Had<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        match self {
            Self::Borrowed(auth) => &auth.0.inner,
            Self::Held(hold) => &hold.0,
        }
    }
}

impl Had<'_> {
    /// To be kept for longer.
    pub(crate) fn hold(self) -> Arc<Hold> {
        match self {
            Self::Borrowed(auth) => auth.hold(),
            Self::Held(hold) => Arc::clone(hold),
        }
    }
}

pub(crate) struct Inner {
    /// Unique in this process and never used again.
    pub(crate) number: u64,
    pub(crate) verifier: Verifier,
    pub(crate) challenges: Challenges,
    pub(crate) proofs: Option<Arc<Proofs>>,
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

    /// Of one issuer that is described whole: `RampartAuth::builder_of(issuer).build()`.
    ///
    /// # Errors
    /// [`ConfigError`] where a setting cannot be used.
    pub fn of(issuer: Issuer) -> Result<Self, ConfigError> {
        Self::builder_of(issuer).build()
    }

    /// A builder that begins with an issuer that is described whole, or with a [resolver](crate::IssuerResolver) alone.
    ///
    /// ```
    /// use rampart_core::{Grants, Issuer, RampartAuth};
    ///
    /// let auth = RampartAuth::builder_of(|iss: &str| {
    ///     let is_ours = ["https://a.tenants.example", "https://b.tenants.example"].contains(&iss);
    ///     is_ours.then(|| Issuer::new(iss, "my-api").grants(Grants::roles(["user"])))
    /// })
    /// .build()?;
    /// # Ok::<(), rampart_core::ConfigError>(())
    /// ```
    pub fn builder_of(beginning: impl Into<Beginning>) -> RampartAuthBuilder {
        beginning.into().0
    }

    /// Takes away an issuer that a [resolver](crate::IssuerResolver) has named, with its keys and all that was verified by its rules: each
    /// request that begins after this asks the resolver again. Says whether there was one of that `iss`.
    ///
    /// # Errors
    /// [`ConfigError`] for one that the settings name.
    pub fn forget_issuer(&self, iss: &str) -> Result<bool, ConfigError> {
        self.0.inner.verifier.issuers.forget(iss)
    }

    /// A builder with every default. `issuer_url` must be written exactly as the `iss` claim of the tokens, and be an http(s) URL unless
    /// [`jwks_url`](RampartAuthBuilder::jwks_url), [`metadata_url`](RampartAuthBuilder::metadata_url) or
    /// [`static_jwks`](RampartAuthBuilder::static_jwks) says where the keys are;
    /// `audience` is what the tokens have in `aud`: of a Rampart server the client ID of the front end (see
    /// [`manual::rampart_itself`](crate::manual::rampart_itself)), of others mostly the ID of the API.
    pub fn builder(issuer_url: impl Into<String>, audience: impl Into<String>) -> RampartAuthBuilder {
        RampartAuthBuilder::of(Issuer::new(issuer_url, audience))
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        let holds = (0..stands::number(threads)).map(|_| OnceLock::new()).collect();
        Self(Arc::new(Shared { inner: Arc::new(inner), holds }))
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0.inner)
    }

    fn hold(&self) -> Arc<Hold> {
        let hold = || Arc::new(Hold(Arc::clone(&self.0.inner)));
        stands::own(&self.0.holds).map_or_else(hold, |(_, own)| Arc::clone(own.get_or_init(hold)))
    }

    /// Verifies a token that was taken out of a request already.
    ///
    /// # Errors
    /// [`AuthError`]: the token's fault, or [`AuthError::KeysUnavailable`].
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, AuthError> {
        let verifier = &self.0.inner.verifier;
        let token = verifier.presented(token.as_bytes());
        let claims = match verifier.begin(token, verifier.entry(token)) {
            Step::Done(verdict) => verdict,
            Step::Waits(wait) => verifier.resume(wait, token).await,
        }?;
        self.unbound(verifier.unrevoked(claims)?)
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
        self.required(self.begin(values.into_iter()))
    }

    /// As [`authenticate`](Self::authenticate), but a request without a token is `Ok(None)`. A token that is not good is an
    /// error all the same: it never passes as anonymous.
    pub fn authenticate_optional<V: AsRef<[u8]>>(&self, values: impl IntoIterator<Item = V>) -> AuthenticateOptional {
        self.begin(values.into_iter())
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
        self.required(self.begin_with(head, &[]).0)
    }

    /// The outcome for a route that needs a token.
    fn required(&self, outcome: AuthenticateOptional) -> Authenticate {
        if outcome.is_nobody() {
            self.0.inner.verifier.listeners.tell(&Event::TokenMissing);
        }
        Authenticate(outcome)
    }

    /// The HTTP answer for an error, with the realm of this object (RFC 6750 section 3).
    pub fn rejection(&self, error: AuthError) -> Rejection {
        let nonce = if error == AuthError::UseNonce { self.nonce() } else { None };
        let rejection = self.0.inner.rejection_by(error, &[], Scheme::Bearer);
        match nonce {
            Some(nonce) => rejection.with_headers(&nonce),
            None => rejection,
        }
    }

    /// Whether both are clones of one object, and so have the same rules and keys.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Fetches the keys of every issuer unless there are fresh ones, all side by side, so that the first request need not wait. It waits
    /// for as long as a fetch may take: [`fetch_timeout`](RampartAuthBuilder::fetch_timeout), and 5 s at least.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where those of one of them cannot be had: not fatal. It goes on in the background, by the usual
    /// back-off, until there are keys; the others serve meanwhile, and [`issuers`](Self::issuers) says whose are missing.
    pub async fn warm_up(&self) -> Result<(), AuthError> {
        let wall = self.wall();
        together(self.trusted().iter().map(|issuer| issuer.keys.warm_up(wall))).await
    }

    /// Fetches the keys of every issuer of the settings now, whatever their age and whatever failed before: for emergency revocation. What an issuer
    /// says is taken even where it is an empty set; then no token of its passes. With [`discovery`](RampartAuthBuilder::discovery) it
    /// is asked first where its keys are now; where no setting says where they are, they are looked for as at the start.
    ///
    /// Issuers that a [resolver](crate::IssuerResolver) has named are not asked: [`forget_issuer`](Self::forget_issuer) takes one away with
    /// its keys, and what its next token needs is fetched anew.
    ///
    /// # Errors
    /// [`AuthError::KeysUnavailable`] where one of them could not be asked: its old keys go on serving, and [`issuers`](Self::issuers)
    /// says why.
    pub async fn refresh_keys(&self) -> Result<(), AuthError> {
        together(self.trusted().iter().map(|issuer| issuer.keys.refresh())).await
    }

    /// State, age and number of the keys, and why the last fetch failed: of several issuers, those of the one that is worst off. See
    /// [`issuers`](Self::issuers) for each.
    ///
    /// The call does no I/O and waits for nothing. Where it finds no keys that may serve
    /// ([`JwksState::Cold`](crate::JwksState::Cold) or [`JwksState::Dead`](crate::JwksState::Dead)) and is called on a runtime, a
    /// task fetches them in the background, by the usual back-off, until there are some: an API that gets no traffic before it is
    /// ready becomes ready by being asked.
    pub fn health(&self) -> Health {
        let wall = self.wall();
        let health = Health::of(self.trusted().iter().map(|issuer| issuer.keys.health(wall)));
        let knows_proofs = self.proofs().is_none_or(|proofs| proofs.is_ready());
        let knows_revocations = self.verifier().revocations.as_ref().is_none_or(Revocations::is_ready);
        if knows_proofs && knows_revocations { health } else { health.without_stores() }
    }

    /// Each issuer by its name, with the state of its keys: in the order of the settings.
    ///
    /// ```
    /// # fn report(auth: &rampart_core::RampartAuth) {
    /// for issuer in auth.issuers() {
    ///     println!("{}: {:?}, {} keys", issuer.name, issuer.keys.state, issuer.keys.keys);
    /// }
    /// # }
    /// ```
    pub fn issuers(&self) -> Vec<IssuerHealth> {
        let wall = self.wall();
        let health =
            |issuer: &Arc<Trusted>| IssuerHealth { name: issuer.name().to_owned(), keys: issuer.keys.health(wall) };
        self.trusted().iter().map(health).collect()
    }

    /// Which object this is: no other in this process ever has its number.
    pub(crate) fn number(&self) -> u64 {
        self.0.inner.number
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0.inner.verifier
    }

    /// How proofs are judged, where they are accepted.
    pub(crate) fn proofs(&self) -> Option<&Arc<Proofs>> {
        self.0.inner.proofs.as_ref()
    }

    fn trusted(&self) -> &[Arc<Trusted>] {
        self.0.inner.verifier.issuers.fixed()
    }

    fn wall(&self) -> Duration {
        self.0.inner.verifier.clock.now().unwrap_or_default()
    }
}

impl Inner {
    /// The HTTP answer for an error, of a request whose token came by this scheme, and for which a new one needs these scopes besides any
    /// which the error names.
    pub(crate) fn rejection_by(&self, error: AuthError, scopes: &[&str], used: Scheme) -> Rejection {
        let is_of_proofs = matches!(error, AuthError::InvalidProof { .. } | AuthError::UseNonce);
        Rejection::new(error, scopes, if is_of_proofs { Scheme::Dpop } else { used }, &self.challenges)
    }
}

/// What a builder begins with: an [`Issuer`], or a [resolver](IssuerResolver). See [`RampartAuth::builder_of`].
#[derive(Debug)]
pub struct Beginning(RampartAuthBuilder);

impl From<Issuer> for Beginning {
    fn from(issuer: Issuer) -> Self {
        Self(RampartAuthBuilder::of(issuer))
    }
}

impl<R: IssuerResolver + 'static> From<R> for Beginning {
    fn from(resolver: R) -> Self {
        Self(RampartAuthBuilder::of_resolver(resolver))
    }
}

impl fmt::Debug for RampartAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verifier { issuers, tolerance, tokens, .. } = self.verifier();
        let wall = self.wall();
        let mut shown = f.debug_struct("RampartAuth");
        for issuer in issuers.fixed() {
            shown
                .field("issuer", &issuer.rules.issuer)
                .field("audiences", &issuer.rules.audiences)
                .field("keys", &issuer.keys.look(wall));
        }
        shown.field("tolerance", tolerance).field("tokens", tokens).finish_non_exhaustive()
    }
}
