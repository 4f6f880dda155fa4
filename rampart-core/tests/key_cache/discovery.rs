//! The address of the keys from the issuer's metadata.

use crate::support::{
    ByHand, DUE, Request, TICK, World, at_once, failed, key_named, outliving, refused, renewed, seconds, unavailable,
};
use rampart_core::RampartAuth;
use rampart_issuer::{Algorithm, Endpoint, Fault, SigningKey};
use serde_json::json;

const MAX_BODY: usize = 512 * 1024;

fn discovering(world: &World) -> RampartAuth {
    world.builder().discovery().build().unwrap()
}

/// The metadata gives this address from now on; the old one goes on answering.
fn move_keys(world: &World, address: &str) {
    let metadata = json!({ "issuer": world.issuer.url(), "jwks_uri": address });
    world.issuer.set_discovery_body(Some(metadata.to_string()));
}

fn set_of(keys: &[&SigningKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() }).to_string()
}

/// The token's key is looked for once more, in vain.
async fn refused_by(home: &ByHand, auth: &RampartAuth, token: &str, set: &str) {
    let serve = async { home.request().await.answer(set).await };
    let (verdict, ()) = tokio::join!(auth.verify(token), serve);
    refused(verdict);
}

#[tokio::test]
async fn discovery_is_asked_again_with_each_scheduled_refresh() {
    let world = World::new().await;
    let (auth, token) = (discovering(&world), world.token());
    auth.verify(&token).await.unwrap();
    for _ in 0..3 {
        world.time.pass(DUE).await;
        at_once(&auth, &token).unwrap();
        renewed(&auth).await;
    }
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (4, 4));
    let asked = world.issuer.recorded(Endpoint::Discovery);
    assert!(asked.iter().all(|request| request.header("cache-control") == Some("no-cache")), "{asked:?}");
}

/// S26b, S11.
#[tokio::test]
async fn scheduled_refresh_follows_keys_that_have_moved_although_the_old_address_answers() {
    let (world, new_home) = (World::new().await, ByHand::start().await);
    let (auth, old) = (discovering(&world), world.token());
    auth.verify(&old).await.unwrap();
    move_keys(&world, new_home.url());
    world.time.pass(DUE).await;
    at_once(&auth, &old).unwrap();
    let request = new_home.request().await;
    assert!(!request.head.contains("if-none-match"), "the validator belongs to the old address");
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    request.answer(&set_of(&[&key])).await;
    renewed(&auth).await;
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (2, 1));
    world.issuer.use_key(&key);
    at_once(&auth, &world.token()).unwrap();
    refused_by(&new_home, &auth, &old, &set_of(&[&key])).await;
}

/// S26b, S11: whoever holds the old address could otherwise keep its keys alive by publishing a new one there now and then.
#[tokio::test]
async fn searches_at_the_address_from_before_do_not_put_the_metadata_off() {
    let (world, new_home) = (World::new().await, ByHand::start().await);
    let (auth, old) = (discovering(&world), world.token());
    auth.verify(&old).await.unwrap();
    move_keys(&world, new_home.url());
    // Searches that find their key where the keys were, each well before the refresh is due.
    world.time.pass(seconds(400)).await;
    world.issuer.add_unpublished_key(Algorithm::ES256).map(|key| world.issuer.use_key(&key)).unwrap();
    world.issuer.rotate().unwrap();
    let found = world.token();
    auth.verify(&found).await.unwrap();
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (1, 2));
    assert_eq!(auth.health().age, Some(seconds(400)), "it was not asked where the keys are");
    world.time.pass(DUE - seconds(400)).await;
    at_once(&auth, &found).unwrap();
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    new_home.request().await.answer(&set_of(&[&key])).await;
    renewed(&auth).await;
    refused_by(&new_home, &auth, &found, &set_of(&[&key])).await;
}

/// S26b, S11.
#[tokio::test]
async fn refresh_by_hand_follows_keys_that_have_moved_although_the_old_address_answers() {
    let (world, new_home) = (World::new().await, ByHand::start().await);
    let (auth, withdrawn) = (discovering(&world), world.token());
    auth.verify(&withdrawn).await.unwrap();
    move_keys(&world, new_home.url());
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    let serve = async { new_home.request().await.answer(&set_of(&[&key])).await };
    let (refreshed, ()) = tokio::join!(auth.refresh_keys(), serve);
    refreshed.unwrap();
    refused_by(&new_home, &auth, &withdrawn, &set_of(&[&key])).await;
    world.issuer.use_key(&key);
    at_once(&auth, &world.token()).unwrap();
    assert_eq!(world.fetches(), 1);
}

/// S26b.
#[tokio::test]
async fn refresh_by_hand_that_cannot_ask_where_the_keys_are_fails_and_says_so() {
    let world = World::new().await;
    let (auth, token) = (discovering(&world), world.token());
    auth.verify(&token).await.unwrap();
    world.issuer.inject(Endpoint::Discovery, Fault::status(500));
    unavailable(auth.refresh_keys().await);
    failed(&auth, "metadata with status 500").await;
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (2, 1));
    at_once(&auth, &token).unwrap();
    world.issuer.clear_faults();
    auth.refresh_keys().await.unwrap();
    assert_eq!(auth.health().last_error, None);
}

#[tokio::test]
async fn search_for_an_unknown_kid_asks_discovery_only_where_it_has_found_nothing() {
    let world = World::new().await;
    let auth = discovering(&world);
    auth.verify(&world.token()).await.unwrap();
    world.issuer.rotate_keeping_old().unwrap();
    auth.verify(&world.token()).await.unwrap();
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (1, 2));
    // The metadata gives the same address: the set is not fetched twice.
    refused(auth.verify(&world.token_of_nobody("unknown")).await);
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (2, 3));
}

async fn search_finds_keys_that_have_moved(old_address: Option<Fault>) {
    let (world, new_home) = (World::new().await, ByHand::start().await);
    let auth = discovering(&world);
    auth.verify(&world.token()).await.unwrap();
    move_keys(&world, new_home.url());
    if let Some(fault) = old_address {
        world.issuer.inject(Endpoint::Jwks, fault);
    }
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    world.issuer.use_key(&key);
    let token = world.token();
    let serve = async { new_home.request().await.answer(&set_of(&[&key])).await };
    let (verdict, ()) = tokio::join!(auth.verify(&token), serve);
    verdict.unwrap();
    assert_eq!((world.issuer.requests(Endpoint::Discovery), world.fetches()), (2, 2));
    new_home.is_left_alone().await;
}

/// S26b, S10.
#[tokio::test]
async fn search_for_an_unknown_kid_finds_keys_that_have_moved_although_the_old_address_answers() {
    search_finds_keys_that_have_moved(None).await;
}

/// S26b, S10.
#[tokio::test]
async fn search_for_an_unknown_kid_finds_keys_that_have_moved_where_the_old_address_is_gone() {
    search_finds_keys_that_have_moved(Some(Fault::status(404))).await;
}

#[tokio::test]
async fn search_that_has_found_its_key_at_the_old_address_does_not_decide_about_another_one() {
    let (world, old_home, new_home) = (World::new().await, ByHand::start().await, ByHand::start().await);
    let [known, found, moved] = ["known", "found", "moved"].map(key_named);
    let token_by = |key: &SigningKey| outliving(world.issuer.token().key(key));
    move_keys(&world, old_home.url());
    let auth = discovering(&world);
    let first = Request::waiting(&auth, &token_by(&known));
    old_home.request().await.answer(&set_of(&[&known])).await;
    first.verdict().await.unwrap();

    move_keys(&world, new_home.url());
    let first = Request::waiting(&auth, &token_by(&found));
    let asked = old_home.request().await;
    let second = Request::waiting(&auth, &token_by(&moved));
    asked.answer(&set_of(&[&known, &found])).await;
    let serve = async {
        old_home.request().await.answer(&set_of(&[&known, &found])).await;
        new_home.request().await.answer(&set_of(&[&moved])).await;
    };
    let (first, second, ()) = tokio::join!(first.verdict(), second.verdict(), serve);
    second.unwrap();
    first.unwrap();
    assert_eq!(world.issuer.requests(Endpoint::Discovery), 2);
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
        (Fault::status(403), "status 403"),
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
