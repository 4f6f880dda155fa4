//! APIs that look at proofs (RFC 9449), and whoever sends them: the baseline that every case about proofs changes in one thing.

use std::sync::LazyLock;

use rampart_core::adapter::Verification;
use rampart_core::{AnyUser, Dpop, NonceKey, RampartAuth};
use rampart_issuer::{DpopKey, LocalIssuer, ProofBuilder, TokenBuilder};

use crate::credentials::{Credentials, Head, Input};
use crate::fixture::{FIXTURE, NOW, builder, builder_at};

/// The APIs as their callers see them.
pub const API: &str = "https://api.example";

/// The key that tokens are bound to.
pub static KEY: LazyLock<DpopKey> = LazyLock::new(|| DpopKey::generate().unwrap());

/// A key of somebody else.
pub static OTHER_KEY: LazyLock<DpopKey> = LazyLock::new(|| DpopKey::generate().unwrap());

/// The nonces of the APIs that ask for them.
const NONCE_KEY: [u8; 32] = [7; 32];

/// The same with and without the cache of verified tokens.
#[derive(Debug)]
pub struct Pair {
    /// With it.
    pub cached: RampartAuth,
    /// Without it.
    pub uncached: RampartAuth,
}

/// The APIs. Their stores of proofs trust their start, for the clock of the suite stands still.
#[derive(Debug)]
pub struct DpopApis {
    /// Bound tokens with proofs, and others as bearer tokens.
    pub accepted: Pair,
    /// Bound tokens with proofs alone.
    pub required: Pair,
    /// Each proof holds a nonce.
    pub nonces: Pair,
}

/// Proofs are accepted, and nothing else is set.
pub fn accepted() -> Dpop {
    Dpop::accepted().public_url(API).insecure_trust_start(true)
}

/// The same with nonces of this key.
pub fn with_nonces(key: [u8; 32]) -> Dpop {
    accepted().nonces(NonceKey::shared(key))
}

impl DpopApis {
    /// That take the tokens of this issuer.
    pub fn of(issuer: &LocalIssuer) -> Self {
        let pair = |dpop: &dyn Fn() -> Dpop| {
            let own = || builder(issuer, issuer.audience()).dpop(dpop());
            Pair { cached: own().build().unwrap(), uncached: own().token_cache_bytes(0).build().unwrap() }
        };
        Self {
            accepted: pair(&accepted),
            required: pair(&|| Dpop::required().public_url(API).insecure_trust_start(true)),
            nonces: pair(&|| with_nonces(NONCE_KEY)),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &RampartAuth> {
        [&self.accepted, &self.required, &self.nonces].into_iter().flat_map(|pair| [&pair.cached, &pair.uncached])
    }
}

/// A nonce that these APIs would have given then.
pub fn nonce_of(seconds: u64) -> String {
    nonce_by(NONCE_KEY, seconds)
}

/// The same by another key.
pub fn nonce_by(key: [u8; 32], seconds: u64) -> String {
    let issuer = &FIXTURE.issuer;
    let auth = builder_at(issuer, issuer.audience(), seconds)
        .static_jwks(issuer.jwks_json())
        .dpop(with_nonces(key))
        .build()
        .unwrap();
    let token = bound().at(seconds).issued_at(seconds).sign().unwrap();
    let head = Head { method: "GET", path: "/", credentials: &Credentials::default().token("DPoP", &token) };
    let Verification::Ready(fresh) = auth.verification(&head) else { panic!("the keys are given") };
    let rejection = fresh.outcome().required::<AnyUser>().unwrap_err();
    let nonce = rejection.headers().find(|(name, _)| *name == "dpop-nonce").map(|(_, nonce)| nonce.to_owned());
    nonce.unwrap()
}

/// A good token that is bound to [`KEY`], to be changed.
pub fn bound() -> TokenBuilder {
    FIXTURE.token().bound_to(&KEY)
}

/// Whoever sends good proofs with a token.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The token.
    pub token: String,
    method: &'static str,
    target: &'static str,
}

impl Sender {
    /// Of a token.
    pub fn of(token: &TokenBuilder) -> Self {
        Self::with_token(token.sign().unwrap())
    }

    /// Of a token that is a text.
    pub fn with_token(token: impl Into<String>) -> Self {
        Self { token: token.into(), method: "GET", target: "/protected" }
    }

    /// To another target.
    #[must_use]
    pub fn at(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    /// With another method.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// A good proof of [`KEY`], made now, to be changed.
    pub fn proof(&self) -> ProofBuilder {
        self.proof_by(&KEY)
    }

    /// The same by another key.
    pub fn proof_by(&self, key: &DpopKey) -> ProofBuilder {
        key.proof(self.method, &format!("{API}{}", self.target)).access_token(&self.token).at(NOW)
    }

    /// A good request.
    pub fn good(&self) -> Input {
        self.with("good", |proof| proof)
    }

    /// One with a changed proof.
    pub fn with(
        &self,
        what: impl Into<String>,
        change: impl Fn(ProofBuilder) -> ProofBuilder + Send + Sync + 'static,
    ) -> Input {
        self.text(what, move |sender| change(sender.proof()).sign().unwrap())
    }

    /// One with this instead of a proof.
    pub fn text<V: AsRef<[u8]>>(
        &self,
        what: impl Into<String>,
        make: impl Fn(&Self) -> V + Send + Sync + 'static,
    ) -> Input {
        self.shows(what, move |sender| Credentials::default().token("DPoP", &sender.token).proof(make(sender)))
    }

    /// One with these credentials.
    pub fn shows(&self, what: impl Into<String>, make: impl Fn(&Self) -> Credentials + Send + Sync + 'static) -> Input {
        let sender = self.clone();
        Input::new(what, move || make(&sender))
    }

    /// One with a good proof, signed, within these credentials.
    pub fn around(
        &self,
        what: impl Into<String>,
        make: impl Fn(&str, &str) -> Credentials + Send + Sync + 'static,
    ) -> Input {
        self.shows(what, move |sender| make(&sender.token, &sender.proof().sign().unwrap()))
    }
}
