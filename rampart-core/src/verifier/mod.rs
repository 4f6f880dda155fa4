//! From a token to its claims: what was verified before, what can be said at once, and what must wait for keys.
//!
//! One way leads through here, from top to bottom: [`Verifier::begin`] says what it can; where keys must be fetched first,
//! [`Verifier::resume`] waits for them and decides. How a token is judged once the keys are at hand stands in [`jwt`].

pub(crate) mod jwt;

use std::sync::Arc;
use std::time::Duration;

use self::jwt::{Failure, Good, UnknownKid};
use crate::answer::error::AuthError;
use crate::clock::{Clock, Glance};
use crate::event::{Blame, Event, Listeners, RefusedToken};
use crate::issuer::Issuer;
use crate::jose::jws::{Scratch, Unverified};
use crate::jose::key_set::KeySet;
use crate::jwks::cache::KeyCache;
use crate::jwks::keys::Keys;
use crate::jwks::search::{KidSearch, NotFound, Sought};
use crate::rule::{Refusal, Rule};
use crate::token::cache::{Entry, TokenCache, TokenHash};
use crate::token::claims::Claims;
use crate::token::fingerprint::Fingerprint;
use crate::token::validation;

/// A known key ID never makes the issuer be asked: a forger could then have it asked at will.
const SAME_KID_HINT: &str = "forged, unless the issuer has a new key under the same ID since, as one for development may that was restarted: then call refresh_keys()";

pub(crate) type Verdict = Result<Arc<Claims>, AuthError>;

/// The verifier of one object.
pub(crate) struct Verifier {
    pub(crate) issuer: Issuer,
    pub(crate) max_token_bytes: usize,
    pub(crate) tokens: Option<TokenCache>,
    pub(crate) clock: Clock,
    pub(crate) listeners: Listeners,
}

/// A token, and its identity where verified tokens are kept: computed once, for the cache and for whoever asks again.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'t> {
    pub(crate) bytes: &'t [u8],
    pub(crate) identity: Option<TokenHash>,
}

/// What can be said of a token without waiting.
pub(crate) enum Step {
    Done(Verdict),
    /// Keys must be fetched before anything more can be said.
    NeedsKeys,
}

impl Verifier {
    pub(crate) fn presented<'t>(&self, bytes: &'t [u8]) -> Presented<'t> {
        // A token that is too long is refused before anything is computed of it.
        let is_cached = self.tokens.is_some() && bytes.len() <= self.max_token_bytes;
        Presented { bytes, identity: is_cached.then(|| TokenCache::hash(bytes)) }
    }

    /// All that can be done without waiting.
    pub(crate) fn begin(&self, token: Presented<'_>) -> Step {
        let Some(glance) = self.clock.glance() else { return Step::Done(Err(self.no_clock())) };
        let cache = match &self.issuer.keys {
            Keys::Static(set) => {
                return Step::Done(self.judge(token, set, glance).map_err(|failure| self.settle(failure)));
            }
            Keys::Fetched(cache) => cache,
        };
        let current = cache.serve(glance.at);
        let keys = current.as_ref().and_then(|current| current.keys());
        let Some(keys) = keys else { return self.begin_without_keys(token.bytes, glance.at) };
        match self.judge(token, keys, glance) {
            Ok(claims) => Step::Done(Ok(claims)),
            Err(Failure::UnknownKid(unknown)) => match self.sought(&unknown, glance.at) {
                Err(error) => Step::Done(Err(error)),
                Ok(sought) => match cache.dismiss(&sought) {
                    Some(not_found) => Step::Done(Err(self.not_found(not_found, &sought))),
                    None => Step::NeedsKeys,
                },
            },
            Err(failure) => Step::Done(Err(self.settle(failure))),
        }
    }

    /// V2 and V3, and then what the token says of itself, decide about one that no key could make good; only a token that could
    /// pass waits for keys.
    fn begin_without_keys(&self, token: &[u8], now: Duration) -> Step {
        let Issuer { algorithms, typ_rule, rules, .. } = &self.issuer;
        let mut scratch = Scratch::new();
        let read =
            self.check_length(token).and_then(|()| Unverified::read(token, &mut scratch, *algorithms, *typ_rule));
        match read {
            Err(refusal) => Step::Done(Err(self.refuse(&refusal, None))),
            Ok(token) => match validation::could_pass(&token.payload, rules, now) {
                // Nothing of it is authentic: whatever it fails by, its bearer is told no more than that it is invalid.
                Err(refusal) => {
                    Step::Done(Err(self.refuse_as(AuthError::InvalidToken, &refusal, token.kid.as_deref())))
                }
                Ok(_) => Step::NeedsKeys,
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

    /// Waits for keys, and looks for the token's key once if the keys that came do not hold it.
    pub(crate) async fn resume(&self, token: Presented<'_>) -> Verdict {
        let Keys::Fetched(cache) = &self.issuer.keys else { return Err(AuthError::InvalidToken) };
        let Some(now) = self.clock.now() else { return Err(self.no_clock()) };
        let begun = cache.begun();
        if let Err(error) = cache.wait(now).await {
            return Err(self.refuse(&Refusal::new(error, Rule::V4, "there are no keys to check it with"), None));
        }
        let unknown = match self.judge_now(token, cache) {
            Ok(claims) => return Ok(claims),
            Err(Failure::UnknownKid(unknown)) => unknown,
            Err(failure) => return Err(self.settle(failure)),
        };
        let sought = self.sought(&unknown, now)?;
        match cache.find_kid(&sought, begun).await {
            KidSearch::Found => self.judge_now(token, cache).map_err(|failure| self.settle(failure)),
            KidSearch::NotFound(not_found) => Err(self.not_found(not_found, &sought)),
        }
    }

    /// Against the keys and the time of this very moment: both may have changed while the request waited.
    fn judge_now(&self, token: Presented<'_>, cache: &Arc<KeyCache>) -> Result<Arc<Claims>, Failure> {
        let now = self.clock.now().ok_or_else(|| self.no_date())?;
        let current = cache.serve(now);
        match current.as_ref().and_then(|current| current.keys()) {
            Some(keys) => self.judge(token, keys, Glance::exact(now)),
            // They were there a moment ago, and have died since.
            None => {
                let error = AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) };
                Err(Refusal::new(error, Rule::V4, "the keys are too old to serve").into())
            }
        }
    }

    /// V2 to V12 against the keys at hand, or the two of them that can change for a token that was verified before: whether
    /// its key is still there, and what time it is.
    fn judge(&self, token: Presented<'_>, keys: &KeySet, glance: Glance) -> Result<Arc<Claims>, Failure> {
        let exactly = || self.clock.exactly(glance).ok_or_else(|| self.no_date());
        self.check_length(token.bytes)?;
        let kept = self.tokens.as_ref().zip(token.identity);
        if let Some((tokens, identity)) = &kept
            && let Some(Entry { claims, key }) = tokens.get(identity)
            && keys.holds(key)
        {
            let tolerance = self.issuer.rules.tolerance;
            if !glance.surely(|now| claims.times.check(now, tolerance).is_ok()) {
                claims.times.check(exactly()?, tolerance)?;
            }
            return Ok(claims);
        }
        let Good { valid, key } = jwt::verify(token.bytes, &self.issuer, keys, exactly()?, &self.listeners)?;
        for claim in valid.mistyped {
            self.listeners.tell(&Event::ClaimMistyped { claim });
        }
        let Some((tokens, identity)) = kept else { return Ok(Arc::new(valid.claims)) };
        let claims = Arc::new(Claims { token: Fingerprint::of(token.bytes), ..valid.claims });
        tokens.insert(identity, Entry { claims: Arc::clone(&claims), key });
        Ok(claims)
    }

    /// Whether claims that were good some time ago are so still.
    pub(crate) fn still_valid(&self, claims: &Claims) -> Result<(), AuthError> {
        let now = self.clock.now().ok_or_else(|| self.no_date());
        let checked = now.and_then(|now| claims.times.check(now, self.issuer.rules.tolerance));
        checked.map_err(|refusal| self.refuse(&refusal, None))
    }

    /// What to look for, where a fetch for the token's key is worth it; else its refusal.
    fn sought<'u>(&self, unknown: &'u UnknownKid, now: Duration) -> Result<Sought<'u>, AuthError> {
        match validation::could_pass(&unknown.payload, &self.issuer.rules, now) {
            Ok(signed_by) => Ok(Sought { kid: &unknown.kid, signed_by }),
            Err(_) => Err(self.unknown_kid(&unknown.kid)),
        }
    }

    fn settle(&self, failure: Failure) -> AuthError {
        match failure {
            Failure::Refused(refusal, kid) => self.refuse(&refusal, kid.as_deref()),
            Failure::UnknownKid(unknown) => self.unknown_kid(&unknown.kid),
        }
    }

    fn unknown_kid(&self, kid: &str) -> AuthError {
        self.refuse(&Refusal::invalid(Rule::V4, NotFound::UNKNOWN.why), Some(kid))
    }

    fn not_found(&self, not_found: NotFound, sought: &Sought<'_>) -> AuthError {
        let NotFound { error, why } = not_found;
        self.refuse(&Refusal::new(error, Rule::V4, why), Some(sought.kid))
    }

    /// Tells those who listen, the only ones that learn the reason; where the settings may be to blame, with the setting.
    pub(crate) fn refuse(&self, refusal: &Refusal, kid: Option<&str>) -> AuthError {
        self.refuse_as(refusal.error.clone(), refusal, kid)
    }

    /// As [`refuse`](Self::refuse), where the caller is told another error than that of the rule.
    fn refuse_as(&self, told: AuthError, refusal: &Refusal, kid: Option<&str>) -> AuthError {
        let Issuer { rules, keys, .. } = &self.issuer;
        let mut blame = Blame::default();
        match refusal.rule {
            Rule::V5 => {
                blame.keys_age = keys.age();
                blame.hint = blame.keys_age.map(|_| SAME_KID_HINT);
            }
            Rule::V7 => blame.issuer = Some(&rules.issuer),
            Rule::V8 => blame.accepted = Some(&rules.audiences),
            _ => {}
        }
        self.listeners.tell(&Event::TokenRefused(RefusedToken::new(refusal, kid).telling(&told).with(blame)));
        told
    }

    fn no_date(&self) -> Refusal {
        Refusal::new(self.no_clock(), Rule::V9, "the clock stands before 1970")
    }

    fn no_clock(&self) -> AuthError {
        self.listeners.tell(&Event::ClockBefore1970);
        AuthError::KeysUnavailable { retry_after: Duration::from_secs(1) }
    }
}
