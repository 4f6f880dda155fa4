//! A list of scopes in one text (RFC 6749 section 3.3).

/// The scopes one by one: separated by U+0020 and nothing else.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(' ').filter(|scope| !scope.is_empty())
}
