//! Which addresses may be called, and what derives from an issuer's.
#![cfg(test)]

use rampart_http::{ConfigError, EndpointUrl, IssuerUrl, checked_issuer_name, checked_secret, checked_text};

fn problem<T>(outcome: Result<T, ConfigError>, field: &str) -> String {
    let error = outcome.err().unwrap();
    assert_eq!(error.field(), field);
    error.to_string()
}

#[test]
fn endpoint_is_https_or_http_to_this_machine_or_by_permission() {
    let good = [
        ("https://auth.example.com", "https://auth.example.com/"),
        ("HTTPS://Auth.Example.com/Keys?v=1", "https://auth.example.com/Keys?v=1"),
        ("http://127.0.0.1:8080/keys", "http://127.0.0.1:8080/keys"),
        ("http://[::1]/", "http://[::1]/"),
        ("http://localhost", "http://localhost/"),
        ("http://auth.localhost./a", "http://auth.localhost./a"),
        ("https://auth.example.com/@keys?to=a@b", "https://auth.example.com/@keys?to=a@b"),
    ];
    for (text, read) in good {
        let url = EndpointUrl::parse("jwks_url", text, false).unwrap();
        assert_eq!((url.as_str(), url.as_url().as_str()), (read, read));
        assert_eq!(url.is_loopback(), text.starts_with("http:"), "{text}");
    }
    for text in ["http://auth.example.com", "http://localhost.example.com", "http://notlocalhost", "http://126.0.0.1"] {
        let told = problem(EndpointUrl::parse("token_url", text, false), "token_url");
        assert!(told.contains("http to another machine"), "{text}: {told}");
        assert!(!EndpointUrl::parse("token_url", text, true).unwrap().is_loopback(), "{text}");
    }
    let bad = [
        ("", "absolute URL"),
        ("auth.example.com", "absolute URL"),
        ("https:auth.example.com", "absolute URL"),
        ("https:///auth.example.com", "absolute URL"),
        ("ftp://auth.example.com", "http(s) URL"),
        ("file:///keys.json", "static_jwks(..)"),
        ("https://user:hunter2@auth.example.com", "user information"),
        ("https://@auth.example.com", "user information"),
        ("https://:@auth.example.com", "user information"),
        ("https://@auth.example.com?a=b", "user information"),
        ("https://:@auth.example.com/keys", "user information"),
        ("https://auth.example.com/#keys", "fragment"),
        ("https://auth.example.com/{tenant}", "templates"),
        (" https://auth.example.com", "white space"),
        ("\"https://auth.example.com\"", "quotes"),
    ];
    for (text, expected) in bad {
        let told = problem(EndpointUrl::parse("jwks_url", text, true), "jwks_url");
        assert!(told.contains(expected) && !told.contains("hunter2"), "{text}: {told}");
    }
}

#[test]
fn address_shows_itself_without_its_query() {
    let url = EndpointUrl::parse("jwks_url", "https://auth.example.com/keys?api_key=hunter2", false).unwrap();
    for told in [url.without_query(), format!("{url:?}"), format!("{:?}", Some(&url))] {
        assert!(told.contains("https://auth.example.com/keys") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_derives_from_an_issuer_stands_below_its_path() {
    let issuers = [
        ("https://auth.example.com", "https://auth.example.com/oauth/token"),
        ("https://auth.example.com/", "https://auth.example.com/oauth/token"),
        ("https://auth.example.com//", "https://auth.example.com/oauth/token"),
        ("https://auth.example.com:8443/realms/a", "https://auth.example.com:8443/realms/a/oauth/token"),
        ("https://auth.example.com/realms/a/", "https://auth.example.com/realms/a/oauth/token"),
        ("https://auth.example.com/a/../b/.", "https://auth.example.com/b/oauth/token"),
        ("https://auth.example.com/our realm/%2f", "https://auth.example.com/our%20realm/%2f/oauth/token"),
        ("HTTPS://AUTH.example.com", "https://auth.example.com/oauth/token"),
    ];
    for (text, expected) in issuers {
        let issuer = IssuerUrl::parse(text, false).unwrap();
        assert_eq!((issuer.as_str(), issuer.below("/oauth/token").as_str()), (text, expected));
        // It is what the setting would be, were it written out.
        let written = format!("{}/oauth/token", text.trim_end_matches('/'));
        assert_eq!(issuer.below("/oauth/token"), EndpointUrl::parse("token_url", &written, false).unwrap(), "{text}");
    }
}

#[test]
fn issuer_is_a_url_where_addresses_derive_from_it_and_any_name_elsewhere() {
    for text in ["", "accounts.example", "urn:example:issuer", "http://auth.example.com"] {
        problem(IssuerUrl::parse(text, false), "issuer_url");
    }
    assert!(IssuerUrl::parse("http://auth.example.com", true).is_ok());
    for text in ["accounts.example", "urn:example:issuer", "our issuer", "http://auth.example.com"] {
        checked_issuer_name(text).unwrap();
    }
    for text in ["", "https:auth.example.com", "https://{tenant}.example", "{tenant}", "name\n", "'name'"] {
        problem(checked_issuer_name(text), "issuer_url");
        problem(IssuerUrl::parse(text, true), "issuer_url");
    }
    for text in ["https://auth.example.com?a=b", "https://auth.example.com/?"] {
        assert!(problem(checked_issuer_name(text), "issuer_url").contains("query"));
        assert!(problem(IssuerUrl::parse(text, false), "issuer_url").contains("query"));
    }
}

#[test]
fn what_files_add_to_a_text_is_refused_and_a_secret_may_begin_with_a_quote() {
    for text in ["id", "our id", "\u{e9}"] {
        checked_text("client_id", text).unwrap();
    }
    for text in ["id\n", " id", "\u{feff}id", "i\u{0}d", "\"id\"", "'id"] {
        problem(checked_text("client_id", text), "client_id");
    }
    checked_secret("client_secret", "'hunter2").unwrap();
    for text in ["'hunter2'", "\"hunter2\"", "hunter2\r\n"] {
        assert!(!problem(checked_secret("client_secret", text), "client_secret").contains("hunter2"));
    }
}

#[test]
fn character_that_nobody_sees_is_refused_by_its_number() {
    for invisible in [
        '\u{ad}',
        '\u{61c}',
        '\u{180e}',
        '\u{200b}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2064}',
        '\u{2066}',
        '\u{2069}',
        '\u{206f}',
        '\u{feff}',
        '\u{fff9}',
        '\u{e0001}',
        '\u{e0041}',
        '\u{e007f}',
    ] {
        for text in [format!("hunter{invisible}2"), format!("{invisible}hunter2"), format!("hunter2{invisible}")] {
            for told in [
                problem(checked_text("client_id", &text), "client_id"),
                problem(checked_secret("client_id", &text), "client_id"),
                problem(EndpointUrl::parse("client_id", &format!("https://{text}.example"), false), "client_id"),
            ] {
                // U+2028 and U+2029 are white space too.
                let says = ["U+", "white space"].iter().any(|says| told.contains(says));
                assert!(says && !told.contains("hunter") && !told.contains(invisible), "{told}");
            }
        }
        let told = problem(checked_text("client_id", &format!("a{invisible}b")), "client_id");
        assert!(told.contains(&format!("the invisible character U+{:04X}", u32::from(invisible))), "{told}");
    }
    // Letters, whatever their script and however they are put together.
    for text in ["größe", "مى\u{200c}خواهم", "क्\u{200d}ष", "e\u{301}", "👩\u{200d}💻", "保管員", "a\u{a0}b"]
    {
        checked_text("client_id", text).unwrap();
        checked_secret("client_secret", text).unwrap();
    }
}
