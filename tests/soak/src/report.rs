//! What came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Settings;
use crate::keys::Rotation;

/// How often memory is measured, and from when on it must stay as it is: after two of these tenths.
pub(crate) const TENTHS: usize = 10;
const SETTLED: usize = 2;
const SHOWN_BREACHES: usize = 10;
/// Memory may differ by this much from one moment to another: an allocator gives nothing back at once.
const UNEVENNESS_KIB: u64 = 4 * 1024;
/// A new key is taken up at the next refresh, and at the latest when the longest back-off of a minute is over.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(70);

/// The answer that a request must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Duty {
    /// A good request: this status and no other, whatever becomes of the issuer.
    Accept(u16),
    /// A bad request whose key is known: this status and no other.
    Refuse(u16),
    /// A bad request whose key is not known: 401, or 503 where the issuer cannot be asked.
    KeepOut,
    /// The server may or may not know the key yet: 200, 401 or 503.
    Either,
}

impl Duty {
    fn is_met_by(self, status: u16) -> bool {
        match self {
            Self::Accept(due) | Self::Refuse(due) => status == due,
            Self::KeepOut => matches!(status, 401 | 503),
            Self::Either => matches!(status, 200 | 401 | 503),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) name: &'static str,
    pub(crate) duty: Duty,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(Duty, &'static str, u16), u64>,
    breaches: Vec<String>,
    slowest_good: Duration,
}

impl Tally {
    pub(crate) fn add(&mut self, answer: Answer, body: &str) {
        let Answer { name, duty, status, took } = answer;
        *self.counts.entry((duty, name, status)).or_default() += 1;
        if matches!(duty, Duty::Accept(_)) {
            self.slowest_good = self.slowest_good.max(took);
        }
        if !duty.is_met_by(status) && self.breaches.len() < SHOWN_BREACHES {
            self.breaches.push(format!("{name}: {duty:?}, but {status} after {took:?} {body}"));
        }
    }

    fn count(&self, wanted: impl Fn(Duty, u16) -> bool) -> u64 {
        self.counts.iter().filter(|((duty, _, status), _)| wanted(*duty, *status)).map(|(_, count)| count).sum()
    }

    fn good(&self) -> u64 {
        self.count(|duty, _| matches!(duty, Duty::Accept(_)))
    }

    fn refused(&self) -> u64 {
        self.count(|duty, status| matches!(duty, Duty::Accept(_)) && !duty.is_met_by(status))
    }

    fn bad(&self) -> u64 {
        self.count(|duty, _| matches!(duty, Duty::Refuse(_) | Duty::KeepOut))
    }

    fn let_in(&self) -> u64 {
        self.count(|duty, status| matches!(duty, Duty::Refuse(_) | Duty::KeepOut) && (200..300).contains(&status))
    }

    /// Answers that are wrong in another way: 500, 503 for a key that is known, or none.
    fn odd(&self) -> u64 {
        self.count(|duty, status| !duty.is_met_by(status)) - self.refused() - self.let_in()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (good, refused, bad, let_in) = (self.good(), self.refused(), self.bad(), self.let_in());
        write!(f, "{good} good requests, {refused} refused; {bad} bad ones, {let_in} let in")
    }
}

pub(crate) struct Report {
    framework: String,
    settings: Settings,
    pub(crate) ran: Duration,
    pub(crate) filled: usize,
    pub(crate) server_lives: bool,
    pub(crate) tally: Tally,
    pub(crate) fetches: usize,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) rotation: Rotation,
    /// In KiB, when the token cache was full and then after each tenth of the time.
    pub(crate) memory: Vec<Option<u64>>,
    pub(crate) memory_peak: Option<u64>,
}

impl Report {
    pub(crate) fn new(framework: &str, settings: &Settings) -> Self {
        Self {
            framework: framework.to_owned(),
            settings: settings.clone(),
            ran: Duration::ZERO,
            filled: 0,
            server_lives: false,
            tally: Tally::default(),
            fetches: 0,
            faults: BTreeMap::new(),
            rotation: Rotation::default(),
            memory: Vec::new(),
            memory_peak: None,
        }
    }

    /// One a second would be too many by far: a refresh every four seconds (with the default TTL), a few retries after each
    /// fault, and two searches for key IDs a minute.
    fn most_fetches(&self) -> usize {
        usize::try_from(self.ran.as_secs()).unwrap_or(usize::MAX) + 10
    }

    /// Whether everything is as it should be, by name.
    fn checks(&self) -> [(&'static str, bool); 8] {
        let Tally { counts, .. } = &self.tally;
        let tried = |name| counts.keys().any(|(_, own, _)| *own == name);
        let measured = |index: usize| self.memory.get(index).copied().flatten();
        let flat = match (measured(SETTLED), measured(TENTHS)) {
            (Some(start), Some(end)) => end <= start + start / 20 + UNEVENNESS_KIB,
            _ => !cfg!(target_os = "linux"),
        };
        let every_kind = ["repeated token", "short-lived token", "random key ID", "forged signature", "brand-new key"];
        [
            ("the server ran to the end", self.server_lives),
            ("no good request refused", self.tally.good() > 0 && self.tally.refused() == 0),
            ("no bad request let in", self.tally.bad() > 0 && self.tally.let_in() == 0),
            ("no answer that was not due", self.tally.odd() == 0),
            ("every kind of request tried", every_kind.into_iter().all(tried)),
            ("memory flat", flat),
            ("fetches within bounds", self.fetches > 0 && self.fetches <= self.most_fetches()),
            ("new keys taken up, withdrawn ones given up", self.keys_follow()),
        ]
    }

    fn keys_follow(&self) -> bool {
        let Rotation { taken_up, given_up, withdrawn, slowest, waiting, .. } = self.rotation;
        taken_up > 0 && slowest <= TAKEN_UP_WITHIN && waiting <= TAKEN_UP_WITHIN && given_up + 8 >= withdrawn
    }

    pub(crate) fn held(&self) -> bool {
        self.checks().iter().all(|(_, holds)| *holds)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { framework, settings, ran, tally, rotation, .. } = self;
        let total: u64 = tally.counts.values().sum();
        writeln!(
            f,
            "== {framework}: {} s, {} requests a second asked for, key sets fresh for {} s",
            ran.as_secs(),
            settings.rate,
            settings.ttl.as_secs()
        )?;
        writeln!(f, "requests     {total}, after {} distinct tokens to fill the token cache", self.filled)?;
        writeln!(
            f,
            "good         {}: refused {}; slowest answer {:.2?}",
            tally.good(),
            tally.refused(),
            tally.slowest_good
        )?;
        writeln!(f, "bad          {}: let in {}", tally.bad(), tally.let_in())?;
        for ((duty, name, status), count) in &tally.counts {
            let mark = if duty.is_met_by(*status) { "" } else { "   <-- not due" };
            writeln!(f, "  {name:<22} {status:>3} {count:>8}{mark}")?;
        }
        writeln!(
            f,
            "keys         {} published, {} taken up (slowest after {:.1?}), {} withdrawn, {} given up",
            rotation.published, rotation.taken_up, rotation.slowest, rotation.withdrawn, rotation.given_up
        )?;
        writeln!(f, "fetches      {} (bound {})", self.fetches, self.most_fetches())?;
        let faults: Vec<_> = self.faults.iter().map(|(what, times)| format!("{what} {times}")).collect();
        writeln!(f, "faults       {}", faults.join(", "))?;
        let mib = |kib: Option<u64>| kib.map_or("?".into(), |kib| format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024));
        let memory: Vec<_> = self.memory.iter().copied().map(mib).collect();
        writeln!(f, "memory, MiB  {}; peak {}", memory.join(" "), mib(self.memory_peak))?;
        for breach in &tally.breaches {
            writeln!(f, "NOT DUE      {breach}")?;
        }
        for (what, holds) in self.checks() {
            writeln!(f, "{}      {what}", if holds { "holds" } else { "FAILS" })?;
        }
        Ok(())
    }
}
