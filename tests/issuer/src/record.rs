//! What was asked of the issuer.

use std::collections::VecDeque;

use crate::fault::Endpoint;

const KEPT: usize = 1024;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty where it was longer than 64 KiB, or broke off.
    pub body: String,
}

impl RecordedRequest {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// How many requests are being answered, and how many were at most.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flights {
    now: usize,
    most: usize,
}

impl Flights {
    pub(crate) fn begin(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    pub(crate) fn end(&mut self) {
        self.now = self.now.saturating_sub(1);
    }

    pub(crate) fn most(self) -> usize {
        self.most
    }

    /// As if there had never been more than there are.
    pub(crate) fn reset(&mut self) {
        self.most = self.now;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Records {
    counts: [usize; Endpoint::ALL.len()],
    kept: VecDeque<(Endpoint, RecordedRequest)>,
}

impl Records {
    pub(crate) fn add(&mut self, endpoint: Endpoint, request: RecordedRequest) {
        if let Some(count) = self.counts.get_mut(endpoint as usize) {
            *count += 1;
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((endpoint, request));
    }

    pub(crate) fn counted(&self, endpoint: Endpoint) -> usize {
        self.counts.get(endpoint as usize).copied().unwrap_or_default()
    }

    pub(crate) fn of(&self, endpoint: Endpoint) -> Vec<RecordedRequest> {
        self.kept.iter().filter(|(own, _)| *own == endpoint).map(|(_, request)| request.clone()).collect()
    }
}
