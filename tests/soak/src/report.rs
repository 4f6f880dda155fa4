//! What came of it.

use std::fmt;
use std::time::Duration;

use crate::faults::Injected;
use crate::keys::Rotation;
use crate::settings::Settings;
use crate::tally::Tally;

/// How often memory is measured, and from when on it must stay as it is: after two of these tenths.
pub(crate) const TENTHS: usize = 10;
const SETTLED: usize = 2;
/// Memory may differ by this much from one moment to another: an allocator gives nothing back at once.
const UNEVENNESS_KIB: u64 = 4 * 1024;
/// A new key is taken up at the next refresh, and at the latest when the longest back-off of a minute is over.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(70);

/// What every run must have seen, however short: kinds of requests, with their answers.
const SEEN: [(&str, u16); 24] = [
    ("repeated token", 200),
    ("short-lived token", 200),
    ("random key ID", 401),
    ("forged signature", 401),
    ("brand-new key", 200),
    ("partner's token", 200),
    ("partner's admin", 403),
    ("tenant's token", 200),
    ("partner as tenant", 401),
    ("invented issuer", 401),
    ("proof", 200),
    ("proof", 503),
    ("proof again", 401),
    ("bound token as Bearer", 401),
    ("proof, opaque token", 200),
    ("opaque token", 200),
    ("opaque token, new", 200),
    ("made-up token", 401),
    ("not revoked yet", 200),
    ("new login after that", 200),
    ("beside what is revoked", 200),
    ("revoked here", 401),
    ("revoked elsewhere", 401),
    ("signed out", 401),
];

/// What a replica that starts in the end says of all that was revoked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newcomer {
    pub(crate) asked: usize,
    pub(crate) let_in: usize,
}

pub(crate) struct Report {
    framework: String,
    settings: Settings,
    pub(crate) ran: Duration,
    pub(crate) filled: usize,
    pub(crate) server_lives: bool,
    pub(crate) tally: Tally,
    pub(crate) fetches: usize,
    pub(crate) faults: Injected,
    pub(crate) rotation: Rotation,
    pub(crate) newcomer: Newcomer,
    /// In KiB, when the token cache was full and then after each tenth of the time.
    pub(crate) memory: Vec<Option<u64>>,
    pub(crate) memory_at_start: Option<u64>,
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
            faults: Injected::new(),
            rotation: Rotation::default(),
            newcomer: Newcomer::default(),
            memory: Vec::new(),
            memory_at_start: None,
            memory_peak: None,
        }
    }

    /// One a second would be too many by far: a refresh every four seconds (with the default TTL), a few retries after each
    /// fault, and two searches for key IDs a minute.
    fn most_fetches(&self) -> usize {
        usize::try_from(self.ran.as_secs()).unwrap_or(usize::MAX) + 10
    }

    fn good_refused(&self) -> u64 {
        self.tally.refused()
    }

    fn bad_let_in(&self) -> u64 {
        self.tally.let_in() + u64::try_from(self.newcomer.let_in).unwrap_or(u64::MAX)
    }

    /// Whether everything is as it should be, by name.
    fn checks(&self) -> [(&'static str, bool); 8] {
        let Self { tally, .. } = self;
        let measured = |index: usize| self.memory.get(index).copied().flatten();
        let flat = match (measured(SETTLED), measured(TENTHS)) {
            (Some(start), Some(end)) => end <= start + start / 20 + UNEVENNESS_KIB,
            _ => !cfg!(target_os = "linux"),
        };
        [
            ("the server ran to the end", self.server_lives),
            ("no good request refused", tally.good() > 0 && self.good_refused() == 0),
            ("no bad request let in", tally.bad() > 0 && self.newcomer.asked > 0 && self.bad_let_in() == 0),
            ("no answer that was not due", tally.odd() == 0),
            ("every kind of request tried", self.unseen().is_empty()),
            ("memory level", flat),
            ("fetches within bounds", self.fetches > 0 && self.fetches <= self.most_fetches()),
            ("new keys taken up, withdrawn ones given up", self.keys_follow()),
        ]
    }

    fn unseen(&self) -> Vec<(&'static str, u16)> {
        SEEN.into_iter().filter(|(name, status)| !self.tally.has(name, *status)).collect()
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
        let Self { framework, settings, ran, tally, rotation, newcomer, .. } = self;
        writeln!(
            f,
            "== {framework}: {} s, {} requests a second asked for and those of the other clients, key sets fresh for {} s",
            ran.as_secs(),
            settings.rate,
            settings.ttl.as_secs()
        )?;
        writeln!(f, "requests     {}, after {} distinct tokens to fill the token cache", tally.total(), self.filled)?;
        writeln!(
            f,
            "good         {}: refused {}; 503 while what they need was away {}",
            tally.good(),
            self.good_refused(),
            tally.waited()
        )?;
        writeln!(f, "bad          {}: let in {}", tally.bad(), self.bad_let_in())?;
        tally.table(f)?;
        writeln!(
            f,
            "revoked      {} tokens, of which a replica that starts in the end lets in {}",
            newcomer.asked, newcomer.let_in
        )?;
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
        writeln!(
            f,
            "memory, MiB  {} at the start; caches full, and then by tenths {}; peak {}",
            mib(self.memory_at_start),
            memory.join(" "),
            mib(self.memory_peak)
        )?;
        for breach in tally.breaches() {
            writeln!(f, "NOT DUE      {breach}")?;
        }
        for (name, status) in self.unseen() {
            writeln!(f, "NOT SEEN     {name}: {status}")?;
        }
        for (what, holds) in self.checks() {
            writeln!(f, "{}      {what}", if holds { "holds" } else { "FAILS" })?;
        }
        Ok(())
    }
}
