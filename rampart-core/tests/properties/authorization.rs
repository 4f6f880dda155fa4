//! Any `Authorization` values: the answer follows from their grammar, and it is well-formed.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use rampart_core::{AnyUser, AuthError, Rejection};

use super::common::{Draft, ED, fresh};
use super::{AUTH, cases};

static TOKEN: LazyLock<String> = LazyLock::new(|| Draft::by(&ED).sign());

/// Bytes around and between the parts of credentials, in any order and number.
fn nearly_credentials() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(&["Bearer", "bearer", "BEARER", "Basic", "DPoP", "Negotiate"][..]).prop_map(|text| text.as_bytes().to_vec()),
        5 => prop::sample::select(&[" ", "  ", "\t", ",", ":", "=", "\"", "\0", "\r\n", "\u{a0}"][..]).prop_map(|text| text.as_bytes().to_vec()),
        4 => Just(()).prop_map(|()| TOKEN.clone().into_bytes()),
        1 => vec(any::<u8>(), 0..12),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// `[ \t]* Bearer 1*SP token [ \t]*`, the scheme in any case: written down a second time, without the library.
fn is_the_token(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let text = text.trim_matches([' ', '\t']);
    let Some((scheme, rest)) = text.split_at_checked(6) else { return false };
    scheme.eq_ignore_ascii_case("bearer") && rest.starts_with(' ') && rest.trim_start_matches(' ') == *TOKEN
}

/// Status, challenge and body fit together, and hold nothing that was sent.
fn is_well_formed(rejection: &Rejection) -> bool {
    let body: serde_json::Value = serde_json::from_str(rejection.body()).unwrap();
    let (status, challenge) = (rejection.status(), rejection.challenges().next().unwrap());
    let is_visible = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    matches!(status, 400 | 401)
        && body["status"] == status
        && body["error"] == rejection.error().code()
        && challenge.starts_with("Bearer realm=\"default\"")
        && challenge.contains("error=") == !matches!(rejection.error(), AuthError::MissingToken)
        && rejection.headers().all(|(_, value)| is_visible(value) && value.len() < 300)
        && rejection.body().len() < 300
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn the_answer_follows_from_the_grammar(
        values in vec(prop_oneof![4 => nearly_credentials(), 1 => vec(any::<u8>(), 0..64)], 0..4),
    ) {
        for auth in [&AUTH.cached, &AUTH.uncached] {
            let fresh = fresh(auth, &values);
            let verified = fresh.outcome();
            let outcome = verified.required::<AnyUser>();
            if let Err(rejection) = &outcome {
                prop_assert!(is_well_formed(rejection), "{:?}", rejection);
            }
            let error = outcome.err().map(|rejection| rejection.error().clone());
            match values.as_slice() {
                [] => prop_assert_eq!(error, Some(AuthError::MissingToken)),
                [value] if is_the_token(value) => prop_assert_eq!(error, None),
                [_] => prop_assert!(matches!(error, Some(AuthError::MissingToken | AuthError::InvalidToken)), "{error:?}"),
                _ => prop_assert_eq!(error, Some(AuthError::InvalidRequest)),
            }
            // Optional authentication lets in what carries no bearer token, and nothing else.
            let optional = verified.optional::<AnyUser>();
            let is_anonymous = matches!(&optional, Ok(None));
            let is_missing = matches!(verified.required::<AnyUser>(), Err(rejection) if *rejection.error() == AuthError::MissingToken);
            prop_assert_eq!(is_anonymous, is_missing);
        }
    }
}
