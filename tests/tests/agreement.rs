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
use tracing_subscriber::EnvFilter;

/// What the log says at its most talkative, of all subjects.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A case with the answers to it, by subject.
type Asked = (&'static Case, Vec<(&'static str, Option<Reply>)>);

/// Every case, asked of every subject that it is for.
static ASKED: LazyLock<Vec<Asked>> = LazyLock::new(|| {
    fn ask<S: Subject>(case: &Case) -> (&'static str, Option<Reply>) {
        (S::NAME, S::answer(case).reply)
    }
    let filter = EnvFilter::new("rampart=trace");
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Log).init();
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
    let log = String::from_utf8(LOG.lock().clone()).unwrap();
    assert!(log.lines().count() > 500, "the log is all but empty");
    assert!(log.chars().all(|character| character == '\n' || !character.is_control()), "raw control characters");
    let mut checked = 0;
    for (case, _) in asked {
        for secret in secrets(case) {
            assert!(!log.contains(&secret), "{}: {secret} is in the log", case.name);
            checked += 1;
        }
    }
    assert!(checked > 1000, "only {checked} parts of tokens were looked for");
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
