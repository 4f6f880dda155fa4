//! Several issuers whose keys are fetched: none has to wait for another, and a stranger leads nobody anywhere.

use std::time::Duration;

use rampart_core::{Grants, Issuer, JwksState, RampartAuth};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};

use crate::support::{World, at_once, outliving, unavailable};

fn further(issuer: &LocalIssuer) -> Issuer {
    Issuer::new(issuer.url(), issuer.audience()).grants(Grants::everything())
}

/// One issuer has the fault while it is cold; tokens of the other are verified meanwhile.
async fn other_is_untouched(fault: Fault) {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    world.issuer.inject(Endpoint::Jwks, fault);
    let token = outliving(other.token().at(world.time.unix()));
    let own = tokio::spawn({
        let (auth, token) = (auth.clone(), world.token());
        async move { auth.verify(&token).await }
    });
    assert_eq!(auth.verify(&token).await.unwrap().iss, other.url());
    let states: Vec<_> = auth.issuers().into_iter().map(|issuer| (issuer.name, issuer.keys.state)).collect();
    let expected = [(world.issuer.url().to_owned(), JwksState::Cold), (other.url().to_owned(), JwksState::Fresh)];
    assert_eq!(states, expected);
    assert!(auth.health().is_ready() && auth.health().state == JwksState::Cold, "the worst is shown");
    world.time.pass(Duration::from_secs(6)).await;
    unavailable(own.await.unwrap());
    at_once(&auth, &token).unwrap();
}

#[tokio::test]
async fn is09_issuer_that_hangs_is_nothing_to_the_other() {
    other_is_untouched(Fault::Hang).await;
}

#[tokio::test]
async fn is09_issuer_that_drips_is_nothing_to_the_other() {
    other_is_untouched(Fault::Drip(Duration::from_secs(1))).await;
}

#[tokio::test]
async fn is09_issuer_that_fails_is_nothing_to_the_other() {
    other_is_untouched(Fault::status(500)).await;
}

#[tokio::test]
async fn warm_up_warms_all_side_by_side_and_says_that_one_has_failed() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    unavailable(auth.warm_up().await.map(|()| panic!("one of them is down")));
    let states: Vec<_> = auth.issuers().into_iter().map(|issuer| issuer.keys.state).collect();
    assert_eq!(states, [JwksState::Cold, JwksState::Fresh]);
    assert_eq!(other.requests(Endpoint::Jwks), 1);
}

/// On loopback, so that it must not be asked; by permission it is, like one that the settings name.
#[tokio::test]
async fn is24_resolved_issuer_on_a_private_address_is_not_asked() {
    let world = World::new().await;
    let token = world.token();
    let (url, audience) = (world.issuer.url().to_owned(), world.issuer.audience().to_owned());
    let resolving = |change: fn(Issuer) -> Issuer| {
        let (url, audience) = (url.clone(), audience.clone());
        let builder =
            RampartAuth::builder_of(move |iss: &str| (iss == url).then(|| change(Issuer::new(iss, &*audience))));
        builder.clock(world.time.clock()).__apart_from_others().build().unwrap()
    };
    for change in
        [|issuer: Issuer| issuer, |issuer: Issuer| issuer.allow_proxy(true), |issuer: Issuer| issuer.discovery()]
    {
        let auth = resolving(change);
        unavailable(auth.verify(&token).await);
    }
    assert_eq!(world.issuer.requests(Endpoint::Jwks) + world.issuer.requests(Endpoint::Discovery), 0);
    let auth = resolving(|issuer| issuer.allow_private_addresses(true));
    assert!(auth.verify(&token).await.unwrap().scope.is_empty());
    assert_eq!(world.issuer.requests(Endpoint::Jwks), 1);
}

/// A name leads nowhere either where its addresses are private ones.
#[tokio::test]
async fn is24_resolved_issuer_whose_name_is_this_machine_is_not_asked() {
    let world = World::new().await;
    let url = world.issuer.url().replace("127.0.0.1", "localhost");
    let token = outliving(world.issuer.token().at(world.time.unix()).claim("iss", &*url));
    for allow in [false, true] {
        let name = url.clone();
        let audience = world.issuer.audience().to_owned();
        let auth = RampartAuth::builder_of(move |iss: &str| {
            (iss == name).then(|| Issuer::new(iss, &*audience).allow_private_addresses(allow))
        })
        .clock(world.time.clock())
        .__apart_from_others()
        .build()
        .unwrap();
        let verdict = auth.verify(&token).await;
        if allow {
            verdict.unwrap();
        } else {
            unavailable(verdict);
        }
        assert_eq!(world.issuer.requests(Endpoint::Jwks), usize::from(allow));
    }
}
