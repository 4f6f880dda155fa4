//! What the tests share: a server that listens on a real socket, and a client that reads every byte of its answers.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use rampart_actix::{AuthError, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Algorithm, LocalIssuer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Serves an `App` on a free port of this machine, as long as the test runs.
#[macro_export]
macro_rules! serve {
    ($app:expr) => {{
        let server = actix_web::HttpServer::new(move || $app).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        actix_web::rt::spawn(server.run());
        $crate::support::Client(address)
    }};
}

/// A real issuer whose keys are quick to make.
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
        Answer::parse(&self.exchange(path, authorization).await)
    }

    /// The whole answer to a request without credentials.
    pub async fn raw(self, path: &str) -> String {
        self.exchange(path, &[]).await
    }

    async fn exchange(self, path: &str, authorization: &[&[u8]]) -> String {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n").into_bytes();
        for value in authorization {
            request.extend([b"Authorization: ".as_slice(), value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Sorted, without those that belong to the connection and the server.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .filter(|(name, _)| !["content-length", "connection", "date"].contains(name))
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

    /// Status, headers and body are what the core says, and nothing more.
    #[track_caller]
    pub fn is_rejection(&self, auth: &RampartAuth, error: AuthError) {
        let rejection = auth.rejection(error);
        let mut headers: Vec<_> =
            rejection.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        headers.sort();
        assert_eq!(self.status, rejection.status(), "{self:?}");
        assert_eq!(self.headers, headers);
        assert_eq!(self.body, rejection.body());
    }
}
