//! The address of the keys from the issuer's metadata.

use crate::support::{ByHand, DUE, Request, TICK, World, at_once, failed, renewed, seconds, unavailable};
use rampart_core::RampartAuth;
use rampart_issuer::{Algorithm, Endpoint, Fault};
use serde_json::json;

const MAX_BODY: usize = 512 * 1024;

fn discovering(world: &World) -> RampartAuth {
    world.builder().discovery().build().unwrap()
}

#[tokio::test]
async fn discovery_is_asked_once_while_all_goes_well() {
    let world = World::new().await;
    let (auth, token) = (discovering(&world), world.token());
    auth.verify(&token).await.unwrap();
    for _ in 0..3 {
        world.time.pass(DUE).await;
        at_once(&auth, &token).unwrap();
        renewed(&auth).await;
    }
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (1, 4));
}

/// S26.
#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let world = World::new().await;
    let url = world.issuer.url();
    let others = [
        json!(format!("{url}/")),
        json!(url.replace("http:", "HTTP:")),
        json!(url.replace("http:", "https:")),
        json!(url.replace("127.0.0.1", "localhost")),
        json!(format!("{url} ")),
        json!(format!("{url}/realm")),
        json!("https://evil.example"),
        json!(""),
    ];
    for issuer in others {
        let metadata = json!({ "issuer": issuer, "jwks_uri": world.issuer.jwks_url() });
        world.issuer.set_discovery_body(Some(metadata.to_string()));
        let auth = discovering(&world);
        unavailable(auth.verify(&world.token()).await);
        failed(&auth, "its issuer is not exactly the configured one").await;
    }
    assert_eq!(world.fetches(), 0);
}

/// S26.
#[tokio::test]
async fn metadata_without_a_safe_address_of_the_keys_is_refused() {
    let (world, target) = (World::new().await, ByHand::start().await);
    let port = target.url().rsplit(':').next().unwrap().to_owned();
    for address in [
        "http://keys.example/jwks.json".to_owned(),
        format!("http://0.0.0.0:{port}"),
        format!("http://user:secret@127.0.0.1:{port}"),
        format!("{}#fragment", target.url()),
        "file:///etc/passwd".into(),
        "ftp://127.0.0.1/".into(),
        "/.well-known/jwks.json".into(),
        String::new(),
    ] {
        let metadata = json!({ "issuer": world.issuer.url(), "jwks_uri": address });
        world.issuer.set_discovery_body(Some(metadata.to_string()));
        let auth = discovering(&world);
        unavailable(auth.verify(&world.token()).await);
        failed(&auth, "is not an https URL").await;
    }
    target.is_left_alone().await;
    assert_eq!(world.fetches(), 0);
}

/// S26.
#[tokio::test]
async fn metadata_of_the_wrong_shape_is_refused() {
    let world = World::new().await;
    let (issuer, keys) = (world.issuer.url(), world.issuer.jwks_url());
    for metadata in [
        String::new(),
        "null".into(),
        json!([issuer, keys]).to_string(),
        json!({ "jwks_uri": keys }).to_string(),
        json!({ "issuer": issuer }).to_string(),
        json!({ "issuer": null, "jwks_uri": keys }).to_string(),
        json!({ "issuer": issuer, "jwks_uri": 1 }).to_string(),
        json!({ "issuer": issuer, "jwks_uri": [keys] }).to_string(),
    ] {
        world.issuer.set_discovery_body(Some(metadata.clone()));
        let auth = discovering(&world);
        unavailable(auth.verify(&world.token()).await);
        let error = auth.health().last_error.unwrap_or_default();
        assert!(error.contains("metadata cannot be used"), "{metadata}: {error}");
    }
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn faults_of_the_metadata_are_failed_fetches() {
    let (world, target) = (World::new().await, ByHand::start().await);
    for (fault, why) in [
        (Fault::status(404), "status 404"),
        (Fault::redirect(302, target.url()), "status 302"),
        (Fault::Oversize(MAX_BODY + 1), "longer than"),
        (Fault::ContentEncoding("gzip".into()), "content encoding"),
        (Fault::Garbage, "not UTF-8"),
    ] {
        world.issuer.inject(Endpoint::Discovery, fault);
        let auth = discovering(&world);
        unavailable(auth.verify(&world.token()).await);
        failed(&auth, why).await;
    }
    assert_eq!(world.fetches(), 0);
    target.is_left_alone().await;

    // Both exchanges together have the five seconds of one.
    world.issuer.inject(Endpoint::Discovery, Fault::Hang);
    let auth = discovering(&world);
    let request = Request::waiting(&auth, &world.token());
    world.issuer.received(Endpoint::Discovery, 6).await;
    world.time.pass(seconds(5) + TICK).await;
    unavailable(request.verdict().await);
}

/// S26.
#[tokio::test]
async fn keys_on_another_https_host_are_allowed() {
    let (world, target) = (World::new().await, tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = format!("https://{}/keys", target.local_addr().unwrap());
    let metadata = json!({ "issuer": world.issuer.url(), "jwks_uri": address });
    world.issuer.set_discovery_body(Some(metadata.to_string()));
    let auth = discovering(&world);
    let request = Request::waiting(&auth, &world.token());
    tokio::select! {
        verdict = request.verdict() => panic!("no connection was made: {verdict:?}"),
        accepted = target.accept() => drop(accepted.unwrap()),
    }
}

#[tokio::test]
async fn address_of_the_keys_that_has_moved_is_found_after_a_failure() {
    let (world, new_home) = (World::new().await, ByHand::start().await);
    let (auth, token) = (discovering(&world), world.token());
    auth.verify(&token).await.unwrap();
    let metadata = json!({ "issuer": world.issuer.url(), "jwks_uri": new_home.url() });
    world.issuer.set_discovery_body(Some(metadata.to_string()));
    world.issuer.inject(Endpoint::Jwks, Fault::status(404));
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    failed(&auth, "404").await;
    assert_eq!(world.issuer.requests(Endpoint::Discovery), 1);

    world.time.pass(seconds(1)).await;
    at_once(&auth, &token).unwrap();
    let request = new_home.request().await;
    assert!(!request.head.contains("if-none-match"), "the validator belongs to the old address");
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    request.answer(&json!({ "keys": [key.public_jwk()] }).to_string()).await;
    renewed(&auth).await;
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (2, 2));
    world.issuer.use_key(&key);
    at_once(&auth, &world.token()).unwrap();
}
