//! Asks the core or a framework, and compares its answer.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rampart_core::RampartAuth;

use crate::case::{Answer, App, CONTRACT, Case, Expected};
use crate::credentials::Credentials;
use crate::fixture::FIXTURE;
use crate::wire::{Connection, Reply};

/// One of those that must agree: the core, and each framework.
pub trait Subject: Sync {
    /// Its name in the names of tests, in exceptions and in messages.
    fn name(&self) -> &'static str;
    /// Whether it keeps the order of an answer's headers.
    fn keeps_order(&self) -> bool;
    /// Headers of its own, which are none of our business.
    fn own_headers(&self) -> &'static [&'static str];
    /// Whether the case is one for it.
    fn is_asked(&self, case: &Case) -> bool;
    /// Its answer to a case.
    fn answer(&self, case: &Case) -> Outcome;
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or `None` where the connection was closed without one.
    pub reply: Option<Reply>,
    /// Whether a handler ran.
    pub handled: bool,
    /// What the request has shown.
    pub credentials: Credentials,
}

/// A web framework: it starts an application on a free port, and is asked over a real socket.
#[derive(Debug)]
pub struct Framework {
    /// Its name in the names of tests, in exceptions and in messages.
    pub name: &'static str,
    /// Starts an application on a free port of this machine, as long as the program runs. It listens when this returns.
    pub start: fn(App, &RampartAuth) -> SocketAddr,
    /// Applications that its types do not let one write.
    pub lacks: &'static [App],
    /// Whether it keeps the order of an answer's headers.
    pub keeps_order: bool,
    /// Whether it drops header values that are not UTF-8 before any guard runs.
    pub drops_what_is_not_utf_8: bool,
    /// Headers of its own, which are none of our business.
    pub own_headers: &'static [&'static str],
}

impl Framework {
    /// The address of an application that all tests share, started by the first of them.
    pub fn address(&self, app: App) -> SocketAddr {
        static SERVERS: LazyLock<Mutex<HashMap<(&str, App), SocketAddr>>> = LazyLock::new(Mutex::default);
        let auth = match app {
            App::Plain | App::Cors | App::NotConfigured => &FIXTURE.plain,
            App::Strict | App::StrictWithinPlain => &FIXTURE.strict,
            App::Elsewhere => &FIXTURE.elsewhere,
            App::Down => &FIXTURE.down,
            App::Several => &FIXTURE.several,
            App::Tenants => &FIXTURE.tenants,
            App::Dpop => &FIXTURE.dpop.accepted.cached,
            App::DpopRequired => &FIXTURE.dpop.required.cached,
            App::DpopNonces => &FIXTURE.dpop.nonces.cached,
            App::Revoked => &FIXTURE.revoked.cached,
            _ => &FIXTURE.introspection.of(app).unwrap().cached,
        };
        *SERVERS.lock().entry((self.name, app)).or_insert_with(|| (self.start)(app, auth))
    }
}

impl Subject for Framework {
    fn name(&self) -> &'static str {
        self.name
    }

    fn keeps_order(&self) -> bool {
        self.keeps_order
    }

    fn own_headers(&self) -> &'static [&'static str] {
        self.own_headers
    }

    fn is_asked(&self, case: &Case) -> bool {
        !self.lacks.contains(&case.app)
    }

    fn answer(&self, case: &Case) -> Outcome {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}-{}-{}", self.name, case.name, NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = Connection::open(self.address(case.app)).unwrap();
        let credentials = case.credentials();
        let reply = match connection.ask(&case.request_with(&mark, &credentials)) {
            Ok(reply) => Some(reply),
            Err(error) if is_close(&error) => None,
            Err(error) => panic!("{}: no answer: {error}", case.title()),
        };
        let handled = HANDLED.lock().contains(&mark);
        // Whatever was refused, the connection serves on, unless the server says that it does not.
        if let Some(reply) = &reply
            && !reply.closes()
            && !case.may_close
            && matches!(case.expected_of(self.name), Expected::Exactly(_))
        {
            let next = connection.ask(b"GET /public HTTP/1.1\r\nHost: api.test\r\n\r\n");
            let next = next.unwrap_or_else(|error| panic!("{}: the connection is dead: {error}", case.title()));
            assert_eq!((next.status, next.body.as_str()), (200, "public"), "{}: on the same connection", case.title());
        }
        Outcome { reply, handled, credentials }
    }
}

fn is_close(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// The requests that have reached a handler, by their marks.
static HANDLED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// For handlers: this request has come so far.
pub fn handled(mark: Option<&str>) {
    if let Some(mark) = mark {
        HANDLED.lock().insert(mark.to_owned());
    }
}

/// Asks a subject each request of a case, and compares.
pub fn check(subject: &dyn Subject, case: &Case) {
    for request in case.requests() {
        check_one(subject, &request);
    }
}

fn check_one(subject: &dyn Subject, case: &Case) {
    let outcome = subject.answer(case);
    let context = format!("{} on {}: {:#?}", case.title(), subject.name(), outcome.reply);
    match case.expected_of(subject.name()) {
        Expected::Exactly(answer) => {
            let reply = outcome.reply.as_ref().unwrap_or_else(|| panic!("closed without an answer: {context}"));
            compare(subject, case, answer, reply, &context);
            assert!(outcome.handled || answer.status != 200, "answered without the handler: {context}");
        }
        Expected::NoHandler(statuses) => {
            assert!(!outcome.handled, "reached a handler: {context}");
            let status = outcome.reply.as_ref().map_or(0, |reply| reply.status);
            assert!(statuses.contains(&status), "status {status} is none of {statuses:?}: {context}");
        }
    }
}

fn compare(subject: &dyn Subject, case: &Case, answer: &Answer, reply: &Reply, context: &str) {
    assert_eq!(reply.status, answer.status, "status of {context}");
    let body = if case.method == "HEAD" { "" } else { &answer.body };
    assert_eq!(reply.body, body, "body of {context}");
    for name in CONTRACT {
        let expected: Vec<_> = answer.headers.iter().filter(|(own, _)| *own == name).map(|(_, text)| text).collect();
        let values: Vec<_> = reply.values(name).collect();
        let is_equal =
            expected.len() == values.len() && expected.iter().zip(&values).all(|(text, value)| text.fits(value));
        assert!(is_equal, "{name} should be {expected:?} and is {values:?}: {context}");
    }
    if answer.ordered && subject.keeps_order() {
        let expected: Vec<_> = answer.headers.iter().map(|(name, _)| *name).collect();
        let names = reply.headers.iter().map(|(name, _)| name.as_str());
        let came: Vec<_> = names.filter(|name| CONTRACT.contains(name)).collect();
        assert_eq!(came, expected, "order of the headers of {context}");
    }
    for (name, _) in &reply.headers {
        let known = CONTRACT.contains(&name.as_str()) || subject.own_headers().contains(&name.as_str());
        assert!(known, "{name} is a stray header of {context}");
    }
}
