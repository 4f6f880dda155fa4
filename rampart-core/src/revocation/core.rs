//! What is in force, for as long as it must be: shared by all who ask, and by whoever keeps it in step with a store.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{OnceLock, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use super::closed::{Closed, Standing};
use super::ids::{Hashing, Id, Kind, Revocable, RevocableIssuer};
use super::kind::{Revocation, RevokeError};
use super::list::{Bound, Entry, List};
use super::terms::{Lasts, Retention, SKEW, Terms, seconds, seconds_up};
use crate::auth::Inner;
use crate::clock::Clock;
use crate::event::{self, Event};

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
    /// Whether tokens are accepted for longer than when the shared store was last read.
    pub(crate) has_grown: AtomicBool,
    /// The time of the object that was first to say what it is.
    clock: OnceLock<Clock>,
    /// Of each issuer's names all others.
    spellings: RwLock<HashMap<Box<str>, BTreeSet<Box<str>>>>,
    /// The objects that ask, for those who listen to them.
    objects: Mutex<Vec<Weak<Inner>>>,
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

/// What has come of an entry that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is in force, or it adds nothing.
    Done,
    /// So it is, but the store keeps it for a shorter time than tokens are accepted here.
    TooShort(Id),
    /// It would lock everybody out: skipped, as long as the clock is what it is.
    TooEarly,
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
            has_grown: AtomicBool::new(false),
            clock: OnceLock::new(),
            spellings: RwLock::default(),
            objects: Mutex::default(),
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
        let is_empty = self.list.len() == 0;
        let is_revoked = token.names().any(|names| {
            (!is_empty && names.ids().iter().any(|id| self.list.revokes(id, token.issued)))
                || self.closed.is_closed(&names.issuer)
        });
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
        let before = self.terms();
        {
            let mut terms = self.terms.write();
            terms.0 = terms.0.max(Terms::new(lifetime, tolerance));
        }
        if self.terms().max(before) != before {
            self.has_grown.store(true, Ordering::Release);
        }
        if !aliases.is_empty() {
            let names: BTreeSet<Box<str>> =
                std::iter::once(name).chain(aliases.iter().map(String::as_str)).map(Box::from).collect();
            let mut spellings = self.spellings.write();
            for name in &names {
                spellings.entry(name.clone()).or_default().extend(names.iter().cloned());
            }
        }
        RevocableIssuer::new(&self.hashing, name, aliases)
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
        let second = |time: u64| u32::try_from(time).unwrap_or(u32::MAX);
        let latest = u64::from(seconds_up(now.saturating_add(AHEAD)).saturating_add(tolerance));
        if issued_before.is_some_and(|time| time > latest) {
            return Err(RevokeError::TooFarAhead);
        }
        let is_over = |exp: u64| exp.saturating_add(u64::from(retention.after_expiry())) <= now.as_secs();
        if until.is_some_and(is_over) {
            return Err(RevokeError::Useless);
        }
        let bound = match (issued_before, kind) {
            (Some(time), _) => Bound::issued_by(second(*time)),
            (None, Kind::Token | Kind::Session | Kind::Issuer) => Bound::ALL,
            (None, _) => Bound::issued_by(seconds_up(now).saturating_add(tolerance)),
        };
        let lasts = until.map_or(Lasts::Since(seconds_up(now)), |exp| Lasts::Until(second(exp)));
        if *kind == Kind::Issuer {
            return Ok(self.say(iss, seconds(now), true));
        }
        Ok(self.put(*kind, iss, name, Entry { bound, lasts }))
    }

    /// Puts in force what a logout token speaks of.
    pub(crate) fn log_out(
        &self,
        iss: &str,
        sub: Option<&str>,
        sid: Option<&str>,
        issued_at: Duration,
    ) -> Result<Vec<(Id, Said)>, RevokeError> {
        if iss.is_empty() || (sub.is_none() && sid.is_none()) {
            return Err(RevokeError::Nameless);
        }
        let now = self.now().ok_or(RevokeError::NoClock)?;
        // By the issuer's own clock, which may be ahead of ours by the tolerance: how far was checked with the token.
        let bound = Bound::issued_by(seconds_up(issued_at).saturating_add(self.terms().tolerance));
        let entry = Entry { bound, lasts: Lasts::Since(seconds_up(now)) };
        let of_subject = if sid.is_some() { Kind::SubjectWithoutSession } else { Kind::Subject };
        let session = sid.map(|sid| self.put(Kind::Session, iss, sid, entry));
        let subject = sub.map(|sub| self.put(of_subject, iss, sub, entry));
        Ok(session.into_iter().chain(subject).flatten().collect())
    }

    /// Under every name of the issuer.
    fn put(&self, kind: Kind, iss: &str, name: &str, entry: Entry) -> Vec<(Id, Said)> {
        let retention = self.retention();
        let put = |iss: &str| {
            let id = self.hashing.id(kind, iss, name);
            (id, Said::Entry(self.list.add(&id, entry, retention).0))
        };
        let said = self.names(iss).iter().map(|iss| put(iss)).collect();
        self.raise();
        said
    }

    /// The same of the issuer itself.
    fn say(&self, iss: &str, now: u32, is_closed: bool) -> Vec<(Id, Said)> {
        let say = |iss: &str| {
            let id = self.hashing.id(Kind::Issuer, iss, "");
            (id, Said::Issuer(self.closed.say(&id, now, is_closed)))
        };
        let said = self.names(iss).iter().map(|iss| say(iss)).collect();
        self.raise();
        said
    }

    /// Lets the tokens of an issuer pass again.
    pub(crate) fn lift(&self, iss: &str) -> Result<Vec<(Id, Said)>, RevokeError> {
        if iss.is_empty() {
            return Err(RevokeError::Nameless);
        }
        let now = seconds(self.now().ok_or(RevokeError::NoClock)?);
        Ok(self.say(iss, now, false))
    }

    /// Something that another replica has said, or this one before, and in which terms: in force from now on.
    pub(crate) fn take(&self, id: &Id, said: Said, terms: Terms) -> Taken {
        // A clock that stands before 1970 lets no token pass: what is revoked is not forgotten over it.
        let now = seconds_up(self.now().unwrap_or(Duration::MAX).saturating_add(AHEAD)).saturating_add(SKEW);
        match said {
            Said::Issuer(standing) => {
                if standing.said > now {
                    return Taken::TooEarly;
                }
                if self.closed.add(id, standing) {
                    self.raise();
                }
                self.closed.set_stored(id, standing);
                Taken::Done
            }
            Said::Entry(entry) => {
                let latest = now.saturating_add(terms.tolerance.max(self.terms().tolerance).saturating_mul(2));
                // For how long it lasts locks nobody out: after a ban of a month that is since a day which is yet to come.
                if entry.bound.time().is_some_and(|bound| bound > latest) {
                    return Taken::TooEarly;
                }
                self.take_entry(id, entry, terms)
            }
        }
    }

    fn take_entry(&self, id: &Id, entry: Entry, terms: Terms) -> Taken {
        self.learn(terms);
        let retention = self.retention();
        if self.has_ended(entry, retention) {
            return Taken::Done;
        }
        let (union, is_new) = self.list.add(id, entry, retention);
        if is_new {
            self.raise();
        }
        let is_long_enough = Retention { terms, ..retention }.end(entry.lasts) >= retention.end(entry.lasts);
        if union == entry && is_long_enough {
            self.list.set_stored(id, entry);
        }
        if is_long_enough || self.list.is_stored(id) { Taken::Done } else { Taken::TooShort(*id) }
    }

    /// For how long others accept tokens.
    fn learn(&self, terms: Terms) {
        let (_, learned) = *self.terms.read();
        if learned.max(terms) != learned {
            let mut known = self.terms.write();
            known.1 = known.1.max(terms);
        }
    }

    fn has_ended(&self, entry: Entry, retention: Retention) -> bool {
        self.now().is_some_and(|now| retention.end(entry.lasts) <= seconds(now))
    }

    /// What is in force of an ID, and has not ended.
    pub(crate) fn said(&self, id: &Id) -> Option<Said> {
        let retention = self.retention();
        let entry = self.list.get(id).filter(|entry| !self.has_ended(*entry, retention));
        entry.map(Said::Entry).or_else(|| self.closed.get(id).map(Said::Issuer))
    }

    /// Until when it must be kept, in seconds since 1970.
    pub(crate) fn end(&self, said: Said) -> u32 {
        match said {
            Said::Entry(entry) => self.retention().end(entry.lasts),
            Said::Issuer(_) => u32::MAX,
        }
    }

    /// The shared store has this.
    pub(crate) fn set_stored(&self, id: &Id, said: Said) {
        match said {
            Said::Entry(entry) => self.list.set_stored(id, entry),
            Said::Issuer(standing) => self.closed.set_stored(id, standing),
        }
    }

    pub(crate) fn forget_what_is_stored(&self) {
        self.list.forget_what_is_stored();
        self.closed.forget_what_is_stored();
    }

    /// What is in force here, and which the shared store did neither tell nor take since it was last read.
    pub(crate) fn not_stored(&self) -> Vec<Id> {
        let mut ids = self.list.not_stored();
        ids.retain(|id| self.said(id).is_some());
        ids.extend(self.closed.not_stored());
        ids
    }

    /// Tells the log, and those who listen to one of the objects that ask here.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        event::log(event);
        let objects: Vec<_> = self.objects.lock().iter().filter_map(Weak::upgrade).collect();
        for object in objects {
            object.verifier.listeners.tell_all_but_the_log(event);
        }
    }

    pub(crate) fn tell_also(&self, object: Weak<Inner>) {
        let mut objects = self.objects.lock();
        objects.retain(|object| object.strong_count() > 0);
        objects.push(object);
    }

    /// Tells all who ask that there is more than before.
    fn raise(&self) {
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
