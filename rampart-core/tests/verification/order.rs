//! The rules are asked in their order, and the first that fails decides: what a caller learns of a bad token never depends
//! on what comes after that.

use crate::common::{Auth, Draft, NOW, log, ready};
use rampart_core::AuthError;

/// One fault, and what it alone leads to.
struct Fault {
    rule: &'static str,
    error: AuthError,
    draft: fn(Draft) -> Draft,
    token: fn(String) -> String,
    value: fn(String) -> String,
}

impl Fault {
    fn new(rule: &'static str) -> Self {
        Self { rule, error: AuthError::InvalidToken, draft: |draft| draft, token: |token| token, value: |value| value }
    }

    fn of_draft(rule: &'static str, draft: fn(Draft) -> Draft) -> Self {
        Self { draft, ..Self::new(rule) }
    }

    fn answered(self, error: AuthError) -> Self {
        Self { error, ..self }
    }
}

/// In the order of the rules.
fn faults() -> [Fault; 13] {
    [
        Fault { value: |value| format!("{value} x"), ..Fault::new("V1") },
        Fault { token: |token| format!("{token}="), ..Fault::new("V2") },
        Fault::of_draft("V3", |draft| draft.header("crit", r#"["exp"]"#)),
        Fault::of_draft("V4", |draft| draft.header("kid", r#""unknown""#)),
        Fault {
            token: |token| {
                let (signed, signature) = token.rsplit_once('.').unwrap();
                let first = if signature.starts_with('A') { "B" } else { "A" };
                format!("{signed}.{first}{}", &signature[1..])
            },
            ..Fault::new("V5")
        },
        Fault::of_draft("V6", |draft| draft.also("custom", "1").also("custom", "1")),
        Fault::of_draft("V6b", |draft| draft.without("iat")).answered(AuthError::missing_claim("iat")),
        Fault::of_draft("V7", |draft| draft.claim("iss", r#""https://other.example""#)),
        Fault::of_draft("V8", |draft| draft.claim("aud", r#""other""#)),
        Fault::of_draft("V9", |draft| draft.claim("exp", &(NOW - 100).to_string())).answered(AuthError::TokenExpired),
        Fault::of_draft("V10", |draft| draft.without("email")).answered(AuthError::missing_claim("email")),
        Fault::of_draft("V11", |draft| draft.claim("roles", "1")),
        Fault::of_draft("V12", |draft| draft.claim("cnf", "{}")),
    ]
}

/// R7.
#[test]
fn first_rule_that_fails_decides() {
    let faults = faults();
    let auth = Auth::new(|builder| builder.required_claims(["email"]));
    let check = |chosen: &[usize]| {
        let chosen = || chosen.iter().map(|at| &faults[*at]);
        let draft =
            chosen().fold(Draft::good().claim("email", r#""a@example.com""#), |draft, fault| (fault.draft)(draft));
        // What was signed last is broken first, so that a broken signature stays base64url.
        let token = chosen().rev().fold(draft.sign(), |token, fault| (fault.token)(token));
        let value = chosen().fold(format!("Bearer {token}"), |value, fault| (fault.value)(value));
        let id: Vec<&str> = chosen().map(|fault| fault.rule).collect();
        let expected = chosen().next().map(|fault| (fault.error.clone(), fault.rule.to_owned()));
        for auth in [&auth.cached, &auth.cached, &auth.uncached] {
            log::clear();
            let outcome = ready(auth.authenticate([&*value])).map(drop);
            let decided = outcome.err().map(|error| (error, log::rule().unwrap()));
            assert_eq!(decided, expected, "{id:?}");
        }
    };
    check(&[]);
    for first in 0..faults.len() {
        check(&[first]);
        check(&(first..faults.len()).collect::<Vec<_>>());
        for second in first + 1..faults.len() {
            check(&[first, second]);
            for third in second + 1..faults.len() {
                check(&[first, second, third]);
            }
        }
    }
}

#[test]
fn ambiguous_request_is_told_before_anything_of_its_tokens() {
    let auth = Auth::new(|builder| builder);
    for values in [["Bearer", "Bearer"], ["Bearer x", "Basic y"], ["", ""]] {
        assert_eq!(ready(auth.cached.authenticate(values)).unwrap_err(), AuthError::InvalidRequest);
    }
}

#[test]
fn sub_comes_before_the_required_claims() {
    let auth = Auth::new(|builder| builder.required_claims(["email"]));
    auth.refuses("sub empty, email absent", &Draft::good().claim("sub", r#""""#).sign(), "V10");
    auth.answers("email absent", &Draft::good().sign(), &AuthError::missing_claim("email"), "V10");
}
