//! V1: the lines of the input are the `Authorization` values of a request; `{token}` in them stands for a good token.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rampart_core::adapter::{Authorization, Verification};
use rampart_core::{AnyUser, AuthError};
use rampart_core_fuzz::{AUTH, HEADER, PAYLOAD, sign};

static TOKEN: LazyLock<String> = LazyLock::new(|| sign(HEADER.as_bytes(), PAYLOAD.as_bytes()));

fn filled_in(line: &[u8]) -> Vec<u8> {
    const PLACE: &[u8] = b"{token}";
    let mut value = Vec::with_capacity(line.len() + TOKEN.len());
    let mut rest = line;
    while let Some(at) = rest.windows(PLACE.len()).position(|window| window == PLACE) {
        value.extend([&rest[..at], TOKEN.as_bytes()].concat());
        rest = &rest[at + PLACE.len()..];
    }
    value.extend(rest);
    value
}

/// `Bearer 1*SP token` in optional white space, written down a second time.
fn is_the_token(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let Some((scheme, rest)) = text.trim_matches([' ', '\t']).split_at_checked(6) else { return false };
    scheme.eq_ignore_ascii_case("bearer") && rest.starts_with(' ') && rest.trim_start_matches(' ') == *TOKEN
}

fuzz_target!(|data: &[u8]| {
    let values: Vec<_> = data.split(|byte| *byte == b'\n').map(filled_in).collect();
    let head = Authorization::new(&values);
    let Verification::Ready(fresh) = AUTH.verification(&head) else { panic!("the keys are fixed") };
    let outcome = fresh.outcome().required::<AnyUser>();
    match (values.as_slice(), &outcome) {
        ([value], Ok(_)) => assert!(is_the_token(value)),
        ([value], Err(rejection)) => {
            assert!(!is_the_token(value));
            assert!(matches!(rejection.error(), AuthError::MissingToken | AuthError::InvalidToken));
        }
        (_, outcome) => {
            let error = outcome.as_ref().err().map(|rejection| rejection.error().clone());
            assert_eq!(error, Some(AuthError::InvalidRequest));
        }
    }
    if let Err(rejection) = outcome {
        assert!(rejection.headers().all(|(_, value)| value.bytes().all(|byte| (0x20..0x7f).contains(&byte))));
        assert!(serde_json::from_str::<serde_json::Value>(rejection.body()).is_ok() && rejection.body().len() < 300);
    }
});
