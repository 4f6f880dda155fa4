//! V1: from the values of the `Authorization` header to one token and the scheme that it came by (RFC 6750 section 2.1, RFC 9449
//! section 7.1, RFC 9110 section 11.4).

use std::ops::Range;

use crate::answer::error::AuthError;
use crate::rule::{Refusal, Rule};

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// By whoever has it (RFC 6750).
    Bearer,
    /// With a proof of the key that it is bound to (RFC 9449).
    Dpop,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }

    /// By its name, in whatever case (RFC 9110 section 11.1). That of proofs is known only where they are accepted.
    fn named(name: &[u8], takes_proofs: bool) -> Option<Self> {
        let known: &[Self] = if takes_proofs { &[Self::Bearer, Self::Dpop] } else { &[Self::Bearer] };
        known.iter().copied().find(|scheme| name.eq_ignore_ascii_case(scheme.name().as_bytes()))
    }
}

/// Credentials that are none, by the scheme that they would have.
pub(crate) struct Malformed {
    pub(crate) scheme: Scheme,
    pub(crate) refusal: Refusal,
}

impl Malformed {
    fn of(scheme: Scheme) -> Self {
        let why = match scheme {
            Scheme::Bearer => "the Bearer credentials are not one b64token after one or more spaces",
            Scheme::Dpop => "the DPoP credentials are not one token68 after one or more spaces",
        };
        Self { scheme, refusal: Refusal::invalid(Rule::V1, why) }
    }
}

/// The token of the only `Authorization` value, or `None` where the request carries no credentials of ours. Its characters are not looked
/// at: see [`Token::check_characters`].
pub(crate) fn token<V: AsRef<[u8]>>(
    mut values: impl Iterator<Item = V>,
    takes_proofs: bool,
) -> Result<Option<Token<V>>, Malformed> {
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        // Not a list field (RFC 9110 section 5.3): whichever were taken, a proxy before us may have taken the other.
        let refusal = Refusal::new(AuthError::InvalidRequest, Rule::V1, "more than one Authorization value");
        return Err(Malformed { scheme: Scheme::Bearer, refusal });
    }
    let bytes = value.as_ref();
    let within = within_blanks(bytes);
    let end = within.end;
    let credentials = bytes.get(within).unwrap_or_default();

    let scheme_length = credentials.iter().take_while(|byte| is_token_character(**byte)).count();
    let (name, rest) = credentials.split_at(scheme_length);
    let Some(scheme) = Scheme::named(name, takes_proofs) else { return Ok(None) };
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let token = rest.get(spaces..).unwrap_or_default();
    if spaces == 0 {
        return Err(Malformed::of(scheme));
    }
    Ok(Some(Token { scheme, start: end - token.len(), end, value }))
}

/// Where the value of a field is. Optional white space around it is not part of it (RFC 9110 section 5.5); not every transport trims it.
pub(crate) fn within_blanks(value: &[u8]) -> Range<usize> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
    start..end
}

/// A token within the header value that carries it.
pub(crate) struct Token<V> {
    pub(crate) scheme: Scheme,
    value: V,
    start: usize,
    end: usize,
}

impl<V: AsRef<[u8]>> Token<V> {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.value.as_ref().get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is a b64token, and so ASCII. A token that was verified before need not be asked: it is base64url and dots.
    pub(crate) fn check_characters(&self) -> Result<(), Malformed> {
        if is_b64token(self.as_bytes()) { Ok(()) } else { Err(Malformed::of(self.scheme)) }
    }

    /// Where it begins and ends in the value.
    pub(crate) const fn place(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
const fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750 section 2.1).
pub(crate) fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = text.get(..text.len() - padding).unwrap_or_default();
    // No early exit and no table: the compiler makes vector instructions of it, and every token passes here.
    !body.is_empty() && body.iter().fold(true, |all, byte| all & is_b64token_character(*byte))
}

const fn is_b64token_character(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // The digits, and `-`, `.` and `/` just before them.
    let is_digit_or_near = byte.wrapping_sub(b'-') <= b'9' - b'-';
    is_letter | is_digit_or_near | matches!(byte, b'+' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b64token_characters_are_those_of_rfc_6750() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_b64token_character(byte), expected, "{byte}");
        }
    }
}
