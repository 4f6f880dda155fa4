//! The load: keep-alive connections driven by one thread, each sending the next request when it has its answer.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, and the bytes that have come over it.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request, reads all of the answer, and gives its status.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(status) = complete(&self.buffer) {
                return Ok(status);
            }
        }
    }
}

/// The status of an answer that is there as a whole. Every answer here has a `Content-Length`.
fn complete(answer: &[u8]) -> Option<u16> {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let mut lines = answer.get(..head)?.split(|byte| *byte == b'\n');
    let status = std::str::from_utf8(lines.next()?.get(9..12)?).ok()?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(16)?;
        name.eq_ignore_ascii_case(b"content-length: ").then(|| std::str::from_utf8(value).ok()?.trim().parse().ok())?
    });
    let length: usize = length.expect("an answer with Content-Length");
    (answer.len() == head + length).then_some(status)
}

/// `GET /task` with a token. The bytes are the same whether the server looks at the token or not.
pub fn request(token: &str) -> Vec<u8> {
    format!(
        "GET /task HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: load/1.0\r\nAccept: application/json\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

/// What a run has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub good: usize,
    /// Answers with another status than 200, and connections that failed.
    pub errors: usize,
    pub took: Duration,
    pub latencies: Vec<Duration>,
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.good += other.good;
        self.errors += other.errors;
        self.took = self.took.max(other.took);
        self.latencies.extend(other.latencies);
    }

    pub fn rate(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let good = self.good as f64;
        good / self.took.as_secs_f64()
    }

    /// Of a thousand.
    pub fn percentile(&self, per_mille: usize) -> Duration {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        latencies.get((latencies.len().max(1) - 1) * per_mille / 1000).copied().unwrap_or_default()
    }

    fn note(&mut self, asked: Instant, answer: &io::Result<u16>) {
        if matches!(answer, Ok(200)) {
            self.good += 1;
        } else {
            self.errors += 1;
        }
        self.latencies.push(asked.elapsed());
    }
}

/// One connection for each request; each sends its own again and again for this long, or a given number of times if that is sooner.
pub struct Fleet(Vec<(Connection, Vec<u8>)>);

impl Fleet {
    /// Connects, and asks once on each connection.
    pub async fn open(address: SocketAddr, requests: &[Vec<u8>]) -> Self {
        let mut fleet = Vec::new();
        for request in requests {
            let mut connection = Connection::open(address).await.unwrap();
            assert_eq!(connection.ask(request).await.unwrap(), 200);
            fleet.push((connection, request.clone()));
        }
        Self(fleet)
    }

    /// As fast as the answers come.
    pub async fn run(self, length: Duration, times: usize) -> Seen {
        let start = Instant::now();
        let drive = |(mut connection, request): (Connection, Vec<u8>)| async move {
            let mut seen = Seen::default();
            while start.elapsed() < length && seen.latencies.len() < times {
                let asked = Instant::now();
                let answer = connection.ask(&request).await;
                seen.note(asked, &answer);
            }
            seen
        };
        let running: Vec<_> = self.0.into_iter().map(|member| tokio::task::spawn(drive(member))).collect();
        gather(running, start, length).await
    }
}

/// Requests at a given rate over all connections, each made anew by `request`. Where the server is slower, the rate falls.
pub async fn paced(
    address: SocketAddr,
    connections: u32,
    per_second: u32,
    length: Duration,
    request: impl Fn() -> Vec<u8> + Clone + Send + 'static,
) -> Seen {
    let start = Instant::now();
    let between = Duration::from_secs(1) * connections / per_second;
    let mut running = Vec::new();
    for _ in 0..connections {
        let request = request.clone();
        running.push(tokio::task::spawn(async move {
            let mut seen = Seen::default();
            let mut connection = Connection::open(address).await.unwrap();
            let mut ticks = interval(between);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                let due = ticks.tick().await;
                if start.elapsed() >= length {
                    return seen;
                }
                // From when the request was due: a server that is late makes the next ones late too.
                seen.note(due.into_std(), &connection.ask(&request()).await);
            }
        }));
    }
    gather(running, start, length).await
}

/// Every request on a connection of its own, all connected before the first is sent.
pub async fn at_once(address: SocketAddr, requests: Vec<Vec<u8>>) -> Seen {
    let mut ready = Vec::new();
    for request in requests {
        ready.push((Connection::open(address).await.unwrap(), request));
    }
    let start = Instant::now();
    let running = ready.into_iter().map(|(mut connection, request)| {
        tokio::task::spawn(async move {
            let mut seen = Seen::default();
            seen.note(start, &connection.ask(&request).await);
            seen
        })
    });
    gather(running.collect(), start, Duration::ZERO).await
}

async fn gather(running: Vec<tokio::task::JoinHandle<Seen>>, start: Instant, length: Duration) -> Seen {
    let mut all = Seen::default();
    for task in running {
        all.add(timeout(length + PATIENCE, task).await.expect("an answer in time").unwrap());
    }
    all.took = start.elapsed();
    all
}
