//! Several issuers whose keys are fetched: none has to wait for another, and a stranger leads nobody anywhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rampart_core::{Algorithm, AuthError, Event, Grants, Issuer, JwksState, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Endpoint, Fault, LocalIssuer, TokenBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{
    DUE, Request, World, at_once, breathe, crowd, key_named, outliving, unavailable, until, verdicts,
};

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

/// A token of an issuer's own, at this world's time.
fn token_of(world: &World, issuer: &LocalIssuer) -> TokenBuilder {
    issuer.token().at(world.time.unix())
}

#[tokio::test]
async fn is01_each_issuer_is_asked_once_for_its_own_keys() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    for issuer in [&world.issuer, &other] {
        issuer.use_key(&key_named("k1"));
        issuer.publish(issuer.key());
    }
    let requests: Vec<_> = (0..200)
        .map(|number| {
            let issuer = if number % 2 == 0 { &world.issuer } else { &other };
            let token = outliving(token_of(&world, issuer).claim("jti", number));
            (issuer.url(), crowd(&auth, &token, 1))
        })
        .collect();
    for (name, request) in requests {
        assert_eq!(verdicts(request).await.remove(0).unwrap().iss, name);
    }
    assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (1, 1));
}

#[tokio::test]
async fn is02_key_that_only_the_other_publishes_is_looked_for_at_the_named_issuer_alone() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    auth.warm_up().await.unwrap();
    let key = key_named("only-b");
    other.publish(key.clone());
    // Two searches, and then the bucket is empty.
    for number in 0..2 {
        let forged = outliving(token_of(&world, &world.issuer).key(&key).kid(&format!("only-b{number}")));
        assert_eq!(auth.verify(&forged).await.unwrap_err(), AuthError::InvalidToken);
    }
    unavailable(at_once(&auth, &outliving(token_of(&world, &world.issuer).key(&key))));
    assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (3, 1));
    // The bucket of the other is full.
    assert_eq!(auth.verify(&outliving(token_of(&world, &other).key(&key))).await.unwrap().iss, other.url());
    assert_eq!(other.requests(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn is05_token_that_names_no_issuer_makes_nobody_wait_and_asks_nobody() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    for issuer in [&world.issuer, &other] {
        issuer.inject(Endpoint::Jwks, Fault::Hang);
    }
    let good = || token_of(&world, &world.issuer);
    let (a, b) = (world.issuer.url(), other.url());
    let mut tokens = vec![good().without("iss")];
    for iss in ["https://evil.example/", "http://127.0.0.1:9/", "", &format!("{a}.evil"), &format!("{a}/")] {
        tokens.push(good().claim("iss", iss));
    }
    for iss in [
        serde_json::json!(null),
        serde_json::json!(1),
        serde_json::json!([a]),
        serde_json::json!([a, b]),
        serde_json::json!({}),
    ] {
        tokens.push(good().claim("iss", iss));
    }
    for token in tokens {
        assert_eq!(at_once(&auth, &outliving(token)).unwrap_err(), AuthError::InvalidToken);
    }
    breathe().await;
    assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (0, 0));
}

#[tokio::test]
async fn is04_algorithm_of_one_issuer_is_none_of_the_others() {
    let world = World::new().await;
    let other = LocalIssuer::builder().algorithm(rampart_issuer::Algorithm::RS256).start().await.unwrap();
    let auth = world.builder().issuer(further(&other).algorithms([Algorithm::ES256])).build().unwrap();
    let token = outliving(token_of(&world, &other));
    assert_eq!(at_once(&auth, &token).unwrap_err(), AuthError::InvalidToken);
    breathe().await;
    assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (0, 0));
    // The first accepts it by default.
    let auth = RampartAuth::builder_of(further(&other)).issuer(further(&world.issuer));
    let auth = auth.clock(world.time.clock()).__apart_from_others().build().unwrap();
    assert!(auth.verify(&token).await.is_ok());
}

#[tokio::test]
async fn is11_flood_of_one_issuers_unknown_keys_takes_nothing_from_the_other() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    auth.warm_up().await.unwrap();
    // Those that wait for the first issuer's answer fill its places, and nobody else's.
    world.issuer.inject(Endpoint::Jwks, Fault::Hang);
    let mut flood = Vec::new();
    for number in 0..1100 {
        let (auth, token) = (auth.clone(), world.token_of_nobody(&format!("r{number}")));
        flood.push(tokio::spawn(async move { auth.verify(&token).await }));
    }
    until("the flood's fetch", || world.fetches() == 2).await;
    other.rotate().unwrap();
    assert_eq!(auth.verify(&outliving(token_of(&world, &other))).await.unwrap().iss, other.url());
    assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (2, 2));
    world.time.pass(Duration::from_secs(6)).await;
    assert!(verdicts(flood).await.into_iter().all(|verdict| verdict.is_err()));
}

#[tokio::test]
async fn is29_keys_that_several_issuers_share_make_none_of_them_another() {
    let world = World::new().await;
    let (other, third) = (crate::support::issuer().await, crate::support::issuer().await);
    for issuer in [&other, &third] {
        issuer.publish(world.issuer.key());
        issuer.use_key(&world.issuer.key());
    }
    let auth = world.builder().issuer(further(&other)).build().unwrap();
    auth.warm_up().await.unwrap();
    for (issuer, is_known) in [(&world.issuer, true), (&other, true), (&third, false)] {
        let verdict = at_once(&auth, &outliving(token_of(&world, issuer)));
        match verdict {
            Ok(claims) => assert!(is_known && claims.iss == issuer.url()),
            Err(error) => assert!(!is_known && error == AuthError::InvalidToken),
        }
    }
    assert_eq!(third.requests(Endpoint::Jwks), 0);
}

/// A builder whose resolver knows these addresses, as they are.
fn resolving(world: &World, change: impl Fn(Issuer) -> Issuer + Send + Sync + 'static) -> RampartAuthBuilder {
    let audience = world.issuer.audience().to_owned();
    let builder = RampartAuth::builder_of(move |iss: &str| Some(change(Issuer::new(iss, &*audience))));
    builder.clock(world.time.clock()).__apart_from_others()
}

/// A machine of this many names that takes connections and says nothing.
async fn silent() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            held.push(connection);
        }
    });
    (port, connections)
}

#[tokio::test]
async fn is21_new_issuers_are_asked_two_of_a_host_and_32_in_all_at_once() {
    let world = World::new().await;
    let (port, connections) = silent().await;
    let auth = resolving(&world, |issuer| issuer.allow_private_addresses(true)).build().unwrap();
    let ask =
        |iss: String| Request::waiting(&auth, &outliving(world.issuer.token().at(world.time.unix()).issuer(&iss)));
    let mut waiting: Vec<_> = (0..10).map(|path| ask(format!("http://127.0.2.1:{port}/{path}"))).collect();
    for _ in 0..100 {
        breathe().await;
    }
    until("those of one host", || connections.load(Ordering::Relaxed) == 2).await;
    waiting.extend((1..=60).map(|host| ask(format!("http://127.0.3.{host}:{port}"))));
    until("those of all", || connections.load(Ordering::Relaxed) == 32).await;
    for _ in 0..100 {
        breathe().await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 32);
    // Whoever gives up waiting frees no place and takes none with him.
    drop(waiting.split_off(40));
    world.time.pass(Duration::from_secs(6)).await;
    for request in waiting {
        let error = request.verdict().await.unwrap_err();
        assert!(error.status() == 503 || error == AuthError::InvalidToken, "{error}");
    }
    // All places are free again.
    let before = connections.load(Ordering::Relaxed);
    let _next: Vec<_> = (101..=140).map(|host| ask(format!("http://127.0.4.{host}:{port}"))).collect();
    until("the next", || connections.load(Ordering::Relaxed) == before + 32).await;
}

#[tokio::test]
async fn is40_issuer_that_has_found_no_place_is_asked_as_soon_as_there_is_one_and_a_known_one_needs_none() {
    let world = World::new().await;
    let (known, honest) = (crate::support::issuer().await, crate::support::issuer().await);
    let (port, connections) = silent().await;
    let auth = resolving(&world, |issuer| issuer.allow_private_addresses(true)).build().unwrap();
    let token = outliving(token_of(&world, &known).audience(world.issuer.audience()));
    assert_eq!(auth.verify(&token).await.unwrap().iss, known.url());
    // Both places of this host are taken.
    let ask =
        |path| outliving(world.issuer.token().at(world.time.unix()).issuer(&format!("http://127.0.0.1:{port}/{path}")));
    let held: Vec<_> = (0..2).map(|path| Request::waiting(&auth, &ask(path))).collect();
    until("the places", || connections.load(Ordering::Relaxed) == 2).await;
    let newcomer = outliving(token_of(&world, &honest).audience(world.issuer.audience()));
    let waits = Request::waiting(&auth, &newcomer);
    // Of another host, it has a place at once.
    let elsewhere = world.issuer.url().replace("127.0.0.1", "localhost");
    let of_another_host = outliving(world.issuer.token().at(world.time.unix()).issuer(&elsewhere));
    assert_eq!(auth.verify(&of_another_host).await.unwrap().iss, elsewhere);
    // The known one refreshes meanwhile.
    auth.forget_issuer("https://nobody.example").unwrap();
    assert_eq!(known.requests(Endpoint::Jwks), 1);
    world.time.pass(Duration::from_secs(6)).await;
    unavailable(waits.verdict().await);
    assert_eq!(honest.requests(Endpoint::Jwks), 0, "for lack of a place");
    for request in held {
        unavailable(request.verdict().await);
    }
    // That was no failure of its: there is no back-off.
    assert_eq!(auth.verify(&newcomer).await.unwrap().iss, honest.url());

    let again =
        resolving(&world, |issuer| issuer.allow_private_addresses(true).jwks_cache_ttl(Duration::from_secs(600)))
            .issuers_expire_after(Duration::from_secs(100_000))
            .build()
            .unwrap();
    assert!(again.verify(&token).await.is_ok());
    let asked = known.requests(Endpoint::Jwks);
    world.time.pass(DUE).await;
    let _held: Vec<_> = (10..12).map(|path| Request::waiting(&again, &ask(path))).collect();
    until("the places", || connections.load(Ordering::Relaxed) >= 4).await;
    at_once(&again, &token).unwrap();
    until("the refresh of a known one", || known.requests(Endpoint::Jwks) == asked + 1).await;
}

/// Whoever has a server that fails can have as many such tokens as he likes.
#[tokio::test]
async fn is21_issuer_of_which_no_token_was_ever_good_is_no_outage() {
    let world = World::new().await;
    world.issuer.inject(Endpoint::Jwks, Fault::status(500));
    let token = world.token();
    let resolved = resolving(&world, |issuer| issuer.allow_private_addresses(true)).build().unwrap();
    let verdicts = verdicts(crowd(&resolved, &token, 100)).await;
    let unavailable = verdicts.iter().filter(|verdict| verdict.as_ref().unwrap_err().status() == 503).count();
    assert_eq!(unavailable, 10);
    assert_eq!(verdicts.iter().filter(|verdict| matches!(verdict, Err(AuthError::InvalidToken))).count(), 90);
    // Of one that the settings name it is.
    let fixed = world.cold();
    for _ in 0..100 {
        crate::support::unavailable(fixed.verify(&token).await);
    }
    // And of one that is known.
    world.issuer.clear_faults();
    world.time.pass(Duration::from_secs(120)).await;
    let token = world.token();
    assert!(resolved.verify(&token).await.is_ok());
}

/// The addresses of this machine and its network, however they are written: nothing is even connected to.
#[tokio::test]
async fn is41_no_spelling_of_a_private_address_is_connected_to() {
    let world = World::new().await;
    let (port, connections) = silent().await;
    let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let auth = resolving(&world, |issuer| issuer.allow_http(true))
        // A user's own word for names does not count.
        .http_client(move |client| client.dns_resolver(Arc::new(EverythingIsHere)))
        .on_event(move |event| {
            if let Event::KeyFetchFailed { error, .. } = event {
                heard.lock().push((*error).to_owned());
            }
        })
        .build()
        .unwrap();
    let hosts = [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "0.0.0.0",
        "0",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
        "[::127.0.0.1]",
        "[::10.0.0.1]",
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "240.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "any.name.invalid",
    ];
    for host in hosts {
        let iss = format!("http://{host}:{port}");
        let token = outliving(world.issuer.token().at(world.time.unix()).issuer(&iss));
        let error = auth.verify(&token).await.unwrap_err();
        assert!(error.status() == 503 || error == AuthError::InvalidToken, "{host}: {error}");
        let why = told.lock().pop().unwrap_or_else(|| panic!("{host}: no fetch was refused"));
        let address = why.contains("its address is not a public one");
        // A name may lead nowhere at all on this machine.
        let is_name = host.to_lowercase().contains("localhost") || host.ends_with(".invalid");
        let name = why.contains("its name leads to no public address") || why.contains("the connection failed");
        assert!(if is_name { name } else { address }, "{host}: {why}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

struct EverythingIsHere;

impl reqwest::dns::Resolve for EverythingIsHere {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let here: reqwest::dns::Addrs = Box::new(std::iter::once(SocketAddr::from(([127, 0, 0, 1], 0))));
        Box::pin(std::future::ready(Ok(here)))
    }
}

/// Its own name may lead anywhere: the operator has named it. That of the issuer may not, where no proxy is used for it.
#[tokio::test]
async fn is41_proxy_is_used_by_permission_alone_and_may_stand_in_a_private_network() {
    let world = World::new().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, keys) = (listener.local_addr().unwrap().port(), world.issuer.jwks_json());
    let asked = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = connection.read(&mut request).await.unwrap();
            let line = String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            heard.lock().push(line);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{keys}", keys.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let iss = "http://tenant.example";
    let token = outliving(world.issuer.token().at(world.time.unix()).issuer(iss));
    let by_proxy = |allow: bool| {
        let proxy = reqwest::Proxy::all(format!("http://localhost:{port}")).unwrap();
        let builder = resolving(&world, move |issuer| issuer.allow_http(true).allow_proxy(allow));
        builder.http_client(move |client| client.proxy(proxy.clone())).build().unwrap()
    };
    unavailable(by_proxy(false).verify(&token).await);
    assert!(asked.lock().is_empty());
    assert_eq!(by_proxy(true).verify(&token).await.unwrap().iss, iss);
    assert_eq!(*asked.lock(), ["GET http://tenant.example/.well-known/jwks.json HTTP/1.1"]);

    // Of a proxy that is not for this host, nothing is left but its name.
    let direct = resolving(&world, |issuer| issuer.allow_http(true).allow_proxy(true)).build().unwrap();
    let here = world.issuer.url().replace("127.0.0.1", "localhost");
    let before = world.fetches();
    unavailable(direct.verify(&outliving(world.issuer.token().at(world.time.unix()).issuer(&here))).await);
    assert_eq!(world.fetches(), before);
}

/// A tenant that publishes metadata names its own keys, not another's, and no redirect is followed.
#[tokio::test]
async fn is26_metadata_of_a_resolved_issuer_leads_nowhere_else() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let (a, b) = (world.issuer.url().to_owned(), other.jwks_url());
    let token = world.token();
    let with = |jwks_uri: &str| serde_json::json!({"issuer": a, "jwks_uri": jwks_uri}).to_string();
    for body in [
        with(&b),
        with("http://169.254.169.254/keys"),
        with("http://a.example/keys"),
        with("file:///etc/passwd"),
        with(&world.issuer.jwks_url().replace("http://", "http://user@")),
    ] {
        world.issuer.set_discovery_body(Some(body.clone()));
        let auth = resolving(&world, |issuer| issuer.allow_private_addresses(true).discovery()).build().unwrap();
        unavailable(auth.verify(&token).await);
        assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (0, 0), "{body}");
    }
    // By the operator's own word it may be elsewhere.
    world.issuer.set_discovery_body(None);
    other.publish(world.issuer.key());
    let auth = resolving(&world, move |issuer| issuer.allow_private_addresses(true).jwks_url(&*b)).build().unwrap();
    assert!(auth.verify(&token).await.is_ok());
    assert_eq!((world.fetches(), other.requests(Endpoint::Jwks)), (0, 1));
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        world.issuer.clear_faults();
        world.issuer.inject(endpoint, Fault::redirect(302, &other.jwks_url()));
        let auth = resolving(&world, |issuer| issuer.allow_private_addresses(true).discovery()).build().unwrap();
        unavailable(auth.verify(&token).await);
        assert_eq!(other.requests(Endpoint::Jwks), 1);
    }
}

#[tokio::test]
async fn is25_metadata_that_names_another_issuer_is_not_used() {
    let world = World::new().await;
    let other = crate::support::issuer().await;
    let (a, keys) = (world.issuer.url().to_owned(), world.issuer.jwks_url());
    let auth = world.builder().discovery().issuer(further(&other)).build().unwrap();
    let bodies = [
        serde_json::json!({"issuer": other.url(), "jwks_uri": keys}).to_string(),
        serde_json::json!({"issuer": format!("{a}/"), "jwks_uri": keys}).to_string(),
        serde_json::json!({"jwks_uri": keys}).to_string(),
        serde_json::json!({"issuer": [a], "jwks_uri": keys}).to_string(),
        format!(r#"{{"issuer":"{a}","issuer":"{a}","jwks_uri":"{keys}"}}"#),
    ];
    for body in &bodies {
        world.issuer.set_discovery_body(Some(body.clone()));
        world.time.pass(Duration::from_secs(70)).await;
        unavailable(auth.verify(&world.token()).await);
        assert_eq!(world.fetches(), 0, "{body}");
    }
    world.issuer.set_discovery_body(None);
    world.time.pass(Duration::from_secs(70)).await;
    assert!(auth.verify(&world.token()).await.is_ok());
    // The old keys serve.
    for body in &bodies {
        world.issuer.set_discovery_body(Some(body.clone()));
        assert!(auth.refresh_keys().await.is_err());
        at_once(&auth, &world.token()).unwrap();
    }
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
