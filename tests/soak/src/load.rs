//! The requests: every kind of good, bad and undecided one, in a fixed mixture at a steady pace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use rampart_conformance::wire::{Connection, Reply};
use rampart_issuer::{LocalIssuer, SigningKey, TokenBuilder, base64url};

use crate::keys::{Key, Keys};
use crate::report::{Answer, Duty, Tally};

const WORKERS: u32 = 24;
/// More distinct tokens than the token cache of the server holds, so that it is full before its memory is measured.
const FILLING: usize = 20_000;
const FILLING_TIME: Duration = Duration::from_secs(30);
/// The clock tolerance of the server, and a second for the way.
const LONG_EXPIRED: Duration = Duration::from_secs(6);
const SHORT_LIFE: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Repeated,
    Unique,
    Writer,
    Admin,
    Personal,
    Public,
    ShortLived,
    Expired,
    ExpiredForLong,
    Forged,
    Tampered,
    WrongAudience,
    WrongIssuer,
    Unsigned,
    Malformed,
    None,
    ForgedOnOptional,
    NoRole,
    NoScope,
    RandomKid,
    Withdrawn,
    BrandNew,
    Leaving,
}

/// How many of a hundred requests are of each kind.
const MIXTURE: [(Kind, usize); 23] = [
    (Kind::Repeated, 20),
    (Kind::Unique, 12),
    (Kind::Writer, 4),
    (Kind::Admin, 4),
    (Kind::Personal, 3),
    (Kind::Public, 2),
    (Kind::ShortLived, 4),
    (Kind::Expired, 2),
    (Kind::ExpiredForLong, 2),
    (Kind::Forged, 3),
    (Kind::Tampered, 3),
    (Kind::WrongAudience, 2),
    (Kind::WrongIssuer, 2),
    (Kind::Unsigned, 1),
    (Kind::Malformed, 1),
    (Kind::None, 2),
    (Kind::ForgedOnOptional, 2),
    (Kind::NoRole, 2),
    (Kind::NoScope, 2),
    (Kind::RandomKid, 20),
    (Kind::Withdrawn, 4),
    (Kind::BrandNew, 2),
    (Kind::Leaving, 1),
];

/// A request with the answer that is due.
struct Attempt {
    name: &'static str,
    duty: Duty,
    line: &'static str,
    token: Option<String>,
    body: &'static str,
    /// A key that is held for as long as it must be accepted.
    _key: Option<Arc<Key>>,
}

/// A token that expires while it is in use.
struct Short {
    token: String,
    expires: SystemTime,
    key: Option<Arc<Key>>,
}

/// One connection, opened anew where the server has closed it while idle.
struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Client {
    fn ask(&mut self, request: &[u8]) -> Option<Reply> {
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
}

fn http(line: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// Asks about single tokens, beside the load.
pub(crate) struct Probe(Client);

impl Probe {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(Client { address, connection: None })
    }

    /// The status, or 0 where there was none.
    pub(crate) fn ask(&mut self, token: &str) -> u16 {
        self.0.ask(&http("GET /api/profile", Some(token), "")).map_or(0, |reply| reply.status)
    }
}

/// What all workers share.
struct Shared {
    issuer: LocalIssuer,
    address: SocketAddr,
    keys: Arc<Keys>,
    stranger: SigningKey,
    sent: AtomicUsize,
    minted: AtomicUsize,
    tally: Mutex<Tally>,
    over: AtomicBool,
}

pub(crate) struct Load(Arc<Shared>);

pub(crate) struct Running {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn new(issuer: &LocalIssuer, address: SocketAddr, keys: &Arc<Keys>) -> Self {
        Self(Arc::new(Shared {
            issuer: issuer.clone(),
            address,
            keys: Arc::clone(keys),
            stranger: issuer.add_unpublished_key(rampart_issuer::Algorithm::ES256).unwrap(),
            sent: AtomicUsize::new(0),
            minted: AtomicUsize::new(0),
            tally: Mutex::default(),
            over: AtomicBool::new(false),
        }))
    }

    /// Fills the server's token cache with distinct tokens; gives back how many there were.
    pub(crate) fn fill_token_cache(&self) -> usize {
        let (started, mut client) = (Instant::now(), Client { address: self.0.address, connection: None });
        let key = self.0.keys.good(0);
        (0..FILLING)
            .take_while(|_| started.elapsed() < FILLING_TIME)
            .filter(|_| {
                let token = self.0.unique(&key).sign().unwrap();
                let reply = client.ask(&http("GET /api/profile", Some(&token), ""));
                reply.is_some_and(|reply| reply.status == 200)
            })
            .count()
    }

    /// Starts the load: so many requests a second.
    pub(crate) fn start(self, rate: u32) -> Running {
        let pause = Duration::from_secs(1) * WORKERS / rate;
        let work = |worker| {
            let shared = Arc::clone(&self.0);
            std::thread::spawn(move || {
                std::thread::sleep(pause * worker / WORKERS);
                shared.work(pause);
            })
        };
        let workers = (0..WORKERS).map(work).collect();
        Running { shared: self.0, workers }
    }
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

impl Shared {
    fn work(&self, pause: Duration) {
        let mut client = Client { address: self.address, connection: None };
        let mut short = None;
        let mut due = Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            let number = self.sent.fetch_add(1, Ordering::Relaxed);
            if let Some(attempt) = self.attempt(kind(number), number, &mut short) {
                let request = http(attempt.line, attempt.token.as_deref(), attempt.body);
                let asked = Instant::now();
                let reply = client.ask(&request);
                let (status, body) = reply.map_or((0, String::new()), |reply| (reply.status, reply.body));
                let answer = Answer { name: attempt.name, duty: attempt.duty, status, took: asked.elapsed() };
                self.tally.lock().add(answer, &body);
            }
            // What a slow answer has cost is not caught up: the pace stays moderate.
            due = (due + pause).max(Instant::now());
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    fn token(&self, key: &Key) -> TokenBuilder {
        self.issuer.token().key(&key.signing)
    }

    fn unique(&self, key: &Key) -> TokenBuilder {
        let number = self.minted.fetch_add(1, Ordering::Relaxed);
        self.token(key).claim("jti", format!("unique-{number}"))
    }

    /// The next request of this kind; `None` where there is none of it now.
    fn attempt(&self, kind: Kind, number: usize, short: &mut Option<Short>) -> Option<Attempt> {
        let key = self.keys.good(number);
        let repeated = || key.tokens[number / 100 % key.tokens.len()].clone();
        let sign = |token: TokenBuilder| token.sign().unwrap();
        let profile = "GET /api/profile";
        let task = r#"{"title":"Soak"}"#;
        let (name, duty, line, token, body) = match kind {
            Kind::Repeated => ("repeated token", Duty::Accept(200), profile, Some(repeated()), ""),
            Kind::Unique => ("new token", Duty::Accept(200), "GET /api/tasks", Some(sign(self.unique(&key))), ""),
            Kind::Writer => ("scope", Duty::Accept(200), "POST /api/emails/send", Some(key.writer.clone()), ""),
            Kind::Admin => ("role", Duty::Accept(200), "GET /api/admin/stats", Some(key.admin.clone()), ""),
            Kind::Personal => ("optional, token", Duty::Accept(200), "GET /api/feed", Some(repeated()), ""),
            Kind::Public => ("optional, none", Duty::Accept(200), "GET /api/feed", None, ""),
            Kind::ShortLived | Kind::ExpiredForLong => return self.short_lived(kind, &key, short),
            Kind::Expired => {
                let expired = self.unique(&key).at(1_700_000_000);
                ("expired", Duty::Refuse(401), profile, Some(sign(expired)), "")
            }
            Kind::Forged => {
                let forged = self.token(&key).key(&self.stranger).kid(key.signing.kid());
                ("forged signature", Duty::Refuse(401), profile, Some(sign(forged)), "")
            }
            Kind::Tampered => {
                let good = repeated();
                let payload = base64url(self.token(&key).roles(["admin"]).payload());
                let mut parts = good.split('.');
                let (header, signature) = (parts.next().unwrap(), parts.nth(1).unwrap());
                let token = format!("{header}.{payload}.{signature}");
                ("changed payload", Duty::Refuse(401), "GET /api/admin/stats", Some(token), "")
            }
            Kind::WrongAudience => {
                ("other audience", Duty::Refuse(401), profile, Some(sign(self.unique(&key).audience("another"))), "")
            }
            Kind::WrongIssuer => {
                let token = sign(self.unique(&key).issuer("https://evil.example"));
                ("other issuer", Duty::Refuse(401), profile, Some(token), "")
            }
            Kind::Unsigned => {
                let header = base64url(format!(r#"{{"alg":"none","kid":"{}"}}"#, key.signing.kid()));
                let token = format!("{header}.{}.AA", base64url(self.token(&key).roles(["admin"]).payload()));
                ("alg none", Duty::Refuse(401), "GET /api/admin/stats", Some(token), "")
            }
            Kind::Malformed => ("malformed", Duty::Refuse(401), profile, Some("not.a-token".into()), ""),
            Kind::None => ("no token", Duty::Refuse(401), profile, None, ""),
            Kind::ForgedOnOptional => {
                let token = sign(self.token(&key).key(&self.stranger).kid(key.signing.kid()));
                ("forged on optional", Duty::Refuse(401), "GET /api/feed", Some(token), "")
            }
            Kind::NoRole => ("role missing", Duty::Refuse(403), "GET /api/admin/stats", Some(key.writer.clone()), ""),
            Kind::NoScope => ("scope missing", Duty::Refuse(403), "POST /api/tasks", Some(repeated()), task),
            Kind::RandomKid => {
                // Spread as hashes are, and never the same twice.
                let kid = format!("{:016x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let token = sign(self.token(&key).key(&self.stranger).kid(&kid));
                ("random key ID", Duty::KeepOut, profile, Some(token), "")
            }
            Kind::Withdrawn => {
                let key = self.keys.gone(number)?;
                // One that the token cache may still know, or a new one.
                let token = if number.is_multiple_of(2) { key.tokens[0].clone() } else { sign(self.unique(&key)) };
                ("withdrawn key", Duty::KeepOut, profile, Some(token), "")
            }
            Kind::BrandNew => {
                ("brand-new key", Duty::Either, profile, Some(sign(self.unique(self.keys.fresh()?.as_ref()))), "")
            }
            Kind::Leaving => (
                "key being withdrawn",
                Duty::Either,
                profile,
                Some(sign(self.unique(self.keys.leaving()?.as_ref()))),
                "",
            ),
        };
        Some(Attempt { name, duty, line, token, body, _key: Some(key) })
    }

    /// One token after another per worker: good at first, then undecided, then expired for good, cached or not.
    fn short_lived(&self, kind: Kind, key: &Arc<Key>, short: &mut Option<Short>) -> Option<Attempt> {
        let now = SystemTime::now();
        let expired_for_long = short.as_ref().is_some_and(|short| now > short.expires + LONG_EXPIRED);
        if short.is_none() || (kind == Kind::ShortLived && expired_for_long) {
            let life = i64::try_from(SHORT_LIFE.as_secs()).unwrap();
            let token = self.unique(key).expires_in(life).sign().unwrap();
            *short = Some(Short { token, expires: now + SHORT_LIFE, key: Some(Arc::clone(key)) });
        }
        let Short { token, expires, key } = short.as_mut()?;
        let (name, duty, held) = if now + Duration::from_secs(2) < *expires {
            ("short-lived token", Duty::Accept(200), key.clone())
        } else {
            // From now on nothing is promised, also not that its key stays.
            *key = None;
            if !expired_for_long {
                return None;
            }
            ("expired after use", Duty::KeepOut, None)
        };
        Some(Attempt { name, duty, line: "GET /api/profile", token: Some(token.clone()), body: "", _key: held })
    }
}

/// The mixture, well stirred.
fn kind(number: usize) -> Kind {
    let mut place = number * 37 % 100;
    for (kind, share) in MIXTURE {
        if place < share {
            return kind;
        }
        place -= share;
    }
    Kind::Repeated
}
