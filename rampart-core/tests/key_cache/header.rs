//! Headers of the application's own on fetches: to whom they go, when their values are asked for, and what happens where there are none.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::Mutex;
use rampart_core::{Grants, Issuer, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Endpoint, Fault, LocalIssuer};

use crate::log;
use crate::support::{
    DUE, Request, TICK, World, at_once, failed, outliving, quiet, renewed, seconds, unavailable, until,
};

const SECRET: &str = "Bearer hunter2";

/// What each request for this had in its header `authorization`.
fn seen(issuer: &LocalIssuer, endpoint: Endpoint) -> Vec<Option<String>> {
    let header = |request: &rampart_issuer::RecordedRequest| request.header("authorization").map(str::to_owned);
    issuer.recorded(endpoint).iter().map(header).collect()
}

fn with_secret(builder: RampartAuthBuilder) -> RampartAuthBuilder {
    builder.fetch_header("authorization", || Ok(SECRET.to_owned()))
}

#[tokio::test]
async fn is30_header_goes_with_requests_for_keys_and_metadata_to_the_issuers_own_origin() {
    let world = World::new().await;
    let own = Some(SECRET.to_owned());
    for builder in [world.builder(), world.builder().discovery(), world.builder().jwks_url(world.issuer.jwks_url())] {
        let auth = with_secret(builder).build().unwrap();
        auth.verify(&world.token()).await.unwrap();
        auth.refresh_keys().await.unwrap();
    }
    assert_eq!(seen(&world.issuer, Endpoint::Jwks), vec![own.clone(); 6]);
    assert_eq!(seen(&world.issuer, Endpoint::Discovery), vec![own; 2]);
    // And with nobody else's.
    world.warm().await;
    assert_eq!(seen(&world.issuer, Endpoint::Jwks).pop(), Some(None));
}

#[tokio::test]
async fn is30_header_goes_to_no_other_issuer_and_no_other_origin_and_not_into_the_log() {
    let world = World::new().await;
    let (other, elsewhere) = (crate::support::issuer().await, crate::support::issuer().await);
    elsewhere.publish(world.issuer.key());
    let metadata = serde_json::json!({"issuer": world.issuer.url(), "jwks_uri": elsewhere.jwks_url()});
    world.issuer.set_discovery_body(Some(metadata.to_string()));
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let further = Issuer::new(other.url(), other.audience()).grants(Grants::everything());
    let builder = with_secret(world.builder().discovery())
        .issuer(further)
        .on_event(move |event| heard.lock().push(format!("{event:?}")));
    log::clear();
    let mut shown = vec![format!("{builder:?}")];
    assert!(shown[0].contains("authorization"), "{}", shown[0]);
    let auth = builder.build().unwrap();
    shown.push(format!("{auth:?}"));
    auth.verify(&world.token()).await.unwrap();
    auth.verify(&outliving(other.token().at(world.time.unix()))).await.unwrap();
    // A key that is looked for, a refresh that fails, and a redirect to somebody else.
    assert!(auth.verify(&world.token_of_nobody("k")).await.is_err());
    for fault in [Fault::status(401), Fault::redirect(307, &other.jwks_url())] {
        for (issuer, endpoint) in [(&elsewhere, Endpoint::Jwks), (&world.issuer, Endpoint::Discovery)] {
            issuer.inject(endpoint, fault.clone());
            shown.push(format!("{:?}", auth.refresh_keys().await.unwrap_err()));
            shown.push(format!("{:?}", auth.health()));
            issuer.clear_faults();
        }
    }
    let (asked, of_elsewhere) = (seen(&world.issuer, Endpoint::Discovery), seen(&elsewhere, Endpoint::Jwks));
    assert!(asked.len() > 3 && asked.iter().all(|seen| seen.as_deref() == Some(SECRET)), "{asked:?}");
    assert!(of_elsewhere.len() > 2 && of_elsewhere.iter().all(Option::is_none), "{of_elsewhere:?}");
    // Its own fetch and its four refreshes: nobody was led there.
    assert_eq!(seen(&other, Endpoint::Jwks), vec![None; 5]);
    shown.extend(log::take().into_iter().map(|record| record.text));
    shown.append(&mut told.lock());
    let shown = shown.join("\n");
    assert!(shown.contains("could not be fetched") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn address_that_wants_to_know_who_asks_is_told_with_what_to_do() {
    let world = World::new().await;
    let elsewhere = crate::support::issuer().await;
    let metadata = serde_json::json!({"issuer": world.issuer.url(), "jwks_uri": elsewhere.jwks_url()});
    world.issuer.set_discovery_body(Some(metadata.to_string()));
    for status in [401, 403] {
        elsewhere.inject(Endpoint::Jwks, Fault::status(status));
        world.issuer.inject(Endpoint::Jwks, Fault::status(status));
        let why = |builder: RampartAuthBuilder| async {
            let auth = builder.build().unwrap();
            unavailable(auth.warm_up().await);
            auth.health().last_error.unwrap()
        };
        let without = why(world.builder()).await;
        assert!(
            without.contains(&status.to_string()) && without.contains("send a token with fetch_header(..)"),
            "{without}"
        );
        let refused = why(with_secret(world.builder())).await;
        assert!(refused.ends_with(&format!("status {status}")), "{refused}");
        let not_sent = why(with_secret(world.builder().discovery())).await;
        assert!(not_sent.contains("were not sent to this origin") && not_sent.contains("jwks_url(..)"), "{not_sent}");
    }
}

#[tokio::test]
async fn value_is_asked_for_once_at_each_fetch() {
    let world = World::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let number = move || Ok(format!("Bearer {}", count.fetch_add(1, Ordering::Relaxed)));
    let auth = world.builder().discovery().fetch_header("Authorization", number);
    let auth = auth.fetch_header("x-tenant", || Ok("ours".to_owned())).build().unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nothing is fetched yet");
    auth.verify(&world.token()).await.unwrap();
    world.time.pass(DUE).await;
    at_once(&auth, &world.token()).unwrap();
    renewed(&auth).await;
    at_once(&auth, &world.token()).unwrap();
    let expected = ["Bearer 0", "Bearer 1"].map(|value| Some(value.to_owned()));
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        assert_eq!(seen(&world.issuer, endpoint), expected);
        let requests = world.issuer.recorded(endpoint);
        assert!(requests.iter().all(|request| request.header("x-tenant") == Some("ours")));
    }
}

/// A value that cannot be had.
type Without = fn() -> io::Result<String>;

#[tokio::test]
async fn is30_fetch_without_its_header_has_failed_before_anybody_is_asked() {
    let cases: [(Without, &str); 8] = [
        (
            || Err(io::Error::new(io::ErrorKind::NotFound, "no file /run/token\nforged line")),
            "no file /run/token forged line",
        ),
        (|| Err(io::Error::other("long".repeat(1000))), "longlong"),
        (|| panic!("as the test wants it"), "for the header authorization has panicked"),
        (|| Ok(String::new()), "is empty"),
        (|| Ok("Bearer ".to_owned()), "white space"),
        (|| Ok("Bearer hunter2\n".to_owned()), "white space"),
        (|| Ok("Bearer hunter2\r\nx-forged: 1".to_owned()), "cannot stand in a header"),
        (|| Ok("Bearer hunt\u{e9}r2".to_owned()), "cannot stand in a header"),
    ];
    let mut world = World::new().await;
    for (value, expected) in cases {
        world.issuer = crate::support::issuer().await;
        let (can, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (is_fine, count) = (Arc::clone(&can), Arc::clone(&asked));
        let header = move || {
            count.fetch_add(1, Ordering::Relaxed);
            if is_fine.load(Ordering::Relaxed) == 1 { Ok(SECRET.to_owned()) } else { value() }
        };
        let auth = world.builder().fetch_header("authorization", header).build().unwrap();
        log::clear();
        unavailable(auth.verify(&world.token()).await);
        let why = auth.health().last_error.unwrap();
        assert!(why.contains("fetch_header(..)") && why.contains(expected), "{why}");
        let lines: Vec<_> =
            log::take().into_iter().filter(|record| record.text.contains("could not be fetched")).collect();
        assert!(lines.len() == 1 && lines[0].text.contains(expected) && lines[0].text.len() < 500, "{lines:?}");
        assert!(!lines[0].text.contains(log::misleads) && !lines[0].text.contains("hunt"), "{lines:?}");
        // In back-off nobody is asked, the closure neither.
        unavailable(at_once(&auth, &world.token()));
        assert_eq!((world.fetches(), asked.load(Ordering::Relaxed)), (0, 1));

        can.store(1, Ordering::Relaxed);
        world.time.pass(seconds(60)).await;
        auth.verify(&world.token()).await.unwrap();
        assert_eq!(seen(&world.issuer, Endpoint::Jwks), [Some(SECRET.to_owned())]);
        // The keys at hand serve on.
        can.store(0, Ordering::Relaxed);
        world.time.pass(DUE).await;
        at_once(&auth, &world.token()).unwrap();
        failed(&auth, expected).await;
        world.time.pass(DUE).await;
        auth.verify(&world.token()).await.unwrap();
        assert_eq!(world.fetches(), 1);
    }
}

#[tokio::test]
async fn closure_that_hangs_is_given_up_in_time_and_holds_one_thread() {
    let world = World::new().await;
    let (go_on, waits) = mpsc::channel::<()>();
    let (waits, asked) = (Mutex::new(waits), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let header = move || {
        count.fetch_add(1, Ordering::Relaxed);
        let _ = waits.lock().recv();
        Ok(SECRET.to_owned())
    };
    let auth = world.builder().fetch_header("authorization", header).build().unwrap();
    for _ in 0..3 {
        let request = Request::waiting(&auth, &world.token());
        until("the closure", || asked.load(Ordering::Relaxed) == 1).await;
        quiet().await;
        world.time.pass(seconds(5) + TICK).await;
        unavailable(request.verdict().await);
        failed(&auth, "fetch_header(..) has given no value within 5 s").await;
        world.time.pass(seconds(60)).await;
    }
    assert_eq!((asked.load(Ordering::Relaxed), world.fetches()), (1, 0));
    drop(go_on);
    auth.verify(&world.token()).await.unwrap();
    assert_eq!((asked.load(Ordering::Relaxed), world.fetches()), (2, 1));
}

#[test]
fn header_that_is_not_the_applications_to_set_is_refused() {
    let build = |name: &str| {
        let builder = RampartAuth::builder("https://auth.example.com", "my-api");
        builder.fetch_header(name, || Ok("value".to_owned())).build().map(drop)
    };
    for name in ["authorization", "Authorization", "X-Api-Key", "cookie", "user-agent"] {
        build(name).unwrap();
    }
    let refused = [
        ("", "is no name of a header"),
        ("author ization", "is no name of a header"),
        ("authorization:", "is no name of a header"),
        ("authorization\r\nx", "is no name of a header"),
        ("Host", "belongs to the HTTP client"),
        ("Content-Length", "belongs to the HTTP client"),
        ("transfer-encoding", "belongs to the HTTP client"),
        ("connection", "belongs to the HTTP client"),
        ("keep-alive", "belongs to the HTTP client"),
        ("te", "belongs to the HTTP client"),
        ("upgrade", "belongs to the HTTP client"),
        ("proxy-authorization", "http_client(..)"),
        ("accept", "set by this library"),
        ("accept-encoding", "set by this library"),
        ("cache-control", "set by this library"),
        ("if-none-match", "set by this library"),
        ("range", "set by this library"),
    ];
    for (name, expected) in refused {
        let error = build(name).unwrap_err();
        assert!(error.field() == "fetch_header" && error.to_string().contains(expected), "{name}: {error}");
    }
    let twice = RampartAuth::builder("https://auth.example.com", "my-api")
        .fetch_header("x-a", || Ok("1".to_owned()))
        .fetch_header("X-A", || Ok("2".to_owned()));
    assert!(twice.build().unwrap_err().to_string().contains("gives x-a twice"));
    let fixed = RampartAuth::builder("https://auth.example.com", "my-api").static_jwks(r#"{"keys":[]}"#);
    let error = with_secret(fixed).build().unwrap_err();
    assert!(error.field() == "fetch_header" && error.to_string().contains("static_jwks"), "{error}");
}

/// A closure cannot be compared; the same one is the same.
#[tokio::test]
async fn issuer_that_a_resolver_has_made_once_keeps_its_keys_and_another_closure_begins_anew() {
    let world = World::new().await;
    let describe = |value: &'static str| {
        let issuer = Issuer::new(world.issuer.url(), world.issuer.audience()).allow_private_addresses(true);
        issuer.fetch_header("authorization", move || Ok(value.to_owned()))
    };
    let current = Arc::new(Mutex::new(describe("Bearer 1")));
    let issuer = Arc::clone(&current);
    let auth = RampartAuth::builder_of(move |_: &str| Some(issuer.lock().clone()));
    let auth = auth.clock(world.time.clock()).__apart_from_others().build().unwrap();
    let token = world.token();
    auth.verify(&token).await.unwrap();
    for _ in 0..3 {
        world.time.pass(Duration::from_secs(61)).await;
        at_once(&auth, &token).unwrap();
    }
    assert_eq!(seen(&world.issuer, Endpoint::Jwks), [Some("Bearer 1".to_owned())]);
    *current.lock() = describe("Bearer 2");
    world.time.pass(Duration::from_secs(61)).await;
    auth.verify(&token).await.unwrap();
    assert_eq!(seen(&world.issuer, Endpoint::Jwks).pop(), Some(Some("Bearer 2".to_owned())));
}
