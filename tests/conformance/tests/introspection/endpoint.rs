//! An endpoint that refuses us, fails, or is somebody else's: IN16, IN17, IN31.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rampart_client::RampartClient;
use rampart_conformance::case::App;
use rampart_conformance::introspection::{CLIENT, SECRET};
use rampart_conformance::wire::at_once;
use rampart_core::Introspection;
use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use serde_json::json;

use crate::{Ground, World, as_it_is, is_good, is_invalid, is_unavailable, request};

fn asking_by(ground: &Ground, client: impl FnOnce(&LocalIssuer) -> RampartClient) -> World {
    ground.world_of(App::Opaque, client, |builder, client| builder.introspection(Introspection::of(client)))
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::Respond { status, headers, body: body.into() }
}

const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) fn in16_refused_credentials_are_the_operators_fault_and_pause_for_all(ground: &Ground) {
    let refusals = [
        Some(answer(401, &[("www-authenticate", r#"Basic realm="oauth""#)], "")),
        Some(answer(400, &[JSON], r#"{"error":"invalid_client"}"#)),
        // It really knows them not.
        None,
    ];
    for refusal in refusals {
        let world = match &refusal {
            Some(_) => ground.world(as_it_is),
            None => asking_by(ground, |issuer| {
                RampartClient::builder(issuer.url(), CLIENT, "wrong-secret").build().unwrap()
            }),
        };
        let [token, other] = [(); 2].map(|()| world.token().issue());
        if let Some(fault) = &refusal {
            world.issuer.inject_times(Endpoint::Introspection, fault, 1);
        }
        is_unavailable(&world.ask(&token), 30..=30);
        is_unavailable(&world.ask(&other), 25..=30);
        assert_eq!(world.questions(), 1, "it is left alone for all tokens");
        let failures = world.failures(1);
        assert_eq!(failures.len(), 1, "{failures:?}");
        let failure = &failures[0];
        assert!(failure.is_fault && failure.pause == Some(30), "{failure:?}");
        let remedy = "check the client ID and its secret or key";
        assert!(
            failure.error.contains(remedy) && failure.error.contains(&world.issuer.introspection_url()),
            "{failure:?}"
        );
        assert!(!failure.error.contains(&token) && !failure.error.contains("secret-"), "{failure:?}");
    }
}

pub(crate) fn in16_answer_that_is_none_concerns_its_token_alone(ground: &Ground) {
    for fault in [
        Fault::status(403),
        answer(400, &[JSON], r#"{"error":"invalid_request"}"#),
        Fault::status(413),
        Fault::status(500),
        Fault::html("<html>Request blocked</html>"),
    ] {
        let world = ground.world(as_it_is);
        let blocked = world.token().text("../../etc/passwd").issue();
        world.issuer.inject_for(&blocked, fault.clone());
        is_unavailable(&world.ask(&blocked), 1..=5);
        is_good(&world.ask(&world.token().issue()));
        is_invalid(&world.ask("nobody-knows-this-token"));
        is_unavailable(&world.ask(&blocked), 1..=5);
        assert_eq!(world.questions(), 3, "and it is not asked about again at once: {fault:?}");
        let failures = world.failures(1);
        assert!(failures.len() == 1 && !failures[0].is_fault && failures[0].pause.is_none(), "{failures:?}");
        assert!(!failures[0].error.contains(&blocked), "{failures:?}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Who would be let in by it.
fn active(world: &World) -> String {
    json!({"active": true, "sub": "ada", "aud": world.issuer.audience(), "token_type": "Bearer"}).to_string()
}

pub(crate) fn in17_endpoint_that_fails_lets_nobody_in(ground: &Ground) {
    let world = ground.world(as_it_is);
    let good = active(&world);
    let zipped = ("content-encoding", "gzip");
    let nested = format!(r#"{{"x":{}1{},{}"#, "[".repeat(100), "]".repeat(100), good.strip_prefix('{').unwrap());
    let padded = format!("{good}{}", " ".repeat(10 << 20));
    let faults = [
        (Fault::status(500), 1..=5),
        (Fault::retry_after(429, "7"), 7..=7),
        (Fault::retry_after(503, "99999999"), 60..=300),
        (Fault::status(502), 1..=5),
        (Fault::status(504), 1..=5),
        (Fault::status(204), 1..=5),
        (answer(201, &[JSON], good.clone()), 1..=5),
        (answer(404, &[JSON], good.clone()), 1..=5),
        (Fault::html(good.clone()), 1..=5),
        (answer(200, &[], good.clone()), 1..=5),
        (answer(200, &[("content-type", "text/plain")], good.clone()), 1..=5),
        (answer(200, &[JSON], padded), 1..=5),
        (answer(200, &[JSON, zipped], gzip(good.as_bytes())), 1..=5),
        (answer(200, &[JSON, zipped], gzip(&vec![b' '; 10 << 20])), 1..=5),
        (Fault::ContentEncoding("br".into()), 1..=5),
        (Fault::Oversize(10 << 20), 1..=5),
        (Fault::Endless, 1..=5),
        (Fault::Garbage, 1..=5),
        (Fault::Reset, 1..=5),
        (Fault::CloseEarly, 1..=5),
        (Fault::ShortBody, 1..=5),
        (Fault::HugeContentLength, 1..=5),
        (Fault::json(200, good.replace(r#""sub":"#, r#""sub":"eve","sub":"#)), 1..=5),
        (Fault::json(200, nested), 1..=5),
        (Fault::json(200, good.as_bytes()[..good.len() - 1].to_vec()), 1..=5),
    ];
    // No more than strangers may bring about in a second.
    for faults in faults.chunks(10) {
        let world = ground.world(as_it_is);
        for (fault, retry_after) in faults {
            let token = world.token().issue();
            world.issuer.inject_for(&token, fault.clone());
            is_unavailable(&world.ask(&token), retry_after.clone());
        }
        // Whatever has failed, nobody else is concerned.
        is_good(&world.ask(&world.token().issue()));
        let failures = world.failures(faults.len());
        assert_eq!(failures.len(), faults.len(), "{failures:?}");
        assert!(failures.iter().all(|failure| !failure.is_fault && failure.pause.is_none()), "{failures:?}");
    }
    // The control: it would pass.
    let token = world.token().issue();
    world.issuer.inject_for(&token, Fault::json(200, good));
    assert_eq!(world.ask(&token).body, "ada roles= scope=");
}

/// Some seconds of real time: as long as the issuer is waited for.
pub(crate) fn in17_endpoint_that_is_slow_lets_nobody_in(ground: &Ground) {
    let world = ground.world(as_it_is);
    let slow = [
        Fault::Hang,
        Fault::HeadersThenHang,
        Fault::Drip(Duration::from_secs(1)),
        Fault::Delay(Duration::from_secs(20)),
    ];
    let requests = slow.map(|fault| {
        let token = world.token().issue();
        world.issuer.inject_for(&token, fault);
        request("/protected", &token)
    });
    let started = Instant::now();
    for reply in at_once(world.address, &requests, 1) {
        is_unavailable(&reply, 1..=5);
    }
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    is_good(&world.ask(&world.token().issue()));
}

pub(crate) fn in17_endpoint_that_is_not_there_lets_nobody_in(ground: &Ground) {
    let world = ground.world(as_it_is);
    // The client has found the endpoint.
    is_good(&world.ask(&world.token().issue()));
    let token = world.token().issue();
    world.issuer.stop();
    is_unavailable(&world.ask(&token), 1..=5);
    let other = world.token().issue();
    world.issuer.restart().unwrap();
    is_good(&world.ask(&other));

    let by_tls = asking_by(ground, |issuer| {
        let url = issuer.introspection_url().replacen("http://", "https://", 1);
        RampartClient::builder(issuer.url(), CLIENT, SECRET).introspection_url(url).build().unwrap()
    });
    is_unavailable(&by_tls.ask(&by_tls.token().issue()), 1..=5);
    assert_eq!(by_tls.questions(), 0, "nor is it asked over http instead");
}

pub(crate) fn in17_redirect_is_not_followed(ground: &Ground) {
    let trap = Trap::set();
    let world = ground.world(as_it_is);
    for status in [301, 302, 303, 307, 308] {
        let token = world.token().issue();
        world.issuer.inject_for(&token, Fault::redirect(status, &trap.url));
        is_unavailable(&world.ask(&token), 1..=5);
        // Nor to the same origin, where it would be answered.
        let token = world.token().issue();
        let within = Fault::redirect(status, &world.issuer.introspection_url());
        world.issuer.inject_times(Endpoint::Introspection, &within, 1);
        is_unavailable(&world.ask(&token), 1..=5);
    }
    trap.has_seen_nothing();
    assert_eq!(world.questions(), 10);
    is_good(&world.ask(&world.token().issue()));
}

/// Somebody who listens.
struct Trap {
    listener: TcpListener,
    url: String,
}

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/introspect", listener.local_addr().unwrap());
        Self { listener, url }
    }

    fn has_seen_nothing(&self) {
        // Who connects does so before the request is answered.
        assert_eq!(self.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

pub(crate) fn in31_endpoint_on_another_origin_is_named_and_sees_nothing(ground: &Ground) {
    let trap = Trap::set();
    // The same host and port by another name is another origin.
    for name in [None, Some("localhost")] {
        let world = ground.world(as_it_is);
        let url = name.map_or(trap.url.clone(), |name| world.issuer.introspection_url().replacen("127.0.0.1", name, 1));
        let metadata = json!({
            "issuer": world.issuer.url(), "jwks_uri": world.issuer.jwks_url(), "token_endpoint": world.issuer.token_url(),
            "introspection_endpoint": url,
        });
        world.issuer.set_discovery_body(Some(metadata.to_string()));
        is_unavailable(&world.ask(&world.token().issue()), 30..=30);
        let failures = world.failures(1);
        assert!(failures.len() == 1 && failures[0].is_fault && failures[0].pause == Some(30), "{failures:?}");
        assert!(failures[0].error.contains(&url) && failures[0].error.contains("on another origin"), "{failures:?}");
        assert_eq!(world.questions(), 0);
    }
    trap.has_seen_nothing();
}
