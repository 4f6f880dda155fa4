//! V2: the compact serialization, exactly three parts of strict base64url, within the size limit.

use rampart_core::{Algorithm, AuthError};
use rampart_issuer::SigningKey;

use crate::common::{
    AUTH, Auth, Draft, EC, EC_384, EC_521, ED, EVERY, KEYS, RSA, SignWith, base64url, decode, jwk, key_set, parts,
    ready, sign_text, wrong_algs,
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Refused by V2, and by the signature layer alone.
fn refuses(id: &str, token: &str) {
    AUTH.refuses(id, token, "V2");
    let alone = KEYS.verify(token, &[Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::ES512]);
    assert_eq!(alone, Err(AuthError::InvalidToken), "{id}: signature layer");
}

/// All other last characters that decode to the same bytes where unused bits are ignored.
fn twins(part: &str) -> Vec<String> {
    let unused = match part.len() % 4 {
        2 => 4,
        3 => 2,
        _ => return Vec::new(),
    };
    let (start, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.iter().position(|own| *own == last.as_bytes()[0]).unwrap();
    assert_eq!(value % (1 << unused), 0, "the part is not canonical to begin with");
    (1..1 << unused).map(|bits| format!("{start}{}", char::from(ALPHABET[value + bits]))).collect()
}

#[test]
fn token_has_exactly_three_non_empty_parts() {
    let token = Draft::good().sign();
    let [h, p, s] = parts(&token);
    AUTH.accepts("control", &token);
    let cases = [
        ("B06 empty", String::new()),
        ("B06 no dot", h.to_owned()),
        ("B06 one dot", format!("{h}.{p}")),
        ("B06 three dots", format!("{h}.{p}.{s}.")),
        ("B06 three dots, fourth part", format!("{h}.{p}.{s}.{s}")),
        ("B06 four dots, as a JWE", format!("{h}.{p}.{s}.{s}.{s}")),
        ("B06 leading dot", format!(".{token}")),
        ("B06 two dots alone", "..".into()),
        ("B06 four dots alone", "....".into()),
        ("B06 one dot alone", ".".into()),
        ("B06 empty header", format!(".{p}.{s}")),
        ("B06 empty payload", format!("{h}..{s}")),
        ("B06 doubled dot", format!("{h}..{p}.{s}")),
        ("B06 quoted", format!("\"{token}\"")),
        ("B06 with its scheme", format!("Bearer {token}")),
        ("B06 two tokens", format!("{token} {token}")),
        ("A03 A04 empty signature", format!("{h}.{p}.")),
        ("A16 detached payload", format!("{h}..{s}")),
        ("A20 flattened JSON", format!(r#"{{"protected":"{h}","payload":"{p}","signature":"{s}"}}"#)),
        ("A20 general JSON", format!(r#"{{"payload":"{p}","signatures":[{{"protected":"{h}","signature":"{s}"}}]}}"#)),
        ("A20 polyglot", format!(r#"{{"  {h}.{p}.","protected":"{h}","payload":"{p}","signature":"{s}"}}"#)),
        ("A20 polyglot with three parts", format!(r#"{{"{h}.{p}.{s}":1}}"#)),
    ];
    for (id, token) in cases {
        refuses(id, &token);
    }
    // Three parts in the wrong order: each is base64url, so the header is what fails.
    for (id, token) in [("B06 swapped", format!("{p}.{h}.{s}")), ("B06 turned", format!("{s}.{p}.{h}"))] {
        AUTH.refuses(id, &token, "V3");
    }
}

/// RFC 7515 section 5.1: a signature may stand over nothing.
#[test]
fn empty_payload_is_a_payload_for_a_signature_and_none_for_an_access_token() {
    for (key, algorithm) in [(&EC, Algorithm::ES256), (&RSA, Algorithm::RS256), (&ED, Algorithm::EdDSA)] {
        let header = base64url(Draft::by(key).header.to_json());
        let token = sign_text(&format!("{header}."), key, key.algorithm());
        let jws = KEYS.verify(&token, &[algorithm]).unwrap();
        assert_eq!((jws.payload, jws.key_id.as_deref()), (Vec::new(), Some(key.kid())), "{algorithm}");
        Auth::new(|builder| builder.algorithms(EVERY)).refuses("empty payload", &token, "V2");
        // The payload of another place is no payload of nothing (RFC 7515 appendix F).
        let [header, _, signature] = parts(&Draft::by(key).sign()).map(str::to_owned);
        assert_eq!(KEYS.verify(&format!("{header}..{signature}"), &[algorithm]), Err(AuthError::InvalidToken));
    }
}

#[test]
fn empty_signature_is_refused_whatever_the_algorithm_says() {
    for draft in [Draft::good(), Draft::by(&RSA)] {
        let said = [draft.clone()].into_iter().chain(wrong_algs().map(|json| draft.clone().header("alg", &json)));
        for draft in said {
            let token = draft.sign();
            let [h, p, _] = parts(&token);
            let id = draft.header.to_json();
            refuses(&format!("A01 A03 A04 {id}"), &format!("{h}.{p}."));
            refuses(&format!("A01 one dot, {id}"), &format!("{h}.{p}"));
        }
    }
    let none = base64url(r#"{"alg":"none"}"#);
    refuses("A01 none alone", &format!("{none}.{}.", base64url(Draft::good().payload.to_json())));
}

#[test]
fn padding_is_refused_in_every_part() {
    let token = Draft::good().claim("pad", "1").sign();
    let [h, p, s] = parts(&token);
    for pad in ["=", "==", "===", "====", "%3D"] {
        refuses(&format!("B01 header {pad}"), &format!("{h}{pad}.{p}.{s}"));
        refuses(&format!("B01 payload {pad}"), &format!("{h}.{p}{pad}.{s}"));
        refuses(&format!("B01 signature {pad}"), &format!("{h}.{p}.{s}{pad}"));
    }
    // Padded and signed as such.
    for (id, input) in [
        ("B01 signed padding in the header", format!("{h}=.{p}")),
        ("B01 signed padding in the payload", format!("{h}.{p}=")),
    ] {
        refuses(id, &sign_text(&input, &EC, SignWith::ES256));
    }
}

#[test]
fn other_characters_are_refused_at_every_place() {
    let token = Draft::good().sign();
    let [h, p, s] = parts(&token);
    let inserted = [
        " ", "\t", "\n", "\r\n", "\0", "\u{a0}", "\u{200b}", "\u{feff}", "#", "%41", "+", "/", "~", "*", ",", ";", ":",
        "@", "{", "é", "\u{7f}", "\u{1b}", "𝐀",
    ];
    for text in inserted {
        let within = |part: &str, at: usize| format!("{}{text}{}", &part[..at], &part[at..]);
        let cases = [
            ("start of the token", format!("{text}{token}")),
            ("end of the token", format!("{token}{text}")),
            ("middle of the header", format!("{}.{p}.{s}", within(h, h.len() / 2))),
            ("end of the header", format!("{h}{text}.{p}.{s}")),
            ("start of the payload", format!("{h}.{text}{p}.{s}")),
            ("middle of the payload", format!("{h}.{}.{s}", within(p, p.len() / 2))),
            ("start of the signature", format!("{h}.{p}.{text}{s}")),
            ("middle of the signature", format!("{h}.{p}.{}", within(s, s.len() / 2))),
        ];
        for (place, token) in cases {
            refuses(&format!("B03 {text:?} at the {place}"), &token);
        }
    }
}

#[test]
fn other_base64_alphabet_is_refused() {
    // ECDSA signatures differ each time: sooner or later one holds each character of the other alphabet.
    for (url, other) in [('-', '+'), ('_', '/')] {
        let token = (0..10_000).map(|_| Draft::good().sign()).find(|token| parts(token)[2].contains(url)).unwrap();
        AUTH.accepts("control", &token);
        let [h, p, s] = parts(&token);
        refuses(&format!("B02 {other}"), &format!("{h}.{p}.{}", s.replace(url, &other.to_string())));
    }
}

/// T04.
#[test]
fn unused_bits_of_the_last_character_are_zero() {
    let rsa_3072 = SigningKey::generate_sized(SignWith::RS256, "rsa-3072", 3072).unwrap();
    let auth = Auth::new(|builder| {
        let keys = [&RSA, &EC, &EC_384, &EC_521, &ED].map(|key| jwk(key)).into_iter().chain([jwk(&rsa_3072)]);
        builder.static_jwks(key_set(keys)).algorithms(EVERY)
    });
    for (key, count) in [(&*RSA, 15), (&*EC, 15), (&*ED, 15), (&*EC_384, 0), (&*EC_521, 0), (&rsa_3072, 0)] {
        let token = Draft::by(key).sign();
        auth.accepts(key.kid(), &token);
        let [h, p, s] = parts(&token);
        let twins = twins(s);
        assert_eq!(twins.len(), count, "B04 {}", key.kid());
        for twin in twins {
            let id = format!("B04 {} ..{}", key.kid(), &twin[twin.len() - 2..]);
            auth.refuses(&id, &format!("{h}.{p}.{twin}"), "V2");
        }
    }
}

#[test]
fn unused_bits_are_refused_even_where_they_are_signed() {
    // White space at the end brings each part to the lengths that leave unused bits.
    for spaces in 0..3 {
        let draft = Draft::good();
        let part = |json: String| base64url(format!("{json}{}", " ".repeat(spaces)));
        let (h, p) = (part(draft.header.to_json()), part(draft.payload.to_json()));
        AUTH.accepts("control", &sign_text(&format!("{h}.{p}"), &EC, SignWith::ES256));
        let of_header = twins(&h).into_iter().map(|twin| format!("{twin}.{p}"));
        let of_payload = twins(&p).into_iter().map(|twin| format!("{h}.{twin}"));
        for input in of_header.chain(of_payload) {
            refuses(&format!("B05 {spaces} spaces"), &sign_text(&input, &EC, SignWith::ES256));
        }
    }
}

#[test]
fn length_that_no_base64_has_is_refused() {
    let token = Draft::good().sign();
    let [h, p, s] = parts(&token);
    let one_over = |part: &str| format!("{part}{}", "A".repeat(5 - part.len() % 4));
    assert_eq!(one_over(h).len() % 4, 1);
    refuses("B06 header", &format!("{}.{p}.{s}", one_over(h)));
    refuses("B06 payload", &format!("{h}.{}.{s}", one_over(p)));
    refuses("B06 signature", &format!("{h}.{p}.{}", one_over(s)));
    refuses("B06 one character each", "a.a.a");
}

#[test]
fn every_part_is_decoded_before_any_is_read() {
    let good = Draft::good();
    let token = good.clone().header("alg", r#""none""#).sign();
    let [h, p, s] = parts(&token);
    AUTH.refuses("bad header alone", &token, "V3");
    refuses("bad header, bad payload text", &format!("{h}.{p}=.{s}"));
    refuses("bad header, bad signature text", &format!("{h}.{p}.{s}="));
}

/// A good token of exactly this many bytes.
fn of_length(length: usize) -> String {
    let draft = |pad: usize, in_header: usize| {
        Draft::good()
            .claim("pad", &format!("{:?}", "x".repeat(pad)))
            .header("pad", &format!("{:?}", "x".repeat(in_header)))
    };
    let least = draft(0, 0).sign().len();
    let around = (length - least) * 3 / 4;
    (around.saturating_sub(8)..around + 2)
        .flat_map(|pad| (0..4).map(move |in_header| draft(pad, in_header).sign()))
        .find(|token| token.len() == length)
        .unwrap()
}

#[test]
fn size_limit_counts_every_byte_of_the_token() {
    const DEFAULT: usize = 16 * 1024;
    AUTH.accepts("B11 one under the default", &of_length(DEFAULT - 1));
    AUTH.accepts("B11 the default", &of_length(DEFAULT));
    let over = of_length(DEFAULT + 1);
    AUTH.refuses("B11 one over the default", &over, "V2");
    let token = Draft::good().sign();
    let limited = |bytes| Auth::new(move |builder| builder.max_token_bytes(bytes));
    limited(token.len()).accepts("B11 own limit", &token);
    limited(token.len() + 1).accepts("B11 own limit, one under", &token);
    limited(token.len() - 1).refuses("B11 own limit, one over", &token, "V2");
    limited(1).refuses("B11 smallest limit", &token, "V2");
    limited(1 << 20).accepts("B11 larger than the default", &over);
    let alone = KEYS.verify(&over, &[Algorithm::ES256]).unwrap();
    assert_eq!(alone.payload, decode(parts(&over)[1]), "the signature layer alone has no limit");
}

/// R6.
#[test]
fn huge_tokens_are_refused_at_once() {
    let token = Draft::good().sign();
    let [h, p, s] = parts(&token);
    for (id, size) in [("64 KiB", 64 << 10), ("1 MiB", 1 << 20), ("10 MiB", 10 << 20)] {
        let many = "a".repeat(size);
        AUTH.refuses(&format!("B12 {id} without a dot"), &many, "V2");
        AUTH.refuses(&format!("B12 {id} of dots"), &".".repeat(size), "V2");
        AUTH.refuses(&format!("B11 header of {id}"), &format!("{many}.{p}.{s}"), "V2");
        AUTH.refuses(&format!("B11 payload of {id}"), &format!("{h}.{many}.{s}"), "V2");
        AUTH.refuses(&format!("B11 signature of {id}"), &format!("{h}.{p}.{many}"), "V2");
    }
    refuses("B12 16 KiB of dots", &".".repeat(16 << 10));
    refuses("B12 8 MiB of dots, signature layer", &".".repeat(8 << 20));
}

#[test]
fn b12_huge_tokens_cost_no_memory() {
    let size = 10 << 20;
    for (id, token) in
        [("dots", ".".repeat(size)), ("no dot", "a".repeat(size)), ("one part", format!("a.{}.a", "a".repeat(size)))]
    {
        let count = allocation_counter::measure(|| {
            assert_eq!(ready(AUTH.uncached.verify(&token)).unwrap_err(), AuthError::InvalidToken);
        });
        // The tests' own recorder of the log is counted too.
        assert!(count.bytes_total < 16 * 1024, "B12 {id}: {count:?}");
    }
    let within = ".".repeat(16 << 10);
    let count = allocation_counter::measure(|| {
        assert_eq!(ready(AUTH.uncached.verify(&within)).unwrap_err(), AuthError::InvalidToken);
    });
    assert!(count.bytes_total < 16 * 1024, "B12 16 KiB of dots: {count:?}");
}

#[test]
fn signature_longer_than_any_can_be_is_not_even_decoded() {
    let token = Draft::by(&RSA).sign();
    let [h, p, _] = parts(&token);
    let with = |bytes: usize| format!("{h}.{p}.{}", base64url(vec![1; bytes]));
    AUTH.refuses("C02 as long as RSA with 8192 bits", &with(1024), "V5");
    for bytes in [1027, 2048, 4096, 8192] {
        refuses(&format!("C02 C05 {bytes} bytes"), &with(bytes));
        refuses(&format!("C05 {bytes} zeros"), &format!("{h}.{p}.{}", base64url(vec![0; bytes])));
    }
}
