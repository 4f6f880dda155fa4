//! The sections that say which issuer is asked about its tokens: put together with that issuer, and what cannot be used in them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod written;

use written::Written;

const ISSUERS: &str = "[auth]\nissuer_url = 'https://a.example'\naudience = 'a'\n[[auth.issuers]]\nissuer_url = 'https://b.example'\n\
                       audience = 'b'\ngrants = 'nothing'\n";

/// With a section that lacks nothing but what is given; the latter begins in line 11.
fn refusal(members: &str) -> String {
    let asked = "[introspection]\nissuer_url = 'https://a.example'\nclient_id = 'api'\n";
    Written::new(format!("{ISSUERS}{asked}{members}")).refusal()
}

/// ST01: neither the error nor its `Debug` has the secret, as `Written::refusal` makes sure.
#[test]
fn secret_in_the_file_is_refused_and_never_shown() {
    let said = ", line 11, column 1: client_secret: is no setting, as no secret belongs into this file; write the path of a file that \
                holds it as client_secret_file, or the name of an environment variable as client_secret_env";
    for value in ["'hunter2'", "['hunter2']", "{ of = 'hunter2' }", "7", "''"] {
        assert_eq!(refusal(&format!("client_secret = {value}")), said, "{value}");
        assert_eq!(refusal(&format!("client_secret = {value}\nclient_secret_env = 'PATH'")), said, "{value}");
    }
    let broken = refusal("client_secret = hunter2");
    assert!(broken.starts_with(", line 11, column 17: "), "{broken}");
    // Beside a member that is misspelt, and in the wrong section.
    let said = ", line 12, column 1: there is no \"cleint_id\" here; did you mean client_id?";
    assert_eq!(refusal("client_secret = 'hunter2'\ncleint_id = 'hunter2'"), said);
    let text = format!("{ISSUERS}[auth.introspection]\nclient_secret = 'hunter2'");
    assert_eq!(Written::new(text).refusal(), ", line 8, column 7: there is no \"introspection\" here");
}

#[test]
fn secret_comes_from_one_file_or_one_variable_that_has_it() {
    for (members, said) in [
        ("", "client_secret_file: is missing;"),
        (
            "client_secret_file = '/no/such'\nclient_secret_env = 'PATH'",
            "client_secret_file: is given together with client_secret_env; keep one of the two",
        ),
        ("client_secret_file = '/no/such'", "client_secret_file: /no/such cannot be read: No such file or directory"),
        ("client_secret_file = '/dev/null'", "client_secret_file: /dev/null is empty;"),
        ("client_secret_env = 'NO_SUCH_VARIABLE'", "client_secret_env: names NO_SUCH_VARIABLE, which is missing,"),
        // Somebody has written the secret itself.
        ("client_secret_env = 'hunter2'", "client_secret_env: names a variable that is missing,"),
    ] {
        let line = if members.is_empty() { ", line 8, column 2: " } else { ", line 11, column 1: " };
        let refusal = refusal(members);
        assert!(refusal.starts_with(&format!("{line}{said}")), "{refusal}");
    }
}

#[test]
fn issuer_that_is_asked_is_one_of_those_above_and_each_only_once() {
    let asked = |name: &str| format!("issuer_url = {name}\nclient_id = 'api'\nclient_secret_env = 'PATH'\n");
    let one = |name: &str| format!("{ISSUERS}[introspection]\n{}", asked(name));
    for (text, said) in [
        (
            one("'https://a.example/'"),
            ", line 9, column 1: issuer_url: no issuer of [auth] has this name; did you mean https://a.example?",
        ),
        (
            one("'https://c.example'"),
            ", line 9, column 1: issuer_url: no issuer of [auth] has this name; did you mean https://a.example?",
        ),
        (one("'https://hunter2.example.com'"), ", line 9, column 1: issuer_url: no issuer of [auth] has this name"),
        (one("''"), ", line 9, column 1: issuer_url is missing: write which issuer of [auth] is asked"),
        (
            format!("{ISSUERS}[introspection]\nclient_id = 'api'"),
            ", line 8, column 2: issuer_url is missing: write which issuer of [auth] is asked",
        ),
        (
            format!(
                "{ISSUERS}[[introspection]]\n{0}[[introspection]]\n{1}[[introspection]]\n{0}",
                asked("'https://a.example'"),
                asked("'https://b.example'")
            ),
            ", line 17, column 1: issuer_url: another section says already how this issuer is asked; keep one of the two",
        ),
        (
            format!("{ISSUERS}[[introspection]]\n{}[[introspection]]\n", asked("'https://a.example'")),
            ", line 12, column 1: issuer_url is missing: write which issuer of [auth] is asked",
        ),
    ] {
        assert_eq!(Written::new(&text).refusal(), said, "{text}");
    }
}

#[test]
fn setting_that_cannot_be_used_is_found_in_its_section() {
    let secret = "client_secret_env = 'PATH'";
    for (members, said) in [
        ("cache_for = 30", ", line 11, column 1: there is no \"cache_for\" here; did you mean cache_for_seconds?"),
        ("token_prefix = ['hunter2']", ", line 11, column 16: token_prefix: expected a string"),
        ("mode = 'hunter2'", ", line 11, column 8: mode: expected `opaque_only` or `every_token`"),
        ("serve_stale_seconds = -1", ", line 11, column 23: serve_stale_seconds: expected a whole number from 0 on"),
        (
            "endpoint = 'https://a:hunter2@a.example/introspect'",
            ", line 11, column 1: endpoint: holds user information; remove what stands before the @",
        ),
        (
            "cache_for_seconds = 0",
            ", line 11, column 1: cache_for: is not from 1 s to 1 h; leave it out for 30 s (of the issuer \"https://a.example\")",
        ),
        (
            "cache_bytes = 0",
            ", line 11, column 1: introspection_cache_bytes: is 0, so that every request would wait for the issuer; leave it out for 16 MiB \
             (of the issuer \"https://a.example\")",
        ),
    ] {
        assert_eq!(refusal(&format!("{members}\n{secret}")), said, "{members}");
    }
    let said = ", line 1, column 17: introspection: expected a section, or a list of them";
    assert_eq!(Written::new(format!("introspection = 'hunter2'\n{ISSUERS}")).refusal(), said);
}

#[test]
fn several_issuers_are_asked_where_the_beginning_of_a_token_says_whose_it_is() {
    let asked = |name: &str, more: &str| {
        format!("[[introspection]]\nissuer_url = '{name}'\nclient_id = 'api'\nclient_secret_env = 'PATH'\n{more}\n")
    };
    let of = |one: &str, other: &str| {
        Written::new(format!("{ISSUERS}{}{}", asked("https://a.example", one), asked("https://b.example", other)))
    };
    let file = of("token_prefix = 'a_'", "token_prefix = 'b_'");
    assert_eq!(file.read().auth().unwrap().issuers().len(), 2);
    of("token_prefix = 'a_'", "mode = 'every_token'\ntoken_prefix = 'b_'").read().auth().unwrap();
    let refusal = of("", "").refusal();
    assert!(refusal.contains("are both asked about opaque tokens") && refusal.contains("token_prefix"), "{refusal}");
}
