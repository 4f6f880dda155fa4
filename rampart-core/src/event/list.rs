//! The list of what happens while tokens are verified and keys are kept.

use std::fmt;
use std::time::Duration;

use crate::answer::error::AuthError;
use crate::jose::algorithm::Algorithm;
use crate::rule::{Refusal, Rule};

/// Something that has happened, for [`on_event`](crate::RampartAuthBuilder::on_event): to count it, to trace it, to wake somebody.
///
/// Everything here also goes to the log; its page in the [manual](crate::manual::log) has the level and the text of each. An event
/// holds nothing of a token: neither its text, nor its claims, nor its key ID. Variants with fields may get more of them: they are
/// matched with `..`.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use rampart_core::{Event, RampartAuth};
///
/// let refused = Arc::new(AtomicU64::new(0));
/// let counter = Arc::clone(&refused);
/// let auth = RampartAuth::builder("https://auth.example.com", "my-api")
///     .on_event(move |event| {
///         if let Event::TokenRefused(token) = event {
///             counter.fetch_add(1, Ordering::Relaxed);
///             eprintln!("{}: {}", token.rule(), token.why());
///         }
///     })
///     .build()?;
/// # Ok::<(), rampart_core::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// A request carries no bearer token (V1).
    TokenMissing,
    /// A token was refused, or could not be judged.
    TokenRefused(RefusedToken<'e>),
    /// A good token lacks what the route asks for: [`AuthError::InsufficientRole`] or [`AuthError::InsufficientScope`].
    #[non_exhaustive]
    Insufficient {
        /// What is lacking.
        error: &'e AuthError,
    },
    /// A claim of a good token has another type than it should, and counts as absent (V11).
    #[non_exhaustive]
    ClaimMistyped {
        /// Its name.
        claim: &'static str,
    },
    /// A [`KeySet`](crate::KeySet) has refused a signature. Nobody but the log is told.
    SignatureRefused(RefusedToken<'e>),
    /// The keys are there for the first time.
    #[non_exhaustive]
    KeysFetched {
        /// How many can verify tokens.
        keys: usize,
    },
    /// The issuer has other keys than before.
    #[non_exhaustive]
    KeysChanged {
        /// How many can verify tokens.
        keys: usize,
    },
    /// The issuer's metadata says that its keys are on another origin than the issuer; told once. Many large issuers do so.
    #[non_exhaustive]
    KeysElsewhere {
        /// Where they are, without the query.
        url: &'e str,
    },
    /// The issuer's keys could not be fetched.
    #[non_exhaustive]
    KeyFetchFailed {
        /// What was asked last, without the query: the address of the keys, or that of the metadata.
        url: &'e str,
        /// Why.
        error: &'e str,
        /// How many attempts in a row have failed.
        failures: u32,
        /// When the next one may be made.
        retry_in: Duration,
    },
    /// A fetch was abandoned by its runtime: that says nothing about the issuer.
    #[non_exhaustive]
    KeyFetchAbandoned {
        /// Where the keys were asked for, without the query.
        url: &'e str,
    },
    /// Keys cannot be fetched on this thread: there is no tokio runtime, or one without timers or I/O.
    #[non_exhaustive]
    KeyFetchImpossible {
        /// What is missing, and the remedy.
        problem: &'e str,
    },
    /// The issuer could not be asked about a token, or its answer is none.
    #[non_exhaustive]
    IntrospectionFailed {
        /// Its name.
        issuer: &'e str,
        /// What has happened.
        error: &'e str,
        /// Whether that is for the operator to mend: the issuer refuses our credentials, or nobody knows where to ask.
        is_fault: bool,
        /// For how long nobody is asked about, where that holds for every token.
        pause: Option<Duration>,
        /// Anybody can bring it about by a token, so that the log has one line a second: how many got none since the last.
        left_out: u64,
    },
    /// Somebody has signed out, by a logout token of this issuer: tokens were revoked.
    #[non_exhaustive]
    LoggedOut {
        /// Its name.
        issuer: &'e str,
    },
    /// A logout token, or the request that brought it, was refused.
    #[non_exhaustive]
    LogoutRefused {
        /// What is wrong with it: a constant sentence.
        why: &'static str,
    },
    /// Whether a logout token is good could not be decided, or what it says could not be kept: its sender is told to come again.
    #[non_exhaustive]
    LogoutUnavailable {
        /// Anybody can bring this about, so that the log has one line a second: how many got none since the last.
        left_out: u64,
    },
    /// An entry of the key set is not used.
    #[non_exhaustive]
    KeySkipped {
        /// Its position in the set, from 0.
        position: usize,
        /// Why.
        why: &'static str,
        /// Whether the issuer should mend it; else the entry has another purpose.
        is_fault: bool,
    },
    /// More entries of the key set are not used than are told one by one.
    #[non_exhaustive]
    MoreKeysSkipped {
        /// How many in all.
        skipped: usize,
    },
    /// The key set holds more usable keys than are taken.
    #[non_exhaustive]
    KeysCut {
        /// How many are taken.
        limit: usize,
    },
    /// More keys of the set fit a token than are tried; told once a minute at most (V4).
    KeyAmbiguous(AmbiguousKey<'e>),
    /// A [`Policy`](crate::Policy) denies everyone: an empty list, or a name that no token can have. Where
    /// [`Policy::check`](crate::Policy::check) is called by the application itself, nobody but the log is told.
    #[non_exhaustive]
    PolicyDeniesEveryone {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The outcome of a verification was asked for again after it had been taken. Nobody but the log is told.
    OutcomeTaken,
    /// A resolver does what the documentation of [`IssuerResolver`](crate::IssuerResolver) forbids: its issuer is not accepted.
    #[non_exhaustive]
    ResolverMisused {
        /// What it was asked for: the `iss` of a token that nobody has verified.
        iss: &'e str,
        /// What is wrong, and the remedy.
        problem: &'e str,
        /// Anybody can bring it about by a token, so that the log has one line a second: how many got none since the last.
        left_out: u64,
    },
    /// Two issuers of the settings differ in so little that one of them may be a mistake. Each has its own tokens all the same.
    #[non_exhaustive]
    IssuersAlike {
        /// The name of one, or another spelling of it.
        one: &'e str,
        /// The same of the other.
        other: &'e str,
    },
    /// The revocations that replicas share were read whole.
    #[non_exhaustive]
    RevocationsLoaded {
        /// How many are in force.
        entries: usize,
    },
    /// The store that replicas share had lost revocations, and was given them again.
    #[non_exhaustive]
    RevocationsRestored {
        /// How many it lacked.
        entries: usize,
    },
    /// A store that knew nothing was said to be new: see [`initialize`](crate::SharedRevocations::initialize).
    RevocationsInitialized,
    /// The store that replicas share cannot be used: told at the first failure, and once a minute while it lasts.
    #[non_exhaustive]
    RevocationFeedFailed {
        /// Why, and the remedy where there is one.
        error: &'e str,
        /// How many attempts in a row have failed.
        failures: u32,
        /// For how long nothing was heard of it; `None` where nothing ever was.
        age: Option<Duration>,
        /// Whether that is too long, so that requests are refused for now.
        is_stale: bool,
    },
    /// The store that replicas share can be used again.
    RevocationFeedRecovered,
    /// The store that replicas share is away for too long, and requests pass all the same: see
    /// [`insecure_ignore_outages`](crate::SharedRevocations::insecure_ignore_outages). Told once a minute.
    #[non_exhaustive]
    RevocationOutageIgnored {
        /// For how long nothing was heard of it; `None` where nothing ever was.
        age: Option<Duration>,
    },
    /// An entry of the store that replicas share was skipped.
    #[non_exhaustive]
    RevocationSkipped {
        /// Why.
        why: &'static str,
        /// The log has one line a second: how many got none since the last.
        left_out: u64,
    },
    /// Tokens that say nothing of their end may outlive what revokes them: told when an object is built that asks its issuer about opaque
    /// tokens, and has revocations.
    RevocationsOutlived,
    /// The system clock stands before 1970, so that no token can be judged.
    ClockBefore1970,
    /// An application is not set up as its adapter needs it. Nobody but the log is told.
    #[non_exhaustive]
    NotSetUp {
        /// What is missing, and the remedy.
        problem: &'e str,
    },
}

/// A token that was refused, and by which rule.
#[derive(Clone)]
pub struct RefusedToken<'e> {
    pub(super) error: &'e AuthError,
    /// What the rule says, where the caller is told less: for the log alone.
    pub(super) cause: &'e AuthError,
    pub(super) rule: Rule,
    pub(super) why: &'static str,
    /// For the log alone.
    pub(super) key_id: Option<&'e str>,
    pub(super) says: Option<&'e str>,
    pub(super) hint: Option<&'e str>,
    pub(super) blame: Blame<'e>,
}

/// What of the settings may be to blame: for the log.
#[derive(Clone, Default)]
pub(crate) struct Blame<'e> {
    pub(crate) issuer: Option<&'e str>,
    pub(crate) accepted: Option<&'e [String]>,
    pub(crate) keys_age: Option<Duration>,
    pub(crate) hint: Option<&'static str>,
    /// Of a kind of which so many come that the log does without this one.
    pub(crate) is_unlogged: bool,
    /// How many the log has done without since its last line of that kind.
    pub(crate) left_out: Option<u64>,
}

impl<'e> RefusedToken<'e> {
    pub(crate) fn new(refusal: &'e Refusal, key_id: Option<&'e str>) -> Self {
        let Refusal { error, rule, why, hint, says } = refusal;
        let (says, blame) = (says.as_deref(), Blame::default());
        Self { error, cause: error, rule: *rule, why, hint: hint.as_deref(), key_id, says, blame }
    }

    pub(crate) fn telling(self, error: &'e AuthError) -> Self {
        Self { error, ..self }
    }

    pub(crate) fn with(self, blame: Blame<'e>) -> Self {
        Self { blame, ..self }
    }

    /// What the caller is told. [`AuthError::KeysUnavailable`] is no fault of the token's.
    pub const fn error(&self) -> &AuthError {
        self.error
    }

    /// The rule that it fails.
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// How it fails it: a constant sentence, never text of the token.
    pub const fn why(&self) -> &'static str {
        self.why
    }
}

/// What everybody may know.
impl fmt::Debug for RefusedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, rule, why, .. } = self;
        f.debug_struct("RefusedToken")
            .field("error", error)
            .field("rule", rule)
            .field("why", why)
            .finish_non_exhaustive()
    }
}

/// A token that too many keys fit.
#[derive(Clone)]
pub struct AmbiguousKey<'e> {
    pub(crate) algorithm: Algorithm,
    pub(crate) limit: usize,
    /// For the log alone.
    pub(crate) key_id: Option<&'e str>,
}

impl AmbiguousKey<'_> {
    /// Its algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many keys are tried for one token.
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Debug for AmbiguousKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, limit, .. } = self;
        f.debug_struct("AmbiguousKey").field("algorithm", algorithm).field("limit", limit).finish_non_exhaustive()
    }
}
