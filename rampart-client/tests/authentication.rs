//! How the client says who it is, and what it asks for: the request as it arrives at the server.
#![cfg(test)]

mod common;

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::keys::{ALGORITHMS, ClientKey};
use common::{any, builder, form, issuer, member};
use rampart_client::{ClientError, ConfigError, RampartClient, RampartClientBuilder, SigningAlgorithm, TokenRequest};
use rampart_issuer::{Endpoint, Fault, LocalIssuer, RecordedRequest};
use serde_json::Value;

/// The only request that the token endpoint has had.
fn only(issuer: &LocalIssuer) -> RecordedRequest {
    let mut recorded = issuer.recorded(Endpoint::Token);
    assert_eq!(recorded.len(), 1);
    recorded.remove(0)
}

fn field(result: Result<RampartClient, ClientError>) -> &'static str {
    match result {
        Err(ClientError::Config(error)) => error.field(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn o13_both_parts_of_basic_are_form_urlencoded_first() {
    let (id, secret) = ("1PpG/Q 1", "z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=");
    let issuer = LocalIssuer::builder().client(id, secret).start().await.unwrap();
    let client = RampartClient::builder(issuer.url(), id, secret).build().unwrap();
    client.client_credentials_token(&[]).await.unwrap();
    let request = only(&issuer);
    let encoded =
        "MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA==";
    assert_eq!(request.header("authorization"), Some(&*format!("Basic {encoded}")));
    assert_eq!(request.body, "grant_type=client_credentials");
    assert_eq!((&*request.method, &*request.path), ("POST", "/oauth/token"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn o13_basic_raw_is_for_servers_that_do_not_decode() {
    let (id, secret) = ("1PpG/Q 1", "z/tZ9VwFZqApmIQ+ZH:X2/8bL+wfFTt1rFw=");
    let issuer = LocalIssuer::builder().client(id, secret).start().await.unwrap();
    issuer.decode_basic(false);
    let builder = || RampartClient::builder(issuer.url(), id, secret);
    let refused = builder().build().unwrap().client_credentials_token(&[]).await;
    assert!(matches!(refused, Err(ClientError::OAuth { status: 401, .. })), "{refused:?}");
    issuer.reset_counts();
    builder().basic_raw().build().unwrap().client_credentials_token(&[]).await.unwrap();
    let expected = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    assert_eq!(only(&issuer).header("authorization"), Some(&*expected));
    assert_eq!(field(RampartClient::builder(issuer.url(), "a:b", "secret").basic_raw().build()), "client_id");
}

type Way = fn(RampartClientBuilder) -> RampartClientBuilder;

#[tokio::test]
async fn o14_any_text_arrives_as_it_is_in_the_header_and_in_the_body() {
    let long = "s".repeat(4096);
    let texts = [
        "a:b",
        "a%b",
        "a%3Ab",
        "a+b",
        "a&b=c",
        "a\"\\b",
        "'a\"",
        "it's\"",
        "a b",
        "é",
        "🦀",
        "client_secret=x&scope=admin",
        &long,
    ];
    let mut clients = LocalIssuer::builder();
    for text in texts {
        clients = clients.client(format!("id {text} id"), text);
    }
    let issuer = clients.start().await.unwrap();
    let ways: [Way; 2] = [|builder| builder, RampartClientBuilder::secret_in_body];
    for text in texts {
        for way in ways {
            issuer.reset_counts();
            let client = way(RampartClient::builder(issuer.url(), format!("id {text} id"), text)).build().unwrap();
            client.client_credentials_token(&[]).await.unwrap_or_else(|error| panic!("{text:.40?}: {error}"));
            let request = only(&issuer);
            assert_eq!(request.path, "/oauth/token", "{text:.40?}");
        }
    }
    let builder = |id, secret| RampartClient::builder(issuer.url(), id, secret);
    assert_eq!(field(builder("id", "").build()), "client_secret");
    assert_eq!(field(builder("id", "").secret_in_body().build()), "client_secret");
    assert_eq!(field(builder("", "secret").build()), "client_id");
}

#[test]
fn f13_f14_what_files_add_to_an_id_or_a_secret_is_refused() {
    let key = ClientKey::generate(SigningAlgorithm::EdDSA);
    let build = |id: &str, secret: &str| RampartClient::builder("https://auth.example.com", id, secret).build();
    let signing = |id: Option<&str>| {
        RampartClient::builder("https://auth.example.com", "billing", "")
            .private_key_jwt(key.algorithm, key.pem.clone(), id)
            .build()
    };
    let refused = |result: Result<RampartClient, ClientError>, field: &str, says: &str| match result {
        Err(ClientError::Config(error @ ConfigError::Invalid { .. })) => {
            assert_eq!(error.field(), field);
            let shown = error.to_string();
            assert!(shown.contains(says) && !shown.contains("hunter2"), "{shown}");
        }
        other => panic!("{other:?}"),
    };
    let blank = "white space around it, or a line break or another control character";
    for (before, after) in [("", "\n"), ("", "\r\n"), (" ", ""), ("", "\t"), ("", "\u{a0}"), ("", "\0")] {
        let text = format!("{before}hunter2{after}");
        refused(build(&text, "secret"), "client_id", blank);
        refused(build("id", &text), "client_secret", blank);
        refused(signing(Some(&text)), "key_id", blank);
    }
    for inside in
        ["hunter2\nhunter2", "hunter2\r\nx-injected: 1", "hunter2\u{0}hunter2", "hunter2\u{7f}hunter2", "\n", " "]
    {
        refused(build(inside, "secret"), "client_id", blank);
        refused(build("id", inside), "client_secret", blank);
        refused(signing(Some(inside)), "key_id", blank);
    }
    for (text, number) in [("\u{feff}hunter2", "U+FEFF"), ("hunter\u{200b}2", "U+200B"), ("hunter2\u{2060}", "U+2060")]
    {
        let invisible = format!("the invisible character {number}");
        refused(build(text, "secret"), "client_id", &invisible);
        refused(build("id", text), "client_secret", &invisible);
        refused(signing(Some(text)), "key_id", &invisible);
    }
    for quote in ['"', '\''] {
        let text = format!("{quote}hunter2{quote}");
        refused(build(&text, "secret"), "client_id", "stands in quotes");
        refused(build("id", &text), "client_secret", "stands in quotes");
        refused(signing(Some(&text)), "key_id", "stands in quotes");
        // A secret that is made by chance may end so.
        for text in [format!("{quote}hunter2"), format!("hunter2{quote}"), format!("{quote}")] {
            build("id", &text).unwrap();
        }
    }
    refused(signing(Some("")), "key_id", "is empty; write the one that the server knows, or None");
    signing(Some("billing-2026")).unwrap();
    signing(None).unwrap();
    // Elsewhere than around it, white space and quotes may be a part of it.
    build("the id", "the \"secret\" 1").unwrap();
}

#[tokio::test]
async fn o15_secret_in_the_body_is_form_urlencoded_and_nowhere_else() {
    let issuer = LocalIssuer::builder().client("id 1", "s&e=c%r+e t").start().await.unwrap();
    let client = RampartClient::builder(issuer.url(), "id 1", "s&e=c%r+e t").secret_in_body().build().unwrap();
    client.client_credentials_token(&["b", "a"]).await.unwrap();
    let request = only(&issuer);
    let expected = "grant_type=client_credentials&scope=a+b&client_id=id+1&client_secret=s%26e%3Dc%25r%2Be+t";
    assert_eq!(request.body, expected);
    assert_eq!((request.header("authorization"), &*request.path), (None, "/oauth/token"));
}

#[tokio::test]
async fn o16_further_parameters_are_sent_and_repeated_resources_kept() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    let request = any()
        .parameter("resource", "https://b.example/?x=1&y=2")
        .parameter("resource", "https://a.example")
        .parameter("resource", "https://a.example")
        .parameter("audience", "the users");
    client.token(&request).await.unwrap();
    let sent = form(&only(&issuer));
    let sent: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("grant_type", "client_credentials"),
        ("scope", "users:read"),
        ("audience", "the users"),
        ("resource", "https://a.example"),
        ("resource", "https://b.example/?x=1&y=2"),
    ];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn o16_parameters_cannot_say_who_the_client_is_or_what_it_wants() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    let reserved =
        ["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", ""];
    for name in reserved {
        match client.token(&any().parameter(name, "the value")).await {
            Err(ClientError::Config(error @ ConfigError::Invalid { field: "parameter", .. })) => {
                assert!(!error.to_string().contains("the value"), "{error}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    for scope in ["a b", " ", "a\"", "a\\b", "é", "a\nb", "a\u{7f}"] {
        let outcome = client.client_credentials_token(&["fine", scope]).await;
        assert!(
            matches!(outcome, Err(ClientError::Config(ConfigError::Invalid { field: "scope", .. }))),
            "{scope:?}: {outcome:?}"
        );
    }
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}

#[tokio::test]
async fn order_repeats_and_empty_scopes_do_not_matter() {
    let issuer = issuer().await;
    let client = builder(&issuer).build().unwrap();
    let parameters = |request: TokenRequest| request.parameter("audience", "a").parameter("resource", "b");
    let same = [
        parameters(TokenRequest::new(["a", "b", "c"])),
        parameters(TokenRequest::new(["c", "b", "a", "b"])),
        parameters(TokenRequest::new(["", "c", "a", "", "b"])),
        TokenRequest::new(["a", "b", "c"])
            .parameter("resource", "b")
            .parameter("audience", "a")
            .parameter("audience", "a"),
    ];
    for request in &same {
        assert_eq!(request, &same[0]);
        client.token(request).await.unwrap();
    }
    assert_eq!(issuer.requests(Endpoint::Token), 1);
    assert_eq!(member(&only(&issuer), "scope").unwrap(), "a b c");

    issuer.reset_counts();
    let none = [TokenRequest::default(), TokenRequest::new([""; 3]), TokenRequest::new(Vec::<String>::new())];
    for request in &none {
        client.token(request).await.unwrap();
    }
    client.client_credentials_token(&[]).await.unwrap();
    assert_eq!(member(&only(&issuer), "scope"), None);

    issuer.reset_counts();
    let different = [
        TokenRequest::new(["A"]),
        TokenRequest::new(["a"]),
        TokenRequest::new(["a"]).parameter("audience", "a"),
        TokenRequest::new(["a"]).parameter("audience", "A"),
        TokenRequest::new(["a"]).parameter("resource", "a"),
        TokenRequest::new(["a"]).parameter("resource", "a").parameter("resource", "b"),
    ];
    for (asked, request) in (1..).zip(&different) {
        client.token(request).await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Token), asked);
    }
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn signed_assertions_stand_for_the_secret() {
    let issuer = issuer().await;
    for algorithm in ALGORITHMS {
        let key = ClientKey::generate(algorithm);
        issuer.reset_counts();
        issuer.client_jwk("billing", key.jwk.clone());
        let client = RampartClient::builder(issuer.url(), "billing", "")
            .private_key_jwt(algorithm, key.pem.clone(), Some("key-1"))
            .build()
            .unwrap();
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        client.client_credentials_token(&["a"]).await.unwrap();
        client.client_credentials_token(&["b"]).await.unwrap();
        let mut identifiers = HashSet::new();
        for request in issuer.recorded(Endpoint::Token) {
            assert_eq!(request.header("authorization"), None);
            assert_eq!(member(&request, "client_secret"), None);
            assert_eq!(member(&request, "client_id").as_deref(), Some("billing"));
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            assert_eq!(member(&request, "client_assertion_type").as_deref(), Some(kind));
            let assertion = member(&request, "client_assertion").unwrap();
            let parts: Vec<_> = assertion.split('.').collect();
            let (header, claims) = (decoded(parts[0]), decoded(parts[1]));
            assert_eq!((&header["alg"], &header["kid"]), (&key.name().into(), &"key-1".into()));
            assert_eq!((&claims["iss"], &claims["sub"]), (&"billing".into(), &"billing".into()));
            assert_eq!(claims["aud"], issuer.token_url());
            let issued = claims["iat"].as_u64().unwrap();
            assert!((before..before + 60).contains(&issued));
            assert_eq!(claims["exp"], issued + 60);
            assert!(identifiers.insert(claims["jti"].as_str().unwrap().to_owned()), "an assertion was used twice");
        }
        assert_eq!(identifiers.len(), 2);

        // Without a key ID the header names none; another key is refused by the server.
        let other = ClientKey::generate(algorithm);
        let stranger = RampartClient::builder(issuer.url(), "billing", "the secret")
            .private_key_jwt(algorithm, other.pem, None)
            .build()
            .unwrap();
        issuer.reset_counts();
        let outcome = stranger.client_credentials_token(&[]).await;
        assert!(matches!(outcome, Err(ClientError::OAuth { status: 401, .. })), "{outcome:?}");
        let request = only(&issuer);
        let assertion = member(&request, "client_assertion").unwrap();
        assert_eq!(decoded(assertion.split('.').next().unwrap()).get("kid"), None);
        assert!(!request.body.contains("secret"), "{}", request.body);
    }
}

#[tokio::test]
async fn assertion_is_used_only_once_also_where_the_request_is_repeated() {
    let issuer = issuer().await;
    for fault in [Fault::Reset, Fault::CloseEarly] {
        let key = ClientKey::generate(SigningAlgorithm::EdDSA);
        issuer.client_jwk("billing", key.jwk.clone());
        issuer.reset_counts();
        issuer.inject_times(Endpoint::Token, &fault, 1);
        let client = RampartClient::builder(issuer.url(), "billing", "")
            .private_key_jwt(key.algorithm, key.pem, None)
            .build()
            .unwrap();
        client.client_credentials_token(&["a"]).await.unwrap();
        let assertions: Vec<_> = issuer
            .recorded(Endpoint::Token)
            .iter()
            .map(|request| member(request, "client_assertion").unwrap())
            .collect();
        assert_eq!(assertions.len(), 2, "{fault:?}");
        let identifier = |assertion: &String| decoded(assertion.split('.').nth(1).unwrap())["jti"].clone();
        assert_ne!(identifier(&assertions[0]), identifier(&assertions[1]), "{fault:?}");

        // All else is as it was, and nothing changes where there is no assertion.
        issuer.reset_counts();
        issuer.inject_times(Endpoint::Token, &fault, 1);
        builder(&issuer).build().unwrap().client_credentials_token(&["a"]).await.unwrap();
        let sent = issuer.recorded(Endpoint::Token);
        assert_eq!(sent.len(), 2, "{fault:?}");
        assert_eq!(sent[0].body, sent[1].body);
        assert_eq!(sent[0].header("authorization"), sent[1].header("authorization"));
    }
}

#[test]
fn keys_that_cannot_sign_are_found_by_build() {
    let keys = ALGORITHMS.map(ClientKey::generate);
    let build = |algorithm, pem: &str| {
        RampartClient::builder("https://auth.example.com", "billing", "").private_key_jwt(algorithm, pem, None).build()
    };
    for key in &keys {
        build(key.algorithm, &key.pem).unwrap();
        let broken = key.pem.replace('A', "B");
        for pem in ["", "no key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", &broken] {
            let error = build(key.algorithm, pem).unwrap_err();
            assert!(error.to_string().starts_with("private_key_jwt: "), "{error}");
        }
        for other in keys.iter().filter(|other| other.algorithm != key.algorithm) {
            assert_eq!(field(build(key.algorithm, &other.pem)), "private_key_jwt");
        }
    }
    assert_eq!(field(build(SigningAlgorithm::RS256, &"A".repeat(1 << 20))), "private_key_jwt");
    // The remedy says what kind of key is wanted.
    for (key, wanted) in
        keys.iter().zip(["an RSA private key of 2048", "a private key on P-256", "an Ed25519 private key"])
    {
        let error = build(key.algorithm, "no key").unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("PKCS#8"), "{error}");
    }
}

#[tokio::test]
async fn endpoint_of_assertions_is_where_they_are_sent() {
    let (issuer, key) = (issuer().await, ClientKey::generate(SigningAlgorithm::ES256));
    issuer.client_jwk("billing", key.jwk.clone());
    issuer.inject(Endpoint::Token, Fault::status(500));
    let url = format!("{}?tenant=1", issuer.token_url());
    let client = RampartClient::builder("https://auth.example.com", "billing", "")
        .private_key_jwt(key.algorithm, key.pem, None)
        .token_url(&url)
        .build()
        .unwrap();
    client.client_credentials_token(&[]).await.unwrap_err();
    let request = only(&issuer);
    assert_eq!(request.path, "/oauth/token?tenant=1");
    let assertion = member(&request, "client_assertion").unwrap();
    assert_eq!(decoded(assertion.split('.').nth(1).unwrap())["aud"], url);
}
