//! What the tests share: a Rocket that listens on a real socket, and a client that reads every byte of its answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by a panic")]
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod log;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use rampart_issuer::{Algorithm, LocalIssuer, SigningKey};
use rampart_rocket::{AuthError, Rampart, RampartAuth, RampartAuthBuilder};
use rocket::config::{LogLevel, Shutdown};
use rocket::fairing::AdHoc;
use rocket::{Build, Config, Rocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

pub async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap()
}

/// The keys are there already: nothing is ever awaited.
pub fn offline(issuer: &LocalIssuer) -> RampartAuthBuilder {
    RampartAuth::builder(issuer.url(), issuer.audience()).static_jwks(issuer.jwks_json())
}

pub fn offline_auth(issuer: &LocalIssuer) -> RampartAuth {
    offline(issuer).build().unwrap()
}

pub fn plain(issuer: &LocalIssuer) -> String {
    issuer.token().sub("ada").sign().unwrap()
}

pub fn admin(issuer: &LocalIssuer) -> String {
    issuer.token().sub("ada").roles(["admin"]).sign().unwrap()
}

pub fn expired(issuer: &LocalIssuer) -> String {
    issuer.token().sub("ada").at(1_000_000).sign().unwrap()
}

/// A token that is good but for its signature, which is by another key of the same name.
pub fn forged(issuer: &LocalIssuer) -> String {
    let key = SigningKey::generate(Algorithm::ES256, issuer.kids().remove(0)).unwrap();
    issuer.token().sub("ada").key(&key).sign().unwrap()
}

/// Counts verifications: with keys at hand, each asks for the time once.
#[derive(Clone, Default)]
pub struct Verifications(Arc<AtomicUsize>);

impl Verifications {
    pub fn of(&self, builder: RampartAuthBuilder) -> RampartAuth {
        let count = Arc::clone(&self.0);
        let clock = move || {
            count.fetch_add(1, Ordering::SeqCst);
            SystemTime::now()
        };
        builder.clock(clock).build().unwrap()
    }

    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// A quiet Rocket on a free port of this machine.
pub fn bare() -> Rocket<Build> {
    let shutdown = Shutdown { ctrlc: false, signals: [].into(), ..Shutdown::default() };
    let address = Ipv4Addr::LOCALHOST.into();
    rocket::custom(Config { address, port: 0, log_level: LogLevel::Off, shutdown, ..Config::debug_default() })
}

pub fn with(auth: &RampartAuth) -> Rocket<Build> {
    bare().attach(Rampart::fairing(auth.clone()))
}

/// Launches, for as long as the test runs.
pub async fn serve(rocket: Rocket<Build>) -> Client {
    let (sender, receiver) = oneshot::channel();
    let liftoff = AdHoc::on_liftoff("port", move |rocket| {
        let config = rocket.config();
        sender.send(SocketAddr::new(config.address, config.port)).unwrap();
        Box::pin(async {})
    });
    tokio::spawn(async move { rocket.attach(liftoff).launch().await.map(drop).unwrap() });
    Client(receiver.await.unwrap())
}

#[derive(Clone, Copy, Debug)]
pub struct Client(pub SocketAddr);

impl Client {
    pub async fn get(self, path: &str) -> Answer {
        self.send(path, &[]).await
    }

    pub async fn get_with(self, path: &str, token: &str) -> Answer {
        self.send(path, &[format!("Bearer {token}").as_bytes()]).await
    }

    /// One request with these `Authorization` values.
    pub async fn send(self, path: &str, authorization: &[&[u8]]) -> Answer {
        let headers: Vec<_> =
            authorization.iter().map(|value| [b"Authorization: ".as_slice(), value].concat()).collect();
        self.request("GET", path, &headers).await
    }

    /// One request with these header lines.
    pub async fn request(self, method: &str, path: &str, headers: &[Vec<u8>]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n").into_bytes();
        for line in headers {
            request.extend([line.as_slice(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Sorted, without those that belong to the connection, the server and Rocket's shield.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

const NOT_OURS: [&str; 7] = [
    "connection",
    "content-length",
    "date",
    "permissions-policy",
    "server",
    "x-content-type-options",
    "x-frame-options",
];

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .filter(|(name, _)| !NOT_OURS.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        headers.sort();
        Self { status, headers, body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn is_ok(&self, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (200, body), "{self:?}");
    }

    /// Exactly these headers.
    #[track_caller]
    pub fn has_headers(&self, headers: &[(&str, &str)]) {
        let own: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(own, headers);
    }

    /// Status, headers and body are what the core says, and nothing more.
    #[track_caller]
    pub fn is_rejection(&self, auth: &RampartAuth, error: AuthError) {
        let rejection = auth.rejection(error);
        let mut headers: Vec<_> = rejection.headers().collect();
        headers.sort_unstable();
        assert_eq!(self.status, rejection.status(), "{self:?}");
        self.has_headers(&headers);
        assert_eq!(self.body, rejection.body());
    }
}
