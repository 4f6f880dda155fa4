//! What the targets of proofs share (RFC 9449): requests with a good token that is bound to a key, so that the proof alone decides.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::adapter::{RequestHead, Verification};
use rampart_core::{
    Algorithm, AnyUser, AuthError, Dpop, Insertion, NonceKey, RampartAuth, ReplayStore, Spending, SpentProof,
    StoreHealth,
};
use rampart_issuer::DpopKey;
use serde_json::{Value, json};

use crate::{AUDIENCE, HEADER, ISSUER, NOW, builder, sign};

/// The API as its callers see it; a proxy takes the path away.
pub const PUBLIC_URL: &str = "https://api.example/v1";
/// What every request asks for.
pub const METHOD: &str = "GET";

/// Every proof is new to it: whether one is good is asked here, and not whether it was shown before.
#[derive(Debug)]
struct AlwaysNew;

impl ReplayStore for AlwaysNew {
    fn insert_new(&self, _: &SpentProof) -> Insertion {
        Insertion::Done(Ok(Spending::New))
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ready
    }
}

/// Bound tokens pass with a proof.
pub fn dpop() -> Dpop {
    let algorithms = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::Ed25519, Algorithm::PS256];
    Dpop::accepted().public_url(PUBLIC_URL).algorithms(algorithms).replay(Arc::new(AlwaysNew))
}

/// A verifier that knows [`KEY`](crate::KEY), and takes bound tokens.
pub static AUTH: LazyLock<RampartAuth> =
    LazyLock::new(|| builder().dpop(dpop()).build().expect("the settings are good"));

/// The same, where a proof must have a nonce.
pub static AUTH_NONCES: LazyLock<RampartAuth> = LazyLock::new(|| {
    let dpop = dpop().nonces(NonceKey::shared([7; 32]));
    builder().dpop(dpop).build().expect("the settings are good")
});

/// The key of the client: Ed25519, the quickest.
pub static CLIENT: LazyLock<DpopKey> =
    LazyLock::new(|| DpopKey::generate_for(rampart_issuer::Algorithm::EdDSA).expect("a key can be made"));

/// A token that is bound to [`CLIENT`].
pub static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let (exp, iat) = (NOW + 600, NOW - 60);
    let payload = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": exp, "iat": iat,
        "cnf": {"jkt": CLIENT.thumbprint()}});
    sign(HEADER.as_bytes(), payload.to_string().as_bytes())
});

/// What a proof for [`TOKEN`] has in `ath`.
pub static ATH: LazyLock<String> = LazyLock::new(|| {
    let proof = CLIENT.proof(METHOD, "").access_token(&TOKEN).sign().expect("the key can sign");
    let payload = proof.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).expect("it has one");
    let payload: Value = serde_json::from_slice(&payload).expect("it is JSON");
    payload["ath"].as_str().expect("a text").to_owned()
});

/// A request with a token and these values of `DPoP`.
#[derive(Debug)]
pub struct Request<'r> {
    authorization: Vec<u8>,
    path: &'r str,
    proofs: &'r [&'r [u8]],
}

impl<'r> Request<'r> {
    /// By the scheme `DPoP`.
    pub fn new(token: &str, path: &'r str, proofs: &'r [&'r [u8]]) -> Self {
        Self { authorization: format!("DPoP {token}").into_bytes(), path, proofs }
    }

    /// What comes of it, which must be one that a proof can lead to, in a form that can be sent; of a refusal the nonce too.
    pub fn ask(&self, auth: &RampartAuth) -> Result<(), (AuthError, Option<String>)> {
        let Verification::Ready(fresh) = auth.verification(self) else { panic!("the keys are fixed") };
        let outcome = fresh.outcome().required::<AnyUser>();
        let Err(rejection) = outcome else { return Ok(()) };
        let error = rejection.error().clone();
        // The second where the key is another than that of the token.
        assert!(
            matches!(error, AuthError::InvalidProof { .. } | AuthError::InvalidToken | AuthError::UseNonce),
            "{error:?}"
        );
        assert!(rejection.headers().all(|(_, value)| value.bytes().all(|byte| (0x20..0x7f).contains(&byte))));
        assert!(serde_json::from_str::<serde_json::Value>(rejection.body()).is_ok() && rejection.body().len() < 300);
        let mut headers = rejection.headers();
        let nonce =
            headers.find(|(name, _)| name.eq_ignore_ascii_case("dpop-nonce")).map(|(_, value)| value.to_owned());
        Err((error, nonce))
    }
}

impl RequestHead for Request<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let (token, proofs) = match name {
            "authorization" => (Some(self.authorization.as_slice()), &[] as &[_]),
            "dpop" => (None, self.proofs),
            _ => (None, &[] as &[_]),
        };
        token.into_iter().chain(proofs.iter().copied())
    }

    fn method(&self) -> &str {
        METHOD
    }

    fn path(&self) -> &str {
        self.path
    }
}

/// Whether a URL names what was called at [`PUBLIC_URL`], by a reading of RFC 3986 section 6.2 that shares nothing with the library's.
pub fn names(url: &str, path: &str) -> bool {
    let path_of_url = || {
        let is_uri = url.bytes().all(|byte| byte.is_ascii_graphic());
        let origin = "https://api.example";
        let (own, rest) = url.split_at_checked(origin.len())?;
        if !is_uri || !own.eq_ignore_ascii_case(origin) {
            return None;
        }
        let rest = rest.strip_prefix(":443").or_else(|| rest.strip_prefix(':')).unwrap_or(rest);
        match rest.split(['?', '#']).next() {
            Some("") => Some("/"),
            path => path,
        }
    };
    let Some((named, called)) = path_of_url().and_then(|named| Some((segments(named)?, segments(path)?))) else {
        return false;
    };
    let prefixed = [&["v1".to_owned()], called.as_slice()].concat();
    named == prefixed || (named == ["v1"] && called == [""])
}

/// What stands between the slashes once it is decoded as far as that changes nothing, and without dot segments.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut text = String::new();
    let mut rest = path;
    while let Some(char) = rest.chars().next() {
        if char == '%' {
            let digits = rest.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            let byte = char::from(u8::from_str_radix(digits, 16).ok()?);
            if byte.is_ascii_alphanumeric() || "-._~".contains(byte) {
                text.push(byte);
            } else {
                text += &rest[..3].to_ascii_uppercase();
            }
            rest = &rest[3..];
            continue;
        }
        // Of those that RFC 3986 has in no path, browsers send four as they are.
        if !char.is_ascii_alphanumeric() && !"-._~!$&'()*+,;=:@/[]|^".contains(char) {
            return None;
        }
        text.push(char);
        rest = &rest[1..];
    }
    let all: Vec<_> = text.strip_prefix('/')?.split('/').collect();
    let (last, mut segments) = (all.len() - 1, Vec::new());
    for (at, segment) in all.into_iter().enumerate() {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment.to_owned()),
        }
        if at == last && matches!(segment, "." | "..") {
            segments.push(String::new());
        }
    }
    Some(segments)
}
