//! Issuers that a resolver names when one of their tokens comes.
//!
//! The resolver is the allow-list: an issuer is live under the one `iss` that it was asked for, as long as it goes on naming it. How many
//! there are is bounded; a flood of names that it does not know costs a call each and leaves nothing behind.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use rampart_http::ConfigError;
use tokio::time::Instant;

use super::strangers::Strangers;
use super::trusted::{Floor, Trusted};
use crate::answer::error::AuthError;
use crate::clock;
use crate::event::Event;
use crate::grants::Grants;
use crate::issuer::Issuer;
use crate::rule::{Refusal, Rule};
use crate::settings::IssuerSettings;

pub(crate) const DEFAULT_MOST: usize = 1000;
/// How long a resolver's answer holds.
pub(crate) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// So often a resolver is asked for one token, where somebody forgets an issuer each time.
const MOST_QUESTIONS: usize = 8;

/// Who the issuers are that are known only at run time: for [`RampartAuthBuilder::issuers`](crate::RampartAuthBuilder::issuers). A closure
/// is one.
///
/// ```
/// use rampart_core::{Grants, Issuer, RampartAuth};
///
/// let tenants = ["acme", "globex"]; // as loaded and kept up to date by the application
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
///     .issuers(move |iss: &str| {
///         let tenant = iss.strip_prefix("https://")?.strip_suffix(".tenants.example")?;
///         tenants.contains(&tenant).then(|| Issuer::new(iss, "my-api").grants(Grants::roles(["user"]).org_id(tenant)))
///     })
///     .build()?;
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
///
/// It is asked with the `iss` of a token that nobody has verified, so it decides by a list of its own and never makes an issuer of whatever
/// it is given. It is asked in the thread of the request and must answer at once: no I/O. What it returns must go by that very
/// `iss`; its [`aliases`](Issuer::aliases) do not count, nor may it be one that the settings name. It grants what its
/// [`grants`](Issuer::grants) say, and nothing where they are silent.
pub trait IssuerResolver: Send + Sync {
    /// The issuer of this name, or `None` where it is nobody's.
    fn resolve(&self, iss: &str) -> Option<Issuer>;

    /// What is wrong with the list that it decides by, as far as that can be said before a token comes: asked once, when the object is
    /// built. Nothing, unless it says otherwise.
    ///
    /// # Errors
    /// [`ConfigError`] with the remedy, which is that of the object then.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

impl<F: Fn(&str) -> Option<Issuer> + Send + Sync> IssuerResolver for F {
    fn resolve(&self, iss: &str) -> Option<Issuer> {
        self(iss)
    }
}

/// The issuers of a resolver.
pub(crate) struct Live {
    resolver: Arc<dyn IssuerResolver>,
    floor: Floor,
    most: usize,
    ask_again_after: Duration,
    start: Instant,
    state: RwLock<State>,
    /// Tokens that bring mistakes of the resolver's to light: anybody can send any number of them.
    complaints: Strangers,
}

#[derive(Default)]
struct State {
    by_name: HashMap<Box<str>, Arc<Known>>,
    by_number: HashMap<u64, Arc<Known>>,
    next_number: u64,
    /// How often somebody was told to forget: whoever was asked before that may not be believed after it.
    forgotten: u64,
}

struct Known {
    trusted: Arc<Trusted>,
    issuer: Issuer,
    /// In milliseconds since the start.
    asked: AtomicU64,
    used: AtomicU64,
}

impl Live {
    pub(crate) fn new(
        resolver: Arc<dyn IssuerResolver>,
        floor: Floor,
        most: usize,
        ask_again_after: Duration,
        first_number: u64,
    ) -> Self {
        let state = RwLock::new(State { next_number: first_number, ..State::default() });
        let complaints = Strangers::default();
        Self { resolver, floor, most, ask_again_after, start: Instant::now(), state, complaints }
    }

    /// The one of this number, while the resolver's word for it holds.
    pub(super) fn numbered(&self, number: u64) -> Option<Arc<Trusted>> {
        let now = self.now();
        let state = self.state.read();
        state.by_number.get(&number).filter(|known| self.holds(known, now)).map(|known| known.use_at(now))
    }

    /// The one of this name; `is_taken` says of a name that it belongs to an issuer of the settings.
    pub(super) fn named(&self, iss: &str, is_taken: impl Fn(&str) -> bool) -> Result<Arc<Trusted>, Refusal> {
        for _ in 0..MOST_QUESTIONS {
            let now = self.now();
            let (before, was_known) = {
                let state = self.state.read();
                match state.by_name.get(iss) {
                    Some(known) if self.holds(known, now) => return Ok(known.use_at(now)),
                    known => (state.forgotten, known.is_some()),
                }
            };
            if !may_be_asked_for(iss) {
                return Err(stranger(iss));
            }
            // A flood of names that it does not know must not hold up those that read.
            let drop_known = || {
                if was_known {
                    self.state.write().remove(iss);
                }
            };
            let resolved = catch_unwind(AssertUnwindSafe(|| self.resolver.resolve(iss)));
            let Ok(resolved) = resolved else {
                self.complain(iss, "the resolver has panicked");
                return Err(self.unavailable("the resolver of issuers has panicked"));
            };
            let Some(issuer) = resolved else {
                drop_known();
                return Err(stranger(iss));
            };
            if let Some(problem) = problem(&issuer, iss, &is_taken) {
                drop_known();
                self.complain(iss, problem);
                return Err(Refusal::invalid(Rule::V7, "the resolver names another issuer for this iss"));
            }
            if let Some(trusted) = self.keep(iss, issuer, before, now)? {
                return Ok(trusted);
            }
        }
        self.complain(iss, "issuers are forgotten each time that the resolver is asked, perhaps by itself");
        Err(self.unavailable("issuers are forgotten each time that the resolver is asked"))
    }

    /// Keeps what the resolver has said; `None` where somebody was told to forget meanwhile.
    fn keep(&self, iss: &str, issuer: Issuer, before: u64, now: u64) -> Result<Option<Arc<Trusted>>, Refusal> {
        if let Some(known) = self.state.read().by_name.get(iss)
            && known.issuer.is_like(&issuer)
        {
            known.asked.store(now, Ordering::Relaxed);
            return Ok(Some(known.use_at(now)));
        }
        let number = {
            let mut state = self.state.write();
            state.next_number += 1;
            state.next_number - 1
        };
        let grants = issuer.settings.grants.clone().unwrap_or(Grants::nothing());
        // The HTTP client is set up by code of the application's.
        let made = catch_unwind(AssertUnwindSafe(|| Trusted::new(number, &issuer, &grants, &self.floor)));
        let problem = match made {
            Ok(Ok(trusted)) => Ok(Arc::new(trusted)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("what http_client(..) sets up has panicked".to_owned()),
        };
        let trusted = problem.map_err(|problem| {
            self.complain(iss, &problem);
            self.unavailable("the resolver gives settings for this issuer that cannot be used")
        })?;
        let known = Arc::new(Known {
            trusted: Arc::clone(&trusted),
            issuer,
            asked: AtomicU64::new(now),
            used: AtomicU64::new(now),
        });
        let mut state = self.state.write();
        if state.forgotten != before {
            return Ok(None);
        }
        // Another request may have been faster.
        if let Some(other) = state.by_name.get(iss)
            && other.issuer.is_like(&known.issuer)
        {
            return Ok(Some(other.use_at(now)));
        }
        state.remove(iss);
        if state.by_name.len() >= self.most {
            state.make_room();
        }
        state.by_name.insert(iss.into(), Arc::clone(&known));
        state.by_number.insert(number, known);
        Ok(Some(trusted))
    }

    /// Forgets an issuer and all that was verified by its rules.
    pub(super) fn forget(&self, iss: &str) -> bool {
        let mut state = self.state.write();
        state.forgotten += 1;
        state.remove(iss)
    }

    fn holds(&self, known: &Known, now: u64) -> bool {
        let age = now.saturating_sub(known.asked.load(Ordering::Relaxed));
        u128::from(age) < self.ask_again_after.as_millis()
    }

    fn now(&self) -> u64 {
        let elapsed = Instant::now().saturating_duration_since(self.start);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells whoever listens each time, and the log once a second.
    fn complain(&self, iss: &str, problem: &str) {
        let line = self.complaints.line(clock::uptime());
        let left_out = line.unwrap_or_default();
        let event = Event::ResolverMisused { iss, problem, left_out };
        let listeners = &self.floor.surroundings.listeners;
        if line.is_some() { listeners.tell(&event) } else { listeners.tell_all_but_the_log(&event) }
    }

    /// The fault is the operator's, not the token's; but what anybody can bring about must not make the host look ill.
    fn unavailable(&self, why: &'static str) -> Refusal {
        if self.floor.surroundings.unavailables.admit(Instant::now()) {
            Refusal::new(AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) }, Rule::V7, why)
        } else {
            Refusal::invalid(Rule::V7, why)
        }
    }
}

impl Known {
    fn use_at(&self, now: u64) -> Arc<Trusted> {
        self.used.store(now, Ordering::Relaxed);
        Arc::clone(&self.trusted)
    }

    /// Who goes first where there are too many: whoever never had a good token, and of those who was not asked for the longest.
    fn worth(&self) -> (bool, u64) {
        (self.trusted.is_proven(), self.used.load(Ordering::Relaxed))
    }
}

impl State {
    fn remove(&mut self, iss: &str) -> bool {
        let removed = self.by_name.remove(iss);
        if let Some(known) = &removed {
            self.by_number.remove(&known.trusted.number);
        }
        removed.is_some()
    }

    fn make_room(&mut self) {
        let least = self.by_name.iter().min_by_key(|(_, known)| known.worth()).map(|(name, _)| name.clone());
        if let Some(name) = least {
            self.remove(&name);
        }
    }
}

/// Whether it could be an issuer's name at all: an http(s) URL without user, query and fragment (RFC 8414 section 2), or a name that is
/// no URL.
fn may_be_asked_for(iss: &str) -> bool {
    if iss.contains(|character: char| character.is_control() || matches!(character, '?' | '#' | '@' | '\\' | ' ')) {
        return false;
    }
    match iss.split_once(':') {
        None => true,
        Some((scheme, rest)) => matches!(scheme, "https" | "http") && rest.starts_with("//"),
    }
}

fn problem(issuer: &Issuer, iss: &str, is_taken: impl Fn(&str) -> bool) -> Option<&'static str> {
    let IssuerSettings { issuer_url, aliases, .. } = &issuer.settings;
    if issuer_url.as_deref() != Some(iss) {
        return Some("the resolver gives an issuer of another name than it was asked for");
    }
    aliases
        .iter()
        .any(|alias| is_taken(alias))
        .then_some("the resolver gives an issuer whose alias is one of the settings")
}

/// A token of an issuer that nobody has named.
pub(super) fn stranger(iss: &str) -> Refusal {
    Refusal::invalid(Rule::V7, "iss is none of the configured issuers").saying(&iss)
}
