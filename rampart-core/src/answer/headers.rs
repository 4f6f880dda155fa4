//! Header fields that go out with an answer.

use std::borrow::Cow;

/// A list of header fields, in the order in which they go out: names in lower case, values in visible ASCII. A name may stand
/// there more than once.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Headers(Vec<(&'static str, Cow<'static, str>)>);

impl Headers {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.0.push((name, value.into()));
    }

    pub(crate) fn extend(&mut self, more: &Self) {
        self.0.extend_from_slice(&more.0);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }
}
