//! What has been logged on this thread: the only place that learns which rule refused a token.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

/// One event: its level, its `rule` field, and all fields in one line.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) level: Level,
    pub(crate) rule: Option<String>,
    pub(crate) text: String,
}

thread_local! {
    static RECORDS: RefCell<Vec<Record>> = const { RefCell::new(Vec::new()) };
}

/// Forgets what has been logged on this thread; the first call of a test program starts the recording.
pub(crate) fn clear() {
    static START: Once = Once::new();
    START.call_once(|| tracing::subscriber::set_global_default(Recorder).unwrap());
    take();
}

pub(crate) fn take() -> Vec<Record> {
    RECORDS.take()
}

/// The rule of the last event that names one.
pub(crate) fn rule() -> Option<String> {
    RECORDS.with_borrow(|records| records.iter().rev().find_map(|record| record.rule.clone()))
}

/// Characters with which an attacker could forge or disguise a line of the log.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

struct Recorder;

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut record = Record { level: *metadata.level(), rule: None, text: metadata.target().to_owned() };
        event.record(&mut record);
        RECORDS.with_borrow_mut(|records| records.push(record));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.text, " {}={value:?}", field.name()).unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "rule" {
            self.rule = Some(value.to_owned());
        }
        // As it comes: a log that escapes nothing must be safe too.
        write!(self.text, " {}={value}", field.name()).unwrap();
    }
}
