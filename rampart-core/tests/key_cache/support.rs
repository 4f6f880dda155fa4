//! What the tests of the caches share: an issuer on a real socket, clocks that move only when told to, and ways to tell
//! "at once" from "after a wait".
#![allow(dead_code, unreachable_pub, missing_docs, missing_debug_implementations)]

use std::fmt::Debug;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rampart_core::{AuthError, Claims, JwksState, RampartAuth, RampartAuthBuilder};
use rampart_issuer::{Algorithm, Endpoint, LocalIssuer, SigningKey, TokenBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub type Verdict = Result<Arc<Claims>, AuthError>;

pub const SECOND: Duration = Duration::from_secs(1);
/// Timers fire on the next whole millisecond: time that passes for one to be over goes this much further.
pub const TICK: Duration = Duration::from_millis(2);
/// The shortest back-off.
pub const FLOOR: Duration = Duration::from_millis(250);
pub const TTL: Duration = Duration::from_secs(600);
pub const MAX_STALE: Duration = Duration::from_secs(3600);
/// No refresh may begin before this age, and every one has by [`DUE`].
pub const NOT_DUE: Duration = Duration::from_secs(479);
pub const DUE: Duration = Duration::from_secs(540);

/// Real time after which a test has failed: reached only then.
const PATIENCE: Duration = Duration::from_secs(180);

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Both clocks, standing still: tokio's, by which keys age, and the wall clock, by which tokens do.
pub struct Time {
    wall: Arc<Mutex<SystemTime>>,
    _hold: mpsc::Sender<()>,
}

impl Time {
    /// A paused clock of tokio runs ahead whenever nothing else can run, which is all the time while the network is busy;
    /// but not while a blocking task is under way. When patience has run out, the clock is let go, so that a test that
    /// waits for something in vain fails instead of hanging.
    pub fn freeze() -> Self {
        tokio::time::pause();
        let (hold, held) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            let _ = held.recv_timeout(PATIENCE);
        });
        Self { wall: Arc::new(Mutex::new(SystemTime::now())), _hold: hold }
    }

    /// Moves both clocks.
    pub async fn pass(&self, time: Duration) {
        *self.wall.lock() += time;
        tokio::time::advance(time).await;
    }

    pub fn wall_ahead(&self, time: Duration) {
        *self.wall.lock() += time;
    }

    pub fn wall_back(&self, time: Duration) {
        *self.wall.lock() -= time;
    }

    pub fn now(&self) -> SystemTime {
        *self.wall.lock()
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> u64 {
        self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    pub fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let wall = Arc::clone(&self.wall);
        move || *wall.lock()
    }
}

pub struct World {
    pub issuer: LocalIssuer,
    pub time: Time,
}

impl World {
    /// An issuer whose keys are quick to make, and clocks that stand still.
    pub async fn new() -> Self {
        Self { issuer: issuer().await, time: Time::freeze() }
    }

    pub fn builder(&self) -> RampartAuthBuilder {
        let builder = RampartAuth::builder(self.issuer.url(), self.issuer.audience());
        // Clocks of other tests run otherwise.
        builder.clock(self.time.clock()).__apart_from_others()
    }

    /// Keys not fetched yet.
    pub fn cold(&self) -> RampartAuth {
        self.builder().build().unwrap()
    }

    /// Keys just fetched.
    pub async fn warm(&self) -> RampartAuth {
        let auth = self.cold();
        auth.warm_up().await.unwrap();
        auth
    }

    /// A good token, signed just now and good for longer than every test.
    pub fn token(&self) -> String {
        outliving(self.issuer.token().at(self.time.unix()))
    }

    /// A token of just now whose key nobody has published.
    pub fn token_of_nobody(&self, kid: &str) -> String {
        outliving(self.issuer.token().at(self.time.unix()).kid(kid))
    }

    pub fn fetches(&self) -> usize {
        self.issuer.requests(Endpoint::Jwks)
    }

    /// Waits until the key set has been asked for so many times in all.
    pub async fn fetched(&self, times: usize) {
        until("a fetch", || self.fetches() >= times).await;
        assert_eq!(self.fetches(), times);
    }
}

pub async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap()
}

/// A token that outlives every test.
pub fn lasting(issuer: &LocalIssuer) -> String {
    outliving(issuer.token())
}

pub fn outliving(token: TokenBuilder) -> String {
    token.expires_in(1_000_000).sign().unwrap()
}

pub fn key_named(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::ES256, kid).unwrap()
}

/// The outcome where nothing has to be waited for, in one poll.
pub fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// The verdict on a token, which must not wait for anything.
#[track_caller]
pub fn at_once(auth: &RampartAuth, token: &str) -> Verdict {
    poll_once(auth.verify(token)).expect("a request waited that must not")
}

/// A request on its way, that has already begun to wait.
pub struct Request(Pin<Box<dyn Future<Output = Verdict>>>);

impl Request {
    #[track_caller]
    pub fn waiting(auth: &RampartAuth, token: &str) -> Self {
        let (auth, token) = (auth.clone(), token.to_owned());
        let mut request = Self(Box::pin(async move { auth.verify(&token).await }));
        request.still_waits();
        request
    }

    #[track_caller]
    pub fn still_waits(&mut self) {
        let polled = self.0.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "a request did not wait: {polled:?}");
    }

    pub async fn verdict(self) -> Verdict {
        self.0.await
    }
}

/// Many requests at the same time.
pub fn crowd(auth: &RampartAuth, token: &str, size: usize) -> Vec<JoinHandle<Verdict>> {
    let request = |_| {
        let (auth, token) = (auth.clone(), token.to_owned());
        tokio::spawn(async move { auth.verify(&token).await })
    };
    (0..size).map(request).collect()
}

pub async fn verdicts(crowd: Vec<JoinHandle<Verdict>>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for request in crowd {
        verdicts.push(request.await.unwrap());
    }
    verdicts
}

/// Waits for what other threads do: the issuer, the network.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let deadline = std::time::Instant::now() + PATIENCE;
    async move {
        while !done() {
            assert!(std::time::Instant::now() < deadline, "waited in vain for {what}");
            breathe().await;
        }
    }
}

/// Lets tasks and the network go on for a moment, while the clocks stand still.
pub async fn breathe() {
    tokio::task::yield_now().await;
    std::thread::sleep(Duration::from_millis(1));
    tokio::task::yield_now().await;
}

/// Long enough for something to show that should not have happened.
pub async fn quiet() {
    for _ in 0..20 {
        breathe().await;
    }
}

/// Waits until a refresh in the background has succeeded: the age of the keys is nought again.
pub async fn renewed(auth: &RampartAuth) {
    until("a refresh", || auth.health().age == Some(Duration::ZERO)).await;
}

/// Waits until the last fetch has failed for this reason.
pub async fn failed(auth: &RampartAuth, why: &str) {
    until(why, || auth.health().last_error.is_some_and(|error| error.contains(why))).await;
}

#[track_caller]
pub fn unavailable<T: Debug>(outcome: Result<T, AuthError>) -> Duration {
    match outcome {
        Err(error @ AuthError::KeysUnavailable { retry_after, .. }) => {
            assert_eq!((error.status(), error.code()), (503, "temporarily_unavailable"));
            assert!(retry_after >= SECOND, "a retry after {retry_after:?} is too soon");
            retry_after
        }
        other => panic!("expected KeysUnavailable, got {other:?}"),
    }
}

#[track_caller]
pub fn refused(verdict: Verdict) {
    assert_eq!(verdict.err(), Some(AuthError::InvalidToken));
}

/// Whether the token was refused for good; else it was not decided.
#[track_caller]
pub fn was_refused(verdict: Verdict) -> bool {
    match verdict {
        Err(AuthError::InvalidToken) => true,
        other => {
            unavailable(other);
            false
        }
    }
}

#[track_caller]
pub fn is_state(auth: &RampartAuth, state: JwksState) {
    assert_eq!(auth.health().state, state);
}

/// A server of key sets that answers when the test says so.
pub struct ByHand {
    listener: TcpListener,
    url: String,
}

impl ByHand {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        Self { listener, url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next request.
    pub async fn request(&self) -> Held {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the request broke off");
            head.extend_from_slice(&chunk[..read]);
        }
        Held { stream, head: String::from_utf8(head).unwrap().to_lowercase() }
    }

    /// Nobody has asked.
    pub async fn is_left_alone(&self) {
        for _ in 0..20 {
            breathe().await;
            let accepted = self.listener.accept();
            assert!(poll_once(accepted).is_none(), "a request came that should not have");
        }
    }
}

/// A request that waits for its answer.
pub struct Held {
    stream: TcpStream,
    pub head: String,
}

impl Held {
    pub async fn answer(self, body: &str) {
        let length = body.len();
        self.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")).await;
    }

    /// A part of the answer, and the connection stays open.
    pub async fn more(&mut self, part: &str) {
        self.stream.write_all(part.as_bytes()).await.unwrap();
    }

    pub async fn send(mut self, answer: &str) {
        self.stream.write_all(answer.as_bytes()).await.unwrap();
        self.stream.shutdown().await.unwrap();
    }
}
