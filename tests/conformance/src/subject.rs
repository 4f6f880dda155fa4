//! Asks one of the four, and compares its answer.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rampart_core::RampartAuth;

use crate::case::{Answer, App, CONTRACT, Case, Expected, Text};
use crate::cases;
use crate::fixture::FIXTURE;
use crate::wire::{Connection, Reply};

/// One of the four that must agree: the core, axum, actix-web, Rocket.
pub trait Subject {
    /// Its name in exceptions and messages.
    const NAME: &'static str;
    /// Whether it keeps the order of an answer's headers.
    const KEEPS_ORDER: bool;
    /// Headers of its own, which are none of our business.
    const OWN_HEADERS: &'static [&'static str];

    /// Its answer to a case.
    fn answer(case: &Case) -> Outcome;
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or `None` where the connection was closed without one.
    pub reply: Option<Reply>,
    /// Whether a handler ran.
    pub handled: bool,
}

/// A web framework: it starts an application on a free port, and is asked over a real socket.
pub trait Framework {
    /// Its name in exceptions and messages.
    const NAME: &'static str;
    /// Whether it keeps the order of an answer's headers.
    const KEEPS_ORDER: bool;
    /// Headers of its own, which are none of our business.
    const OWN_HEADERS: &'static [&'static str];

    /// Starts an application on a free port of this machine, as long as the program runs. It listens when this returns.
    fn start(app: App, auth: &RampartAuth) -> SocketAddr;

    /// The address of an application that all tests share, started by the first of them.
    fn address(app: App) -> SocketAddr {
        static SERVERS: LazyLock<Mutex<HashMap<(&str, App), SocketAddr>>> = LazyLock::new(Mutex::default);
        let auth = match app {
            App::Plain | App::Cors | App::NotConfigured => &FIXTURE.plain,
            App::Strict | App::StrictWithinPlain => &FIXTURE.strict,
            App::Down => &FIXTURE.down,
        };
        *SERVERS.lock().entry((Self::NAME, app)).or_insert_with(|| Self::start(app, auth))
    }
}

impl<F: Framework> Subject for F {
    const NAME: &'static str = <F as Framework>::NAME;
    const KEEPS_ORDER: bool = <F as Framework>::KEEPS_ORDER;
    const OWN_HEADERS: &'static [&'static str] = <F as Framework>::OWN_HEADERS;

    fn answer(case: &Case) -> Outcome {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}-{}-{}", <F as Framework>::NAME, case.name, NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = Connection::open(F::address(case.app)).unwrap();
        let reply = match connection.ask(&case.request(&mark)) {
            Ok(reply) => Some(reply),
            Err(error) if is_close(&error) => None,
            Err(error) => panic!("{}: no answer: {error}", case.name),
        };
        let handled = HANDLED.lock().contains(&mark);
        // Whatever was refused, the connection serves on, unless the server says that it does not.
        if let Some(reply) = &reply
            && !reply.closes()
            && !case.may_close
            && matches!(case.expected_of(<F as Framework>::NAME), Expected::Exactly(_))
        {
            let next = connection.ask(b"GET /public HTTP/1.1\r\nHost: api.test\r\n\r\n");
            let next = next.unwrap_or_else(|error| panic!("{}: the connection is dead: {error}", case.name));
            assert_eq!((next.status, next.body.as_str()), (200, "public"), "{}: on the same connection", case.name);
        }
        Outcome { reply, handled }
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

/// Asks a case of a subject, and compares.
pub fn check<S: Subject>(name: &str) {
    let case = cases::find(name);
    let outcome = S::answer(case);
    let context = format!("{} on {}: {outcome:#?}", case.name, S::NAME);
    match case.expected_of(S::NAME) {
        Expected::Exactly(answer) => {
            let reply = outcome.reply.as_ref().unwrap_or_else(|| panic!("closed without an answer: {context}"));
            compare::<S>(case, answer, reply, &context);
            assert!(outcome.handled || answer.status != 200, "answered without the handler: {context}");
        }
        Expected::NoHandler(statuses) => {
            assert!(!outcome.handled, "reached a handler: {context}");
            let status = outcome.reply.as_ref().map_or(0, |reply| reply.status);
            assert!(statuses.contains(&status), "status {status} is none of {statuses:?}: {context}");
        }
    }
}

fn compare<S: Subject>(case: &Case, answer: &Answer, reply: &Reply, context: &str) {
    assert_eq!(reply.status, answer.status, "status of {context}");
    let body = if case.method == "HEAD" { "" } else { &answer.body };
    assert_eq!(reply.body, body, "body of {context}");
    for name in CONTRACT {
        let expected = answer.headers.iter().find(|(own, _)| *own == name).map(|(_, text)| text);
        match (expected, reply.header(name)) {
            (None, None) => {}
            (Some(Text::Is(expected)), Some(value)) => assert_eq!(value, expected, "{name} of {context}"),
            (Some(Text::Seconds(range)), Some(value)) => {
                assert!(value.parse().is_ok_and(|seconds: u64| range.contains(&seconds)), "{name} of {context}");
            }
            (expected, value) => panic!("{name} should be {expected:?} and is {value:?}: {context}"),
        }
    }
    if answer.ordered && S::KEEPS_ORDER {
        let expected: Vec<_> = answer.headers.iter().map(|(name, _)| *name).collect();
        let names = reply.headers.iter().map(|(name, _)| name.as_str());
        let came: Vec<_> = names.filter(|name| CONTRACT.contains(name)).collect();
        assert_eq!(came, expected, "order of the headers of {context}");
    }
    for (name, _) in &reply.headers {
        let known = CONTRACT.contains(&name.as_str()) || S::OWN_HEADERS.contains(&name.as_str());
        assert!(known, "{name} is a stray header of {context}");
    }
}
