//! What a server can make this process hold: a value that is longer than any of ours is read past, and stands for one that is not there.
//!
//! Whoever can write to the server can put entries of any length where ours are, and a server that is none can say anything. The framing
//! (RESP2) is followed only so far as lengths go; what it means is the business of whoever reads on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest value that is passed on, in bytes.
pub(crate) const LONGEST_VALUE: usize = 64 << 10;
/// The longest line: lengths, numbers, errors.
const LONGEST_LINE: usize = 4 << 10;
/// The most members of an array.
const MOST_MEMBERS: u64 = 100_000;
/// What takes the place of a value that is too long: one that is not there.
const ABSENT: &[u8] = b"$-1\r\n";

pub(crate) struct Bounded<S> {
    inner: S,
    framing: Framing,
    /// What may be passed on, from the place on.
    ready: Vec<u8>,
    passed_on: usize,
}

impl<S> Bounded<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, framing: Framing::Line(Vec::new()), ready: Vec::new(), passed_on: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.passed_on == this.ready.len() {
            this.ready.clear();
            this.passed_on = 0;
            let mut chunk = [0; 4096];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.framing.pass(chunk.filled(), &mut this.ready)?;
        }
        let rest = this.ready.get(this.passed_on..).unwrap_or_default();
        let (now, _) = rest.split_at(rest.len().min(buf.remaining()));
        buf.put_slice(now);
        this.passed_on += now.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Where in its answers the server is.
enum Framing {
    /// In a line, of which there is this so far.
    Line(Vec<u8>),
    /// In a value that is passed on: so many bytes more, its end of line included.
    Value(usize),
    /// In one that is not.
    Skipped(u64),
}

impl Framing {
    fn pass(&mut self, mut bytes: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = match self {
                Self::Line(line) => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let (now, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                    line.extend_from_slice(now);
                    if line.len() > LONGEST_LINE {
                        return Err(garbage("a line that is too long"));
                    }
                    if end.is_some() {
                        let line = std::mem::take(line);
                        *self = Self::after(&line, to)?;
                    }
                    rest
                }
                Self::Value(left) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(*left));
                    to.extend_from_slice(now);
                    *left -= now.len();
                    if *left == 0 {
                        *self = Self::Line(Vec::new());
                    }
                    rest
                }
                Self::Skipped(left) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= now.len() as u64;
                    if *left == 0 {
                        *self = Self::Line(Vec::new());
                    }
                    rest
                }
            };
        }
        Ok(())
    }

    fn after(line: &[u8], to: &mut Vec<u8>) -> io::Result<Self> {
        let number = |digits: &[u8]| -> io::Result<Option<u64>> {
            let digits = std::str::from_utf8(digits).ok().and_then(|digits| digits.strip_suffix("\r\n"));
            match digits {
                Some("-1") => Ok(None),
                Some(digits) => digits.parse().map(Some).map_err(|_| garbage("a length that is no number")),
                None => Err(garbage("a line without an end")),
            }
        };
        match line.split_first() {
            Some((b'$', digits)) => match number(digits)? {
                Some(length) if length > LONGEST_VALUE as u64 => {
                    to.extend_from_slice(ABSENT);
                    return Ok(Self::Skipped(length.saturating_add(2)));
                }
                Some(length) => {
                    to.extend_from_slice(line);
                    return Ok(Self::Value(usize::try_from(length).unwrap_or(LONGEST_VALUE) + 2));
                }
                None => {}
            },
            Some((b'*', digits)) if number(digits)?.is_some_and(|members| members > MOST_MEMBERS) => {
                return Err(garbage("an array that is too long"));
            }
            _ => {}
        }
        to.extend_from_slice(line);
        Ok(Self::Line(Vec::new()))
    }
}

fn garbage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server does not speak as Redis does: it sent {what}"))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    /// What is left of an answer that comes in pieces of this length.
    async fn read(answer: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let (mut server, client) = tokio::io::duplex(piece);
        let answer = answer.to_owned();
        let sent = tokio::spawn(async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut server, &answer).await;
        });
        let mut client = Bounded::new(client);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await?;
        sent.await.unwrap();
        Ok(read)
    }

    fn value(length: usize) -> Vec<u8> {
        [format!("${length}\r\n").as_bytes(), &vec![b'x'; length], b"\r\n"].concat()
    }

    #[tokio::test]
    async fn answers_pass_as_they_are() {
        let answer =
            [b"+OK\r\n:1\r\n-ERR no\r\n*2\r\n$-1\r\n$0\r\n\r\n*-1\r\n".as_slice(), &value(LONGEST_VALUE)].concat();
        for piece in [1, 2, 7, 4096, 1 << 20] {
            assert_eq!(read(&answer, piece).await.unwrap(), answer, "{piece}");
        }
    }

    #[tokio::test]
    async fn value_that_is_too_long_is_one_that_is_not_there() {
        let answer =
            [b"*3\r\n".as_slice(), &value(3), &value(LONGEST_VALUE + 1), &value(10 << 20), b"+OK\r\n"].concat();
        let left = [b"*3\r\n".as_slice(), &value(3), ABSENT, ABSENT, b"+OK\r\n"].concat();
        for piece in [100, 4096, 1 << 20] {
            assert_eq!(read(&answer, piece).await.unwrap(), left, "{piece}");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_ends_the_connection() {
        let endless = vec![b'x'; LONGEST_LINE + 1];
        for garbage in [
            &endless,
            b"$12x\r\n".as_slice(),
            b"$-2\r\n",
            b"$1\n",
            b"*100001\r\n",
            b"*99999999999999999999\r\n",
            b"*\r\n",
        ] {
            let error = read(garbage, 4096).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
