//! What is said of a file that cannot be used: the file, the place, the name, and never a value.
#![allow(clippy::unwrap_used, clippy::panic)]

mod written;

use std::path::Path;

use config_file::ConfigFile;
use written::Written;

/// ST03.
#[test]
fn member_that_there_is_not_is_named_with_its_place_and_the_nearest_that_there_is() {
    for (text, said) in [
        (
            "[auth]\nissuer_ulr = 'hunter2'",
            ", line 2, column 1: there is no \"issuer_ulr\" here; did you mean issuer_url?",
        ),
        ("\n[auth]\n  audeince='hunter2'", ", line 3, column 3: there is no \"audeince\" here; did you mean audience?"),
        ("[auth]\njwks = 'hunter2'", ", line 2, column 1: there is no \"jwks\" here; did you mean jwks_url?"),
        (
            "[auth]\nmax_stale = 3600",
            ", line 2, column 1: there is no \"max_stale\" here; did you mean max_stale_seconds?",
        ),
        ("[Auth]\nissuer_url = 'hunter2'", ", line 1, column 2: there is no \"Auth\" here; did you mean auth?"),
        (
            "[auth]\nissuer_url = 'https://ü.example'; password = 1",
            ", line 2, column 33: unexpected key or value, expected newline, `#`",
        ),
        (
            "[[auth.issuers]]\ngrants = { rolse = ['hunter2'] }",
            ", line 2, column 12: there is no \"rolse\" here; did you mean roles?",
        ),
        ("[auth]\n\"a\\nb\" = 1", ", line 2, column 1: there is no \"a\\nb\" here"),
    ] {
        assert_eq!(Written::new(text).refusal(), said, "{text}");
    }
}

/// ST01, ST03: what was found is not quoted, whatever it is.
#[test]
fn value_of_another_kind_is_told_by_its_member_and_never_quoted() {
    const ISSUER: &str = "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n";
    for (member, said) in [
        ("client_secret = 'hunter2'", "1: there is no \"client_secret\" here"),
        ("allow_http = 'hunter2'", "14: allow_http: expected a boolean"),
        ("allow_http = 'x, expected hunter2'", "14: allow_http: expected a boolean"),
        ("realm = ['hunter2']", "9: realm: expected a string"),
        ("aliases = 'hunter2'", "11: aliases: expected a sequence"),
        ("max_stale_seconds = 'hunter2'", "21: max_stale_seconds: expected a whole number from 0 on"),
        ("max_stale_seconds = -1", "21: max_stale_seconds: expected a whole number from 0 on"),
        ("max_stale_seconds = 0.5", "21: max_stale_seconds: expected a whole number from 0 on"),
        (
            "algorithms = ['RS256', 'hunter2']",
            "14: algorithms: expected one of RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA, Ed25519",
        ),
        (
            "grants = 'hunter2'",
            "10: grants: expected \"everything\", \"nothing\", or roles, scopes, role_prefix and org_id by name",
        ),
        ("role_implies = { admin = 'hunter2' }", "26: admin: expected a sequence"),
        ("realm = 'hunter2", "17: invalid literal string, expected `'`"),
        ("realm = hunter2", "9: string values must be quoted, expected literal string"),
        ("audience = 'hunter2'", "1: duplicate key"),
        // Marks that no setting can ignore.
        (
            "insecure_ignore_marks = ['cnf']",
            "25: insecure_ignore_marks: expected one of nonce, at_hash and c_hash: no other mark can be ignored",
        ),
        (
            "insecure_ignore_marks = ['nonce', 'events']",
            "25: insecure_ignore_marks: expected one of nonce, at_hash and c_hash: no other mark can be ignored",
        ),
        ("dpop = { mode = 'hunter2' }", "17: mode: expected `accepted` or `required`"),
    ] {
        assert_eq!(Written::new(format!("{ISSUER}{member}")).refusal(), format!(", line 4, column {said}"), "{member}");
    }
}

#[test]
fn member_that_is_missing_is_named() {
    for (text, said) in [
        ("", ", line 1, column 1: auth is missing"),
        ("# nothing yet\n[auth]\n", ", line 2, column 1: issuer_url is missing"),
        ("[auth]\nissuer_url = 'https://a.example'\n", ", line 1, column 1: audience is missing"),
    ] {
        assert_eq!(Written::new(text).refusal(), said, "{text}");
    }
}

#[test]
fn setting_that_cannot_be_used_is_found_in_the_file() {
    for (text, said) in [
        (
            "[auth]\naudience = 'hunter2 '\nissuer_url = 'https://a.example'",
            ", line 2, column 1: audience: has white space around it, or a line break or another control character in it; write the \
             value alone (echo adds a line break, printf does not)",
        ),
        (
            "[auth]\nissuer_url = 'https://a:hunter2@a.example'\naudience = 'a'",
            ", line 2, column 1: issuer_url: holds user information; remove what stands before the @",
        ),
        (
            "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\njwks_cache_ttl_seconds = 0",
            ", line 4, column 1: jwks_cache_ttl: is shorter than 1 s, so that keys would be too old before they are there; leave it \
             out for 10 minutes",
        ),
        (
            "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n[auth.dpop]\nmode = 'accepted'",
            ", line 4, column 7: dpop.public_url: is missing: dpop needs the URL of this API as its callers see it, such as \
             https://api.example.com",
        ),
        (
            "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n[auth.dpop]\nmode = 'accepted'\n\
             public_url = 'https://api.example'\nmax_age_seconds = 0",
            ", line 7, column 1: dpop.max_age: is not from 1 s to 10 min: proofs are made anew for every request; leave it out for 60 s",
        ),
        // Which of two it is, the name of the issuer says; not one with a password in it.
        (
            "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n[[auth.issuers]]\nissuer_url = 'https://b.example'\naudience = ''\n\
             grants = 'nothing'",
            ": audience: is empty, so that it would not be checked; write what the tokens have in aud, such as the client ID of the \
             front end (of the issuer \"https://b.example\")",
        ),
        (
            "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n[[auth.issuers]]\nissuer_url = 'https://b:hunter2@b.example'\n\
             audience = 'b'\ngrants = 'nothing'",
            ": issuer_url: holds user information; remove what stands before the @ (of the issuer \"..\")",
        ),
        (
            "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n[[auth.issuers]]\nissuer_url = 'https://b.example?k=hunter2'\n\
             audience = 'b'\ngrants = 'nothing'",
            ": issuer_url: holds a query; remove the ? and what follows (of the issuer \"https://b.example\")",
        ),
    ] {
        assert_eq!(Written::new(text).refusal(), said, "{text}");
    }
}

#[test]
fn file_that_cannot_be_read_is_named() {
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("there-is-none.toml");
    let said = ConfigFile::read(&missing).unwrap_err().to_string();
    assert_eq!(said, format!("{}: cannot be read: No such file or directory (os error 2)", missing.display()));
    let said = Written::new(b"[auth]\nrealm = '\xff'").refusal();
    assert_eq!(said, ": cannot be read: stream did not contain valid UTF-8");
}

#[test]
fn file_that_was_read_shows_no_line_of_itself() {
    let written = Written::new("# hunter2\n[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n");
    let shown = format!("{:?}", written.read());
    assert!(shown.contains("https://a.example") && !shown.contains("hunter2"), "{shown}");
}
