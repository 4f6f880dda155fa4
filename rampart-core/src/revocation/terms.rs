//! For how long a revocation is remembered: until no token that it concerns can pass any more.

use std::time::Duration;

/// With revocations, no token lives longer unless the settings say so.
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(DAY as u64);
const DAY: u32 = 24 * 60 * 60;
const DEFAULT_TOLERANCE: u32 = 5;
/// Beyond what any token lives.
const MARGIN: u32 = 60;
/// What the clocks of two replicas may differ by.
pub(crate) const SKEW: u32 = 600;

/// How long tokens live at most, and by how much clocks may differ, in seconds: of all who accept tokens by one list, the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) lifetime: u32,
    pub(crate) tolerance: u32,
}

impl Terms {
    /// Of nobody yet.
    pub(crate) const NONE: Self = Self { lifetime: 0, tolerance: 0 };
    /// As long as nobody has said what he accepts.
    pub(crate) const DEFAULT: Self = Self { lifetime: DAY, tolerance: DEFAULT_TOLERANCE };

    pub(crate) fn new(lifetime: Duration, tolerance: Duration) -> Self {
        Self { lifetime: seconds_up(lifetime), tolerance: seconds_up(tolerance) }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { lifetime: self.lifetime.max(other.lifetime), tolerance: self.tolerance.max(other.tolerance) }
    }
}

/// Whole seconds since 1970, rounded up.
pub(crate) fn seconds_up(time: Duration) -> u32 {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// Whole seconds since 1970.
pub(crate) fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// How long an entry is kept, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// For tokens whose `exp` is no later.
    Until(u32),
    /// For all tokens that existed then, whatever their `exp`.
    Since(u32),
}

/// Which ends there are: with several replicas, their clocks may differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    pub(crate) terms: Terms,
    pub(crate) is_shared: bool,
}

impl Retention {
    /// From when on nothing that is kept for so long concerns any token.
    pub(crate) fn end(self, lasts: Lasts) -> u32 {
        let after = self.terms.tolerance.saturating_add(MARGIN);
        match lasts {
            // `exp` and the time of whoever looks are compared there, whatever the clock of whoever revoked.
            Lasts::Until(exp) => exp.saturating_add(after),
            Lasts::Since(time) => time.saturating_add(self.longest()).saturating_add(after),
        }
    }

    /// The later of two. What was kept for all tokens stays so, for their longest life may yet turn out to be longer.
    pub(crate) fn later(self, one: Lasts, other: Lasts) -> Lasts {
        match (one, other) {
            (Lasts::Until(one), Lasts::Until(other)) => Lasts::Until(one.max(other)),
            (Lasts::Since(one), Lasts::Since(other)) => Lasts::Since(one.max(other)),
            (Lasts::Since(since), Lasts::Until(exp)) | (Lasts::Until(exp), Lasts::Since(since)) => {
                Lasts::Since(since.max(exp.saturating_sub(self.longest())))
            }
        }
    }

    /// For how long after its `exp` a token may still pass somewhere.
    pub(crate) fn after_expiry(self) -> u32 {
        self.terms.tolerance.saturating_add(if self.is_shared { SKEW } else { 0 })
    }

    fn longest(self) -> u32 {
        self.terms.lifetime.saturating_add(if self.is_shared { SKEW } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_end_counts_whichever_kind_it_is_of() {
        let retention = Retention { terms: Terms { lifetime: 1000, tolerance: 5 }, is_shared: false };
        let kinds =
            [Lasts::Until(5000), Lasts::Until(5001), Lasts::Since(4000), Lasts::Since(4001), Lasts::Since(3999)];
        for one in kinds {
            for other in kinds {
                let later = retention.later(one, other);
                assert_eq!(retention.end(later), retention.end(one).max(retention.end(other)), "{one:?} {other:?}");
                assert_eq!(later, retention.later(other, one));
                assert_eq!(retention.later(later, one), later);
            }
        }
    }

    #[test]
    fn ends_add_the_tolerance_a_margin_and_between_replicas_what_clocks_may_differ_by() {
        let terms = Terms::new(Duration::from_secs(1000), Duration::from_millis(4001));
        let end = |is_shared, lasts| Retention { terms, is_shared }.end(lasts);
        assert_eq!((end(false, Lasts::Until(7)), end(true, Lasts::Until(7))), (72, 72));
        assert_eq!((end(false, Lasts::Since(7)), end(true, Lasts::Since(7))), (1072, 1672));
        assert_eq!(end(true, Lasts::Since(u32::MAX)), u32::MAX);
    }
}
