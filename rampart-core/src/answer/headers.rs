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

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }
}

/// Whether an answer may be kept by a cache, by its own word (RFC 9111 section 5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    Forbidden,
    Undecided,
    Allowed,
}

impl Caching {
    /// By the values of its `Cache-Control`. Anything but `no-store` lets some cache keep it.
    pub(crate) fn of<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Self {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return Self::Undecided;
        }
        let forbids = |directive: &[u8]| directive.trim_ascii().eq_ignore_ascii_case(b"no-store");
        if values.flat_map(|value| value.split(|byte| *byte == b',')).any(forbids) {
            Self::Forbidden
        } else {
            Self::Allowed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_says_so_is_kept_by_nobody() {
        for (values, expected) in [
            (&[] as &[&str], Caching::Undecided),
            (&["no-store"], Caching::Forbidden),
            (&["private, No-Store ,max-age=0"], Caching::Forbidden),
            (&["private", "no-store"], Caching::Forbidden),
            (&["public"], Caching::Allowed),
            (&["max-age=60"], Caching::Allowed),
            (&["private, no-cache"], Caching::Allowed),
            (&["no-store-x"], Caching::Allowed),
            (&[""], Caching::Allowed),
        ] {
            assert_eq!(Caching::of(values.iter().map(|value| value.as_bytes())), expected, "{values:?}");
        }
    }
}
