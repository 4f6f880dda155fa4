//! The wait before the next attempt.

use std::time::Duration;

/// Waits after failures in a row: `first` doubling to `longest`, with full jitter above a floor of 250 ms.
pub fn back_off(failures: u32, first: Duration, longest: Duration) -> Duration {
    const FLOOR: Duration = Duration::from_millis(250);
    let ceiling = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest);
    ceiling.mul_f64(fastrand::f64()).max(FLOOR)
}
