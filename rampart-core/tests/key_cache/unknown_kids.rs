//! Tokens whose key ID is not in the set: what they may cost, and what they are told.

use std::cell::Cell;
use std::time::Duration;

use crate::support::{
    Request, SECOND, TICK, World, at_once, key_named, outliving, quiet, refused, seconds, unavailable, until,
    was_refused,
};
use rampart_core::{AuthError, JwksState};
use rampart_issuer::{Algorithm, Endpoint, Fault};
use serde_json::json;

const REFILL: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn unknown_kids_have_a_bucket_of_two_fetches_that_refills_every_thirty_seconds() {
    let world = World::new().await;
    let auth = world.warm().await;
    let number = Cell::new(0);
    let unknown = || {
        number.set(number.get() + 1);
        world.token_of_nobody(&format!("unknown {}", number.get()))
    };
    for fetches in [2, 3] {
        refused(Request::waiting(&auth, &unknown()).verdict().await);
        assert_eq!(world.fetches(), fetches);
    }
    for round in 0..3 {
        // Nobody can ask now, and a token of just now may be good: come back at the refill.
        assert_eq!(unavailable(at_once(&auth, &unknown())), REFILL);
        world.time.pass(REFILL - MOMENT).await;
        unavailable(at_once(&auth, &unknown()));
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
        assert!(auth.verify(&unknown()).await.is_err());
    }
    assert_eq!(world.fetches(), before + 2);
}

#[tokio::test]
async fn kid_that_was_not_found_is_remembered_for_five_seconds_and_not_longer_for_being_asked() {
    let world = World::new().await;
    let auth = world.warm().await;
    let missing = || world.token_of_nobody("missing");
    refused(Request::waiting(&auth, &missing()).verdict().await);
    for _ in 0..4 {
        world.time.pass(SECOND).await;
        refused(at_once(&auth, &missing()));
    }
    world.time.pass(SECOND - MOMENT).await;
    refused(at_once(&auth, &missing()));
    assert_eq!(world.fetches(), 2);
    world.time.pass(MOMENT).await;
    refused(Request::waiting(&auth, &missing()).verdict().await);
    assert_eq!(world.fetches(), 3);
}

/// S34.
#[tokio::test]
async fn token_signed_before_the_issuer_was_asked_is_refused_and_a_later_one_is_not() {
    let world = World::new().await;
    let whole = world.time.unix();
    world.time.wall_back(world.time.now().duration_since(std::time::UNIX_EPOCH).unwrap() - seconds(whole));
    let auth = world.warm().await;
    for kid in ["a", "b"] {
        refused(Request::waiting(&auth, &world.token_of_nobody(kid)).verdict().await);
    }
    // Nobody can ask for half a minute. The tolerance, for clocks that differ, is 5 s.
    let signed = |ago: u64| outliving(world.issuer.token().at(world.time.unix() - ago).kid("retired"));
    refused(at_once(&auth, &signed(5)));
    unavailable(at_once(&auth, &signed(4)));
    world.time.pass(seconds(10)).await;
    refused(at_once(&auth, &signed(15)));
    unavailable(at_once(&auth, &signed(14)));
    // A clock that is set does not make the issuer look as if it had been asked later.
    world.time.wall_back(seconds(3600));
    refused(at_once(&auth, &signed(15)));
    unavailable(at_once(&auth, &signed(14)));
    // A token that says nothing sensible about its time is one that could never pass.
    refused(at_once(&auth, &outliving(world.issuer.token().claim("iat", "now").kid("c"))));
    assert_eq!(world.fetches(), 3);
}

/// A token that does not say when it was signed was signed before it came, and perhaps just before.
#[tokio::test]
async fn token_without_iat_is_refused_only_by_what_the_issuer_said_after_it_had_come() {
    let world = World::new().await;
    let auth = world.builder().issued_at_optional(true).build().unwrap();
    auth.warm_up().await.unwrap();
    let undated = |kid: &str| {
        let token = world.issuer.token().at(world.time.unix()).expires_in(1_000_000);
        token.without("iat").kid(kid).sign().unwrap()
    };
    for (kid, fetches) in [("a", 2), ("b", 3)] {
        world.time.pass(MOMENT).await;
        refused(Request::waiting(&auth, &undated(kid)).verdict().await);
        assert_eq!(world.fetches(), fetches);
    }
    // The bucket is empty. However long ago the issuer was asked, the token may be younger.
    for _ in 0..2 {
        world.time.pass(seconds(10)).await;
        unavailable(at_once(&auth, &undated("c")));
        // It says of itself that it was signed before that.
        refused(at_once(&auth, &outliving(world.issuer.token().at(world.time.unix() - 100).kid("c"))));
    }
    assert_eq!(world.fetches(), 3);
    // An issuer whose tokens have one is not asked for the key of one without.
    let strict = world.warm().await;
    refused(at_once(&strict, &undated("d")));
    assert_eq!(world.fetches(), 4);
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
            was_refused(auth.verify(&token).await);
            for record in crate::log::take() {
                assert!(!record.text.contains(crate::log::misleads) && record.text.len() < 400, "{:?}", record.text);
                assert!(token.split('.').all(|part| !record.text.contains(part)), "{}", record.text);
            }
            at_once(&auth, &good).unwrap();
        }
    }
    assert_eq!(world.fetches(), 3, "the first one, and a bucket of two");
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
    // Of what was signed before that the issuer has spoken now.
    refused(at_once(&auth, &outliving(world.issuer.token().at(world.time.unix() - 6).kid("g"))));
    world.time.pass(REFILL).await;
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

/// S14, S34.
#[tokio::test]
async fn at_most_1024_requests_wait_for_an_unknown_kid() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    let token = world.token_of_nobody("unknown");
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut waiting: Vec<_> = (0..1024).map(|_| Request::waiting(&auth, &token)).collect();
    // Nothing is known yet of the key: the token may well be good, but of such answers there are ten a second.
    let open = |requests: usize| (0..requests).filter(|_| !was_refused(at_once(&auth, &token))).count();
    assert_eq!(open(100), 10);
    at_once(&auth, &good).unwrap();
    world.fetched(2).await;
    // Who leaves makes room.
    drop(waiting.pop());
    waiting.push(Request::waiting(&auth, &token));
    world.time.pass(SECOND).await;
    assert_eq!(open(100), 10);
    world.time.pass(SECOND + TICK).await;
    let mut open = 0;
    for request in waiting {
        open += usize::from(!was_refused(request.verdict().await));
    }
    assert_eq!(open, 10);
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
