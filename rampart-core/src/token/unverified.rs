//! The `iss` of a payload that nobody has verified: it picks the issuer whose rules and keys decide, and decides nothing itself.
//!
//! A payload may be long, and a forger's. So it is not parsed, which would cost more than the check of a signature, but looked
//! through once, from quote to quote. What is no JSON is found out later, by the parser (V6), which also reads `iss` again (V7): a text
//! that the two read differently is refused there.

use std::borrow::Cow;

use memchr::memchr2;

use crate::rule::{Refusal, Rule};

/// No payload of an access token is so long.
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// No name of an issuer is so long: it becomes a key, and an argument of the application's.
const MAX_ISS_BYTES: usize = 1024;

/// The one `iss` of a payload.
pub(crate) fn iss(payload: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let refuse = |why| Err(Refusal::invalid(Rule::V7, why));
    if payload.len() > MAX_PAYLOAD_BYTES {
        return refuse("the payload is too long to look for iss in it");
    }
    let mut found = None;
    let mut members = Members { text: payload, at: 0, depth: 0 };
    while let Some((name, value)) = members.next() {
        if name != "iss" {
            continue;
        }
        if found.is_some() {
            return refuse("iss stands in the payload twice");
        }
        found = Some(value);
    }
    match found.flatten().and_then(|value| value.decoded()) {
        Some(iss) if iss.is_empty() || iss.len() > MAX_ISS_BYTES => refuse("iss is empty or too long"),
        Some(iss) => Ok(iss),
        None => refuse("iss is missing or not a string"),
    }
}

/// The members at the top of what should be a JSON object.
struct Members<'t> {
    text: &'t [u8],
    at: usize,
    depth: u32,
}

impl<'t> Members<'t> {
    /// The next member: its name, and its value where that is a string.
    fn next(&mut self) -> Option<(Cow<'t, str>, Option<Quoted<'t>>)> {
        loop {
            let name = self.string()?;
            if self.depth == 1 && self.follows(b':') {
                let value = if self.follows(b'"') { Some(self.rest_of_string()?) } else { None };
                return Some((name.decoded()?, value));
            }
        }
    }

    /// The next string, at whatever depth.
    fn string(&mut self) -> Option<Quoted<'t>> {
        loop {
            let rest = self.text.get(self.at..)?;
            let next = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'))?;
            self.at += next + 1;
            match rest.get(next)? {
                b'"' => return self.rest_of_string(),
                b'{' | b'[' => self.depth += 1,
                _ => self.depth = self.depth.checked_sub(1)?,
            }
        }
    }

    /// A string whose first quote has been read.
    fn rest_of_string(&mut self) -> Option<Quoted<'t>> {
        let start = self.at;
        let mut is_escaped = false;
        loop {
            let rest = self.text.get(self.at..)?;
            let next = memchr2(b'"', b'\\', rest)?;
            self.at += next + 1;
            if rest.get(next) == Some(&b'"') {
                return Some(Quoted { text: self.text.get(start - 1..self.at)?, is_escaped });
            }
            // Whatever is escaped is no end.
            (is_escaped, self.at) = (true, self.at + 1);
        }
    }

    /// Whether this comes next, but for white space; it is passed then.
    fn follows(&mut self, byte: u8) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        let is_next = rest.get(blank) == Some(&byte);
        if is_next {
            self.at += blank + 1;
        }
        is_next
    }
}

/// A string with its quotes.
struct Quoted<'t> {
    text: &'t [u8],
    is_escaped: bool,
}

impl<'t> Quoted<'t> {
    /// `None` for one that no JSON has.
    fn decoded(&self) -> Option<Cow<'t, str>> {
        if self.is_escaped {
            return serde_json::from_slice::<String>(self.text).ok().map(Cow::Owned);
        }
        let inner = self.text.get(1..self.text.len() - 1)?;
        std::str::from_utf8(inner).ok().map(Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(payload: &str) -> Option<String> {
        iss(payload.as_bytes()).ok().map(Cow::into_owned)
    }

    #[test]
    fn issuer_is_the_one_string_of_that_name_at_the_top() {
        let a = Some("https://a.example".to_owned());
        for payload in [
            r#"{"iss":"https://a.example"}"#,
            "{ \"iss\" :\n\t\"https://a.example\" , \"b\": 1}",
            r#"{"sub":"x","n":{"iss":"https://b.example","m":[{"iss":"c"}]},"iss":"https://a.example"}"#,
            r#"{"note":"\"iss\":\"https://b.example\"","iss":"https://a.example"}"#,
            r#"{"note":"ends with \\","iss":"https://a.example","l":["iss","iss"]}"#,
            r#"{"\u0069ss":"https:\/\/\u0061.example"}"#,
            r#"{"a":"iss","b":"iss","iss":"https://a.example"}"#,
        ] {
            assert_eq!(found(payload), a, "{payload}");
        }
        assert_eq!(found(r#"{"iss":"日本 \u65e5"}"#).as_deref(), Some("日本 日"));
    }

    #[test]
    fn issuer_that_is_missing_twice_there_or_no_string_is_none() {
        for payload in [
            r#"{"sub":"iss"}"#,
            r#"{"iss":null}"#,
            r#"{"iss":1}"#,
            r#"{"iss":true}"#,
            r#"{"iss":""}"#,
            r#"{"iss":[]}"#,
            r#"{"iss":["https://a.example"]}"#,
            r#"{"iss":{}}"#,
            r#"{"iss":"a","iss":"b"}"#,
            r#"{"iss":"a","\u0069ss":"a"}"#,
            r#"{"iss":1,"iss":"a"}"#,
            r#"{"iss":"a","iss":1}"#,
            r#"{"iss":"a","sub":"x","i\u0073s":{}}"#,
            r#"{"Iss":"a"}"#,
            r#"[{"iss":"a"}]"#,
            r#""iss""#,
            "",
            "{",
            r#"{"iss"#,
            r#"{"iss":"a"#,
            r#"{"iss":"a\"#,
            r#"{"iss":"\x"}"#,
            r#"}{"iss":"a"}"#,
        ] {
            assert_eq!(found(payload), None, "{payload}");
        }
        assert!(iss(b"{\"iss\":\"\xff\"}").is_err());
        let long = |length| format!(r#"{{"iss":"{}"}}"#, "a".repeat(length));
        assert_eq!(found(&long(1024)).map(|iss| iss.len()), Some(1024));
        assert_eq!(found(&long(1025)), None);
        let padded = |length: usize| format!(r#"{{"iss":"a","p":"{}"}}"#, "p".repeat(length));
        assert!(found(&padded(65_000)).is_some());
        assert!(found(&padded(66_000)).is_none());
    }
}
