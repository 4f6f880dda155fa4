//! Paths in normal form.

use std::fmt::Write;

/// A path in normal form (RFC 3986 section 6.2.2): what is unreserved stands for itself, the other percent-encodings are in upper case, and
/// dot segments are gone. `None` for what is no path.
pub(super) fn normal(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut ends_in_dots = false;
    for segment in path.strip_prefix('/')?.split('/') {
        let start = normal.len();
        normal.push('/');
        for unit in units(segment) {
            match unit? {
                Unit::Plain(byte) => normal.push(char::from(byte)),
                Unit::Encoded(byte) if is_unreserved(byte) => normal.push(char::from(byte)),
                // Writing to a string cannot fail.
                Unit::Encoded(byte) => _ = write!(normal, "%{byte:02X}"),
            }
        }
        // RFC 3986 section 5.2.4, once what was encoded can be seen.
        ends_in_dots = match normal.get(start..) {
            Some("/.") => {
                normal.truncate(start);
                true
            }
            Some("/..") => {
                normal.truncate(start);
                normal.truncate(normal.rfind('/').unwrap_or(0));
                true
            }
            _ => false,
        };
    }
    if ends_in_dots {
        normal.push('/');
    }
    Some(normal)
}

/// Whether it is a path, and surely without dot segments.
pub(super) fn is_free_of_dot_segments(path: &str) -> bool {
    // `%2` begins the encoded dot.
    let is_free = |segment: &str| !segment.starts_with('.') && !segment.starts_with("%2");
    path.strip_prefix('/').is_some_and(|path| {
        path.split('/').all(|segment| is_free(segment) && units(segment).all(|unit| unit.is_some()))
    })
}

enum Unit {
    Plain(u8),
    Encoded(u8),
}

/// The characters of one segment of a path; `None` for each that has no place in one.
fn units(segment: &str) -> impl Iterator<Item = Option<Unit>> {
    let mut bytes = segment.bytes();
    std::iter::from_fn(move || {
        Some(match bytes.next()? {
            b'%' => encoded(bytes.next(), bytes.next()).map(Unit::Encoded),
            byte => is_of_path(byte).then_some(Unit::Plain(byte)),
        })
    })
}

fn encoded(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// `pchar` (RFC 3986 section 3.3), and what browsers send in paths without encoding it, which stands for itself alone.
const fn is_of_path(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
        || matches!(byte, b'[' | b']' | b'|' | b'^')
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Paths for the properties of this room.
#[cfg(test)]
pub(super) mod generated {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use proptest::test_runner::Config;

    pub(in crate::binding) fn cases() -> Config {
        Config { cases: 2000, failure_persistence: None, ..Config::default() }
    }

    pub(in crate::binding) fn paths() -> impl Strategy<Value = String> {
        let special = vec![".", "..", "/", "/", "//", "%2e", "%2E", "%2f", "%25", "%6f", "/../", "/./", "/%2e%2E/"];
        let unit = prop_oneof![
            4 => "[a-zA-Z0-9._~:@!$&'()*+,;=|^-]",
            2 => select(special).prop_map(str::to_owned),
            1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        ];
        vec(unit, 0..12).prop_map(|units| format!("/{}", units.concat()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::generated::{cases, paths};
    use super::*;

    #[test]
    fn normal_form_is_that_of_the_rfc() {
        for (path, expected) in [
            // RFC 3986 sections 5.2.4 and 6.2.2.
            ("/a/b/c/./../../g", "/a/g"),
            ("/./b/../b/%63/%7bfoo%7d", "/b/c/%7Bfoo%7D"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/..", "/"),
            ("/", "/"),
            ("/...", "/..."),
            ("/..a/.b", "/..a/.b"),
            ("/%2e%2E/%252e/%2F..", "/%252e/%2F.."),
            ("/a//../b", "/a/b"),
            ("//..//", "//"),
        ] {
            assert_eq!(normal(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn only_paths_have_a_normal_form() {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/[]|^".contains(&byte);
        for byte in 0..=u8::MAX {
            let path = format!("/a{}", char::from(byte));
            assert_eq!(normal(&path).is_some(), allowed(byte), "{path:?}");
            assert_eq!(is_free_of_dot_segments(&path), allowed(byte), "{path:?}");
        }
        for path in ["", "a", "*", "%2Fa", "/%", "/%4", "/%4/1", "/%zz", "/%+1", "/%-1", "/%4é"] {
            assert_eq!((normal(path), is_free_of_dot_segments(path)), (None, false), "{path}");
        }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn normal_form_is_its_own(path in paths()) {
            let once = normal(&path).unwrap();
            prop_assert!(once.starts_with('/') && !once.split('/').any(|segment| matches!(segment, "." | "..")));
            prop_assert_eq!(normal(&once), Some(once));
        }

        /// Segments apart, as nothing of the dots is left where the plain way says so.
        #[test]
        fn path_without_dot_segments_keeps_its_segments(path in paths()) {
            let segments = |path: &str| path.split('/').count();
            prop_assert!(!is_free_of_dot_segments(&path) || segments(&normal(&path).unwrap()) == segments(&path));
        }
    }
}
