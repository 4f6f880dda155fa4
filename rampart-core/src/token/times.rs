//! V9: the dates of a token.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::answer::error::AuthError;
use crate::rule::{Refusal, Rule};

/// The last second of the year 9999: later dates are not dates.
const LATEST: u64 = 253_402_300_799;

/// The dates of a token, exact to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) exp: Duration,
    /// `None` where the settings let it be absent, and it is.
    pub(crate) iat: Option<Duration>,
    pub(super) nbf: Option<Duration>,
}

impl Times {
    /// V9. Also asked again of every token that was verified before.
    pub(crate) fn check(&self, now: Duration, tolerance: Duration) -> Result<(), Refusal> {
        self.check_expiry(now, tolerance)?;
        let latest = now.saturating_add(tolerance);
        if let Some(nbf) = self.nbf.filter(|nbf| *nbf > latest) {
            return Err(Refusal::invalid(Rule::V9, "nbf has not come yet").saying(&beside("nbf", nbf, now)));
        }
        if let Some(iat) = self.iat.filter(|iat| *iat > latest) {
            return Err(Refusal::invalid(Rule::V9, "iat lies in the future").saying(&beside("iat", iat, now)));
        }
        Ok(())
    }

    pub(crate) fn check_expiry(&self, now: Duration, tolerance: Duration) -> Result<(), Refusal> {
        if now < self.exp.saturating_add(tolerance) {
            return Ok(());
        }
        Err(Refusal::new(AuthError::TokenExpired, Rule::V9, "exp has passed"))
    }

    /// V9: a token that lives longer than the settings let any.
    pub(crate) fn check_lifetime(
        &self,
        now: Duration,
        longest: Option<Duration>,
        tolerance: Duration,
    ) -> Result<(), Refusal> {
        let latest = longest.map(|longest| now.saturating_add(longest).saturating_add(tolerance));
        if latest.is_some_and(|latest| self.exp > latest) {
            let refusal = Refusal::invalid(Rule::V9, "exp is further ahead than max_token_lifetime");
            return Err(refusal.saying(&beside("exp", self.exp, now)));
        }
        Ok(())
    }

    pub(crate) fn read(
        exp: Option<&RawValue>,
        iat: Option<&RawValue>,
        nbf: Option<&RawValue>,
    ) -> Result<Self, Refusal> {
        Self::read_or(exp, iat, nbf, None)
    }

    /// The same where `exp` is this unless it is said.
    pub(crate) fn read_or(
        exp: Option<&RawValue>,
        iat: Option<&RawValue>,
        nbf: Option<&RawValue>,
        unsaid: Option<Duration>,
    ) -> Result<Self, Refusal> {
        let date = |raw: Option<&RawValue>, why| {
            raw.map(|raw| numeric_date(raw.get()).ok_or(Refusal::invalid(Rule::V9, why))).transpose()
        };
        let exp = match unsaid {
            None => date(exp, "exp is not a number of seconds from 1970 to the year 9999")?,
            said_elsewhere => said_elsewhere,
        };
        // Whether it may be null was asked before (V6b).
        let iat = iat.filter(|raw| raw.get() != "null");
        Ok(Self {
            exp: exp.ok_or_else(|| Refusal::invalid(Rule::V9, "exp is missing"))?,
            iat: date(iat, "iat is not a number of seconds from 1970 to the year 9999")?,
            nbf: date(nbf, "nbf is not a number of seconds from 1970 to the year 9999")?,
        })
    }
}

/// A date, and what the clock says: clocks that differ are found by the two.
fn beside(claim: &str, date: Duration, now: Duration) -> impl fmt::Debug {
    fmt::from_fn(move |f| write!(f, "{claim}: {}, now: {}", date.as_secs(), now.as_secs()))
}

/// A `NumericDate` (RFC 7519 section 2): the text of a JSON number, integer or fraction.
pub(crate) fn numeric_date(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return (seconds <= LATEST).then(|| Duration::from_secs(seconds));
    }
    // The parser has made sure that what begins like a number is one.
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=LATEST as f64).contains(seconds))?;
    Duration::try_from_secs_f64(seconds.abs()).ok()
}
