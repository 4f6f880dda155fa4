//! All cases at once: the core and the frameworks agree, whatever the tables expect, and no token turns up in the log or in an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by a panic")]

use std::collections::HashSet;
use std::io;
use std::sync::LazyLock;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use parking_lot::Mutex;
use rampart_conformance::apps::subjects;
use rampart_conformance::case::{Case, Expected};
use rampart_conformance::cases::ALL;
use rampart_conformance::credentials::Credentials;
use rampart_conformance::subject::Outcome;
use rampart_conformance::wire::Reply;
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

/// A request of a case with what came of it, by subject.
type Asked = (Case, Vec<(&'static str, Outcome)>);

/// Every request, asked of every subject that it is for.
static ASKED: LazyLock<Vec<Asked>> = LazyLock::new(|| {
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(Log).init();
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    ALL.iter()
        .flat_map(Case::requests)
        .map(|case| {
            let asked = subjects().filter(|subject| subject.is_asked(&case));
            let outcomes = asked.map(|subject| (subject.name(), subject.answer(&case))).collect();
            (case, outcomes)
        })
        .collect()
});

/// R8, X02.
#[test]
fn core_and_frameworks_agree_byte_for_byte() {
    let mut compared = 0;
    for (case, outcomes) in ASKED.iter() {
        let mut answers = outcomes
            .iter()
            .filter(|(name, _)| !case.exceptions.iter().any(|exception| exception.framework == *name))
            .map(|(name, outcome)| (name, outcome.reply.as_ref().map(Reply::contract)));
        if matches!(case.expected, Expected::NoHandler(_)) {
            continue;
        }
        let (first_name, first) = answers.next().unwrap();
        for (name, answer) in answers {
            assert_eq!(answer, first, "{}: {name} and {first_name}", case.title());
            compared += 1;
        }
    }
    assert!(compared > 1000, "only {compared} answers were compared");
}

/// So much of a part of a token does not turn up by chance.
const TELLING: usize = 32;

/// The words of base64url in a text that are long enough to tell.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.split(move |byte| !is_base64url(byte)).filter(|word| word.len() >= TELLING)
}

/// All pieces of that length of what a request has sent.
fn secrets(case: &Case, Credentials { authorization, proofs, lines }: &Credentials) -> Vec<Vec<u8>> {
    let fields = [authorization, proofs, lines].map(|values| values.join(&b' '));
    let sent = [fields.join(&b' ').as_slice(), case.target.as_bytes(), case.body.as_bytes()].join(&b' ');
    pieces(&sent).collect()
}

fn pieces(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    words(text).flat_map(|word| word.windows(TELLING)).map(<[u8]>::to_vec)
}

/// The same of what stands in the proofs: private members of keys (DP09), nonces, IDs.
fn inner_secrets(credentials: &Credentials) -> Vec<Vec<u8>> {
    let parts = credentials.proofs.iter().flat_map(|proof| proof.split(|byte| *byte == b'.').take(2));
    parts
        .filter_map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok())
        .flat_map(|text| pieces(&text).collect::<Vec<_>>())
        .collect()
}

/// Whether one of the secrets stands anywhere in the text.
fn tells(text: &str, secrets: &HashSet<Vec<u8>>) -> bool {
    words(text.as_bytes()).any(|word| word.windows(TELLING).any(|window| secrets.contains(window)))
}

/// H24.
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
    let sent = || asked.iter().flat_map(|(case, outcomes)| outcomes.iter().map(move |(_, outcome)| (case, outcome)));
    let secrets: HashSet<_> = sent().flat_map(|(case, outcome)| secrets(case, &outcome.credentials)).collect();
    let inner: HashSet<_> = sent().flat_map(|(_, outcome)| inner_secrets(&outcome.credentials)).collect();
    assert!(inner.len() > 1000, "only {} pieces of proofs are looked for", inner.len());
    assert!(secrets.len() > 10_000, "only {} pieces of tokens are looked for", secrets.len());
    for record in &records {
        assert!(!tells(&record.text, &secrets), "{}: {}", record.target, record.text);
        assert!(!tells(&record.text, &inner), "{}: {}", record.target, record.text);
    }
    // Where this is not so any more, the exception above can go.
    assert!(requests.iter().any(|record| tells(&record.text, &secrets)), "Rocket logs no requests");
}

/// R3, H23.
#[test]
fn no_answer_holds_a_token() {
    for (case, outcomes) in ASKED.iter() {
        for (name, outcome) in outcomes {
            let secrets = secrets(case, &outcome.credentials).into_iter().collect();
            let Some(reply) = &outcome.reply else { continue };
            let headers = reply.headers.iter().map(|(_, value)| value);
            for text in headers.chain([&reply.body]) {
                assert!(!tells(text, &secrets), "{} on {name}: {reply:?}", case.title());
            }
            // Nor may a shared cache keep what is refused.
            if matches!(reply.status, 401 | 403 | 503) {
                assert!(!reply.values("cache-control").any(|value| value.contains("public")), "{reply:?}");
            }
        }
    }
}
