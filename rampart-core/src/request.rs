//! What a request brings: its header values, its line, and what is known of its connection.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use crate::token::fingerprint::Fingerprint;
use crate::token::hash::sha256;

/// The head of a request, as an adapter hands it in.
///
/// A framework's adapter implements it by borrowing; nothing is copied. Only what the object's settings need is asked for: the
/// `Authorization` values always, the rest where proofs or certificates are accepted.
///
/// ```
/// use rampart_core::adapter::RequestHead;
///
/// /// Any framework that keeps its headers in a list.
/// struct Head<'r> {
///     method: &'r str,
///     path: &'r str,
///     headers: &'r [(&'r str, &'r [u8])],
/// }
///
/// impl RequestHead for Head<'_> {
///     fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
///         self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
///     }
///
///     fn method(&self) -> &str {
///         self.method
///     }
///
///     fn path(&self) -> &str {
///         self.path
///     }
/// }
/// ```
pub trait RequestHead {
    /// The values of a header field as they were received, in their order. `name` is in lower case; field names are compared
    /// without regard to case (RFC 9110 section 5.1). Every value there is: two `Authorization` values are no request.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// The method as the client sent it.
    fn method(&self) -> &str;

    /// The path as the client sent it, without the query: not what a router's nesting or a mount left of it. Where something further
    /// out rewrites it and keeps nothing of it, such as `NormalizePath` of actix-web, it can only be what that has made of it.
    fn path(&self) -> &str;

    /// The address at the other end of the socket; never one out of a header.
    fn peer(&self) -> Option<IpAddr> {
        None
    }

    /// What the TLS layer knows of the client's certificate.
    fn connection(&self) -> Connection {
        Connection::Unknown
    }
}

/// A head that brings `Authorization` values and nothing else: for transports that have no request line, and for tests.
///
/// ```
/// # fn example(auth: &rampart_core::RampartAuth) {
/// use rampart_core::adapter::{Authorization, Verification};
///
/// let head = Authorization::new(["Bearer eyJhbGciOiJSUzI1NiIs..."]);
/// if let Verification::Ready(fresh) = auth.verification(&head) {
///     println!("{:?}", fresh.outcome().required::<rampart_core::AnyUser>());
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Authorization<V>(Vec<V>);

impl<V: AsRef<[u8]>> Authorization<V> {
    /// With these values: every one there is.
    pub fn new(values: impl IntoIterator<Item = V>) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<V: AsRef<[u8]>> RequestHead for Authorization<V> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let values = if name == AUTHORIZATION { self.0.as_slice() } else { &[] };
        values.iter().map(AsRef::as_ref)
    }

    fn method(&self) -> &'static str {
        ""
    }

    fn path(&self) -> &'static str {
        ""
    }
}

/// How many values, and nothing of them.
impl<V> fmt::Debug for Authorization<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorization").field(&self.0.len()).finish()
    }
}

/// What is known of the client's certificate on a connection (RFC 8705).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// Nobody has said: the application's TLS layer is not wired to tell, or there is none.
    Unknown,
    /// The TLS layer says that the client has shown none.
    NoCertificate,
    /// The client's own certificate.
    Certificate(ClientCertificate),
}

/// The certificate of a client: the SHA-256 of its DER, which is all that a binding needs (RFC 8705 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientCertificate([u8; 32]);

impl ClientCertificate {
    /// Of the DER of the leaf certificate, as the TLS layer hands it out.
    ///
    /// ```
    /// use rampart_core::adapter::ClientCertificate;
    ///
    /// let certificate = ClientCertificate::from_der(b"not really a certificate");
    /// assert_eq!(format!("{certificate:?}"), "ClientCertificate"); // says nothing of whose it is
    /// ```
    pub fn from_der(der: &[u8]) -> Self {
        Self(sha256(der))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// The header field that carries the token (RFC 6750 section 2.1).
pub(crate) const AUTHORIZATION: &str = "authorization";
/// The header field that carries the proof (RFC 9449 section 4.1).
pub(crate) const DPOP: &str = "dpop";

/// A token in the only value of a header field.
pub(crate) struct Found {
    /// Where in the value it begins and ends.
    pub(crate) place: Range<usize>,
    pub(crate) identity: Fingerprint,
}

/// What of a request an outcome was made from: enough to tell whether another head says the same, and no more.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    authorization: Read,
    /// `None` where proofs are not looked at.
    proofs: Option<Proofs>,
    connection: Connection,
}

/// The values of a header field as they were read.
#[derive(Clone, PartialEq, Eq)]
enum Read {
    /// There was none.
    Nothing,
    /// One value: what stands before the token, and the token to its end. The cache of verified tokens has computed the identity
    /// already.
    Token { lead: Lead, identity: Fingerprint },
    /// Anything else as it was, each value behind its length, so that `A` and `B` are not `AB`.
    Verbatim(Box<[u8]>),
}

/// The values of the header field of proofs as they were read.
#[derive(Clone, PartialEq, Eq)]
enum Proofs {
    Nothing,
    One(Fingerprint),
    Verbatim(Box<[u8]>),
}

/// What stands before a token: the scheme as the client writes it, and spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lead {
    bytes: [u8; 8],
    length: u8,
}

impl Trace {
    /// Of a request, and of what was found in it.
    pub(crate) fn of(head: &impl RequestHead, found: Option<Found>, takes_proofs: bool) -> Self {
        let authorization = match (head.values(AUTHORIZATION).next(), found) {
            (None, _) => Read::Nothing,
            (Some(value), Some(Found { place, identity })) if place.end == value.len() => {
                let lead = value.get(..place.start).and_then(Lead::of);
                lead.map_or_else(|| Read::verbatim(head), |lead| Read::Token { lead, identity })
            }
            (Some(_), _) => Read::verbatim(head),
        };
        let proofs = takes_proofs.then(|| Proofs::of(head));
        Self { authorization, proofs, connection: head.connection() }
    }

    /// Whether a head says what the one of this trace has said.
    pub(crate) fn is_of(&self, head: &impl RequestHead) -> bool {
        self.authorization.is_of(head)
            && self.proofs.as_ref().is_none_or(|proofs| *proofs == Proofs::of(head))
            && self.connection == head.connection()
    }
}

impl Proofs {
    fn of(head: &impl RequestHead) -> Self {
        let mut values = head.values(DPOP);
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::One(Fingerprint::of(value)),
            (Some(_), Some(_)) => Self::Verbatim(verbatim(head, DPOP)),
        }
    }
}

/// All values of a header field, each behind its length.
fn verbatim(head: &impl RequestHead, name: &str) -> Box<[u8]> {
    let mut bytes = Vec::new();
    for value in head.values(name) {
        bytes.extend_from_slice(&value.len().to_be_bytes());
        bytes.extend_from_slice(value);
    }
    bytes.into_boxed_slice()
}

impl Read {
    fn verbatim(head: &impl RequestHead) -> Self {
        Self::Verbatim(verbatim(head, AUTHORIZATION))
    }

    fn is_of(&self, head: &impl RequestHead) -> bool {
        let mut values = head.values(AUTHORIZATION);
        match self {
            Self::Nothing => values.next().is_none(),
            Self::Token { lead, identity } => {
                let token = values.next().and_then(|value| value.strip_prefix(lead.as_bytes()));
                values.next().is_none() && token.is_some_and(|token| Fingerprint::of(token) == *identity)
            }
            Self::Verbatim(bytes) => {
                let rest = values.try_fold(&**bytes, |rest, value| {
                    rest.strip_prefix(&value.len().to_be_bytes())?.strip_prefix(value)
                });
                rest.is_some_and(<[u8]>::is_empty)
            }
        }
    }
}

impl Lead {
    /// `None` for one that is longer than any scheme of ours with a space or more.
    fn of(lead: &[u8]) -> Option<Self> {
        let mut bytes = [0; 8];
        bytes.get_mut(..lead.len())?.copy_from_slice(lead);
        Some(Self { bytes, length: u8::try_from(lead.len()).ok()? })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }
}

/// Nothing of what it holds.
impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}
