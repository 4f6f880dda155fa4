//! Any text as a token, and any bytes as the header of a genuinely signed one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::collection::vec;
use proptest::prelude::*;
use rampart_core::AuthError;
use serde_json::Value;

use super::common::{self, ED, KEYS, SignWith, base64url, quoted, sign_text};
use super::{AUTH, cases, cheap_algorithm, is_refused, json_text, key_of, object};

pub(super) const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Header members, many of which mean something, with fitting and unfitting values.
fn header_members() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        4 => prop::sample::select(&["alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "jku", "jwk", "x5c", "x5u"][..])
            .prop_map(str::to_owned),
        1 => "[a-z]{0,4}",
    ];
    let value = prop_oneof![
        3 => prop::sample::select(&["JWT", "at+jwt", "application/at+jwt", "none", "HS256", "RS256", "EdDSA", "ed-1", "ec-1", "rsa-1"][..])
            .prop_map(quoted),
        2 => json_text(),
    ];
    vec((name, value), 0..4)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_text_is_refused(text in any::<String>()) {
        prop_assert!(is_refused(&KEYS, &text));
    }

    #[test]
    fn text_in_the_shape_of_a_token_is_refused(text in "[A-Za-z0-9_\\-]{0,80}(\\.[A-Za-z0-9_\\-=+/ ]{0,80}){0,4}") {
        prop_assert!(is_refused(&KEYS, &text));
    }

    /// Parts that decode: the header is read, and there is no key for any of them.
    #[test]
    fn any_three_byte_strings_are_refused(
        header in prop_oneof![vec(any::<u8>(), 0..200), header_members().prop_map(|members| object(&members).into_bytes())],
        payload in vec(any::<u8>(), 0..200), signature in vec(any::<u8>(), 0..600),
    ) {
        let token = format!("{}.{}.{}", base64url(header), base64url(payload), base64url(signature));
        prop_assert!(is_refused(&KEYS, &token));
    }

    /// A genuine signature over any text as the payload part: it is accepted exactly where another strict reader decodes it,
    /// and to the same bytes. Lengths on both sides of what is decoded in one step; seldom one letter that does not belong.
    #[test]
    fn a_part_is_read_as_a_strict_reader_reads_it(
        letters in vec(prop::sample::select(ALPHABET), 0..200), padding in 0_usize..3,
        edit in prop::option::weighted(0.3, (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"+/= \n~".as_slice())])),
    ) {
        let mut text = letters;
        if let Some((at, letter)) = edit.filter(|(_, letter)| letter.is_ascii() && *letter != b'.' && !text.is_empty()) {
            let at = at.index(text.len());
            text[at] = letter;
        }
        let text = String::from_utf8(text).unwrap() + &"=".repeat(padding / 2);
        let header = base64url(r#"{"alg":"EdDSA"}"#);
        let token = sign_text(&format!("{header}.{text}"), &ED, SignWith::EdDSA);
        let read = KEYS.verify(&token, &super::ALL).map(|jws| jws.payload);
        prop_assert_eq!(read.ok(), URL_SAFE_NO_PAD.decode(&text).ok());
    }

    /// A genuine signature over any header: whatever is accepted is a header that says so.
    #[test]
    fn a_signed_header_is_accepted_only_for_what_it_says(
        algorithm in cheap_algorithm(), members in header_members(), says_alg in prop::bool::weighted(0.9),
        edit in prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let key = key_of(algorithm);
        let mut all = if says_alg { vec![("alg".to_owned(), quoted(algorithm.as_str()))] } else { Vec::new() };
        all.extend(members);
        let mut header = object(&all).into_bytes();
        if let Some((at, byte)) = edit {
            let at = at.index(header.len());
            header[at] = byte;
        }
        let payload = common::Draft::by(key).payload.to_json();
        let token = sign_text(&format!("{}.{}", base64url(&header), base64url(&payload)), key, algorithm);
        let (outcome, rule) = AUTH.ask("header", &token);
        let signed = KEYS.verify(&token, &super::ALL);
        match &outcome {
            Ok(_) => {
                let header: Value = serde_json::from_slice(&header).unwrap();
                let text = |name: &str| header.get(name).map(|value| value.as_str().unwrap().to_ascii_lowercase());
                prop_assert_eq!(&header["alg"], algorithm.as_str());
                prop_assert!(header.get("kid").is_none_or(|kid| kid == key.kid()));
                for forbidden in ["crit", "enc", "zip"] {
                    prop_assert_eq!(header.get(forbidden), None);
                }
                prop_assert!(header.get("b64").is_none_or(|b64| b64 == true));
                let typ = text("typ").map(|typ| typ.trim_start_matches("application/").to_owned());
                prop_assert!(matches!(typ.as_deref(), None | Some("jwt" | "at+jwt")), "{:?}", typ);
                prop_assert!(text("cty").as_deref() != Some("jwt"));
                prop_assert_eq!(signed.unwrap().payload, payload.as_bytes());
            }
            Err(error) => {
                prop_assert_eq!(error, &AuthError::InvalidToken);
                prop_assert!(rule.is_some_and(|rule| ["V2", "V3", "V4", "V5"].contains(&&*rule)));
            }
        }
    }
}
