//! Tokens: well-formed by default, malformed on demand.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::dpop::DpopKey;
use crate::encoding::{base64url, from_base64url, now, uuid};
use crate::jwt::{Jwt, jwt_builder};
use crate::key::SigningKey;

/// A token to be signed. It starts out as the Rampart server makes them for a front end, by authorization code: RS256 (unless the
/// issuer has another key), `typ: JWT`, and the claims `iss`, `sub`, `aud`, `exp`, `iat`, `org_id`, `preferred_username`, `email`,
/// `email_verified`, `given_name` and `family_name`. `aud` is an array with the client ID of the front end. `roles` is there only
/// where the user has some; a scope, a `name`, a `jti` or an `nbf` is not, unless a test puts it there. Every part can be
/// changed, left out, or replaced by raw bytes.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = rampart_issuer::LocalIssuer::start().await?;
/// let token = issuer.token().sub("ada").without("email").claim("department", "engines").header("typ", "at+jwt").sign()?;
/// assert_eq!(token.split('.').count(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TokenBuilder(Jwt);

jwt_builder!(TokenBuilder);

const LIFETIME: i64 = 900;
/// OpenID Connect Back-Channel Logout 1.0 section 2.4: preferably two minutes at most.
const LOGOUT_LIFETIME: i64 = 120;

/// What an ID token says as its access token does.
const ID_TOKEN_CLAIMS: [&str; 11] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "org_id",
    "preferred_username",
    "email",
    "email_verified",
    "given_name",
    "family_name",
];

impl TokenBuilder {
    /// An access token for a front end.
    pub(crate) fn access(issuer: &str, client: &str, key: &SigningKey) -> Self {
        Self::new(key)
            .issued_to(issuer, client)
            .claim("org_id", "7d3c1a52-90b4-4f0e-8a66-2f1d0c9b7e10")
            .claim("preferred_username", "ada")
            .email("ada@example.com")
            .claim("email_verified", true)
            .claim("given_name", "Ada")
            .claim("family_name", "Lovelace")
    }

    /// The ID token beside this access token: of the same user, for the same client and time, with `at_hash` and without roles.
    pub(crate) fn id_token(access_token: &str, key: &SigningKey) -> Self {
        let payload = access_token.split('.').nth(1).and_then(from_base64url);
        let of_token: Map<String, Value> =
            payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
        let same = of_token.into_iter().filter(|(name, _)| ID_TOKEN_CLAIMS.contains(&name.as_str()));
        let at_hash = base64url(key.algorithm().half_hash(access_token.as_bytes()));
        same.fold(Self::new(key), |token, (name, value)| token.claim(&name, value)).claim("at_hash", at_hash)
    }

    /// The challenge between password and second factor: for five minutes, and for the server alone.
    pub(crate) fn mfa_challenge(issuer: &str, key: &SigningKey) -> Self {
        Self::new(key).issued_to(issuer, "rampart:mfa").expires_in(300).claim("purpose", "mfa_challenge")
    }

    /// That this user is signed out of a session (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    pub(crate) fn logout(issuer: &str, client: &str, user: Value, key: &SigningKey) -> Self {
        Self::new(key)
            .header("typ", "logout+jwt")
            .issuer(issuer)
            .audience(client)
            .issued_at(now())
            .expires_in(LOGOUT_LIFETIME)
            .jti(&uuid())
            .claim("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}))
            .claim("sub", user)
            .sid(&uuid())
    }

    /// What the introspection endpoint signs for this client (RFC 9701 section 5).
    pub(crate) fn introspection(issuer: &str, client: &str, said: Value, key: &SigningKey) -> Self {
        Self::new(key)
            .header("typ", "token-introspection+jwt")
            .issuer(issuer)
            .audience(client)
            .issued_at(now())
            .claim("token_introspection", said)
    }

    pub(crate) fn new(key: &SigningKey) -> Self {
        Self(Jwt::new(key)).key(key).header("typ", "JWT")
    }

    pub(crate) fn issued_to(self, issuer: &str, audience: &str) -> Self {
        let now = now();
        // `exp` first, for the order of the claims.
        self.issuer(issuer)
            .sub("0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01")
            .audience(vec![audience])
            .claim("exp", now)
            .at(now)
    }

    /// As the server makes them by `POST /login`, where a user signs in without a front end that is registered: `aud` is an
    /// array with the issuer's URL. A front end that renews its tokens by `POST /token/refresh` gets this kind, too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// let token = issuer.token().direct_login().roles(["editor"]).sign()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn direct_login(self) -> Self {
        let issuer = self.claimed("iss");
        self.audience(vec![issuer])
    }

    pub(crate) fn into_claims(self) -> Map<String, Value> {
        self.0.claims
    }

    /// What a claim says; `null` where it is not there.
    pub(crate) fn claimed(&self, name: &str) -> Value {
        self.0.claims.get(name).cloned().unwrap_or_default()
    }

    /// `sub`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "named after the claim")]
    pub fn sub(self, sub: &str) -> Self {
        self.claim("sub", sub)
    }

    /// `email`.
    #[must_use]
    pub fn email(self, email: &str) -> Self {
        self.claim("email", email)
    }

    /// `name`.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.claim("name", name)
    }

    /// `org_id`.
    #[must_use]
    pub fn org_id(self, org_id: &str) -> Self {
        self.claim("org_id", org_id)
    }

    /// `roles`; left out where there are none, as the server does.
    #[must_use]
    pub fn roles<S: Serialize>(self, roles: impl IntoIterator<Item = S>) -> Self {
        let roles: Vec<S> = roles.into_iter().collect();
        if roles.is_empty() { self.without("roles") } else { self.claim("roles", roles) }
    }

    /// `scope`.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// `jti`.
    #[must_use]
    pub fn jti(self, jti: &str) -> Self {
        self.claim("jti", jti)
    }

    /// `sid`: the session in which the user has signed in.
    #[must_use]
    pub fn sid(self, sid: &str) -> Self {
        self.claim("sid", sid)
    }

    /// `client_id`: the client that the token was issued to (RFC 9068 section 2.2).
    #[must_use]
    pub fn client_id(self, client: &str) -> Self {
        self.claim("client_id", client)
    }

    /// `azp`: the same, as servers of OpenID Connect name it.
    #[must_use]
    pub fn azp(self, client: &str) -> Self {
        self.claim("azp", client)
    }

    /// `aud`: a string, an array, or anything else.
    #[must_use]
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience.into())
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// Issued at this second since 1970, expiring 15 minutes later.
    #[must_use]
    pub fn at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at).expires_in(LIFETIME)
    }

    /// `iat` alone.
    #[must_use]
    pub fn issued_at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at)
    }

    /// `exp`, in seconds after `iat`.
    #[must_use]
    pub fn expires_in(self, seconds: i64) -> Self {
        let issued_at = self.0.claims.get("iat").and_then(Value::as_i64).unwrap_or_default();
        self.claim("exp", issued_at.saturating_add(seconds))
    }

    /// Bound to this key of a client (RFC 9449 section 6.1): `cnf` has `jkt`, besides what it has already.
    ///
    /// ```
    /// use rampart_issuer::DpopKey;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// let key = DpopKey::generate()?;
    /// let token = issuer.token().bound_to(&key).sign()?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn bound_to(self, key: &DpopKey) -> Self {
        self.bound_to_thumbprint(&key.thumbprint())
    }

    pub(crate) fn bound_to_thumbprint(self, thumbprint: &str) -> Self {
        let mut confirmation = self.0.claims.get("cnf").and_then(Value::as_object).cloned().unwrap_or_default();
        confirmation.insert("jkt".into(), thumbprint.into());
        self.claim("cnf", confirmation)
    }

    /// `kid`.
    #[must_use]
    pub fn kid(self, kid: &str) -> Self {
        self.header("kid", kid)
    }

    /// Signs with another key; `alg` and `kid` follow.
    #[must_use]
    pub fn key(mut self, key: &SigningKey) -> Self {
        self.0.key = key.clone();
        let kid = key.kid().to_owned();
        self.algorithm(key.algorithm()).kid(&kid)
    }
}
