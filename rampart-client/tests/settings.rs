//! The section of a configuration file that says who asks about tokens.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::keys::{ALGORITHMS, ClientKey};
use common::{in_environment, is_child, issuer};
use rampart_client::{
    AnswerFormat, IntrospectionMode, IntrospectionSettings, Question, RampartClient, RampartClientBuilder,
    TokenIntrospector,
};
use rampart_issuer::{Endpoint, LocalIssuer};

/// A file of its own, as secrets are mounted; gone with the test.
struct SecretFile(PathBuf);

impl SecretFile {
    fn of(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("rampart-client-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn settings(text: &str) -> IntrospectionSettings {
    toml::from_str(text).unwrap()
}

/// With these further lines.
fn of_issuer(issuer: &LocalIssuer, lines: &str) -> IntrospectionSettings {
    settings(&format!("issuer_url = \"{}\"\nclient_id = \"service\"\n{lines}", issuer.url()))
}

fn somewhere(lines: &str) -> IntrospectionSettings {
    settings(&format!("issuer_url = \"https://auth.example.com\"\nclient_id = \"my-api\"\n{lines}"))
}

fn refused(settings: &IntrospectionSettings) -> String {
    let told = RampartClient::introspector(settings).unwrap_err().to_string();
    assert!(!told.contains("hunter2"), "{told}");
    told
}

async fn is_answered(client: &RampartClient, issuer: &LocalIssuer) {
    let token = issuer.opaque().issue();
    let answer = client.introspect(Question::new(&token, AnswerFormat::Json)).await.unwrap();
    assert!(answer.contains(r#""active":true"#), "{answer}");
}

#[tokio::test]
async fn client_asks_where_and_as_whom_the_file_says() {
    let issuer = issuer().await;
    for (content, number) in [("service-secret", 0), ("service-secret\n", 1), ("service-secret\r\n", 2)] {
        let file = SecretFile::of(&format!("good-{number}"), content.as_bytes());
        let lines = format!("client_secret_file = {:?}", file.path());
        // By the metadata, and without it.
        let client = RampartClient::introspector(&of_issuer(&issuer, &lines)).unwrap();
        client.check(AnswerFormat::Json).unwrap();
        assert_eq!(client.client_id(), "service");
        is_answered(&client, &issuer).await;
        let discovered = issuer.requests(Endpoint::Discovery);
        let lines = format!("{lines}\nendpoint = \"{}?tenant=a\"", issuer.introspection_url());
        is_answered(&RampartClient::introspector(&of_issuer(&issuer, &lines)).unwrap(), &issuer).await;
        assert_eq!(issuer.requests(Endpoint::Discovery), discovered);
    }
    let asked = issuer.recorded(Endpoint::Introspection);
    assert!(asked.iter().skip(1).step_by(2).all(|request| request.path == "/oauth/introspect?tenant=a"), "{asked:?}");
}

#[tokio::test]
async fn secret_may_be_in_a_variable() {
    const NAME: &str = "secret_may_be_in_a_variable";
    if !is_child() {
        return in_environment(
            NAME,
            &[("INTROSPECTION_SECRET", "service-secret"), ("EMPTY", ""), ("spaced", "hunter2 ")],
        );
    }
    let issuer = issuer().await;
    let lines = "client_secret_env = \"INTROSPECTION_SECRET\"";
    is_answered(&RampartClient::introspector(&of_issuer(&issuer, lines)).unwrap(), &issuer).await;
    for name in ["EMPTY", "NOT_THERE"] {
        assert_eq!(
            refused(&somewhere(&format!("client_secret_env = \"{name}\""))),
            format!(
                "client_secret_env: names {name}, which is missing, empty or not UTF-8; set it to the secret of this API"
            )
        );
    }
    let told = refused(&somewhere("client_secret_env = \"spaced\""));
    assert!(told.starts_with("client_secret: has white space around it"), "{told}");
    assert!(told.ends_with("(it is read from spaced)"), "{told}");
}

#[test]
fn st01_secret_in_the_file_is_an_error_that_does_not_show_it() {
    let told = "client_secret: is no setting, as no secret belongs into this file; write the path of a file that holds it as client_secret_file, or the name of an environment variable as client_secret_env";
    // Whatever it is, and whatever stands beside it.
    for secret in ["\"hunter2\"", "\"\"", "2", "{ hunter2 = \"hunter2\" }", "[\"hunter2\"]", "true"] {
        for other in
            ["", "client_secret_env = \"INTROSPECTION_SECRET\"", "client_secret_file = \"/run/secrets/introspection\""]
        {
            let settings = somewhere(&format!("client_secret = {secret}\n{other}"));
            assert_eq!(refused(&settings), told);
            assert_eq!(settings.check().unwrap_err().to_string(), told);
            assert!(!format!("{settings:?} {settings:#?}").contains("hunter2"), "{settings:?}");
        }
    }
    // A secret that stands where its place is asked for.
    for wrong in ["client_secret_env = \"hunter2\"", "client_secret_env = \"s3cr3t=hunter2\""] {
        assert_eq!(
            refused(&somewhere(wrong)),
            "client_secret_env: names a variable that is missing, empty or not UTF-8; set it to the secret of this API"
        );
    }
    let settings = somewhere("endpoint = \"https://auth.example.com/introspect?key=hunter2\"");
    let shown = format!("{settings:?}");
    assert!(shown.contains("https://auth.example.com/introspect") && !shown.contains("hunter2"), "{shown}");
    let told =
        refused(&somewhere("endpoint = \"https://my-api:hunter2@auth.example.com\"\nclient_secret_env = \"PATH\""));
    assert!(told.starts_with("endpoint: holds user information"), "{told}");
}

#[test]
fn secret_stands_in_one_place() {
    let file = SecretFile::of("one", b"hunter2");
    let both = format!("client_secret_file = {:?}\nclient_secret_env = \"PATH\"", file.path());
    assert_eq!(
        refused(&somewhere(&both)),
        "client_secret_file: is given together with client_secret_env; keep one of the two"
    );
    let missing = "client_secret_file: is missing; write the path of the file that holds the secret of this API, or client_secret_env and the variable that does";
    assert_eq!(refused(&somewhere("")), missing);
    assert_eq!(RampartClientBuilder::introspector(&somewhere("")).unwrap().build().unwrap_err().to_string(), missing);
    // A key takes its place.
    let key = ClientKey::generate(ALGORITHMS[1]);
    let builder = RampartClientBuilder::introspector(&somewhere("")).unwrap();
    builder.private_key_jwt(key.algorithm, key.pem, None).build().unwrap();
}

#[test]
fn file_without_a_secret_is_named_and_what_stands_in_it_is_not() {
    let at = |path: &str| somewhere(&format!("client_secret_file = {path:?}"));
    let told = refused(&at("/nowhere/introspection"));
    assert!(told.starts_with("client_secret_file: /nowhere/introspection cannot be read: "), "{told}");
    for (number, (content, problem)) in [
        (&b""[..], "is empty; write the secret of this API into it"),
        (b"\n", "is empty; write the secret of this API into it"),
        (b"\r\n", "is empty; write the secret of this API into it"),
        (b"hunter2\xff", "cannot be read: stream did not contain valid UTF-8"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = SecretFile::of(&format!("bad-{number}"), content);
        assert_eq!(refused(&at(&file.path())), format!("client_secret_file: {} {problem}", file.path()));
    }
    // One line break alone, and nothing else, is no part of it.
    for (number, content) in
        ["hunter2\n\n", "hunter2 \n", " hunter2", "\"hunter2\"", "\u{feff}hunter2", "hunter2\r", "a\nb"]
            .into_iter()
            .enumerate()
    {
        let file = SecretFile::of(&format!("added-{number}"), content.as_bytes());
        let told = refused(&at(&file.path()));
        assert!(told.starts_with("client_secret: "), "{told}");
        assert!(told.ends_with(&format!("(it is read from {})", file.path())), "{told}");
    }
}

#[test]
fn address_that_cannot_be_is_told_by_its_name_in_the_file() {
    let file = SecretFile::of("address", b"hunter2");
    let with = |lines: &str| settings(&format!("client_secret_file = {:?}\n{lines}", file.path()));
    for (lines, told) in [
        ("client_id = \"my-api\"", "issuer_url: is empty"),
        ("issuer_url = \"https://auth.example.com\"", "client_id: is empty"),
        (
            "issuer_url = \"http://auth.example.com\"\nclient_id = \"my-api\"",
            "endpoint: is missing, and the issuer has no metadata that could give it (issuer_url: is http to another machine",
        ),
        (
            "issuer_url = \"accounts.example\"\nclient_id = \"my-api\"",
            "endpoint: is missing, and the issuer has no metadata that could give it (issuer_url: is not an absolute URL",
        ),
        (
            "issuer_url = \"https://auth.example.com\"\nclient_id = \"my-api\"\nendpoint = \"/introspect\"",
            "endpoint: is not an absolute URL",
        ),
        (
            "issuer_url = \"https://auth.example.com\"\nclient_id = \"my-api\"\nendpoint = \"http://auth.example.com/\"",
            "endpoint: is http to another machine",
        ),
    ] {
        let error = refused(&with(lines));
        assert!(error.starts_with(told), "{told}: {error}");
    }
    let http = "issuer_url = \"http://auth.example.com\"\nclient_id = \"my-api\"\nallow_http = true";
    RampartClient::introspector(&with(http)).unwrap().check(AnswerFormat::Json).unwrap();
}

/// It needs no token endpoint, and takes further settings for the HTTP client that asks.
#[tokio::test]
async fn introspector_of_an_issuer_that_is_elsewhere_or_a_mere_name_asks_all_the_same() {
    let issuer = issuer().await;
    let file = SecretFile::of("elsewhere", b"service-secret");
    for (number, name) in
        ["accounts.example", "https://auth.example.com", "http://auth.example.com"].into_iter().enumerate()
    {
        let text = format!(
            "issuer_url = {name:?}\nclient_id = \"service\"\nclient_secret_file = {:?}\nendpoint = \"{}\"",
            file.path(),
            issuer.introspection_url()
        );
        let builder = RampartClientBuilder::introspector(&settings(&text)).unwrap();
        let client = builder.http_client(|http| http.user_agent("my-api/1")).build().unwrap();
        is_answered(&client, &issuer).await;
        let asked = issuer.recorded(Endpoint::Introspection).pop().unwrap();
        assert_eq!(asked.header("user-agent"), Some("my-api/1"));
        // Where tokens cannot be had it says so, and asks nobody.
        let error = client.client_credentials_token(&[]).await.unwrap_err().to_string();
        let told = ["issuer_url: is not an absolute URL", "http_client: is set up once", "issuer_url: is http"];
        assert!(error.starts_with(told[number]), "{error}");
    }
    assert_eq!(issuer.requests(Endpoint::Token), 0);
}

#[test]
fn settings_are_those_of_the_file_and_no_others() {
    let whole = somewhere(
        "mode = \"every_token\"\nendpoint = \"https://auth.example.com/introspect\"\nclient_secret_file = \"/run/secrets/introspection\"\ncache_for_seconds = 30\ncache_bytes = 1048576\ntoken_prefix = \"ory_at_\"\naudience_is_checked_by_issuer = false\ninsecure_any_kind = true\nsigned = true\nserve_stale_seconds = 5\nallow_http = true",
    );
    assert_eq!(
        (whole.mode, whole.cache_for_seconds, whole.cache_bytes),
        (IntrospectionMode::EveryToken, Some(30), Some(1_048_576))
    );
    assert_eq!((whole.token_prefix.as_deref(), whole.serve_stale_seconds), (Some("ory_at_"), 5));
    assert!(whole.signed && whole.insecure_any_kind && whole.allow_http && !whole.audience_is_checked_by_issuer);
    whole.check().unwrap();
    let shown = format!("{whole:?}");
    for member in [
        "issuer_url",
        "EveryToken",
        "/run/secrets/introspection",
        "cache_bytes: Some(1048576)",
        "ory_at_",
        "serve_stale_seconds: 5",
    ] {
        assert!(shown.contains(member), "{member}: {shown}");
    }
    assert_eq!(somewhere("").mode, IntrospectionMode::OpaqueOnly);
    for wrong in ["secret = \"x\"", "mode = \"all\"", "signed = 1", "serve_stale_seconds = -1"] {
        let text = format!("issuer_url = \"https://auth.example.com\"\nclient_id = \"my-api\"\n{wrong}");
        toml::from_str::<IntrospectionSettings>(&text).unwrap_err();
    }
}
