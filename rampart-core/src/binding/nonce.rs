//! Nonces of this API: times that only it could have written (RFC 9449 sections 8 and 9), so that nothing of them need be kept.
//!
//! A nonce is the time of its making and an HMAC-SHA-256 of it, in base64url. Nobody without the key can make one, not even for a time to
//! come, which is what keeps proofs from being made in advance (RFC 9449 section 11.2). It may be used again: the `jti` is what may not.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_http::ConfigError;

/// The key that nonces of DPoP are sealed with (RFC 9449 section 9). `Debug` shows nothing of it, and what is kept of it is overwritten
/// when it is dropped; the bytes that are handed in are their owner's to overwrite.
///
/// ```
/// use rampart_core::NonceKey;
///
/// // One process: each start has a key of its own.
/// let key = NonceKey::random();
///
/// // Replicas: 32 random bytes that all of them share, and during a change of it the other ones, too.
/// # let (new, old) = ([7; 32], [8; 32]);
/// let shared = NonceKey::shared(new).previous(old);
/// assert_eq!(format!("{key:?} {shared:?}"), "NonceKey NonceKey");
/// ```
#[derive(Clone)]
pub struct NonceKey {
    /// `None` where the system gave no random numbers: then nothing can be built with it.
    current: Option<hmac::Key>,
    previous: Vec<hmac::Key>,
    /// Whether nobody else has it.
    is_own: bool,
}

impl NonceKey {
    /// A new key, for one process. Another replica, and the next start, refuse its nonces, at the cost of one more round trip each time a
    /// client meets them. Where the system gives no random numbers, `build()` refuses.
    pub fn random() -> Self {
        let current = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok();
        Self { current, previous: Vec::new(), is_own: true }
    }

    /// A key that several replicas share: 32 bytes from a generator of random numbers, such as `openssl rand 32`; never a password.
    pub fn shared(key: [u8; 32]) -> Self {
        Self { current: Some(sealing(&key)), previous: Vec::new(), is_own: false }
    }

    /// Nonces under this key pass too, and none is made with it.
    ///
    /// To change a key without a refusal: first every replica gets `shared(old).previous(new)`, then every one `shared(new).previous(old)`,
    /// and a minute later `shared(new)`. Without the first step a replica that has not changed yet refuses the new nonces, and clients
    /// try again with one of its own. Each call adds a key.
    #[must_use]
    pub fn previous(mut self, key: [u8; 32]) -> Self {
        self.previous.push(sealing(&key));
        self.is_own = false;
        self
    }

    /// Whether all nonces that pass under it were made in this process.
    pub(crate) const fn is_own(&self) -> bool {
        self.is_own
    }
}

fn sealing(key: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key)
}

/// Nothing of it: it is secret.
impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey")
    }
}

/// Makes nonces, and knows its own again.
pub(crate) struct Nonces {
    current: hmac::Key,
    previous: Vec<hmac::Key>,
}

/// When a nonce was made, which is known to be true: time since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) at: Duration,
}

/// From its making on.
const LIFE: Duration = Duration::from_secs(60);

/// So far ahead may the clock of another replica be, as far as that of a client may be without nonces.
const SKEW: Duration = Duration::from_secs(10);

/// What the same key seals elsewhere is no nonce.
const DOMAIN: &[u8; 21] = b"rampart DPoP nonce v1";

const TIME: usize = size_of::<u64>();
const TAG: usize = 32;

/// The characters of a nonce: all of base64url's are NQCHAR (RFC 9449 section 8.1).
const LENGTH: usize = ((TIME + TAG) * 4).div_ceil(3);

impl Nonces {
    /// # Errors
    /// [`ConfigError::Invalid`] where the system gave no random numbers for the key.
    pub(crate) fn new(key: &NonceKey) -> Result<Self, ConfigError> {
        let current = key.current.clone().ok_or_else(|| {
            ConfigError::invalid(
                "dpop.nonces",
                "has no key, as the system gives no random numbers; mend that, or give NonceKey::shared(..)",
            )
        })?;
        Ok(Self { current, previous: key.previous.clone() })
    }

    /// A nonce of now, to the millisecond.
    pub(crate) fn issue(&self, now: Duration) -> String {
        let time = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).to_be_bytes();
        let tag = hmac::sign(&self.current, &sealed(time));
        URL_SAFE_NO_PAD.encode([time.as_slice(), tag.as_ref()].concat())
    }

    /// When it was made, if that was here or by a replica with the same key, and if it may still be used.
    pub(crate) fn check(&self, nonce: &str, now: Duration) -> Option<Issued> {
        // Before anything is done with it: its sender chooses how long it is.
        if nonce.len() != LENGTH {
            return None;
        }
        let mut bytes = [0; LENGTH];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        let (time, tag) = bytes.get(..length)?.split_first_chunk::<TIME>()?;
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        // Compares in constant time.
        keys.any(|key| hmac::verify(key, &sealed(*time), tag).is_ok()).then_some(())?;
        let issued = Issued { at: Duration::from_millis(u64::from_be_bytes(*time)) };
        issued.is_usable(now).then_some(issued)
    }
}

/// Of one length, so that no two ways of cutting it up exist.
fn sealed(time: [u8; TIME]) -> [u8; DOMAIN.len() + TIME] {
    let mut message = [0; DOMAIN.len() + TIME];
    message.iter_mut().zip(DOMAIN.iter().chain(&time)).for_each(|(to, from)| *to = *from);
    message
}

impl Issued {
    fn is_usable(self, now: Duration) -> bool {
        self.at <= now.saturating_add(SKEW) && now < self.at.saturating_add(LIFE)
    }

    /// Whether another one should go out with an answer, so that its holder never comes with one that is too old.
    pub(crate) fn is_due(self, now: Duration) -> bool {
        now >= self.at.saturating_add(LIFE / 2)
    }

    /// From when on no replica takes it any more, by the clock of any of them: until then a proof with it must be remembered.
    pub(crate) fn expires(self) -> Duration {
        self.at.saturating_add(LIFE).saturating_add(SKEW)
    }
}

/// Nothing of the keys: they are secret.
impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(1_800_000_000_123);
    const NEW: [u8; 32] = [7; 32];
    const OLD: [u8; 32] = [8; 32];

    fn nonces(key: &NonceKey) -> Nonces {
        Nonces::new(key).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nonce_is_known_again_and_says_when_it_was_made() {
        for key in [NonceKey::random(), NonceKey::shared(NEW), NonceKey::shared(NEW).previous(OLD)] {
            let nonces = nonces(&key);
            for now in [NOW, Duration::ZERO, seconds(253_402_300_800), NOW + Duration::from_micros(999)] {
                let nonce = nonces.issue(now);
                // RFC 9449 section 8.1, and nothing that would have to be encoded in a header or a claim.
                assert!(
                    nonce.len() == 54
                        && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
                    "{nonce}"
                );
                let whole = Duration::from_millis(u64::try_from(now.as_millis()).unwrap());
                assert_eq!(nonces.check(&nonce, now), Some(Issued { at: whole }));
            }
        }
        assert_ne!(
            nonces(&NonceKey::shared(NEW)).issue(NOW),
            nonces(&NonceKey::shared(NEW)).issue(NOW + Duration::from_millis(1))
        );
        assert_eq!(
            nonces(&NonceKey::shared(NEW)).check(&nonces(&NonceKey::shared(NEW)).issue(NOW), NOW),
            Some(Issued { at: NOW })
        );
    }

    #[test]
    fn nonce_lives_for_a_minute_and_half_of_it_until_the_next() {
        let nonces = nonces(&NonceKey::shared(NEW));
        let (nonce, issued) = (nonces.issue(NOW), Issued { at: NOW });
        let before = |time: Duration, by: Duration| time.checked_sub(by).unwrap();
        let tick = Duration::from_nanos(1);
        for (now, is_usable, is_due) in [
            (before(NOW, seconds(3600)), false, false),
            // Another replica has made it, whose clock is ahead.
            (before(NOW, seconds(10) + tick), false, false),
            (before(NOW, seconds(10)), true, false),
            (NOW, true, false),
            (before(NOW + seconds(30), tick), true, false),
            (NOW + seconds(30), true, true),
            (before(NOW + seconds(60), tick), true, true),
            (NOW + seconds(60), false, true),
            (NOW + seconds(3600), false, true),
        ] {
            assert_eq!(nonces.check(&nonce, now), is_usable.then_some(issued), "{now:?}");
            assert_eq!(issued.is_due(now), is_due, "{now:?}");
        }
        // When it is dead for the replica whose clock is the slowest, as long as its maker's was not more than 10 s ahead.
        assert_eq!(issued.expires(), NOW + seconds(70));
        assert_eq!(nonces.check(&nonce, before(issued.expires(), seconds(10))), None);
    }

    #[test]
    fn nonce_that_is_changed_anywhere_is_refused() {
        let nonces = nonces(&NonceKey::shared(NEW).previous(OLD));
        let nonce = nonces.issue(NOW);
        for at in 0..nonce.len() {
            for other in (0..=u8::MAX).map(char::from) {
                let changed: String =
                    nonce.chars().enumerate().map(|(index, own)| if index == at { other } else { own }).collect();
                let is_same = changed == nonce;
                assert_eq!(nonces.check(&changed, NOW).is_some(), is_same, "{at} {other:?}");
            }
            let (before, after) = nonce.split_at(at);
            assert_eq!(nonces.check(&format!("{before}{}", after.get(1..).unwrap()), NOW), None, "{at}");
            assert_eq!(nonces.check(&format!("{before}A{after}"), NOW), None, "{at}");
        }
        // Every bit of what is encoded.
        let bytes = URL_SAFE_NO_PAD.decode(&nonce).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(nonces.check(&URL_SAFE_NO_PAD.encode(changed), NOW), None, "{bit}");
        }
    }

    #[test]
    fn text_that_is_no_nonce_is_refused() {
        let nonces = nonces(&NonceKey::shared(NEW));
        let nonce = nonces.issue(NOW);
        let padded = format!("{nonce}==");
        let long = nonce.repeat(80);
        for text in [
            "",
            "\"",
            "\\",
            "\r\n",
            "eyJ7S_zG.eyJH0-Z.HX4w-7v",
            &padded,
            &format!(" {nonce}"),
            &format!("{nonce}\n"),
            &long,
            &"A".repeat(54),
            &"\u{e9}".repeat(27),
            &"\0".repeat(54),
        ] {
            assert_eq!(nonces.check(text, NOW), None, "{text:?}");
        }
        // Sealed under the same key, for another purpose or with another form of the time.
        let time = u64::try_from(NOW.as_millis()).unwrap().to_be_bytes();
        for message in [
            time.to_vec(),
            [b"rampart DPoP nonce v2".as_slice(), &time].concat(),
            [DOMAIN.as_slice(), &time, &[0]].concat(),
        ] {
            let tag = hmac::sign(&sealing(&NEW), &message);
            let other = URL_SAFE_NO_PAD.encode([time.as_slice(), tag.as_ref()].concat());
            assert_eq!((other.len(), nonces.check(&other, NOW)), (54, None));
        }
        let tag = hmac::sign(&sealing(&NEW), &[DOMAIN.as_slice(), &time].concat());
        assert_eq!(URL_SAFE_NO_PAD.encode([time.as_slice(), tag.as_ref()].concat()), nonce);
    }

    #[test]
    fn nonce_under_another_key_is_refused_unless_that_is_a_previous_one() {
        let [new, old, third] = [NEW, OLD, [9; 32]].map(|key| nonces(&NonceKey::shared(key)));
        let both = nonces(&NonceKey::shared(NEW).previous(OLD));
        let ahead = nonces(&NonceKey::shared(OLD).previous(NEW));
        let every = nonces(&NonceKey::shared(NEW).previous(OLD).previous([9; 32]));
        let passes = |made: &Nonces, shown: &Nonces| shown.check(&made.issue(NOW), NOW) == Some(Issued { at: NOW });
        assert!(
            !passes(&new, &old)
                && !passes(&old, &new)
                && !passes(&nonces(&NonceKey::random()), &nonces(&NonceKey::random()))
        );
        // While the key changes, the nonces of every replica pass at every other.
        for shown in [&both, &ahead, &every] {
            for made in [&new, &old, &both, &ahead] {
                assert!(passes(made, shown));
            }
        }
        assert!(passes(&third, &every) && !passes(&third, &both));
        // A previous key makes none, and its nonces live no longer than others.
        assert_eq!(both.issue(NOW), new.issue(NOW));
        assert_eq!(both.check(&old.issue(NOW), NOW + seconds(60)), None);
        // Once it is gone, only the new ones pass.
        assert!(passes(&both, &new) && !passes(&ahead, &new));
    }

    #[test]
    fn key_is_not_shown() {
        let key = NonceKey::shared([0x41; 32]).previous([0x42; 32]);
        assert_eq!(format!("{key:?} {:?}", nonces(&key)), "NonceKey Nonces");
        assert_eq!(format!("{key:#?} {:#?}", nonces(&key)), "NonceKey Nonces");
    }

    #[test]
    fn key_that_could_not_be_made_is_refused() {
        let error = Nonces::new(&NonceKey { current: None, previous: vec![sealing(&OLD)], is_own: false }).unwrap_err();
        let problem = "has no key, as the system gives no random numbers; mend that, or give NonceKey::shared(..)";
        assert_eq!(error, ConfigError::invalid("dpop.nonces", problem));
    }
}
