//! What is in force, for as long as it must be: shared by all who ask, and by whoever keeps it in step with a store.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::closed::{Closed, Standing};
use super::ids::{Hashing, Id, Kind, Revocable, RevocableIssuer};
use super::kind::{Revocation, RevokeError};
use super::list::{Bound, Entry, List};
use super::terms::{Lasts, Retention, Terms, seconds, seconds_up};
use crate::clock::Clock;

/// How far ahead the bound of a revocation may lie.
pub(crate) const AHEAD: Duration = Duration::from_secs(300);
/// So often what has ended is dropped, in seconds.
pub(crate) const SWEEP: u64 = 30;

pub(crate) struct Core {
    pub(crate) hashing: Hashing,
    is_shared: bool,
    pub(crate) list: List,
    pub(crate) closed: Closed,
    /// Raised by each entry that says more than was known, after it is there.
    state: AtomicU64,
    /// Of those who accept tokens here; and with what others have said of themselves.
    terms: RwLock<(Terms, Terms)>,
    /// The time of the object that was first to say what it is.
    clock: OnceLock<Clock>,
    /// Of each issuer's names all others.
    spellings: RwLock<HashMap<Box<str>, BTreeSet<Box<str>>>>,
    /// When what has ended was last dropped, in seconds since 1970.
    swept: AtomicU64,
    pub(crate) is_swept: AtomicBool,
    /// One at a time drops what has ended.
    sweeping: Mutex<()>,
}

/// Something that is in force from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Entry(Entry),
    Issuer(Standing),
}

impl Core {
    pub(crate) fn new(hashing: Hashing, is_shared: bool) -> Self {
        Self {
            hashing,
            is_shared,
            list: List::new(),
            closed: Closed::default(),
            state: AtomicU64::new(1),
            terms: RwLock::new((Terms::NONE, Terms::NONE)),
            clock: OnceLock::new(),
            spellings: RwLock::default(),
            swept: AtomicU64::new(0),
            is_swept: AtomicBool::new(false),
            sweeping: Mutex::new(()),
        }
    }

    /// Whether a token is revoked: where nothing has changed since it was found not to be, that is known already.
    pub(crate) fn revokes(&self, token: &Revocable) -> bool {
        // Read before the look-up: what comes meanwhile raises it again.
        let state = self.state.load(Ordering::Acquire);
        if token.is_clean_at(state) {
            return false;
        }
        let is_revoked = (self.list.len() > 0 && token.ids().iter().any(|id| self.list.revokes(id, token.issued)))
            || self.closed.is_closed(&token.issuer);
        if !is_revoked {
            token.set_clean_at(state);
        }
        is_revoked
    }

    /// An issuer whose tokens are accepted: by its own name and other spellings of it, for as long as they may live.
    pub(crate) fn accept(
        &self,
        name: &str,
        aliases: &[String],
        lifetime: Duration,
        tolerance: Duration,
    ) -> RevocableIssuer {
        {
            let mut terms = self.terms.write();
            terms.0 = terms.0.max(Terms::new(lifetime, tolerance));
        }
        if !aliases.is_empty() {
            let names: BTreeSet<Box<str>> =
                std::iter::once(name).chain(aliases.iter().map(String::as_str)).map(Box::from).collect();
            let mut spellings = self.spellings.write();
            for name in &names {
                spellings.entry(name.clone()).or_default().extend(names.iter().cloned());
            }
        }
        RevocableIssuer::new(&self.hashing, name)
    }

    /// Goes by this clock, if nobody has said another.
    pub(crate) fn go_by(&self, clock: &Clock) {
        // Who comes later has the same one, or judges by it what lies within the margins of another.
        let _ = self.clock.set(clock.clone());
    }

    pub(crate) fn now(&self) -> Option<Duration> {
        self.clock.get().map_or_else(|| Clock::default().now(), Clock::now)
    }

    pub(crate) fn terms(&self) -> Terms {
        let (own, learned) = *self.terms.read();
        if own == Terms::NONE { Terms::DEFAULT.max(learned) } else { own.max(learned) }
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention { terms: self.terms(), is_shared: self.is_shared }
    }

    /// Puts a revocation in force, under every name of its issuer.
    pub(crate) fn revoke(&self, revocation: &Revocation) -> Result<Vec<(Id, Said)>, RevokeError> {
        let Revocation { kind, iss, name, issued_before, until } = revocation;
        let is_issuer = matches!(kind, Kind::Issuer | Kind::Issued);
        if iss.is_empty() || (name.is_empty() && !is_issuer) {
            return Err(RevokeError::Nameless);
        }
        let now = self.now().ok_or(RevokeError::NoClock)?;
        let retention = self.retention();
        let tolerance = retention.terms.tolerance;
        let latest = u64::from(seconds_up(now.saturating_add(AHEAD)).saturating_add(tolerance));
        if issued_before.is_some_and(|time| time > latest) {
            return Err(RevokeError::TooFarAhead);
        }
        let is_over = |exp: u64| exp.saturating_add(u64::from(retention.after_expiry())) <= now.as_secs();
        if until.is_some_and(is_over) {
            return Err(RevokeError::Useless);
        }
        let second = |time: u64| u32::try_from(time).unwrap_or(u32::MAX);
        let bound = match (issued_before, kind) {
            (Some(time), _) => Bound::issued_by(second(*time)),
            (None, Kind::Token | Kind::Session | Kind::Issuer) => Bound::ALL,
            (None, _) => Bound::issued_by(seconds_up(now).saturating_add(tolerance)),
        };
        let lasts = until.map_or(Lasts::Since(seconds_up(now)), |exp| Lasts::Until(second(exp)));
        let said = self.names(iss).into_iter().map(|iss| {
            let id = self.hashing.id(*kind, &iss, name);
            let said = if *kind == Kind::Issuer {
                Said::Issuer(self.closed.say(&id, seconds(now), true))
            } else {
                Said::Entry(self.list.add(&id, Entry { bound, lasts }, retention).0)
            };
            (id, said)
        });
        let said = said.collect();
        self.raise();
        Ok(said)
    }

    /// Lets the tokens of an issuer pass again.
    pub(crate) fn lift(&self, iss: &str) -> Result<Vec<(Id, Said)>, RevokeError> {
        if iss.is_empty() {
            return Err(RevokeError::Nameless);
        }
        let now = seconds(self.now().ok_or(RevokeError::NoClock)?);
        let lift = |iss: &str| {
            let id = self.hashing.id(Kind::Issuer, iss, "");
            (id, Said::Issuer(self.closed.say(&id, now, false)))
        };
        Ok(self.names(iss).iter().map(|iss| lift(iss)).collect())
    }

    /// Tells all who ask that there is more than before.
    pub(crate) fn raise(&self) {
        self.state.fetch_add(1, Ordering::Release);
    }

    /// All names of an issuer. A replica may know it by another of them than this one.
    fn names(&self, iss: &str) -> BTreeSet<Box<str>> {
        let spellings = self.spellings.read();
        spellings.get(iss).cloned().unwrap_or_else(|| BTreeSet::from([iss.into()]))
    }

    /// Drops what has ended, where that was not done lately.
    pub(crate) fn sweep(&self) {
        let (Some(now), Some(_alone)) = (self.now(), self.sweeping.try_lock()) else { return };
        let swept = self.swept.load(Ordering::Relaxed);
        if now.as_secs().abs_diff(swept) < SWEEP {
            return;
        }
        self.swept.store(now.as_secs(), Ordering::Relaxed);
        self.list.drop_ended(seconds(now), self.retention());
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { list, closed: _, is_shared, .. } = self;
        f.debug_struct("Core").field("list", list).field("is_shared", is_shared).finish_non_exhaustive()
    }
}
