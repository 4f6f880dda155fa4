//! Forms, as browsers and OAuth send them.

use url::form_urlencoded::parse;

/// The value of a parameter of `application/x-www-form-urlencoded` content that stands there exactly once, and is not empty.
pub fn single_form_value(body: &[u8], name: &str) -> Option<String> {
    let mut values = parse(body).filter(|(own, _)| own == name).map(|(_, value)| value);
    let (value, more) = (values.next()?, values.next());
    (more.is_none() && !value.is_empty()).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_counts_that_stands_there_once() {
        for (body, expected) in [
            ("a=1", Some("1")),
            ("b=2&a=%2B+1&c", Some("+ 1")),
            ("a=1&a=1", None),
            ("a=1&%61=2", None),
            ("a=", None),
            ("a", None),
            ("A=1", None),
            ("", None),
        ] {
            assert_eq!(single_form_value(body.as_bytes(), "a").as_deref(), expected, "{body}");
        }
    }
}
