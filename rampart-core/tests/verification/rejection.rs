//! What the caller gets, byte for byte.

use std::time::Duration;

use crate::common::{AUTH, Draft, ISSUER, builder, quoted, ready};
use rampart_core::{AuthError, RampartAuth, Rejection};
use serde_json::Value;

type Headers<'a> = Vec<(&'static str, &'a str)>;

fn check(id: &str, rejection: &Rejection, status: u16, more: &[(&'static str, &str)], body: &str) {
    let mut expected: Headers<'_> = vec![("content-type", "application/json"), ("cache-control", "no-store")];
    expected.extend(more);
    assert_eq!(rejection.status(), status, "{id}");
    assert_eq!(rejection.headers().collect::<Headers<'_>>(), expected, "{id}");
    assert_eq!(rejection.body(), body, "{id}");
    let challenges = more.iter().filter(|(name, _)| *name == "www-authenticate").map(|(_, value)| *value);
    assert!(rejection.challenges().eq(challenges), "{id}");
    // The body says what the error says, as JSON without anything else.
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!(told["error"], rejection.error().code(), "{id}");
    assert_eq!(told["status"], rejection.error().status(), "{id}");
    assert_eq!(told.as_object().unwrap().len(), 3, "{id}");
    assert_eq!(rejection.clone().into_body(), body, "{id}");
}

fn only_challenge(rejection: &Rejection) -> &str {
    let mut challenges = rejection.challenges();
    let first = challenges.next().unwrap();
    assert_eq!(challenges.next(), None);
    first
}

/// The whole table of section 5, for one realm and whatever stands at the end of each challenge.
fn table(auth: &RampartAuth, realm: &str, end: &str) {
    let invalid = format!(
        r#"Bearer realm="{realm}", error="invalid_token", error_description="The access token is invalid"{end}"#
    );
    let challenge = |text: &str| format!(r#"Bearer realm="{realm}"{text}{end}"#);
    let cases = [
        (
            AuthError::MissingToken,
            401,
            challenge(""),
            r#"{"error":"unauthorized","error_description":"This resource requires an access token: Authorization: Bearer <token>","status":401}"#,
        ),
        (
            AuthError::InvalidRequest,
            400,
            challenge(
                r#", error="invalid_request", error_description="The request has more than one Authorization header""#,
            ),
            r#"{"error":"invalid_request","error_description":"The request has more than one Authorization header","status":400}"#,
        ),
        (
            AuthError::InvalidToken,
            401,
            invalid,
            r#"{"error":"invalid_token","error_description":"The access token is invalid","status":401}"#,
        ),
        (
            AuthError::missing_claim("email"),
            401,
            challenge(r#", error="invalid_token", error_description="The access token lacks the claim email""#),
            r#"{"error":"invalid_token","error_description":"The access token lacks the claim email","status":401}"#,
        ),
        (
            AuthError::TokenExpired,
            401,
            challenge(r#", error="invalid_token", error_description="The access token expired""#),
            r#"{"error":"token_expired","error_description":"The access token expired","status":401}"#,
        ),
        (
            AuthError::insufficient_role(["admin"]),
            403,
            challenge(r#", error="insufficient_scope", error_description="The access token lacks the role admin""#),
            r#"{"error":"insufficient_role","error_description":"The access token lacks the role admin","status":403}"#,
        ),
        (
            AuthError::insufficient_role(["admin", "with space"]),
            403,
            challenge(
                r#", error="insufficient_scope", error_description="The access token lacks one of the required roles admin, with space""#,
            ),
            r#"{"error":"insufficient_role","error_description":"The access token lacks one of the required roles admin, with space","status":403}"#,
        ),
        (
            AuthError::insufficient_role::<String>([]),
            403,
            challenge(r#", error="insufficient_scope", error_description="Access to this resource is denied""#),
            r#"{"error":"insufficient_role","error_description":"Access to this resource is denied","status":403}"#,
        ),
        (
            AuthError::insufficient_scope(["email:send"]),
            403,
            challenge(
                r#", error="insufficient_scope", error_description="The access token lacks the scope email:send", scope="email:send""#,
            ),
            r#"{"error":"insufficient_scope","error_description":"The access token lacks the scope email:send","status":403}"#,
        ),
        (
            AuthError::insufficient_scope(["a", "b"]),
            403,
            challenge(
                r#", error="insufficient_scope", error_description="The access token lacks one of the required scopes a b", scope="a b""#,
            ),
            r#"{"error":"insufficient_scope","error_description":"The access token lacks one of the required scopes a b","status":403}"#,
        ),
        (
            AuthError::insufficient_scope::<String>([]),
            403,
            challenge(r#", error="insufficient_scope", error_description="Access to this resource is denied""#),
            r#"{"error":"insufficient_scope","error_description":"Access to this resource is denied","status":403}"#,
        ),
    ];
    for (error, status, challenge, body) in cases {
        check(&format!("{error:?}"), &auth.rejection(error), status, &[("www-authenticate", &challenge)], body);
    }
    check(
        "keys unavailable",
        &auth.rejection(AuthError::keys_unavailable(Duration::from_secs(7))),
        503,
        &[("retry-after", "7")],
        r#"{"error":"temporarily_unavailable","error_description":"The access token cannot be checked at the moment; retry later","status":503}"#,
    );
    check(
        "state unavailable",
        &auth.rejection(AuthError::state_unavailable(Duration::from_millis(7001))),
        503,
        &[("retry-after", "8")],
        r#"{"error":"temporarily_unavailable","error_description":"The request cannot be checked at the moment; retry later","status":503}"#,
    );
    let body = r#"{"error":"server_error","error_description":"Authentication is not configured on this server","status":500}"#;
    check("not configured", &auth.rejection(AuthError::NotConfigured), 500, &[], body);
    check("not configured, by itself", &Rejection::not_configured(), 500, &[], body);
}

/// R1, R2.
/// Nobody but the log learns that it was good once.
#[test]
fn revoked_token_is_answered_like_an_invalid_one() {
    let auth = builder().build().unwrap();
    let (revoked, invalid) = (auth.rejection(AuthError::TokenRevoked), auth.rejection(AuthError::InvalidToken));
    assert_eq!((revoked.status(), revoked.body()), (401, invalid.body()));
    assert!(revoked.headers().eq(invalid.headers()));
}

#[test]
fn every_error_has_one_answer() {
    table(&AUTH.cached, "default", "");
}

#[test]
fn realm_and_resource_metadata_stand_in_every_challenge() {
    table(&builder().realm("Task API, v1").build().unwrap(), "Task API, v1", "");
    let metadata = "https://api.example/.well-known/oauth-protected-resource";
    let auth = builder().realm("tasks").resource_metadata(metadata).build().unwrap();
    table(&auth, "tasks", &format!(r#", resource_metadata="{metadata}""#));
}

#[test]
fn retry_after_is_in_whole_seconds_and_at_least_one() {
    for (wait, seconds) in [(0, "1"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (59_999, "60"), (300_000, "300")]
    {
        let rejection = AUTH.cached.rejection(AuthError::keys_unavailable(Duration::from_millis(wait)));
        let header = rejection.headers().find(|(name, _)| *name == "retry-after");
        assert_eq!(header, Some(("retry-after", seconds)), "{wait} ms");
        assert!(rejection.error().to_string().ends_with(&format!("retry in {seconds} s")));
    }
    let nanosecond = AuthError::keys_unavailable(Duration::from_nanos(1));
    assert!(AUTH.cached.rejection(nanosecond).headers().any(|header| header == ("retry-after", "1")));
    let longest = AuthError::keys_unavailable(Duration::MAX);
    assert_eq!(AUTH.cached.rejection(longest).status(), 503, "no overflow");
}

#[test]
fn names_that_fit_no_header_are_left_out_of_the_challenge() {
    let cases = [
        ("quotes", "a\"b", false),
        ("backslash", r"CORP\Admins", false),
        ("both", r#"\""#, false),
        ("line feed", "a\r\nSet-Cookie: x=y", false),
        ("NUL", "a\0b", false),
        ("tab", "a\tb", false),
        ("delete", "a\u{7f}b", false),
        ("beyond ASCII", "rôle", false),
        ("surrogate pair", "😀", false),
        ("comma", "a, b=c", true),
    ];
    for (id, name, fits) in cases {
        let role = AUTH.cached.rejection(AuthError::insufficient_role([name]));
        let lacks = |kind: &str| {
            let what = if fits { format!("the {kind} {name}") } else { format!("a required {kind}") };
            format!(r#"error_description="The access token lacks {what}""#)
        };
        let expected = format!(r#"Bearer realm="default", error="insufficient_scope", {}"#, lacks("role"));
        assert!(role.challenges().eq([&*expected]), "H22 {id}");
        let scope = AUTH.cached.rejection(AuthError::insufficient_scope([name]));
        let challenge = only_challenge(&scope);
        assert!(challenge.ends_with(&lacks("scope")), "H22 {id}: none of them is a scope token: {challenge}");
        let claim = AUTH.cached.rejection(AuthError::missing_claim(name.to_owned()));
        assert!(only_challenge(&claim).ends_with(&lacks("claim")), "H22 {id}");
        for rejection in [role, scope, claim] {
            for (name, value) in rejection.headers() {
                assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "H22 {id}: {name}: {value:?}");
            }
            let body: Value = serde_json::from_str(rejection.body()).unwrap();
            assert!(
                body["error_description"].as_str().unwrap().ends_with(name),
                "H22 {id}: the body is JSON, nothing is lost"
            );
        }
    }
    // Those beside it stay.
    let roles = AUTH.cached.rejection(AuthError::insufficient_role(["admin", r"CORP\Admins", "操作員", "auditor"]));
    let says = r#"error_description="The access token lacks one of the required roles admin, auditor""#;
    assert!(only_challenge(&roles).ends_with(says), "{roles:?}");
    assert!(roles.body().contains(r"required roles admin, CORP\\Admins, 操作員, auditor"), "{}", roles.body());
    let scopes = AUTH.cached.rejection(AuthError::insufficient_scope(["a", "b c", "é"]));
    let says = r#"error_description="The access token lacks one of the required scopes a b c", scope="a""#;
    assert!(only_challenge(&scopes).ends_with(says), "{:?}", only_challenge(&scopes));
    assert!(scopes.body().contains("required scopes a b c é"), "{}", scopes.body());
    let nameless = AUTH.cached.rejection(AuthError::insufficient_role([""]));
    assert!(only_challenge(&nameless).ends_with(r#"lacks a required role""#));
}

/// X07.
#[test]
fn status_and_code_of_errors_agree_with_their_answers() {
    let errors = [
        AuthError::MissingToken,
        AuthError::InvalidRequest,
        AuthError::InvalidToken,
        AuthError::missing_claim("x"),
        AuthError::TokenExpired,
        AuthError::insufficient_role(["x"]),
        AuthError::insufficient_scope(["x"]),
        AuthError::invalid_proof(),
        AuthError::UseNonce,
        AuthError::state_unavailable(Duration::ZERO),
        AuthError::keys_unavailable(Duration::ZERO),
        AuthError::NotConfigured,
    ];
    for error in errors {
        let rejection = AUTH.cached.rejection(error.clone());
        assert_eq!(rejection.error(), &error);
        assert_eq!(rejection.status(), error.status(), "{error:?}");
        assert!(!error.to_string().is_empty());
    }
}

/// R3, X07.
#[test]
fn answer_says_nothing_of_the_token() {
    let secret = "Zq7-secret";
    let drafts = [
        Draft::good().header("kid", &quoted(&format!("{secret}\"\\\r\n"))),
        Draft::good().header("typ", &quoted(secret)),
        Draft::good().header("alg", &quoted(secret)),
        Draft::good().claim("iss", &quoted(secret)),
        Draft::good().claim("aud", &quoted(secret)),
        Draft::good().claim("exp", &quoted(secret)),
        Draft::good().claim("roles", &format!("[1,{}]", quoted(secret))),
        Draft::good().claim("sub", &quoted(secret)).claim("cnf", "{}"),
        Draft::good().claim("sub", &quoted(secret)).claim("exp", "1"),
        Draft::good().claim(secret, "1").without("iat"),
    ];
    let answers: Vec<Rejection> = drafts
        .iter()
        .map(|draft| {
            let token = draft.sign();
            let error = ready(AUTH.cached.verify(&token)).unwrap_err();
            let rejection = AUTH.cached.rejection(error);
            let told = format!("{rejection:?} {}", rejection.error());
            assert!(!told.contains(secret) && !told.contains(ISSUER), "H23 {told}");
            assert!(token.split('.').all(|part| !told.contains(part)), "H23 {told}");
            rejection
        })
        .collect();
    assert!(answers[..8].windows(2).all(|pair| pair[0] == pair[1]), "C10 whatever is wrong, the answer is the same");
}
