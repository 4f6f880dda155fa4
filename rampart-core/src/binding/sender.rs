//! What a request says of who sends it.

use super::proof::MAX_PROOF_BYTES;
use crate::bearer::within_blanks;
use crate::request::{DPOP, RequestHead};

/// The request line, and the first two values of the header field of proofs: more than one is too many.
pub(crate) enum Line<'r> {
    Borrowed { method: &'r str, path: &'r str, proofs: [Option<&'r [u8]>; 2] },
    Owned { method: String, path: String, proofs: [Option<Vec<u8>>; 2] },
}

impl<'r> Line<'r> {
    pub(crate) fn of(head: &'r impl RequestHead) -> Self {
        let mut values = head.values(DPOP);
        let proofs = [values.next(), values.next()]
            .map(|value| value.map(|value| value.get(within_blanks(value)).unwrap_or_default()));
        Self::Borrowed { method: head.method(), path: head.path(), proofs }
    }

    pub(crate) fn method(&self) -> &str {
        match self {
            Self::Borrowed { method, .. } => method,
            Self::Owned { method, .. } => method,
        }
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Borrowed { path, .. } => path,
            Self::Owned { path, .. } => path,
        }
    }

    pub(crate) fn proofs(&self) -> [Option<&[u8]>; 2] {
        match self {
            Self::Borrowed { proofs, .. } => *proofs,
            Self::Owned { proofs: [first, second], .. } => [first.as_deref(), second.as_deref()],
        }
    }

    /// For whoever has to wait. Of a proof that is too long no more is kept than shows that.
    pub(crate) fn into_owned(self) -> Line<'static> {
        let keep = |value: &[u8]| value.get(..MAX_PROOF_BYTES + 1).unwrap_or(value).to_vec();
        let proofs = self.proofs().map(|value| value.map(keep));
        Line::Owned { method: self.method().to_owned(), path: self.path().to_owned(), proofs }
    }
}
