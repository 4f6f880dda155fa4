//! Entries as replicas share them: of one size, with nothing in them that anybody could read, and sealed where there is a key.
//!
//! The version, what is said, the ID, the bound, a time, and the terms of whoever has written it: 34 bytes, numbers with their most significant
//! byte first. With a key, the first half of an HMAC-SHA-256 over these follows (RFC 2104 section 5).

use aws_lc_rs::{constant_time, hmac};

use super::closed::Standing;
use super::core::Said;
use super::ids::{Hashing, Id};
use super::list::{Bound, Entry};
use super::terms::{Lasts, Terms};

const VERSION: u8 = 1;
const BARE: usize = 34;
const SEAL: usize = 16;

const SINCE: u8 = 1;
const UNTIL: u8 = 2;
const CLOSED: u8 = 3;
const LIFTED: u8 = 4;

/// How entries are written and read.
pub(crate) struct Wire {
    seal: Option<hmac::Key>,
}

/// The keys for both uses of the one that replicas share: neither says anything of the other.
pub(crate) fn keys_of(state_key: &[u8; 32]) -> (Hashing, Wire) {
    let state_key = hmac::Key::new(hmac::HMAC_SHA256, state_key);
    let key = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&state_key, purpose).as_ref());
    (Hashing::keyed(key(b"rampart revocation ids 1")), Wire { seal: Some(key(b"rampart revocation entries 1")) })
}

impl Wire {
    /// Without a key: whoever can write to the store can revoke anything.
    pub(crate) const BARE: Self = Self { seal: None };

    pub(crate) fn write(&self, id: &Id, said: Said, terms: Terms) -> Vec<u8> {
        let (kind, bound, time) = match said {
            Said::Entry(Entry { bound, lasts: Lasts::Since(time) }) => (SINCE, bound.bits(), time),
            Said::Entry(Entry { bound, lasts: Lasts::Until(time) }) => (UNTIL, bound.bits(), time),
            Said::Issuer(Standing { said, is_closed }) => (if is_closed { CLOSED } else { LIFTED }, 0, said),
        };
        let mut bytes = Vec::with_capacity(BARE + SEAL);
        bytes.extend([VERSION, kind]);
        bytes.extend(id);
        for number in [bound, time, terms.lifetime, terms.tolerance] {
            bytes.extend(number.to_be_bytes());
        }
        if let Some(seal) = self.sealed(&bytes) {
            bytes.extend(seal);
        }
        bytes
    }

    /// What an entry says, or why it says nothing here.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<(Id, Said, Terms), &'static str> {
        if bytes.first() != Some(&VERSION) {
            return Err("it is of another version, or none of ours");
        }
        let Some((bare, seal)) = bytes.split_at_checked(BARE).filter(|(_, seal)| matches!(seal.len(), 0 | SEAL)) else {
            return Err("it has another length than entries have");
        };
        match self.sealed(bare) {
            None if !seal.is_empty() => return Err("it is sealed by a state key, and there is none here"),
            Some(_) if seal.is_empty() => return Err("it is not sealed, and there is a state key here"),
            Some(own) if constant_time::verify_slices_are_equal(&own, seal).is_err() => {
                return Err("it is sealed by another state key, or forged");
            }
            _ => {}
        }
        let malformed = "it is malformed";
        let ([_, kind], rest) = bare.split_first_chunk().ok_or(malformed)?;
        let (id, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let (numbers, []) = rest.as_chunks() else { return Err(malformed) };
        let [bound, time, lifetime, tolerance] = numbers else { return Err(malformed) };
        let [bound, time, lifetime, tolerance] =
            [bound, time, lifetime, tolerance].map(|number| u32::from_be_bytes(*number));
        let entry = |lasts| Said::Entry(Entry { bound: Bound::from_bits(bound), lasts });
        let said = match (*kind, bound) {
            (SINCE, _) => entry(Lasts::Since(time)),
            (UNTIL, _) => entry(Lasts::Until(time)),
            (CLOSED | LIFTED, 0) => Said::Issuer(Standing { said: time, is_closed: *kind == CLOSED }),
            _ => return Err(malformed),
        };
        Ok((*id, said, Terms { lifetime, tolerance }))
    }

    fn sealed(&self, bytes: &[u8]) -> Option<[u8; SEAL]> {
        hmac::sign(self.seal.as_ref()?, bytes).as_ref().first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = [7; 16];
    const TERMS: Terms = Terms { lifetime: 86_400, tolerance: 5 };

    fn every() -> [Said; 5] {
        let entry = |bound, lasts| Said::Entry(Entry { bound, lasts });
        [
            entry(Bound::ALL, Lasts::Since(1)),
            entry(Bound::issued_by(8), Lasts::Until(u32::MAX)),
            entry(Bound::issued_by(0), Lasts::Since(0)),
            Said::Issuer(Standing { said: 9, is_closed: true }),
            Said::Issuer(Standing { said: 9, is_closed: false }),
        ]
    }

    #[test]
    fn what_was_written_is_read_by_whoever_has_the_key() {
        let wires = [Wire::BARE, keys_of(&[1; 32]).1, keys_of(&[2; 32]).1];
        for (writer, wire) in wires.iter().enumerate() {
            for said in every() {
                let bytes = wire.write(&ID, said, TERMS);
                assert_eq!(bytes.len(), if writer == 0 { BARE } else { BARE + SEAL });
                for (reader, other) in wires.iter().enumerate() {
                    let read = other.read(&bytes);
                    assert_eq!(read.is_ok(), reader == writer, "{writer} {reader} {read:?}");
                    assert!(reader != writer || read == Ok((ID, said, TERMS)));
                }
            }
        }
    }

    /// The layout is what replicas of other releases read.
    #[test]
    fn entry_has_its_bytes_in_their_places() {
        let said = Said::Entry(Entry { bound: Bound::issued_by(0x0102_0304), lasts: Lasts::Until(0x0506_0708) });
        let terms = Terms { lifetime: 0x090a_0b0c, tolerance: 0x0d0e_0f10 };
        let bytes = Wire::BARE.write(&ID, said, terms);
        let expected: Vec<u8> = [1, 2].into_iter().chain([7; 16]).chain(1..=16).collect();
        assert_eq!(bytes, expected);
    }

    /// RV16, RV35
    #[test]
    fn what_is_malformed_forged_or_of_another_version_says_nothing() {
        for wire in [Wire::BARE, keys_of(&[1; 32]).1] {
            let good = wire.write(&ID, every()[0], TERMS);
            for length in 0..good.len() {
                assert!(wire.read(&good[..length]).is_err(), "{length}");
            }
            assert!(wire.read(&[&*good, &[0]].concat()).is_err());
            assert!(wire.read(&vec![1; 10 << 20]).is_err());
            assert!(wire.read(b"1-0 revoke all").is_err());
        }
        let bare = Wire::BARE.write(&ID, every()[0], TERMS);
        for (at, byte) in [(0, 0), (0, 2), (1, 0), (1, 3), (1, 4), (1, 5), (1, 255)] {
            let mut wrong = bare.clone();
            wrong[at] = byte;
            assert!(Wire::BARE.read(&wrong).is_err(), "{at} {byte}");
        }
        let wire = keys_of(&[1; 32]).1;
        let sealed = wire.write(&ID, every()[0], TERMS);
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(wire.read(&forged).is_err(), "{at}");
        }
    }
}
