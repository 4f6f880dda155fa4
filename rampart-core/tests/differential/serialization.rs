//! The compact serialization (V2).

use super::common::parts;
use super::{Agrees, Refuses, Row, Signer};

/// A good token with one part replaced.
fn edited(signer: &Signer, at: usize, edit: impl Fn(&str) -> String) -> Option<String> {
    let token = signer.draft().sign();
    let mut parts = parts(&token).map(str::to_owned);
    parts[at] = edit(&parts[at]);
    Some(parts.join("."))
}

/// The same bytes, written with one of the bits set that do not count; `None` where there are no such bits.
fn trailing_bit(text: &str) -> Option<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.iter().position(|letter| [*letter] == *last.as_bytes())?;
    (!text.len().is_multiple_of(4)).then(|| format!("{start}{}", char::from(ALPHABET[value | 1])))
}

pub(super) const ROWS: &[Row] = &[
    Row::new("padding on the header", Refuses, Agrees, |s| edited(s, 0, |part| format!("{part}="))),
    Row::new("padding on the payload", Refuses, Agrees, |s| edited(s, 1, |part| format!("{part}=="))),
    Row::new("padding on the signature", Refuses, Agrees, |s| edited(s, 2, |part| format!("{part}=="))),
    Row::new("a bit that does not count, in the signature", Refuses, Agrees, |s| {
        let token = s.draft().sign();
        let [header, payload, signature] = parts(&token);
        Some(format!("{header}.{payload}.{}", trailing_bit(signature)?))
    }),
    Row::new("a space before", Refuses, Agrees, |s| edited(s, 0, |part| format!(" {part}"))),
    Row::new("a space after", Refuses, Agrees, |s| edited(s, 2, |part| format!("{part} "))),
    Row::new("a line feed after", Refuses, Agrees, |s| edited(s, 2, |part| format!("{part}\n"))),
    Row::new("a NUL in the signature", Refuses, Agrees, |s| {
        edited(s, 2, |part| format!("{}\0{}", &part[..9], &part[9..]))
    }),
    Row::new("plus and slash in the signature", Refuses, Agrees, |s| {
        let token = s.draft().sign();
        let [header, payload, signature] = parts(&token);
        let other = signature.replace('-', "+").replace('_', "/");
        (other != signature).then(|| format!("{header}.{payload}.{other}"))
    }),
    Row::new("no signature part", Refuses, Agrees, |s| {
        let token = s.draft().sign();
        Some(token[..token.rfind('.')?].to_owned())
    }),
    Row::new("an empty signature", Refuses, Agrees, |s| edited(s, 2, |_| String::new())),
    Row::new("an empty payload", Refuses, Agrees, |s| edited(s, 1, |_| String::new())),
    Row::new("an empty header", Refuses, Agrees, |s| edited(s, 0, |_| String::new())),
    Row::new("a fourth part", Refuses, Agrees, |s| edited(s, 2, |part| format!("{part}.{part}"))),
    Row::new("a dot before", Refuses, Agrees, |s| edited(s, 0, |part| format!(".{part}"))),
    Row::new("a dot after", Refuses, Agrees, |s| edited(s, 2, |part| format!("{part}."))),
    Row::new("the parts swapped", Refuses, Agrees, |s| {
        let token = s.draft().sign();
        let [header, payload, signature] = parts(&token);
        Some(format!("{payload}.{header}.{signature}"))
    }),
    Row::new("the flattened JSON serialization", Refuses, Agrees, |s| {
        let token = s.draft().sign();
        let [header, payload, signature] = parts(&token);
        Some(format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#))
    }),
    Row::new("in quotes", Refuses, Agrees, |s| Some(format!("\"{}\"", s.draft().sign()))),
    Row::new("the scheme before it", Refuses, Agrees, |s| Some(format!("Bearer {}", s.draft().sign()))),
    Row::new("nothing", Refuses, Agrees, |_| Some(String::new())),
    Row::new("two dots", Refuses, Agrees, |_| Some("..".into())),
];
