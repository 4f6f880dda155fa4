//! Published vectors, through the signature layer: RFC 7515 appendix A, RFC 7520 section 4, RFC 8037 appendix A.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rampart_core::{Algorithm, AuthError, KeySet};

use crate::common::EVERY;

struct Vector {
    id: &'static str,
    jwk: &'static str,
    algorithm: Algorithm,
    key_id: Option<&'static str>,
    /// The parts, each without the line breaks of the documents.
    parts: [&'static str; 3],
    payload: &'static str,
}

/// RFC 7515 appendix A.2: the lines end with CRLF.
const JOE: &str = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
const JOE_ENCODED: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 7520 section 4.
const FRODO: &str = "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't \
                     keep your feet, there\u{2019}s no knowing where you might be swept off to.";
const FRODO_ENCODED: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250\
                             byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hl\
                             cmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
const BILBO: &str = "bilbo.baggins@hobbiton.example";
const BILBO_RSA: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","e":"AQAB","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"}"#;

const VECTORS: [Vector; 7] = [
    Vector {
        id: "RFC 7515 A.2",
        jwk: r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
        algorithm: Algorithm::RS256,
        key_id: None,
        parts: [
            "eyJhbGciOiJSUzI1NiJ9",
            JOE_ENCODED,
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ],
        payload: JOE,
    },
    Vector {
        id: "RFC 7515 A.3",
        jwk: r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        algorithm: Algorithm::ES256,
        key_id: None,
        parts: [
            "eyJhbGciOiJFUzI1NiJ9",
            JOE_ENCODED,
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ],
        payload: JOE,
    },
    Vector {
        id: "RFC 7515 A.4",
        jwk: r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
        algorithm: Algorithm::ES512,
        key_id: None,
        parts: [
            "eyJhbGciOiJFUzUxMiJ9",
            "UGF5bG9hZA",
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        ],
        payload: "Payload",
    },
    Vector {
        id: "RFC 7520 4.1",
        jwk: BILBO_RSA,
        algorithm: Algorithm::RS256,
        key_id: Some(BILBO),
        parts: [
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            FRODO_ENCODED,
            "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
        ],
        payload: FRODO,
    },
    Vector {
        id: "RFC 7520 4.2",
        jwk: BILBO_RSA,
        algorithm: Algorithm::PS384,
        key_id: Some(BILBO),
        parts: [
            "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            FRODO_ENCODED,
            "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
        ],
        payload: FRODO,
    },
    Vector {
        id: "RFC 7520 4.3",
        jwk: r#"{"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt","y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"}"#,
        algorithm: Algorithm::ES512,
        key_id: Some(BILBO),
        parts: [
            "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            FRODO_ENCODED,
            "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
        ],
        payload: FRODO,
    },
    Vector {
        id: "RFC 8037 A.4",
        jwk: r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        algorithm: Algorithm::EdDSA,
        key_id: None,
        parts: [
            "eyJhbGciOiJFZERTQSJ9",
            "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ],
        payload: "Example of Ed25519 signing",
    },
];

fn keys(jwks: impl IntoIterator<Item = &'static str>) -> KeySet {
    let jwks: Vec<&str> = jwks.into_iter().collect();
    KeySet::from_json(&format!(r#"{{"keys":[{}]}}"#, jwks.join(","))).unwrap()
}

#[test]
fn published_signatures_verify() {
    let all = keys(VECTORS.iter().map(|vector| vector.jwk));
    for vector in &VECTORS {
        let jws = vector.parts.join(".");
        for keys in [&keys([vector.jwk]), &all] {
            let verified = keys.verify(&jws, &[vector.algorithm]).unwrap_or_else(|_| panic!("{}", vector.id));
            assert_eq!(verified.payload, vector.payload.as_bytes(), "{}", vector.id);
            assert_eq!(verified.key_id.as_deref(), vector.key_id, "{}", vector.id);
            assert_eq!(verified.algorithm, vector.algorithm, "{}", vector.id);
            let others: Vec<_> = EVERY.into_iter().filter(|algorithm| *algorithm != vector.algorithm).collect();
            assert_eq!(keys.verify(&jws, &others), Err(AuthError::InvalidToken), "{}: not asked for", vector.id);
        }
    }
}

#[test]
fn published_signatures_verify_with_no_other_key() {
    for vector in &VECTORS {
        for other in VECTORS.iter().filter(|other| other.jwk != vector.jwk) {
            let outcome = keys([other.jwk]).verify(&vector.parts.join("."), &EVERY);
            assert_eq!(outcome, Err(AuthError::InvalidToken), "{} with the key of {}", vector.id, other.id);
        }
    }
}

#[test]
fn one_character_changed_anywhere_is_refused() {
    for vector in &VECTORS {
        let (keys, jws) = (keys([vector.jwk]), vector.parts.join("."));
        for at in 0..jws.len() {
            let own = jws.as_bytes()[at];
            let others =
                [if own == b'A' { b'B' } else { b'A' }, if own == b'_' { b'-' } else { b'_' }, b'.', b'=', b'+', b' '];
            for other in others.into_iter().filter(|other| *other != own) {
                let mut changed = jws.clone().into_bytes();
                changed[at] = other;
                let changed = String::from_utf8(changed).unwrap();
                let outcome = keys.verify(&changed, &EVERY);
                assert_eq!(outcome, Err(AuthError::InvalidToken), "X03 {}, character {at}: {other:?}", vector.id);
            }
            let cut = format!("{}{}", &jws[..at], &jws[at + 1..]);
            assert_eq!(keys.verify(&cut, &EVERY), Err(AuthError::InvalidToken), "X03 {}, without {at}", vector.id);
        }
    }
}

/// A16, A20.
#[test]
fn published_examples_of_other_kinds_are_refused() {
    let all = keys(VECTORS.iter().map(|vector| vector.jwk));
    let hs256 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    let cases = [
        ("RFC 7515 A.1, HS256", format!("{hs256}.{JOE_ENCODED}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
        ("RFC 7515 A.5, unsecured", format!("eyJhbGciOiJub25lIn0.{JOE_ENCODED}.")),
        ("RFC 7515 A.5, with a signature", format!("eyJhbGciOiJub25lIn0.{JOE_ENCODED}.{}", VECTORS[0].parts[2])),
        (
            "RFC 7520 4.4, HS256",
            format!(
                "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.{FRODO_ENCODED}.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"
            ),
        ),
        ("RFC 7520 4.5, detached", format!("{}..{}", VECTORS[3].parts[0], VECTORS[3].parts[2])),
        (
            "RFC 7515 A.6, general JSON",
            format!(
                r#"{{"payload":"{JOE_ENCODED}","signatures":[{{"protected":"{}","header":{{"kid":"2010-12-29"}},"signature":"{}"}},{{"protected":"{}","header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"{}"}}]}}"#,
                VECTORS[0].parts[0], VECTORS[0].parts[2], VECTORS[1].parts[0], VECTORS[1].parts[2]
            ),
        ),
        (
            "RFC 7515 A.7, flattened JSON",
            format!(
                r#"{{"protected":"{}","payload":"{}","signature":"{}"}}"#,
                VECTORS[1].parts[0], VECTORS[1].parts[1], VECTORS[1].parts[2]
            ),
        ),
    ];
    // The symmetric keys of RFC 7515 A.1 and RFC 7520 3.5, published beside the others: they are not even taken.
    let secrets = [
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        r#"{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}"#,
    ];
    let with_secrets = keys(VECTORS.iter().map(|vector| vector.jwk).chain(secrets));
    assert_eq!(with_secrets.len(), all.len());
    for (id, jws) in cases {
        assert_eq!(all.verify(&jws, &EVERY), Err(AuthError::InvalidToken), "{id}");
        assert_eq!(with_secrets.verify(&jws, &EVERY), Err(AuthError::InvalidToken), "{id}");
    }
    let crit = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","crit":["exp"],"exp":1363284000}"#);
    let jws = format!("{crit}.{JOE_ENCODED}.{}", VECTORS[1].parts[2]);
    assert_eq!(all.verify(&jws, &EVERY), Err(AuthError::InvalidToken), "RFC 7515 4.1.11");
}
