//! All cases at once: the four agree, whatever the tables expect, and no token turns up in the log or in an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

use std::io;
use std::sync::LazyLock;

use parking_lot::Mutex;
use rampart_tests::apps::actix::Actix;
use rampart_tests::apps::axum::Axum;
use rampart_tests::apps::core::Core;
use rampart_tests::apps::rocket::Rocket;
use rampart_tests::case::{App, CONTRACT, Case, Expected, Reach};
use rampart_tests::cases::ALL;
use rampart_tests::subject::Subject;
use rampart_tests::wire::Reply;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What everybody in this program logs at his most talkative: our crates, the frameworks, the HTTP and TLS libraries.
static LOG: Mutex<Vec<Record>> = Mutex::new(Vec::new());

/// What was logged, and who logged it.
struct Record {
    target: String,
    text: String,
}

struct Log;

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(String::new())
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> Line {
        Line(metadata.target().to_owned())
    }
}

/// The writer of one line, by its target.
struct Line(String);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        LOG.lock().push(Record { target: self.0.clone(), text });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Rocket, actix-web, rustls and others log by the older crate.
impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOG.lock().push(Record { target: record.target().to_owned(), text: record.args().to_string() });
    }

    fn flush(&self) {}
}

/// At its debug level, which is off unless an application asks for it, Rocket logs whole requests, `Authorization`
/// included: nothing that a guard could prevent.
const LOGS_REQUESTS: &str = "rocket::server";

/// A case with the answers to it, by subject.
type Asked = (&'static Case, Vec<(&'static str, Option<Reply>)>);

/// Every case, asked of every subject that it is for.
static ASKED: LazyLock<Vec<Asked>> = LazyLock::new(|| {
    fn ask<S: Subject>(case: &Case) -> (&'static str, Option<Reply>) {
        (S::NAME, S::answer(case).reply)
    }
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(Log).init();
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    ALL.iter()
        .map(|case| {
            let mut replies = vec![ask::<Actix>(case), ask::<Rocket>(case)];
            if case.app != App::NotConfigured {
                replies.push(ask::<Axum>(case));
            }
            if case.reach != Reach::OverHttp {
                replies.push(ask::<Core>(case));
            }
            (case, replies)
        })
        .collect()
});

#[test]
fn core_and_frameworks_agree_byte_for_byte() {
    let mut compared = 0;
    for (case, replies) in ASKED.iter() {
        let mut answers = replies
            .iter()
            .filter(|(name, _)| !case.exceptions.iter().any(|exception| exception.framework == *name))
            .map(|(name, reply)| (name, reply.as_ref().map(contract)));
        if matches!(case.expected, Expected::NoHandler(_)) {
            continue;
        }
        let (first_name, first) = answers.next().unwrap();
        for (name, answer) in answers {
            assert_eq!(answer, first, "{}: {name} and {first_name}", case.name);
            compared += 1;
        }
    }
    assert!(compared > 1000, "only {compared} answers were compared");
}

/// What must be the same everywhere. How long an issuer stays away depends on the moment.
fn contract(reply: &Reply) -> (u16, Vec<(&'static str, Vec<&str>)>, &str) {
    let headers = CONTRACT.map(|name| match name {
        "retry-after" => (name, reply.values(name).map(|_| "seconds").collect()),
        _ => (name, reply.values(name).collect()),
    });
    (reply.status, headers.into(), &reply.body)
}

/// The parts of all tokens that the cases send, long enough not to turn up by chance.
fn secrets(case: &Case) -> Vec<String> {
    let mut sent = case.authorization.join(&b' ');
    for part in [case.lines.join(&b' ').as_slice(), b" ", case.target.as_bytes(), b" ", case.body.as_bytes()] {
        sent.extend(part);
    }
    sent.split(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_'))
        .filter(|part| part.len() >= 32)
        .map(|part| String::from_utf8(part[..32].to_vec()).unwrap())
        .collect()
}

#[test]
fn no_log_line_holds_a_token() {
    let asked = &*ASKED;
    let (requests, records): (Vec<_>, Vec<_>) =
        std::mem::take(&mut *LOG.lock()).into_iter().partition(|record| record.target == LOGS_REQUESTS);
    let by = |prefix: &str| records.iter().filter(|record| record.target.starts_with(prefix)).count();
    assert!(by("rampart") > 500, "our own log is all but empty: {}", by("rampart"));
    assert!(by("actix") > 500 && by("rocket") > 500, "the frameworks log too");
    for record in &records {
        // A line of ours is one line; actix-web writes requests over several.
        let is_raw = |character: char| character.is_control() && (character != '\n' || record.target == "rampart");
        assert!(!record.text.contains(is_raw), "raw control characters: {} {:?}", record.target, record.text);
    }
    let log = records.into_iter().map(|record| record.text).collect::<Vec<_>>().join("\n");
    let mut checked = 0;
    for (case, _) in asked {
        for secret in secrets(case) {
            assert!(!log.contains(&secret), "{}: {secret} is in the log", case.name);
            checked += 1;
        }
    }
    assert!(checked > 1000, "only {checked} parts of tokens were looked for");
    // Where this is not so any more, the exception above can go.
    assert!(requests.iter().any(|record| record.text.contains("eyJ")), "Rocket logs no requests");
}

#[test]
fn no_answer_holds_a_token() {
    for (case, replies) in ASKED.iter() {
        let secrets = secrets(case);
        for (name, reply) in replies {
            let Some(reply) = reply else { continue };
            let headers = reply.headers.iter().map(|(_, value)| value);
            for text in headers.chain([&reply.body]) {
                assert!(!secrets.iter().any(|secret| text.contains(secret)), "{} on {name}: {reply:?}", case.name);
            }
            // Nor may a shared cache keep what is refused.
            if matches!(reply.status, 401 | 403 | 503) {
                assert!(!reply.values("cache-control").any(|value| value.contains("public")), "{reply:?}");
            }
        }
    }
}
