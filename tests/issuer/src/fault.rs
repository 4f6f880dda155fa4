//! What can go wrong on purpose.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The addresses that faults and counts belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// The key set: `/.well-known/jwks.json`, unless the issuer has another [`Shape`](crate::Shape).
    Jwks,
    /// The metadata of `OpenID` Connect: `/.well-known/openid-configuration`, after the issuer's path.
    Discovery,
    /// The metadata of RFC 8414: `/.well-known/oauth-authorization-server`.
    OAuthMetadata,
    /// The token endpoint: `/oauth/token`, likewise.
    Token,
    /// The introspection endpoint (RFC 7662): `/oauth/introspect`, likewise.
    Introspection,
    /// The revocation endpoint (RFC 7009): `/oauth/revoke`, likewise; Dex has none.
    Revocation,
    /// Where clients get logout tokens, which no server has: `/oauth/logout-token`; only where it takes the place of Rampart's.
    LogoutToken,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 7] = [
        Self::Jwks,
        Self::Discovery,
        Self::OAuthMetadata,
        Self::Token,
        Self::Introspection,
        Self::Revocation,
        Self::LogoutToken,
    ];
}

/// A fault of an endpoint: each happens on the socket, none is simulated. There may be more of them; the fields of each stay as they
/// are, as tests write them.
///
/// ```
/// use rampart_issuer::{Endpoint, Fault, LocalIssuer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let issuer = LocalIssuer::start().await?;
/// issuer.inject(Endpoint::Jwks, Fault::status(500)); // until clear_faults()
/// issuer.inject_times(Endpoint::Token, &Fault::retry_after(429, "2"), 1); // the next request alone
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Another answer.
    Respond {
        /// Its status.
        status: u16,
        /// Its headers.
        headers: Vec<(String, String)>,
        /// Its body.
        body: Vec<u8>,
    },
    /// The normal answer, after a while.
    Delay(Duration),
    /// Never an answer.
    Hang,
    /// Status and headers, then nothing.
    HeadersThenHang,
    /// The normal answer, one byte per interval.
    Drip(Duration),
    /// A chunked body that does not end.
    Endless,
    /// A body of so many bytes.
    Oversize(usize),
    /// Bytes that are no text, with status 200.
    Garbage,
    /// The connection is reset (RST).
    Reset,
    /// The connection is closed without an answer.
    CloseEarly,
    /// A `Content-Length` that is longer than what comes, then the end of the connection.
    ShortBody,
    /// A `Content-Length` of ten gibibytes, then nothing.
    HugeContentLength,
    /// The normal answer, labelled as compressed in this way.
    ContentEncoding(String),
}

impl Fault {
    /// An answer with this status and no body.
    pub fn status(status: u16) -> Self {
        Self::Respond { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer with this status and `Retry-After`.
    pub fn retry_after(status: u16, value: &str) -> Self {
        Self::Respond { status, headers: vec![("retry-after".into(), value.into())], body: Vec::new() }
    }

    /// An answer of status 200 with this body.
    pub fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::json(200, body)
    }

    /// An answer with this body, labelled as JSON.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self::Respond { status, headers, body: body.into() }
    }

    /// A page for people, with status 200: what a proxy or a sign-in page answers.
    pub fn html(page: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".into(), "text/html; charset=utf-8".into())];
        Self::Respond { status: 200, headers, body: page.into() }
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::Respond { status, headers: vec![("location".into(), location.into())], body: Vec::new() }
    }
}

/// A body that comes at once, byte by byte, without end, or not at all.
pub(crate) enum FaultyBody {
    Whole(Option<Bytes>),
    Drip {
        rest: Bytes,
        interval: Duration,
        timer: Pin<Box<Sleep>>,
    },
    /// Sixteen mebibytes at most, slowly: long past any limit, and not for ever.
    Endless {
        left: usize,
        timer: Pin<Box<Sleep>>,
    },
    Silent,
}

impl FaultyBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    pub(crate) fn drip(bytes: Bytes, interval: Duration) -> Self {
        Self::Drip { rest: bytes, interval, timer: Box::pin(sleep(interval)) }
    }

    pub(crate) fn endless() -> Self {
        Self::Endless { left: 16 * 1024, timer: Box::pin(sleep(Duration::ZERO)) }
    }
}

impl Body for FaultyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Drip { rest, interval, timer } => {
                // Before the end as well: a body that is cut short then has sent its last byte.
                ready!(timer.as_mut().poll(context));
                if rest.is_empty() {
                    return Poll::Ready(None);
                }
                *timer = Box::pin(sleep(*interval));
                Poll::Ready(Some(Ok(Frame::data(rest.split_to(1)))))
            }
            Self::Endless { left: 0, .. } => Poll::Ready(None),
            Self::Endless { left, timer } => {
                ready!(timer.as_mut().poll(context));
                *timer = Box::pin(sleep(Duration::from_millis(1)));
                *left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024])))))
            }
            Self::Silent => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            _ => SizeHint::default(),
        }
    }
}
