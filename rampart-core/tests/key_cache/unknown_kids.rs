//! Tokens whose key ID is not in the set: what they may cost, and what they are told.

use std::time::Duration;

use crate::support::{
    Request, SECOND, TICK, World, at_once, key_named, outliving, quiet, refused, seconds, unavailable, until, verdicts,
};
use rampart_core::{AuthError, JwksState};
use rampart_issuer::{Algorithm, Endpoint, Fault, base64url};
use serde_json::json;

const REFILL: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn unknown_kids_have_a_bucket_of_two_fetches_that_refills_every_thirty_seconds() {
    let world = World::new().await;
    let auth = world.warm().await;
    let mut number = 0;
    let mut unknown = || {
        number += 1;
        world.token_of_nobody(&format!("unknown {number}"))
    };
    for fetches in [2, 3] {
        refused(Request::waiting(&auth, &unknown()).verdict().await);
        assert_eq!(world.fetches(), fetches);
    }
    for round in 0..3 {
        for _ in 0..20 {
            refused(auth.verify(&unknown()).await);
        }
        world.time.pass(REFILL - MOMENT).await;
        refused(auth.verify(&unknown()).await);
        quiet().await;
        assert_eq!(world.fetches(), 3 + round);
        world.time.pass(MOMENT).await;
        refused(Request::waiting(&auth, &unknown()).verdict().await);
        assert_eq!(world.fetches(), 4 + round);
    }
    // A quiet hour does not save up more than two.
    auth.refresh_keys().await.unwrap();
    world.time.pass(seconds(300)).await;
    let before = world.fetches();
    for _ in 0..20 {
        refused(auth.verify(&unknown()).await);
    }
    assert_eq!(world.fetches(), before + 2);
}

#[tokio::test]
async fn kid_that_was_not_found_is_remembered_until_the_refill_and_not_longer_for_being_asked() {
    let world = World::new().await;
    let auth = world.warm().await;
    let token = world.token_of_nobody("missing");
    refused(Request::waiting(&auth, &token).verdict().await);
    for _ in 0..29 {
        world.time.pass(SECOND).await;
        refused(auth.verify(&token).await);
    }
    quiet().await;
    assert_eq!(world.fetches(), 2);
    world.time.pass(SECOND).await;
    refused(Request::waiting(&auth, &token).verdict().await);
    assert_eq!(world.fetches(), 3);
}

/// S15.
#[tokio::test]
async fn missing_kid_leaves_the_rest_of_the_bucket_to_others() {
    let world = World::new().await;
    let auth = world.warm().await;
    let missing = world.token_of_nobody("missing");
    for _ in 0..100 {
        refused(auth.verify(&missing).await);
    }
    assert_eq!(world.fetches(), 2);
    world.issuer.rotate().unwrap();
    auth.verify(&world.token()).await.unwrap();
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn missing_kids_are_forgotten_when_the_set_changes_and_only_then() {
    let world = World::new().await;
    let auth = world.warm().await;
    let missing = world.token_of_nobody("missing");
    refused(auth.verify(&missing).await);
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&missing).await);
    assert_eq!(world.fetches(), 3, "the set is the same, so nothing is forgotten");
    world.issuer.add_key(Algorithm::ES256).unwrap();
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&missing).await);
    assert_eq!(world.fetches(), 5);
}

#[tokio::test]
async fn current_set_is_asked_before_the_memory_of_missing_kids() {
    let world = World::new().await;
    let auth = world.warm().await;
    let key = world.issuer.add_unpublished_key(Algorithm::ES256).unwrap();
    world.issuer.use_key(&key);
    let token = world.token();
    refused(auth.verify(&token).await);
    world.issuer.publish(key);
    auth.refresh_keys().await.unwrap();
    at_once(&auth, &token).unwrap();
}

/// R7, A23.
#[tokio::test]
async fn implausible_tokens_fetch_nothing_and_learn_nothing() {
    let world = World::new().await;
    let auth = world.warm().await;
    let base = || world.issuer.token().expires_in(1_000_000).kid("unknown");
    let now = world.time.unix();
    let implausible = [
        base().issuer("https://evil.example"),
        base().issuer(&format!("{}/", world.issuer.url())),
        base().without("iss"),
        base().claim("iss", 1),
        base().audience("another-api"),
        base().audience(json!([])),
        base().without("aud"),
        base().at(now - 1000).expires_in(900),
        base().at(now - 905).expires_in(900),
        base().claim("exp", 0),
        base().claim("exp", "never"),
        base().claim("exp", u64::MAX),
        base().without("exp"),
        base().raw_payload("not JSON"),
        base().raw_payload("[]"),
        base().raw_payload(""),
    ];
    for token in implausible {
        refused(at_once(&auth, &token.sign().unwrap()));
    }
    quiet().await;
    assert_eq!(world.fetches(), 1);
    // The bucket is still full.
    for kid in ["a", "b"] {
        refused(Request::waiting(&auth, &world.token_of_nobody(kid)).verdict().await);
    }
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn known_kid_never_fetches_and_neither_does_none() {
    let world = World::new().await;
    let auth = world.warm().await;
    let impostor = key_named(world.issuer.key().kid());
    let other_curve = rampart_issuer::SigningKey::generate(Algorithm::ES384, impostor.kid()).unwrap();
    for token in [
        world.issuer.token().key(&impostor),
        world.issuer.token().key(&other_curve),
        world.issuer.token().key(&impostor).without_header("kid"),
        world.issuer.token().key(&other_curve).without_header("kid"),
    ] {
        for _ in 0..10 {
            refused(at_once(&auth, &outliving(token.clone())));
        }
    }
    quiet().await;
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn a11_hostile_kids_cost_what_every_unknown_kid_costs() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    let long = "k".repeat(1024);
    let kids = [
        "../../../../../../dev/null",
        "/etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "x' UNION SELECT 'a",
        "ec-1|whoami",
        "ec-1\r\nSet-Cookie: a=b",
        "\u{1b}[31mred",
        "${jndi:ldap://127.0.0.1/a}",
        "\u{202e}gpj",
        "__proto__",
        &*long,
    ];
    for _ in 0..3 {
        for kid in kids {
            crate::log::clear();
            let token = world.token_of_nobody(kid);
            refused(auth.verify(&token).await);
            for record in crate::log::take() {
                assert!(!record.text.contains(crate::log::misleads) && record.text.len() < 400, "{:?}", record.text);
                assert!(token.split('.').all(|part| !record.text.contains(part)), "{}", record.text);
            }
            at_once(&auth, &good).unwrap();
        }
    }
    assert_eq!(world.fetches(), 3, "the first one, and a bucket of two");
}

/// Tokens with kids of their own and signatures of nobody, cheap enough for ten thousand.
fn flood(world: &World, numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    let token = world.token();
    let payload = token.split('.').nth(1).unwrap().to_owned();
    let signature = base64url([7; 64]);
    numbers.map(move |number| {
        let header = base64url(format!(r#"{{"alg":"ES256","kid":"random-{number}"}}"#));
        format!("{header}.{payload}.{signature}")
    })
}

/// S14, S15.
#[tokio::test]
async fn flood_of_random_kids_costs_four_fetches_a_minute_and_good_tokens_notice_nothing() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    for second in 0..60 {
        let attackers: Vec<_> = flood(&world, second * 200..(second + 1) * 200)
            .map(|token| {
                let auth = auth.clone();
                tokio::spawn(async move { auth.verify(&token).await })
            })
            .collect();
        at_once(&auth, &good).unwrap();
        tokio::task::yield_now().await;
        at_once(&auth, &good).unwrap();
        for verdict in verdicts(attackers).await {
            refused(verdict);
        }
        world.time.pass(SECOND).await;
    }
    let asked = world.fetches() - 1;
    assert!(asked <= 4, "{asked} fetches in a minute");

    // A key that is new after all this waits for one refill, no more.
    world.issuer.rotate().unwrap();
    world.time.pass(REFILL).await;
    auth.verify(&world.token()).await.unwrap();
}

/// S16.
#[tokio::test]
async fn flood_against_a_failing_issuer_is_bounded_too() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for second in 0..60 {
        for token in flood(&world, second * 20..(second + 1) * 20) {
            assert!(auth.verify(&token).await.is_err());
        }
        at_once(&auth, &good).unwrap();
        world.time.pass(SECOND).await;
    }
    let asked = world.fetches() - 1;
    assert!(asked <= 4, "{asked} fetches in a minute");
}

/// S22.
#[tokio::test]
async fn unknown_kid_is_401_where_the_issuer_has_spoken_and_503_where_it_has_not() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    refused(auth.verify(&world.token_of_nobody("a")).await);

    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    unavailable(auth.verify(&world.token_of_nobody("b")).await);
    assert_eq!(world.fetches(), 3);
    // In back-off at once, and without a fetch.
    world.time.pass(REFILL).await;
    unavailable(auth.verify(&world.token_of_nobody("c")).await);
    let asked = world.fetches();
    for kid in ["c", "d", "e"] {
        unavailable(auth.verify(&world.token_of_nobody(kid)).await);
    }
    assert_eq!(world.fetches(), asked);
    // What can be decided without new keys is decided.
    at_once(&auth, &good).unwrap();
    refused(at_once(&auth, &outliving(world.issuer.token().kid("f").audience("another-api"))));
    refused(at_once(&auth, &outliving(world.issuer.token().key(&key_named(world.issuer.key().kid())))));

    world.issuer.clear_faults();
    auth.refresh_keys().await.unwrap();
    refused(auth.verify(&world.token_of_nobody("g")).await);
}

/// S16.
#[tokio::test]
async fn failed_attempts_are_charged_to_the_bucket() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    for kid in ["a", "b", "c", "d"] {
        unavailable(auth.verify(&world.token_of_nobody(kid)).await);
        // Past the back-off, before the refill.
        world.time.pass(seconds(2)).await;
    }
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn kid_that_could_not_be_asked_for_is_not_remembered_as_missing() {
    let world = World::new().await;
    let auth = world.warm().await;
    world.issuer.rotate().unwrap();
    let token = world.token();
    world.issuer.inject_times(Endpoint::Jwks, &Fault::status(500), 1);
    unavailable(auth.verify(&token).await);
    world.time.pass(SECOND).await;
    auth.verify(&token).await.unwrap();
}

#[tokio::test]
async fn unknown_kid_waits_two_seconds_at_most() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut request = Request::waiting(&auth, &world.token_of_nobody("unknown"));
    world.fetched(2).await;
    world.time.pass(seconds(2) - TICK).await;
    request.still_waits();
    at_once(&auth, &good).unwrap();
    world.time.pass(2 * TICK).await;
    unavailable(request.verdict().await);
    at_once(&auth, &good).unwrap();
}

/// S14.
#[tokio::test]
async fn at_most_1024_requests_wait_for_an_unknown_kid() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    let token = world.token_of_nobody("unknown");
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let waiting: Vec<_> = (0..1024).map(|_| Request::waiting(&auth, &token)).collect();
    for _ in 0..100 {
        // Nothing is known yet of the key: the token may well be good.
        unavailable(at_once(&auth, &token));
    }
    at_once(&auth, &good).unwrap();
    world.fetched(2).await;
    // Who leaves makes room.
    let mut waiting = waiting;
    drop(waiting.pop());
    waiting.push(Request::waiting(&auth, &token));
    unavailable(at_once(&auth, &token));
    world.time.pass(seconds(2) + TICK).await;
    for request in waiting {
        unavailable(request.verdict().await);
    }
    let _room = Request::waiting(&auth, &token);
}

#[tokio::test]
async fn cold_request_with_an_unknown_kid_is_refused_once_the_keys_are_there() {
    let world = World::new().await;
    let auth = world.cold();
    assert_eq!(auth.verify(&world.token_of_nobody("unknown")).await.unwrap_err(), AuthError::InvalidToken);
    until("the keys", || auth.health().state == JwksState::Fresh).await;
    assert_eq!(world.fetches(), 1);
}
