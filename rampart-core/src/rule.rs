//! The rules of verification by their names, and a refusal by one of them.

use std::borrow::Cow;
use std::fmt;

use crate::answer::error::AuthError;

/// A rule of verification, in the order in which they are asked; the first that fails decides.
///
/// The manual's page [rules](crate::manual::rules) says what each demands.
///
/// ```
/// use rampart_core::Rule;
///
/// assert_eq!(Rule::V6b.to_string(), "V6b");
/// assert!(Rule::V2 < Rule::V12); // the order of asking
/// assert_eq!(Rule::ALL.first(), Some(&Rule::V1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The `Authorization` header: one value, one scheme, one token (RFC 6750 section 2.1).
    V1,
    /// The compact serialization (RFC 7515 section 3.1).
    V2,
    /// The JOSE header (RFC 7515 section 4).
    V3,
    /// The choice of the key (RFC 7515 section 6).
    V4,
    /// The signature (RFC 7515 section 5.2).
    V5,
    /// The payload: a JSON object (RFC 7519 section 7.2).
    V6,
    /// The registered claims that must be present.
    V6b,
    /// The issuer (RFC 7519 section 4.1.1).
    V7,
    /// The audience (RFC 7519 section 4.1.3).
    V8,
    /// The times (RFC 7519 sections 4.1.4 to 4.1.6).
    V9,
    /// The subject, and the claims that this API requires.
    V10,
    /// Roles and scopes.
    V11,
    /// The kind of token: an access token and no other (RFC 8725 section 3.12).
    V12,
    /// Whether a token that is no JWT may be one of an issuer that can be asked about it.
    I1,
    /// What the issuer says of the token: that it is active (RFC 7662 section 2.2).
    I2,
    /// That the issuer can be asked, and that its answer is one.
    I3,
    /// That the token was not revoked since.
    R1,
    /// The scheme and the proof that comes with it: a bound token with exactly one proof (RFC 9449 sections 4.3 and 7).
    P1,
    /// The form of the proof: a signed JWT of its own type (RFC 9449 section 4.2).
    P2,
    /// The key of the proof: the one that the token is bound to (RFC 9449 section 6).
    P3,
    /// What the proof was made for: the method and the target of the request (RFC 9449 section 4.3).
    P4,
    /// The token that the proof was made for (RFC 9449 section 4.3).
    P5,
    /// The signature of the proof.
    P6,
    /// The nonce of the proof (RFC 9449 section 9).
    P7,
    /// The times of the proof (RFC 9449 section 11.1).
    P8,
    /// That the proof is shown for the first time (RFC 9449 section 11.1).
    P9,
}

impl Rule {
    /// Every rule, in the order in which they are asked.
    pub const ALL: &'static [Self] = &[
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V6b,
        Self::V7,
        Self::V8,
        Self::V9,
        Self::V10,
        Self::V11,
        Self::V12,
        Self::I1,
        Self::I2,
        Self::I3,
        Self::R1,
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        Self::P5,
        Self::P6,
        Self::P7,
        Self::P8,
        Self::P9,
    ];

    /// The name, as it stands in the log and in the manual.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::V3 => "V3",
            Self::V4 => "V4",
            Self::V5 => "V5",
            Self::V6 => "V6",
            Self::V6b => "V6b",
            Self::V7 => "V7",
            Self::V8 => "V8",
            Self::V9 => "V9",
            Self::V10 => "V10",
            Self::V11 => "V11",
            Self::V12 => "V12",
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::R1 => "R1",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
            Self::P6 => "P6",
            Self::P7 => "P7",
            Self::P8 => "P8",
            Self::P9 => "P9",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused token, with what only the log may know: the rule that failed, and why.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) error: AuthError,
    pub(crate) rule: Rule,
    /// A constant sentence: never text of the token.
    pub(crate) why: &'static str,
    /// What is most likely wrong, and the remedy.
    pub(crate) hint: Option<Cow<'static, str>>,
    /// What a token says whose signature holds, where that may be the operator's mistake: escaped and shortened.
    pub(crate) says: Option<Box<str>>,
}

impl Refusal {
    pub(crate) const fn new(error: AuthError, rule: Rule, why: &'static str) -> Self {
        Self { error, rule, why, hint: None, says: None }
    }

    pub(crate) const fn invalid(rule: Rule, why: &'static str) -> Self {
        Self::new(AuthError::InvalidToken, rule, why)
    }

    pub(crate) const fn missing_claim(rule: Rule, name: Cow<'static, str>) -> Self {
        Self::new(AuthError::MissingClaim { claim: name }, rule, "a required claim is missing")
    }

    pub(crate) fn hinting(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With what the token says, of which its issuer is the author: never of an unverified one.
    pub(crate) fn saying(self, value: &impl fmt::Debug) -> Self {
        Self { says: Some(shown(value)), ..self }
    }

    /// Without what the token says, of which nobody knows the author.
    pub(crate) fn unquoted(self) -> Self {
        Self { says: None, ..self }
    }
}

/// The beginning of a value; `Debug` escapes what could forge or disguise a line of the log.
pub(crate) fn shown(value: &impl fmt::Debug) -> Box<str> {
    const SHOWN: usize = 200;
    let mut text = format!("{value:?}");
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push_str("..");
    }
    text.into()
}
