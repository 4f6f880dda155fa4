//! Tokens that are bound to a key, and the proofs of their senders (RFC 9449). A case is one outcome of a row of the index, and
//! its inputs are those of that row.

use rampart_issuer::ProofBuilder;
use serde_json::Value;

use crate::case::{Answer, App, Case, Text};
use crate::credentials::Input;
use crate::fixture::Fixture;
use crate::sender::{Sender, bound};

mod binding;
mod challenges;
mod form;
mod keys;
mod nonces;
mod targets;
mod times;

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    [
        form::cases(f),
        keys::cases(f),
        targets::cases(f),
        times::cases(f),
        nonces::cases(f),
        binding::cases(f),
        challenges::cases(f),
    ]
    .concat()
}

/// A request of a good sender to `/protected`, to be changed in one thing.
fn sender() -> Sender {
    Sender::of(&bound())
}

/// A case of the API that accepts proofs.
fn get(name: &'static str) -> Case {
    Case::get(name, "/protected").of(App::Dpop)
}

/// Proofs with each of these in the place of a claim.
fn each_claim(sender: &Sender, name: &'static str, values: impl IntoIterator<Item = Value>) -> Vec<Input> {
    let input = |value: Value| sender.with(format!("{name}: {value:.100}"), move |proof| proof.claim(name, &value));
    values.into_iter().map(input).collect()
}

/// The same of texts.
fn each_text(sender: &Sender, name: &'static str, texts: &[&str]) -> Vec<Input> {
    each_claim(sender, name, texts.iter().map(|text| Value::from(*text)))
}

/// Proofs with each of these in the place of a header parameter.
fn each_parameter(sender: &Sender, name: &'static str, values: impl IntoIterator<Item = Value>) -> Vec<Input> {
    let input = |value: Value| sender.with(format!("{name}: {value:.100}"), move |proof| proof.header(name, &value));
    values.into_iter().map(input).collect()
}

/// A proof without a claim.
fn without(sender: &Sender, name: &'static str) -> Input {
    sender.with(format!("no {name}"), move |proof| proof.without(name))
}

/// A proof with these members before the others of its header.
fn header_begins(sender: &Sender, members: &'static str) -> Input {
    sender.with(members, move |proof| {
        let header = begun(&proof.protected_header(), members);
        proof.raw_header(header)
    })
}

/// A proof with these members before the others of its payload.
fn payload_begins(sender: &Sender, members: &'static str) -> Input {
    sender.with(members, move |proof: ProofBuilder| {
        let payload = begun(&proof.payload(), members);
        proof.raw_payload(payload)
    })
}

fn begun(object: &[u8], members: &str) -> String {
    format!("{{{members},{}", std::str::from_utf8(object).unwrap().strip_prefix('{').unwrap())
}

const BEARER: &str = r#"Bearer realm="default""#;
const DPOP: &str = r#"DPoP realm="default", algs="ES256 EdDSA Ed25519""#;

/// A rejection with these challenges.
fn rejected(status: u16, code: &str, description: &str, challenges: &[String]) -> Answer {
    let mut headers: Vec<(&'static str, Text)> =
        vec![("content-type", "application/json".into()), ("cache-control", "no-store".into())];
    headers.extend(challenges.iter().map(|challenge| ("www-authenticate", challenge.as_str().into())));
    let body = format!(r#"{{"error":"{code}","error_description":"{description}","status":{status}}}"#);
    Answer { status, headers, ordered: true, body }
}

fn with_error(challenge: &str, error: &str, description: &str) -> String {
    format!(r#"{challenge}, error="{error}", error_description="{description}""#)
}

/// 401 with what was wrong in the challenge of the scheme `DPoP`.
fn refused_by_dpop(code: &str, error: &str, description: &str) -> Answer {
    rejected(401, code, description, &[BEARER.to_owned(), with_error(DPOP, error, description)])
}

/// The proof is not good.
pub(super) fn invalid_proof() -> Answer {
    refused_by_dpop("invalid_dpop_proof", "invalid_dpop_proof", "The DPoP proof is invalid")
}

/// There is no proof.
pub(super) fn missing_proof() -> Answer {
    refused_by_dpop("invalid_dpop_proof", "invalid_dpop_proof", "The DPoP proof is missing")
}

/// The token is not good, or not for its sender, and came by the scheme `DPoP`.
pub(super) fn invalid_token() -> Answer {
    refused_by_dpop("invalid_token", "invalid_token", "The access token is invalid")
}

/// The same by the scheme `Bearer`.
pub(super) fn invalid_bearer_token() -> Answer {
    let description = "The access token is invalid";
    rejected(401, "invalid_token", description, &[with_error(BEARER, "invalid_token", description), DPOP.to_owned()])
}

const NO_TOKEN: &str = "This resource requires an access token: Authorization: Bearer <token>";

/// There are no credentials.
fn missing_token() -> Answer {
    rejected(401, "unauthorized", NO_TOKEN, &[BEARER.to_owned(), DPOP.to_owned()])
}

/// The token lacks the scope of `/scope`.
fn lacks_scope() -> Answer {
    let description = "The access token lacks the scope tasks:write";
    let dpop = format!(r#"{}, scope="tasks:write""#, with_error(DPOP, "insufficient_scope", description));
    rejected(403, "insufficient_scope", description, &[BEARER.to_owned(), dpop])
}

/// The same answer with a nonce.
fn with_nonce(mut answer: Answer) -> Answer {
    answer.headers.push(("dpop-nonce", Text::Anything));
    answer
}

/// The proof needs a nonce.
fn use_nonce() -> Answer {
    let description = "The DPoP proof must hold the nonce of the DPoP-Nonce header";
    with_nonce(refused_by_dpop("use_dpop_nonce", "use_dpop_nonce", description))
}
