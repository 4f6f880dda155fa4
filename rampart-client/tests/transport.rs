//! The way to the token endpoint: faulty networks, hostile servers, addresses that must not be called.
#![cfg(test)]
#![allow(clippy::unchecked_time_subtraction, clippy::string_slice, reason = "a test fails by a panic")]

mod common;

use std::time::{Duration, SystemTime};

use common::keys::ClientKey;
use common::{
    ByHand, SECOND, TICK, World, address, builder, carrying, in_environment, is_child, is_transport, issuer, seconds,
    settle,
};
use rampart_client::{ClientError, RampartClient, RampartClientBuilder, SigningAlgorithm, TokenRequest};
use rampart_issuer::{Endpoint, Fault};
use reqwest::header::AUTHORIZATION;
use reqwest::redirect::Policy;
use serde_json::json;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn o23_redirects_are_not_followed_whatever_the_user_sets() {
    let (world, elsewhere) = (
        World::with(|builder| builder.http_client(|client| client.redirect(Policy::limited(10)))).await,
        ByHand::start().await,
    );
    let (itself, other) = (world.issuer.token_url(), format!("{}/oauth/token", elsewhere.url()));
    let mut asked = 0;
    for status in [300, 301, 302, 303, 307, 308] {
        for location in [&*other, &itself, "/elsewhere", "https://auth.example.com/", "file:///etc/passwd", "//[", ""] {
            asked += 1;
            let error = world.answered(&Fault::redirect(status, location)).await.unwrap_err();
            assert!(matches!(error, ClientError::Malformed { status: told, .. } if told == status), "{error:?}");
            assert!(error.to_string().contains("redirects"), "{error}");
            assert_eq!(world.requests(), asked);
        }
    }
    elsewhere.is_left_alone().await;
}

#[tokio::test]
async fn connection_is_not_kept_for_the_next_request() {
    let server = ByHand::start().await;
    let client = server.client();
    let caller = tokio::spawn(async move { client.client_credentials_token(&[]).await });
    let held = server.request().await;
    let mut connection = held.answer_and_keep(r#"{"access_token":"the.token","token_type":"Bearer"}"#).await;
    caller.await.unwrap().unwrap();
    // The server would have gone on.
    assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn o24_answers_are_bounded_in_size_and_must_be_plain_text() {
    let world = World::new().await;
    let megabytes = 10 * 1024 * 1024;
    for fault in [Fault::Oversize(512 * 1024 + 1), Fault::Oversize(megabytes), Fault::HugeContentLength, Fault::Endless]
    {
        is_transport(&world.answered(&fault).await.unwrap_err(), "longer than 524288 bytes");
    }
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip", "x-unknown"] {
        let error = world.answered(&Fault::ContentEncoding(encoding.into())).await.unwrap_err();
        is_transport(&error, "content encoding");
    }
    for encoding in ["", "identity", "none"] {
        world.answered(&Fault::ContentEncoding(encoding.into())).await.unwrap();
    }
    is_transport(&world.answered(&Fault::Garbage).await.unwrap_err(), "not UTF-8");
    is_transport(&world.answered(&Fault::ShortBody).await.unwrap_err(), "");
    world.answered(&Fault::Drip(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn o24_connection_that_breaks_is_tried_once_more_at_once() {
    let world = World::new().await;
    for fault in [Fault::Reset, Fault::CloseEarly] {
        world.issuer.reset_counts();
        world.answered(&fault).await.unwrap();
        assert_eq!(world.requests(), 2, "{fault:?}");

        world.issuer.inject_times(Endpoint::Token, &fault, 2);
        let error = world.client.token(&world.unused()).await.unwrap_err();
        is_transport(&error, "the connection failed");
        assert_eq!(world.requests(), 4, "{fault:?}");
    }
    world.issuer.stop();
    let request = world.unused();
    is_transport(&world.client.token(&request).await.unwrap_err(), "refused");
    world.issuer.restart().unwrap();
    world.time.pass(SECOND + TICK).await;
    world.client.token(&request).await.unwrap();
}

fn refused(builder: RampartClientBuilder, field: &str) {
    let shown = match builder.build() {
        Err(ClientError::Config(error)) => {
            assert_eq!(error.field(), field);
            format!("{error} {error:?}")
        }
        other => panic!("{other:?}"),
    };
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn o25_addresses_that_cannot_be_trusted_are_refused_by_build() {
    let issuer = |url: &str| RampartClient::builder(url, "service", "secret");
    let token_url = |url: &str| issuer("https://auth.example.com").token_url(url);
    let bad = [
        "",
        " ",
        "auth.example.com",
        "/oauth/token",
        "https://",
        "ftp://auth.example.com",
        "file:///etc/passwd",
        "http://auth.example.com/oauth/token",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "https://user:hunter2@auth.example.com",
        "https://hunter2@auth.example.com",
        "https://@auth.example.com",
        "https://:@auth.example.com/oauth/token",
        "https://auth.exa\u{200b}mple.com",
        "https://auth.example.com#fragment",
        " https://auth.example.com",
        "https://auth.example.com\n",
        "https://auth.exa\tmple.com",
    ];
    for url in bad {
        refused(issuer(url), "issuer_url");
        refused(issuer(url).discovery(), "issuer_url");
        refused(token_url(url), "token_url");
        // Permission to use http is permission for nothing else.
        if !url.starts_with("http://") {
            refused(issuer(url).allow_http(true), "issuer_url");
            refused(token_url(url).allow_http(true), "token_url");
        }
    }
    refused(issuer("https://auth.example.com?tenant=hunter2"), "issuer_url");
    refused(token_url("https://auth.example.com/token").discovery(), "token_url");
    for url in [
        "https://auth.example.com/",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://auth.localhost:9000",
        "http://[::1]:1",
    ] {
        issuer(url).build().unwrap();
        token_url(url).build().unwrap();
    }
    token_url("https://auth.example.com/token?tenant=1").build().unwrap();
    issuer("http://auth.example.com").allow_http(true).build().unwrap();
}

#[tokio::test]
async fn o29_proxy_of_the_system_is_used_unless_told_otherwise_and_never_for_loopback() {
    const NAME: &str = "o29_proxy_of_the_system_is_used_unless_told_otherwise_and_never_for_loopback";
    if is_child() {
        let issuer = issuer().await;
        // Loopback.
        builder(&issuer).build().unwrap().client_credentials_token(&[]).await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Token), 1);
        // Another host: by the proxy, which here is an issuer too.
        let elsewhere = |set_up: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder| {
            let address = address(&issuer);
            RampartClient::builder("http://auth.test", "service", "service-secret")
                .allow_http(true)
                .token_url(format!("http://auth.test:{}/oauth/token", address.port()))
                .http_client(move |client| set_up(client).resolve("auth.test", address))
                .build()
                .unwrap()
        };
        elsewhere(|client| client).client_credentials_token(&[]).await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Token), 1);
        elsewhere(reqwest::ClientBuilder::no_proxy).client_credentials_token(&[]).await.unwrap();
        assert_eq!(issuer.requests(Endpoint::Token), 2);
        return;
    }
    let proxy = issuer().await;
    let url = proxy.url().to_owned();
    in_environment(NAME, &["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, &*url)));
    assert_eq!(proxy.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn f33_names_below_localhost_are_this_machine() {
    let issuer = issuer().await;
    for name in ["auth.localhost", "localhost"] {
        let url = format!("http://{name}:{}", issuer.port());
        let metadata = json!({"issuer": url, "token_endpoint": format!("{url}/oauth/token")});
        issuer.set_discovery_body(Some(metadata.to_string()));
        let client = RampartClient::builder(url, "service", "service-secret").build();
        client.unwrap().client_credentials_token(&[]).await.unwrap();
    }
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

const NO_CERTIFICATES: [(&str, &str); 2] =
    [("SSL_CERT_FILE", "/nonexistent/bundle.pem"), ("SSL_CERT_DIR", "/nonexistent")];

#[test]
fn f08_without_certificates_the_error_names_the_cause_and_the_remedy() {
    let build = || RampartClient::builder("https://auth.example.com", "service", "service-secret").build();
    if !is_child() {
        build().unwrap();
        return in_environment("f08_without_certificates_the_error_names_the_cause_and_the_remedy", &NO_CERTIFICATES);
    }
    let told = build().unwrap_err().to_string();
    for part in ["http_client: ", "No CA certificates", "ca-certificates", "SSL_CERT_FILE"] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
}

#[tokio::test]
async fn f09_without_certificates_a_server_on_plain_http_is_asked_all_the_same() {
    if !is_child() {
        let name = "f09_without_certificates_a_server_on_plain_http_is_asked_all_the_same";
        return in_environment(name, &NO_CERTIFICATES);
    }
    let issuer = issuer().await;
    builder(&issuer).build().unwrap().client_credentials_token(&[]).await.unwrap();
    assert_eq!(issuer.requests(Endpoint::Token), 1);
}

#[tokio::test]
async fn environment_names_the_issuer_and_the_credentials() {
    const NAME: &str = "environment_names_the_issuer_and_the_credentials";
    const VARIABLES: [&str; 3] = ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_CLIENT_SECRET"];
    if is_child() {
        match std::env::var("MISSING") {
            Err(_) => drop(RampartClient::from_env().unwrap().client_credentials_token(&[]).await.unwrap()),
            Ok(missing) => {
                let error = RampartClient::from_env().unwrap_err();
                assert!(matches!(&error, ClientError::Config(error) if error.field() == missing), "{error:?}");
                assert!(error.to_string().contains(&missing), "{error}");
            }
        }
        return;
    }
    let issuer = issuer().await;
    let values = [issuer.url(), "service", "service-secret"];
    let all: Vec<_> = VARIABLES.into_iter().zip(values).collect();
    in_environment(NAME, &all);
    assert_eq!(issuer.requests(Endpoint::Token), 1);
    for missing in VARIABLES {
        let others: Vec<_> = all.iter().copied().filter(|(name, _)| *name != missing).collect();
        let (says, empty) = (("MISSING", missing), (missing, ""));
        in_environment(NAME, &[&others[..], &[says]].concat());
        in_environment(NAME, &[&others[..], &[says, empty]].concat());
    }
}

#[tokio::test]
async fn environment_needs_no_secret_where_there_is_a_key() {
    const NAME: &str = "environment_needs_no_secret_where_there_is_a_key";
    if is_child() {
        let missing = RampartClientBuilder::from_env().unwrap().secret_in_body().build().unwrap_err();
        let ClientError::Config(error) = &missing else { panic!("{missing:?}") };
        assert_eq!(error.field(), "RAMPART_CLIENT_SECRET");
        let shown = "the environment variable RAMPART_CLIENT_SECRET is missing, empty or not UTF-8: set it to the secret of this service";
        assert_eq!(error.to_string(), shown);
        let pem = std::env::var("PEM").unwrap();
        let builder = RampartClientBuilder::from_env().unwrap().private_key_jwt(SigningAlgorithm::ES256, pem, None);
        builder.build().unwrap().client_credentials_token(&[]).await.unwrap();
        return;
    }
    let (issuer, key) = (issuer().await, ClientKey::generate(SigningAlgorithm::ES256));
    issuer.client_jwk("billing", key.jwk.clone());
    let variables = [("RAMPART_URL", issuer.url()), ("RAMPART_CLIENT_ID", "billing"), ("PEM", &*key.pem)];
    in_environment(NAME, &variables);
    in_environment(NAME, &[&variables[..], &[("RAMPART_CLIENT_SECRET", "")]].concat());
    assert_eq!(issuer.requests(Endpoint::Token), 2);
}

#[test]
fn environment_with_what_files_add_or_with_a_list_of_audiences_is_refused() {
    const NAME: &str = "environment_with_what_files_add_or_with_a_list_of_audiences_is_refused";
    if is_child() {
        let says = std::env::var("SAYS").unwrap();
        let built = RampartClientBuilder::from_env().and_then(|builder| builder.secret_in_body().build());
        for outcome in [RampartClient::from_env(), built] {
            match outcome {
                Err(ClientError::Config(error)) => {
                    let shown = error.to_string();
                    assert!(says.split('|').all(|part| shown.contains(part)) && !shown.contains("hunter2"), "{shown}");
                }
                other => panic!("{other:?}"),
            }
        }
        return;
    }
    let good =
        [("RAMPART_URL", "https://auth.example.com"), ("RAMPART_CLIENT_ID", "id"), ("RAMPART_CLIENT_SECRET", "s")];
    for (variable, value, says) in [
        ("RAMPART_CLIENT_ID", "hunter2,mobile-app", "client_id: |holds a comma|one ID|RAMPART_CLIENT_ID"),
        ("RAMPART_CLIENT_ID", "\"hunter2\"", "client_id: |stands in quotes|RAMPART_CLIENT_ID"),
        ("RAMPART_CLIENT_ID", "hunter2\n", "client_id: |a line break|RAMPART_CLIENT_ID"),
        ("RAMPART_CLIENT_SECRET", "hunter2\n", "client_secret: |a line break|RAMPART_CLIENT_SECRET"),
        ("RAMPART_CLIENT_SECRET", "'hunter2'", "client_secret: |stands in quotes|RAMPART_CLIENT_SECRET"),
        ("RAMPART_URL", "https://hunter2.example.com\n", "issuer_url: |a line break|RAMPART_URL"),
        ("RAMPART_URL", "\"https://hunter2.example.com\"", "issuer_url: |stands in quotes|RAMPART_URL"),
    ] {
        let others = good.iter().copied().filter(|(name, _)| *name != variable);
        let variables: Vec<_> = others.chain([(variable, value), ("SAYS", says)]).collect();
        in_environment(NAME, &variables);
    }
    // A comma is refused where the same variable may be a list, and nowhere else.
    RampartClient::builder("https://auth.example.com", "a,b", "a,b").build().unwrap();
}

#[tokio::test]
async fn http_client_can_be_set_up_within_the_limits() {
    let issuer = issuer().await;
    let address = address(&issuer);
    let client = RampartClient::builder("https://auth.example.com", "service", "service-secret")
        .token_url(format!("http://auth.test:{}/oauth/token", issuer.port()))
        .allow_http(true)
        .http_client(move |client| client.no_proxy().resolve("auth.test", address).user_agent("mine"))
        .build()
        .unwrap();
    client.client_credentials_token(&[]).await.unwrap();
    let recorded = issuer.recorded(Endpoint::Token);
    assert_eq!(recorded[0].header("user-agent"), Some("mine"), "F39");
    assert_eq!(recorded[0].header("host"), Some(&*format!("auth.test:{}", issuer.port())));
    // One that cannot be built is an error, not a panic.
    refused(builder(&issuer).http_client(|client| client.user_agent("hunter2\n")), "http_client");
}

#[tokio::test]
async fn bearer_adds_the_header_but_not_over_http_to_another_machine() {
    let issuer = issuer().await;
    let (client, http) = (builder(&issuer).build().unwrap(), carrying());
    let elsewhere = [
        "http://users.example.com/api",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[2001:db8::1]",
        "http://10.0.0.1",
        "HTTP://users.example.com",
        // This machine to our own client; another may ask a name server, which may know it elsewhere.
        "http://users.localhost",
    ];
    for url in elsewhere {
        let outcome = client.bearer(http.get(url), &["users:read"]).await;
        assert_eq!(outcome.err(), Some(ClientError::InsecureUrl), "{url}");
    }
    let unusable = client.bearer(http.get("not a url"), &["users:read"]).await;
    assert_eq!(unusable.err(), Some(ClientError::Request));
    assert_eq!(issuer.requests(Endpoint::Token), 0);

    for url in
        ["https://users.example.com", "http://127.0.0.1:1", "http://localhost", "http://[::1]/", "http://127.9.9.9"]
    {
        let request = http.post(url).header(AUTHORIZATION, "Basic another").bearer_auth("a third").body("a body");
        let request = client.bearer(request, &["users:read"]).await.unwrap().build().unwrap();
        let values: Vec<_> = request.headers().get_all(AUTHORIZATION).iter().collect();
        let token = client.client_credentials_token(&["users:read"]).await.unwrap();
        assert_eq!(values, [&*format!("Bearer {}", token.access_token.expose())]);
        assert!(values[0].is_sensitive());
        assert_eq!(request.body().unwrap().as_bytes(), Some(&b"a body"[..]));
    }
    assert_eq!(issuer.requests(Endpoint::Token), 1);
    // Whatever keeps it from getting a token.
    issuer.inject(Endpoint::Token, Fault::status(500));
    let outcome = client.bearer(http.get("https://users.example.com"), &["other"]).await;
    assert!(matches!(outcome, Err(ClientError::Malformed { status: 500, .. })));
}

#[tokio::test]
async fn token_says_when_it_expires() {
    let world = World::new().await;
    let before = SystemTime::now();
    let token = world.client.token(&TokenRequest::new(["b", "a"])).await.unwrap();
    assert!((before + seconds(900)..=SystemTime::now() + seconds(900)).contains(&token.expires_at));
    assert_eq!((&*token.scope, &*token.token_type), ("a b", "Bearer"));
    settle().await;
}
