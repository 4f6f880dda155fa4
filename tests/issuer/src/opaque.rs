//! Opaque tokens, which only the issuer can read: each is a text, and what the issuer says of it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::dpop::DpopKey;
use crate::encoding::{base64url, from_base64url, now, random};
use crate::fault::{Endpoint, Fault};
use crate::introspection::active;
use crate::issuer::LocalIssuer;
use crate::state::Shared;
use crate::token::TokenBuilder;

const LIFETIME: i64 = 900;

/// An opaque token to be issued. It starts out as a random text of 43 characters, of which the introspection endpoint says `active` (true),
/// `scope` (`openid`), `client_id`, `sub` (the user of [`LocalIssuer::token`]), `aud` (an array with the client ID of the front end), `iss`,
/// `exp` (in 15 minutes), `iat` and `token_type` (`Bearer`). Text and answer can be changed in every part, and nothing is held against
/// either: an answer with `active: true` and an `exp` that has passed is given as it is.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let issuer = rampart_issuer::LocalIssuer::start().await?;
/// let token = issuer.opaque().sub("ada").scope("tasks:write").prefix("ory_at_").issue();
/// let for_nobody = issuer.opaque().without("aud").claim("department", "engines").issue();
/// let malformed = issuer.opaque().text("a.b.c").raw_answer(r#"{"active":true,"active":false}"#).issue();
/// issuer.revoke(&token); // from now on it is not active
/// # assert!(token.starts_with("ory_at_"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "issue() makes the issuer know it"]
pub struct OpaqueBuilder {
    shared: Arc<Shared>,
    text: String,
    answer: Map<String, Value>,
    raw: Option<Vec<u8>>,
}

impl LocalIssuer {
    /// An opaque token of a plain user, to be changed and issued.
    pub fn opaque(&self) -> OpaqueBuilder {
        let text = base64url([random(), random()].concat());
        OpaqueBuilder { shared: Arc::clone(self.shared()), text, answer: Map::new(), raw: None }
            .claim("active", true)
            .scope("openid")
            .client_id(self.audience())
            .sub("0b8f7c5e-3c52-4a1f-9d7e-5f2a6c1b9e01")
            .audience(vec![self.audience()])
            .issuer(&self.shared().name())
            // `exp` first, for the order of the members.
            .claim("exp", 0)
            .at(now())
            .token_type("Bearer")
    }

    /// What the introspection endpoint says of this JWT, to be changed and issued: its own claims, `active` and `token_type`, as it says them
    /// of every access token that it has signed. Once it is [issued](OpaqueBuilder::issue), the endpoint says that of this text, whoever
    /// has signed it and whenever it expires.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// let token = issuer.token().scope("tasks:read tasks:write").sign()?;
    /// issuer.answer_for(&token).scope("tasks:read").issue(); // the issuer has taken a scope away meanwhile
    /// # Ok(()) }
    /// ```
    pub fn answer_for(&self, jwt: &str) -> OpaqueBuilder {
        let payload = jwt.split('.').nth(1).and_then(from_base64url);
        let claims = payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
        OpaqueBuilder { shared: Arc::clone(self.shared()), text: jwt.to_owned(), answer: active(claims), raw: None }
    }

    /// The address of the introspection endpoint.
    pub fn introspection_url(&self) -> String {
        self.shared().address(Endpoint::Introspection)
    }

    /// The address of the revocation endpoint. Dex has none: there it is one where nothing is found.
    pub fn revocation_url(&self) -> String {
        self.shared().address(Endpoint::Revocation)
    }

    /// Makes a token inactive at once, as its revocation endpoint does; a JWT or an opaque one.
    pub fn revoke(&self, token: &str) {
        self.state().tokens.revoke(token);
    }

    /// A fault of the introspection endpoint for requests about this token alone, until [`clear_faults`](Self::clear_faults). It goes before
    /// those of the endpoint.
    pub fn inject_for(&self, token: &str, fault: Fault) {
        self.state().token_faults.insert(token.to_owned(), fault);
    }

    /// The greatest number of requests that an endpoint has had in flight at once: each from when it has come to the last byte of its answer,
    /// or to the end of the connection. [`reset_counts`](Self::reset_counts) starts from those of that moment.
    pub fn most_in_flight(&self, endpoint: Endpoint) -> usize {
        self.state().flights.get(endpoint as usize).map(|flights| flights.most()).unwrap_or_default()
    }

    /// Changes every signed answer of the introspection endpoint (RFC 9701) before it is signed. Unless changed, it is by the key that signs
    /// now, with `typ: token-introspection+jwt`, `iss`, `aud` (the client that asks), `iat` and `token_introspection`. Clients get one
    /// where their `Accept` has `application/token-introspection+jwt`.
    ///
    /// ```
    /// use rampart_issuer::{Algorithm, SigningKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = rampart_issuer::LocalIssuer::start().await?;
    /// let stranger = SigningKey::generate(Algorithm::ES256, "stranger")?;
    /// issuer.change_signed_answers(|answer| answer.header("typ", "JWT"));
    /// issuer.change_signed_answers(|answer| answer.audience("another-client"));
    /// issuer.change_signed_answers(|answer| answer.without("token_introspection").claim("active", true));
    /// issuer.change_signed_answers(|answer| answer.header("alg", "none").raw_signature([]));
    /// issuer.change_signed_answers(move |answer| answer.key(&stranger));
    /// issuer.change_signed_answers(|answer| answer); // as they should be
    /// # Ok(()) }
    /// ```
    pub fn change_signed_answers(&self, change: impl Fn(TokenBuilder) -> TokenBuilder + Send + Sync + 'static) {
        self.state().introspection.change = Some(Arc::new(change));
    }

    /// Whether the introspection endpoint signs its answers for those who ask for it; it does unless told otherwise. Where it does not, they
    /// get JSON, as from a server that knows no RFC 9701.
    pub fn sign_answers(&self, sign: bool) {
        self.state().introspection.never_signed = !sign;
    }
}

impl OpaqueBuilder {
    /// The token itself. A text may have any shape; one that was issued before, a revoked one too, is issued anew.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// The text with this before it.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.text.insert_str(0, prefix);
        self
    }

    /// Another random text, in the shape of an encrypted JWT: five parts, the first of them a header with `alg` and `enc`.
    pub fn encrypted(self) -> Self {
        let [key, ciphertext] = [(); 2].map(|()| base64url([random(), random()].concat()));
        let [vector, tag] = [(); 2].map(|()| base64url(random()));
        let header = base64url(r#"{"alg":"A256GCMKW","enc":"A256GCM"}"#);
        self.text([header, key, vector, ciphertext, tag].join("."))
    }

    /// Any member of the answer.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.answer.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Leaves a member out.
    pub fn without(mut self, name: &str) -> Self {
        self.answer.shift_remove(name);
        self
    }

    /// Exactly this instead of the answer: a member twice, nesting, or no JSON at all. In a signed answer it stands as
    /// `token_introspection`.
    pub fn raw_answer(mut self, answer: impl Into<Vec<u8>>) -> Self {
        self.raw = Some(answer.into());
        self
    }

    /// `scope`.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// `client_id`.
    pub fn client_id(self, client: &str) -> Self {
        self.claim("client_id", client)
    }

    /// `sub`.
    #[expect(clippy::should_implement_trait, reason = "named after the member")]
    pub fn sub(self, sub: &str) -> Self {
        self.claim("sub", sub)
    }

    /// `aud`: a string, an array, or anything else.
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience.into())
    }

    /// `iss`.
    pub fn issuer(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// `token_type`.
    pub fn token_type(self, kind: &str) -> Self {
        self.claim("token_type", kind)
    }

    /// Issued at this second since 1970, expiring 15 minutes later.
    pub fn at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at).expires_in(LIFETIME)
    }

    /// `iat` alone.
    pub fn issued_at(self, issued_at: u64) -> Self {
        self.claim("iat", issued_at)
    }

    /// `exp`, in seconds after `iat`.
    pub fn expires_in(self, seconds: i64) -> Self {
        let issued_at = self.answer.get("iat").and_then(Value::as_i64).unwrap_or_default();
        self.claim("exp", issued_at.saturating_add(seconds))
    }

    /// Bound to this key of a client (RFC 9449 section 6.2): `cnf` has `jkt`, and `token_type` is `DPoP`.
    pub fn bound_to(self, key: &DpopKey) -> Self {
        self.bound_to_thumbprint(&key.thumbprint())
    }

    pub(crate) fn bound_to_thumbprint(self, thumbprint: &str) -> Self {
        let mut confirmation = self.answer.get("cnf").and_then(Value::as_object).cloned().unwrap_or_default();
        confirmation.insert("jkt".into(), thumbprint.into());
        self.claim("cnf", confirmation).token_type("DPoP")
    }

    /// The token; from now on the introspection endpoint says this of it.
    pub fn issue(&self) -> String {
        let answer = self.raw.clone().unwrap_or_else(|| serde_json::to_vec(&self.answer).unwrap_or_default());
        self.shared.state.lock().tokens.register(&self.text, answer);
        self.text.clone()
    }
}

/// Without the state of the issuer.
impl fmt::Debug for OpaqueBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueBuilder").field("text", &self.text).field("answer", &self.answer).finish_non_exhaustive()
    }
}
