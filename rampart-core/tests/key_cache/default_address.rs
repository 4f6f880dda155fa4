//! Keys of an issuer of which nothing but itself is known: at the default address, or where its metadata says.

use std::sync::Arc;

use crate::support::{
    ByHand, DUE, TICK, World, at_once, failed, key_named, outliving, quiet, refused, renewed, seconds, unavailable,
    verdicts,
};
use crate::{log, support};
use parking_lot::Mutex;
use rampart_core::{Event, RampartAuth};
use rampart_issuer::{Endpoint, Fault, SigningKey};
use serde_json::json;

/// How often the key set, OpenID Connect's metadata and that of RFC 8414 were asked for.
fn asked(world: &World) -> (usize, usize, usize) {
    let requests = |endpoint| world.issuer.requests(endpoint);
    (requests(Endpoint::Jwks), requests(Endpoint::Discovery), requests(Endpoint::OAuthMetadata))
}

fn oidc_url(world: &World) -> String {
    format!("{}/.well-known/openid-configuration", world.issuer.url())
}

fn oauth_url(world: &World) -> String {
    format!("{}/.well-known/oauth-authorization-server", world.issuer.url())
}

/// The metadata gives this address of the keys.
fn lead_to(world: &World, address: &str) {
    let metadata = json!({ "issuer": world.issuer.url(), "jwks_uri": address });
    world.issuer.set_discovery_body(Some(metadata.to_string()));
}

fn set_of(key: &SigningKey) -> String {
    json!({ "keys": [key.public_jwk()] }).to_string()
}

fn token_by(world: &World, key: &SigningKey) -> String {
    outliving(world.issuer.token().at(world.time.unix()).key(key))
}

/// An issuer as most are: nothing at the default address, and metadata that gives another one. The key that it signs with.
async fn without_default() -> (World, ByHand, SigningKey) {
    let (world, home) = (World::new().await, ByHand::start().await);
    world.issuer.inject(Endpoint::Jwks, Fault::status(404));
    lead_to(&world, home.url());
    (world, home, key_named("at-home"))
}

async fn serve(home: &ByHand, key: &SigningKey) {
    home.request().await.answer(&set_of(key)).await;
}

/// Keys that are there, as the metadata said.
async fn found() -> (World, ByHand, SigningKey, RampartAuth) {
    let (world, home, key) = without_default().await;
    let auth = world.cold();
    let (warm, ()) = tokio::join!(auth.warm_up(), serve(&home, &key));
    warm.unwrap();
    (world, home, key, auth)
}

#[tokio::test]
async fn issuer_and_audience_are_enough_where_the_metadata_says_where_the_keys_are() {
    let (world, home, key) = without_default().await;
    for status in [404, 410] {
        world.issuer.reset_counts();
        world.issuer.inject(Endpoint::Jwks, Fault::status(status));
        let auth = world.cold();
        let token = token_by(&world, &key);
        let (verdict, ()) = tokio::join!(auth.verify(&token), serve(&home, &key));
        verdict.unwrap();
        assert_eq!(asked(&world), (1, 1, 0), "{status}");
        assert_eq!((auth.health().keys, auth.health().last_error), (1, None));
    }
}

#[tokio::test]
async fn thousand_first_requests_look_for_the_keys_once() {
    let (world, home, key) = without_default().await;
    let auth = world.cold();
    let crowd = support::crowd(&auth, &token_by(&world, &key), 1000);
    serve(&home, &key).await;
    for verdict in verdicts(crowd).await {
        verdict.unwrap();
    }
    assert_eq!(asked(&world), (1, 1, 0));
    home.is_left_alone().await;
}

/// F64.
#[tokio::test]
async fn metadata_of_rfc_8414_alone_is_found_by_default_and_by_discovery() {
    let (world, home, key) = without_default().await;
    for status in [404, 410] {
        world.issuer.inject(Endpoint::Discovery, Fault::status(status));
        let token = token_by(&world, &key);
        for (auth, seen) in [(world.cold(), (1, 1, 1)), (world.builder().discovery().build().unwrap(), (0, 1, 1))] {
            world.issuer.reset_counts();
            let (verdict, ()) = tokio::join!(auth.verify(&token), serve(&home, &key));
            verdict.unwrap();
            assert_eq!(asked(&world), seen, "{status}");
        }
    }
}

#[tokio::test]
async fn metadata_is_asked_again_with_each_refresh_and_the_default_address_is_not() {
    let (world, home, key, auth) = found().await;
    // Whatever is there by now.
    world.issuer.clear_faults();
    for times in 2..4 {
        world.time.pass(DUE).await;
        at_once(&auth, &token_by(&world, &key)).unwrap();
        serve(&home, &key).await;
        renewed(&auth).await;
        assert_eq!(asked(&world), (1, times, 0));
    }
    // The keys move, and the metadata says so.
    let (elsewhere, new) = (ByHand::start().await, key_named("moved"));
    lead_to(&world, elsewhere.url());
    world.time.pass(DUE).await;
    at_once(&auth, &token_by(&world, &key)).unwrap();
    serve(&elsewhere, &new).await;
    renewed(&auth).await;
    at_once(&auth, &token_by(&world, &new)).unwrap();
    home.is_left_alone().await;
    // The key set at the default address is that of nobody.
    let foreign = world.token();
    let (verdict, ()) = tokio::join!(auth.verify(&foreign), serve(&elsewhere, &new));
    verdict.unwrap_err();
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn absence_of_the_metadata_later_is_a_failed_fetch_and_leads_nowhere() {
    let (world, home, key, auth) = found().await;
    world.issuer.clear_faults();
    for endpoint in [Endpoint::Discovery, Endpoint::OAuthMetadata] {
        world.issuer.inject(endpoint, Fault::status(404));
    }
    world.time.pass(DUE).await;
    at_once(&auth, &token_by(&world, &key)).unwrap();
    let told = format!(
        "{0}: the issuer has no metadata: status 404 at {1}, status 404 at {0}; give metadata_url(..) or jwks_url(..)",
        oauth_url(&world),
        oidc_url(&world)
    );
    failed(&auth, &told).await;
    at_once(&auth, &token_by(&world, &key)).unwrap();
    assert_eq!(asked(&world), (1, 2, 1));
    home.is_left_alone().await;
}

#[tokio::test]
async fn s31_absence_of_keys_that_were_there_is_a_failed_fetch_and_the_metadata_is_not_asked() {
    let (world, other) = (World::new().await, ByHand::start().await);
    lead_to(&world, other.url());
    for status in [404, 410] {
        world.issuer.clear_faults();
        world.issuer.reset_counts();
        let (auth, token) = (world.warm().await, world.token());
        world.issuer.inject(Endpoint::Jwks, Fault::status(status));
        world.time.pass(DUE).await;
        at_once(&auth, &token).unwrap();
        let told = format!(
            "{}: the issuer answered with status {status}; its keys were there before, so that no other address is asked: if they have moved, refresh_keys() or a restart looks for them anew",
            world.issuer.jwks_url()
        );
        failed(&auth, &told).await;
        // Neither a search for a key nor the death of the old ones changes that.
        world.time.pass(seconds(60)).await;
        unavailable(auth.verify(&world.token_of_nobody("unknown")).await);
        world.time.pass(seconds(4200)).await;
        unavailable(auth.verify(&token).await);
        quiet().await;
        assert!(asked(&world).0 >= 3);
        assert_eq!((asked(&world).1, asked(&world).2), (0, 0));
        other.is_left_alone().await;
        // The other way: whoever has just started asks the metadata.
        let (fresh, key) = (world.cold(), key_named("at-home"));
        let (warm, ()) = tokio::join!(fresh.warm_up(), serve(&other, &key));
        warm.unwrap();
        at_once(&fresh, &token_by(&world, &key)).unwrap();
    }
}

#[tokio::test]
async fn refresh_by_hand_looks_for_the_keys_anew_and_what_it_finds_is_the_only_place() {
    let (world, home) = (World::new().await, ByHand::start().await);
    let auth = world.warm().await;
    let key = key_named("at-home");
    lead_to(&world, home.url());
    world.issuer.inject(Endpoint::Jwks, Fault::status(404));
    // One that finds nothing leaves everything as it was.
    world.issuer.inject(Endpoint::Discovery, Fault::status(500));
    unavailable(auth.refresh_keys().await);
    let told = format!(
        "{}: there is no key set at {} (status 404), and the issuer answered the request for its metadata with status 500",
        oidc_url(&world),
        world.issuer.jwks_url()
    );
    assert_eq!(auth.health().last_error, Some(told));
    world.issuer.inject(Endpoint::Discovery, Fault::Delay(TICK));
    world.time.pass(DUE).await;
    at_once(&auth, &world.token()).unwrap();
    failed(&auth, "its keys were there before").await;
    assert_eq!(asked(&world), (3, 1, 0));
    // One that finds them moves there.
    world.issuer.clear_faults();
    world.issuer.inject(Endpoint::Jwks, Fault::status(404));
    let (refreshed, ()) = tokio::join!(auth.refresh_keys(), serve(&home, &key));
    refreshed.unwrap();
    assert_eq!(asked(&world), (4, 2, 0));
    at_once(&auth, &token_by(&world, &key)).unwrap();
    world.issuer.clear_faults();
    world.time.pass(DUE).await;
    at_once(&auth, &token_by(&world, &key)).unwrap();
    serve(&home, &key).await;
    renewed(&auth).await;
    assert_eq!(asked(&world), (4, 3, 0));
    // And back.
    auth.refresh_keys().await.unwrap();
    at_once(&auth, &world.token()).unwrap();
    assert_eq!(asked(&world), (5, 3, 0));
    home.is_left_alone().await;
}

#[tokio::test]
async fn only_absence_at_the_default_address_leads_to_the_metadata() {
    let (world, other) = (World::new().await, ByHand::start().await);
    lead_to(&world, other.url());
    let faults = [200, 204, 301, 302, 400, 401, 403, 405, 406, 408, 429, 500, 502, 503, 504].map(Fault::status);
    let faults = faults.into_iter().chain([
        Fault::body(r#"{"keys":[]}"#),
        Fault::Garbage,
        Fault::Reset,
        Fault::CloseEarly,
        Fault::ContentEncoding("gzip".into()),
        Fault::redirect(302, &oidc_url(&world)),
    ]);
    for fault in faults {
        world.issuer.inject(Endpoint::Jwks, fault.clone());
        let auth = world.cold();
        unavailable(auth.verify(&world.token()).await);
        let error = auth.health().last_error.unwrap();
        assert!(error.starts_with(&format!("{}: ", world.issuer.jwks_url())), "{fault:?}: {error}");
        // Nothing has worked yet: the next absence leads on.
    }
    assert_eq!((asked(&world).1, asked(&world).2), (0, 0));
    other.is_left_alone().await;
}

#[tokio::test]
async fn search_goes_on_where_no_address_has_worked_yet() {
    let (world, home, key) = without_default().await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    let auth = world.cold();
    unavailable(auth.warm_up().await);
    world.issuer.inject(Endpoint::Jwks, Fault::status(404));
    world.time.pass(seconds(60)).await;
    let (warm, ()) = tokio::join!(auth.warm_up(), serve(&home, &key));
    warm.unwrap();
}

#[tokio::test]
async fn s32_metadata_of_another_issuer_ends_the_search_and_is_named() {
    let (world, home, key) = without_default().await;
    let foreign = json!({ "issuer": "https://evil.example", "jwks_uri": home.url() }).to_string();
    world.issuer.inject(Endpoint::Discovery, Fault::body(foreign));
    let says = "the issuer's metadata cannot be used: its issuer is not exactly the configured one, but \"https://evil.example\"; where that is the iss of the tokens too, write it as issuer_url";
    let (default, oidc) = (world.issuer.jwks_url(), oidc_url(&world));
    for (auth, told) in [
        (world.cold(), format!("{oidc}: there is no key set at {default} (status 404), and {says}")),
        (world.builder().discovery().build().unwrap(), format!("{oidc}: {says}")),
    ] {
        unavailable(auth.verify(&token_by(&world, &key)).await);
        assert_eq!(auth.health().last_error, Some(told));
        assert_eq!(auth.health().keys, 0);
    }
    // Good metadata was at the other address.
    assert_eq!(asked(&world), (1, 2, 0));
    home.is_left_alone().await;
}

#[tokio::test]
async fn whole_search_has_the_time_of_one_fetch() {
    let (world, home, key) = without_default().await;
    for (endpoint, url) in [(Endpoint::Discovery, oidc_url(&world)), (Endpoint::OAuthMetadata, oauth_url(&world))] {
        world.issuer.reset_counts();
        world.issuer.inject(endpoint, Fault::Hang);
        let auth = world.cold();
        let request = support::Request::waiting(&auth, &token_by(&world, &key));
        world.issuer.received(endpoint, 1).await;
        world.time.pass(seconds(5) + TICK).await;
        unavailable(request.verdict().await);
        failed(&auth, &format!("{url}: no complete answer within 5 s")).await;
        world.issuer.inject(Endpoint::Discovery, Fault::status(404));
    }
    home.is_left_alone().await;
}

/// The addresses that have failed, as the log has them.
fn failures() -> Vec<String> {
    let lines = log::take().into_iter().map(|record| record.text);
    lines.filter(|line| line.contains("could not be fetched")).collect()
}

#[tokio::test]
async fn health_and_log_name_the_address_that_has_failed_and_the_remedy() {
    let (world, home, _) = without_default().await;
    let (default, oidc, oauth) = (world.issuer.jwks_url(), oidc_url(&world), oauth_url(&world));
    let jwks_url = format!("{default}?key=hunter2");
    let fails = async |auth: RampartAuth, url: &str, why: &str| {
        log::clear();
        unavailable(auth.verify(&world.token()).await);
        assert_eq!(auth.health().last_error, Some(format!("{url}: {why}")));
        let [line] = &failures()[..] else { panic!("one line") };
        assert!(line.contains(&format!("url={url} error={why} failures=1")), "{line}");
    };
    let by_metadata = "; its metadata gives this address: mend it there, or give another one with jwks_url(..)";
    fails(
        world.builder().jwks_url(&jwks_url).build().unwrap(),
        &default,
        "the issuer answered with status 404; leave out jwks_url(..), so that the keys are looked for at the usual address, and where the issuer's metadata says",
    )
    .await;
    // The metadata gives the very address that is not there: it is not asked twice.
    lead_to(&world, &default);
    let fetches = world.fetches();
    fails(world.cold(), &default, &format!("the issuer answered with status 404{by_metadata}")).await;
    assert_eq!(world.fetches(), fetches + 1);
    lead_to(&world, &format!("{default}?key=hunter2"));
    for auth in [world.cold(), world.builder().discovery().build().unwrap()] {
        fails(auth, &default, &format!("the issuer answered with status 404{by_metadata}")).await;
    }
    lead_to(&world, home.url());
    let auth = world.cold();
    let answer = async { home.request().await.send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await };
    let why = format!("the issuer answered with status 404{by_metadata}");
    tokio::join!(fails(auth, home.url(), &why), answer);
    // Nothing anywhere.
    world.issuer.inject(Endpoint::Discovery, Fault::status(404));
    world.issuer.inject(Endpoint::OAuthMetadata, Fault::status(410));
    let nowhere = format!(
        "the issuer has no metadata: status 404 at {oidc}, status 410 at {oauth}; give metadata_url(..) or jwks_url(..)"
    );
    let at_default = format!("there is no key set at {default} (status 404), and {nowhere}");
    fails(world.cold(), &oauth, &at_default).await;
    fails(world.builder().discovery().build().unwrap(), &oauth, &nowhere).await;
    let auth = world.builder().metadata_url(format!("{oidc}?key=hunter2")).build().unwrap();
    let why = format!("the issuer has no metadata: status 404 at {oidc}; give metadata_url(..) or jwks_url(..)");
    fails(auth, &oidc, &why).await;
}

/// F65.
#[tokio::test]
async fn metadata_at_an_address_of_its_own_is_the_issuers_all_the_same() {
    let (world, home, key) = without_default().await;
    for name in ["https://auth.example.com", "accounts.example"] {
        let document = |issuer: &str| json!({ "issuer": issuer, "jwks_uri": home.url() }).to_string();
        let auth = || {
            let builder = RampartAuth::builder(name, world.issuer.audience()).clock(world.time.clock());
            builder.__apart_from_others().metadata_url(oidc_url(&world)).build().unwrap()
        };
        world.issuer.set_discovery_body(Some(document(&format!("{name}/"))));
        let foreign = auth();
        unavailable(foreign.warm_up().await);
        failed(&foreign, &format!("not exactly the configured one, but \"{name}/\"")).await;

        world.issuer.set_discovery_body(Some(document(name)));
        let own = auth();
        let (warm, ()) = tokio::join!(own.warm_up(), serve(&home, &key));
        warm.unwrap();
        let token = |issuer| outliving(world.issuer.token().at(world.time.unix()).key(&key).issuer(issuer));
        at_once(&own, &token(name)).unwrap();
        refused(at_once(&own, &token(world.issuer.url())));
    }
    assert_eq!(asked(&world), (0, 4, 0));
    // Nothing leads on from there.
    world.issuer.inject(Endpoint::Discovery, Fault::status(404));
    unavailable(world.builder().metadata_url(oidc_url(&world)).build().unwrap().warm_up().await);
    assert_eq!(asked(&world), (0, 5, 0));
}

#[tokio::test]
async fn keys_on_another_origin_are_told_once() {
    let (world, home, key) = without_default().await;
    let other = ByHand::start().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let listening = || {
        let told = Arc::clone(&told);
        world.builder().on_event(move |event| {
            if let Event::KeysElsewhere { url, .. } = event {
                told.lock().push((*url).to_owned());
            }
        })
    };
    lead_to(&world, &format!("{}?key=hunter2", home.url()));
    for builder in [listening(), listening().discovery(), listening().metadata_url(oidc_url(&world))] {
        log::clear();
        let auth = builder.build().unwrap();
        let (warm, ()) = tokio::join!(auth.warm_up(), serve(&home, &key));
        warm.unwrap();
        for _ in 0..2 {
            let (refreshed, ()) = tokio::join!(auth.refresh_keys(), serve(&home, &key));
            refreshed.unwrap();
        }
        assert_eq!(std::mem::take(&mut *told.lock()), [home.url()]);
        let lines: Vec<_> =
            log::take().into_iter().filter(|record| record.text.contains("on another origin")).collect();
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert!(line.level == tracing::Level::INFO && line.text.contains(&format!("url={}", home.url())), "{line:?}");
        // A third place is news.
        lead_to(&world, other.url());
        let (refreshed, ()) = tokio::join!(auth.refresh_keys(), serve(&other, &key));
        refreshed.unwrap();
        assert_eq!(std::mem::take(&mut *told.lock()), [other.url()]);
        lead_to(&world, &format!("{}?key=hunter2", home.url()));
    }
    // The issuer's own, and what the operator says, are no news.
    world.issuer.clear_faults();
    world.issuer.set_discovery_body(None);
    for builder in [listening(), listening().discovery()] {
        builder.build().unwrap().warm_up().await.unwrap();
    }
    let auth = listening().jwks_url(home.url()).build().unwrap();
    let (warm, ()) = tokio::join!(auth.warm_up(), serve(&home, &key));
    warm.unwrap();
    assert_eq!(*told.lock(), [""; 0]);
}
