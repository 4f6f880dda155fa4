//! Each fault as it is seen on the socket.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use rampart_issuer::{Endpoint, Fault, LocalIssuer};
use support::{client, discovery_url, get, issuer, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEYS: &str = "{\"keys\":[]}";

/// An issuer with this fault, and a connection on which the key set has been asked for.
async fn asked(fault: Fault) -> (LocalIssuer, TcpStream) {
    let issuer = issuer().await;
    issuer.set_jwks_body(Some(KEYS.into()));
    issuer.inject(Endpoint::Jwks, fault);
    let mut stream = TcpStream::connect(("127.0.0.1", issuer.port())).await.unwrap();
    let request = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: issuer\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    within(issuer.received(Endpoint::Jwks, 1)).await;
    (issuer, stream)
}

/// Reads the head of the answer, which must have this status and these header lines.
async fn head(stream: &mut TcpStream, status: u16, headers: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
    assert!(head.contains(&format!("\r\n{headers}\r\n")), "{head}");
}

async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.unwrap();
    rest
}

#[tokio::test]
async fn whole_answers() {
    let teapot = Fault::Respond {
        status: 418,
        headers: [("x-a", "1"), ("bad name", "0"), ("x-a", "2")].map(|(a, b)| (a.into(), b.into())).to_vec(),
        body: b"\xfftea".to_vec(),
    };
    let garbage: &[u8] = b"\x00\xff\xfe<html>\x80 this is no JSON";
    let cases = [
        (teapot, 418, "x-a: 1\r\nx-a: 2", b"\xfftea".to_vec()),
        (Fault::status(503), 503, "content-length: 0", vec![]),
        (Fault::retry_after(429, "7"), 429, "retry-after: 7", vec![]),
        (Fault::redirect(307, "http://127.0.0.1:1/"), 307, "location: http://127.0.0.1:1/", vec![]),
        (Fault::json(400, "{}"), 400, "content-type: application/json", b"{}".to_vec()),
        (Fault::body("[]"), 200, "content-type: application/json", b"[]".to_vec()),
        (Fault::Oversize(1_000_000), 200, "content-length: 1000000", vec![b' '; 1_000_000]),
        (Fault::Garbage, 200, "content-type: application/json", garbage.to_vec()),
        (Fault::ContentEncoding("gzip".into()), 200, "content-encoding: gzip", KEYS.into()),
    ];
    for (fault, status, headers, body) in cases {
        let (_issuer, mut stream) = asked(fault).await;
        head(&mut stream, status, headers).await;
        assert!(rest(&mut stream).await == body, "{headers}");
    }
}

#[tokio::test]
async fn delay_gives_the_normal_answer_later() {
    let start = Instant::now();
    let (_issuer, mut stream) = asked(Fault::Delay(Duration::from_millis(20))).await;
    head(&mut stream, 200, "content-type: application/json").await;
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(rest(&mut stream).await, KEYS.as_bytes());
}

#[tokio::test]
async fn hang_says_nothing_and_holds_nobody_else_up() {
    for fault in [Fault::Hang, Fault::Delay(Duration::MAX)] {
        let (issuer, mut stream) = asked(fault).await;
        issuer.clear_faults();
        assert_eq!(get(&issuer.jwks_url()).await.status(), 200);
        issuer.stop();
        assert_eq!(rest(&mut stream).await, b"", "not a byte until the end");
    }
}

#[tokio::test]
async fn some_faults_stop_after_the_head() {
    for (fault, header) in [
        (Fault::HeadersThenHang, "transfer-encoding: chunked"),
        (Fault::HugeContentLength, "content-length: 10737418240"),
        (Fault::Drip(Duration::MAX), "transfer-encoding: chunked"),
    ] {
        let (issuer, mut stream) = asked(fault).await;
        head(&mut stream, 200, header).await;
        issuer.stop();
        assert_eq!(rest(&mut stream).await, b"");
    }
}

#[tokio::test]
async fn drip_sends_the_normal_answer_byte_by_byte() {
    let start = Instant::now();
    let (_issuer, mut stream) = asked(Fault::Drip(Duration::from_millis(2))).await;
    head(&mut stream, 200, "transfer-encoding: chunked").await;
    let mut chunks = KEYS.chars().flat_map(|byte| ["1".to_owned(), byte.into()]).collect::<Vec<_>>().join("\r\n");
    chunks += "\r\n0\r\n\r\n";
    assert_eq!(String::from_utf8(rest(&mut stream).await).unwrap(), chunks);
    assert!(start.elapsed() >= Duration::from_millis(22));
}

#[tokio::test]
async fn endless_goes_on() {
    let (_issuer, mut stream) = asked(Fault::Endless).await;
    head(&mut stream, 200, "transfer-encoding: chunked").await;
    let mut chunks = vec![0; 64 * 1024];
    within(stream.read_exact(&mut chunks)).await.unwrap();
    assert!(!chunks.windows(7).any(|bytes| bytes == b"\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn connections_end_early() {
    let (_issuer, mut stream) = asked(Fault::Reset).await;
    assert_eq!(within(stream.read(&mut [0])).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let (_issuer, mut stream) = asked(Fault::CloseEarly).await;
    assert_eq!(rest(&mut stream).await, b"");
    let (_issuer, mut stream) = asked(Fault::ShortBody).await;
    head(&mut stream, 200, "content-length: 4096").await;
    assert_eq!(rest(&mut stream).await, b"{\"keys\":[");
}

#[tokio::test]
async fn limited_faults_come_first_and_in_order() {
    let issuer = issuer().await;
    let status = async || get(&issuer.jwks_url()).await.status().as_u16();
    issuer.inject(Endpoint::Jwks, Fault::status(418));
    issuer.inject(Endpoint::Jwks, Fault::status(500));
    issuer.inject_times(Endpoint::Jwks, &Fault::status(502), 2);
    issuer.inject_times(Endpoint::Jwks, &Fault::status(503), 1);
    for expected in [502, 502, 503, 500, 500] {
        assert_eq!(status().await, expected);
    }
    issuer.inject(Endpoint::Token, Fault::status(501));
    assert_eq!(client().post(issuer.token_url()).send().await.unwrap().status(), 501);
    assert_eq!(get(&discovery_url(&issuer)).await.status(), 200, "faults are an endpoint's own");
    issuer.inject_times(Endpoint::Jwks, &Fault::status(503), 9);
    issuer.clear_faults();
    assert_eq!(status().await, 200);
    let seen = (issuer.requests(Endpoint::Jwks), issuer.recorded(Endpoint::Jwks).len());
    assert_eq!(seen, (6, 6), "faulty ones included");
}
