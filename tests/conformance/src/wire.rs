//! A client of HTTP/1.1 that sends exactly the bytes it is given, and reads exactly one answer at a time.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::case::CONTRACT;

/// Far longer than any answer takes, so that a busy machine fails no test.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer as it came over the wire; header names in lower case, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The values of a header.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The only value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let first = values.next();
        assert_eq!(values.next(), None, "{name} came twice: {self:?}");
        first
    }

    /// What must be the same everywhere: status, the contract's headers, body. How long an issuer stays away depends on the
    /// moment, and so does a nonce.
    pub fn contract(&self) -> (u16, Vec<(&'static str, Vec<&str>)>, &str) {
        let headers = CONTRACT.map(|name| match name {
            "retry-after" => (name, self.values(name).map(|_| "seconds").collect()),
            "dpop-nonce" => (name, self.values(name).map(|_| "nonce").collect()),
            _ => (name, self.values(name).collect()),
        });
        (self.status, headers.into(), &self.body)
    }

    /// Whether the server says that it closes the connection.
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A connection that can be used for several requests.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// Where the server has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Sends nothing more.
    ///
    /// # Errors
    /// Where the server has closed the connection.
    pub fn finish(&mut self) -> io::Result<()> {
        self.0.get_mut().shutdown(Shutdown::Write)
    }

    /// Reads one answer; `head` says that it is one to `HEAD`, which has no body.
    ///
    /// # Errors
    /// `UnexpectedEof` where the server closes the connection without one.
    pub fn receive(&mut self, head: bool) -> io::Result<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
            headers.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
        }
        let mut reply = Reply { status, headers, body: String::new() };
        if !head && !matches!(status, 100..200 | 204 | 304) {
            reply.body = String::from_utf8_lossy(&self.body(&reply)?).into_owned();
        }
        Ok(reply)
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// Where the connection fails.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Reply> {
        // A server may answer and close before it has read all: then its answer counts, not that the rest was not wanted.
        let sent = self.send(request);
        match self.receive(request.starts_with(b"HEAD ")) {
            Ok(reply) => Ok(reply),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            None => Err(ErrorKind::InvalidData.into()),
        }
    }

    fn body(&mut self, reply: &Reply) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if reply.header("transfer-encoding").is_some() {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).map_err(|_| ErrorKind::InvalidData)?;
                let start = body.len();
                body.resize(start + size, 0);
                self.0.read_exact(&mut body[start..])?;
                self.line()?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        match reply.header("content-length") {
            Some(length) => {
                body.resize(length.parse().map_err(|_| ErrorKind::InvalidData)?, 0);
                self.0.read_exact(&mut body)?;
            }
            None => {
                self.0.read_to_end(&mut body)?;
            }
        }
        Ok(body)
    }
}

/// Sends many requests at once, so many on each connection without waiting, and only then reads the answers; they are in
/// the order of the requests.
pub fn at_once(address: SocketAddr, requests: &[Vec<u8>], on_each_connection: usize) -> Vec<Reply> {
    let mut connections = Vec::new();
    for requests in requests.chunks(on_each_connection) {
        connections.push((Connection::open(address).expect("a connection: is `ulimit -n` too low?"), requests));
        if connections.len() % 100 == 0 {
            // Some servers queue 128 new connections; the system tries the next ones again a second later.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    for (connection, requests) in &mut connections {
        connection.send(&requests.concat()).unwrap();
    }
    let answer = |connection: &mut Connection, request: &Vec<u8>| connection.receive(request.starts_with(b"HEAD "));
    connections
        .iter_mut()
        .flat_map(|(connection, requests)| requests.iter().map(|request| answer(connection, request).unwrap()))
        .collect()
}

/// A thousand connections need two thousand open files; where fewer are allowed, ten requests share a connection.
pub fn on_each_connection() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|rest| rest.split_whitespace().next()).and_then(|soft| soft.parse().ok());
    if soft.is_some_and(|soft: u64| soft >= 4096) { 1 } else { 10 }
}
