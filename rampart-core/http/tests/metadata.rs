//! What is read of an issuer's metadata.
#![cfg(test)]

use rampart_http::{EndpointUrl, IssuerUrl, Member, Metadata, MetadataError};

fn issuer(text: &str, allow_http: bool) -> IssuerUrl {
    IssuerUrl::parse(text, allow_http).unwrap()
}

fn elsewhere() -> IssuerUrl {
    issuer("https://auth.example.com", false)
}

fn address(issuer: &IssuerUrl, text: &str, member: Member) -> Result<EndpointUrl, String> {
    let unusable = |error| match error {
        MetadataError::Unusable(problem) => problem.to_owned(),
        other => panic!("{other:?}"),
    };
    Metadata::read(text, issuer).and_then(|metadata| metadata.address(member)).map_err(unusable)
}

fn keys(issuer: &IssuerUrl, address_of_keys: &str) -> Result<EndpointUrl, String> {
    let text = format!(r#"{{"issuer":"{}","jwks_uri":"{address_of_keys}"}}"#, issuer.as_str());
    address(issuer, &text, Member::JwksUri)
}

#[test]
fn each_member_is_read_by_its_name_and_the_others_do_not_matter() {
    let text = r#"{
        "issuer": "https://auth.example.com",
        "jwks_uri": "https://keys.example.com/jwks?v=1",
        "token_endpoint": "https://auth.example.com/token",
        "scopes_supported": ["openid"], "userinfo_endpoint": null
    }"#;
    let read = |member| address(&elsewhere(), text, member).unwrap();
    assert_eq!(read(Member::JwksUri).as_str(), "https://keys.example.com/jwks?v=1");
    assert_eq!(read(Member::TokenEndpoint).as_str(), "https://auth.example.com/token");

    let one = r#"{"issuer":"https://auth.example.com","jwks_uri":7,"token_endpoint":"https://auth.example.com/token"}"#;
    assert!(address(&elsewhere(), one, Member::TokenEndpoint).is_ok());
    assert!(address(&elsewhere(), one, Member::JwksUri).unwrap_err().contains("does not give"));
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
        let told = address(&elsewhere(), text, Member::JwksUri).unwrap_err();
        assert_eq!(told, "it is not a JSON object without duplicate members", "{text}");
    }
    for own in
        [r#""https://auth.example.com/""#, r#""https://AUTH.example.com""#, "null", r#"["https://auth.example.com"]"#]
    {
        let text = format!(r#"{{"issuer":{own},"jwks_uri":"https://auth.example.com/keys"}}"#);
        let told = address(&elsewhere(), &text, Member::JwksUri).unwrap_err();
        assert_eq!(told, "its issuer is not exactly the configured one", "{own}");
    }
    assert_eq!(
        address(&elsewhere(), "{}", Member::JwksUri).unwrap_err(),
        "its issuer is not exactly the configured one"
    );
}

#[test]
fn address_in_metadata_is_https_unless_the_issuer_is_on_this_machine_or_it_is_permitted() {
    let not_https = "the address it gives is not an https URL";
    for url in
        ["http://auth.example.com/keys", "auth.example.com/keys", "", "https://a:b@auth.example.com", "https://a/#b"]
    {
        assert_eq!(keys(&elsewhere(), url).unwrap_err(), not_https, "{url}");
    }
    // This machine is not what a server elsewhere can mean.
    for url in ["http://127.0.0.1:8080/keys", "http://localhost/keys", "http://auth.localhost/keys"] {
        assert_eq!(keys(&elsewhere(), url).unwrap_err(), "the address it gives is http on this machine", "{url}");
        assert_eq!(keys(&issuer("http://localhost:8080", false), url).unwrap().as_str(), url);
        assert_eq!(keys(&issuer("https://auth.example.com", true), url).unwrap().as_str(), url);
    }
    assert_eq!(keys(&issuer("http://localhost:8080", false), "http://auth.example.com/keys").unwrap_err(), not_https);
    let url = "http://auth.example.com/keys";
    assert_eq!(keys(&issuer("http://auth.internal", true), url).unwrap().as_str(), url);
}
