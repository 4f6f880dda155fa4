//! The load: groups of clients, each at a steady pace of its own, so that one whose requests wait holds up no other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rampart_conformance::wire::{Connection, Reply};

use crate::away::Away;
use crate::keys::Key;
use crate::tally::{Answer, Duty, Tally};

/// A request with the answer that is due.
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    duty: Duty,
    request: Vec<u8>,
    /// While one of these is away something else is due.
    unless: Vec<Arc<Away>>,
    then: Duty,
    /// A key that is held for as long as it must be accepted.
    _key: Option<Arc<Key>>,
}

impl Attempt {
    pub(crate) fn new(name: &'static str, duty: Duty, request: Vec<u8>) -> Self {
        Self { name, duty, request, unless: Vec::new(), then: duty, _key: None }
    }

    /// Such a token as Bearer.
    pub(crate) fn bearer(name: &'static str, duty: Duty, line: &str, token: &str) -> Self {
        Self::new(name, duty, http(line, &[("Authorization", &format!("Bearer {token}"))], ""))
    }

    pub(crate) fn holding(self, key: &Arc<Key>) -> Self {
        Self { _key: Some(Arc::clone(key)), ..self }
    }

    /// 503 is right as well, while this is away.
    pub(crate) fn needs(self, away: &Arc<Away>) -> Self {
        let or_503 = match self.duty {
            Duty::Accept(status) => Duty::AcceptOrWait(status),
            Duty::Refuse(401) => Duty::KeepOut,
            other => other,
        };
        self.or(or_503, away)
    }

    /// While this is away, another answer is due.
    pub(crate) fn or(mut self, then: Duty, away: &Arc<Away>) -> Self {
        self.unless.push(Arc::clone(away));
        self.then = then;
        self
    }

    pub(crate) fn request(&self) -> &[u8] {
        &self.request
    }

    /// By what has happened since it was sent.
    fn duty(&self, asked: Instant) -> Duty {
        if self.unless.iter().any(|away| away.was_felt_since(asked)) { self.then } else { self.duty }
    }
}

/// Sends one request after another, on one connection.
pub(crate) trait Caller: Send {
    /// The next request; `None` where there is none now. The number is that of the group's requests.
    fn next(&mut self, number: usize) -> Option<Attempt>;

    fn answered(&mut self, _attempt: &Attempt, _status: u16) {}
}

/// Callers of a kind.
pub(crate) struct Group {
    name: &'static str,
    workers: u32,
    /// Requests a second, of all of them.
    rate: u32,
    caller: Box<dyn Fn() -> Box<dyn Caller>>,
}

impl Group {
    /// A caller is made for each worker.
    pub(crate) fn new<C: Caller + 'static>(
        name: &'static str,
        workers: u32,
        rate: u32,
        caller: impl Fn() -> C + 'static,
    ) -> Self {
        Self { name, workers, rate, caller: Box::new(move || Box::new(caller())) }
    }
}

pub(crate) fn http(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.extend(["\r\n", body]);
    request.into()
}

/// One connection, opened anew where the server has closed it while idle.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> Option<Reply> {
        for _ in 0..2 {
            let Some(connection) = self.connection.take().or_else(|| Connection::open(self.address).ok()) else {
                continue;
            };
            let mut connection = connection;
            if let Ok(reply) = connection.ask(request) {
                if !reply.closes() {
                    self.connection = Some(connection);
                }
                return Some(reply);
            }
        }
        None
    }

    /// The status with which this token is answered, or 0 where there was none.
    pub(crate) fn status(&mut self, token: &str) -> u16 {
        let bearer = format!("Bearer {token}");
        self.ask(&http("GET /api/profile", &[("Authorization", &bearer)], "")).map_or(0, |reply| reply.status)
    }
}

#[derive(Default)]
struct Shared {
    tally: Mutex<Tally>,
    over: AtomicBool,
}

pub(crate) struct Running {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// Starts the load, with so many times the rates of the groups.
pub(crate) fn start(groups: &[Group], address: SocketAddr, times: f64) -> Running {
    let shared = Arc::new(Shared::default());
    let start = |group: &Group| {
        let pause = Duration::from_secs(1).mul_f64(f64::from(group.workers) / (f64::from(group.rate) * times));
        let sent = Arc::new(AtomicUsize::new(0));
        let work = |worker: u32| {
            let work = Work { shared: Arc::clone(&shared), sent: Arc::clone(&sent), group: group.name, pause };
            let (caller, wait) = ((group.caller)(), pause * worker / group.workers);
            std::thread::spawn(move || {
                std::thread::sleep(wait);
                work.run(caller, Client::new(address));
            })
        };
        (0..group.workers).map(work).collect::<Vec<_>>()
    };
    let workers = groups.iter().flat_map(start).collect();
    Running { shared, workers }
}

impl Running {
    pub(crate) fn so_far(&self) -> String {
        self.shared.tally.lock().to_string()
    }

    /// Waits for the answers that are under way.
    pub(crate) fn stop(self) -> Tally {
        self.shared.over.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.join().expect("no worker panics");
        }
        std::mem::take(&mut *self.shared.tally.lock())
    }
}

/// What one worker does.
struct Work {
    shared: Arc<Shared>,
    sent: Arc<AtomicUsize>,
    group: &'static str,
    pause: Duration,
}

impl Work {
    fn run(self, mut caller: Box<dyn Caller>, mut client: Client) {
        let mut due = Instant::now();
        while !self.shared.over.load(Ordering::Relaxed) {
            if let Some(attempt) = caller.next(self.sent.fetch_add(1, Ordering::Relaxed)) {
                let asked = Instant::now();
                let reply = client.ask(attempt.request());
                let took = asked.elapsed();
                let (status, body) = reply.map_or((0, String::new()), |reply| (reply.status, reply.body));
                caller.answered(&attempt, status);
                let answer = Answer { group: self.group, name: attempt.name, duty: attempt.duty(asked), status, took };
                self.shared.tally.lock().add(answer, &body);
            }
            // What a slow answer has cost is not caught up: the pace stays moderate.
            due = (due + self.pause).max(Instant::now());
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
}
