//! V1: which `Authorization` values carry a token, which carry none, and which are refused.

use std::sync::LazyLock;

use crate::common::{AUTH, Draft, fresh, log, ready};
use rampart_core::AuthError;

static TOKEN: LazyLock<String> = LazyLock::new(|| Draft::good().sign());

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// The token is found whole, and it is good.
    Passes,
    /// No bearer credentials.
    Missing,
    /// More than one value.
    Ambiguous,
    /// Bearer credentials that are refused, by this rule.
    Invalid(&'static str),
}
use Expected::{Ambiguous, Invalid, Missing, Passes};

/// `T` stands for a good token wherever it is a word of its own, in the bytes of a value.
fn value(pattern: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, byte) in pattern.iter().enumerate() {
        let is_edge = |at: Option<usize>| !at.and_then(|at| pattern.get(at)).is_some_and(u8::is_ascii_alphabetic);
        if *byte == b'T' && is_edge(at.checked_sub(1)) && is_edge(Some(at + 1)) {
            bytes.extend(TOKEN.as_bytes());
        } else {
            bytes.push(*byte);
        }
    }
    bytes
}

fn check(id: &str, values: &[Vec<u8>], expected: Expected) {
    log::clear();
    let outcome = ready(AUTH.cached.authenticate(values));
    let rule = log::rule();
    let uncached = ready(AUTH.uncached.authenticate(values));
    let optional = ready(AUTH.cached.authenticate_optional(values));
    let fresh = fresh(&AUTH.cached, values);

    let sub = |claims: &std::sync::Arc<rampart_core::Claims>| claims.sub.clone();
    let required = outcome.as_ref().map(sub).map_err(Clone::clone);
    assert_eq!(required, uncached.as_ref().map(sub).map_err(Clone::clone), "{id}: without the cache");
    let as_optional = match &required {
        Ok(sub) => Ok(Some(sub.clone())),
        Err(AuthError::MissingToken) => Ok(None),
        Err(error) => Err(error.clone()),
    };
    assert_eq!(optional.map(|claims| claims.as_ref().map(sub)), as_optional, "{id}: optional");
    let of_adapter = fresh.outcome().required::<rampart_core::AnyUser>();
    assert_eq!(
        of_adapter.map(|claims| sub(&claims)).map_err(|rejection| rejection.error().clone()),
        required,
        "{id}: adapter"
    );

    let (error, by) = match expected {
        Passes => (None, None),
        Missing => (Some(AuthError::MissingToken), Some("V1")),
        Ambiguous => (Some(AuthError::InvalidRequest), Some("V1")),
        Invalid(rule) => (Some(AuthError::InvalidToken), Some(rule)),
    };
    assert_eq!((required.err(), rule.as_deref()), (error, by), "{id}");
}

/// E09.
#[test]
fn one_value_is_read_as_rfc_6750_writes_it() {
    let hundred_spaces = [b"Bearer", " ".repeat(100).as_bytes(), b"T"].concat();
    let cases: &[(&str, &[u8], Expected)] = &[
        ("control", b"Bearer T", Passes),
        ("H02 lower case", b"bearer T", Passes),
        ("H02 upper case", b"BEARER T", Passes),
        ("H02 mixed case", b"bEaReR T", Passes),
        ("H03 scheme alone", b"Bearer", Invalid("V1")),
        ("H03 scheme alone, lower case", b"bearer", Invalid("V1")),
        ("H04 one space", b"Bearer ", Invalid("V1")),
        ("H04 several spaces", b"Bearer    ", Invalid("V1")),
        ("H05 empty value", b"", Missing),
        ("H05 white space alone", b" \t ", Missing),
        ("H06 two spaces", b"Bearer  T", Passes),
        ("H06 a hundred spaces", &hundred_spaces, Passes),
        ("H07 tab instead of the space", b"Bearer\tT", Invalid("V1")),
        ("H07 space and tab", b"Bearer \tT", Invalid("V1")),
        ("H07 tab and space", b"Bearer\t T", Invalid("V1")),
        ("H07 no-break space", b"Bearer\xc2\xa0T", Invalid("V1")),
        ("H08 glued to the scheme", b"BearerT", Missing),
        ("H08 colon", b"Bearer:T", Invalid("V1")),
        ("H08 colon and space", b"Bearer: T", Invalid("V1")),
        ("H08 equals sign", b"Bearer=T", Invalid("V1")),
        ("H08 comma", b"Bearer,T", Invalid("V1")),
        ("H08 slash", b"Bearer/T", Invalid("V1")),
        ("H08 longer scheme", b"Bearer2 T", Missing),
        ("H08 longer scheme with a token character", b"Bearer-x T", Missing),
        ("H08 shorter scheme", b"Beare T", Missing),
        ("H09 trailing space", b"Bearer T ", Passes),
        ("H09 trailing tab", b"Bearer T\t", Passes),
        ("H09 leading space", b" Bearer T", Passes),
        ("H09 leading tab", b"\tBearer T", Passes),
        ("H10 two tokens", b"Bearer T T", Invalid("V1")),
        ("H10 scheme twice", b"Bearer Bearer T", Invalid("V1")),
        ("H10 list of two", b"Bearer T, Bearer T", Invalid("V1")),
        ("H10 list of two without a space", b"Bearer T,Bearer T", Invalid("V1")),
        ("H10 bearer and basic", b"Bearer T,Basic x", Invalid("V1")),
        ("H10 basic and bearer", b"Basic x, Bearer T", Missing),
        ("H10 parameter after the token", b"Bearer T; a=b", Invalid("V1")),
        ("H10 parameters only", b"Bearer realm=\"x\"", Invalid("V1")),
        ("H12 basic", b"Basic dXNlcjpwYXNz", Missing),
        ("H12 basic alone", b"Basic", Missing),
        ("H12 digest", b"Digest username=\"x\", response=\"y\"", Missing),
        ("H12 DPoP", b"DPoP T", Missing),
        ("H12 negotiate", b"Negotiate x", Missing),
        ("H12 token without a scheme", b"T", Missing),
        ("H13 quoted scheme", b"\"Bearer\" T", Missing),
        ("H13 quoted token", b"Bearer \"T\"", Invalid("V1")),
        ("H13 bracketed token", b"Bearer <T>", Invalid("V1")),
        ("H14 bytes above ASCII", b"Bearer \xff\xfe", Invalid("V1")),
        ("H14 byte above ASCII after the token", b"Bearer T\xe9", Invalid("V1")),
        ("H14 no-break space first", b"\xc2\xa0Bearer T", Missing),
        ("H14 byte above ASCII alone", b"\xff", Missing),
        ("H14 full-width scheme", "Ｂearer T".as_bytes(), Missing),
        ("H15 NUL after the token", b"Bearer T\0", Invalid("V1")),
        ("H15 NUL before the scheme", b"\0Bearer T", Missing),
        ("H15 carriage return", b"Bearer T\r", Invalid("V1")),
        ("H15 line feed", b"Bearer T\n", Invalid("V1")),
        ("H15 folded line", b"Bearer T\r\n x", Invalid("V1")),
        ("H15 line feed instead of the space", b"Bearer\nT", Invalid("V1")),
        ("b64token: padding alone", b"Bearer =", Invalid("V1")),
        ("b64token: padding inside", b"Bearer a=b", Invalid("V1")),
        ("b64token: comma", b"Bearer a,b", Invalid("V1")),
        ("b64token: percent", b"Bearer a%41", Invalid("V1")),
        ("b64token: every character, but no JWT", b"Bearer azAZ09-._~+/==", Invalid("V2")),
        ("b64token: padded token", b"Bearer T=", Invalid("V2")),
        ("b64token: tilde after the token", b"Bearer T~", Invalid("V2")),
        ("b64token: one character", b"Bearer x", Invalid("V2")),
    ];
    for (id, pattern, expected) in cases {
        check(id, &[value(pattern)], *expected);
    }
}

#[test]
fn more_than_one_value_is_ambiguous_in_every_order() {
    check("H01 no value at all", &[], Missing);
    let cases: &[(&str, &[&[u8]])] = &[
        ("H11 good and bad", &[b"Bearer T", b"Bearer x"]),
        ("H11 bad and good", &[b"Bearer x", b"Bearer T"]),
        ("H11 the same twice", &[b"Bearer T", b"Bearer T"]),
        ("H11 basic and bearer", &[b"Basic dXNlcjpwYXNz", b"Bearer T"]),
        ("H11 bearer and basic", &[b"Bearer T", b"Basic dXNlcjpwYXNz"]),
        ("H11 no bearer at all", &[b"Basic dXNlcjpwYXNz", b"Digest x"]),
        ("H11 empty and bearer", &[b"", b"Bearer T"]),
        ("H11 bearer and empty", &[b"Bearer T", b""]),
        ("H11 three", &[b"Bearer T", b"Bearer T", b"Bearer T"]),
        ("H11 malformed bearer is not looked at", &[b"Bearer", b"Bearer"]),
    ];
    for (id, patterns) in cases {
        let values: Vec<_> = patterns.iter().map(|pattern| value(pattern)).collect();
        check(id, &values, Ambiguous);
    }
}

#[test]
fn long_values_are_refused_like_any_other() {
    for (id, length) in [("H19 16 KiB", 16 << 10), ("H19 64 KiB", 64 << 10), ("H19 1 MiB", 1 << 20)] {
        check(id, &[format!("Bearer {}", "a".repeat(length)).into_bytes()], Invalid("V2"));
        check(id, &[format!("Bearer{}", "a".repeat(length)).into_bytes()], Missing);
        check(id, &[[vec![b' '; length], value(b"Bearer T")].concat()], Passes);
    }
}

#[test]
fn values_come_in_any_type_that_holds_bytes() {
    let text = format!("Bearer {}", *TOKEN);
    let auth = &AUTH.cached;
    assert!(ready(auth.authenticate([&*text])).is_ok());
    assert!(ready(auth.authenticate([text.as_bytes()])).is_ok());
    assert!(ready(auth.authenticate(vec![text.clone()])).is_ok());
    assert!(ready(auth.authenticate(Some(text.into_bytes()))).is_ok());
    assert_eq!(ready(auth.authenticate(std::iter::empty::<&str>())).unwrap_err(), AuthError::MissingToken);
}

#[test]
fn outcome_is_there_at_once_and_can_be_taken_once() {
    let value = format!("Bearer {}", *TOKEN);
    let mut outcome = AUTH.cached.authenticate_optional([&*value]);
    assert!(matches!(outcome.now(), Some(Ok(Some(_)))));
    assert!(outcome.now().is_none());
    let again = ready(outcome).unwrap_err();
    assert!(
        matches!(again, AuthError::KeysUnavailable { .. }),
        "an error rather than a panic, and no word on the token: {again}"
    );
}
