//! How much the issuer is asked at once, and when it is left alone.

use std::time::Duration;

use rampart_http::Backoff;
use tokio::time::Instant;

/// Questions to one issuer that are under way at once.
const MOST: usize = 64;
/// Of these, about tokens that nobody knows.
const MOST_OF_STRANGERS: usize = MOST / 2;
/// After the issuer has refused us.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// Failures of known tokens in a row that are no accident.
const IN_A_ROW: u32 = 3;
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// Who asks: of the known and of tokens that were verified here, strangers can make none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// It was active within the last hour.
    pub(super) is_known: bool,
    /// Its signature was verified.
    pub(super) is_verified: bool,
}

impl Standing {
    pub(super) const fn is_stranger(self) -> bool {
        !self.is_known && !self.is_verified
    }
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    known: usize,
    strangers: usize,
    pause_until: Option<Instant>,
    failures_in_a_row: u32,
}

/// Why nothing can be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Too much is under way.
    Busy,
    /// The issuer is left alone for so long.
    Paused(Duration),
}

impl Traffic {
    pub(super) fn admit(&mut self, standing: Standing, now: Instant) -> Result<(), Full> {
        if let Some(rest) = self.rest(now) {
            return Err(Full::Paused(rest));
        }
        if self.known + self.strangers >= MOST || (!standing.is_known && self.strangers >= MOST_OF_STRANGERS) {
            return Err(Full::Busy);
        }
        *self.of(standing) += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self, standing: Standing) {
        let own = self.of(standing);
        *own = own.saturating_sub(1);
    }

    const fn of(&mut self, standing: Standing) -> &mut usize {
        if standing.is_known { &mut self.known } else { &mut self.strangers }
    }

    pub(super) const fn succeeded(&mut self) {
        self.failures_in_a_row = 0;
    }

    /// The issuer has refused us, whatever the token: the pause that begins, unless another question has begun it just now.
    pub(super) fn refused(&mut self, now: Instant) -> Option<Duration> {
        let is_news = self.rest(now).is_none_or(|rest| rest < REFUSED_PAUSE / 2);
        is_news.then(|| self.pause(REFUSED_PAUSE, now))
    }

    /// It could not be asked: the pause that begins, if one does. What strangers bring about says nothing about others; and questions
    /// that were `asked` before a pause fail with the one that has begun it, however many there are.
    pub(super) fn failed(
        &mut self,
        standing: Standing,
        asked: Instant,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> Option<Duration> {
        if standing.is_stranger() || self.pause_until.is_some_and(|until| asked < until) {
            return None;
        }
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let above = self.failures_in_a_row.checked_sub(IN_A_ROW)?;
        Some(self.pause(BACKOFF.wait(above + 1, retry_after), now))
    }

    /// For how long the issuer is left alone still.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.pause_until.filter(|until| now < *until).map(|until| until - now)
    }

    fn pause(&mut self, time: Duration, now: Instant) -> Duration {
        self.pause_until = self.pause_until.max(Some(now + time));
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Standing = Standing { is_known: true, is_verified: false };
    const STRANGER: Standing = Standing { is_known: false, is_verified: false };
    const VERIFIED: Standing = Standing { is_known: false, is_verified: true };

    #[tokio::test(start_paused = true)]
    async fn strangers_have_half_of_the_places_and_the_known_have_all() {
        let (mut traffic, now) = (Traffic::default(), Instant::now());
        for _ in 0..MOST_OF_STRANGERS {
            assert_eq!(traffic.admit(STRANGER, now), Ok(()));
        }
        assert_eq!(traffic.admit(STRANGER, now), Err(Full::Busy));
        assert_eq!(traffic.admit(VERIFIED, now), Err(Full::Busy));
        for _ in 0..MOST / 2 {
            assert_eq!(traffic.admit(KNOWN, now), Ok(()));
        }
        assert_eq!(traffic.admit(KNOWN, now), Err(Full::Busy));
        traffic.leave(STRANGER);
        assert_eq!(traffic.admit(KNOWN, now), Ok(()));
        assert_eq!(traffic.admit(STRANGER, now), Err(Full::Busy));
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_of_known_tokens_in_a_row_pause() {
        let (mut traffic, now) = (Traffic::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(traffic.failed(STRANGER, now, None, now), None);
        }
        assert_eq!(traffic.failed(KNOWN, now, None, now), None);
        assert_eq!(traffic.failed(VERIFIED, now, None, now), None);
        traffic.succeeded();
        assert_eq!((traffic.failed(KNOWN, now, None, now), traffic.failed(KNOWN, now, None, now)), (None, None));
        assert_eq!(traffic.admit(KNOWN, now), Ok(()));
        let pause = traffic.failed(KNOWN, now, None, now).unwrap();
        assert_eq!(traffic.admit(KNOWN, now), Err(Full::Paused(pause)));
        assert_eq!(traffic.admit(STRANGER, now + pause), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_before_a_pause_prolongs_it_by_nothing() {
        let (mut traffic, now) = (Traffic::default(), Instant::now());
        let pauses: Vec<_> = (0..64).filter_map(|_| traffic.failed(KNOWN, now, None, now)).collect();
        assert!(matches!(pauses[..], [pause] if pause <= Duration::from_secs(1)), "{pauses:?}");
        let later = now + Duration::from_secs(10);
        assert_eq!(traffic.failed(KNOWN, now, None, later), None, "it has taken long to fail");
        assert!(traffic.failed(KNOWN, later, None, later).is_some(), "the issuer is down still");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_pause_for_thirty_seconds() {
        let (mut traffic, now) = (Traffic::default(), Instant::now());
        assert_eq!(traffic.refused(now), Some(REFUSED_PAUSE));
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(traffic.refused(at(1)), None, "that was asked with the first");
        assert_eq!(traffic.admit(KNOWN, at(29)), Err(Full::Paused(Duration::from_secs(1))));
        assert_eq!(traffic.admit(STRANGER, at(30)), Ok(()));
    }
}
