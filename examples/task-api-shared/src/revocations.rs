//! What an administrator revokes.

use rampart_core::{RampartAuth, Revocation, Revocations};
use serde::Deserialize;

use crate::Answer;

/// The body of a request: one of these, and nothing besides. Times are seconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Token(Token),
    Session(Session),
    User(User),
    Client(Client),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    iss: String,
    jti: String,
    until: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    iss: String,
    sid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    iss: String,
    sub: String,
    issued_before: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    iss: String,
    client_id: String,
}

const FORMS: &str = "The body must be JSON, one of {\"iss\", \"jti\", \"until\"}, {\"iss\", \"sid\"}, {\"iss\", \"sub\", \"issued_before\"} and \
                     {\"iss\", \"client_id\"}: names are text, times whole seconds since 1970";

/// `POST /api/admin/revocations`: 204 once it is stored, so that what it names is refused from now on.
///
/// 400 for a body of another form, and for what would do nothing: a mistake in the name of the issuer would go unnoticed otherwise. 503 where it
/// could not be stored for all replicas; then it should be sent again.
pub async fn revoke(auth: &RampartAuth, revocations: &Revocations, body: &[u8]) -> Answer {
    let refused = |description: &str| Answer::problem(400, "invalid_request", description);
    // A derived struct can also be read from an array.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let Some(named) = is_object.then(|| serde_json::from_slice(body).ok()).flatten() else { return refused(FORMS) };
    let (iss, revocation) = match named {
        Named::Token(Token { iss, jti, until }) => (iss.clone(), Revocation::token(iss, jti).until(until)),
        Named::Session(Session { iss, sid }) => (iss.clone(), Revocation::session(iss, sid)),
        Named::User(User { iss, sub, issued_before }) => {
            (iss.clone(), Revocation::subject(iss, sub).issued_before(issued_before))
        }
        Named::Client(Client { iss, client_id }) => (iss.clone(), Revocation::client(iss, client_id)),
    };
    if auth.issuers().iter().all(|issuer| issuer.name != iss) {
        return refused("iss must be the name of an issuer whose tokens this API accepts");
    }
    match revocations.revoke(revocation).await {
        Ok(()) => Answer::done(),
        Err(error) if error.is_refused() => refused(&format!("Nothing was revoked: {error}")),
        Err(_) => Answer::unavailable("The revocation is not stored for every replica: send it again"),
    }
}
