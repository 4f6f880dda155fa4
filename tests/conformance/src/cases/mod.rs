//! The cases, by topic.

use std::sync::LazyLock;

use crate::case::{Answer, Case};
use crate::fixture::FIXTURE;

mod claims;
mod dpop;
mod elsewhere;
mod handlers;
mod header;
mod introspection;
mod issuers;
mod keys;
mod layers;
mod mapping;
mod requests;
mod resolver;
mod revocation;
mod rights;
mod serialization;
mod tenants;

/// All cases. Their tokens are made once.
pub static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let fixture = &FIXTURE;
    [
        mapping::cases(fixture),
        header::cases(fixture),
        requests::cases(fixture),
        serialization::cases(fixture),
        keys::cases(fixture),
        claims::cases(fixture),
        elsewhere::cases(fixture),
        rights::cases(fixture),
        layers::cases(fixture),
        handlers::cases(fixture),
        issuers::cases(fixture),
        resolver::cases(fixture),
        tenants::cases(fixture),
        dpop::cases(fixture),
        introspection::cases(fixture),
        revocation::cases(fixture),
    ]
    .concat()
});

/// A rejection of the default realm: its headers and body, written out.
fn rejected(status: u16, code: &str, description: &str, parameters: &str) -> Answer {
    let challenge = format!("Bearer realm=\"default\"{parameters}");
    Answer {
        status,
        headers: vec![
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
            ("www-authenticate", challenge.as_str().into()),
        ],
        ordered: true,
        body: format!(r#"{{"error":"{code}","error_description":"{description}","status":{status}}}"#),
    }
}

fn missing_token() -> Answer {
    rejected(401, "unauthorized", "This resource requires an access token: Authorization: Bearer <token>", "")
}

/// The same, of a route that asks for these scopes.
fn missing_token_with_scope(scope: &str) -> Answer {
    rejected(
        401,
        "unauthorized",
        "This resource requires an access token: Authorization: Bearer <token>",
        &format!(r#", scope="{scope}""#),
    )
}

fn two_credentials() -> Answer {
    rejected(
        400,
        "invalid_request",
        "The request has more than one Authorization header",
        r#", error="invalid_request", error_description="The request has more than one Authorization header""#,
    )
}

fn invalid_token() -> Answer {
    rejected(
        401,
        "invalid_token",
        "The access token is invalid",
        r#", error="invalid_token", error_description="The access token is invalid""#,
    )
}

fn missing_claim(name: &str) -> Answer {
    let description = format!("The access token lacks the claim {name}");
    let parameters = format!(r#", error="invalid_token", error_description="{description}""#);
    rejected(401, "invalid_token", &description, &parameters)
}

fn token_expired() -> Answer {
    rejected(
        401,
        "token_expired",
        "The access token expired",
        r#", error="invalid_token", error_description="The access token expired""#,
    )
}

fn lacks_role(what: &str) -> Answer {
    let description = format!("The access token lacks {what}");
    let parameters = format!(r#", error="insufficient_scope", error_description="{description}""#);
    rejected(403, "insufficient_role", &description, &parameters)
}

fn lacks_scope(what: &str, scope: &str) -> Answer {
    let description = format!("The access token lacks {what}");
    let parameters = format!(r#", error="insufficient_scope", error_description="{description}", scope="{scope}""#);
    rejected(403, "insufficient_scope", &description, &parameters)
}

/// The handler's answer to a plain user's token.
const ADA: &str = "ada roles=user scope=";
