//! A set of prepared keys: which of them may have signed a token (V4), and which has (V5).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::de::{DeserializeSeed, MapAccess};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::algorithm::{Algorithm, Algorithms};
use super::jws::{Scratch, TypRule, Unverified};
use super::key::{Unusable, VerifyingKey};
use crate::answer::error::AuthError;
use crate::event::{self, AmbiguousKey, Event, RefusedToken};
use crate::rule::{Refusal, Rule};
use rampart_http::json;

/// Usable keys that are taken from one set.
pub(crate) const MAX_KEYS: usize = 100;
/// Unusable keys of one set that the log names one by one.
const MAX_NAMED: usize = 20;
/// Keys that are tried for one token.
const MAX_CANDIDATES: usize = 4;
/// How often at most the log says that a token has more: anybody can send one without a kid.
const COMPLAINT_EVERY: Duration = Duration::from_secs(60);

/// The signature layer by itself: verifies any compact JWS (RFC 7515) against a JSON Web Key Set (RFC 7517).
///
/// Serialization, header, key choice and signature are checked exactly as for access tokens (all but the size limit and
/// `typ`); the payload may be anything, even empty, and nothing in it is looked at. To accept access tokens use
/// [`RampartAuth`](crate::RampartAuth), which checks the claims too.
///
/// ```
/// use rampart_core::{Algorithm, KeySet};
///
/// // RFC 8037 appendix A.2 and A.4: an Ed25519 key and a signature over "Example of Ed25519 signing".
/// let keys = KeySet::from_json(
///     r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
/// )?;
/// let jws = keys.verify(
///     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
///      hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
///     &[Algorithm::EdDSA],
/// )?;
/// assert_eq!(jws.payload, b"Example of Ed25519 signing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerifyingKey>>,
    /// Positions of the keys that have a kid, in the order of their kids.
    by_kid: Vec<usize>,
    /// When the log last said that too many keys fit a token; one for all sets that follow one another.
    complained: Arc<Mutex<Option<Instant>>>,
}

/// What a verified JWS holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Jws {
    /// The payload, decoded: the very bytes that were signed.
    pub payload: Vec<u8>,
    /// The `kid` of the header, if it has one.
    pub key_id: Option<String>,
    /// The algorithm of the header, which is one of those asked for.
    pub algorithm: Algorithm,
}

/// Why a text is not a key set that could verify anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Not `{"keys": [...]}`.
    #[error("not a JSON Web Key Set: expected an object with one member \"keys\" that is an array")]
    NotAKeySet,
    /// No entry can be used; the log says why each one was skipped.
    #[error(
        "the key set holds no usable key (of {entries} entries): RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or Ed25519, for signatures by an accepted algorithm"
    )]
    #[non_exhaustive]
    NoUsableKey {
        /// How many entries the set has.
        entries: usize,
    },
}

impl KeySet {
    /// Reads a key set; entries that cannot be used are skipped one by one, and the log says why: a warning where something is
    /// wrong with one, `debug` where it merely has another purpose. At most 100 usable keys are taken.
    ///
    /// # Errors
    /// Where the text is no key set, or none of its keys can be used.
    pub fn from_json(json: &str) -> Result<Self, KeySetError> {
        let parsed = Self::read(json, Algorithms::ALL)?;
        parsed.events.iter().for_each(event::log);
        parsed.into_usable()
    }

    /// Verifies a compact JWS whose `alg` is one of `algorithms`.
    ///
    /// # Errors
    /// [`AuthError::InvalidToken`], whatever is wrong; the log (target `rampart`) says what.
    pub fn verify(&self, jws: &str, algorithms: &[Algorithm]) -> Result<Jws, AuthError> {
        let mut scratch = Scratch::new();
        let refuse = |refusal: Refusal, key_id: Option<&str>| {
            event::log(&Event::SignatureRefused(RefusedToken::new(&refusal, key_id)));
            AuthError::InvalidToken
        };
        let token = Unverified::read(jws.as_bytes(), &mut scratch, Algorithms::of(algorithms), TypRule::Any)
            .map_err(|refusal| refuse(refusal, None))?;
        if let Err(no_signer) = self.signer(&token, |_| true) {
            let key_id = token.kid.as_deref();
            if let Some(complaint) = self.complaint(no_signer, &token) {
                event::log(&complaint);
            }
            return Err(refuse(no_signer.into(), key_id));
        }
        let Unverified { payload, kid, algorithm, .. } = token;
        Ok(Jws { payload, key_id: kid.map(Cow::into_owned), algorithm })
    }

    /// What there is to say about the set itself where it knows no signer of a token: once a minute at most.
    pub(crate) fn complaint<'t>(&self, no_signer: NoSigner, token: &'t Unverified<'_>) -> Option<Event<'t>> {
        let is_due = no_signer == NoSigner::TooMany && self.may_complain();
        let key_id = token.kid.as_deref();
        let ambiguous = || AmbiguousKey { algorithm: token.algorithm, limit: MAX_CANDIDATES, key_id };
        is_due.then(ambiguous).map(Event::KeyAmbiguous)
    }

    /// V4, then V5: the key of the set that has signed the token, among those that are for it.
    pub(crate) fn signer(
        &self,
        token: &Unverified<'_>,
        is_for_it: impl Fn(&VerifyingKey) -> bool,
    ) -> Result<&VerifyingKey, NoSigner> {
        let candidates = match self.select(token.kid.as_deref(), token.algorithm) {
            Selection::Candidates(candidates) => candidates,
            Selection::UnknownKid => return Err(NoSigner::UnknownKid),
            Selection::NoneFits => return Err(NoSigner::NoneFits),
            Selection::TooMany => return Err(NoSigner::TooMany),
        };
        let mut why = NoSigner::OfAnotherIssuer;
        let mut candidates = candidates.into_iter().flatten().filter(|key| is_for_it(key));
        let signer = candidates.find(|key| {
            why = NoSigner::AnotherSignature;
            key.verify(token.algorithm, token.signing_input, token.signature)
        });
        signer.ok_or(why)
    }

    /// Whether a key of the set that fits `algorithm` made `signature` over these very bytes.
    ///
    /// Not part of the public interface, and free to change or go in any release: it exists for published test vectors,
    /// which sign arbitrary messages and so cannot be written as a compact JWS.
    #[doc(hidden)]
    pub fn __verify_raw(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Selection::Candidates(candidates) = self.select(None, algorithm) else { return false };
        candidates.into_iter().flatten().any(|key| key.verify(algorithm, message, signature))
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.iter().filter(|key| key.is_of_use()).count()
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        !self.keys.iter().any(|key| key.is_of_use())
    }

    /// Reads a key set, which may turn out to hold no usable key.
    pub(crate) fn read(json: &str, wanted: Algorithms) -> Result<Parsed, KeySetError> {
        let document = json::read_object(json, Document::default()).map_err(|_| KeySetError::NotAKeySet)?;
        let entries = document.keys.ok_or(KeySetError::NotAKeySet)?;
        let (mut keys, mut of_use, mut skipped) = (Vec::new(), 0, Skipped::default());
        for (position, entry) in entries.iter().enumerate() {
            match VerifyingKey::from_jwk(entry.get(), wanted) {
                Ok(key) => {
                    of_use += usize::from(key.is_of_use());
                    keys.push(Arc::new(key));
                }
                Err(why) => skipped.add(position, why),
            }
            // Those of other algorithms are kept too, so that their tokens are told apart from tokens of unknown keys.
            if of_use == MAX_KEYS || keys.len() == 2 * MAX_KEYS {
                skipped.are_cut = position + 1 < entries.len();
                break;
            }
        }
        Ok(Parsed { entries: entries.len(), set: Self::new(keys), events: skipped.into_events(of_use == 0) })
    }

    fn new(keys: Vec<Arc<VerifyingKey>>) -> Self {
        let mut by_kid: Vec<usize> = (0..keys.len()).filter(|at| kid_of(&keys, *at).is_some()).collect();
        by_kid.sort_by(|a, b| kid_of(&keys, *a).cmp(&kid_of(&keys, *b)));
        Self { keys, by_kid, complained: Arc::default() }
    }

    /// The same set, in which every key that `old` holds too is the very same object, so that tokens verified by it stay verified.
    pub(crate) fn carrying_over(self, old: &Self) -> Self {
        let carry =
            |new: Arc<VerifyingKey>| old.keys.iter().find(|old| old.identity == new.identity).map_or(new, Arc::clone);
        Self {
            keys: self.keys.into_iter().map(carry).collect(),
            by_kid: self.by_kid,
            complained: Arc::clone(&old.complained),
        }
    }

    /// Whether the log may say now that too many keys fit a token.
    fn may_complain(&self) -> bool {
        let (mut last, now) = (self.complained.lock(), Instant::now());
        let is_due = last.is_none_or(|last| now.duration_since(last) >= COMPLAINT_EVERY);
        if is_due {
            *last = Some(now);
        }
        is_due
    }

    pub(crate) fn holds_kid(&self, kid: &str) -> bool {
        self.with_kid(kid).next().is_some()
    }

    /// Whether the very object that verified something is still in the set.
    pub(crate) fn holds(&self, serial: u64) -> bool {
        self.keys.iter().any(|key| key.serial == serial)
    }

    pub(crate) fn same_keys(&self, other: &Self) -> bool {
        let all_in = |some: &Self, others: &Self| some.keys.iter().all(|key| others.holds(key.serial));
        self.keys.len() == other.keys.len() && all_in(self, other) && all_in(other, self)
    }

    fn with_kid<'s>(&'s self, kid: &str) -> impl Iterator<Item = &'s Arc<VerifyingKey>> {
        let start = self.by_kid.partition_point(|at| kid_of(&self.keys, *at) < Some(kid));
        let from_there = self.by_kid.get(start..).unwrap_or_default().iter();
        from_there.filter_map(|at| self.keys.get(*at)).take_while(move |key| key.identity.kid.as_deref() == Some(kid))
    }

    /// V4: the keys that may have signed the token.
    fn select(&self, kid: Option<&str>, algorithm: Algorithm) -> Selection<'_> {
        let Some(kid) = kid else { return Selection::of(self.keys.iter(), algorithm) };
        let mut named = self.with_kid(kid);
        let Some(first) = named.next() else { return Selection::UnknownKid };
        Selection::of(std::iter::once(first).chain(named), algorithm)
    }
}

/// Entries that are not used, the first of them with what there is to say.
#[derive(Default)]
struct Skipped {
    wrong: Reasons,
    not_for_us: Reasons,
    /// More usable keys followed than are taken.
    are_cut: bool,
}

#[derive(Default)]
struct Reasons {
    named: Vec<(usize, &'static str)>,
    count: usize,
}

impl Skipped {
    fn add(&mut self, position: usize, why: Unusable) {
        let (reasons, why) = match why {
            Unusable::Wrong(why) => (&mut self.wrong, why),
            Unusable::NotForUs(why) => (&mut self.not_for_us, why),
        };
        reasons.count += 1;
        if reasons.named.len() < MAX_NAMED {
            reasons.named.push((position, why));
        }
    }

    /// What there is to say. An issuer may well publish keys for other purposes; where nothing else is left, that is the reason
    /// why nothing works.
    fn into_events(self, nothing_is_left: bool) -> Vec<Event<'static>> {
        let tell = |named: Vec<(usize, &'static str)>, is_fault| {
            named.into_iter().map(move |(position, why)| Event::KeySkipped { position, why, is_fault })
        };
        let skipped = self.wrong.count + self.not_for_us.count;
        let is_long = self.wrong.count > MAX_NAMED || (nothing_is_left && self.not_for_us.count > MAX_NAMED);
        let cut = self.are_cut.then_some(Event::KeysCut { limit: MAX_KEYS });
        let named = tell(self.wrong.named, true).chain(tell(self.not_for_us.named, nothing_is_left));
        cut.into_iter().chain(named).chain(is_long.then_some(Event::MoreKeysSkipped { skipped })).collect()
    }
}

fn kid_of(keys: &[Arc<VerifyingKey>], at: usize) -> Option<&str> {
    keys.get(at)?.identity.kid.as_deref()
}

/// A key set as read, before anybody has asked whether it holds a key.
#[derive(Debug)]
pub(crate) struct Parsed {
    entries: usize,
    pub(crate) set: KeySet,
    /// What the operator should know of the entries that are not used.
    pub(crate) events: Vec<Event<'static>>,
}

impl Parsed {
    pub(crate) fn into_usable(self) -> Result<KeySet, KeySetError> {
        if self.set.is_empty() { Err(KeySetError::NoUsableKey { entries: self.entries }) } else { Ok(self.set) }
    }
}

/// Why no key of the set is known to have signed a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSigner {
    /// The set holds no key with the token's kid: a newer one may.
    UnknownKid,
    NoneFits,
    TooMany,
    /// Those that fit say that they are for the tokens of another.
    OfAnotherIssuer,
    AnotherSignature,
}

impl From<NoSigner> for Refusal {
    fn from(no_signer: NoSigner) -> Self {
        match no_signer {
            NoSigner::UnknownKid => Self::invalid(Rule::V4, "the set holds no key with this kid"),
            NoSigner::NoneFits => Self::invalid(Rule::V4, "no key of the set fits the token's alg and kid"),
            NoSigner::TooMany => Self::invalid(Rule::V4, "more keys fit the token than are tried"),
            NoSigner::OfAnotherIssuer => {
                Self::invalid(Rule::V4, "the key says in its member issuer that it is for the tokens of another issuer")
            }
            NoSigner::AnotherSignature => Self::invalid(Rule::V5, "the signature does not hold"),
        }
    }
}

enum Selection<'s> {
    Candidates([Option<&'s VerifyingKey>; MAX_CANDIDATES]),
    UnknownKid,
    NoneFits,
    TooMany,
}

impl<'s> Selection<'s> {
    fn of(keys: impl Iterator<Item = &'s Arc<VerifyingKey>>, algorithm: Algorithm) -> Self {
        let mut fitting = keys.filter(|key| key.fits(algorithm)).map(Arc::as_ref);
        let candidates = std::array::from_fn(|_| fitting.next());
        match (candidates.first(), fitting.next()) {
            (_, Some(_)) => Self::TooMany,
            (Some(Some(_)), None) => Self::Candidates(candidates),
            _ => Self::NoneFits,
        }
    }
}

/// The outer object; entries stay text, so that a malformed one spoils nothing but itself.
#[derive(Default)]
struct Document<'a> {
    keys: Option<Vec<&'a RawValue>>,
}

impl<'de> json::Members<'de> for Document<'de> {
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if name == "keys" { json::fill_with(&mut self.keys, map, Entries) } else { Ok(false) }
    }
}

struct Entries;

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}
