//! One fetch of the key set: what a faulty or hostile endpoint can do, and the limits that hold all the same.

use std::time::Duration;

use crate::support::{
    ByHand, DUE, Request, TICK, World, at_once, failed, is_state, quiet, renewed, seconds, unavailable, until,
};
use rampart_core::JwksState;
use rampart_issuer::{Endpoint, Fault};
use serde_json::json;

const MAX_BODY: usize = 512 * 1024;

/// What every failed fetch means: 503 for a cold set, nothing at all for a warm one.
async fn fails(world: &World, fault: Fault, why: &str) {
    let token = world.token();
    world.issuer.clear_faults();
    // No validators: with a 304 there would be no body to go wrong.
    world.issuer.use_etags(false);
    let warm = world.warm().await;
    let cold = world.cold();
    world.issuer.inject(Endpoint::Jwks, fault.clone());

    unavailable(cold.verify(&token).await);
    let health = cold.health();
    let error = health.last_error.unwrap_or_default();
    assert!(error.contains(why), "{fault:?} failed for another reason: {error}");
    assert_eq!((health.state, health.age, health.keys), (JwksState::Cold, None, 0), "{fault:?}");

    world.time.pass(DUE).await;
    at_once(&warm, &token).unwrap();
    failed(&warm, why).await;
    at_once(&warm, &token).unwrap();
    let health = warm.health();
    assert_eq!((health.state, health.age, health.keys), (JwksState::Fresh, Some(DUE), 1), "{fault:?}");
}

/// S01.
#[tokio::test]
async fn every_status_but_200_is_a_failure() {
    let world = World::new().await;
    for status in [201, 202, 203, 204, 206, 300, 304, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504] {
        let answer = Fault::Respond { status, headers: Vec::new(), body: world.issuer.jwks_json().into_bytes() };
        let answer = if matches!(status, 204 | 304) { Fault::status(status) } else { answer };
        fails(&world, answer, &format!("status {status}")).await;
    }
}

/// S04.
#[tokio::test]
async fn redirects_are_not_followed() {
    let (world, target) = (World::new().await, ByHand::start().await);
    let itself = world.issuer.jwks_url();
    for status in [301, 302, 303, 307, 308] {
        let https = target.url().replace("http://", "https://");
        for location in [target.url(), &https, &itself, "http://169.254.169.254/", "file:///etc/passwd", "//[", ""] {
            fails(&world, Fault::redirect(status, location), &format!("status {status}")).await;
        }
    }
    target.is_left_alone().await;
}

/// S03, S05.
#[tokio::test]
async fn bodies_beyond_the_limit_are_not_read() {
    let world = World::new().await;
    for fault in [Fault::Oversize(MAX_BODY + 1), Fault::Oversize(10 * 1024 * 1024), Fault::Endless] {
        fails(&world, fault, "longer than 524288 bytes").await;
    }
}

/// S05, S29.
#[tokio::test]
async fn body_of_exactly_the_limit_is_read() {
    let world = World::new().await;
    let set = world.issuer.jwks_json();
    let padded = |length: usize| format!("{set}{}", " ".repeat(length - set.len()));
    world.issuer.set_jwks_body(Some(padded(MAX_BODY)));
    world.warm().await;
    world.issuer.set_jwks_body(Some(padded(MAX_BODY + 1)));
    unavailable(world.cold().warm_up().await);
}

/// S03.
#[tokio::test]
async fn answers_that_do_not_end_are_given_up_after_five_seconds_in_all() {
    let world = World::new().await;
    let drip = Fault::Drip(Duration::from_millis(50));
    world.issuer.use_etags(false);
    for fault in [Fault::Hang, Fault::HeadersThenHang, drip] {
        world.issuer.clear_faults();
        let (warm, token) = (world.warm().await, world.token());
        world.issuer.inject(Endpoint::Jwks, fault.clone());
        let asked = world.fetches();
        world.time.pass(DUE).await;
        at_once(&warm, &token).unwrap();
        world.fetched(asked + 1).await;
        let cold = world.cold();
        let mut request = Request::waiting(&cold, &token);
        world.fetched(asked + 2).await;
        for _ in 0..5 {
            // Progress on the socket does not prolong it: the drip goes on meanwhile.
            quiet().await;
            request.still_waits();
            at_once(&warm, &token).unwrap();
            world.time.pass(seconds(1)).await;
        }
        world.time.pass(TICK).await;
        unavailable(request.verdict().await);
        failed(&cold, "within 5 s").await;
        failed(&warm, "within 5 s").await;
        at_once(&warm, &token).unwrap();
    }
}

/// S02, S05, S05b.
#[tokio::test]
async fn broken_answers_are_failures() {
    let world = World::new().await;
    for (fault, why) in [
        (Fault::Garbage, "not UTF-8"),
        (Fault::ShortBody, "connection failed"),
        (Fault::HugeContentLength, "longer than"),
        (Fault::Reset, "connection failed"),
        (Fault::CloseEarly, "connection failed"),
        (Fault::ContentEncoding("gzip".into()), "content encoding"),
        (Fault::ContentEncoding("br".into()), "content encoding"),
        (Fault::ContentEncoding("deflate".into()), "content encoding"),
        (Fault::ContentEncoding("zstd".into()), "content encoding"),
        (Fault::ContentEncoding("gzip, identity".into()), "content encoding"),
        (Fault::ContentEncoding("gzip, gzip".into()), "content encoding"),
        (Fault::ContentEncoding("x-unknown".into()), "content encoding"),
    ] {
        fails(&world, fault, why).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_are_a_failure() {
    let world = World::new().await;
    for answer in ["", "SSH-2.0-server\r\n", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}"] {
        let server = ByHand::start().await;
        let auth = world.builder().jwks_url(server.url()).build().unwrap();
        let request = Request::waiting(&auth, &world.token());
        let serving = async {
            // The fetch, and its one retry where the connection broke before an answer.
            for _ in 0..2 {
                server.request().await.send(answer).await;
            }
        };
        tokio::select! {
            verdict = request.verdict() => drop(unavailable(verdict)),
            () = serving => until("the failure", || auth.health().last_error.is_some()).await,
        }
        is_state(&auth, JwksState::Cold);
    }
}

#[tokio::test]
async fn s03_interim_answers_without_end_are_given_up_after_five_seconds() {
    let (world, server) = (World::new().await, ByHand::start().await);
    let auth = world.builder().jwks_url(server.url()).build().unwrap();
    let mut request = Request::waiting(&auth, &world.token());
    let mut held = server.request().await;
    for _ in 0..5 {
        held.more("HTTP/1.1 100 Continue\r\n\r\n").await;
        quiet().await;
        request.still_waits();
        world.time.pass(seconds(1)).await;
    }
    world.time.pass(TICK).await;
    unavailable(request.verdict().await);
    failed(&auth, "within 5 s").await;
}

#[tokio::test]
async fn s05_body_longer_than_its_content_length_is_cut_there() {
    let world = World::new().await;
    let set = world.issuer.jwks_json();
    for (length, is_good) in [(set.len() - 1, false), (1, false), (0, false), (set.len(), true)] {
        let server = ByHand::start().await;
        let auth = world.builder().jwks_url(server.url()).build().unwrap();
        let request = Request::waiting(&auth, &world.token());
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{set}{set}");
        server.request().await.send(&answer).await;
        match request.verdict().await {
            Ok(_) => assert!(is_good, "{length}"),
            verdict => {
                unavailable(verdict);
                assert!(!is_good, "{length}");
                failed(&auth, "not a JSON Web Key Set").await;
            }
        }
    }
}

#[tokio::test]
async fn s28_secrets_in_the_address_of_the_keys_are_told_to_nobody() {
    let (world, secret) = (World::new().await, "c2VjcmV0LXF1ZXJ5");
    let url = format!("{}?api_key={secret}", world.issuer.jwks_url());
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/?api_key={secret}", listener.local_addr().unwrap())
    };
    crate::log::clear();
    let mut told = Vec::new();
    for (url, fault) in
        [(&url, Fault::status(500)), (&url, Fault::Garbage), (&url, Fault::Reset), (&closed, Fault::Hang)]
    {
        world.issuer.inject(Endpoint::Jwks, fault);
        let auth = world.builder().jwks_url(url).build().unwrap();
        let error = auth.verify(&world.token()).await.unwrap_err();
        until("the failure", || auth.health().last_error.is_some()).await;
        told.push(format!("{error} {error:?} {auth:?} {:?}", auth.health()));
    }
    let logged = crate::log::take();
    assert!(!logged.is_empty());
    told.extend(logged.into_iter().map(|record| record.text));
    assert!(!told.iter().any(|text| text.contains(secret)), "{told:#?}");
}

/// S02.
#[tokio::test]
async fn https_never_falls_back_to_http() {
    let world = World::new().await;
    let auth = world.builder().jwks_url(world.issuer.jwks_url().replace("http://", "https://")).build().unwrap();
    unavailable(auth.verify(&world.token()).await);
    failed(&auth, "connection failed").await;
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn broken_connection_is_tried_once_more_at_once() {
    let world = World::new().await;
    for fault in [Fault::Reset, Fault::CloseEarly] {
        world.issuer.reset_counts();
        world.issuer.inject_times(Endpoint::Jwks, &fault, 1);
        world.cold().verify(&world.token()).await.unwrap();
        assert_eq!(world.fetches(), 2, "{fault:?} once");

        world.issuer.reset_counts();
        world.issuer.inject(Endpoint::Jwks, fault.clone());
        unavailable(world.cold().verify(&world.token()).await);
        quiet().await;
        assert_eq!(world.fetches(), 2, "{fault:?} always");
        world.issuer.clear_faults();
    }
}

#[tokio::test]
async fn answer_is_never_asked_for_twice() {
    let world = World::new().await;
    for fault in [Fault::status(500), Fault::Garbage, Fault::ShortBody] {
        world.issuer.reset_counts();
        world.issuer.inject(Endpoint::Jwks, fault.clone());
        unavailable(world.cold().verify(&world.token()).await);
        quiet().await;
        assert_eq!(world.fetches(), 1, "{fault:?}");
    }
}

/// S06, S07, S08.
#[tokio::test]
async fn bodies_that_are_no_usable_key_set_are_failures() {
    let world = World::new().await;
    let jwk = world.issuer.public_jwk(world.issuer.key().kid()).unwrap();
    let good = world.issuer.jwks_json();
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        json!({ "keys": [jwk] }).to_string()
    };
    let not_a_set = "not a JSON Web Key Set";
    let unusable = "no usable key";
    let cases: Vec<(String, &str)> = vec![
        (String::new(), not_a_set),
        (" ".into(), not_a_set),
        ("<!doctype html><html><body>Sign in</body></html>".into(), not_a_set),
        ("null".into(), not_a_set),
        ("[]".into(), not_a_set),
        (format!("[{good}]"), not_a_set),
        ("\"keys\"".into(), not_a_set),
        ("0".into(), not_a_set),
        ("NaN".into(), not_a_set),
        (r#"{"keys":NaN}"#.into(), not_a_set),
        ("{}".into(), not_a_set),
        (r#"{"keys":null}"#.into(), not_a_set),
        (r#"{"keys":{}}"#.into(), not_a_set),
        (r#"{"keys":1}"#.into(), not_a_set),
        (r#"{"keys":"x"}"#.into(), not_a_set),
        (json!({ "keys": jwk }).to_string(), not_a_set),
        (json!({ "Keys": [jwk] }).to_string(), not_a_set),
        (jwk.to_string(), not_a_set),
        (good[..good.len() - 1].into(), not_a_set),
        (format!("{good}x"), not_a_set),
        (format!("{good}{good}"), not_a_set),
        (format!("\u{feff}{good}"), not_a_set),
        (format!(r#"{{"keys":[],{}"#, &good[1..]), not_a_set),
        (json!({ "issuer": world.issuer.url(), "jwks_uri": world.issuer.jwks_url() }).to_string(), not_a_set),
        (r#"{"error":"server_error","error_description":"try again"}"#.into(), not_a_set),
        (format!("{}{}", "[".repeat(5000), "]".repeat(5000)), not_a_set),
        (format!(r#"{{"keys":[{}{}]}}"#, "[".repeat(5000), "]".repeat(5000)), ""),
        (r#"{"keys":[]}"#.into(), unusable),
        (r#"{"keys":[{}]}"#.into(), unusable),
        (r#"{"keys":[null, 1, "x", [], {"kty":"EC"}]}"#.into(), unusable),
        (r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}"#.into(), unusable),
        (with("use", json!("enc")), unusable),
        (with("kty", json!("RSA")), unusable),
        (with("crv", json!("P-999")), unusable),
        (with("x", json!("AAAA")), unusable),
        (with("d", json!("AAAA")), unusable),
        (with("alg", json!("HS256")), unusable),
    ];
    for (body, why) in cases {
        fails(&world, Fault::body(body), why).await;
    }
}

/// S06b.
#[tokio::test]
async fn label_of_the_body_does_not_matter() {
    let world = World::new().await;
    let types = ["text/html", "text/plain; charset=utf-16", "application/octet-stream", "application/jwk-set+json", ""];
    for content_type in types {
        let headers = if content_type.is_empty() {
            Vec::new()
        } else {
            vec![("content-type".to_owned(), content_type.to_owned())]
        };
        let body = world.issuer.jwks_json().into_bytes();
        world.issuer.inject(Endpoint::Jwks, Fault::Respond { status: 200, headers, body });
        world.warm().await;
    }
    world.issuer.inject(Endpoint::Jwks, Fault::ContentEncoding("Identity".into()));
    world.warm().await;
}

/// K02, K12.
#[tokio::test]
async fn unusable_keys_beside_usable_ones_are_skipped() {
    let world = World::new().await;
    let good = world.issuer.public_jwk(world.issuer.key().kid()).unwrap();
    let keys = json!({"keys": [
        null, {}, {"kty": "AKP", "alg": "ML-DSA-44", "kid": "later"}, {"kty": "oct", "k": "c2VjcmV0"}, good,
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    ], "more": {"keys": []}});
    world.issuer.set_jwks_body(Some(keys.to_string()));
    let auth = world.warm().await;
    assert_eq!(auth.health().keys, 1);
    at_once(&auth, &world.token()).unwrap();
}

/// K10, S09, S29.
#[tokio::test]
async fn at_most_a_hundred_keys_are_taken() {
    let world = World::new().await;
    let jwk = world.issuer.public_jwk(world.issuer.key().kid()).unwrap();
    let numbered = |number: usize| {
        let mut jwk = jwk.clone();
        jwk["kid"] = json!(format!("k{number}"));
        jwk
    };
    let keys: Vec<_> = (0..1500).map(numbered).collect();
    world.issuer.set_jwks_body(Some(json!({ "keys": keys }).to_string()));
    let auth = world.warm().await;
    assert_eq!(auth.health().keys, 100);
    at_once(&auth, &world.token_of_nobody("k99")).unwrap();
}

/// S05b.
#[tokio::test]
async fn request_gives_nothing_away_and_asks_for_plain_text() {
    let world = World::new().await;
    let body = world.issuer.jwks_json().into_bytes();
    let headers = vec![("set-cookie".to_owned(), "session=1".to_owned())];
    world.issuer.inject(Endpoint::Jwks, Fault::Respond { status: 200, headers, body });
    let (auth, token) = (world.warm().await, world.token());
    world.time.pass(DUE).await;
    at_once(&auth, &token).unwrap();
    renewed(&auth).await;
    for request in world.issuer.recorded(Endpoint::Jwks) {
        assert_eq!((&*request.method, &*request.path, &*request.body), ("GET", "/.well-known/jwks.json", ""));
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("rampart-rust/")));
        for absent in ["cookie", "authorization", "referer"] {
            assert_eq!(request.header(absent), None, "{absent}");
        }
    }
}

/// S04.
#[tokio::test]
async fn http_client_hook_is_applied_and_cannot_lift_the_limits() {
    let (world, target, proxy) = (World::new().await, ByHand::start().await, ByHand::start().await);
    let proxy_url = proxy.url().to_owned();
    let auth = world
        .builder()
        .http_client(move |builder| {
            let header = reqwest::header::HeaderName::from_static("x-hook");
            let headers = [(header, reqwest::header::HeaderValue::from_static("yes"))];
            builder
                .default_headers(headers.into_iter().collect())
                .redirect(reqwest::redirect::Policy::limited(10))
                .timeout(Duration::from_secs(3600))
                .connect_timeout(Duration::from_secs(3600))
                .proxy(reqwest::Proxy::all(proxy_url.clone()).unwrap())
                .user_agent("somebody else")
        })
        .build()
        .unwrap();
    world.issuer.inject_times(Endpoint::Jwks, &Fault::redirect(307, target.url()), 1);
    unavailable(auth.warm_up().await);
    failed(&auth, "status 307").await;
    target.is_left_alone().await;

    world.time.pass(seconds(1)).await;
    world.issuer.inject_times(Endpoint::Jwks, &Fault::HeadersThenHang, 1);
    let request = Request::waiting(&auth, &world.token());
    world.fetched(2).await;
    world.time.pass(seconds(5) + TICK).await;
    unavailable(request.verdict().await);
    failed(&auth, "within 5 s").await;

    world.time.pass(seconds(60)).await;
    auth.verify(&world.token()).await.unwrap();
    for request in world.issuer.recorded(Endpoint::Jwks) {
        assert_eq!(request.header("x-hook"), Some("yes"));
        assert_eq!(request.header("user-agent"), Some("somebody else"), "F39");
    }
    proxy.is_left_alone().await;
}

#[tokio::test]
async fn own_jwks_url_is_used() {
    let world = World::new().await;
    let auth = world.builder().jwks_url(format!("{}?tenant=a", world.issuer.jwks_url())).build().unwrap();
    auth.verify(&world.token()).await.unwrap();
    assert_eq!(world.issuer.recorded(Endpoint::Jwks)[0].path, "/.well-known/jwks.json?tenant=a");
    assert_eq!(world.issuer.requests(Endpoint::Discovery), 0);
}
