//! Tokens of issuers that nobody has configured: anybody can send any number of them.

use std::time::Duration;

use parking_lot::Mutex;

const LINE_EVERY: Duration = Duration::from_secs(1);

/// One line of the log a second, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    next: Duration,
    left_out: u64,
}

impl Strangers {
    /// Whether this one gets a line, and how many have got none since the last. `now` is a time that does not go back.
    pub(crate) fn line(&self, now: Duration) -> Option<u64> {
        let mut lines = self.0.lock();
        if now < lines.next {
            lines.left_out += 1;
            return None;
        }
        lines.next = now + LINE_EVERY;
        Some(std::mem::take(&mut lines.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_says_how_many_got_none() {
        let strangers = Strangers::default();
        let line = |millis| strangers.line(Duration::from_millis(millis));
        assert_eq!(line(5), Some(0));
        assert_eq!((line(5), line(900), line(1004)), (None, None, None));
        assert_eq!(line(1005), Some(3));
        assert_eq!(line(9000), Some(0));
    }
}
