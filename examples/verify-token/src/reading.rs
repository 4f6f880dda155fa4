//! What a token says of itself, to be shown beside what is accepted. Nothing is decided by it: that is the library's part.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// How much of one value is shown.
const SHOWN: usize = 200;

pub(crate) struct Reading {
    pub(crate) bytes: usize,
    pub(crate) parts: usize,
    header: Map<String, Value>,
    payload: Map<String, Value>,
}

impl Reading {
    pub(crate) fn of(token: &str) -> Self {
        let mut parts = token.split('.');
        let mut object = || {
            let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let header = object().unwrap_or_default();
        let payload = object().unwrap_or_default();
        Self { bytes: token.len(), parts: token.split('.').count(), header, payload }
    }

    /// `alg "ES256", kid "1"`, of those that are there.
    pub(crate) fn header(&self, names: &[&str]) -> String {
        listed(&self.header, names)
    }

    pub(crate) fn payload(&self, names: &[&str]) -> String {
        listed(&self.payload, names)
    }

    /// The names alone of those that are there and not null.
    pub(crate) fn present(&self, names: &[&str]) -> String {
        let is_there = |name: &&&str| self.payload.get(**name).is_some_and(|value| !value.is_null());
        names.iter().filter(is_there).copied().collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.payload.get(name)?.as_f64()
    }

    /// What stands at each of these JSON pointers.
    pub(crate) fn at(&self, pointers: &[&str]) -> String {
        let payload = Value::Object(self.payload.clone());
        let said = pointers
            .iter()
            .filter_map(|pointer| payload.pointer(pointer).map(|value| format!("{pointer} {}", shown(value))));
        said.collect::<Vec<_>>().join(", ")
    }

    /// Whether it says that it is bound to a key, whose proof comes beside it (RFC 9449).
    pub(crate) fn is_bound(&self) -> bool {
        self.payload.get("cnf").is_some_and(|cnf| cnf.get("jkt").is_some())
    }

    /// Where roles often stand, and some do in this token.
    pub(crate) fn roles_elsewhere(&self) -> Option<String> {
        let payload = Value::Object(self.payload.clone());
        let is_some = |value: &Value| value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_string));
        let mut usual = vec!["/realm_access/roles".to_owned(), "/groups".to_owned(), "/cognito:groups".to_owned()];
        for client in self.payload.get("resource_access").and_then(Value::as_object).into_iter().flatten() {
            usual.push(format!("/resource_access/{}/roles", client.0.replace('~', "~0").replace('/', "~1")));
        }
        usual
            .into_iter()
            .find(|pointer| payload.pointer(pointer).is_some_and(is_some))
            .map(|pointer| harmless(&pointer))
    }
}

fn listed(members: &Map<String, Value>, names: &[&str]) -> String {
    let said = names.iter().filter_map(|name| members.get(*name).map(|value| format!("{name} {}", shown(value))));
    said.collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    let mut text = harmless(&value.to_string());
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push_str("..");
    }
    text
}

/// With everything escaped that could forge or disguise what a terminal shows; line breaks stay.
pub(crate) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' | '\n' => harmless.push(character),
            _ => harmless.extend(character.escape_debug()),
        }
    }
    harmless
}
