//! From a token to its claims: what was verified before, what can be said at once, and what must wait for keys.
//!
//! One way leads through here, from top to bottom: [`Verifier::begin`] says what it can; where keys must be fetched first,
//! [`Verifier::resume`] waits for them and decides. How a token is judged once the keys are at hand stands in [`jwt`].

pub(crate) mod introspection;
pub(crate) mod issuers;
pub(crate) mod jwt;
pub(crate) mod live;
pub(crate) mod strangers;
pub(crate) mod trusted;

use std::sync::Arc;
use std::time::Duration;

use self::introspection::{Asked, Look};
use self::issuers::{Issuers, Whose};
use self::jwt::{Failure, Good, UnknownKid};
use self::strangers::Strangers;
use self::trusted::Trusted;
use crate::answer::error::AuthError;
use crate::bearer::is_b64token;
use crate::clock::{self, Clock, Glance};
use crate::event::{Blame, Event, Listeners, RefusedToken};
use crate::jose::jws::{Scratch, Unverified};
use crate::jose::key_set::KeySet;
use crate::jwks::cache::KeyCache;
use crate::jwks::keys::Keys;
use crate::jwks::search::{KidSearch, NotFound, Sought};
use crate::revocation::Revocations;
use crate::rule::{Refusal, Rule};
use crate::token::cache::{Entry, TokenCache};
use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;
use crate::token::validation;

/// A known key ID never makes the issuer be asked: a forger could then have it asked at will.
const SAME_KID_HINT: &str = "forged, unless the issuer has a new key under the same ID since, as one for development may that was restarted: then call refresh_keys()";
const SAME_KID_OF_RESOLVED_HINT: &str =
    "forged, unless the issuer has a new key under the same ID since: then call forget_issuer(..) with its iss";

pub(crate) type Verdict = Result<Arc<Claims>, AuthError>;

/// The verifier of one object.
pub(crate) struct Verifier {
    pub(crate) issuers: Issuers,
    /// Whether a token may be no JWT, and an issuer be asked about it.
    pub(crate) takes_opaque: bool,
    pub(crate) strangers: Strangers,
    /// Logouts that could not be decided: anybody can bring that about too.
    pub(crate) undecided_logouts: Strangers,
    pub(crate) tolerance: Duration,
    pub(crate) max_token_bytes: usize,
    pub(crate) tokens: Option<TokenCache>,
    pub(crate) revocations: Option<Revocations>,
    /// How long an outcome counts as it is; after that the token's times and revocations are asked for again.
    pub(crate) recent: Duration,
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
}

/// A token, and its identity where verified tokens are kept: computed once, for the cache and for whoever asks again.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'t> {
    pub(crate) bytes: &'t [u8],
    pub(crate) identity: Option<Fingerprint>,
}

/// What is known of a token: whose it is, and what came of it before.
struct Known<'v> {
    issuer: Whose<'v>,
    entry: Option<Entry>,
}

/// Who judges a token.
enum Judge<'v> {
    /// We do, by what it says of itself.
    Here(Known<'v>),
    /// The issuer, of which nothing in it speaks.
    Issuer(&'v Arc<Trusted>),
}

/// What can be said of a token without waiting.
pub(crate) enum Step {
    Done(Verdict),
    /// The issuer must be asked before anything more can be said.
    Waits(Wait),
}

/// What is missing of a token's verdict.
pub(crate) struct Wait {
    issuer: Arc<Trusted>,
    missing: Missing,
}

enum Missing {
    /// Keys of its issuer.
    Keys,
    /// What its issuer says of it; with its claims, where they were verified.
    Answer(Option<Arc<Claims>>),
}

impl Verifier {
    pub(crate) fn presented<'t>(&self, bytes: &'t [u8]) -> Presented<'t> {
        // A token that is too long is refused before anything is computed of it.
        let is_cached = self.tokens.is_some() && bytes.len() <= self.max_token_bytes;
        Presented { bytes, identity: is_cached.then(|| Fingerprint::of(bytes)) }
    }

    /// What came of the same token before.
    pub(crate) fn entry(&self, token: Presented<'_>) -> Option<Entry> {
        self.tokens.as_ref()?.get(&token.identity?)
    }

    /// All that can be done without waiting; `entry` is what came of the token before.
    pub(crate) fn begin(&self, token: Presented<'_>, entry: Option<Entry>) -> Step {
        let Some(glance) = self.clock.glance() else { return Step::Done(Err(self.no_clock())) };
        let known = match self.knows(token, entry) {
            Ok(Judge::Here(known)) => known,
            Ok(Judge::Issuer(issuer)) => return self.heard(issuer, token, None, glance),
            Err(refusal) => return Step::Done(Err(self.refuse_unread(&refusal))),
        };
        let Known { issuer, entry } = known;
        let issuer = &*issuer;
        let good = |claims| self.verified(issuer, token, claims, glance);
        let exactly = || self.clock.exactly(glance).unwrap_or(glance.at);
        let refused = |failure| Step::Done(Err(self.settle(issuer, failure)));
        let cache = match &issuer.keys {
            Keys::Static(set) => {
                return self.judge(issuer, token, entry, set, glance).map_or_else(refused, good);
            }
            Keys::Fetched(cache) => cache,
        };
        let current = cache.serve(glance.at);
        let keys = current.as_ref().and_then(|current| current.keys());
        let Some(keys) = keys else { return self.begin_without_keys(issuer, token.bytes, glance.at) };
        match self.judge(issuer, token, entry, keys, glance) {
            Ok(claims) => good(claims),
            // By the exact time: what was asked before the token came, however shortly, does not speak of it.
            Err(Failure::UnknownKid(unknown)) => match self.sought(issuer, &unknown, exactly()) {
                Err(error) => Step::Done(Err(error)),
                Ok(sought) => match cache.dismiss(&sought) {
                    Some(not_found) => Step::Done(Err(self.not_found(issuer, not_found, &sought))),
                    None => Step::Waits(Wait { issuer: Arc::clone(issuer), missing: Missing::Keys }),
                },
            },
            Err(failure) => refused(failure),
        }
    }

    /// What is known of a token before anything of it is verified: that it was before, or whose it says that it is.
    fn knows(&self, token: Presented<'_>, entry: Option<Entry>) -> Result<Judge<'_>, Refusal> {
        self.check_length(token.bytes)?;
        if let Some(known) = &entry
            && let Some(issuer) = self.issuers.numbered(known.issuer)
        {
            return Ok(Judge::Here(Known { issuer, entry }));
        }
        if self.takes_opaque && introspection::is_opaque(token.bytes) {
            // It may have come another way than by a request, of which V1 has asked this.
            if !is_b64token(token.bytes) {
                return Err(Refusal::invalid(Rule::V1, "the token is not one b64token"));
            }
            let stranger = || Refusal::invalid(Rule::I1, "no issuer that is asked about opaque tokens has such ones");
            return self.issuers.that_may_know(token.bytes).map(Judge::Issuer).ok_or_else(stranger);
        }
        let issuer = self.issuers.named_by(token.bytes)?;
        // That of a resolver may have been asked for again just now.
        let entry = entry.filter(|entry| entry.issuer == issuer.number);
        Ok(Judge::Here(Known { issuer, entry }))
    }

    /// V2 and V3, and then what the token says of itself, decide about one that no key could make good; only a token that could
    /// pass waits for keys.
    fn begin_without_keys(&self, issuer: &Arc<Trusted>, token: &[u8], now: Duration) -> Step {
        let Trusted { algorithms, typ_rule, rules, .. } = &**issuer;
        let mut scratch = Scratch::new();
        match Unverified::read(token, &mut scratch, *algorithms, *typ_rule) {
            Err(refusal) => Step::Done(Err(self.refuse(Some(issuer), &refusal, None))),
            Ok(token) => match validation::could_pass(&token.payload, rules, now) {
                // Nothing of it is authentic: whatever it fails by, its bearer is told no more than that it is invalid.
                Err(refusal) => {
                    let kid = token.kid.as_deref();
                    Step::Done(Err(self.refuse_as(Some(issuer), AuthError::InvalidToken, &refusal, kid)))
                }
                Ok(_) => Step::Waits(Wait { issuer: Arc::clone(issuer), missing: Missing::Keys }),
            },
        }
    }

    /// V2, the size.
    fn check_length(&self, token: &[u8]) -> Result<(), Refusal> {
        if token.len() <= self.max_token_bytes {
            return Ok(());
        }
        Err(Refusal::invalid(Rule::V2, "the token is longer than max_token_bytes"))
    }

    /// A token that holds by what it says: where its issuer is asked about each, both must say yes.
    fn verified(&self, issuer: &Arc<Trusted>, token: Presented<'_>, claims: Arc<Claims>, glance: Glance) -> Step {
        match &issuer.introspected {
            Some(asks) if asks.is_for_every_token() => self.heard(issuer, token, Some(claims), glance),
            _ => Step::Done(Ok(claims)),
        }
    }

    /// What the issuer has said of a token, as far as that is believed still.
    fn heard(&self, issuer: &Arc<Trusted>, token: Presented<'_>, own: Option<Arc<Claims>>, glance: Glance) -> Step {
        let Some(asks) = &issuer.introspected else { return Step::Done(Err(AuthError::InvalidToken)) };
        let asked = Asked::about(token, own.as_ref());
        match asks.look(issuer, asked, glance.at, &|claims| self.in_time(claims, glance)) {
            Look::Good(claims) => Step::Done(Ok(claims)),
            Look::Refused(refusal) => Step::Done(Err(self.refuse(Some(issuer), &refusal, None))),
            Look::Unknown => Step::Waits(Wait { issuer: Arc::clone(issuer), missing: Missing::Answer(own) }),
        }
    }

    /// Asks the issuer about a token, or waits for who does.
    async fn ask(&self, issuer: &Arc<Trusted>, token: Presented<'_>, own: Option<Arc<Claims>>) -> Verdict {
        let Some(asks) = &issuer.introspected else { return Err(AuthError::InvalidToken) };
        let asked = Asked::about(token, own.as_ref());
        let in_time = |claims: &Claims| {
            let now = self.clock.now().ok_or_else(|| self.no_date())?;
            claims.content().times.check(now, self.tolerance)
        };
        asks.ask(issuer, asked, &in_time).await.map_err(|refusal| self.refuse(Some(issuer), &refusal, None))
    }

    /// Waits for what is missing.
    pub(crate) async fn resume(&self, wait: Wait, token: Presented<'_>) -> Verdict {
        let Wait { issuer, missing } = wait;
        let own = match missing {
            Missing::Answer(own) => own,
            Missing::Keys => {
                let claims = self.judge_with_keys(&issuer, token).await?;
                match &issuer.introspected {
                    Some(asks) if asks.is_for_every_token() => Some(claims),
                    _ => return Ok(claims),
                }
            }
        };
        self.ask(&issuer, token, own).await
    }

    /// Waits for keys, and looks for the token's key once if the keys that came do not hold it.
    async fn judge_with_keys(&self, issuer: &Arc<Trusted>, token: Presented<'_>) -> Verdict {
        let Keys::Fetched(cache) = &issuer.keys else { return Err(AuthError::InvalidToken) };
        let Some(now) = self.clock.now() else { return Err(self.no_clock()) };
        let begun = cache.begun();
        if let Err(error) = cache.wait(now).await {
            let refusal = if cache.may_be_unavailable() {
                Refusal::new(error, Rule::V4, "there are no keys to check it with")
            } else {
                Refusal::invalid(Rule::V4, "there are no keys to check it with, and too many such tokens come")
            };
            return Err(self.refuse(Some(issuer), &refusal, None));
        }
        let unknown = match self.judge_now(issuer, token, cache) {
            Ok(claims) => return Ok(claims),
            Err(Failure::UnknownKid(unknown)) => unknown,
            Err(failure) => return Err(self.settle(issuer, failure)),
        };
        let sought = self.sought(issuer, &unknown, now)?;
        match cache.find_kid(&sought, begun).await {
            KidSearch::Found => self.judge_now(issuer, token, cache).map_err(|failure| self.settle(issuer, failure)),
            KidSearch::NotFound(not_found) => Err(self.not_found(issuer, not_found, &sought)),
        }
    }

    /// Against the keys and the time of this very moment: both may have changed while the request waited.
    fn judge_now(
        &self,
        issuer: &Arc<Trusted>,
        token: Presented<'_>,
        cache: &Arc<KeyCache>,
    ) -> Result<Arc<Claims>, Failure> {
        let now = self.clock.now().ok_or_else(|| self.no_date())?;
        let current = cache.serve(now);
        match current.as_ref().and_then(|current| current.keys()) {
            Some(keys) => {
                let entry = self.entry(token).filter(|entry| entry.issuer == issuer.number);
                self.judge(issuer, token, entry, keys, Glance::exact(now))
            }
            // They were there a moment ago, and have died since.
            None => {
                let error = AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) };
                Err(Refusal::new(error, Rule::V4, "the keys are too old to serve").into())
            }
        }
    }

    /// V2 to V12 against the keys at hand, or the two of them that can change for a token that was verified before: whether
    /// its key is still there, and what time it is.
    fn judge(
        &self,
        issuer: &Trusted,
        token: Presented<'_>,
        entry: Option<Entry>,
        keys: &KeySet,
        glance: Glance,
    ) -> Result<Arc<Claims>, Failure> {
        let exactly = || self.clock.exactly(glance).ok_or_else(|| self.no_date());
        if let Some(Entry { claims, key, .. }) = entry
            && keys.holds(key)
        {
            self.in_time(&claims, glance)?;
            return Ok(claims);
        }
        let Good { valid, key } = jwt::verify(token.bytes, issuer, keys, exactly()?, &self.listeners)?;
        issuer.prove();
        for claim in valid.mistyped {
            self.listeners.tell(&Event::ClaimMistyped { claim });
        }
        let Some((tokens, identity)) = self.tokens.as_ref().zip(token.identity) else {
            return Ok(Arc::new(valid.claims.into()));
        };
        let claims = Arc::new(Claims::from(valid.claims));
        tokens.insert(identity, &Entry { claims: Arc::clone(&claims), issuer: issuer.number, key });
        Ok(claims)
    }

    /// V9 of claims that were good before.
    fn in_time(&self, claims: &Claims, glance: Glance) -> Result<(), Refusal> {
        if glance.surely(|now| claims.content().times.check(now, self.tolerance).is_ok()) {
            return Ok(());
        }
        claims.content().times.check(self.clock.exactly(glance).ok_or_else(|| self.no_date())?, self.tolerance)
    }

    /// Whether claims that were good some time ago are so still.
    pub(crate) fn still_valid(&self, claims: &Claims) -> Result<(), AuthError> {
        let now = self.clock.now().ok_or_else(|| self.no_date());
        let checked = now.and_then(|now| claims.content().times.check(now, self.tolerance));
        checked.map_err(|refusal| self.refuse(None, &refusal, None))?;
        self.check_revocations(claims)
    }

    /// R1, of a token that is good otherwise, whether it was verified just now or before.
    pub(crate) fn unrevoked(&self, claims: Arc<Claims>) -> Verdict {
        self.check_revocations(&claims)?;
        Ok(claims)
    }

    fn check_revocations(&self, claims: &Claims) -> Result<(), AuthError> {
        let Some(revocations) = &self.revocations else { return Ok(()) };
        revocations.check(claims.content().revocable.as_deref()).map_err(|refusal| {
            let blame = Blame { issuer: Some(&claims.iss), ..Blame::default() };
            self.listeners.tell(&Event::TokenRefused(RefusedToken::new(&refusal, None).with(blame)));
            refusal.error
        })
    }

    /// What to look for, where a fetch for the token's key is worth it; else its refusal.
    fn sought<'u>(&self, issuer: &Trusted, unknown: &'u UnknownKid, now: Duration) -> Result<Sought<'u>, AuthError> {
        match validation::could_pass(&unknown.payload, &issuer.rules, now) {
            Ok(signed_by) => Ok(Sought { kid: &unknown.kid, signed_by }),
            Err(_) => Err(self.unknown_kid(issuer, &unknown.kid)),
        }
    }

    fn settle(&self, issuer: &Trusted, failure: Failure) -> AuthError {
        match failure {
            Failure::Refused(refusal, kid) => self.refuse(Some(issuer), &refusal, kid.as_deref()),
            Failure::UnknownKid(unknown) => self.unknown_kid(issuer, &unknown.kid),
        }
    }

    fn unknown_kid(&self, issuer: &Trusted, kid: &str) -> AuthError {
        self.refuse(Some(issuer), &Refusal::invalid(Rule::V4, NotFound::UNKNOWN.why), Some(kid))
    }

    fn not_found(&self, issuer: &Trusted, not_found: NotFound, sought: &Sought<'_>) -> AuthError {
        let NotFound { error, why } = not_found;
        self.refuse(Some(issuer), &Refusal::new(error, Rule::V4, why), Some(sought.kid))
    }

    /// Tells those who listen, the only ones that learn the reason; where the settings may be to blame, with the setting.
    pub(crate) fn refuse(&self, issuer: Option<&Trusted>, refusal: &Refusal, kid: Option<&str>) -> AuthError {
        self.refuse_as(issuer, refusal.error.clone(), refusal, kid)
    }

    /// As [`refuse`](Self::refuse), where the caller is told another error than that of the rule.
    fn refuse_as(&self, issuer: Option<&Trusted>, told: AuthError, refusal: &Refusal, kid: Option<&str>) -> AuthError {
        let mut blame = Blame { issuer: issuer.map(Trusted::name), ..Blame::default() };
        match (refusal.rule, issuer) {
            (Rule::V5, Some(Trusted { keys, is_resolved, .. })) => {
                blame.keys_age = keys.age();
                let hint = if *is_resolved { SAME_KID_OF_RESOLVED_HINT } else { SAME_KID_HINT };
                blame.hint = blame.keys_age.map(|_| hint);
            }
            (Rule::V8, Some(Trusted { rules, .. })) => blame.accepted = Some(&rules.audiences),
            _ => {}
        }
        self.listeners.tell(&Event::TokenRefused(RefusedToken::new(refusal, kid).telling(&told).with(blame)));
        told
    }

    /// A token whose issuer's rules were not asked, for it names none.
    fn refuse_unread(&self, refusal: &Refusal) -> AuthError {
        if refusal.rule != Rule::V7 {
            return self.refuse(None, refusal, None);
        }
        let line = self.strangers.line(clock::uptime());
        let blame =
            Blame { is_unlogged: line.is_none(), left_out: line.filter(|left_out| *left_out > 0), ..Blame::default() };
        self.listeners.tell(&Event::TokenRefused(RefusedToken::new(refusal, None).with(blame)));
        refusal.error.clone()
    }

    fn no_date(&self) -> Refusal {
        Refusal::new(self.no_clock(), Rule::V9, "the clock stands before 1970")
    }

    pub(crate) fn no_clock(&self) -> AuthError {
        self.listeners.tell(&Event::ClockBefore1970);
        AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) }
    }
}
