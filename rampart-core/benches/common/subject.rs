//! One token, and the ways of checking it that are raced against one another.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::adapter::{Gate, RequestHead, Verification};
use rampart_core::{Algorithm as Accepted, AnyUser, Grants, Issuer, Policy, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Algorithm, LocalIssuer, SigningKey, TokenBuilder};
use serde_json::Value;
use tokio::runtime::Runtime;

/// The algorithms that are measured.
pub const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA];

/// A running issuer, from which every auth object fetches its keys: the read path is the one of real use.
pub struct Ground {
    pub runtime: Runtime,
    pub issuer: LocalIssuer,
}

/// A token with a key of its own.
pub struct Subject {
    pub algorithm: Algorithm,
    pub token: String,
    /// `Bearer`, and the token.
    header: String,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
    key: ParsedPublicKey,
    /// Without a token cache.
    pub cold: RampartAuth,
    /// With the token in its cache.
    pub warm: RampartAuth,
    /// The same, and proofs are accepted besides.
    accepting: RampartAuth,
    /// What a layer asks of it: two scopes.
    gate: Gate,
    jsonwebtoken: Option<(jsonwebtoken::DecodingKey, jsonwebtoken::Validation)>,
}

impl Ground {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let issuer = runtime.block_on(LocalIssuer::builder().algorithm(Algorithm::ES256).start()).unwrap();
        Self { runtime, issuer }
    }

    /// Accepts every algorithm that is measured. The keys last longer than any benchmark.
    pub fn builder(&self) -> RampartAuthBuilder {
        RampartAuth::builder(self.issuer.url(), self.issuer.audience())
            .algorithms([Accepted::RS256, Accepted::ES256, Accepted::ES384, Accepted::ES512, Accepted::EdDSA])
            .jwks_cache_ttl(Duration::from_secs(24 * 3600))
    }

    /// Builds, and fetches the keys.
    pub fn ready(&self, builder: RampartAuthBuilder) -> RampartAuth {
        let auth = builder.build().unwrap();
        self.runtime.block_on(auth.warm_up()).unwrap();
        auth
    }

    /// One of many tokens, each of about 750 bytes with RS256, good for a day.
    pub fn token(&self, key: &SigningKey, number: usize) -> TokenBuilder {
        ["preferred_username", "email_verified", "given_name", "family_name"]
            .into_iter()
            .fold(self.issuer.token(), TokenBuilder::without)
            .key(key)
            .sub(&format!("0b8f7c5e-3c52-4a1f-9d7e-{number:012}"))
            .roles(["user"])
            .scope("tasks:read tasks:write")
            .expires_in(24 * 3600)
    }

    /// A token of the usual kind, with a new key.
    pub fn subject(&self, algorithm: Algorithm) -> Subject {
        let key = self.issuer.add_key(algorithm).unwrap();
        self.subject_of(&key, self.token(&key, 0).sign().unwrap())
    }

    /// A token that the key has signed; the issuer publishes the key.
    pub fn subject_of(&self, key: &SigningKey, token: String) -> Subject {
        let (algorithm, jwk) = (key.algorithm(), key.public_jwk());
        let (signing_input, signature) = token.rsplit_once('.').unwrap();
        let cold = self.ready(self.builder().token_cache_bytes(0));
        let [warm, accepting] = [self.ready(self.builder()), self.with_proofs_accepted()];
        verify(&warm, &token);
        verify(&accepting, &token);
        Subject {
            algorithm,
            header: format!("Bearer {token}"),
            signing_input: signing_input.as_bytes().to_vec(),
            signature: URL_SAFE_NO_PAD.decode(signature).unwrap(),
            key: parsed(&jwk, algorithm),
            cold,
            warm,
            accepting,
            gate: Gate::policy(Policy::scopes(["tasks:read", "tasks:write"])),
            jsonwebtoken: self.jsonwebtoken(&jwk, algorithm),
            token,
        }
    }

    /// The key prepared, and the same claims checked, as far as it can; nothing for an algorithm that it lacks.
    fn jsonwebtoken(
        &self,
        jwk: &Value,
        algorithm: Algorithm,
    ) -> Option<(jsonwebtoken::DecodingKey, jsonwebtoken::Validation)> {
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk.clone()).ok()?;
        let name = serde_json::from_value(Value::from(algorithm.as_str())).ok()?;
        let mut validation = jsonwebtoken::Validation::new(name);
        validation.set_audience(&[self.issuer.audience()]);
        validation.set_issuer(&[self.issuer.url()]);
        Some((jsonwebtoken::DecodingKey::from_jwk(&jwk).ok()?, validation))
    }
}

/// A token of one of a thousand issuers, and another one of nobody's.
pub struct Among {
    token: String,
    stranger: String,
    cold: RampartAuth,
    warm: RampartAuth,
}

impl Ground {
    /// The issuer of the token is the last of the thousand; a resolver knows none.
    pub fn among_many(&self, algorithm: Algorithm) -> Among {
        let key = self.issuer.add_key(algorithm).unwrap();
        let token = self.token(&key, 0).sign().unwrap();
        let stranger = self.token(&key, 0).issuer("https://invented.example").sign().unwrap();
        let keys = self.issuer.jwks_json();
        let partner = |number: usize| {
            let issuer = Issuer::new(format!("https://{number}.partners.example"), "partner-api");
            issuer.static_jwks(&*keys).grants(Grants::nothing())
        };
        let own = Issuer::new(self.issuer.url(), self.issuer.audience()).grants(Grants::everything());
        let builder = || {
            let many = (1..999).map(partner).fold(RampartAuth::builder_of(partner(0)), RampartAuthBuilder::issuer);
            many.issuer(own.clone().jwks_cache_ttl(Duration::from_secs(24 * 3600))).issuers(|_: &str| None)
        };
        let (cold, warm) = (self.ready(builder().token_cache_bytes(0)), self.ready(builder()));
        verify(&warm, &token);
        Among { token, stranger, cold, warm }
    }
}

impl Among {
    /// As [`Subject::full`].
    pub fn full(&self) {
        verify(&self.cold, black_box(&self.token));
    }

    /// As [`Subject::hit`].
    pub fn hit(&self) {
        verify(&self.warm, black_box(&self.token));
    }

    /// A token that is refused, since the resolver does not know its issuer.
    pub fn stranger(&self) {
        self.refuse(black_box(&self.stranger));
    }

    /// The same, of another one.
    pub fn refuse(&self, token: &str) {
        let mut outcome = self.warm.authenticate_optional([format!("Bearer {token}").as_bytes()]);
        assert!(outcome.now().unwrap().is_err());
    }
}

impl Subject {
    /// The signature check alone, with a key that was parsed before.
    pub fn bare(&self) {
        self.key.verify_sig(black_box(&self.signing_input), &self.signature).unwrap();
    }

    /// Full verification.
    pub fn full(&self) {
        verify(&self.cold, black_box(&self.token));
    }

    /// Verification of a token that was verified before.
    pub fn hit(&self) {
        verify(&self.warm, black_box(&self.token));
    }

    /// A request with a cached token and so many guards, as adapters ask: the first verifies, the others find what it has kept.
    pub fn guards(&self, guards: usize) {
        self.guards_of(&self.warm, guards);
    }

    /// A request with a cached bearer token to an object that accepts proofs besides, and one guard.
    pub fn accepting(&self) {
        self.guards_of(&self.accepting, 1);
    }

    fn guards_of(&self, auth: &RampartAuth, guards: usize) {
        let head = Head(black_box(self.header.as_bytes()));
        let Verification::Ready(fresh) = auth.verification(&head) else { panic!("waits") };
        fresh.outcome().required::<AnyUser>().unwrap();
        // In the heap, as the extensions of every framework keep it.
        let kept = black_box(Box::new(fresh.into_verified()));
        for _ in 1..guards {
            kept.by(auth, &head).unwrap().required::<AnyUser>().unwrap();
        }
    }

    /// A request with a cached token and a guard as handlers take it, which may ask more of it: with an inquiry.
    pub fn handler(&self) {
        let head = Head(black_box(self.header.as_bytes()));
        let Verification::Ready(fresh) = self.warm.verification(&head) else { panic!("waits") };
        let outcome = fresh.outcome();
        let guard = (outcome.required::<AnyUser>().unwrap(), outcome.inquiry());
        let kept = black_box(Box::new(fresh.into_verified()));
        black_box(&guard);
        drop((guard, kept));
    }

    /// A request with a cached token and a layer that asks for its scopes.
    pub fn layer(&self) {
        let head = Head(black_box(self.header.as_bytes()));
        let Verification::Ready(fresh) = self.warm.verification(&head) else { panic!("waits") };
        assert!(fresh.outcome().pass(&self.gate).is_ok());
        black_box(Box::new(fresh.into_verified()));
    }

    /// The hash of the token alone.
    pub fn sha256(&self) {
        black_box(digest(&SHA256, black_box(self.token.as_bytes())));
    }

    pub fn is_known_to_jsonwebtoken(&self) -> bool {
        self.jsonwebtoken.is_some()
    }

    /// `jsonwebtoken::decode`, to a JSON value.
    pub fn jsonwebtoken(&self) {
        let (key, validation) = self.jsonwebtoken.as_ref().unwrap();
        black_box(jsonwebtoken::decode::<Value>(black_box(&self.token), key, validation).unwrap());
    }
}

/// What a framework lends: one value.
struct Head<'r>(&'r [u8]);

impl RequestHead for Head<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        (name == "authorization").then_some(self.0).into_iter()
    }

    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &'static str {
        "/"
    }
}

fn parsed(jwk: &Value, algorithm: Algorithm) -> ParsedPublicKey {
    match algorithm {
        Algorithm::RS256 => RsaPublicKeyComponents { n: number(jwk, "n"), e: number(jwk, "e") }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .unwrap(),
        _ => prepared(&point(jwk), algorithm),
    }
}

fn number(jwk: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
}

/// The numbers of a key on a curve, as the cryptographic library takes them.
pub fn point(jwk: &Value) -> Vec<u8> {
    match jwk["kty"].as_str() {
        Some("EC") => [&[4], number(jwk, "x").as_slice(), number(jwk, "y").as_slice()].concat(),
        _ => number(jwk, "x"),
    }
}

/// A key on a curve.
pub fn prepared(point: &[u8], algorithm: Algorithm) -> ParsedPublicKey {
    match algorithm {
        Algorithm::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap(),
        Algorithm::ES384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).unwrap(),
        Algorithm::ES512 => ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point).unwrap(),
        _ => ParsedPublicKey::new(&ED25519, point).unwrap(),
    }
}

/// Polls a verification that has nothing to wait for.
pub fn verify(auth: &RampartAuth, token: &str) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let future = std::pin::pin!(auth.verify(token));
    match future.poll(&mut context) {
        std::task::Poll::Ready(Ok(claims)) => drop(black_box(claims)),
        other => panic!("{other:?}"),
    }
}
