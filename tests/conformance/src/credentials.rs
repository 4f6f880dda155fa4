//! What a request shows. Most of it is made once; a proof is spent, so it is made anew each time somebody is asked.

use std::fmt;
use std::sync::Arc;

use rampart_core::adapter::RequestHead;

/// The values of the fields that carry tokens and proofs, and further lines of the head.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The `Authorization` values, in their order.
    pub authorization: Vec<Vec<u8>>,
    /// The `DPoP` values, in their order.
    pub proofs: Vec<Vec<u8>>,
    /// Further lines, without their line ends, before the others.
    pub lines: Vec<Vec<u8>>,
}

impl Credentials {
    /// A token by a scheme.
    #[must_use]
    pub fn token(mut self, scheme: &str, token: &str) -> Self {
        self.authorization.push(format!("{scheme} {token}").into_bytes());
        self
    }

    /// A `DPoP` value.
    #[must_use]
    pub fn proof(mut self, proof: impl AsRef<[u8]>) -> Self {
        self.proofs.push(proof.as_ref().to_owned());
        self
    }

    /// A line of the head, which only HTTP knows of.
    #[must_use]
    pub fn line(mut self, line: impl AsRef<[u8]>) -> Self {
        self.lines.push(line.as_ref().to_owned());
        self
    }

    /// All of it, as it goes over the wire.
    pub fn head(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in &self.lines {
            bytes.extend([line.as_slice(), b"\r\n"].concat());
        }
        for (name, values) in [("Authorization: ", &self.authorization), ("DPoP: ", &self.proofs)] {
            for value in values {
                bytes.extend([name.as_bytes(), value, b"\r\n"].concat());
            }
        }
        bytes
    }
}

/// One input of a case that has several: credentials that are made anew each time somebody is asked.
#[derive(Clone)]
pub struct Input {
    /// What it is, for messages.
    pub what: String,
    make: Arc<dyn Fn() -> Credentials + Send + Sync>,
}

impl Input {
    /// Made by this.
    pub fn new(what: impl Into<String>, make: impl Fn() -> Credentials + Send + Sync + 'static) -> Self {
        Self { what: what.into(), make: Arc::new(make) }
    }

    /// The credentials of one request.
    pub fn make(&self) -> Credentials {
        (self.make)()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Input").field(&self.what).finish()
    }
}

/// The head of a request for whoever is asked without HTTP.
#[derive(Debug)]
pub struct Head<'r> {
    /// The method.
    pub method: &'r str,
    /// The path, without the query.
    pub path: &'r str,
    /// Tokens and proofs.
    pub credentials: &'r Credentials,
}

impl RequestHead for Head<'_> {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let values: &[Vec<u8>] = match name {
            "authorization" => &self.credentials.authorization,
            "dpop" => &self.credentials.proofs,
            _ => &[],
        };
        values.iter().map(Vec::as_slice)
    }

    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.path
    }
}
