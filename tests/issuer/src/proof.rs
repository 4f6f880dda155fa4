//! A DPoP proof as the token endpoint takes it (RFC 9449 sections 4.3 and 5).

use hyper::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::answer::Refused;
use crate::dpop::{jwk_thumbprint, without_query};
use crate::encoding::{from_base64url, now};
use crate::fault::Endpoint;
use crate::record::RecordedRequest;
use crate::state::Shared;

/// What a client may sign a proof with.
pub(crate) const ALGORITHMS: [&str; 6] = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"];

/// Seconds that a proof is good for, and that the clock of its maker may be ahead.
const LIFETIME: u64 = 60;
const AHEAD: u64 = 10;

/// RFC 7517 and RFC 7518: whoever sends one of these has given a secret away.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The thumbprint of the key that the request proves, `None` where it proves none.
pub(crate) fn proven_key(request: &RecordedRequest, shared: &Shared) -> Result<Option<String>, Refused> {
    let mut proofs = request.headers.iter().filter(|(name, _)| name == "dpop").map(|(_, value)| value.as_str());
    match (proofs.next(), proofs.next()) {
        (None, _) => Ok(None),
        (Some(proof), None) => check(proof, request, shared).map(Some),
        _ => Err(invalid("There is more than one DPoP proof")),
    }
}

fn check(proof: &str, request: &RecordedRequest, shared: &Shared) -> Result<String, Refused> {
    let (header, claims) = parts(proof).ok_or(invalid("The DPoP proof is no JWT"))?;
    let thumbprint = signer(proof, &header)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("htm") != Some(&request.method) {
        return Err(invalid("The DPoP proof is for another method"));
    }
    if text("htu").map(without_query) != Some(&shared.address(Endpoint::Token)) {
        return Err(invalid("The DPoP proof is for another URL"));
    }
    let mut state = shared.state.lock();
    if state.dpop_nonce.is_some() && text("nonce") != state.dpop_nonce.as_deref() {
        return Err((StatusCode::BAD_REQUEST, "use_dpop_nonce", "The DPoP proof needs the nonce of this server"));
    }
    let now = now();
    let fresh = now.saturating_sub(LIFETIME)..=now + AHEAD;
    let issued_at = claims.get("iat").and_then(Value::as_u64).filter(|issued_at| fresh.contains(issued_at));
    let issued_at = issued_at.ok_or(invalid("The DPoP proof is too old, or made in the future"))?;
    let id = text("jti").filter(|id| (1..=128).contains(&id.len()));
    let id = id.ok_or(invalid("The DPoP proof has no jti, or a long one"))?;
    // RFC 9449 section 11.1. A proof that is too old by now cannot come again.
    state.spent_proofs.retain(|_, issued_at| *issued_at >= *fresh.start());
    let proof = (thumbprint, id.to_owned());
    if state.spent_proofs.contains_key(&proof) {
        return Err(invalid("The DPoP proof has been used before"));
    }
    state.spent_proofs.insert(proof.clone(), issued_at);
    Ok(proof.0)
}

fn invalid(description: &'static str) -> Refused {
    (StatusCode::BAD_REQUEST, "invalid_dpop_proof", description)
}

fn parts(proof: &str) -> Option<(Value, Value)> {
    let [header, claims, _signature] = proof.split('.').collect::<Vec<_>>().try_into().ok()?;
    let json = |part| serde_json::from_slice::<Value>(&from_base64url(part)?).ok().filter(Value::is_object);
    Some((json(header)?, json(claims)?))
}

/// The thumbprint of the key in the header, where that has signed.
fn signer(proof: &str, header: &Value) -> Result<String, Refused> {
    if header.get("typ").and_then(Value::as_str) != Some("dpop+jwt") {
        return Err(invalid("The type of the DPoP proof is not dpop+jwt"));
    }
    let algorithm = header.get("alg").and_then(Value::as_str).filter(|algorithm| ALGORITHMS.contains(algorithm));
    let algorithm = algorithm.ok_or(invalid("The DPoP proof is signed with an algorithm that is not accepted"))?;
    let jwk = header.get("jwk").ok_or(invalid("The DPoP proof has no jwk"))?;
    if PRIVATE.iter().any(|name| jwk.get(name).is_some()) {
        return Err(invalid("The jwk of the DPoP proof is a private key"));
    }
    let wrong_key = invalid("The jwk of the DPoP proof is no key for its algorithm");
    if !fits(jwk, algorithm) {
        return Err(wrong_key);
    }
    let thumbprint = jwk_thumbprint(jwk).ok_or(wrong_key)?;
    let key = serde_json::from_value::<Jwk>(jwk.clone()).ok().and_then(|jwk| DecodingKey::from_jwk(&jwk).ok());
    let key = key.ok_or(wrong_key)?;
    // RFC 9864: Ed25519 is EdDSA over that curve, and no other curve fits above.
    let algorithm = if algorithm == "Ed25519" { Ok(Algorithm::EdDSA) } else { algorithm.parse() };
    let verified = algorithm.and_then(|algorithm| {
        let (message, signature) = proof.rsplit_once('.').unwrap_or_default();
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm)
    });
    if verified.unwrap_or(false) { Ok(thumbprint) } else { Err(invalid("The DPoP proof is not signed by its jwk")) }
}

/// Whether the key is of the kind and the curve of the algorithm.
fn fits(jwk: &Value, algorithm: &str) -> bool {
    let member = |name| jwk.get(name).and_then(Value::as_str);
    let expected = match algorithm {
        "ES256" => ("EC", Some("P-256")),
        "ES384" => ("EC", Some("P-384")),
        "EdDSA" | "Ed25519" => ("OKP", Some("Ed25519")),
        _ => ("RSA", None),
    };
    (member("kty"), member("crv")) == (Some(expected.0), expected.1)
}
