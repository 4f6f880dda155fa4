//! How issuer, audience and addresses are written: what a token or a server could not be compared with is refused by `build()`.

use std::time::Duration;

use crate::common::{AUDIENCE, Draft, ISSUER, NOW, all_keys, at, builder, ready};
use crate::config::{accepted, fetching, refused};
use rampart_core::{AuthError, RampartAuth, RampartAuthBuilder, Settings};

/// X06.
#[test]
fn issuer_is_an_absolute_url_without_anything_that_is_not_the_issuer() {
    let bad = [
        "",
        " ",
        "issuer",
        "issuer.example",
        "//issuer.example",
        "/issuer",
        "ftp://issuer.example",
        "file:///etc/passwd",
        "mailto:a@issuer.example",
        "data:,x",
        "javascript:1",
        "urn:issuer",
        "https://",
        "https:// issuer.example",
        "https://issuer.example?a=b",
        "https://issuer.example/?",
        "https://issuer.example/#a",
        "https://issuer.example#",
        "https://user@issuer.example",
        "https://user:secret@issuer.example",
        "https://:secret@issuer.example",
        "https://@issuer.example",
        "https://:@issuer.example/",
        "https://issuer\u{200b}.example",
        "https://issuer.example/\u{ad}",
        " https://issuer.example",
        "https://issuer.example ",
        "https://issuer.example\n",
        "https://iss\tuer.example",
        "https://issuer.example\0",
        "https://issuer.example:99999",
        "https:issuer.example",
        "https:/issuer.example",
        "https:///issuer.example",
        "https:\\\\issuer.example",
        "https://issuer.example\\keys",
        "https://[::1",
        "ws://issuer.example",
        "\"https://issuer.example\"",
        "'https://issuer.example'",
        "https://issuer.example/{tenantid}/v2.0",
        "https://{tenant}.issuer.example",
        "\u{feff}https://issuer.example",
    ];
    for url in bad {
        let id = format!("O25 {url:?}");
        for builder in [RampartAuth::builder(url, AUDIENCE), RampartAuth::builder(url, AUDIENCE).discovery()] {
            let told = refused(&id, builder.allow_http(true).build(), "issuer_url");
            assert!(!told.contains("secret"), "S28 {told}");
        }
    }
    let good = [
        "https://issuer.example",
        "https://issuer.example/",
        "https://issuer.example/realms/a",
        "https://issuer.example:8443",
        "HTTPS://issuer.example",
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "https://localhost",
    ];
    for url in good {
        accepted(url, RampartAuth::new(url, AUDIENCE));
    }
}

/// F28: where nothing is fetched from it, the issuer is what `iss` says, and needs no permission.
#[test]
fn issuer_that_nothing_is_fetched_from_is_any_name() {
    let with_address = |issuer: &str| RampartAuth::builder(issuer, AUDIENCE).jwks_url("https://keys.example/jwks.json");
    let with_metadata =
        |issuer: &str| RampartAuth::builder(issuer, AUDIENCE).metadata_url("https://keys.example/metadata");
    let with_keys = |issuer: &str| RampartAuth::builder(issuer, AUDIENCE).static_jwks(all_keys());
    let good = [
        "http://adfs.example/adfs/services/trust",
        "accounts.example",
        "urn:example:issuer",
        "kubernetes/serviceaccount",
        "our issuer",
        "mailto:a@issuer.example",
        "HTTPS://issuer.example",
    ];
    for issuer in good {
        accepted(issuer, with_address(issuer).build());
        accepted(issuer, with_metadata(issuer).build());
        let auth = with_keys(issuer).clock(|| at(Duration::from_secs(NOW))).build();
        let verdict = |issuer: &str| {
            let token = Draft::good().claim("iss", &crate::common::quoted(issuer)).sign();
            ready(accepted(issuer, auth.clone()).verify(&token)).map(|claims| claims.iss.clone())
        };
        assert_eq!(verdict(issuer).as_deref(), Ok(issuer));
        for other in [ISSUER, &format!("{issuer}/"), &issuer.replace('a', "A")] {
            if other != issuer {
                assert_eq!(verdict(other), Err(AuthError::InvalidToken), "{issuer}: {other}");
            }
        }
    }
    // Permission for http is for what is fetched, and for nothing else.
    refused("the issuer itself", RampartAuth::new("http://adfs.example/trust", AUDIENCE), "issuer_url");
    refused("its metadata", RampartAuth::builder("http://adfs.example", AUDIENCE).discovery().build(), "issuer_url");
    let keys_over_http = RampartAuth::builder("http://adfs.example", AUDIENCE).jwks_url("http://adfs.example/keys");
    refused("the keys", keys_over_http.build(), "jwks_url");

    let bad = [
        "",
        " ",
        "accounts.example ",
        "accounts.example\n",
        "a\tb",
        "\"accounts.example\"",
        "'accounts.example'",
        "\u{feff}accounts.example",
        "accounts\u{200b}.example",
        "accounts.example\u{2060}",
        "https://@issuer.example",
        "http://:@issuer.example",
        "urn:example:{tenant}",
        "https://issuer.example/{tenantid}",
        "https://user:secret@issuer.example",
        "https://issuer.example?a=b",
        "http://issuer.example?",
        "https://issuer.example#a",
        "https:issuer.example",
        "https:///issuer.example",
        "https://issuer.example\\keys",
        "http://",
    ];
    for issuer in bad {
        let id = format!("{issuer:?}");
        for builder in [with_address(issuer), with_keys(issuer), with_keys(issuer).allow_http(true)] {
            let told = refused(&id, builder.build(), "issuer_url");
            assert!(!told.contains("secret"), "S28 {told}");
        }
    }
}

#[test]
fn f58_template_is_refused_with_a_hint() {
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    for builder in [
        RampartAuth::builder(issuer, AUDIENCE),
        RampartAuth::builder(issuer, AUDIENCE).discovery(),
        RampartAuth::builder(issuer, AUDIENCE).jwks_url("https://issuer.example/keys"),
        RampartAuth::builder(issuer, AUDIENCE).static_jwks(all_keys()),
    ] {
        let told = refused("F58", builder.build(), "issuer_url");
        assert!(told.contains("template") && told.contains("one tenant"), "{told}");
    }
    let told = refused("an address", fetching().jwks_url("https://issuer.example/{tenant}/keys").build(), "jwks_url");
    assert!(told.contains("template"), "{told}");
}

#[test]
fn f34_file_is_no_address_but_fixed_keys() {
    for url in ["file:///etc/keys.json", "FILE:///etc/keys.json", "file:keys.json"] {
        let told = refused(url, fetching().jwks_url(url).build(), "jwks_url");
        assert!(told.contains("static_jwks(..)"), "{told}");
        let told = refused(url, RampartAuth::new(url, AUDIENCE), "issuer_url");
        assert!(told.contains("file"), "{told}");
    }
}

type With = fn(&str) -> RampartAuthBuilder;

#[test]
fn http_needs_loopback_or_permission() {
    let loopback = [
        "http://localhost",
        "http://LOCALHOST:9000",
        "http://127.0.0.1:9000",
        "http://127.1.2.3",
        "http://[::1]:9000/a",
        "http://auth.localhost:9000",
        "http://a.b.Localhost",
    ];
    let elsewhere = [
        "http://issuer.example",
        "http://10.0.0.1",
        "http://0.0.0.0:9000",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://notlocalhost",
        "http://[2001:db8::1]",
        "http://localhost@evil.example",
    ];
    let places: [(&str, With); 4] = [
        ("issuer_url", |url| RampartAuth::builder(url, AUDIENCE)),
        ("jwks_url", |url| fetching().jwks_url(url)),
        ("metadata_url", |url| fetching().metadata_url(url)),
        ("resource_metadata", |url| builder().resource_metadata(url)),
    ];
    for (field, with) in places {
        for url in loopback {
            accepted(&format!("S27 {field} {url}"), with(url).build());
        }
        for url in elsewhere {
            let told = refused(&format!("S27 {field} {url}"), with(url).build(), field);
            let asked = with(url).allow_http(true).build();
            // Nothing is fetched from the metadata here: permission to fetch over http is no remedy.
            let may_be_allowed = field != "resource_metadata" && !url.contains('@');
            if may_be_allowed {
                accepted(&format!("{field} {url}, allowed"), asked);
            } else {
                refused(&format!("{field} {url}, allowed"), asked, field);
            }
            assert_eq!(told.contains("allow_http"), may_be_allowed, "the remedy: {told}");
            assert!(told.contains("use https") || url.contains('@'), "the remedy: {told}");
        }
        for url in ["", "x", "ftp://a.example", "https://a:b@c.example", "https://a.example#b"] {
            refused(&format!("{field} {url}"), with(url).build(), field);
        }
    }
    accepted("a key set may have a query", fetching().jwks_url("https://issuer.example/keys?v=1").build());
}

#[test]
fn audience_is_never_empty() {
    for audience in ["", " ", "\t\n"] {
        refused(&format!("{audience:?}"), RampartAuth::new(ISSUER, audience), "audience");
        refused("X06 fixed keys", RampartAuth::builder(ISSUER, audience).static_jwks(all_keys()).build(), "audience");
        refused("among others", fetching().audiences(["good", audience]).build(), "audiences");
    }
    let none: [&str; 0] = [];
    accepted("none further", fetching().audiences(none).build());
    accepted("two further", fetching().audiences(["a", "b c"]).build());
}

/// F12, F14: what files of secrets and of variables add to a value would match no token.
#[test]
fn audience_is_the_value_alone() {
    for audience in [
        "my-api\n",
        "my-api\r\n",
        " my-api",
        "my-api ",
        "my-api\t",
        "\u{a0}my-api",
        "my\napi",
        "my-api\0",
        "\u{feff}my-api",
        "my-api\u{200b}",
        "my\u{ad}-api",
        "my-\u{202e}api",
        "my\u{2028}api",
        "\"my-api\"",
        "'my-api'",
        "\"my-api",
        "my-api'",
    ] {
        let id = format!("{audience:?}");
        refused(&id, RampartAuth::new(ISSUER, audience), "audience");
        refused(&id, RampartAuth::builder(ISSUER, audience).static_jwks(all_keys()).build(), "audience");
        refused(&id, fetching().audiences([audience]).build(), "audiences");
        refused(&id, RampartAuth::from_settings(Settings::new(ISSUER, audience)), "audience");
    }
    let told = refused("F12", RampartAuth::new(ISSUER, "my-api\n"), "audience");
    assert!(told.contains("line break") && told.contains("printf"), "the remedy: {told}");
    let told = refused("a copy", RampartAuth::new(ISSUER, "my-api\u{200b}"), "audience");
    assert!(told.contains("U+200B") && told.contains("anew"), "the remedy: {told}");
    let told = refused("F14", RampartAuth::new(ISSUER, "\"my-api\""), "audience");
    assert!(told.contains("quotes") && told.contains("remove them"), "the remedy: {told}");
    for audience in
        ["my-api", "my api", "api://my-api", "https://api.example/?a=\"b\"&c", "o'hara-api", "\u{e9}", "a,b"]
    {
        accepted(audience, RampartAuth::builder(ISSUER, audience).audiences([audience]).build());
    }
}
