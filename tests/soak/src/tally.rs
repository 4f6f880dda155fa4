//! Which answers were due, and which came.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

const SHOWN_BREACHES: usize = 20;

/// The answer that a request must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Duty {
    /// A good request: this status and no other, whatever becomes of the issuer.
    Accept(u16),
    /// A good request, while something that it needs is away: this status, or 503.
    AcceptOrWait(u16),
    /// A bad request whose key is known: this status and no other.
    Refuse(u16),
    /// A bad request about which nothing can be found out now, perhaps: 401 or 503.
    KeepOut,
    /// Nobody can say what the server knows: 200, 401 or 503.
    Either,
}

impl Duty {
    fn is_met_by(self, status: u16) -> bool {
        match self {
            Self::Accept(due) | Self::Refuse(due) => status == due,
            Self::AcceptOrWait(due) => status == due || status == 503,
            Self::KeepOut => matches!(status, 401 | 503),
            Self::Either => matches!(status, 200 | 401 | 503),
        }
    }

    const fn is_good(self) -> bool {
        matches!(self, Self::Accept(_) | Self::AcceptOrWait(_))
    }

    const fn is_bad(self) -> bool {
        matches!(self, Self::Refuse(_) | Self::KeepOut)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) duty: Duty,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, Duty, &'static str, u16), u64>,
    breaches: Vec<String>,
    /// In microseconds: how long good requests took that were answered as was due at all times.
    took: BTreeMap<&'static str, Vec<u32>>,
}

impl Tally {
    pub(crate) fn add(&mut self, answer: Answer, body: &str) {
        let Answer { group, name, duty, status, took } = answer;
        *self.counts.entry((group, duty, name, status)).or_default() += 1;
        if matches!(duty, Duty::Accept(_)) {
            self.took.entry(group).or_default().push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
        if !duty.is_met_by(status) && self.breaches.len() < SHOWN_BREACHES {
            self.breaches.push(format!("{group}, {name}: {duty:?}, but {status} after {took:?} {body}"));
        }
    }

    fn count(&self, wanted: impl Fn(Duty, u16) -> bool) -> u64 {
        self.counts.iter().filter(|((_, duty, _, status), _)| wanted(*duty, *status)).map(|(_, count)| count).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.count(|_, _| true)
    }

    pub(crate) fn good(&self) -> u64 {
        self.count(|duty, _| duty.is_good())
    }

    /// Good requests that were answered otherwise than is due.
    pub(crate) fn refused(&self) -> u64 {
        self.count(|duty, status| duty.is_good() && !duty.is_met_by(status))
    }

    /// Good requests that were answered by 503 while that was right.
    pub(crate) fn waited(&self) -> u64 {
        self.count(|duty, status| matches!(duty, Duty::AcceptOrWait(_)) && status == 503)
    }

    pub(crate) fn bad(&self) -> u64 {
        self.count(|duty, _| duty.is_bad())
    }

    pub(crate) fn let_in(&self) -> u64 {
        self.count(|duty, status| duty.is_bad() && (200..300).contains(&status))
    }

    /// Answers that are wrong in another way: 500, 503 for a key that is known, or none.
    pub(crate) fn odd(&self) -> u64 {
        self.count(|duty, status| !duty.is_met_by(status)) - self.refused() - self.let_in()
    }

    /// Whether such a request was made, and answered so.
    pub(crate) fn has(&self, name: &str, status: u16) -> bool {
        self.counts.keys().any(|(_, _, own, answer)| *own == name && *answer == status)
    }

    pub(crate) fn breaches(&self) -> &[String] {
        &self.breaches
    }

    /// A table of every kind, group by group, and how long the good ones took.
    pub(crate) fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((group, duty, name, status), count) in &self.counts {
            if *group != last {
                last = group;
                writeln!(f, "  {group}{}", self.latencies(group))?;
            }
            let mark = match duty {
                duty if !duty.is_met_by(*status) => "   <-- not due",
                Duty::AcceptOrWait(_) => "   (while it was away)",
                _ => "",
            };
            writeln!(f, "    {name:<28} {status:>3} {count:>8}{mark}")?;
        }
        Ok(())
    }

    fn latencies(&self, group: &str) -> String {
        let Some(took) = self.took.get(group) else { return String::new() };
        let mut sorted = took.clone();
        sorted.sort_unstable();
        let at = |thousandth: usize| {
            let micros = sorted[(sorted.len() - 1) * thousandth / 1000];
            Duration::from_micros(micros.into())
        };
        format!(": good answers after {:.1?} (p50), {:.1?} (p99), {:.1?} (slowest)", at(500), at(990), at(1000))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (good, refused, bad, let_in) = (self.good(), self.refused(), self.bad(), self.let_in());
        write!(f, "{good} good requests, {refused} refused; {bad} bad ones, {let_in} let in")
    }
}
