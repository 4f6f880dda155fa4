//! S02: an issuer that cannot be reached or not be trusted is down, and nothing else: real handshakes, real certificates.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rampart_core::{AuthError, JwksState, RampartAuth, RampartAuthBuilder};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd};
use reqwest::Certificate;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::json;

use crate::support::{DUE, World, at_once, failed, is_state, seconds, unavailable};

/// A certification authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), der }
    }

    /// A certificate of this authority, changed in one place.
    fn signs(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Answer {
        let (params, key) = leaf(name, change);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        over_tls(der, &key)
    }
}

fn leaf(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    (params, KeyPair::generate().unwrap())
}

fn self_signed(name: &str) -> Answer {
    let (params, key) = leaf(name, |_| ());
    over_tls(params.self_signed(&key).unwrap().der().clone(), &key)
}

fn over_tls(der: CertificateDer<'static>, key: &KeyPair) -> Answer {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    Answer::Tls(Arc::new(config))
}

/// What a server does with a connection.
#[derive(Clone)]
enum Answer {
    Tls(Arc<ServerConfig>),
    Plaintext,
    Close,
}

/// A server of the key set, whose certificate can be changed.
struct Server {
    url: String,
    answer: Arc<Mutex<Answer>>,
    /// Requests that were read: a client that does not trust the server sends none.
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(answer: Answer, body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/keys", listener.local_addr().unwrap());
        let (answer, requests) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let server = Self { url, answer: Arc::clone(&answer), requests: Arc::clone(&requests) };
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let answer = answer.lock().clone();
                // A client that breaks off is an error here, and what the tests are about.
                let _ = serve(&mut stream, answer, &body, &requests);
            }
        });
        server
    }

    fn now(&self, answer: Answer) {
        *self.answer.lock() = answer;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: &mut TcpStream, answer: Answer, body: &str, requests: &AtomicUsize) -> std::io::Result<()> {
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    match answer {
        Answer::Close => Ok(()),
        Answer::Plaintext => stream.write_all(response.as_bytes()),
        Answer::Tls(config) => {
            let mut connection = ServerConnection::new(config).unwrap();
            let mut stream = Stream::new(&mut connection, stream);
            let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
            while !head.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut chunk)?;
                if read == 0 {
                    return Ok(());
                }
                head.extend_from_slice(&chunk[..read]);
            }
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(response.as_bytes())?;
            stream.conn.send_close_notify();
            stream.flush()
        }
    }
}

fn trusting(builder: RampartAuthBuilder, authority: &Authority) -> RampartAuthBuilder {
    let root = authority.der.to_vec();
    builder.http_client(move |builder| builder.tls_certs_merge([Certificate::from_der(&root).unwrap()]))
}

#[tokio::test]
async fn s02_certificate_that_does_not_hold_is_an_issuer_that_is_down() {
    const HERE: &str = "127.0.0.1";
    let (world, authority, foreign) = (World::new().await, Authority::new(), Authority::new());
    let good = authority.signs(HERE, |_| ());
    let faults = [
        ("expired", authority.signs(HERE, |params| params.not_after = date_time_ymd(2020, 1, 1)), "certificate"),
        ("not valid yet", authority.signs(HERE, |params| params.not_before = date_time_ymd(4000, 1, 1)), "certificate"),
        ("self-signed", self_signed(HERE), "certificate"),
        ("of an unknown authority", foreign.signs(HERE, |_| ()), "certificate"),
        ("for another name", authority.signs("keys.example", |_| ()), "certificate"),
        ("for another address", authority.signs("127.0.0.2", |_| ()), "certificate"),
        (
            "of a client",
            authority.signs(HERE, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            "certificate",
        ),
        ("plaintext", Answer::Plaintext, ""),
        ("closed in the handshake", Answer::Close, ""),
    ];
    let server = Server::start(good.clone(), world.issuer.jwks_json());
    let token = world.token();
    let build = || trusting(world.builder().jwks_url(&server.url), &authority).build().unwrap();
    for (id, fault, why) in faults {
        server.now(good.clone());
        let warm = build();
        warm.warm_up().await.unwrap_or_else(|error| panic!("{id}: control: {error} {:?}", warm.health()));
        let asked = server.requests();
        server.now(fault);

        let cold = build();
        unavailable(cold.verify(&token).await);
        let error = cold.health().last_error.unwrap();
        assert!(error.contains("connection failed") && error.contains(why), "{id}: {error}");
        is_state(&cold, JwksState::Cold);

        world.time.pass(DUE).await;
        at_once(&warm, &token).unwrap();
        failed(&warm, "connection failed").await;
        at_once(&warm, &token).unwrap();
        assert_eq!((warm.health().age, warm.health().keys), (Some(DUE), 1), "{id}");
        assert_eq!(server.requests(), asked, "{id}: not even a request is sent");

        // Nobody needs to do anything when it is mended.
        server.now(good.clone());
        world.time.pass(seconds(60)).await;
        cold.verify(&token).await.unwrap_or_else(|error| panic!("{id}: mended: {error}"));
    }
}

#[tokio::test]
async fn s33_metadata_over_https_leads_to_no_address_over_http_whatever_is_permitted() {
    let (world, authority) = (World::new().await, Authority::new());
    let metadata = |address: &str| json!({ "issuer": world.issuer.url(), "jwks_uri": address }).to_string();
    let over_https = Server::start(authority.signs("127.0.0.1", |_| ()), world.issuer.jwks_json());
    let over_http = world.issuer.jwks_url();
    let elsewhere = format!("http://keys.example:{}/keys", world.issuer.port());
    for allow_http in [false, true] {
        for (address, is_good) in [(&over_http, false), (&elsewhere, false), (&over_https.url, true)] {
            let server = Server::start(authority.signs("127.0.0.1", |_| ()), metadata(address));
            let builder = world.builder().metadata_url(&server.url).allow_http(allow_http);
            let auth = trusting(builder, &authority).build().unwrap();
            let verdict = auth.verify(&world.token()).await;
            assert_eq!(server.requests(), 1, "{address}: the metadata was asked");
            if is_good {
                verdict.unwrap();
                continue;
            }
            unavailable(verdict);
            let told = "the issuer's metadata cannot be used: the address it gives is not an https URL";
            assert_eq!(auth.health().last_error, Some(format!("{}: {told}", server.url)), "{address}");
            assert_eq!(auth.health().keys, 0);
        }
    }
    assert_eq!((world.fetches(), over_https.requests()), (0, 2));
}

#[tokio::test]
async fn s02_name_that_does_not_exist_is_an_issuer_that_is_down() {
    // On clocks that run: a resolver may take its time to say no.
    let issuer = crate::support::issuer().await;
    for scheme in ["https", "http"] {
        let auth = RampartAuth::builder(issuer.url(), issuer.audience())
            .jwks_url(format!("{scheme}://keys.invalid/jwks.json"))
            .allow_http(true)
            .http_client(reqwest::ClientBuilder::no_proxy)
            .build()
            .unwrap();
        let error = auth.verify(&crate::support::lasting(&issuer)).await.unwrap_err();
        assert!(matches!(error, AuthError::KeysUnavailable { .. }), "{error:?}");
        let why = auth.health().last_error.unwrap();
        assert!(why.contains("connection failed") || why.contains("within 5 s"), "{why}");
        is_state(&auth, JwksState::Cold);
    }
}
