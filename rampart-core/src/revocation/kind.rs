//! What can be revoked.

use std::fmt;

use super::ids::Kind;
use super::log::LogError;

/// What is revoked: of which issuer, and which of its tokens. For [`Revocations::revoke`](crate::Revocations::revoke).
///
/// The issuer goes by its name in the settings, or by an alias of it; names are compared byte for byte. Times are seconds since 1970, as
/// [`exp`](crate::ClaimFields::exp) and [`iat`](crate::ClaimFields::iat) are.
///
/// ```
/// use rampart_core::{Claims, Revocation};
///
/// fn this_token(claims: &Claims) -> Result<Option<Revocation>, rampart_core::ClaimError> {
///     let jti: Option<String> = claims.get("jti")?;
///     Ok(jti.map(|jti| Revocation::token(&claims.iss, jti).until(claims.exp).into()))
/// }
///
/// let everywhere = Revocation::subject("https://auth.example.com", "user-1");
/// ```
///
/// | revokes | tokens that are concerned | issued |
/// |---|---|---|
/// | [`token`](Self::token) | the one whose `jti` is this | at any time |
/// | [`session`](Self::session) | those whose `sid` is this | at any time, or by [`issued_before`](NamedRevocation::issued_before) |
/// | [`subject`](Self::subject) | those whose [`sub`](crate::ClaimFields::sub) is this | by now and the clock tolerance, or by `issued_before` |
/// | [`subject_without_session`](Self::subject_without_session) | the same, if they have no `sid` | likewise |
/// | [`client`](Self::client) | those whose `client_id` is this; where there is none, `azp`, then `cid`, then `appid` | likewise |
/// | [`issued_before`](Self::issued_before) | all of the issuer | by the time given |
/// | [`issuer`](Self::issuer) | all of the issuer | at any time, until it is [lifted](crate::Revocations::lift_issuer) |
///
/// A token without the claim, or in which it is no string or an empty one, is not concerned.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "give it to Revocations::revoke"]
pub struct Revocation {
    pub(crate) kind: Kind,
    pub(crate) iss: String,
    pub(crate) name: String,
    pub(crate) issued_before: Option<u64>,
    pub(crate) until: Option<u64>,
}

impl Revocation {
    /// One token, by its `jti`. It is remembered until the longest-lived token has expired; with
    /// [`until`](NamedRevocation::until) no longer than needed.
    pub fn token(iss: impl Into<String>, jti: impl Into<String>) -> NamedRevocation {
        NamedRevocation::new(Kind::Token, iss, jti)
    }

    /// The tokens of a session, by its `sid` (OpenID Connect Front-Channel and Back-Channel Logout).
    pub fn session(iss: impl Into<String>, sid: impl Into<String>) -> NamedRevocation {
        NamedRevocation::new(Kind::Session, iss, sid)
    }

    /// The tokens of a user, or of whoever [`subject_claim`](crate::Issuer::subject_claim) lets stand in for one, by
    /// [`sub`](crate::ClaimFields::sub) as the claims have it.
    ///
    /// Those issued up to now: a new login works once the clock tolerance has passed. For another moment see
    /// [`issued_before`](NamedRevocation::issued_before).
    pub fn subject(iss: impl Into<String>, sub: impl Into<String>) -> NamedRevocation {
        NamedRevocation::new(Kind::Subject, iss, sub)
    }

    /// The same, but only tokens without a `sid`: those that the end of a session cannot reach.
    pub fn subject_without_session(iss: impl Into<String>, sub: impl Into<String>) -> NamedRevocation {
        NamedRevocation::new(Kind::SubjectWithoutSession, iss, sub)
    }

    /// The tokens that were issued to a client up to now, or up to another [moment](NamedRevocation::issued_before), whoever they speak
    /// for.
    pub fn client(iss: impl Into<String>, client_id: impl Into<String>) -> NamedRevocation {
        NamedRevocation::new(Kind::Client, iss, client_id)
    }

    /// All tokens of an issuer that were issued by then, in seconds since 1970: after a breach.
    pub fn issued_before(iss: impl Into<String>, time: u64) -> Self {
        NamedRevocation::new(Kind::Issued, iss, "").issued_before(time).0
    }

    /// All tokens of an issuer, such as of a tenant that was closed, until it is [lifted](crate::Revocations::lift_issuer) by name.
    pub fn issuer(iss: impl Into<String>) -> Self {
        NamedRevocation::new(Kind::Issuer, iss, "").0
    }
}

/// A [`Revocation`] of the tokens that a name stands in, which can be narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "give it to Revocations::revoke"]
pub struct NamedRevocation(Revocation);

impl NamedRevocation {
    fn new(kind: Kind, iss: impl Into<String>, name: impl Into<String>) -> Self {
        Self(Revocation { kind, iss: iss.into(), name: name.into(), issued_before: None, until: None })
    }

    /// Of these only the tokens issued by then, in seconds since 1970: before that second, or within it. A token that does not say when it
    /// was issued counts as one from before.
    ///
    /// `iat` is whole seconds, so that a new login within that very second is refused too: it waits for a second at most.
    pub const fn issued_before(mut self, time: u64) -> Self {
        self.0.issued_before = Some(time);
        self
    }

    /// When the last of these tokens expires, in seconds since 1970: their [`exp`](crate::ClaimFields::exp). After that nothing needs to
    /// be remembered. Where the time is not known, leave it out.
    pub const fn until(mut self, exp: u64) -> Self {
        self.0.until = Some(exp);
        self
    }
}

impl From<NamedRevocation> for Revocation {
    fn from(named: NamedRevocation) -> Self {
        named.0
    }
}

/// Without whom it concerns.
impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, iss, name: _, issued_before, until } = self;
        f.debug_struct("Revocation")
            .field("kind", kind)
            .field("iss", iss)
            .field("issued_before", issued_before)
            .field("until", until)
            .finish_non_exhaustive()
    }
}

/// Why something is not revoked, or not on every replica.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// It names nobody: the issuer, or the token, session, user or client is empty.
    #[error("the revocation names nobody: its issuer, or what it names of it, is empty")]
    Nameless,
    /// `until` has passed, with the clock tolerance: no token that it concerns can pass any more.
    #[error("the revocation would do nothing: the tokens that it concerns have expired")]
    Useless,
    /// `issued_before` lies more than five minutes ahead: everybody would be locked out until then.
    #[error("the revocation would lock everybody out: issued_before lies more than five minutes ahead")]
    TooFarAhead,
    /// The system clock stands before 1970.
    #[error("the system clock stands before 1970")]
    NoClock,
    /// It is in force in this process, but the store that replicas share did not take it. It is sent again until the store does.
    #[error("the revocation is in force in this process alone until the shared store takes it: {0}")]
    NotStored(LogError),
}

impl RevokeError {
    /// Whether nothing was revoked because of what was asked for; else another attempt makes sense.
    pub const fn is_refused(&self) -> bool {
        !matches!(self, Self::NotStored(_) | Self::NoClock)
    }
}
