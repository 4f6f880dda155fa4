//! The wait before the next attempt: what the issuer asks for, and what is due after failures in a row.

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap};

/// `Retry-After` is honoured up to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, at most five minutes.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time all the same.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Waits after failures in a row: doubling, with full jitter above a floor of 250 ms, so that many processes do not come back at the
/// same moment, and none at once.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    const FLOOR: Duration = Duration::from_millis(250);

    /// At most `first` after one failure, at most `longest` after many.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// How long to wait after so many failures: no less than the issuer has `asked` for, as [`retry_after`] has it.
    pub fn wait(self, failures: u32, asked: Option<Duration>) -> Duration {
        let ceiling = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.longest);
        let wait = ceiling.mul_f64(fastrand::f64()).max(Self::FLOOR);
        asked.map_or(wait, |asked| asked.max(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

    fn waits(failures: u32, asked: Option<Duration>) -> (Duration, Duration) {
        let waits: Vec<_> = (0..1000).map(|_| BACKOFF.wait(failures, asked)).collect();
        (*waits.iter().min().unwrap(), *waits.iter().max().unwrap())
    }

    #[test]
    fn waits_lie_anywhere_between_the_floor_and_a_ceiling_that_doubles_up_to_the_longest() {
        for (failures, ceiling) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (u32::MAX, 60)] {
            let (least, most) = waits(failures, None);
            let ceiling = Duration::from_secs(ceiling);
            assert!(least >= Backoff::FLOOR && least < ceiling / 3, "{failures}: {least:?}");
            assert!(most <= ceiling && most > ceiling.mul_f64(0.9), "{failures}: {most:?}");
        }
    }

    #[test]
    fn no_wait_is_shorter_than_what_the_issuer_asks_for() {
        let (least, most) = waits(3, Some(Duration::from_secs(2)));
        assert!(
            least == Duration::from_secs(2) && most > least && most <= Duration::from_secs(4),
            "{least:?} {most:?}"
        );
        let asked = Duration::from_secs(300);
        assert_eq!(waits(1, Some(asked)), (asked, asked));
        assert!(waits(1, Some(Duration::ZERO)).0 >= Backoff::FLOOR);
    }

    fn asks(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_five_minutes_at_most() {
        assert_eq!(retry_after(&HeaderMap::new()), None);
        for (value, seconds) in [("0", 0), (" 7 ", 7), ("300", 300), ("301", 300), ("99999999999999999999999", 300)] {
            assert_eq!(asks(value), Some(Duration::from_secs(seconds)), "{value}");
        }
        for value in ["", "-1", "1.5", "7 s", "soon"] {
            assert_eq!(asks(value), None, "{value}");
        }
        let date = |at| asks(&httpdate::fmt_http_date(at)).unwrap();
        let (now, long) = (SystemTime::now(), Duration::from_secs(100));
        assert!((98..=100).contains(&date(now + long).as_secs()));
        assert_eq!(date(now - long), Duration::ZERO);
        assert_eq!(date(now + 10 * long), MAX_RETRY_AFTER);
    }
}
