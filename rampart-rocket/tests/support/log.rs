//! What the log says, of all tests in one file.

use std::io;
use std::sync::{LazyLock, Mutex};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static LOGGING: LazyLock<()> = LazyLock::new(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on, at the latest.
pub fn listen() {
    LazyLock::force(&LOGGING);
}

pub fn text() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

/// As an error of this crate.
#[track_caller]
pub fn is_logged(text: &str) {
    let log = self::text();
    assert!(log.lines().any(|line| line.contains("ERROR rampart: ") && line.contains(text)), "{text}\n{log}");
}
