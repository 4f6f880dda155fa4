//! What the HTTP client is set up with, and what is made of answers that are not the key set itself.

use std::process::Command;
use std::sync::Arc;

use reqwest::dns::{Name, Resolve, Resolving};

use crate::support::{ByHand, Request, SECOND, TICK, World, at_once, failed, issuer, lasting, seconds, unavailable};
use rampart_core::{ConfigError, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer};
use serde_json::json;

/// Set in a process whose system has no certificates.
const CHILD: &str = "RAMPART_TEST_WITHOUT_CERTIFICATES";

/// Runs one test of this program once more, on a system without certificates of authorities.
fn without_certificates(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("transport::{test}"), "--nocapture"])
        .env(CHILD, "1")
        .env("SSL_CERT_FILE", "/nonexistent/bundle.pem")
        .env("SSL_CERT_DIR", "/nonexistent")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("1 passed"), "the test ran: {told}");
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn refused(outcome: Result<RampartAuth, ConfigError>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.field(), "http_client", "{error}");
    error.to_string()
}

#[test]
fn f08_without_certificates_the_error_names_the_cause_and_the_remedy() {
    if !is_child() {
        RampartAuth::new("https://issuer.example", "my-api").unwrap();
        return without_certificates("f08_without_certificates_the_error_names_the_cause_and_the_remedy");
    }
    for builder in [
        RampartAuth::builder("https://issuer.example", "my-api"),
        RampartAuth::builder("https://issuer.example", "my-api").discovery(),
        RampartAuth::builder("http://127.0.0.1:1", "my-api").jwks_url("https://issuer.example/keys"),
    ] {
        let told = refused(builder.build());
        for part in ["No CA certificates", "ca-certificates", "SSL_CERT_FILE", "http_client("] {
            assert!(told.contains(part), "{part} is missing: {told}");
        }
    }
    // The remedies work: roots of one's own, or no verification to be set up at all.
    let own = rcgen::generate_simple_self_signed(["issuer.example".to_owned()]).unwrap().cert.der().to_vec();
    RampartAuth::builder("https://issuer.example", "my-api")
        .http_client(move |client| client.tls_certs_merge([reqwest::Certificate::from_der(&own).unwrap()]))
        .build()
        .unwrap();
    RampartAuth::builder("https://issuer.example", "my-api").static_jwks(some_keys()).build().unwrap();
}

fn some_keys() -> String {
    let key = crate::support::key_named("a");
    json!({ "keys": [key.public_jwk()] }).to_string()
}

#[tokio::test]
async fn f09_without_certificates_an_issuer_on_plain_http_is_asked_all_the_same() {
    if !is_child() {
        return without_certificates("f09_without_certificates_an_issuer_on_plain_http_is_asked_all_the_same");
    }
    let issuer = issuer().await;
    let auth = RampartAuth::new(issuer.url(), issuer.audience()).unwrap();
    auth.verify(&lasting(&issuer)).await.unwrap();
    let discovering = RampartAuth::builder(issuer.url(), issuer.audience()).discovery().build().unwrap();
    discovering.verify(&lasting(&issuer)).await.unwrap();
    RampartAuth::builder("http://issuer.internal", "my-api").allow_http(true).build().unwrap();

    // Metadata that leads to https finds no trust there; it is no way around the certificates.
    let metadata = json!({ "issuer": issuer.url(), "jwks_uri": issuer.jwks_url().replace("http:", "https:") });
    issuer.set_discovery_body(Some(metadata.to_string()));
    let leads_to_https = RampartAuth::builder(issuer.url(), issuer.audience()).discovery().build().unwrap();
    unavailable(leads_to_https.verify(&lasting(&issuer)).await);
}

#[test]
fn what_http_client_sets_wrongly_is_an_error_with_its_cause() {
    let told = refused(
        RampartAuth::builder("https://issuer.example", "my-api")
            .http_client(|client| client.user_agent("hunter2\n"))
            .build(),
    );
    assert!(told.contains("header value") && told.contains("http_client(..)"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains("ca-certificates"), "{told}");
}

#[tokio::test]
async fn f39_user_agent_of_the_user_wins() {
    let world = World::new().await;
    let by_hook = world.builder().http_client(|client| client.user_agent("mine/1"));
    let by_header = world.builder().http_client(|client| {
        let header = (reqwest::header::USER_AGENT, reqwest::header::HeaderValue::from_static("mine/2"));
        client.default_headers([header].into_iter().collect())
    });
    for builder in [world.builder(), by_hook, by_header] {
        builder.build().unwrap().warm_up().await.unwrap();
    }
    let recorded = world.issuer.recorded(Endpoint::Jwks);
    let agents: Vec<_> = recorded.iter().map(|request| request.header("user-agent").unwrap_or_default()).collect();
    assert_eq!(agents, [concat!("rampart-rust/", env!("CARGO_PKG_VERSION")), "mine/1", "mine/2"]);
}

#[tokio::test]
async fn f23_redirect_of_the_keys_is_named_with_its_target_and_the_remedy() {
    let world = World::new().await;
    let cases = [
        (301, "https://keys.example/new", "status 301, a redirect to https://keys.example/new,"),
        (308, "/elsewhere", &format!("status 308, a redirect to {}/elsewhere,", world.issuer.url())),
        (302, "https://user:hunter2@keys.example/a?key=hunter2#hunter2", "a redirect to https://keys.example/a,"),
        (307, "https://keys.example/\u{e9} <b>", "a redirect to no http(s) address"),
        (307, "https://keys.example/a b\t", "a redirect to https://keys.example/a%20b,"),
        (303, "file:///etc/passwd", "a redirect to no http(s) address"),
        (300, "https://keys.example/a", "status 300, a redirect to https://keys.example/a,"),
    ];
    for (status, target, told) in cases {
        world.issuer.inject(Endpoint::Jwks, Fault::redirect(status, target));
        let auth = world.cold();
        unavailable(auth.verify(&world.token()).await);
        let error = auth.health().last_error.unwrap();
        assert!(error.contains(told) && error.contains("give the final address with jwks_url(..)"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("passwd"), "{error}");
    }
    let long = format!("https://keys.example/{}", "a".repeat(4096));
    world.issuer.inject(Endpoint::Jwks, Fault::redirect(301, &long));
    let auth = world.cold();
    unavailable(auth.verify(&world.token()).await);
    assert!(auth.health().last_error.unwrap().len() < 512);
    // 304 and 300 without an address are mere statuses.
    for status in [300, 304] {
        world.issuer.inject(Endpoint::Jwks, Fault::status(status));
        let auth = world.cold();
        unavailable(auth.verify(&world.token()).await);
        assert_eq!(
            auth.health().last_error.unwrap(),
            format!("{}: the issuer answered with status {status}", world.issuer.jwks_url())
        );
    }
}

#[tokio::test]
async fn f23_redirect_of_the_metadata_is_named_with_its_target_and_the_remedy() {
    let world = World::new().await;
    let target = "https://user:hunter2@auth.example/.well-known/openid-configuration?a=hunter2";
    world.issuer.inject(Endpoint::Discovery, Fault::redirect(301, target));
    let auth = world.builder().discovery().build().unwrap();
    unavailable(auth.verify(&world.token()).await);
    let error = auth.health().last_error.unwrap();
    let told = "metadata with status 301, a redirect to https://auth.example/.well-known/openid-configuration,";
    assert!(error.contains(told) && error.contains("jwks_url(..)") && !error.contains("hunter2"), "{error}");
    assert_eq!(world.fetches(), 0);
}

/// S05b.
#[tokio::test]
async fn content_encodings_that_mean_none_are_none() {
    let world = World::new().await;
    for encoding in ["", "identity", "Identity", "none", "NONE", " , identity", "identity, none"] {
        world.issuer.inject(Endpoint::Jwks, Fault::ContentEncoding(encoding.into()));
        let outcome = world.cold().verify(&world.token()).await;
        assert!(outcome.is_ok(), "{encoding:?}: {outcome:?}");
    }
    for encoding in ["nonesuch", "identity gzip", "none, gzip", "gzip,"] {
        world.issuer.inject(Endpoint::Jwks, Fault::ContentEncoding(encoding.into()));
        let auth = world.cold();
        unavailable(auth.verify(&world.token()).await);
        failed(&auth, "content encoding").await;
    }
}

/// A name server that says something is elsewhere, where a proxy or somebody on the way would read along.
struct Elsewhere;

impl Resolve for Elsewhere {
    fn resolve(&self, name: Name) -> Resolving {
        panic!("a name server was asked for {}", name.as_str());
    }
}

fn named(issuer: &LocalIssuer, name: &str) -> RampartAuthBuilder {
    RampartAuth::builder(format!("http://{name}:{}", issuer.port()), issuer.audience())
}

#[tokio::test]
async fn f33_names_below_localhost_are_this_machine() {
    let (issuer, proxy) = (issuer().await, ByHand::start().await);
    for name in ["auth.localhost", "a.b.LOCALHOST", "localhost", "auth.localhost."] {
        let proxy_url = proxy.url().to_owned();
        let auth = named(&issuer, name)
            .http_client(move |client| client.proxy(reqwest::Proxy::all(proxy_url.clone()).unwrap()))
            .build()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let token = issuer.token().claim("iss", format!("http://{name}:{}", issuer.port())).sign().unwrap();
        auth.verify(&token).await.unwrap_or_else(|error| panic!("{name}: {error} {:?}", auth.health()));
    }
    proxy.is_left_alone().await;
    // The metadata may lead to another such name.
    let url = format!("http://auth.localhost:{}", issuer.port());
    let keys = format!("http://keys.localhost:{}/.well-known/jwks.json", issuer.port());
    issuer.set_discovery_body(Some(json!({ "issuer": url, "jwks_uri": keys }).to_string()));
    let auth = named(&issuer, "auth.localhost").discovery().build().unwrap();
    auth.verify(&issuer.token().claim("iss", url).sign().unwrap()).await.unwrap();
    // What the operator resolves by hand is the operator's word.
    let own = named(&issuer, "auth.localhost").http_client(|client| client.dns_resolver(Arc::new(Elsewhere)));
    let auth = own.build().unwrap();
    unavailable(auth.warm_up().await);
    failed(&auth, "panicked").await;

    for name in ["localhost.example", "auth.localhost.example", "notlocalhost", "local", "auth-localhost"] {
        assert_eq!(named(&issuer, name).build().unwrap_err().field(), "issuer_url", "{name}");
    }
}

#[tokio::test]
async fn f48_slow_issuer_is_waited_for_in_the_background() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).fetch_timeout(seconds(20)).build().unwrap();
    let token = world.token();
    let mut request = Request::waiting(&auth, &token);
    let held = server.request().await;
    world.time.pass(seconds(5) - TICK).await;
    request.still_waits();
    world.time.pass(2 * TICK).await;
    unavailable(request.verdict().await);

    // The fetch goes on, nobody makes another, and what comes meanwhile waits for it.
    world.time.pass(SECOND).await;
    let later = Request::waiting(&auth, &token);
    server.is_left_alone().await;
    held.answer(&world.issuer.jwks_json()).await;
    later.verdict().await.unwrap();
    at_once(&auth, &token).unwrap();
    assert_eq!(auth.health().last_error, None);
}

#[tokio::test]
async fn f48_fetch_timeout_bounds_the_whole_fetch_and_warm_up_waits_for_it() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let build = |timeout| world.builder().jwks_url(server.url()).fetch_timeout(seconds(timeout)).build().unwrap();
    for (timeout, told) in [(30, "within 30 s"), (1, "within 1 s")] {
        let auth = build(timeout);
        let warming = tokio::spawn({
            let auth = auth.clone();
            async move { auth.warm_up().await }
        });
        let _held = server.request().await;
        world.time.pass(seconds(timeout) - TICK).await;
        server.is_left_alone().await;
        assert!(!warming.is_finished(), "{timeout}");
        world.time.pass(2 * TICK).await;
        unavailable(warming.await.unwrap());
        failed(&auth, told).await;
    }
    let auth = build(30);
    let warming = tokio::spawn({
        let auth = auth.clone();
        async move { auth.warm_up().await }
    });
    let held = server.request().await;
    world.time.pass(seconds(29)).await;
    held.answer(&world.issuer.jwks_json()).await;
    warming.await.unwrap().unwrap();
    at_once(&auth, &world.token()).unwrap();

    // By hand as well.
    let refreshing = tokio::spawn({
        let auth = auth.clone();
        async move { auth.refresh_keys().await }
    });
    let held = server.request().await;
    world.time.pass(seconds(29)).await;
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    held.answer(&json!({ "keys": [key.public_jwk()] }).to_string()).await;
    refreshing.await.unwrap().unwrap();
    world.issuer.use_key(&key);
    at_once(&auth, &world.token()).unwrap();
}
