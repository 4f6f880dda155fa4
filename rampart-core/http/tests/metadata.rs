//! What is read of an issuer's metadata.
#![cfg(test)]

use rampart_http::{EndpointUrl, Member, Metadata, MetadataError};

const ISSUER: &str = "https://auth.example.com";

fn url(text: &str) -> EndpointUrl {
    EndpointUrl::parse("source", text, true).unwrap()
}

/// What metadata that came from this issuer's own place says.
fn read(text: &str, member: Member) -> Result<EndpointUrl, MetadataError> {
    Metadata::read(text, ISSUER).and_then(|metadata| metadata.address(member, &url(ISSUER), false))
}

fn told(text: &str, member: Member) -> &'static str {
    match read(text, member) {
        Err(MetadataError::Unusable(problem)) => problem,
        other => panic!("{text}: {other:?}"),
    }
}

/// The address of the keys in a document from there.
fn keys(address: &str, source: &str, allow_http: bool) -> Result<EndpointUrl, MetadataError> {
    let text = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{address}"}}"#);
    Metadata::read(&text, ISSUER).unwrap().address(Member::JwksUri, &url(source), allow_http)
}

#[test]
fn each_member_is_read_by_its_name_and_the_others_do_not_matter() {
    let text = r#"{
        "issuer": "https://auth.example.com",
        "jwks_uri": "https://keys.example.com/jwks?v=1",
        "token_endpoint": "https://auth.example.com/token",
        "introspection_endpoint": "https://auth.example.com/introspect",
        "revocation_endpoint": "https://auth.example.com/revoke",
        "scopes_supported": ["openid"], "userinfo_endpoint": null
    }"#;
    let address = |member| read(text, member).unwrap();
    assert_eq!(address(Member::JwksUri).as_str(), "https://keys.example.com/jwks?v=1");
    assert_eq!(address(Member::TokenEndpoint).as_str(), "https://auth.example.com/token");
    assert_eq!(address(Member::IntrospectionEndpoint).as_str(), "https://auth.example.com/introspect");
    assert_eq!(address(Member::RevocationEndpoint).as_str(), "https://auth.example.com/revoke");

    let one = r#"{"issuer":"https://auth.example.com","jwks_uri":7,"token_endpoint":"https://auth.example.com/token"}"#;
    read(one, Member::TokenEndpoint).unwrap();
    assert_eq!(told(one, Member::JwksUri), "it does not give the address that is looked for");
    let missing = "it gives no introspection_endpoint; give introspection_url(..), or endpoint in a file";
    assert_eq!(told(one, Member::IntrospectionEndpoint), missing);
    let missing = "it gives no revocation_endpoint; give revocation_url(..)";
    assert_eq!(told(one, Member::RevocationEndpoint), missing);
}

#[test]
fn metadata_is_one_object_without_duplicates_whose_issuer_is_the_configured_one() {
    for text in [
        "",
        "[]",
        "null",
        r#"{"issuer":"https://auth.example.com"} x"#,
        r#"{"issuer":"https://auth.example.com","issuer":"https://auth.example.com"}"#,
        r#"{"issuer":"https://auth.example.com","jwks_uri":"https://a","jwks_uri":"https://b"}"#,
        r#"{"issuer":"https://auth.example.com","other":1,"other":2}"#,
    ] {
        assert_eq!(told(text, Member::JwksUri), "it is not a JSON object without duplicate members");
    }
    let with_issuer = |own: &str| format!(r#"{{"issuer":{own},"jwks_uri":"https://auth.example.com/keys"}}"#);
    for text in ["{}", &with_issuer("null"), &with_issuer(r#"["https://auth.example.com"]"#)] {
        assert_eq!(told(text, Member::JwksUri), "its issuer is missing, or no string");
    }
    let long = "i".repeat(300);
    for (own, shown) in [
        ("https://auth.example.com/", "https://auth.example.com/"),
        ("https://AUTH.example.com", "https://AUTH.example.com"),
        ("", ""),
        (r"a\n\u202e\u001b[0m", r"a\n\u{202e}\u{1b}[0m"),
        (&long, &"i".repeat(200)),
    ] {
        let error = read(&with_issuer(&format!("\"{own}\"")), Member::JwksUri).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the issuer's metadata cannot be used: its issuer is not exactly the configured one, but \"{shown}\"; where that is the iss of the tokens too, write it as issuer_url"
            )
        );
    }
}

/// S33.
#[test]
fn address_in_a_document_that_came_over_https_is_https_whatever_is_permitted() {
    let not_https = Err(MetadataError::Unusable("the address it gives is not an https URL"));
    for source in [ISSUER, "https://localhost:8443", "https://127.0.0.1/metadata"] {
        for allow_http in [false, true] {
            for address in [
                "http://auth.example.com/keys",
                "http://127.0.0.1:8080/keys",
                "http://localhost/keys",
                "http://auth.localhost/keys",
                "auth.example.com/keys",
                "",
                "https://a:b@auth.example.com",
                "https://a/#b",
            ] {
                assert_eq!(keys(address, source, allow_http), not_https, "{source}: {address}");
            }
            let address = "https://keys.example.com/keys";
            assert_eq!(keys(address, source, allow_http).unwrap().as_str(), address);
        }
    }
}

#[test]
fn address_in_a_document_that_came_over_http_may_be_http_where_any_other_may() {
    // Without permission such a document comes from this machine.
    for address in ["http://127.0.0.1:8080/keys", "http://auth.localhost/keys", "https://keys.example.com/keys"] {
        assert_eq!(keys(address, "http://localhost:8080", false).unwrap().as_str(), address);
        assert_eq!(keys(address, "http://auth.internal", true).unwrap().as_str(), address);
    }
    let elsewhere = "http://auth.internal/keys";
    keys(elsewhere, "http://localhost:8080", false).unwrap_err();
    assert_eq!(keys(elsewhere, "http://auth.internal", true).unwrap().as_str(), elsewhere);
}
