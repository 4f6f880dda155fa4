//! The signature (V5).

use super::common::{forge, generate, parts};
use super::twin::twin;
use super::{Accepts, Agrees, Refuses, Row, SignWith, Signer};

fn with_signature(signer: &Signer, edit: impl Fn(Vec<u8>) -> Vec<u8>) -> Option<String> {
    let token = signer.draft().sign();
    Some(forge::with(&token, edit(forge::signature(&token))))
}

fn is_ecdsa(signer: &Signer) -> bool {
    matches!(signer.algorithm, SignWith::ES256 | SignWith::ES384)
}

/// DER of one half of an ECDSA signature.
fn integer(number: &[u8]) -> Vec<u8> {
    let number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign: &[u8] = if number.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    forge::der(2, &[sign, &number].concat())
}

pub(super) const ROWS: &[Row] = &[
    Row::new("the first bit flipped", Refuses, Agrees, |s| {
        with_signature(s, |mut signature| {
            signature[0] ^= 0x80;
            signature
        })
    }),
    Row::new("the last bit flipped", Refuses, Agrees, |s| {
        with_signature(s, |mut signature| {
            *signature.last_mut().unwrap() ^= 1;
            signature
        })
    }),
    Row::new("a byte cut", Refuses, Agrees, |s| with_signature(s, |signature| signature[1..].to_vec())),
    Row::new("a zero byte before", Refuses, Agrees, |s| with_signature(s, |signature| [&[0], &*signature].concat())),
    Row::new("a zero byte after", Refuses, Agrees, |s| with_signature(s, |signature| [&*signature, &[0]].concat())),
    Row::new("all zero", Refuses, Agrees, |s| with_signature(s, |signature| vec![0; signature.len()])),
    Row::new("all ones", Refuses, Agrees, |s| with_signature(s, |signature| vec![0xff; signature.len()])),
    Row::new("the halves swapped", Refuses, Agrees, |s| {
        with_signature(s, |mut signature| {
            let half = signature.len() / 2;
            signature.rotate_left(half);
            signature
        })
    }),
    Row::new("the twin (r, n - s)", Accepts, Agrees, |s| twin(s.algorithm, &s.draft().sign())),
    Row::new("in DER", Refuses, Agrees, |s| {
        let der = |signature: Vec<u8>| {
            let (r, s_) = signature.split_at(signature.len() / 2);
            forge::der(0x30, &[integer(r), integer(s_)].concat())
        };
        if is_ecdsa(s) { with_signature(s, der) } else { None }
    }),
    Row::new("r and s one", Refuses, Agrees, |s| {
        let ones = |signature: Vec<u8>| {
            let mut half = vec![0; signature.len() / 2];
            *half.last_mut().unwrap() = 1;
            half.repeat(2)
        };
        if is_ecdsa(s) { with_signature(s, ones) } else { None }
    }),
    Row::new("by another key of the same kind, under its kid", Refuses, Agrees, |s| {
        let other = generate(s.algorithm, s.key.kid());
        let genuine = s.draft();
        Some(
            rampart_issuer::compact(
                genuine.header.to_json().as_bytes(),
                genuine.payload.to_json().as_bytes(),
                &other,
                s.algorithm,
            )
            .unwrap(),
        )
    }),
    Row::new("of another token", Refuses, Agrees, |s| {
        let (token, other) = (s.draft().sign(), s.draft().claim("sub", r#""another""#).sign());
        let ([header, payload, _], [_, _, signature]) = (parts(&token), parts(&other));
        Some(format!("{header}.{payload}.{signature}"))
    }),
];
