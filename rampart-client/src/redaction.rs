//! Text of the server as it may stand in an error: short, printable, and without what the server should not repeat.

use std::cmp::Ordering;

const REDACTED: &str = "[redacted]";

/// What stands at the start of a text, as a number of bytes.
type Find<'s> = &'s dyn Fn(&str) -> usize;

/// The text, up to so many characters, with each of the secrets replaced, however they are encoded, and whatever else `find` finds.
pub(crate) fn presentable(text: &str, longest: usize, secrets: &[&str], find: Find<'_>) -> String {
    let mut presentable = Presentable { text: String::new(), length: 0, longest };
    let mut rest = text;
    // The rest of a text of any length is not looked at.
    while let Some(character) = rest.chars().next().filter(|_| presentable.length <= longest) {
        let secret = secrets.iter().map(|secret| found(rest, secret)).max().unwrap_or(0).max(find(rest));
        if secret > 0 {
            REDACTED.chars().for_each(|character| presentable.push(character));
        } else {
            presentable.push(if misleads(character) { '?' } else { character });
        }
        rest = rest.get(secret.max(character.len_utf8())..).unwrap_or_default();
    }
    presentable.text
}

struct Presentable {
    text: String,
    length: usize,
    longest: usize,
}

impl Presentable {
    fn push(&mut self, character: char) {
        match self.length.cmp(&self.longest) {
            Ordering::Less => self.text.push(character),
            Ordering::Equal => self.text.push_str("..."),
            Ordering::Greater => {}
        }
        self.length += 1;
    }
}

/// How many bytes the secret takes at the start of the text: as it is, or with any of its characters percent-encoded.
fn found(text: &str, secret: &str) -> usize {
    let plain = if text.starts_with(secret) { secret.len() } else { 0 };
    plain.max(found_encoded(text.as_bytes(), secret.as_bytes()).unwrap_or(0))
}

fn found_encoded(text: &[u8], secret: &[u8]) -> Option<usize> {
    let mut rest = text;
    for &wanted in secret {
        let (byte, next) = match *rest {
            [b'%', high, low, ref next @ ..] => (hex(high)? << 4 | hex(low)?, next),
            [b'+', ref next @ ..] if wanted == b' ' => (b' ', next),
            [byte, ref next @ ..] => (byte, next),
            [] => return None,
        };
        if byte != wanted {
            return None;
        }
        rest = next;
    }
    Some(text.len() - rest.len())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Characters that could forge or disguise a line of a log: controls, and those that are invisible or turn the direction.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
