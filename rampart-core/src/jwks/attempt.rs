//! An attempt to fetch the keys: what it is made for, when it has set out, and what has come of it.

use std::sync::Arc;
use std::time::Duration;

use rampart_http::single_flight;
use tokio::time::Instant;

use super::fetch::FetchError;

/// An attempt as a flight of its [`SingleFlight`](single_flight::SingleFlight).
pub(super) type Flight = single_flight::Flight<Purpose, Outcome>;
/// What those who wait for it are told.
pub(crate) type Outcome = Result<(), FetchError>;

/// What it is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Because of the age of the keys.
    Refresh,
    /// Because the operator asks.
    ByHand,
    /// For a key ID that the set does not hold: charged to the bucket.
    Search(Arc<str>),
}

/// The same moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// Time since 1970.
    pub(super) wall: Duration,
}

/// One that the issuer has answered, and when it was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmation {
    pub(super) number: u64,
    pub(super) asked: Moment,
}

impl Confirmation {
    /// Whether the issuer was asked after what was signed by then. Neither a clock that was set nor a machine that slept
    /// makes it look later than it was.
    pub(super) fn is_after(&self, signed_by: Duration, now: Moment) -> bool {
        let by_one_clock = now.at.saturating_duration_since(self.asked.at);
        let by_the_other = now.wall.saturating_sub(self.asked.wall);
        now.wall.checked_sub(signed_by).is_some_and(|age| by_one_clock.max(by_the_other) <= age)
    }
}

/// One that has failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: FetchError,
    /// The address that was asked last, without its query.
    pub(super) url: String,
    pub(super) attempt: u64,
    pub(super) at: Instant,
    pub(super) retry_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn issuer_was_asked_as_long_ago_as_the_slower_clock_can_mean() {
        let (start, wall) = (Instant::now(), Duration::from_secs(1_800_000_000));
        let seconds = Duration::from_secs;
        let moment = |at, ahead| Moment { at: start + seconds(at), wall: wall + seconds(at) + seconds(ahead) };
        let asked = Confirmation { number: 1, asked: moment(0, 0) };
        let is_after = |now: Moment, age| asked.is_after(now.wall.saturating_sub(seconds(age)), now);
        assert!(is_after(moment(10, 0), 10) && !is_after(moment(10, 0), 9));
        // The machine has slept: its monotonic clock stood still meanwhile.
        assert!(is_after(moment(10, 3600), 3610) && !is_after(moment(10, 3600), 3609));
        // The clock was set back.
        let earlier = Moment { wall: wall.saturating_sub(seconds(3600)), ..moment(10, 0) };
        assert!(is_after(earlier, 10) && !is_after(earlier, 9));
        // It may be signed a moment from now.
        assert!(!asked.is_after(wall + seconds(11), moment(10, 0)));
    }
}
