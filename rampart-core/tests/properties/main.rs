//! Properties: what holds for every token, key set and header value, shown on generated ones. `PROPTEST_CASES` sets how
//! many each property tries; a failing one is printed in its smallest form.
#![cfg(test)]
#![allow(clippy::string_slice, reason = "a test fails by a panic")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/twin.rs"]
mod twin;

mod authorization;
mod key_sets;
mod payloads;
mod tampering;
mod tokens;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use rampart_core::{Algorithm, AuthError, KeySet};
use rampart_issuer::SigningKey;

use common::{Auth, EC, EC_384, EC_521, ED, RSA, SignWith};

/// So many cases, unless `PROPTEST_CASES` says otherwise. Failures are printed, not written into the tree.
fn cases(default: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().map(|number| number.parse().expect("PROPTEST_CASES: a number"));
    Config { cases: wanted.unwrap_or(default), failure_persistence: None, ..Config::default() }
}

const ALL: [Algorithm; 11] = {
    use Algorithm::{ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519]
};

/// Every algorithm, the keys of `common::all_keys`.
static AUTH: LazyLock<Auth> = LazyLock::new(|| Auth::new(|builder| builder.algorithms(ALL)));

fn key_of(algorithm: SignWith) -> &'static SigningKey {
    match algorithm {
        SignWith::ES256 => &EC,
        SignWith::ES384 => &EC_384,
        SignWith::ES512 => &EC_521,
        SignWith::EdDSA | SignWith::Ed25519 => &ED,
        _ => &RSA,
    }
}

fn any_algorithm() -> impl Strategy<Value = SignWith> {
    proptest::sample::select(SignWith::ALL)
}

/// Mostly the cheap ones, where the signature is not what matters.
fn cheap_algorithm() -> impl Strategy<Value = SignWith> {
    use SignWith::{ES256, ES512, EdDSA, PS256, RS256};
    prop_oneof![8 => Just(EdDSA), 2 => Just(ES256), 1 => proptest::sample::select(&[RS256, PS256, ES512][..])]
}

/// JSON text of any value: of any depth, with duplicate members, odd numbers and escapes, and seldom not quite JSON.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[ -~]{0,12}".prop_map(|text| common::quoted(&text)),
        2 => any::<String>().prop_map(|text| common::quoted(&text)),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("JSON has neither", |number| number.is_finite()).prop_map(|number| number.to_string()),
        1 => proptest::sample::select(&[
            "null", "true", "false", "0", "-0", "1e400", "1e-400", "-1", "18446744073709551616", "253402300800", "0.1e1",
            r#""\u0061dmin""#, r#""\ud83d\ude00""#, r#""\ud83d""#, "[]", "{}", "NaN", "01", "+1", "'x'", "\"\u{0}\"",
        ][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(40, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            vec(("[a-c]{1,2}", inner.clone()), 0..6).prop_map(|members| object(&members)),
            (inner, 0_usize..200).prop_map(|(value, levels)| format!(
                "{}{value}{}",
                "[".repeat(levels),
                "]".repeat(levels)
            )),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", common::quoted(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// An answer that holds nothing of what was sent: it is short whatever came in.
fn is_short(error: &AuthError) -> bool {
    error.to_string().len() < 200 && format!("{error:?}").len() < 200
}

/// What the signature layer and both verifiers answer must be the same refusal.
fn is_refused(keys: &KeySet, token: &str) -> bool {
    let (outcome, _) = AUTH.ask("property", token);
    keys.verify(token, &ALL) == Err(AuthError::InvalidToken) && outcome.is_err_and(|error| is_short(&error))
}
