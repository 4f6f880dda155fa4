//! Invented key IDs by the thousand: what they cost, what they are told, and who notices.

use std::time::Duration;

use crate::support::{SECOND, World, at_once, refused, unavailable, verdicts, was_refused};
use rampart_core::RampartAuth;
use rampart_issuer::{Endpoint, Fault, base64url};

const REFILL: Duration = Duration::from_secs(30);

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

/// S14, S15, S34.
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
        let open = verdicts(attackers).await.into_iter().filter(|verdict| !was_refused(verdict.clone())).count();
        assert!(open <= 10, "{open} answers of 503 in second {second}");
        world.time.pass(SECOND).await;
    }
    let asked = world.fetches() - 1;
    assert!(asked <= 4, "{asked} fetches in a minute");

    // A key that is new after all this waits for one refill, no more.
    world.issuer.rotate().unwrap();
    world.time.pass(REFILL).await;
    auth.verify(&world.token()).await.unwrap();
}

/// S34.
#[tokio::test]
async fn strangers_cause_ten_answers_of_503_a_second_at_most() {
    let world = World::new().await;
    let (auth, good) = (world.warm().await, world.token());
    // The budget for searches is used up.
    for token in flood(&world, 0..2) {
        refused(auth.verify(&token).await);
    }
    let (mut number, mut open) = (2, Vec::new());
    for step in 0..50 {
        for token in flood(&world, number..number + 100) {
            if !was_refused(at_once(&auth, &token)) {
                open.push(step * 100);
            }
        }
        number += 100;
        at_once(&auth, &good).unwrap();
        world.time.pass(SECOND / 10).await;
    }
    // In five seconds, with thousand a second.
    assert_eq!(open.len(), 50);
    assert!(open.windows(11).all(|eleven| eleven[10] - eleven[0] >= 1000), "{open:?}");
    assert_eq!(world.fetches(), 3);
}

/// S15, S34.
#[tokio::test]
async fn rotation_without_overlap_amid_one_invented_kid_a_second_refuses_no_genuine_token() {
    rotation_amid(1, 4).await;
}

/// S15, S34.
#[tokio::test]
async fn rotation_without_overlap_after_a_flood_and_amid_five_invented_kids_a_second_refuses_no_genuine_token() {
    rotation_amid(5, 1).await;
}

/// So many tokens a second of each kind, for a minute: none that is refused as invalid is genuine.
async fn rotation_amid(invented: u32, genuine: u32) {
    let world = World::new().await;
    let auth = world.warm().await;
    // A flood has used up the budget, and the answers of 503 too.
    for token in flood(&world, 0..1000) {
        assert!(auth.verify(&token).await.is_err());
    }
    world.issuer.rotate().unwrap();
    let mut passed_at = None;
    for second in 1..60 {
        world.time.pass(SECOND).await;
        let mut open = 0;
        for token in flood(&world, 1000 + second * invented..1000 + (second + 1) * invented) {
            open += u32::from(!was_refused(auth.verify(&token).await));
        }
        for _ in 0..genuine {
            match auth.verify(&world.token()).await {
                Ok(_) => passed_at = passed_at.or(Some(second)),
                Err(error) => {
                    assert!(passed_at.is_none(), "{error} after a token of the key had passed");
                    assert!(unavailable::<()>(Err(error)) <= REFILL, "second {second}");
                    open += 1;
                }
            }
        }
        assert!(open <= 10, "{open} answers of 503 in second {second}");
    }
    assert!(passed_at.is_some_and(|second| second <= 30), "{passed_at:?}");
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

/// S34: a stranger knows the issuer and audience of every object.
#[tokio::test]
async fn objects_of_one_process_share_the_ten_answers_of_503() {
    let world = World::new().await;
    let (mut auths, mut open) = (Vec::new(), 0);
    for number in 0..4 {
        let audience = format!("api-{number}");
        let builder = RampartAuth::builder(world.issuer.url(), world.issuer.audience()).audiences([audience]);
        let auth = builder.clock(world.time.clock()).build().unwrap();
        auth.warm_up().await.unwrap();
        for token in flood(&world, 0..2) {
            refused(auth.verify(&token).await);
        }
        auths.push(auth);
    }
    for token in flood(&world, 2..102) {
        open += auths.iter().filter(|auth| !was_refused(at_once(auth, &token))).count();
    }
    assert!((1..=10).contains(&open), "{open} answers of 503 in one moment");
}
