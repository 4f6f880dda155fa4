//! V12: tokens of another kind, by the same issuer and with the same keys, are not access tokens.

use std::sync::LazyLock;

use crate::common::{AUTH, Auth, Draft, quoted};

static LENIENT: LazyLock<Auth> = LazyLock::new(|| Auth::new(|builder| builder.insecure_accept_id_tokens(true)));
static STRICT: LazyLock<Auth> = LazyLock::new(|| Auth::new(|builder| builder.require_at_jwt(true)));

/// As the real server makes them: `typ` says nothing.
fn plain() -> Draft {
    Draft::good().header("typ", r#""JWT""#)
}

#[test]
fn marks_of_an_id_token_are_refused_unless_asked_for() {
    let cases = [
        ("E06 at_hash", "at_hash", r#""x""#),
        ("E06 at_hash empty", "at_hash", r#""""#),
        ("E06 at_hash object", "at_hash", "{}"),
        ("E06 c_hash", "c_hash", r#""x""#),
        ("E06 c_hash number", "c_hash", "1"),
        ("E06 typ ID", "typ", r#""ID""#),
        ("E06 typ id", "typ", r#""id""#),
        ("E06 typ Id", "typ", r#""Id""#),
        ("E06 token_use id", "token_use", r#""id""#),
        ("E06 token_use id_token", "token_use", r#""id_token""#),
    ];
    for (id, name, json) in cases {
        for draft in [plain(), Draft::good(), plain().without_header("typ")] {
            let token = draft.claim(name, json).sign();
            AUTH.refuses(id, &token, "V12");
            LENIENT.accepts(&format!("{id}, asked for"), &token);
        }
    }
    for auth in [&*AUTH, &LENIENT] {
        auth.accepts("token_use access", &plain().claim("token_use", r#""access""#).sign());
        auth.accepts("token_use access_token", &plain().claim("token_use", r#""access_token""#).sign());
    }
    AUTH.accepts("at_hash below the top level", &plain().claim("x", r#"{"at_hash":1}"#).sign());
    AUTH.accepts("At_Hash is another name", &plain().claim("At_Hash", "1").sign());
}

#[test]
fn nonce_is_an_id_token_unless_something_says_otherwise() {
    for json in [r#""n""#, "1", r#""""#, "[]", "false"] {
        let draft = plain().claim("nonce", json);
        let id = format!("E06 nonce {json}");
        AUTH.refuses(&id, &draft.sign(), "V12");
        AUTH.refuses(&id, &draft.clone().without_header("typ").sign(), "V12");
        AUTH.refuses(&id, &draft.clone().claim("typ", r#""JWT""#).sign(), "V12");
        AUTH.refuses(&id, &draft.clone().claim("typ", r#""bearer""#).sign(), "V12");
        AUTH.refuses(&id, &draft.clone().claim("typ", r#""dpop""#).sign(), "V12");
        AUTH.refuses(&id, &draft.clone().claim("typ", "null").sign(), "V12");
        AUTH.refuses(&id, &draft.clone().claim("token_use", r#""access""#).sign(), "V12");
        AUTH.accepts(&format!("{id}, typ Bearer"), &draft.clone().claim("typ", r#""Bearer""#).sign());
        AUTH.accepts(&format!("{id}, typ DPoP"), &draft.clone().claim("typ", r#""DPoP""#).sign());
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
            AUTH.accepts(&format!("{id}, header {typ}"), &draft.clone().header("typ", &quoted(typ)).sign());
        }
        LENIENT.accepts(&format!("{id}, asked for"), &draft.sign());
    }
}

#[test]
fn other_kinds_of_token_are_refused_whatever_is_asked_for() {
    let cases = [
        ("E06 logout token", "events", r#"{"http://schemas.openid.net/event/backchannel-logout":{}}"#),
        ("E06 events empty", "events", "{}"),
        ("E06 typ Refresh", "typ", r#""Refresh""#),
        ("E06 typ refresh", "typ", r#""refresh""#),
        ("E06 typ Offline", "typ", r#""Offline""#),
        ("E06 typ OFFLINE", "typ", r#""OFFLINE""#),
        ("E06 typ Logout", "typ", r#""Logout""#),
        ("E06 typ logout", "typ", r#""logout""#),
        ("E06 typ refresh_token", "typ", r#""refresh_token""#),
        ("E06 token_use refresh", "token_use", r#""refresh""#),
        ("E06 token_use refresh_token", "token_use", r#""refresh_token""#),
        ("E06 token_use of another kind", "token_use", r#""logout""#),
        ("E06 token_use in capitals", "token_use", r#""ACCESS""#),
        ("E06 token_use ID", "token_use", r#""ID""#),
        ("E06 token_use empty", "token_use", r#""""#),
        ("E06 token_use of the access token and more", "token_use", r#""access_token2""#),
        ("E06 token_use of the ID token and more", "token_use", r#""id_token ""#),
        ("E06 token_use Access_Token", "token_use", r#""Access_Token""#),
        ("E06 token_use number", "token_use", "1"),
        ("E06 token_use false", "token_use", "false"),
        ("E06 token_use array", "token_use", r#"["access"]"#),
        ("E06 token_use object", "token_use", "{}"),
        ("typ number", "typ", "1"),
        ("typ array", "typ", r#"["Bearer"]"#),
        ("E07 cnf jkt", "cnf", r#"{"jkt":"x"}"#),
        ("E07 cnf x5t", "cnf", r#"{"x5t#S256":"x"}"#),
        ("E07 cnf empty", "cnf", "{}"),
        ("E07 cnf false", "cnf", "false"),
        ("E07 cnf empty string", "cnf", r#""""#),
    ];
    for (id, name, json) in cases {
        for draft in [plain(), Draft::good()] {
            let token = draft.claim(name, json).sign();
            AUTH.refuses(id, &token, "V12");
            LENIENT.refuses(&format!("{id}, ID tokens asked for"), &token, "V12");
        }
        STRICT.refuses(&format!("{id}, strict"), &Draft::good().claim(name, json).sign(), "V12");
    }
    for typ in ["Bearer", "bearer", "JWT", "at+jwt", "access", "", "IDx", "xRefresh"] {
        AUTH.accepts(&format!("typ {typ:?}"), &plain().claim("typ", &quoted(typ)).sign());
    }
}

/// F20.
#[test]
fn null_counts_as_absent_for_every_mark() {
    let marks = ["events", "at_hash", "c_hash", "nonce", "cnf", "typ", "token_use", "token_type", "tokenType", "type"];
    for auth in [&*AUTH, &LENIENT] {
        for mark in marks {
            auth.accepts(&format!("{mark} null"), &plain().claim(mark, "null").sign());
        }
        let all = marks.iter().fold(plain(), |draft, mark| draft.claim(mark, "null"));
        auth.accepts("all of them", &all.sign());
    }
    for mark in marks {
        let twice = plain().also(mark, "null").also(mark, "null");
        AUTH.refuses(&format!("B08 {mark} twice"), &twice.sign(), "V6");
    }
}

/// F20: RFC 8417 section 2.2 has an object there; a claim of the application may well be called the same.
#[test]
fn events_that_are_no_object_are_a_claim_like_any_other() {
    for json in [r#"["login","logout"]"#, "[]", "[{}]", r#""x""#, "1", "true", "null"] {
        let claims = AUTH.accepts(&format!("events {json}"), &plain().claim("events", json).sign());
        let expected: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(claims.get::<serde_json::Value>("events").unwrap(), Some(expected).filter(|own| !own.is_null()));
    }
    for json in ["{}", r#"{"login":{}}"#] {
        AUTH.refuses(&format!("events {json}"), &plain().claim("events", json).sign(), "V12");
    }
}

/// Made by libraries that sign access and refresh tokens alike, with the same key and audience.
#[test]
fn refresh_token_is_told_by_each_of_its_marks() {
    let names = [
        "refresh",
        "Refresh",
        "REFRESH",
        "refresh_token",
        "refresh-token",
        "refresh token",
        "refreshToken",
        "RefreshToken",
        "urn:ietf:params:oauth:token-type:refresh_token",
    ];
    let others = [
        "access",
        "access_token",
        "access-token",
        "Bearer",
        "DPoP",
        "",
        "refreshable",
        "xrefresh",
        "refresh2",
        "refresh:no",
        "urn:ietf:params:oauth:token-type:access_token",
        "refresh_tokens",
    ];
    for mark in ["token_type", "tokenType", "type"] {
        for name in names {
            let token = Draft::good().claim(mark, &quoted(name)).sign();
            for auth in [&*AUTH, &LENIENT, &STRICT] {
                auth.refuses(&format!("E06 {mark} {name}"), &token, "V12");
            }
        }
        for name in others {
            AUTH.accepts(&format!("{mark} {name:?}"), &plain().claim(mark, &quoted(name)).sign());
        }
        for json in ["1", "true", "{}", r#"["VerifiableCredential"]"#, r#"{"refresh":1}"#] {
            AUTH.accepts(&format!("{mark} {json}"), &plain().claim(mark, json).sign());
        }
        AUTH.accepts("below the top level", &plain().claim("x", &format!(r#"{{"{mark}":"refresh"}}"#)).sign());
    }
    for name in names {
        AUTH.refuses(&format!("E06 typ {name}"), &plain().claim("typ", &quoted(name)).sign(), "V12");
    }
}

/// A17.
#[test]
fn strict_verifier_asks_for_at_jwt_in_the_header() {
    STRICT.accepts("at+jwt", &Draft::good().sign());
    for draft in [plain(), Draft::good().without_header("typ"), plain().claim("typ", r#""at+jwt""#)] {
        STRICT.refuses("not in the header", &draft.sign(), "V3");
    }
    let both = Auth::new(|builder| builder.require_at_jwt(true).insecure_accept_id_tokens(true));
    both.refuses("both: the header still counts", &plain().claim("at_hash", r#""x""#).sign(), "V3");
    both.accepts("both: the payload does not", &Draft::good().claim("at_hash", r#""x""#).sign());
}

#[test]
fn real_tokens_of_other_kinds_are_refused() {
    let id_token = plain()
        .claim("nonce", r#""n-0S6_WzA2Mj""#)
        .claim("at_hash", r#""77QmUPtjPfzWtF2AnpK9RQ""#)
        .claim("auth_time", "1799999900");
    AUTH.refuses("E06 ID token", &id_token.sign(), "V12");
    LENIENT.accepts("E06 ID token, asked for", &id_token.sign());
    AUTH.refuses(
        "E06 ID token of an older Keycloak",
        &plain().claim("typ", r#""ID""#).claim("nonce", r#""n""#).sign(),
        "V12",
    );
    AUTH.accepts(
        "access token of an older Keycloak",
        &plain().claim("typ", r#""Bearer""#).claim("nonce", r#""n""#).sign(),
    );
    AUTH.refuses("E06 MFA challenge", &plain().claim("aud", r#""rampart:mfa""#).sign(), "V8");
    AUTH.refuses(
        "E06 logout token by its header",
        &Draft::good().header("typ", r#""logout+jwt""#).claim("events", "{}").sign(),
        "V3",
    );
    AUTH.refuses("E06 DPoP proof", &Draft::good().header("typ", r#""dpop+jwt""#).sign(), "V3");
}
