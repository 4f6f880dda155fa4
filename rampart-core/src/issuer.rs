//! What is true of one issuer, as the application describes it.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::claim_settings::{Mark, RequireClaim, RolesFromNames};
use crate::grants::Grants;
use crate::introspection::Introspection;
use crate::jose::algorithm::Algorithm;
use crate::jwks::header::FetchHeader;
use crate::settings::IssuerSettings;

/// An issuer of access tokens: its name, where its keys are, what its tokens look like, and what they may grant.
///
/// A [`RampartAuth`](crate::RampartAuth) of one issuer needs none of these: [`RampartAuth::builder`](crate::RampartAuth::builder) begins
/// with one, and has each of these settings for it. Further issuers are added by
/// [`RampartAuthBuilder::issuer`](crate::RampartAuthBuilder::issuer).
///
/// ```
/// use rampart_core::{Grants, Issuer, RampartAuth};
///
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
///     .issuer(Issuer::new("https://login.partner.example", "my-api").grants(Grants::roles(["auditor"])))
///     .build()?;
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
///
/// Nothing is checked before the object is built, and nothing of one issuer is inherited by another.
#[derive(Clone)]
#[must_use = "give it to a builder"]
pub struct Issuer {
    pub(crate) settings: IssuerSettings,
    pub(crate) fetch_headers: Vec<FetchHeader>,
    pub(crate) introspection: Option<Box<Introspection>>,
}

impl Issuer {
    /// With every default. `issuer_url` must be written exactly as the `iss` claim of the tokens, and be an http(s) URL unless
    /// [`jwks_url`](Self::jwks_url), [`metadata_url`](Self::metadata_url) or [`static_jwks`](Self::static_jwks) says where the keys are;
    /// `audience` is what the tokens have in `aud`.
    pub fn new(issuer_url: impl Into<String>, audience: impl Into<String>) -> Self {
        IssuerSettings::new(issuer_url, audience).into()
    }

    /// What its tokens may grant. The first issuer of an object grants everything unless this says otherwise; every further one must
    /// say.
    pub fn grants(mut self, grants: Grants) -> Self {
        self.settings.grants = Some(grants);
        self
    }

    /// Further accepted audiences, compared as whole strings (RFC 7519 section 4.1.3). A Rampart server issues tokens for the client
    /// ID of each front end, and for its own URL after a direct login or a renewal: see
    /// [`manual::rampart_itself`](crate::manual::rampart_itself). Called again, it adds to them.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// let issuer = "https://auth.example.com";
    /// rampart_core::RampartAuth::builder(issuer, "my-api").audiences([issuer]).build()
    /// # }
    /// ```
    pub fn audiences<S: Into<String>>(mut self, audiences: impl IntoIterator<Item = S>) -> Self {
        self.settings.audiences.extend(audiences.into_iter().map(Into::into));
        self
    }

    /// The claim, as a JSON pointer (RFC 6901), that stands in for `aud` in tokens without one, as Cognito makes them (`/client_id`) and
    /// Clerk (`/azp`). It is checked as `aud` would be; an `aud` that is there decides alone, for who has asked for a token is not whom
    /// it is for. No setting leaves the audience unchecked.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE";
    /// rampart_core::RampartAuth::builder(issuer, "CLIENT-ID-OF-THE-FRONT-END").audience_claim("/client_id").build()
    /// # }
    /// ```
    pub fn audience_claim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.audience_claim = Some(pointer.into());
        self
    }

    /// The claim, as a JSON pointer (RFC 6901), that names the client in tokens that speak for no user and have no `sub`, or an empty or
    /// null one, as IdentityServer, Keycloak without its scope `basic` and Cloudflare Access make them. [`sub`](crate::ClaimFields::sub)
    /// is then `client:` and what stands there, so that a client which is called like a user is not that user; a token whose own `sub`
    /// begins with `client:` is refused. [`Claims::is_client`](crate::Claims::is_client) tells them apart.
    ///
    /// What may change or pass to somebody else is no subject: `/email`, `/preferred_username`, `/upn` and `/name` are refused.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://login.example.com", "my-api").subject_claim("/client_id").build()
    /// # }
    /// ```
    pub fn subject_claim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.subject_claim = Some(pointer.into());
        self
    }

    /// As [`subject_claim`](Self::subject_claim), but [`sub`](crate::ClaimFields::sub) is what stands there and nothing more. A client that
    /// is called like a user is then that user: only where the issuer never gives one name to both.
    pub fn subject_claim_verbatim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.subject_claim_verbatim = Some(pointer.into());
        self
    }

    /// A claim, as a JSON pointer (RFC 6901), and the values of which one must stand there: as a string by itself, compared as a whole.
    /// A token with another, or without, is invalid. For issuers that give anybody a token for the audience of their choice, such as
    /// GitHub, GitLab and Google, where the audience alone keeps nobody out. Called again, it adds one more, and all must hold.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://token.actions.githubusercontent.com", "my-api")
    ///     .discovery()
    ///     .require_claim("/repository_owner_id", ["1234567"])
    ///     .build()
    /// # }
    /// ```
    pub fn require_claim<S: Into<String>>(
        mut self,
        pointer: impl Into<String>,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        self.settings.require_claim.push(RequireClaim::new(pointer, values));
        self
    }

    /// Other exact spellings of its `iss`: for an issuer that goes by two names, as behind a custom domain or after a move. Whichever a
    /// token has, [`iss`](crate::ClaimFields::iss) of its claims is the issuer's own name. Called again, it adds to them.
    pub fn aliases<S: Into<String>>(mut self, aliases: impl IntoIterator<Item = S>) -> Self {
        self.settings.aliases.extend(aliases.into_iter().map(Into::into));
        self
    }

    /// The accepted algorithms, instead of the default RS256, RS384, RS512, ES256, ES384 and ES512 (RFC 8725 section 3.1), or of those
    /// given before.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.settings.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Where the key set is. With it nothing is fetched from the issuer itself, which may then be any name that `iss` gives it.
    ///
    /// Unless given, it is `{issuer_url}/.well-known/jwks.json`; and where that answers 404 or 410, the address that the issuer's metadata
    /// gives, as with [`discovery`](Self::discovery). Whichever of the two has worked first is the only one from then on, until a
    /// restart or [`refresh_keys`](crate::RampartAuth::refresh_keys).
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.settings.jwks_url = Some(url.into());
        self
    }

    /// Takes the address of the key set from the issuer's metadata, whose `issuer` must equal `issuer_url` exactly
    /// (`OpenID` Connect Discovery 1.0 section 4.3, RFC 8414 section 3.3). It is asked for at
    /// `{issuer_url}/.well-known/openid-configuration`, and where that answers 404 or 410, at
    /// `/.well-known/oauth-authorization-server` with the path of the issuer behind it. It is asked again with each refresh of the keys.
    pub fn discovery(mut self) -> Self {
        self.settings.discovery = true;
        self
    }

    /// As [`discovery`](Self::discovery), with the metadata at this address alone: for an issuer whose metadata is elsewhere, or is
    /// reached at an internal address. Its `issuer` must be ours all the same; that may then be any name that `iss` gives it.
    ///
    /// ```
    /// # fn main() -> Result<(), rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://auth.example.com", "my-api")
    ///     .metadata_url("https://auth.internal/.well-known/openid-configuration")
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn metadata_url(mut self, url: impl Into<String>) -> Self {
        self.settings.metadata_url = Some(url.into());
        self
    }

    /// A fixed key set (RFC 7517 section 5, as JSON) instead of a fetched one: no HTTP at all, no runtime, and no rotation. The issuer
    /// may then be any name that `iss` gives it.
    pub fn static_jwks(mut self, json: impl Into<String>) -> Self {
        self.settings.static_jwks = Some(json.into());
        self
    }

    /// Allows http to other machines than this one. Whoever can answer in the issuer's place can then sign any token.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.settings.allow_http = allow;
        self
    }

    /// Of an issuer that a [resolver](crate::IssuerResolver) has named: allows addresses that the internet cannot reach, such as those of a
    /// network of your own. Without it, whoever can get a tenant's name into the resolver's answer could have this API send requests into
    /// your network. Issuers that the settings name are not restricted.
    pub fn allow_private_addresses(mut self, allow: bool) -> Self {
        self.settings.allow_private_addresses = allow;
        self
    }

    /// Of an issuer that a resolver has named: fetches its keys through the proxy of the environment or of
    /// [`http_client`](crate::RampartAuthBuilder::http_client). The proxy then looks names up, and must keep private addresses out itself.
    pub fn allow_proxy(mut self, allow: bool) -> Self {
        self.settings.allow_proxy = allow;
        self
    }

    /// How long fetched keys are fresh: 600 s unless given, 1 s at least. A `max-age` of the issuer may shorten it, to 60 s at least
    /// (RFC 9111 section 5.2.2.1). From 80 to 90 % of it on they are refreshed in the background.
    pub fn jwks_cache_ttl(mut self, ttl: Duration) -> Self {
        self.settings.jwks_cache_ttl = Some(ttl);
        self
    }

    /// How long keys serve beyond their TTL while the issuer cannot be reached: 1 h unless given. After that requests with a token get
    /// 503.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.settings.max_stale = Some(max_stale);
        self
    }

    /// How long one fetch of the keys may take, its metadata included: 5 s unless given, from 1 s to 30 s. For an issuer that wakes
    /// slowly: a request waits for it no longer than 5 s all the same and then gets 503, but the fetch goes on in the background, and
    /// those that come later find its keys.
    pub fn fetch_timeout(mut self, timeout: Duration) -> Self {
        self.settings.fetch_timeout = Some(timeout);
        self
    }

    /// A header for requests for the keys and the metadata of this issuer, such as a token where they are given to those alone that are
    /// known. The closure is asked for the value at each fetch, in a thread that may block: it may read a file whose content is renewed.
    ///
    /// ```
    /// use std::fs;
    ///
    /// use rampart_core::{Issuer, RampartAuth};
    ///
    /// # fn example(certificate: reqwest::Certificate) -> Result<RampartAuth, rampart_core::ConfigError> {
    /// // A pod asks the API server of its cluster with the token of its own service account.
    /// let cluster = Issuer::kubernetes("https://kubernetes.default.svc.cluster.local", "my-api")
    ///     .jwks_url("https://kubernetes.default.svc/openid/v1/jwks")
    ///     .fetch_header("authorization", || {
    ///         let token = fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/token")?;
    ///         Ok(format!("Bearer {}", token.trim()))
    ///     });
    /// RampartAuth::builder_of(cluster).http_client(move |client| client.add_root_certificate(certificate.clone())).build()
    /// # }
    /// ```
    ///
    /// It goes to one origin (scheme, host and port) alone: that of [`jwks_url`](Self::jwks_url) or [`metadata_url`](Self::metadata_url)
    /// where one is given, else that of the issuer. It does not go to another issuer, nor to a `jwks_uri` that is on another origin by
    /// the word of the metadata, which is why the example gives the address; and redirects are not followed. Its value is not logged and
    /// stands in no error. With [`allow_http`](Self::allow_http) it can be read on the way.
    ///
    /// Where the closure fails or panics, takes longer than [`fetch_timeout`](Self::fetch_timeout), or gives what cannot stand in a
    /// header (more than a line, anything but visible ASCII characters and spaces between them, or nothing), the fetch has failed: what the
    /// closure says of it goes to the log and to [`Health`](crate::Health), so it should name the file and not the secret, and the keys at hand
    /// serve on. Headers of the connection, and those by which this library asks, cannot be set. Called again, it adds one more, of
    /// another name.
    ///
    /// A closure cannot be compared, and so counts as another one than one that does the same: a [resolver](crate::IssuerResolver)
    /// makes such an issuer once and gives clones of it, or its keys are fetched anew each time that it is asked.
    pub fn fetch_header(
        mut self,
        name: impl Into<String>,
        value: impl Fn() -> io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.fetch_headers.push(FetchHeader::new(name.into(), value));
        self
    }

    /// Accepts only tokens whose header says `typ: at+jwt` (RFC 9068): the sure way to keep other kinds of token out. What the builder
    /// says of it binds every issuer.
    pub fn require_at_jwt(mut self, require: bool) -> Self {
        self.settings.require_at_jwt = require;
        self
    }

    /// Claims that its tokens must have besides those that the builder requires of every issuer's: see
    /// [`RampartAuthBuilder::required_claims`](crate::RampartAuthBuilder::required_claims). Called again, it adds to them.
    pub fn required_claims<S: Into<String>>(mut self, claims: impl IntoIterator<Item = S>) -> Self {
        self.settings.required_claims.extend(claims.into_iter().map(Into::into));
        self
    }

    /// The longest life of a token that is still accepted: `exp` may be no further ahead. The shorter of this and what the builder says
    /// for every issuer counts. No limit unless given; with [`revocations`](crate::RampartAuthBuilder::revocations) 24 h.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.max_token_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens without `iat`, as IdentityServer 3 and 4 and load balancers of AWS make them; [`iat`](crate::ClaimFields::iat) is
    /// then `None`. One that is there is checked all the same.
    pub fn issued_at_optional(mut self, optional: bool) -> Self {
        self.settings.issued_at_optional = optional;
        self
    }

    /// Where the roles are, as JSON pointers (RFC 6901), instead of `/roles`: those of all of them together. Within a name, `/` is written
    /// `~1`.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://sso.example.com/realms/shop", "shop-api")
    ///     .roles_claims(["/realm_access/roles", "/resource_access/shop-api/roles"])
    ///     .build()
    /// # }
    /// ```
    pub fn roles_claims<S: Into<String>>(mut self, pointers: impl IntoIterator<Item = S>) -> Self {
        self.settings.roles_claims = Some(pointers.into_iter().map(Into::into).collect());
        self
    }

    /// Roles that are the names of the members of an object, as Zitadel writes them. A name counts only where its value is `true`, or a
    /// string, an array or an object that is not empty; with [`granted_by`](RolesFromNames::granted_by) only where it is an object that
    /// names one of these organizations. It takes the place of `/roles`; with [`roles_claims`](Self::roles_claims) the roles of both
    /// count.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// use rampart_core::RolesFromNames;
    ///
    /// rampart_core::RampartAuth::builder("https://shop.zitadel.cloud", "PROJECT-ID")
    ///     .discovery()
    ///     .roles_from_names(RolesFromNames::at("/urn:zitadel:iam:org:project:roles").granted_by(["ORGANIZATION-ID"]))
    ///     .build()
    /// # }
    /// ```
    pub fn roles_from_names(mut self, names: impl Into<RolesFromNames>) -> Self {
        self.settings.roles_from_names = Some(names.into());
        self
    }

    /// Where the scopes are, as a JSON pointer (RFC 6901). `scope`, and `scp` where that is absent, unless given.
    pub fn scope_claim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.scope_claim = Some(pointer.into());
        self
    }

    /// Where the permissions are, as a JSON pointer (RFC 6901), to which the scopes are narrowed: a scope counts only where it stands
    /// there too. For Auth0, whose `/permissions` hold all rights of the user, of which the client that asked may have but some. With
    /// `scope_claim("/permissions")` instead, every client has every right of its user. An array of strings, or one string of names
    /// separated by spaces; where there are none, no scope counts.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://shop.eu.auth0.com/", "https://api.shop.example")
    ///     .permissions_claim("/permissions")
    ///     .build()
    /// # }
    /// ```
    pub fn permissions_claim(mut self, pointer: impl Into<String>) -> Self {
        self.settings.permissions_claim = Some(pointer.into());
        self
    }

    /// Asks this issuer about its tokens (RFC 7662): about those that are no JWTs, or about each. See [`Introspection`].
    ///
    /// Opaque tokens name no issuer. Where several are asked about them, [`Introspection::token_prefix`] says whose they are; the issuers
    /// of a [resolver](crate::IssuerResolver) are asked about none.
    pub fn introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(Box::new(introspection));
        self
    }

    /// The clients for whose sessions this issuer sends logout tokens (OpenID Connect Back-Channel Logout 1.0): the client IDs of the front
    /// ends, as they stand in the `aud` of such a token. Without it, the accepted audiences of its access tokens. For
    /// [`RampartAuth::backchannel_logout`](crate::RampartAuth::backchannel_logout). Called again, it adds to them.
    ///
    /// ```
    /// # fn example() -> Result<rampart_core::RampartAuth, rampart_core::ConfigError> {
    /// rampart_core::RampartAuth::builder("https://sso.example.com/realms/shop", "https://api.shop.example")
    ///     .revocations(rampart_core::Revocations::new())
    ///     .logout_clients(["shop-web"])
    ///     .build()
    /// # }
    /// ```
    pub fn logout_clients<S: Into<String>>(mut self, clients: impl IntoIterator<Item = S>) -> Self {
        self.settings.logout_clients.extend(clients.into_iter().map(Into::into));
        self
    }

    /// Accepts logout tokens without `exp`, as older servers send them. They are good for two minutes after their `iat` all the same.
    pub fn allow_logout_without_exp(mut self) -> Self {
        self.settings.allow_logout_without_exp = true;
        self
    }

    /// Accepts ID tokens too. They are meant for the client that signed the user in, not for an API, and say nothing about what the
    /// bearer may do. The marks that are waived are those of an ID token and no others: `at_hash`, `c_hash`, `nonce`, the payload's
    /// `typ: ID`, and `token_use: id` or `id_token`. Refresh, logout and sender-constrained tokens are refused all the same.
    pub fn insecure_accept_id_tokens(mut self, accept: bool) -> Self {
        self.settings.insecure_accept_id_tokens = accept;
        self
    }

    /// Accepts access tokens that bear this mark of an ID token, as those of Dex (`at_hash`) and authentik (`nonce`) do. ID tokens are then
    /// told apart by fewer marks, or by none: what keeps them out is an audience of the API's own, which no client has. Called again, it
    /// adds one more.
    pub fn insecure_ignore_mark(mut self, mark: Mark) -> Self {
        self.settings.insecure_ignore_marks.push(mark);
        self
    }

    /// Lets the settings name claims within `user_metadata` and `unsafe_metadata`, which with Supabase and Clerk are what users write of
    /// themselves: whoever may decide by them makes everybody an administrator who wants to be one.
    pub fn insecure_user_writable_claims(mut self) -> Self {
        self.settings.insecure_user_writable_claims = true;
        self
    }
}

impl Issuer {
    /// Whether both are described alike: closures are alike only where they are the same one.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Self { settings, fetch_headers, introspection } = self;
        let asks_alike = match (introspection, &other.introspection) {
            (None, None) => true,
            (Some(own), Some(other)) => own.is_like(other),
            _ => false,
        };
        *settings == other.settings && *fetch_headers == other.fetch_headers && asks_alike
    }
}

impl From<IssuerSettings> for Issuer {
    fn from(settings: IssuerSettings) -> Self {
        Self { settings, fetch_headers: Vec::new(), introspection: None }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Issuer");
        tuple.field(&self.settings);
        if !self.fetch_headers.is_empty() {
            tuple.field(&self.fetch_headers);
        }
        if let Some(introspection) = &self.introspection {
            tuple.field(introspection);
        }
        tuple.finish()
    }
}
