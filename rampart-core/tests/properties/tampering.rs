//! A good token with anything changed is refused; the one other form that holds is the twin of an ECDSA signature.

use proptest::prelude::*;
use rampart_issuer::SigningKey;

use super::common::{Draft, KEYS, forge, generate, parts};
use super::tokens::ALPHABET;
use super::twin::twin;
use super::{AUTH, SignWith, any_algorithm, cases, is_refused, key_of};

fn good(algorithm: SignWith) -> String {
    Draft::by(key_of(algorithm)).with(algorithm).sign()
}

/// Every position of a token with every letter of the alphabet and the dot where the check is quick, with six others where
/// it is slow; and without the character.
#[test]
fn every_character_of_a_token_counts_for_every_algorithm() {
    let mut changed = 0_u32;
    for &algorithm in SignWith::ALL {
        let (key, token) = (key_of(algorithm), good(algorithm));
        let keys = set_of(key);
        let twin = twin(algorithm, &token);
        for at in 0..token.len() {
            let own = token.as_bytes()[at];
            let letters: Vec<u8> = match algorithm {
                SignWith::RS256 | SignWith::EdDSA => [ALPHABET, b"."].concat(),
                _ => (1..7).map(|step| ALPHABET[(usize::from(own) + 11 * step) % 64]).collect(),
            };
            for letter in letters.into_iter().filter(|letter| *letter != own) {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = letter;
                let other = String::from_utf8(bytes).unwrap();
                let outcome = keys.verify(&other, &super::ALL);
                assert!(outcome.is_err() || Some(&other) == twin.as_ref(), "{algorithm}: {at} as {letter}");
                changed += 1;
            }
            let cut = format!("{}{}", &token[..at], &token[at + 1..]);
            assert!(keys.verify(&cut, &super::ALL).is_err(), "{algorithm}: without {at}");
            changed += 1;
        }
    }
    println!("{changed} changed tokens refused");
    assert!(changed > 40_000, "{changed}");
}

fn set_of(key: &SigningKey) -> rampart_core::KeySet {
    rampart_core::KeySet::from_json(&super::common::key_set([super::common::jwk(key)])).unwrap()
}

proptest! {
    #![proptest_config(cases(300))]

    /// Through every layer, with a set of many keys: one character replaced by any other, one left out, or one put in.
    #[test]
    fn one_edit_anywhere_is_refused(
        algorithm in any_algorithm(), with_kid in any::<bool>(), at in any::<prop::sample::Index>(),
        letter in prop_oneof![3 => prop::sample::select(ALPHABET).prop_map(char::from), 1 => any::<char>()], edit in 0..3,
    ) {
        let draft = Draft::by(key_of(algorithm)).with(algorithm);
        let token = if with_kid { draft } else { draft.without_header("kid") }.sign();
        let at = at.index(token.len());
        let rest = &token[if edit == 2 { at } else { at + 1 }..];
        let other = if edit == 1 { format!("{}{rest}", &token[..at]) } else { format!("{}{letter}{rest}", &token[..at]) };
        // Leaving out one of two equal neighbours is leaving out the other.
        prop_assume!(other != token && Some(&other) != twin(algorithm, &token).as_ref());
        prop_assert!(is_refused(&KEYS, &other), "{algorithm}: {other}");
    }

    /// Any two tokens by one key: the parts of one with the signature of the other.
    #[test]
    fn parts_of_two_tokens_do_not_mix(algorithm in any_algorithm(), sub in "[a-z]{1,8}", which in 0_usize..3) {
        let one = good(algorithm);
        let other = Draft::by(key_of(algorithm)).with(algorithm).claim("sub", &super::common::quoted(&sub)).sign();
        prop_assume!(parts(&one)[1] != parts(&other)[1]);
        let mut mixed = parts(&one);
        mixed[which] = parts(&other)[which];
        // The headers are the same text.
        if which > 0 {
            prop_assert!(is_refused(&KEYS, &mixed.join(".")), "{algorithm}");
        }
    }

    /// The signature of another length, and any bytes as the signature.
    #[test]
    fn other_bytes_are_no_signature(algorithm in any_algorithm(), bytes in prop::collection::vec(any::<u8>(), 0..1100)) {
        let token = good(algorithm);
        prop_assume!(bytes != forge::signature(&token));
        prop_assert!(is_refused(&KEYS, &forge::with(&token, &bytes)), "{algorithm}");
        let own = forge::signature(&token);
        prop_assert!(is_refused(&KEYS, &forge::with(&token, [&own[..], &bytes[..1.min(bytes.len())], &[0]].concat())));
    }

    /// A key that is not in the set, whatever the token says.
    #[test]
    fn a_stranger_is_refused(algorithm in prop::sample::select(&[SignWith::ES256, SignWith::EdDSA, SignWith::ES512][..]), with_kid in any::<bool>()) {
        let stranger = generate(algorithm, key_of(algorithm).kid());
        let draft = Draft::by(&stranger);
        let token = if with_kid { draft } else { draft.without_header("kid") }.sign();
        prop_assert!(is_refused(&KEYS, &token));
    }

    /// Not an attack: both forms hold, and they are two tokens for the cache.
    #[test]
    fn the_twin_of_an_ecdsa_signature_holds(algorithm in prop::sample::select(&[SignWith::ES256, SignWith::ES384, SignWith::ES512][..])) {
        let token = good(algorithm);
        let twin = twin(algorithm, &token).unwrap();
        prop_assert_ne!(&token, &twin);
        AUTH.accepts("the token", &token);
        AUTH.accepts("its twin", &twin);
    }
}
