//! Tokens that the issuer is asked about (RFC 7662), by its own endpoint and over real sockets. A case is one outcome of a row of the
//! index, and its inputs are those of that row.

use std::sync::atomic::{AtomicUsize, Ordering};

use rampart_issuer::OpaqueBuilder;
use serde_json::Value;

use crate::case::{Answer, App, Case, Text};
use crate::credentials::{Credentials, Input};
use crate::fixture::Fixture;
use crate::introspection::IntrospectionApis;

use super::ADA;

mod answers;
mod bound;
mod every_token;
mod kinds;
mod routing;
mod signed;

pub(super) fn cases(f: &Fixture) -> Vec<Case> {
    let apis = &f.introspection;
    [
        answers::cases(apis),
        kinds::cases(apis),
        bound::cases(apis),
        routing::cases(apis),
        every_token::cases(apis),
        signed::cases(apis),
    ]
    .concat()
}

/// A case of the API that asks about opaque tokens.
fn get(name: &'static str) -> Case {
    Case::get(name, "/protected").of(App::Opaque)
}

/// A request with this token.
fn with(what: impl Into<String>, token: impl Into<String>) -> Input {
    let token = token.into();
    Input::new(what, move || Credentials::default().token("Bearer", &token))
}

/// A request with this token, issued.
fn issued(what: impl Into<String>, token: &OpaqueBuilder) -> Input {
    with(what, token.issue())
}

/// Requests with tokens about which the issuer says each of these in the place of a member.
fn each<V: Into<Value>>(token: &OpaqueBuilder, name: &str, values: impl IntoIterator<Item = V>) -> Vec<Input> {
    let input = |value: V| {
        let value = value.into();
        issued(format!("{name}: {value}"), &fresh(token).claim(name, value))
    };
    values.into_iter().map(input).collect()
}

/// The same of tokens that were good before: see [`IntrospectionApis::known`].
fn each_known(
    apis: &IntrospectionApis,
    app: App,
    token: &OpaqueBuilder,
    name: &str,
    values: impl IntoIterator<Item = Value>,
) -> Vec<Input> {
    let input = |value: Value| known(apis, app, format!("{name}: {value}"), &fresh(token).claim(name, &value));
    values.into_iter().map(input).collect()
}

/// A request with a token that was good before.
fn known(apis: &IntrospectionApis, app: App, what: impl Into<String>, token: &OpaqueBuilder) -> Input {
    with(what, apis.known(apis.of(app).unwrap(), token))
}

/// The same answer about a token of its own.
fn fresh(token: &OpaqueBuilder) -> OpaqueBuilder {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    token.clone().prefix(&format!("{number}-"))
}

/// The issuer cannot be asked, or what it says is no answer: after five seconds it is worth trying again.
fn unavailable() -> Answer {
    let body = r#"{"error":"temporarily_unavailable","error_description":"The request cannot be checked at the moment; retry later","status":503}"#;
    Answer {
        status: 503,
        headers: vec![
            ("content-type", "application/json".into()),
            ("cache-control", "no-store".into()),
            ("retry-after", Text::Seconds(1..=5)),
        ],
        ordered: true,
        body: body.to_owned(),
    }
}
