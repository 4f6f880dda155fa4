//! What the tests share: an issuer on a real socket, a clock that moves only when told to, and ways to tell "at once" from
//! "after a wait".
#![allow(dead_code, reason = "no test program uses all of it")]

pub(crate) mod keys;
pub(crate) mod selective;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rampart_client::{
    AccessToken, ClientError, RampartClient, RampartClientBuilder, TokenRequest, redirects_within_origin,
};
use rampart_issuer::{Algorithm, Endpoint, Fault, LocalIssuer, RecordedRequest};
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::form_urlencoded;

pub(crate) type Outcome = Result<AccessToken, ClientError>;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// Timers fire on the next whole millisecond: time that passes for one to be over goes this much further.
pub(crate) const TICK: Duration = Duration::from_millis(2);
/// The shortest back-off, and the longest.
pub(crate) const FLOOR: Duration = Duration::from_millis(250);
pub(crate) const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);
/// The longest that a server can ask for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Of the whole exchange.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// A token of 15 minutes is not renewed at this age, is from the next, and serves up to the last.
pub(crate) const NOT_DUE: Duration = Duration::from_secs(647);
pub(crate) const DUE: Duration = Duration::from_secs(720);
pub(crate) const SERVES: Duration = Duration::from_secs(890);

/// Real time after which a test has failed: reached only then.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Tokio's clock, standing still.
pub(crate) struct Time {
    _hold: mpsc::Sender<()>,
}

impl Time {
    /// A paused clock runs ahead whenever nothing else can run, which is all the time while the network is busy; but not
    /// while a blocking task is under way. When patience has run out it is let go, so that a test that waits in vain fails.
    pub(crate) fn freeze() -> Self {
        tokio::time::pause();
        let (hold, held) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || {
            let _ = held.recv_timeout(PATIENCE);
        });
        Self { _hold: hold }
    }

    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}

/// Runs the calling test in a process of its own, where the environment is as given.
pub(crate) fn in_environment(test: &str, variables: &[(&str, &str)]) {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--nocapture"]).env("RAMPART_CHILD", "1");
    for name in ["RAMPART_URL", "RAMPART_CLIENT_ID", "RAMPART_CLIENT_SECRET"] {
        process.env_remove(name);
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        process.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = process.envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

pub(crate) fn is_child() -> bool {
    std::env::var_os("RAMPART_CHILD").is_some()
}

/// An issuer whose key is quick to make.
pub(crate) async fn issuer() -> LocalIssuer {
    LocalIssuer::builder().algorithm(Algorithm::ES256).start().await.unwrap()
}

/// A builder with the credentials that every issuer knows.
pub(crate) fn builder(issuer: &LocalIssuer) -> RampartClientBuilder {
    RampartClient::builder(issuer.url(), "service", "service-secret")
}

/// An HTTP client that may carry tokens.
pub(crate) fn carrying() -> Client {
    Client::builder().redirect(redirects_within_origin()).build().unwrap()
}

pub(crate) fn address(issuer: &LocalIssuer) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], issuer.port()))
}

#[track_caller]
pub(crate) fn is_transport(error: &ClientError, why: &str) {
    assert!(matches!(error, ClientError::Transport(text) if text.contains(why)), "expected {why:?}, got {error:?}");
}

#[track_caller]
pub(crate) fn is_oauth(error: &ClientError, status: u16, code: &str, description: Option<&str>) {
    let ClientError::OAuth { status: told, error: said, description: why, .. } = error else { panic!("{error:?}") };
    assert_eq!((*told, &**said, why.as_deref()), (status, code, description));
}

#[track_caller]
pub(crate) fn is_malformed(error: &ClientError, status: u16, problem: &str) {
    let ClientError::Malformed { status: told, problem: why, .. } = error else { panic!("{error:?}") };
    assert_eq!((*told, *why), (status, problem));
}

#[track_caller]
pub(crate) fn is_rate_limited(error: &ClientError, status: u16, retry_after: Duration) {
    let ClientError::RateLimited { status: told, retry_after: wait, .. } = error else { panic!("{error:?}") };
    assert_eq!((*told, *wait), (status, retry_after));
}

/// An issuer, a client of it, and a clock that stands still.
pub(crate) struct World {
    pub(crate) issuer: LocalIssuer,
    pub(crate) client: RampartClient,
    pub(crate) time: Time,
    named: AtomicUsize,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(set_up: impl FnOnce(RampartClientBuilder) -> RampartClientBuilder) -> Self {
        let issuer = issuer().await;
        let client = set_up(builder(&issuer)).build().unwrap();
        Self { issuer, client, time: Time::freeze(), named: AtomicUsize::new(0) }
    }

    pub(crate) fn requests(&self) -> usize {
        self.issuer.requests(Endpoint::Token)
    }

    /// Waits until the token endpoint has been asked so many times in all.
    pub(crate) async fn requested(&self, times: usize) {
        until("a request", || self.requests() >= times).await;
        assert_eq!(self.requests(), times);
    }

    /// A set of scopes that nobody has asked for yet: as good as another client.
    pub(crate) fn unused(&self) -> TokenRequest {
        TokenRequest::new([format!("scope-{}", self.named.fetch_add(1, Ordering::Relaxed))])
    }

    /// The outcome of one request to which the server gives this answer.
    pub(crate) async fn answered(&self, fault: &Fault) -> Outcome {
        // Whatever wait the answer before has asked of the whole client is over.
        self.time.pass(LONGEST_WAIT + TICK).await;
        self.issuer.inject_times(Endpoint::Token, fault, 1);
        self.client.token(&self.unused()).await
    }

    /// The token that must be at hand.
    #[track_caller]
    pub(crate) fn at_once(&self, request: &TokenRequest) -> Outcome {
        poll_once(self.client.token(request)).expect("a caller waited that must not")
    }

    #[track_caller]
    pub(crate) fn waiting(&self, request: &TokenRequest) -> Waiting {
        Waiting::on(&self.client, request)
    }

    /// Waits until a renewal in the background has given another token.
    pub(crate) async fn renewed(&self, request: &TokenRequest, old: &AccessToken) -> AccessToken {
        let mut newest = old.clone();
        until("a renewal", || {
            newest = self.at_once(request).unwrap();
            !same(&newest, old)
        })
        .await;
        newest
    }
}

pub(crate) fn any() -> TokenRequest {
    TokenRequest::new(["users:read"])
}

pub(crate) fn same(one: &AccessToken, other: &AccessToken) -> bool {
    one.access_token == other.access_token
}

/// The outcome where nothing has to be waited for, in one poll.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// A caller that has already begun to wait.
pub(crate) struct Waiting(Pin<Box<dyn Future<Output = Outcome> + Send>>);

impl Waiting {
    #[track_caller]
    pub(crate) fn on(client: &RampartClient, request: &TokenRequest) -> Self {
        let (client, request) = (client.clone(), request.clone());
        let mut waiting = Self(Box::pin(async move { client.token(&request).await }));
        waiting.still_waits();
        waiting
    }

    #[track_caller]
    pub(crate) fn still_waits(&mut self) {
        let polled = self.0.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "a caller did not wait: {polled:?}");
    }

    pub(crate) async fn outcome(self) -> Outcome {
        self.0.await
    }

    /// The outcome, if it is there already; the last word of this caller.
    pub(crate) fn at_once(&mut self) -> Option<Outcome> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }
}

/// Many callers at the same time.
pub(crate) fn crowd(client: &RampartClient, request: &TokenRequest, size: usize) -> Vec<JoinHandle<Outcome>> {
    let caller = |_| {
        let (client, request) = (client.clone(), request.clone());
        tokio::spawn(async move { client.token(&request).await })
    };
    (0..size).map(caller).collect()
}

pub(crate) async fn outcomes(crowd: Vec<JoinHandle<Outcome>>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for caller in crowd {
        outcomes.push(caller.await.unwrap());
    }
    outcomes
}

/// Waits for what other threads do: the issuer, the network.
#[track_caller]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let deadline = std::time::Instant::now() + PATIENCE;
    async move {
        while !done() {
            assert!(std::time::Instant::now() < deadline, "waited in vain for {what}");
            breathe().await;
        }
    }
}

/// Lets tasks and the network go on for a moment, while the clock stands still.
pub(crate) async fn breathe() {
    tokio::task::yield_now().await;
    std::thread::sleep(Duration::from_millis(1));
    tokio::task::yield_now().await;
}

/// Waits until no request is under way any more: neither its task nor that of its connection.
pub(crate) async fn settle() {
    let runtime = tokio::runtime::Handle::current().metrics();
    until("the end of all tasks", || runtime.num_alive_tasks() == 0).await;
}

/// Long enough for something to show that should not have happened.
pub(crate) async fn quiet() {
    for _ in 0..20 {
        breathe().await;
    }
}

/// The members of a form-urlencoded body, in order.
pub(crate) fn form(request: &RecordedRequest) -> Vec<(String, String)> {
    form_urlencoded::parse(request.body.as_bytes()).into_owned().collect()
}

/// The only value of a member.
pub(crate) fn member(request: &RecordedRequest, name: &str) -> Option<String> {
    let mut values = form(request).into_iter().filter(|(own, _)| own == name).map(|(_, value)| value);
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is given twice");
    value
}

/// A token endpoint that answers when the test says so.
pub(crate) struct ByHand {
    listener: TcpListener,
    address: SocketAddr,
}

impl ByHand {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> RampartClient {
        let builder = RampartClient::builder(self.url(), "service", "service-secret");
        builder.token_url(format!("{}/oauth/token", self.url())).build().unwrap()
    }

    /// The next request, read to its end.
    pub(crate) async fn request(&self) -> Held {
        let mut accepted = None;
        until("a request", || {
            accepted = poll_once(self.listener.accept());
            accepted.is_some()
        })
        .await;
        let (mut stream, _) = accepted.unwrap().unwrap();
        let (mut text, mut chunk) = (String::new(), [0; 4096]);
        loop {
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return Held { stream, body: body.to_owned(), head: head.to_owned() };
                }
            }
            let read = stream.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the request broke off");
            text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
    }

    /// A connection is made and answered with what is no TLS.
    pub(crate) async fn refuses_tls(&self) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        drop(stream.read(&mut [0; 4096]).await);
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
    }

    /// Nobody has asked.
    pub(crate) async fn is_left_alone(&self) {
        for _ in 0..20 {
            breathe().await;
            assert!(poll_once(self.listener.accept()).is_none(), "a request came that should not have");
        }
    }
}

/// A request that waits for its answer.
pub(crate) struct Held {
    stream: TcpStream,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Held {
    pub(crate) async fn answer(self, status: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        self.send(&answer).await;
    }

    pub(crate) async fn token(self, token: &str, expires_in: u64) {
        let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{expires_in}}}"#);
        self.answer("200 OK", &body).await;
    }

    /// Answers with this body, and does not close the connection.
    pub(crate) async fn answer_and_keep(mut self, body: &str) -> TcpStream {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(answer.as_bytes()).await.unwrap();
        self.stream
    }

    pub(crate) async fn send(self, answer: &str) {
        self.send_bytes(answer.as_bytes()).await;
    }

    /// The client may not read all of it.
    pub(crate) async fn send_bytes(mut self, answer: &[u8]) {
        drop(self.stream.write_all(answer).await);
        drop(self.stream.shutdown().await);
    }

    /// Answers so far and no further, for as long as the connection is kept.
    pub(crate) async fn begin(mut self, answer: &str) -> TcpStream {
        self.stream.write_all(answer.as_bytes()).await.unwrap();
        self.stream
    }
}
